"""How well a ranking finds the errors: risk at coverage, AURC and PRR, with ties in closed form.

Within a tie every order is equally likely, so each member carries the tie's mean loss. Source: docs/reliability.md 9;
Geifman and El-Yaniv 2017 (risk-coverage); Malinin et al. 2017 (prediction rejection ratio).
"""

from __future__ import annotations

import numpy as np


def risk_at_coverage(loss: np.ndarray, ranking: np.ndarray) -> np.ndarray:
    """Mean loss of the i most trusted, i = 1..n, float64 (n,): expected over random orders of tied members.

    loss: (n,), 0 right and 1 wrong; ranking: (n,), higher is more trusted.
    Raises ValueError where the two differ in length, are empty, or the ranking holds NaN.
    """
    loss, ranking = np.asarray(loss, dtype=np.float64), np.asarray(ranking, dtype=np.float64)
    if loss.shape != ranking.shape or not len(loss):
        raise ValueError(f"loss, ranking: shapes {loss.shape} and {ranking.shape}; expected one length above 0")
    if np.isnan(ranking).any():
        raise ValueError("ranking: found NaN; expected a number for every allele")
    _, tie = np.unique(-ranking, return_inverse=True)
    sizes = np.bincount(tie)
    tie_loss = np.bincount(tie, weights=loss) / sizes
    return np.cumsum(np.repeat(tie_loss, sizes)) / np.arange(1, len(loss) + 1)


def aurc(loss: np.ndarray, ranking: np.ndarray) -> float:
    """Area under the risk-coverage curve: the mean of `risk_at_coverage` over all coverages."""
    return float(risk_at_coverage(loss, ranking).mean())


def prr(loss: np.ndarray, ranking: np.ndarray) -> float:
    """Prediction rejection ratio: 0 ranks errors like chance, 1 perfectly, below 0 is harmful; NaN where all or none err."""
    loss = np.asarray(loss, dtype=np.float64)
    found, best = aurc(loss, ranking), aurc(loss, -loss)
    base = float(loss.mean())
    return (base - found) / (base - best) if base > best else float("nan")
