"""The numbers of the report: counts and histograms of sites.parquet, the calibration curve, and the
comparison of the models with the context model at the scored probes.

Tables are streamed, so memory does not grow with the number of alleles. Other modules format the
numbers and count by group (`groups`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gfmtrust.annotate.model_comparison import ENTROPY_EDGES
from gfmtrust.calibration.caps import HIGH_ENTROPY_BITS
from gfmtrust.calibration.certificates import lower_bound, upper_bound
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.io import tables
from gfmtrust.report import groups as report_groups
from gfmtrust.report import loci, sanity
from gfmtrust.report.groups import Contigs, Groups
from gfmtrust.report.sanity import FlagFacts

LLR_EDGES = np.linspace(-12.0, 12.0, 49)
CURVE_BINS = 10
TWO_SIDED = 0.025
NEEDED = list(
    dict.fromkeys(["status", "rank", "ent", *loci.SHOWN, *report_groups.NEEDED, *sanity.NEEDED])
)
FLAGS = (Rank.HIGH, Rank.MEDIUM, Rank.LOW)


@dataclass
class AlleleNumbers:
    """The unique alleles of the run: counts by status, rank and reason, histograms by flag, and the
    most reliable large effects.

    ent, llr: counts by flag in the bins ENTROPY_EDGES and LLR_EDGES; an LLR beyond the last edge is
    counted in the last bin. at_uniform: number of scored alleles whose entropy exceeds 1.9 bits.
    loci: at most TOP_LOCI alleles, sorted by flag, then by |LLR|. kinds, classes: flags by class of
    variant and by class of region; contigs: flags by contig; facts: what carries each flag.
    """

    statuses: Counter = field(default_factory=Counter)
    ranks: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)
    ent: dict[Rank, np.ndarray] = field(
        default_factory=lambda: {flag: np.zeros(len(ENTROPY_EDGES) - 1, np.int64) for flag in FLAGS}
    )
    llr: dict[Rank, np.ndarray] = field(
        default_factory=lambda: {flag: np.zeros(len(LLR_EDGES) - 1, np.int64) for flag in FLAGS}
    )
    at_uniform: int = 0
    loci: list[dict] = field(default_factory=list)
    kinds: Groups = field(default_factory=Groups)
    classes: Groups = field(default_factory=Groups)
    contigs: Contigs = field(default_factory=Contigs)
    facts: FlagFacts = field(default_factory=FlagFacts)

    @property
    def alleles(self) -> int:
        return sum(self.statuses.values())

    @property
    def scored(self) -> int:
        return self.statuses[Status.SCORED]


@dataclass(frozen=True)
class CurveBin:
    """One of several bins with equal numbers of probes: mean reliability, and the share of right
    preferences with its 95 % Clopper-Pearson interval."""

    n: int
    reliability: float
    right: float
    low: float
    high: float


@dataclass(frozen=True)
class LeagueRow:
    """Bits per base of one model at the sites of the probes, and its gain over the context model
    with a 95 % interval."""

    name: str
    bits: float
    n: int
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None


def allele_numbers(sites: Path) -> AlleleNumbers:
    """Counts of all rows of sites.parquet, read batch by batch."""
    facts = RunFacts.read(sites)
    numbers = AlleleNumbers(contigs=Contigs.of(facts.contigs, facts.contig_lengths))
    for batch in tables.batches(sites, NEEDED):
        numbers.statuses.update(_value_counts(batch["status"]))
        numbers.ranks.update({Rank(value): n for value, n in _value_counts(batch["rank"]).items()})
        for why, n in _value_counts(batch["why"]).items():
            for code in (why or "").split("&"):
                if code:
                    numbers.reasons[code] += n
        rank = batch["rank"].to_numpy(zero_copy_only=False)
        ent, llr = (
            batch[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in ("ent", "llr")
        )
        for flag in FLAGS:
            of_flag = rank == flag
            numbers.ent[flag] += _histogram(ent[of_flag], ENTROPY_EDGES)
            numbers.llr[flag] += _histogram(llr[of_flag], LLR_EDGES)
        numbers.at_uniform += int(((rank > 0) & (ent > HIGH_ENTROPY_BITS)).sum())
        numbers.loci = loci.best(numbers.loci, batch.select(loci.SHOWN), rank, np.abs(llr))
        numbers.kinds.add(*report_groups.variant_classes(batch), rank)
        numbers.classes.add(*report_groups.coded(batch["region_class"]), rank)
        numbers.contigs.add(batch, rank, ent)
        numbers.facts.add(batch, rank, llr)
    return numbers


def calibration_curve(
    rel: np.ndarray, wrong: np.ndarray, n_bins: int = CURVE_BINS
) -> list[CurveBin]:
    """Bins of the scored probes by reliability, with equal numbers of probes; fewer bins where
    there are fewer probes. rel: float (n,); wrong: bool (n,)."""
    kept = np.flatnonzero(np.isfinite(rel))
    order = kept[np.argsort(rel[kept], kind="stable")]
    bins = []
    for rows in np.array_split(order, max(1, min(n_bins, len(order)))):
        n, right = len(rows), int((~wrong[rows]).sum())
        if n:
            bins.append(
                CurveBin(
                    n,
                    float(rel[rows].mean()),
                    right / n,
                    float(lower_bound(right, n, TWO_SIDED)),
                    float(upper_bound(right, n, TWO_SIDED)),
                )
            )
    return bins


def league(
    model: np.ndarray, context: np.ndarray, block: np.ndarray, name: str, context_only: bool
) -> list[LeagueRow]:
    """The uniform distribution, the context model and the run's models at the probes that both of
    them scored.

    model, context: surprisal of the real base, bits (n,); block: (n,). The interval is computed
    over whole blocks, because neighbouring bases are similar.
    """
    rows = [LeagueRow("uniform", 2.0, 0)]
    both = np.isfinite(model) & np.isfinite(context)
    n = int(both.sum())
    if not n:
        return rows
    rows.append(LeagueRow("context model", float(context[both].mean()), n))
    if not context_only:
        gain = (context - model)[both]
        low, high = _clustered_interval(gain, block[both])
        rows.append(LeagueRow(name, float(model[both].mean()), n, float(gain.mean()), low, high))
    return rows


def _clustered_interval(values: np.ndarray, block: np.ndarray) -> tuple[float | None, float | None]:
    """95 % interval of a mean over clusters (linearised ratio of sums); (None, None) with fewer
    than two blocks."""
    names, inverse = np.unique(block, return_inverse=True)
    k = len(names)
    if k < 2:
        return None, None
    mean = values.mean()
    residual = np.bincount(inverse, values - mean, minlength=k)
    half = 1.96 * float(np.sqrt(k / (k - 1) * np.square(residual).sum())) / len(values)
    return float(mean - half), float(mean + half)


def _value_counts(column: pa.Array) -> dict:
    return {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}


def _histogram(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    return np.histogram(np.clip(finite, edges[0], edges[-1]), edges)[0]
