"""Ridge regression for many targets and penalties at once, and the counts of words that it reads."""

from __future__ import annotations

import numpy as np

from gfmtrust.audit.duel.folds import Split
from gfmtrust.core.alphabet import N

LONGEST_WORD = 5
PENALTIES = 10.0 ** np.arange(-3, 5)
"""Penalties, by the mean variance that all features together have."""


def predictions(features: np.ndarray, targets: np.ndarray, split: Split) -> np.ndarray:
    """Predictions at the test rows of a split, float64 (n_test, targets). The penalty of each target
    is the one with the least squared error on the validation rows; the fit is then repeated with
    these rows.

    features: (n, d). targets: (n, t).
    """
    fit = Ridge.of(features[split.train], targets[split.train])
    error = np.stack(
        [
            np.square(fit.at(features[split.valid], penalty) - targets[split.valid]).mean(axis=0)
            for penalty in PENALTIES
        ]
    )
    chosen = PENALTIES[error.argmin(axis=0)]
    fit = Ridge.of(features[split.both], targets[split.both])
    return fit.at(features[split.test], chosen)


class Ridge:
    """A ridge regression in the eigenvectors of its features, so that every penalty is cheap."""

    def __init__(self, centre, scale, middle, vectors, values, right) -> None:
        self._centre, self._scale, self._middle = centre, scale, middle
        self._vectors, self._values, self._right = vectors, values, right

    @classmethod
    def of(cls, features: np.ndarray, targets: np.ndarray) -> Ridge:
        """The fit of centred features of equal variance. features: (n, d); targets: (n, t)."""
        centre, scale = features.mean(axis=0), features.std(axis=0)
        scale = np.where(scale > 1e-9, scale, np.inf)  # a constant column has no weight
        x = ((features - centre) / scale).astype(np.float64)
        middle = targets.mean(axis=0)
        y = targets - middle
        n, d = x.shape
        if d <= n:
            values, vectors = np.linalg.eigh(x.T @ x)
            return cls(centre, scale, middle, vectors, values, vectors.T @ (x.T @ y))
        # weights = x' (x x' + penalty)^-1 y
        values, left = np.linalg.eigh(x @ x.T)
        return cls(centre, scale, middle, x.T @ left, values, left.T @ y)

    def at(self, features: np.ndarray, penalty: np.ndarray | float) -> np.ndarray:
        """Predictions, (m, t). penalty: one for all targets, or one for each (t,)."""
        size = max(float(self._values.mean()), 1e-12)
        below = np.maximum(self._values, 0)[:, None] + np.atleast_1d(penalty)[None] * size
        weights = self._vectors @ (self._right / below)
        return ((features - self._centre) / self._scale) @ weights + self._middle


def word_counts(codes: np.ndarray, longest: int = LONGEST_WORD) -> np.ndarray:
    """Counts of all words of 1 to `longest` letters, float32 (n, 4 + 16 + ...). A word with an
    unknown letter does not count. codes: uint8 (n, L)."""
    is_letter, letters = codes < N, np.where(codes < N, codes, 0).astype(np.int64)
    columns = []
    for k in range(1, min(longest, codes.shape[1]) + 1):
        n_words = codes.shape[1] - k + 1
        word = sum(letters[:, i : i + n_words] * 4 ** (k - 1 - i) for i in range(k))
        whole = np.all([is_letter[:, i : i + n_words] for i in range(k)], axis=0)
        cell = np.where(whole, word, 4**k) + np.arange(len(codes))[:, None] * (4**k + 1)
        counts = np.bincount(cell.ravel(), minlength=len(codes) * (4**k + 1))
        columns.append(counts.reshape(len(codes), -1)[:, : 4**k])
    return np.concatenate(columns, axis=1).astype(np.float32)
