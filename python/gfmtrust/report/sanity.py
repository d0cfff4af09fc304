"""What carries each flag: FILTER, MQ and DP of the calls, allele frequency, copies in the genome, the
share that prefers ALT, and the alleles that look like those of a paralogous copy.

A flag that is enriched in bad calls or in duplicated sequence shows here. Tables are streamed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.contracts.counts import FlagCalls, VcfCounts
from gfmtrust.core.vocabulary import CopyClass, Rank, Why

NEEDED = ["af", "copy_class", "copies", "llr", "why", "rank", "contig", "pos", "ref", "alt"]
TWO_SIDED = 0.025
RARE, COMMON = 0.01, 0.5
SHOWN_PARALOGS = 100
PARALOG = ["contig", "pos", "ref", "alt", "copies"]


@dataclass(frozen=True)
class Share:
    """A share with its two-sided 95 % Clopper-Pearson interval."""

    part: int
    n: int

    @property
    def value(self) -> float:
        return self.part / self.n if self.n else float("nan")

    @property
    def low(self) -> float:
        return float(lower_bound(self.part, self.n, TWO_SIDED)) if self.n else float("nan")

    @property
    def high(self) -> float:
        return float(upper_bound(self.part, self.n, TWO_SIDED)) if self.n else float("nan")


@dataclass(frozen=True)
class Median:
    """A median with its 95 % interval from order statistics; NaN without values."""

    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Calls:
    """The calls of all VCFs with one flag, one per ALT allele of a record."""

    alleles: int
    passed: Share
    mq: Median
    dp: Median


@dataclass
class FlagFacts:
    """Distinct scored alleles by flag. Arrays are int64 (4,), by Rank; paralogs: the first
    SHOWN_PARALOGS alleles with the reason PARALOG, in order, n_paralogs: all of them."""

    alleles: np.ndarray = field(default_factory=lambda: np.zeros(len(Rank), np.int64))
    with_af: np.ndarray = field(default_factory=lambda: np.zeros(len(Rank), np.int64))
    rare: np.ndarray = field(default_factory=lambda: np.zeros(len(Rank), np.int64))
    common: np.ndarray = field(default_factory=lambda: np.zeros(len(Rank), np.int64))
    with_llr: np.ndarray = field(default_factory=lambda: np.zeros(len(Rank), np.int64))
    prefers_alt: np.ndarray = field(default_factory=lambda: np.zeros(len(Rank), np.int64))
    copies: dict[str, np.ndarray] = field(
        default_factory=lambda: {one.value: np.zeros(len(Rank), np.int64) for one in CopyClass}
    )
    paralogs: list[dict] = field(default_factory=list)
    n_paralogs: int = 0

    def add(self, batch: pa.RecordBatch, rank: np.ndarray, llr: np.ndarray) -> None:
        """Count a batch of sites.parquet with the columns NEEDED; rank, llr: (n,)."""
        af = batch["af"].to_numpy(zero_copy_only=False)
        for counts, mask in (
            (self.alleles, None),
            (self.with_af, np.isfinite(af)),
            (self.rare, af < RARE),
            (self.common, af > COMMON),
            (self.with_llr, np.isfinite(llr)),
            (self.prefers_alt, llr > 0),
        ):
            counts += _by_rank(rank if mask is None else rank[mask])
        encoded = batch["copy_class"].dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        for code, name in enumerate(encoded.dictionary.to_pylist()):
            if name in self.copies:
                self.copies[name] += _by_rank(rank[codes == code])
        self._add_paralogs(batch)

    def _add_paralogs(self, batch: pa.RecordBatch) -> None:
        why = batch["why"].dictionary_encode()
        of_paralog = [
            code
            for code, text in enumerate(why.dictionary.to_pylist())
            if text and Why.PARALOG.value in text.split("&")
        ]
        if not of_paralog:
            return
        rows = np.flatnonzero(pc.is_in(why.indices, value_set=pa.array(of_paralog, pa.int32())))
        self.n_paralogs += len(rows)
        shown = rows[: SHOWN_PARALOGS - len(self.paralogs)]
        self.paralogs += batch.select(PARALOG).take(pa.array(shown)).to_pylist()

    def share(self, part: np.ndarray, of: np.ndarray, flag: Rank) -> Share:
        return Share(int(part[flag]), int(of[flag]))


def calls_of(files: Iterable[VcfCounts]) -> dict[Rank, Calls]:
    """The calls of all VCFs together, by flag; flags that no call has are left out."""
    by_flag: dict[Rank, list[FlagCalls]] = {}
    for file in files:
        for name, calls in file.calls.items():
            by_flag.setdefault(Rank[name], []).append(calls)
    return {
        flag: Calls(
            sum(one.alleles for one in some),
            Share(sum(one.passed for one in some), sum(one.passed + one.failed for one in some)),
            median(_joined(one.mq for one in some)),
            median(_joined(one.dp for one in some)),
        )
        for flag, some in sorted(by_flag.items(), reverse=True)
        if any(one.alleles for one in some)
    }


def median(counts: dict[float, int]) -> Median:
    """The median of counted values, the lower of two middle ones. Its interval is bounded by the
    order statistics at the 2.5 and 97.5 % points of a binomial distribution of share 1/2."""
    from scipy.stats import binom

    n = sum(counts.values())
    if not n:
        return Median(0, float("nan"), float("nan"), float("nan"))
    values = np.array(sorted(counts))
    at_most = np.cumsum([counts[value] for value in values])
    # the k-th smallest value, counted from 1
    places = [max(1, int(binom.ppf(TWO_SIDED, n, 0.5))), (n + 1) // 2]
    places.append(min(n, int(binom.ppf(1 - TWO_SIDED, n, 0.5)) + 1))
    low, middle, high = (float(values[np.searchsorted(at_most, place)]) for place in places)
    return Median(n, middle, low, high)


def suspicious(calls: dict[Rank, Calls]) -> tuple[Rank, Calls, Calls] | None:
    """The best flag of the run with its calls and those of LOW, where fewer of its calls pass FILTER
    than of LOW, beyond both intervals; None where not."""
    filtered = {flag: one for flag, one in calls.items() if one.passed.n}
    best = max(filtered, default=Rank.LOW)
    if best == Rank.LOW or Rank.LOW not in filtered:
        return None
    high, low = filtered[best], filtered[Rank.LOW]
    return (best, high, low) if high.passed.high < low.passed.low else None


def _joined(parts: Iterable[tuple[tuple[float, int], ...]]) -> dict[float, int]:
    total: Counter = Counter()
    for part in parts:
        total.update(dict(part))
    return total


def _by_rank(rank: np.ndarray) -> np.ndarray:
    return np.bincount(rank, minlength=len(Rank))
