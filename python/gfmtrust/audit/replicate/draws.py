"""Intervals of the statistics of a replication: a bootstrap over members, or their pairs, and over what
each was asked about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gfmtrust.core.contracts.audit import Statistic

DRAWS = 1_000
ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class Values:
    """A mean over units (members or pairs) and items (sequences, tokens or batches).

    above: float64 (units, items). below: the same shape where the statistic is a ratio of sums.
    Both dimensions are drawn with replacement; with three units the interval is rather too narrow.
    """

    above: np.ndarray
    below: np.ndarray | None = None

    @classmethod
    def of(cls, above, below=None) -> Values:
        """From rows of equal length; single numbers are units of one item."""
        table = np.asarray(above, dtype=np.float64)
        table = table[:, None] if table.ndim == 1 else table
        return cls(table, None if below is None else np.asarray(below, dtype=np.float64))

    @property
    def value(self) -> float:
        return float(self._ratio(*(np.ones((1, n)) for n in self.above.shape))[0])

    def drawn(self, seed: int) -> np.ndarray:
        """The statistic of each draw, (DRAWS,)."""
        units, items = self.above.shape
        return self._ratio(_weights(units, seed, 0), _weights(items, seed, 1))

    def _ratio(self, units: np.ndarray, items: np.ndarray) -> np.ndarray:
        below = np.ones_like(self.above) if self.below is None else self.below
        sums = [((units @ one) * items).sum(axis=1) for one in (self.above, below)]
        return np.divide(sums[0], sums[1], out=np.full(len(units), np.nan), where=sums[1] != 0)


@lru_cache(maxsize=12)
def _weights(n: int, seed: int, dimension: int) -> np.ndarray:
    """How often each of n is drawn, float64 (DRAWS, n); kept, because many statistics share them."""
    rng = np.random.default_rng([seed, 0xD7A3, dimension])
    return rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64)


def statistic(label: str, values: Values, null: float | None, seed: int, **further) -> Statistic:
    """The statistic with its interval."""
    return _statistic(label, values.value, values.drawn(seed), null, values.above.size, **further)


def difference(
    label: str, first: Values, second: Values, null: float, seed: int, **further
) -> Statistic:
    """The first minus the second, which are independent, with its interval."""
    drawn = first.drawn(seed) - second.drawn(seed + 1)
    n = first.above.size + second.above.size
    return _statistic(label, first.value - second.value, drawn, null, n, **further)


def _statistic(label, value, drawn, null, n, **further) -> Statistic:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn) or not np.isfinite(value):
        return Statistic(label, None, None, None, null, n, **further)
    low, high = np.quantile(drawn, ENDS)
    return Statistic(label, float(value), float(low), float(high), null, n, **further)
