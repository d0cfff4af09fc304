"""Rows of the benchmark's tables: facts, and statistics that a bootstrap over blocks gives intervals to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gfmtrust import tables
from gfmtrust.resampling import Blocks, Statistic, intervals


@dataclass(frozen=True)
class Row:
    """facts: columns known already; statistics: column -> Statistic; null: column -> value that speaks of nothing, for a p-value."""

    facts: dict
    statistics: dict[str, Statistic] = field(default_factory=dict)
    null: dict[str, float] = field(default_factory=dict)


def of_rows(statistic: Callable[..., float], rows: np.ndarray, *columns) -> Statistic:
    """A statistic of some rows: `statistic(*columns of these rows, weights)`; NaN where none of them was drawn."""
    taken = tuple(column[rows] for column in columns)

    def weighted(weights: np.ndarray) -> float:
        mine = weights[rows]
        return statistic(*taken, mine) if mine.any() else float("nan")

    return weighted


def filled(rows: list[Row], blocks: Blocks) -> list[dict]:
    """Each row's facts with value, `_low`, `_high` (and `_p` where it has a null) of each statistic, all from the same draws."""
    named = {(i, name): statistic for i, row in enumerate(rows) for name, statistic in row.statistics.items()}
    null = {(i, name): value for i, row in enumerate(rows) for name, value in row.null.items()}
    found = intervals(named, blocks, null)
    told = []
    for i, row in enumerate(rows):
        columns = {}
        for name in row.statistics:
            one = found[i, name]
            columns |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
            columns |= {f"{name}_p": one.p} if name in row.null else {}
        told.append(row.facts | columns)
    return told


def plain(value):
    """The value as JSON has it: numpy's numbers as Python's, NaN as None, also inside lists and dicts."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_tsv(path: Path, rows: Iterable[dict]) -> None:
    """A tab-separated table with a header, `.` for what is missing, six digits; columns in the order they first occur."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, *([_text(row.get(name)) for name in columns] for row in rows)]
    tables.write_text(path, "".join("\t".join(line) + "\n" for line in lines))


def _text(value) -> str:
    value = plain(value)
    return "." if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
