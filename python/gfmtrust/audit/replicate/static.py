"""Similarity of the token embeddings of two members, as pure functions of two matrices (V, d).

The published ones are computed as coded (lbcb-sci/GFMs at 277899c, `static.py`, `metrics.py`, and
the package ckatorch). The null of a similarity is its mean over all orders of the rows of one
matrix, in closed form.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import procrustes
from scipy.stats import hypergeom

KS = (1, 3, 5, 10, 20, 50, 100, 1000, 4000)


def cosines(a: np.ndarray) -> np.ndarray:
    """Cosine of each pair of rows, (V, V)."""
    unit = a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-12)
    return unit @ unit.T


def nearest(similarity: np.ndarray, k: int) -> np.ndarray:
    """The k most similar other rows of each row, nearest first, int64 (V, k). As published, the
    first of k + 1 is taken to be the row itself."""
    some = np.argpartition(-similarity, k, axis=1)[:, : k + 1]
    order = np.argsort(-np.take_along_axis(similarity, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)[:, 1:]


def jaccard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Shared neighbours over all neighbours of each row, (V,). first, second: int64 (V, k)."""
    n, k = first.shape
    is_near = np.zeros((n, n), dtype=bool)
    np.put_along_axis(is_near, first, True, axis=1)
    shared = np.take_along_axis(is_near, second, axis=1).sum(axis=1)
    return shared / (2 * k - shared)


def jaccard_by_chance(n: int, k: int) -> float:
    """The mean Jaccard index of two independent sets of k of n - 1 rows: hypergeometric."""
    shared = np.arange(k + 1)
    return float((hypergeom.pmf(shared, n - 1, k, k) * shared / (2 * k - shared)).sum())


def local_spearman(a: np.ndarray, b: np.ndarray, near: np.ndarray) -> float:
    """ "Local Spearman" as published: the rank correlation of two similarity matrices among the rows
    that are nearest by the first, `near`. The published mean with the same "from the second" repeats
    the first: both matrices have only the columns of the first by then."""
    first, second = (np.take_along_axis(one, near, axis=1) for one in (a, b))
    return float(_correlation(first, second).mean())


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    x, y = (np.argsort(np.argsort(one, axis=1), axis=1).astype(np.float64) for one in (a, b))
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    sizes = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return (x * y).sum(axis=1) / (sizes + 1e-8)


def procrustes_cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The mean cosine of rows after the best rotation and scale, as published."""
    x, y, _ = procrustes(a, b)
    x, y = (one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-12) for one in (x, y))
    return float((x * y).sum(axis=1).mean())


def linear_gram(a: np.ndarray) -> np.ndarray:
    return a @ a.T


def rbf_gram(a: np.ndarray) -> np.ndarray:
    """exp(-d2 / 2 m) with the median m of the squared distances, as in ckatorch: of an even number,
    the lower of both in the middle."""
    products = a @ a.T
    sizes = np.diag(products)
    distance = sizes[:, None] + sizes[None] - 2 * products
    middle = (distance.size - 1) // 2
    median = np.partition(distance, middle, axis=None)[middle]
    return np.exp(-distance / (2 * median))


def kernel_alignment(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """CKA of two Gram matrices, biased as published, and its null: the mean over all orders of the
    rows of one, tr K tr L / ((n - 1) |K| |L|) for centred K and L. For Gaussian noise of n rows and
    d columns both are near d / (d + n)."""
    k, m = _centred(first), _centred(second)
    sizes = np.linalg.norm(k) * np.linalg.norm(m)
    chance = np.trace(k) * np.trace(m) / (len(k) - 1)
    return float((k * m).sum() / sizes), float(chance / sizes)


def _centred(gram: np.ndarray) -> np.ndarray:
    rows = gram.mean(axis=0)
    return gram - rows[:, None] - rows[None] + rows.mean()
