"""Statistics with their intervals: means over blocks of the genome, shares of probes, jackknife over
windows, and ranges under permutations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.resampling import Blocks, intervals

TWO_SIDED = 0.025
NORMAL = 1.96
GROUPS = 20
"""Groups of windows that the jackknife leaves out in turn."""


def mean(
    label: str, values: np.ndarray, block: np.ndarray, null: float | None = None, **further
) -> Statistic:
    """The mean of values, with an interval by a bootstrap over blocks. values: (n,), NaN where a
    site does not count; block: int (n,). further: other fields of the statistic."""
    kept = np.isfinite(values)
    return ratio(label, values[kept], np.ones(kept.sum()), block[kept], null=null, **further)


def ratio(
    label: str,
    above: np.ndarray,
    below: np.ndarray,
    block: np.ndarray,
    null: float | None = None,
    **further,
) -> Statistic:
    """The ratio of two sums over sites, with an interval by a bootstrap over blocks; undefined
    where the sum below is 0. above, below: (n,)."""
    if not len(above):
        return Statistic(label, None, None, None, null, 0, **further)

    def statistic(weights: np.ndarray) -> float:
        total = float(weights @ below)
        return float(weights @ above) / total if total else float("nan")

    return _bootstrapped(label, statistic, block, null, **further)


def of_weights(
    label: str,
    statistic: Callable[[np.ndarray], float],
    block: np.ndarray,
    null: float | None = None,
    **further,
) -> Statistic:
    """Any function of the number of times that each site counts, with the same interval."""
    return _bootstrapped(label, statistic, block, null, **further)


def _bootstrapped(label, statistic, block, null, **further) -> Statistic:
    one = intervals({label: statistic}, Blocks(block))[label]
    return Statistic(
        label, _number(one.value), _number(one.low), _number(one.high), null, len(block), **further
    )


def share(label: str, right: np.ndarray, null: float | None = None, **further) -> Statistic:
    """The share of probes that are right, with its Clopper-Pearson interval. right: bool (n,)."""
    n, k = len(right), int(right.sum())
    low, high = float(lower_bound(k, n, TWO_SIDED)), float(upper_bound(k, n, TWO_SIDED))
    return Statistic(label, k / n if n else None, low, high, null, n, **further)


def mean_of_probes(
    label: str, values: np.ndarray, null: float | None = None, **further
) -> Statistic:
    """The mean of independent probes, with the interval of the normal distribution. values: (n,)."""
    middle, half = float(values.mean()), NORMAL * float(values.std(ddof=1)) / len(values) ** 0.5
    return Statistic(label, middle, middle - half, middle + half, null, len(values), **further)


def jackknife(
    label: str, statistic: Callable[[np.ndarray], float], n: int, seed: int, **further
) -> Statistic:
    """A function of rows, bool (n,), with the interval of a jackknife over GROUPS of windows.

    A bootstrap would repeat windows, which biases similarities between two representations.
    Source: Efron and Tibshirani 1993, chapter 11.
    """
    value = statistic(np.ones(n, dtype=bool))
    groups = min(GROUPS, n)
    group = np.random.default_rng([seed, n]).permutation(n) % groups
    left = np.array([statistic(group != one) for one in range(groups)])
    half = NORMAL * float(np.sqrt((groups - 1) / groups * np.square(left - left.mean()).sum()))
    return Statistic(label, value, value - half, value + half, None, n, **further)


def under_null(statistic: Statistic, drawn: np.ndarray) -> Statistic:
    """The statistic with its null: the mean and the 95 % range of the values under it. drawn:
    (draws,)."""
    low, high = np.quantile(drawn, [TWO_SIDED, 1 - TWO_SIDED])
    return replace(statistic, null=float(drawn.mean()), null_low=float(low), null_high=float(high))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
