"""How well a ranking separates two labels: AUROC and average precision, with ties in closed form
and with weights; and ranks, by which models with scores of different scales are compared.

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


def mid_ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each value as a share, (rank - 1/2) / n, in 0..1 with the mean 1/2; a tie has the mean
    of its ranks. It makes scores of different scales comparable, without labels.

    values: (n,) or (n, M), one column per model, ranked alone; returns the same shape, float64. NaN
    is missing: it has no rank and does not count in n.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 1:
        return mid_ranks(values[:, None])[:, 0]
    ranks = np.full(values.shape, np.nan)
    for column in range(values.shape[1]):
        present = ~np.isnan(values[:, column])
        ranks[present, column] = ranks_among(values[present, column], values[present, column])
    return ranks


def ranks_among(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Share of the reference below each value, where an equal one counts half: `mid_ranks` of a value
    that is one of the reference, and the rank of a new allele among a background.

    values: (n,); reference: (m,), without NaN; returns float64 (n,), NaN where the value is NaN.
    Raises ValueError where values are given without a reference.
    """
    values, ordered = np.asarray(values, np.float64), np.sort(np.asarray(reference, np.float64))
    if not len(ordered):
        if np.isfinite(values).any():
            raise ValueError("reference: found no value; expected one length above 0")
        return np.full(len(values), np.nan)
    below, up_to = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.where(np.isnan(values), np.nan, (below + up_to) / (2 * len(ordered)))


def rank_disagreement(ranks: np.ndarray) -> np.ndarray:
    """Standard deviation of the models' ranks of each allele (divisor: their number), 0 where they
    agree and at most 1/2.

    ranks: (n, M) in 0..1, all in one direction, NaN where a model has no score; returns float64
    (n,), NaN where fewer than two models have one. Source: docs/understand/published_models.md.
    """
    ranks = np.asarray(ranks, dtype=np.float64)
    present = np.isfinite(ranks)
    count = present.sum(axis=1)
    divisor = np.maximum(count, 1)
    mean = np.where(present, ranks, 0.0).sum(axis=1) / divisor
    squares = np.where(present, ranks - mean[:, None], 0.0) ** 2
    return np.where(count > 1, np.sqrt(squares.sum(axis=1) / divisor), np.nan)


def auroc_null_error(n_ones: int, n_zeros: int) -> float:
    """Standard deviation of the AUROC of a ranking that knows nothing, without ties; infinite where
    a label is missing. Source: Mann and Whitney 1947."""
    pairs = n_ones * n_zeros
    return float(np.sqrt((n_ones + n_zeros + 1) / (12 * pairs))) if pairs else float("inf")


def correlation(one: np.ndarray, other: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Pearson correlation of two columns, (n,) each; of ranks it is Spearman's. NaN where either is
    constant. weights: number of times that each allele counts (n,), default 1 each."""
    weights = np.ones(len(one)) if weights is None else weights
    total = weights.sum()
    if not total > 0:
        return float("nan")
    one, other = (x - (weights * x).sum() / total for x in (one, other))
    spread = (weights * one * one).sum() * (weights * other * other).sum()
    return float((weights * one * other).sum() / np.sqrt(spread)) if spread > 0 else float("nan")
