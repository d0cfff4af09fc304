"""What a region's bases say together: means, the error of its own decoys, its flag and the reason
it is no better.

Pure functions of arrays; which bases a region has and how a line is written is not here. The rules
are docs/reliability.md, "Regions".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gfmtrust.calibration.certificates import upper_bound
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.vocabulary import STATUS_ORDER, Rank, Status, Why

MIN_SCORED_SHARE = 0.8
"""Below this share of scored bases a region has no flag but the commonest reason."""
MIN_BASES_OWN_ERROR = 200
"""With fewer scored bases the region's own error says nothing, and the flag is at most MEDIUM."""
CORRELATED_BP = 10
"""Neighbouring bases are not independent: the bound counts one base in ten."""
NEAR_UNIFORM_BITS = 1.95
"""From this entropy on a base counts as near-uniform: its likeliest letter has hardly more than
0.37."""
LN_2 = float(np.log(2))
MEASURED = ("status", "rank", "wrong", "surprisal", "ent", "dis", "gain", "strand_jsd", "rel")
"""The columns of bases.parquet that a summary reads."""
NUMBERS = (
    "entropy",
    "entropy_p25",
    "entropy_p50",
    "entropy_p75",
    "near_uniform_share",
    "gain",
    "disagreement",
    "strand_jsd",
    "surprisal",
    "nll",
    "reliability",
    "certified_share",
    "high_share",
)
"""What the scored bases of a region say together, in the order of `numbers`."""


@dataclass(frozen=True)
class Levels:
    """What the run's calibration promises: largest decoy error of each level, confidence, and which
    levels exist at all."""

    alpha: dict[Rank, float]
    delta: float
    certified: frozenset[Rank]

    @classmethod
    def of(cls, calibration: RunCalibration) -> Levels:
        exist = {Rank[found.level] for found in calibration.snv.certificates if found.exists}
        if calibration.high_withheld:
            exist.discard(Rank.HIGH)
        options = calibration.options
        return cls(
            {Rank.HIGH: options.alpha_high, Rank.MEDIUM: options.alpha_medium},
            options.delta,
            frozenset(exist),
        )


@dataclass(frozen=True)
class RegionSummary:
    """One region. `numbers`: NUMBERS of its scored bases, NaN where there are none; `errors` counts
    bases whose decoy was preferred."""

    length_bp: int
    scored_bases: int
    numbers: dict[str, float]
    errors: int
    error_bound: float
    rank: Rank
    status: Status
    why: tuple[Why, ...]

    @property
    def scored_share(self) -> float:
        return self.scored_bases / self.length_bp if self.length_bp else float("nan")


@lru_cache(maxsize=1 << 16)
def own_error_bound(errors: int, n: int, delta: float) -> float:
    """One-sided Clopper-Pearson upper bound of a region's decoy error, confidence 1 - delta; 1
    where n is below 10.

    errors of n bases become ceil(errors / 10) of floor(n / 10). Source: docs/reliability.md,
    "Regions".
    """
    n_independent = n // CORRELATED_BP
    n_wrong = min(-(-errors // CORRELATED_BP), n_independent)
    return float(upper_bound(n_wrong, n_independent, delta))


def typical_rank(ranks: np.ndarray) -> Rank:
    """The highest flag that more than half of the bases carry or better: the certificate at the
    median reliability, caps included."""
    return Rank(int(np.sort(ranks)[(len(ranks) - 1) // 2]))


def commonest_status(counts: Counter) -> Status:
    """The commonest reason of those counted; of equally common ones the first in order of
    precedence."""
    return min(
        (Status(name) for name in counts),
        key=lambda status: (-counts[status], STATUS_ORDER.index(status)),
    )


def region_flag(typical: Rank, errors: int, n: int, levels: Levels) -> tuple[Rank, tuple[Why, ...]]:
    """Flag of a region whose bases are scored, and why it is no better.

    typical: `typical_rank` of its bases. From MIN_BASES_OWN_ERROR bases on, the bound of its own
    error must also be within the alpha of the level; with fewer it is at most MEDIUM.
    """
    rank, why = typical, []
    if typical < Rank.HIGH:
        why.append(Why.LOW_REL if Rank(typical + 1) in levels.certified else Why.UNCERTIFIED)
    if n < MIN_BASES_OWN_ERROR:
        if rank == Rank.HIGH:
            rank = Rank.MEDIUM
            why.append(Why.UNCERTIFIED)
        return rank, tuple(why)
    bound = own_error_bound(errors, n, levels.delta)
    while rank > Rank.LOW and bound > levels.alpha[rank]:
        rank = Rank(rank - 1)
    if rank < typical and Why.LOW_REL not in why:
        why.append(Why.LOW_REL)
    return rank, tuple(why)


def summarise(
    length_bp: int, columns: dict[str, np.ndarray], absent: Status, levels: Levels, shift: bool
) -> RegionSummary:
    """A region from the rows of bases.parquet that it covers.

    columns: those of MEASURED, each (n,), n <= length_bp. absent: status of the bases without a
    row. shift: the run-level gate fired. A region of no length is OUT_OF_RANGE.
    """
    scored = columns["status"] == Status.SCORED
    n = int(scored.sum())
    bases = (
        columns if n == len(scored) else {name: values[scored] for name, values in columns.items()}
    )
    found = numbers(bases)
    errors = int(bases["wrong"].sum())
    bound = own_error_bound(errors, n, levels.delta)
    if n == 0 or n < MIN_SCORED_SHARE * length_bp:
        reasons = Counter(columns["status"][~scored].tolist())
        reasons[absent] += length_bp - len(scored)
        reason = commonest_status(reasons) if length_bp else Status.OUT_OF_RANGE
        return RegionSummary(length_bp, n, found, errors, bound, Rank.NOT_SCORED, reason, ())
    rank, why = region_flag(typical_rank(bases["rank"]), errors, n, levels)
    if np.isnan(bases["ent"]).all():
        why = (*why, Why.NO_DISTRIBUTION)
    return RegionSummary(
        length_bp, n, found, errors, bound, rank, Status.SCORED, (Why.SHIFT,) if shift else why
    )


def numbers(bases: dict[str, np.ndarray]) -> dict[str, float]:
    """NUMBERS of the scored bases of a region, in float64; all NaN where there are none.

    bases: MEASURED, each (n,). Percentiles are linear between the two nearest bases. Bits, but for
    `nll`, which is in nats.
    """
    n = len(bases["ent"])
    if not n:
        return dict.fromkeys(NUMBERS, float("nan"))
    told = bases["ent"][
        np.isfinite(bases["ent"])
    ]  # missing where only models of whole tokens answer
    entropy = np.sort((told if len(told) else bases["ent"]).astype(np.float64))
    place = np.array([0.25, 0.5, 0.75]) * (len(entropy) - 1)
    low = place.astype(np.int64)
    quartiles = entropy[low] + (place - low) * (
        entropy[np.minimum(low + 1, len(entropy) - 1)] - entropy[low]
    )
    surprisal = _mean(bases["surprisal"])
    shares = [np.count_nonzero(bases["rank"] >= rank) / n for rank in (Rank.MEDIUM, Rank.HIGH)]
    near_uniform = (
        (len(entropy) - np.searchsorted(entropy, NEAR_UNIFORM_BITS)) / len(entropy)
        if len(told)
        else np.nan
    )
    return dict(
        zip(
            NUMBERS,
            map(
                float,
                (
                    entropy.sum() / len(entropy),
                    *quartiles,
                    near_uniform,
                    _mean(bases["gain"]),
                    _mean(bases["dis"]),
                    _mean(bases["strand_jsd"]),
                    surprisal,
                    n * surprisal * LN_2,
                    _mean(bases["rel"]),
                    *shares,
                ),
            ),
            strict=True,
        )
    )


def _mean(values: np.ndarray) -> float:
    """Of the finite ones, in float64; NaN without any."""
    total = values.sum(dtype=np.float64)
    if np.isfinite(total):
        return float(total) / len(values)
    finite = values[np.isfinite(values)]
    return float(finite.mean(dtype=np.float64)) if finite.size else float("nan")
