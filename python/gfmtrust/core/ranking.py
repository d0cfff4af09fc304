"""How well a ranking separates two labels: AUROC and average precision, with ties in closed form
and with weights.

A weight is the number of times that an allele was drawn, so that a bootstrap sorts only once.
Source: Hanley and McNeil 1982 (AUROC, where a tie counts half); average precision as defined in
scikit-learn (the sum of precision times the step in recall, where a tie is one step).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ties:
    """A sorted ranking, highest first: `order` (n,) are the rows, `starts` the first place of each
    tie."""

    order: np.ndarray
    starts: np.ndarray

    @staticmethod
    def of(ranking: np.ndarray | Ties) -> Ties:
        """Raises ValueError where the ranking is empty or contains NaN."""
        if isinstance(ranking, Ties):
            return ranking
        ranking = np.asarray(ranking, dtype=np.float64)
        if not len(ranking):
            raise ValueError("ranking: found no value; expected one length above 0")
        if np.isnan(ranking).any():
            raise ValueError("ranking: found NaN; expected a number for every allele")
        order = np.argsort(-ranking, kind="stable")
        return Ties(order, np.flatnonzero(np.concatenate([[True], np.diff(ranking[order]) != 0])))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of the values, (n,), within each tie, highest tie first."""
        if len(values) != len(self.order):
            raise ValueError(
                f"values, ranking: lengths {len(values)} and {len(self.order)}; expected one length above 0"
            )
        return np.add.reduceat(np.asarray(values, dtype=np.float64)[self.order], self.starts)


def counted(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The values times the number of times that each allele counts."""
    values = np.asarray(values, dtype=np.float64)
    return values if weights is None else values * weights


def auroc(
    label: np.ndarray, ranking: np.ndarray | Ties, weights: np.ndarray | None = None
) -> float:
    """Probability that an allele of label 1 ranks above one of label 0, where a tie counts half;
    NaN where a label is missing.

    label: 0 or 1 (n,); ranking: (n,), a higher value indicates label 1; weights: (n,) at least 0,
    default 1 each.
    """
    ties, label = Ties.of(ranking), np.asarray(label)
    ones, zeros = ties.sums(counted(label == 1, weights)), ties.sums(counted(label == 0, weights))
    pairs = ones.sum() * zeros.sum()
    below = zeros.sum() - np.cumsum(zeros) + 0.5 * zeros
    return float((ones * below).sum() / pairs) if pairs else float("nan")


def average_precision(
    label: np.ndarray, ranking: np.ndarray | Ties, weights: np.ndarray | None = None
) -> float:
    """Area under the stepwise precision-recall curve; a random ranking gives the share of label 1.
    NaN where label 1 is missing."""
    ties, label = Ties.of(ranking), np.asarray(label)
    ones, every = (
        ties.sums(counted(label == 1, weights)),
        np.cumsum(ties.sums(counted(np.ones(len(label)), weights))),
    )
    precision = np.divide(np.cumsum(ones), every, out=np.zeros(len(ones)), where=every > 0)
    return float((ones * precision).sum() / ones.sum()) if ones.sum() else float("nan")


def roc_curve(label: np.ndarray, ranking: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rate after each tie, starting at (0, 0). Both labels must be
    present."""
    ties = Ties.of(ranking)
    rates = [
        np.concatenate([[0.0], np.cumsum(ties.sums(np.asarray(label) == one))]) for one in (0, 1)
    ]
    return rates[0] / rates[0][-1], rates[1] / rates[1][-1]
