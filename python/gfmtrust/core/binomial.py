"""Exact one-sided bounds of a rate from counts. Source: Clopper and Pearson 1934."""

from __future__ import annotations

import numpy as np


def upper_bound(errors: np.ndarray | float, n: np.ndarray | float, delta: float) -> np.ndarray:
    """One-sided Clopper-Pearson upper bound of an error rate at confidence 1 - delta; 1 where all
    of n are errors or n is 0."""
    from scipy.special import betaincinv

    errors, n = np.broadcast_arrays(
        np.asarray(errors, dtype=np.float64), np.asarray(n, dtype=np.float64)
    )
    inside = errors < n
    return np.where(
        inside, betaincinv(errors + 1, np.where(inside, n - errors, 1.0), 1 - delta), 1.0
    )


def lower_bound(errors: np.ndarray | float, n: np.ndarray | float, delta: float) -> np.ndarray:
    """One-sided Clopper-Pearson lower bound of an error rate at confidence 1 - delta; 0 without
    errors."""
    from scipy.special import betaincinv

    errors, n = np.broadcast_arrays(
        np.asarray(errors, dtype=np.float64), np.asarray(n, dtype=np.float64)
    )
    some = errors > 0
    return np.where(some, betaincinv(np.where(some, errors, 1.0), n - errors + 1, delta), 0.0)
