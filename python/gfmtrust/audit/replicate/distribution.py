"""Statistics of output distributions over a vocabulary, as arrays in and out; bits.

The published ones are computed as coded (lbcb-sci/GFMs at 277899c, `distribution.py`, `metrics.py`):
probabilities are cut off at FLOOR, and the cut at p keeps the most probable tokens whose sum is at
most p, and at least one.
"""

from __future__ import annotations

import numpy as np

FLOOR = 1e-10
CUTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Distributions of logits, float64 (n, V)."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def kl_from_uniform(p: np.ndarray) -> np.ndarray:
    """KL(U || p) of each row, as published; 0 for the uniform distribution. p: (n, V) -> (n,)."""
    size = p.shape[-1]
    return -np.log2(size) - np.log2(np.maximum(p, FLOOR)).mean(axis=-1)


def entropy(p: np.ndarray) -> np.ndarray:
    """Entropy of each row, as published. p: (n, V) -> (n,)."""
    return -(p * np.log2(p + FLOOR)).sum(axis=-1)


def surprisal(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """-log2 of the probability of the true token; 2 to the power of its mean is the published
    perplexity. p: (n, V); truth: int64 (n,)."""
    return -np.log2(np.maximum(p[np.arange(len(p)), truth], 1e-300))


def ranks(p: np.ndarray) -> np.ndarray:
    """The rank of each token in its row, 0 for the most probable, int64 (n, V)."""
    order = np.argsort(-p, axis=-1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(p.shape[-1])[None], axis=-1)
    return rank


def kept(p: np.ndarray, cut: float) -> np.ndarray:
    """How many tokens of each row the cut keeps, int64 (n,)."""
    sums = np.cumsum(-np.sort(-p, axis=-1), axis=-1)
    return np.maximum(1, (sums <= cut).sum(axis=-1))


def cut_off(p: np.ndarray, rank: np.ndarray, n_kept: np.ndarray) -> np.ndarray:
    """The n_kept most probable tokens of each row, with a sum of 1 again; 0 for the others."""
    rest = np.where(rank < n_kept[:, None], p, 0.0)
    return rest / np.maximum(rest.sum(axis=-1, keepdims=True), 1e-8)


def js_distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon distance of rows, as published: the root of the divergence in bits. A row whose
    divergence is negative by rounding is NaN there, and has the mean of the others."""
    middle = np.log2(np.maximum((p + q) / 2, FLOOR))
    p, q = np.maximum(p, FLOOR), np.maximum(q, FLOOR)
    both = p * (np.log2(p) - middle) + q * (np.log2(q) - middle)
    divergence = 0.5 * both.sum(axis=-1)
    is_known = divergence >= 0
    distance = np.sqrt(np.where(is_known, divergence, 0.0))
    return np.where(is_known, distance, distance[is_known].mean() if is_known.any() else np.nan)


def js_of_pairs(members: np.ndarray, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """The distances of all pairs of members after each cut, float64 (cuts, pairs, n), and the same
    where the second answers another question, `shift` rows away: the null.

    members: distributions (m, n, V).
    """
    rank = [ranks(p) for p in members]
    sums = [np.cumsum(-np.sort(-p, axis=-1), axis=-1) for p in members]
    real, null = [], []
    for cut in CUTS:
        rest = [
            cut_off(p, one, np.maximum(1, (total <= cut).sum(axis=-1)))
            for p, one, total in zip(members, rank, sums, strict=True)
        ]
        chosen = [(a, b) for i, a in enumerate(rest) for b in rest[i + 1 :]]
        real.append([js_distance(a, b) for a, b in chosen])
        null.append([js_distance(a, np.roll(b, shift, axis=0)) for a, b in chosen])
    return np.array(real), np.array(null)
