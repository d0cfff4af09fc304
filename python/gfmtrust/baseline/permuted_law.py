"""The law of the context model with the counts of every table permuted: the negative control of
permuted weights, for the compiled law and for its graph in ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gfmtrust.baseline.counts import Table
from gfmtrust.baseline.written_graph import WORDS, WrittenGraph
from gfmtrust.bundle.permuted_weights import (
    is_permuted,
    order_of,
    permuted_values,
    permuted_weights,
)
from gfmtrust.core.permutation import Permutation


def permuted_law(written: WrittenGraph) -> tuple[WrittenGraph, dict[int, Permutation]]:
    """Return the law with its tables of float32 permuted, and the orders of its tables of bytes by
    length, which are left as they are: of 180 million bytes, a control asks for a few million."""
    tables, orders = [], {}
    for length, table in enumerate(written.law.tables, start=1):
        name, cells = f"{WORDS}{length}", table.cells
        if is_permuted(cells):
            if order := order_of(name, cells):
                orders[length] = order
            else:
                cells = permuted_values(name, np.asarray(cells))
        tables.append(Table(cells, table.step))
    return replace(written, law=replace(written.law, tables=tables)), orders


def permuted_counts(graph: Path) -> dict[str, np.ndarray]:
    """Return the tables of counts of a context model's graph by name, permuted. Its other constants
    stay: they state which letters a word holds, and one of them is as large as a weight."""
    weights = permuted_weights(graph)
    return {name: values for name, values in weights.items() if name.startswith(WORDS)}
