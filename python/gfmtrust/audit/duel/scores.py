"""How well predictions follow labels: correlation and AUROC within each fold, averaged, for many
bootstrap draws at once.

A fold has its own trained model, so that predictions of two folds do not compare. Every competitor
is scored with the same draws, so that a difference of two is paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.resampling import Blocks, bca

Score = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(weights (draws, n), predictions (n,), labels (n,)) -> (draws,); NaN where it is undefined."""
Scored = tuple[float, np.ndarray, np.ndarray]
"""A score, and those of the draws and of the jackknife."""
DRAWS = 500
CHUNK = 4_000_000
"""Weights of draws that are held at once."""
ROUNDING = 1e-12
"""Values that differ by this share of their size or less do not vary: the rest is rounding."""


def pearson(weights: np.ndarray, predicted: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Weighted Pearson correlation, whatever the unit of either; 0 where the predictions do not
    vary, because they then follow nothing, and NaN where the labels do not."""
    x, y = _standardised(predicted), _standardised(label)
    total = np.maximum(weights.sum(axis=1), 1)
    mean_x, mean_y = weights @ x / total, weights @ y / total
    covariance = weights @ (x * y) / total - mean_x * mean_y
    square_x, square_y = weights @ (x * x) / total, weights @ (y * y) / total
    spread_x, spread_y = square_x - mean_x**2, square_y - mean_y**2
    varies_x, varies_y = spread_x > ROUNDING * square_x, spread_y > ROUNDING * square_y
    size = np.sqrt(np.where(varies_x & varies_y, spread_x * spread_y, 1))
    return np.where(varies_y, np.where(varies_x, covariance / size, 0), np.nan)


def _standardised(values: np.ndarray) -> np.ndarray:
    """The values with a mean of 0 and a spread of 1; all 0 where they do not vary."""
    centred = values - values.mean()
    spread = centred.std()
    if spread <= ROUNDING * np.abs(values).max(initial=0):
        return np.zeros_like(centred)
    return centred / spread


def auroc(weights: np.ndarray, predicted: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Weighted area under the ROC curve, ties counted half; NaN without both labels."""
    order = np.argsort(predicted, kind="stable")
    sorted_values = predicted[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(sorted_values)) + 1])
    positive = np.add.reduceat(weights[:, order] * (label[order] == 1), starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * (label[order] != 1), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return np.where(pairs > 0, (positive * below).sum(axis=1) / np.maximum(pairs, 1e-12), np.nan)


@dataclass(frozen=True)
class Judge:
    """Scores predictions with one set of draws. label, fold, element: (n,); drawn, left_out:
    weights of the bootstrap and of the jackknife, float32."""

    label: np.ndarray
    fold: np.ndarray
    drawn: np.ndarray
    left_out: np.ndarray
    mode: str

    @classmethod
    def of(cls, label: np.ndarray, fold: np.ndarray, element: np.ndarray, seed: int) -> Judge:
        blocks = Blocks(element, seed, DRAWS)
        drawn = np.stack([weights.astype(np.float32) for weights in blocks.weights()])
        left = np.stack([weights.astype(np.float32) for weights in blocks.left_out()])
        return cls(label, fold, drawn, left, blocks.mode)

    def all_scores(
        self, score: Score, predicted: np.ndarray, rows: np.ndarray | None = None
    ) -> Scored:
        """The score, and those of the draws and of the jackknife. rows: bool (n,), the examples that
        have a prediction, None for all."""
        everything = np.ones((1, len(self.label)), np.float32)
        value, drawn, left = (
            self._of(score, weights, predicted, rows)
            for weights in (everything, self.drawn, self.left_out)
        )
        return float(value[0]), drawn, left

    def value(self, score: Score, predicted: np.ndarray) -> float:
        """The score without an interval."""
        return float(self._of(score, np.ones((1, len(self.label)), np.float32), predicted, None)[0])

    def _of(
        self, score: Score, weights: np.ndarray, predicted: np.ndarray, rows: np.ndarray | None
    ) -> np.ndarray:
        """The mean over the folds, weighted by their examples; folds without a score are left
        out."""
        total, counted = np.zeros(len(weights)), np.zeros(len(weights))
        for fold in np.unique(self.fold):
            inside = np.flatnonzero((self.fold == fold) & (True if rows is None else rows))
            if len(inside) < 2:
                continue
            step = max(1, CHUNK // len(inside))
            of_fold = np.concatenate(
                [
                    score(weights[i : i + step, inside], predicted[inside], self.label[inside])
                    for i in range(0, len(weights), step)
                ]
            )
            defined = np.isfinite(of_fold)
            total += np.where(defined, of_fold, 0) * len(inside)
            counted += defined * len(inside)
        return np.divide(total, counted, out=np.full(len(total), np.nan), where=counted > 0)


def statistic(label: str, of: Scored, n: int, null: float | None = None, **further) -> Statistic:
    """A number with its interval. of: the value, its draws and its jackknife. further: other fields
    of the statistic."""
    value, low, high = (_finite(one) for one in (of[0], *bca(*of)))
    return Statistic(label, value, low, high, null, n, **further)


def difference(one: Scored, other: Scored) -> Scored:
    """The paired difference of two scores."""
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
