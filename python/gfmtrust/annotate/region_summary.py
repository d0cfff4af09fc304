"""Summary of a region's bases: means, the error at its decoys, its flag, and the reasons why the
flag is not higher.

Pure functions of arrays; other modules select the bases of a region and write its line. The rules
are in docs/understand/reliability.md, "Regions".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from gfmtrust.calibration.certificates import upper_bound
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.columns import BASES_COLUMNS, BED_COLUMNS
from gfmtrust.core.vocabulary import STATUS_ORDER, Rank, Status, Why

MIN_SCORED_SHARE = 0.8
"""Below this share of scored bases a region has no flag; the commonest reason is written
instead."""
MIN_BASES_REGION_ERROR = 200
"""With fewer scored bases the error of the region cannot be judged, and its flag is at most
MEDIUM."""
CORRELATED_BP = 10
"""Neighbouring bases are not independent, so the bound counts one base in ten."""
NEAR_UNIFORM_BITS = 1.95
"""A base with at least this entropy counts as near-uniform: the probability of its most likely
letter is at most about 0.37."""
LN_2 = float(np.log(2))
MEASURED = tuple(column.name for column in BASES_COLUMNS)
"""The columns of bases.parquet that a summary reads."""
NUMBERS = tuple(column.bed_name for column in BED_COLUMNS if column.over_bases)
"""The numbers that summarise the scored bases of a region, in the order of the BED."""


@dataclass(frozen=True)
class Levels:
    """The guarantees of the run's calibration: largest decoy error of each level, confidence, and
    the levels that exist. of_decoys: False where the run's scores are on a scale of their own, so
    that no decoy can be preferred."""

    alpha: dict[Rank, float]
    delta: float
    certified: frozenset[Rank]
    of_decoys: bool = True

    @classmethod
    def of(cls, calibration: RunCalibration) -> Levels:
        exist = {
            Rank[certificate.level]
            for certificate in calibration.snv.certificates
            if certificate.exists
        }
        if calibration.high_withheld:
            exist.discard(Rank.HIGH)
        options = calibration.options
        return cls(
            {Rank.HIGH: options.alpha_high, Rank.MEDIUM: options.alpha_medium},
            options.delta,
            frozenset(exist),
            not options.scores,
        )


@dataclass(frozen=True)
class RegionSummary:
    """The summary of one region. numbers: NUMBERS of its scored bases, NaN without any; errors:
    number of bases whose decoy was preferred, None (and the bound NaN) where no decoy says
    anything."""

    length_bp: int
    scored_bases: int
    numbers: dict[str, float]
    errors: int | None
    error_bound: float
    rank: Rank
    status: Status
    why: tuple[Why, ...]

    @property
    def scored_share(self) -> float:
        return self.scored_bases / self.length_bp if self.length_bp else float("nan")


@lru_cache(maxsize=1 << 16)
def region_error_bound(errors: int, n: int, delta: float) -> float:
    """One-sided Clopper-Pearson upper bound of a region's decoy error, confidence 1 - delta; 1
    where n is below 10.

    The errors among n bases are counted as ceil(errors / 10) among floor(n / 10). Source:
    docs/understand/reliability.md, "Regions".
    """
    n_independent = n // CORRELATED_BP
    n_wrong = min(-(-errors // CORRELATED_BP), n_independent)
    return float(upper_bound(n_wrong, n_independent, delta))


def typical_rank(ranks: np.ndarray) -> Rank:
    """The highest flag that more than half of the bases reach: the flag at the median reliability,
    with the caps."""
    return Rank(int(np.sort(ranks)[(len(ranks) - 1) // 2]))


def commonest_status(counts: Counter) -> Status:
    """The commonest of the counted reasons; among equally common reasons, the first in order of
    precedence."""
    return min(
        (Status(name) for name in counts),
        key=lambda status: (-counts[status], STATUS_ORDER.index(status)),
    )


def region_flag(typical: Rank, errors: int, n: int, levels: Levels) -> tuple[Rank, tuple[Why, ...]]:
    """Flag of a region whose bases are scored, and the reasons why it is not higher.

    typical: `typical_rank` of its bases. With at least MIN_BASES_REGION_ERROR bases, the bound of
    the region's error must also be at most the alpha of the level; with fewer bases the flag is at
    most MEDIUM.
    """
    rank, why = typical, []
    if typical < Rank.HIGH:
        why.append(Why.LOW_REL if Rank(typical + 1) in levels.certified else Why.UNCERTIFIED)
    if n < MIN_BASES_REGION_ERROR:
        if rank == Rank.HIGH:
            rank = Rank.MEDIUM
            why.append(Why.UNCERTIFIED)
        return rank, tuple(why)
    bound = region_error_bound(errors, n, levels.delta)
    while rank > Rank.LOW and bound > levels.alpha[rank]:
        rank = Rank(rank - 1)
    if rank < typical and Why.LOW_REL not in why:
        why.append(Why.LOW_REL)
    return rank, tuple(why)


def summarise(
    length_bp: int, columns: dict[str, np.ndarray], absent: Status, levels: Levels, shift: bool
) -> RegionSummary:
    """The summary of a region from the rows of bases.parquet that it covers.

    columns: those of MEASURED, each (n,), n <= length_bp; absent: status of the bases without a
    row; shift: whether the shift test fired. A region of length 0 is OUT_OF_RANGE.
    """
    scored = columns["status"] == Status.SCORED
    n = int(scored.sum())
    bases = (
        columns if n == len(scored) else {name: values[scored] for name, values in columns.items()}
    )
    values = numbers(bases)
    errors = int(bases["wrong"].sum()) if levels.of_decoys else None
    bound = float("nan") if errors is None else region_error_bound(errors, n, levels.delta)
    if n == 0 or n < MIN_SCORED_SHARE * length_bp:
        reasons = Counter(columns["status"][~scored].tolist())
        reasons[absent] += length_bp - len(scored)
        reason = commonest_status(reasons) if length_bp else Status.OUT_OF_RANGE
        return RegionSummary(length_bp, n, values, errors, bound, Rank.NOT_SCORED, reason, ())
    rank, why = region_flag(typical_rank(bases["rank"]), errors or 0, n, levels)
    if np.isnan(bases["ent"]).all():
        why = (*why, Why.NO_DISTRIBUTION)
    return RegionSummary(
        length_bp, n, values, errors, bound, rank, Status.SCORED, (Why.SHIFT,) if shift else why
    )


@dataclass(frozen=True)
class ScoredBases:
    """The scored bases of a region, n > 0. columns: MEASURED, each (n,)."""

    columns: dict[str, np.ndarray]

    @property
    def n(self) -> int:
        return len(self.columns["ent"])

    @cached_property
    def entropies(self) -> np.ndarray:
        """Ascending entropies in bits, float64, of the bases that have one. Where only models of
        whole tokens were run, no base has an entropy, and the values are NaN for every base."""
        entropy = self.columns["ent"]
        present = entropy[np.isfinite(entropy)]
        return np.sort((present if len(present) else entropy).astype(np.float64))

    @cached_property
    def quartiles(self) -> np.ndarray:
        """Quartiles of the entropy, bits (3,), interpolated linearly between the two nearest
        bases."""
        entropy = self.entropies
        place = np.array([0.25, 0.5, 0.75]) * (len(entropy) - 1)
        low = place.astype(np.int64)
        return entropy[low] + (place - low) * (
            entropy[np.minimum(low + 1, len(entropy) - 1)] - entropy[low]
        )

    def share_from(self, rank: Rank) -> float:
        return np.count_nonzero(self.columns["rank"] >= rank) / self.n


def near_uniform_share(bases: ScoredBases) -> float:
    entropy = bases.entropies
    if np.isnan(entropy[0]):
        return float("nan")
    return (len(entropy) - np.searchsorted(entropy, NEAR_UNIFORM_BITS)) / len(entropy)


FUNCTIONS: dict[str, Callable[[ScoredBases], float]] = {
    "entropy": lambda bases: bases.entropies.sum() / len(bases.entropies),
    "entropy_p25": lambda bases: bases.quartiles[0],
    "entropy_p50": lambda bases: bases.quartiles[1],
    "entropy_p75": lambda bases: bases.quartiles[2],
    "near_uniform_share": near_uniform_share,
    "nll": lambda bases: bases.n * _mean(bases.columns["surprisal"]) * LN_2,
    "certified_share": lambda bases: bases.share_from(Rank.MEDIUM),
    "high_share": lambda bases: bases.share_from(Rank.HIGH),
}
"""Functions for the numbers of a region that are not the mean of a column over its scored bases, by
BED column."""

MEANS = {column.bed_name: column.name for column in BED_COLUMNS if column.over_bases == "mean"}
"""For each BED column that is a mean, the column that is averaged."""


def numbers(columns: dict[str, np.ndarray]) -> dict[str, float]:
    """NUMBERS of the scored bases of a region, in float64; all NaN without any scored base.

    columns: MEASURED, each (n,). All are in bits except `nll`, which is in nats.
    """
    if not len(columns["ent"]):
        return dict.fromkeys(NUMBERS, float("nan"))
    bases = ScoredBases(columns)
    return {
        name: float(FUNCTIONS[name](bases) if name in FUNCTIONS else _mean(columns[MEANS[name]]))
        for name in NUMBERS
    }


def _mean(values: np.ndarray) -> float:
    """Mean of the finite values, in float64; NaN without any."""
    total = values.sum(dtype=np.float64)
    if np.isfinite(total):
        return float(total) / len(values)
    finite = values[np.isfinite(values)]
    return float(finite.mean(dtype=np.float64)) if finite.size else float("nan")
