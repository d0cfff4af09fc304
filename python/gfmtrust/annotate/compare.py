"""Compares two annotations of the same alleles: which numbers and flags changed, and which alleles
only one of them contains.

It compares CPU with GPU, one release with the next, or one model with another. With a limit, a
laboratory can use it to accept or refuse an upgrade. Each side is an annotated VCF, or the results
folder of a run (all of its alleles). Nothing is scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.annotate import comparison_sides
from gfmtrust.annotate.comparison_sides import KEY
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.io.vcf.info_values import MISSING, NUMBERS

QUANTILES = {"median": 0.5, "p99": 0.99, "p99.9": 0.999, "largest": 1.0}
LISTED = 1000
"""Largest number of alleles of only one side that the JSON file lists; their total number is always
stated."""


@dataclass(frozen=True)
class Change:
    """How one number changed over the n alleles that have it on both sides: how many differ at all,
    and the quantiles of |B - A| by name (None without any allele).

    only_a, only_b: number of alleles of both sides that have the number on one side only.
    """

    n: int
    differ: int
    quantiles: dict[str, float | None]
    only_a: int
    only_b: int


@dataclass(frozen=True)
class Comparison:
    """n_a, n_b: number of alleles of each side; both: number of common alleles; only_a, only_b: the
    first LISTED alleles of only one side, 'contig:pos REF>ALT' with pos as in the VCF; flags,
    statuses: counts of the common alleles, rows A and columns B; changes: by column of
    sites.parquet; facts: facts of the header that differ, name -> (A, B)."""

    n_a: int
    n_b: int
    both: int
    only_a: list[str]
    only_b: list[str]
    flags: pd.DataFrame
    statuses: pd.DataFrame
    changes: dict[str, Change]
    facts: dict[str, tuple[str, str]]

    @property
    def flips(self) -> int:
        """Alleles that are HIGH on one side and LOW on the other."""
        return int(self.flags.loc["HIGH", "LOW"] + self.flags.loc["LOW", "HIGH"])

    @property
    def changed_flags(self) -> int:
        return int(self.flags.to_numpy().sum() - np.trace(self.flags.to_numpy()))

    def as_dict(self) -> dict:
        return {
            "alleles": {"a": self.n_a, "b": self.n_b, "both": self.both},
            "only_a": self.only_a,
            "only_b": self.only_b,
            "flags": self.flags.to_dict("index"),
            "changed_flags": self.changed_flags,
            "high_low_flips": self.flips,
            "changed_statuses": int(
                self.statuses.to_numpy().sum() - np.trace(self.statuses.to_numpy())
            ),
            "numbers": {
                name: {
                    "n": one.n,
                    "differ": one.differ,
                    **one.quantiles,
                    "only_a": one.only_a,
                    "only_b": one.only_b,
                }
                for name, one in self.changes.items()
            },
            "facts": {name: list(both) for name, both in self.facts.items()},
        }


def compare(a: Path, b: Path) -> Comparison:
    """Compare two annotated VCFs, or results folders, or one of each, whose numbers are then
    rounded as those of the VCF are.

    Raises MissingInputError (66) where one is absent, and BadDataError (65) where one was not
    annotated or they have no allele in common.
    """
    is_mixed = Path(a).is_dir() != Path(b).is_dir()
    (left, facts_a), (right, facts_b) = (comparison_sides.read(side, is_mixed) for side in (a, b))
    joined = left.merge(right, on=KEY, suffixes=("_a", "_b"))
    if not len(joined):
        raise BadDataError(
            message(
                f"{Path(a).name}, {Path(b).name}",
                "no allele in common",
                "annotations of the same variants",
                "compare files of one callset",
            )
        )
    flag_names, status_names = (
        [rank.name for rank in sorted(Rank, reverse=True)],
        [str(status) for status in Status],
    )
    flags_a, flags_b = (joined[f"rank_{side}"].map(lambda rank: Rank(rank).name) for side in "ab")
    flags = _table(flags_a, flags_b, flag_names)
    statuses = _table(joined["status_a"], joined["status_b"], status_names)
    changes = {
        name: _change(
            joined[f"{name}_a"].to_numpy(np.float64), joined[f"{name}_b"].to_numpy(np.float64)
        )
        for name in NUMBERS
    }
    differing = {
        name: (facts_a.get(name, MISSING), facts_b.get(name, MISSING))
        for name in sorted({*facts_a, *facts_b})
        if facts_a.get(name) != facts_b.get(name)
    }
    return Comparison(
        len(left),
        len(right),
        len(joined),
        _alone(left, right),
        _alone(right, left),
        flags,
        statuses,
        changes,
        differing,
    )


def _table(a: pd.Series, b: pd.Series, names: list[str]) -> pd.DataFrame:
    return pd.crosstab(a.to_numpy(object), b.to_numpy(object)).reindex(
        index=names, columns=names, fill_value=0
    )


def _change(a: np.ndarray, b: np.ndarray) -> Change:
    has_a, has_b = np.isfinite(a), np.isfinite(b)
    moved = np.abs(b - a)[has_a & has_b]
    quantiles = {
        name: float(np.quantile(moved, share)) if len(moved) else None
        for name, share in QUANTILES.items()
    }
    return Change(
        len(moved),
        int((moved > 0).sum()),
        quantiles,
        int((has_a & ~has_b).sum()),
        int((has_b & ~has_a).sum()),
    )


def _alone(here: pd.DataFrame, there: pd.DataFrame) -> list[str]:
    """The first LISTED alleles of `here` that are not in `there`."""
    joined = here[KEY].merge(there[KEY], on=KEY, how="left", indicator=True)
    rows = joined[joined["_merge"] == "left_only"].head(LISTED)
    return [f"{row.contig}:{row.pos + 1} {row.ref}>{row.alt}" for row in rows.itertuples()]


def check(comparison: Comparison, max_flags: float | None, max_llr: float | None) -> None:
    """Raise BadDataError (65) where alleles are missing on one side, where a larger share of flags
    than max_flags changed, or where an LLR changed by more than max_llr nats. The message names the
    first of these. A limit of None is not checked."""
    if max_flags is None and max_llr is None:
        return
    if comparison.both < max(comparison.n_a, comparison.n_b):
        raise _broken(
            f"{max(comparison.n_a, comparison.n_b) - comparison.both:,} alleles on one side alone",
            "none",
        )
    share = comparison.changed_flags / comparison.both
    if max_flags is not None and share > max_flags:
        raise _broken(
            f"{comparison.changed_flags:,} of {comparison.both:,} flags changed ({100 * share:.2g} %)",
            f"at most {100 * max_flags:g} %",
        )
    moved = comparison.changes["llr"]
    largest = moved.quantiles["largest"] or 0.0
    if max_llr is not None and (moved.only_a or moved.only_b or largest > max_llr):
        raise _broken(
            f"an LLR moved by {largest:.3g} nats, {moved.only_a + moved.only_b:,} are on one side alone",
            f"at most {max_llr:g} nats",
        )


def _broken(difference: str, expected: str) -> BadDataError:
    return BadDataError(
        message(
            "compare",
            difference,
            expected,
            "see the table above; keep the former version until it is understood",
        )
    )
