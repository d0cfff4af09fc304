"""Exact sums over views and bases, and checks of their input arrays.

Terms are first rounded to multiples of 2**-36, which float64 adds without error. Therefore a sum
does not depend on the order of the views, on the order of the letters, or on how rows are split.
Planes are distributions with the layout (V, 4, n), where the values of one base of one view are
contiguous. The meaning of the sums is described in `measures`.
"""

from __future__ import annotations

import numpy as np

GRID = 2.0**36
"""Terms are rounded to 1/GRID = 1.5e-11; sums below 2**17 are then exact in float64."""

SMALLEST = float(np.finfo(np.float32).tiny)
"""Smallest probability that a float32 softmax can distinguish from 0. It limits every LLR to 88
nats instead of infinity."""


def planes_of(probs: np.ndarray) -> np.ndarray:
    """The distributions as contiguous float64 (V, 4, n), with 0 for NaN, so that a view without
    weight adds nothing."""
    planes = np.array(probs.transpose(1, 2, 0), dtype=np.float64, order="C")
    np.copyto(planes, 0.0, where=np.isnan(planes))
    return planes


def weighted_sum(planes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sum over views, (V, 4, n) and (V, n) -> (4, n)."""
    mean = np.zeros(planes.shape[1:])
    for plane, weight in zip(planes, weights, strict=True):
        mean += snap(weight * plane)
    return mean


def plane_entropy(planes: np.ndarray) -> np.ndarray:
    """Entropy in bits along the first axis, (4, ...) -> (...)."""
    terms = snap(-planes * np.log2(np.maximum(planes, SMALLEST)))
    return np.maximum(terms[0] + terms[1] + terms[2] + terms[3], 0.0)


def log_of(probabilities: np.ndarray) -> np.ndarray:
    """Natural log in float64, finite also at 0."""
    return np.log(np.maximum(np.ascontiguousarray(probabilities, dtype=np.float64), SMALLEST))


def snap(terms: np.ndarray) -> np.ndarray:
    """The terms rounded to multiples of 1/GRID, whose sums are exact."""
    return np.rint(terms * GRID) / GRID


def check_probs(probs: np.ndarray) -> None:
    if probs.ndim != 3 or probs.shape[2] != 4:
        raise ValueError(f"probs: shape {probs.shape}; expected (n, views, 4)")


def check_weights(probs: np.ndarray, weights: np.ndarray) -> None:
    check_probs(probs)
    if weights.shape != probs.shape[:2]:
        raise ValueError(f"weights: shape {weights.shape}; expected {probs.shape[:2]}")
    if np.isnan(probs[weights > 0]).all(axis=1).any():
        raise ValueError(
            "weights: a view that is NaN has a weight above 0; expected 0 (view_weights makes them)"
        )


def check_views(values: np.ndarray, probs: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.shape != probs.shape[1:2]:
        raise ValueError(f"{name}: shape {values.shape}; expected {probs.shape[1:2]}")
    return values


def check_bases(bases: np.ndarray, n: int, name: str) -> np.ndarray:
    bases = np.asarray(bases)
    if bases.shape != (n,):
        raise ValueError(f"{name}: shape {bases.shape}; expected ({n},)")
    if n and (bases.min() < 0 or bases.max() > 3):
        raise ValueError(
            f"{name}: found {int(bases.max() if bases.max() > 3 else bases.min())}; expected codes 0..3 (A,C,G,T)"
        )
    return bases.astype(np.int64)
