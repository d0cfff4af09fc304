"""Intervals of statistics by a bootstrap over blocks of the genome, because neighbouring alleles
are not independent.

With at least 20 blocks, whole blocks are drawn. With fewer, alleles are drawn within each block;
such an interval is valid only for these loci and has no p-value. Bias-corrected and accelerated
intervals (BCa). Source: Efron 1987; Davison and Hinkley 1997, chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

MIN_BLOCKS = 20
DRAWS = 1_000
GROUPS = 20
"""Number of groups that are left out in turn for the acceleration where alleles are drawn."""
LEVEL = 0.95
ACROSS, WITHIN = "across_loci", "within_loci"

Name = TypeVar("Name", bound=Hashable)
Statistic = Callable[[np.ndarray], float]
"""A function of the number of times that each allele counts, float64 (n,), that returns a
number."""


@dataclass(frozen=True)
class Interval:
    """A statistic of the original alleles, its 95 % interval, and a two-sided p-value against
    `null`; NaN where it has none."""

    value: float
    low: float
    high: float
    p: float = float("nan")


@dataclass(frozen=True)
class Blocks:
    """block: int (n,), the block of each allele. The same blocks and seed give the same draws."""

    block: np.ndarray
    seed: int = 0
    draws: int = DRAWS

    @property
    def mode(self) -> str:
        """The scope of an interval: `across_loci`, or `within_loci` with fewer than 20 blocks."""
        return ACROSS if len(np.unique(self.block)) >= MIN_BLOCKS else WITHIN

    def weights(self) -> Iterator[np.ndarray]:
        """The number of times that each allele counts, float64 (n,), one array per draw."""
        rng = np.random.default_rng([self.seed, 0xB10C])
        _, index, sizes = np.unique(self.block, return_inverse=True, return_counts=True)
        members = np.split(np.argsort(index, kind="stable"), np.cumsum(sizes)[:-1])
        across = self.mode == ACROSS
        for _ in range(self.draws):
            if across:
                yield np.bincount(rng.integers(0, len(sizes), len(sizes)), minlength=len(sizes))[
                    index
                ].astype(np.float64)
            else:
                drawn = [rows[rng.integers(0, len(rows), len(rows))] for rows in members]
                yield np.bincount(np.concatenate(drawn), minlength=len(index)).astype(np.float64)

    def left_out(self) -> Iterator[np.ndarray]:
        """Weights with one block, or one of 20 random groups of alleles, left out in turn."""
        if self.mode == ACROSS:
            group = np.unique(self.block, return_inverse=True)[1]
        else:
            group = np.random.default_rng([self.seed, 0x6209]).permutation(len(self.block)) % GROUPS
        for one in np.unique(group):
            yield (group != one).astype(np.float64)


def intervals(
    statistics: Mapping[Name, Statistic],
    blocks: Blocks,
    null: Mapping[Name, float] | None = None,
) -> dict[Name, Interval]:
    """The interval of each statistic, all from the same draws. null: the value of each statistic
    without any effect, for a p-value across loci."""
    n = len(blocks.block)
    value = {name: of(np.ones(n)) for name, of in statistics.items()}
    drawn = _table(statistics, blocks.weights())
    jack = _table(statistics, blocks.left_out())
    interval_of = {}
    for name in statistics:
        low, high = bca(value[name], drawn[name], jack[name])
        p = (
            p_value(drawn[name], (null or {})[name])
            if blocks.mode == ACROSS and name in (null or {})
            else float("nan")
        )
        interval_of[name] = Interval(value[name], low, high, p)
    return interval_of


def _table(
    statistics: Mapping[Name, Statistic], weights: Iterator[np.ndarray]
) -> dict[Name, np.ndarray]:
    rows = [[of(one) for of in statistics.values()] for one in weights]
    return dict(
        zip(statistics, np.array(rows, dtype=np.float64).reshape(len(rows), -1).T, strict=True)
    )


def bca(value: float, drawn: np.ndarray, jack: np.ndarray) -> tuple[float, float]:
    """BCa interval; (NaN, NaN) where the value or more than half of the draws are undefined. Other
    undefined draws are left out."""
    from scipy.special import ndtr, ndtri

    finite, jack = drawn[np.isfinite(drawn)], jack[np.isfinite(jack)]
    if not np.isfinite(value) or len(finite) * 2 < len(drawn):
        return float("nan"), float("nan")
    below = (finite < value).sum() + 0.5 * (finite == value).sum()
    bias = ndtri(
        np.clip(below / len(finite), 1 / (len(finite) + 1), len(finite) / (len(finite) + 1))
    )
    spread = jack.mean() - jack if len(jack) else np.zeros(1)
    scale = 6 * (spread**2).sum() ** 1.5
    acceleration = (spread**3).sum() / scale if scale > 0 else 0.0
    z = bias + ndtri([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low, high = np.quantile(finite, ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def p_value(drawn: np.ndarray, null: float) -> float:
    """Two-sided p-value: twice the share of draws beyond `null`, at least 2 / (draws + 1); NaN
    without draws."""
    finite = drawn[np.isfinite(drawn)]
    beyond = min((finite <= null).sum(), (finite >= null).sum())
    return float(min(1.0, 2 * (beyond + 1) / (len(finite) + 1))) if len(finite) else float("nan")
