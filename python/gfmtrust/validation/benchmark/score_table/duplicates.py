"""Models that say the same: pairs by Spearman correlation, overall and of what is left within label
and class, and the groups of near-duplicates.

Models that agree because both see the label, or the class, are no duplicates; the residuals say
whether they also share their errors. Source: docs/understand/published_models.md.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from gfmtrust.core.ranking import correlation, mid_ranks
from gfmtrust.core.resampling import Statistic
from gfmtrust.validation.benchmark.labelled.rows import Row, of_rows
from gfmtrust.validation.benchmark.score_table.crossfit import CrossFit
from gfmtrust.validation.benchmark.score_table.table import ScoreTable

NEAR_DUPLICATE = 0.9
"""Spearman correlation from which two models are near-duplicates."""
MIN_CELL = 5
"""Alleles of a label and class from which their mean rank is subtracted."""


def residual_ranks(ranks: np.ndarray, effect: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The ranks (n, M) less the mean rank of the allele's label and class; NaN where missing, and in
    cells of fewer than 5 alleles."""
    residuals = np.full(ranks.shape, np.nan)
    for name in sorted(set(classes)):
        for label in (True, False):
            cell = np.flatnonzero((classes == name) & (effect == label))
            for model in range(ranks.shape[1]):
                rows = cell[np.isfinite(ranks[cell, model])]
                if len(rows) >= MIN_CELL:
                    residuals[rows, model] = ranks[rows, model] - ranks[rows, model].mean()
    return residuals


def pair_rows(table: ScoreTable, fit: CrossFit) -> list[Row]:
    """A row for each pair of models: Spearman correlation in the direction of an effect, overall
    and of the residuals; closest pairs first."""
    residuals = residual_ranks(fit.oriented, table.effect, table.classes)
    rows = []
    for one, other in combinations(range(len(table.models)), 2):
        both = np.isfinite(fit.oriented[:, [one, other]]).all(axis=1)
        facts = {"a": table.models[one], "b": table.models[other], "n": int(both.sum())}
        rows.append(
            Row(
                facts,
                {
                    "spearman": _spearman(fit.oriented[:, one], fit.oriented[:, other]),
                    "residual": _spearman(residuals[:, one], residuals[:, other]),
                },
            )
        )
    return sorted(rows, key=lambda row: -_value(row, len(table)))


def _value(row: Row, n: int) -> float:
    value = row.statistics["spearman"](np.ones(n))
    return abs(value) if np.isfinite(value) else -1.0


def _spearman(one: np.ndarray, other: np.ndarray) -> Statistic:
    """Spearman correlation over the alleles with both values. Draws of a bootstrap keep the ranks
    of all alleles."""
    rows = np.flatnonzero(np.isfinite(one) & np.isfinite(other))
    ranked = [np.full(len(one), np.nan), np.full(len(one), np.nan)]
    for place, values in zip(ranked, (one, other), strict=True):
        place[rows] = mid_ranks(values[rows])
    return of_rows(correlation, rows, *ranked)


def clusters(models: tuple[str, ...], pairs: list[dict]) -> list[tuple[str, ...]]:
    """Groups of near-duplicates, in the order of the models: within a group every pair has a
    correlation of at least 0.9 (complete linkage, closest pairs first). pairs: with a, b,
    spearman."""
    close = {
        frozenset((pair["a"], pair["b"])): abs(pair["spearman"])
        for pair in pairs
        if np.isfinite(pair["spearman"]) and abs(pair["spearman"]) >= NEAR_DUPLICATE
    }
    group_of = {name: (name,) for name in models}
    for pair in sorted(close, key=lambda pair: (-close[pair], sorted(pair))):
        one, other = (group_of[name] for name in sorted(pair))
        if one != other and all(frozenset((a, b)) in close for a in one for b in other):
            joined = tuple(name for name in models if name in {*one, *other})
            group_of |= dict.fromkeys(joined, joined)
    return list(dict.fromkeys(group for group in group_of.values() if len(group) > 1))
