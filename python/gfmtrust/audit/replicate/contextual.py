"""Statistics of sequence embeddings (the mean of the last layer over a sequence), as pure functions of
matrices (n, d), computed as coded (lbcb-sci/GFMs at 277899c, `embeddings.py`)."""

from __future__ import annotations

import numpy as np

from gfmtrust.audit.similarity import nearest, shared

NEIGHBOURS = 10


def unit(a: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-12)


def uniformity(a: np.ndarray) -> float:
    """log of the mean of exp(-2 d2) over pairs of unit rows: lower is more uniform."""
    u = unit(a)
    rows, columns = np.triu_indices(len(u), 1)
    return float(np.log(np.exp(-2 * ((u[rows] - u[columns]) ** 2).sum(axis=1)).mean()))


def anisotropy(a: np.ndarray) -> float:
    """Length of the mean unit row: 1 where all rows point the same way."""
    return float(np.linalg.norm(unit(a).mean(axis=0)))


def mean_cosine(a: np.ndarray) -> float:
    """The mean cosine of pairs of rows."""
    u = unit(a)
    return float((u @ u.T)[np.triu_indices(len(u), 1)].mean())


def effective_rank(a: np.ndarray) -> float:
    """exp of the entropy of the singular values' shares, with the published guard of 1e-9."""
    values = np.linalg.svd(a - a.mean(axis=0), compute_uv=False)
    share = values / values.sum()
    return float(np.exp(-(share * np.log(share + 1e-9)).sum()))


def overlap(a: np.ndarray, b: np.ndarray, k: int = NEIGHBOURS) -> float:
    """The share of the k nearest rows by cosine that both have; k / (n - 1) by chance."""
    return shared(*(nearest(unit(one) @ unit(one).T, k) for one in (a, b)))


def alignment(a: np.ndarray, b: np.ndarray) -> float:
    """The mean squared distance of the unit rows of two members; it has no meaning for members whose
    axes differ, which any two seeds' do."""
    return float(((unit(a) - unit(b)) ** 2).sum(axis=1).mean())
