"""How well each model, and all of them together, rank and call the labels: overall and within each
class.

A pooled figure also counts how well a model tells classes apart that differ in prevalence; within a
class it cannot. Source: docs/understand/published_models.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gfmtrust.core.ranking import Ties, auroc, average_precision
from gfmtrust.core.resampling import Statistic
from gfmtrust.validation.benchmark.labelled.questions import balanced
from gfmtrust.validation.benchmark.labelled.rows import Row, of_rows
from gfmtrust.validation.benchmark.score_table.crossfit import Calls, CrossFit
from gfmtrust.validation.benchmark.score_table.table import ScoreTable

ALL, WITHIN = "all", "within classes"
"""Names of the pooled rows, and of the means over classes, weighted by their alleles."""
MIN_OF_CLASS = 10
"""Alleles of each label that a class needs for a figure of its own and a part in the mean."""
COMBINED = "combined"


def classes_of(table: ScoreTable) -> list[str]:
    """The classes in the order of their names; none where all alleles are in one."""
    names = sorted(set(table.classes))
    return names if len(names) > 1 else []


def class_rows(table: ScoreTable) -> list[Row]:
    """Alleles of each class by label, and whether the class counts in the means within classes."""
    rows = []
    for name in classes_of(table):
        of_class = np.flatnonzero(table.classes == name)
        n_effect = int(table.effect[of_class].sum())
        rows.append(
            Row(
                {
                    "class": name,
                    "n": len(of_class),
                    "n_effect": n_effect,
                    "counts": enough(table.effect, of_class),
                }
            )
        )
    return rows


def enough(effect: np.ndarray, rows: np.ndarray) -> bool:
    """Do these rows hold enough alleles of each label for a figure?"""
    n_effect = int(effect[rows].sum())
    return min(n_effect, len(rows) - n_effect) >= MIN_OF_CLASS


def scores_by_name(fit: CrossFit, models: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Scorer -> its ranking (n,), higher for an effect, NaN where missing; the combined one first."""
    return {COMBINED: fit.combined.log_odds} | {
        name: fit.oriented[:, model] for model, name in enumerate(models)
    }


def ranking_rows(table: ScoreTable, fit: CrossFit) -> list[Row]:
    """AUROC and average precision: for each scorer a row over all alleles, one that is the mean over
    the classes, and one per class."""
    rows = []
    for scorer, ranking in scores_by_name(fit, table.models).items():
        present = np.flatnonzero(np.isfinite(ranking))
        parts = {name: present[table.classes[present] == name] for name in classes_of(table)}
        counted = [part for part in parts.values() if enough(table.effect, part)]
        rows.append(_ranking_row(scorer, ALL, [present], table.effect, ranking))
        if parts:
            rows.append(_ranking_row(scorer, WITHIN, counted, table.effect, ranking))
        rows += [
            _ranking_row(
                scorer, name, [part] if enough(table.effect, part) else [], table.effect, ranking,
                n=len(part), n_effect=int(table.effect[part].sum()),
            )
            for name, part in parts.items()
        ]  # fmt: skip
    return rows


def _ranking_row(
    scorer: str,
    scope: str,
    parts: list[np.ndarray],
    effect: np.ndarray,
    ranking: np.ndarray,
    **facts: int,
) -> Row:
    every = np.concatenate(parts) if parts else np.empty(0, int)
    facts = {"n": len(every), "n_effect": int(effect[every].sum())} | facts
    statistics = {
        name: mean_over(parts, effect.astype(int), ranking, measure)
        for name, measure in (("auroc", auroc), ("ap", average_precision))
    }
    return Row({"scorer": scorer, "class": scope} | facts, statistics)


def mean_over(
    parts: list[np.ndarray],
    label: np.ndarray,
    ranking: np.ndarray,
    measure: Callable[..., float],
    by_pairs: bool = False,
) -> Statistic:
    """The mean of a measure of a ranking over parts, rows each, weighted by the alleles that were
    drawn, or by their pairs of both labels; parts where it is undefined are left out. NaN without
    any."""
    of_parts = [(part, label[part], Ties.of(ranking[part])) for part in parts if len(part)]

    def weighted(weights: np.ndarray) -> float:
        total = size = 0.0
        for part, of_part, ties in of_parts:
            drawn = weights[part]
            n_ones, n_zeros = (drawn * (of_part == 1)).sum(), (drawn * (of_part == 0)).sum()
            if not n_ones or not n_zeros:
                continue
            weight = n_ones * n_zeros if by_pairs else n_ones + n_zeros
            total += weight * measure(of_part, ties, drawn)
            size += weight
        return total / size if size else float("nan")

    return weighted


def error_rows(table: ScoreTable, fit: CrossFit) -> list[Row]:
    """Error and balanced error of the cross-fitted calls of each scorer, over all alleles and in
    each class."""
    rows = []
    for calls in (fit.combined, *fit.single):
        present = np.flatnonzero(np.isfinite(calls.log_odds))
        scopes = {ALL: present} | {
            name: present[table.classes[present] == name] for name in classes_of(table)
        }
        rows += [_error_row(calls, scope, part) for scope, part in scopes.items()]
    return rows


def _error_row(calls: Calls, scope: str, part: np.ndarray) -> Row:
    facts = {
        "scorer": calls.name,
        "class": scope,
        "n": len(part),
        "errors": int(calls.wrong[part].sum()),
    }
    wrong, effect = calls.wrong.astype(float), calls.effect.astype(float)
    return Row(
        facts,
        {
            "error": of_rows(mean, part, wrong),
            "balanced": of_rows(balanced, part, wrong, effect),
        },
    )


def mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean, NaN where nothing was drawn."""
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0 else float("nan")
