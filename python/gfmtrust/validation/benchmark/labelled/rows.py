"""Rows of the benchmark's tables: facts, and statistics with intervals from a bootstrap over
blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gfmtrust.core.resampling import Blocks, Statistic, intervals


@dataclass(frozen=True)
class Row:
    """facts: columns with known values; statistics: column -> Statistic; null: column -> value
    under the null hypothesis, for a p-value."""

    facts: dict
    statistics: dict[str, Statistic] = field(default_factory=dict)
    null: dict[str, float] = field(default_factory=dict)


def of_rows(statistic: Callable[..., float], rows: np.ndarray, *columns) -> Statistic:
    """Return a statistic of some rows: `statistic(*columns of these rows, weights)`; NaN where none
    of them was drawn."""
    taken = tuple(column[rows] for column in columns)

    def weighted(weights: np.ndarray) -> float:
        row_weights = weights[rows]
        return statistic(*taken, row_weights) if row_weights.any() else float("nan")

    return weighted


def filled(rows: list[Row], blocks: Blocks) -> list[dict]:
    """Return each row's facts with the value, `_low`, `_high` (and `_p` where it has a null) of
    each statistic, all from the same draws."""
    named = {
        (i, name): statistic
        for i, row in enumerate(rows)
        for name, statistic in row.statistics.items()
    }
    null = {(i, name): value for i, row in enumerate(rows) for name, value in row.null.items()}
    interval_of = intervals(named, blocks, null)
    table_rows = []
    for i, row in enumerate(rows):
        columns = {}
        for name in row.statistics:
            one = interval_of[i, name]
            columns |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
            columns |= {f"{name}_p": one.p} if name in row.null else {}
        table_rows.append(row.facts | columns)
    return table_rows
