"""Similarity of two representations of the same windows, as pure functions of two matrices.

a: (n, d), b: (n, e), one row per window. Sources: Kornblith and others 2019 (CKA); Song and others
2012 (the unbiased HSIC); Huh and others 2024 (mutual nearest neighbours); Roy and Vetterli 2007
(effective rank).
"""

from __future__ import annotations

import numpy as np


def debiased_cka(a: np.ndarray, b: np.ndarray) -> float:
    """Linear CKA from the unbiased estimate of HSIC: 1 for representations that differ by a
    rotation and a scale, 0 on average for independent ones at any n and d; NaN where one does not
    vary."""
    return alignment(centred_gram(a), centred_gram(b))


def alignment(first: np.ndarray, second: np.ndarray) -> float:
    """The cosine of two U-centred Gram matrices; NaN where one is 0."""
    sizes = (first * first).sum() * (second * second).sum()
    return float((first * second).sum() / np.sqrt(sizes)) if sizes > 0 else float("nan")


def biased_cka(a: np.ndarray, b: np.ndarray) -> float:
    """Linear CKA as published, which is above 0 for independent noise unless n is far above d."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    norms = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    return float(np.linalg.norm(a.T @ b) ** 2 / norms) if norms > 0 else float("nan")


def centred_gram(values: np.ndarray) -> np.ndarray:
    """The U-centred Gram matrix of rows, with a zero diagonal (Szekely and Rizzo 2014)."""
    values = values - values.mean(axis=0)
    gram, n = values @ values.T, len(values)
    gram = gram - np.diag(np.diag(gram))
    rows = gram.sum(axis=1) / (n - 2)
    centred = gram - rows[:, None] - rows[None] + gram.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0.0)
    return centred


def mutual_neighbours(a: np.ndarray, b: np.ndarray, k: int) -> float:
    """The share of the k nearest neighbours (cosine, after centring) that both have in common; k /
    (n - 1) by chance."""
    return shared(neighbours(a, k), neighbours(b, k))


def shared(first: np.ndarray, second: np.ndarray) -> float:
    """The share of the neighbours of the first, bool (n, n), that are those of the second."""
    return float((first & second).sum() / first.sum())


def neighbours(values: np.ndarray, k: int) -> np.ndarray:
    """Whether each row is among the k nearest of each other row, bool (n, n)."""
    values = values - values.mean(axis=0)
    values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return nearest(values @ values.T, k)


def nearest(similarity: np.ndarray, k: int) -> np.ndarray:
    """Whether each row is among the k most similar of each other row, bool (n, n). similarity: (n,
    n); its diagonal is overwritten."""
    np.fill_diagonal(similarity, -np.inf)
    near = np.zeros(similarity.shape, dtype=bool)
    np.put_along_axis(near, np.argpartition(-similarity, k, axis=1)[:, :k], True, axis=1)
    return near


def procrustes(a: np.ndarray, b: np.ndarray) -> float:
    """Disparity after the best rotation and scale, from 0 (the same up to these) to 1."""
    a, b = (one - one.mean(axis=0) for one in (a, b))
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    if not norms:
        return float("nan")
    return float(max(0.0, 1 - (np.linalg.svd(a.T @ b, compute_uv=False).sum() / norms) ** 2))


def effective_rank(a: np.ndarray) -> float:
    """exp of the entropy of the singular values' shares: how many directions the rows use."""
    values = np.linalg.svd(a - a.mean(axis=0), compute_uv=False)
    if not values.sum():
        return 0.0
    share = values[values > 0] / values.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
