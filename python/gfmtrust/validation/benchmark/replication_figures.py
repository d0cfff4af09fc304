"""The figures of replications: counts above alpha, means, and the value of a ranking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gfmtrust.core.columns import MEASURES
from gfmtrust.core.vocabulary import Rank
from gfmtrust.validation.benchmark.pool import Pool

LEVELS = (Rank.HIGH, Rank.MEDIUM)


Key = TypeVar("Key")


@dataclass(frozen=True)
class Cell:
    """One level in one cell over all replications: in how many some allele carries it; in how many
    the exam withdrew it; in how many the error of the alleles that carry exactly that flag is above
    alpha, among the probes' pool in balanced order and run-oriented, and among the mutated alleles;
    mean of these errors, and of the share of the cell's mutated alleles that carry it, where it
    exists (NaN where it never does). probes: mean number of the cell's probes that certify the
    level; limit: counts above alpha that delta allows, see `most_violations`."""

    level: str
    stratum: str
    replications: int
    exists: int
    withdrawn: int
    above_alpha: int
    above_alpha_run: int
    above_alpha_mutated: int
    error: float
    error_run: float
    error_mutated: float
    share: float
    probes: float
    limit: int

    @property
    def keeps_promise(self) -> bool:
        """Whether every count above alpha is within the limit."""
        counts = (self.above_alpha, self.above_alpha_run, self.above_alpha_mutated)
        return max(counts) <= self.limit


@dataclass(frozen=True)
class Usefulness:
    """What a ranking is worth, means over replications: share of the pool with HIGH and MEDIUM
    where the ranking itself is certified, their effect-sign error (NaN without any), and PRR under
    both losses. The row of the true law is the ceiling."""

    ranking: str
    replications: int
    high_share: float
    medium_share: float
    sign_error_high: float
    sign_error_medium: float
    prr_decoy: float
    prr_effect_sign: float


def joined(parts: Iterable[dict[Key, list]]) -> dict[Key, list]:
    """Return the lists of equal keys, concatenated."""
    joined: dict[Key, list] = defaultdict(list)
    for part in parts:
        for key, values in part.items():
            joined[key] += values
    return joined


def over_alpha(figures: list[tuple[float, ...]], alpha: float) -> tuple:
    """Return the row of a level over all replications: how often it exists and was withdrawn, how
    often each of its three errors is above alpha, and the means of errors and share where it
    exists."""
    rows = np.array(figures)
    errors, share, withdrawn, probes = rows[:, :3], rows[:, 3], rows[:, 4], rows[:, 5]
    exists = (share > 0) | np.isfinite(errors).any(axis=1)
    return (
        int(exists.sum()),
        int(withdrawn.sum()),
        *(int(count) for count in (errors > alpha).sum(axis=0)),
        *means(rows[exists, :4]),
        float(probes.mean()),
        most_violations(len(rows)),
    )


def most_violations(n: int, delta: float = 0.05) -> int:
    """Broken promises in n replications that delta allows: its expectation and two standard errors,
    63 of 1,000. At least one, because a single one says nothing where few replications make a
    cell."""
    return max(1, int(n * delta + 2 * (n * delta * (1 - delta)) ** 0.5))


def means(rows: np.ndarray) -> tuple[float, ...]:
    """Mean of each column over the rows where it is known; NaN without any."""
    finite = np.isfinite(rows)
    total = np.where(finite, rows, 0).sum(axis=0)
    return tuple(
        np.divide(
            total, finite.sum(axis=0), out=np.full(rows.shape[1], np.nan), where=finite.any(axis=0)
        ).tolist()
    )


def worth(pool: Pool, rank: np.ndarray) -> tuple[float, ...]:
    """Return the shares of HIGH and MEDIUM, and the effect-sign error of each."""
    given = [rank == level for level in LEVELS]
    return (
        *(rows.mean() for rows in given),
        *(pool.wrong_sign[rows].mean() if rows.any() else np.nan for rows in given),
    )


def turned(pool: Pool, name: str) -> np.ndarray:
    """Return a measure of every allele with its sign chosen so that higher is more trusted."""
    values = pool.alleles[name].to_numpy(np.float64)
    better = next(measure.better for measure in MEASURES if measure.name == name)
    return values if better == "high" else -values
