"""The law of the context model read back from the graph that `graph` writes, and from no other.

    written = read(bundle.graph_for("cpu"))     # None where any node or constant is another one

The tables, the weights and the edges are those of the file; everything else must be what
`graph.build` writes for them. A file that differs is run by ONNX Runtime like any network.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf.message import Message
from onnx import ModelProto, TensorProto
from onnx.numpy_helper import to_array

from gfmtrust.baseline import graph
from gfmtrust.baseline.counts import CODED_LENGTH, Table
from gfmtrust.baseline.evaluate import Law
from gfmtrust.baseline.members import N_MEMBERS
from gfmtrust.bundle import onnx_file

log = logging.getLogger(__name__)

WORDS, BESIDE, WEIGHTS = "words_", "beside_", "weights_"
STEP, SCALE, EDGES = "step", "code_scale", "edges"
LONGEST_WORD = 14
"""Letters of a word at most: tables of longer ones would take 17 GB, and `answered` has 26 letters
in a number."""
LARGEST_COUNT = 2.0**40
"""Sums of twelve logarithms of larger counts would not fit the integers of `kernel`; a genome of
3.1 Gb has counts below 2^33."""


@dataclass(frozen=True)
class WrittenGraph:
    """A law as a file states it. scale: the constant by which the graph turns codes into counts."""

    law: Law
    scale: np.float32


class _OtherGraphError(Exception):
    """What differs from the graph that `graph.build` writes."""


def read(path: Path) -> WrittenGraph | None:
    """Return the law of the graph in a file, None where `graph.build` would write another graph.

    Raises BadDataError (65) where the bytes are no ONNX model.
    """
    model = onnx_file.read_model(path)
    try:
        return _written(model)
    except _OtherGraphError as error:
        log.info("%s: not the context model's own graph (%s); ONNX Runtime runs it", path, error)
        return None


def _written(model: ModelProto) -> WrittenGraph:
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    orders = tuple(sorted(_number(name, BESIDE) - 1 for name in tensors if BESIDE in name))
    if len(tensors) != len(model.graph.initializer) or not orders or orders[0] != 0:
        raise _OtherGraphError("constants of other names")
    is_coded = STEP in tensors
    step = float(_constant(tensors, STEP, ())) if is_coded else 0.0
    scale = float(_constant(tensors, SCALE, ())) if is_coded else 0.0
    tables = [
        Table(_cells(tensors, length), step if length >= CODED_LENGTH else 0.0)
        for length in range(1, orders[-1] + 2)
    ]
    edges = _constant(tensors, EDGES, (None,))
    weights = [_constant(tensors, f"{WEIGHTS}{k}", (len(edges) + 1,)) for k in range(len(orders))]
    law = Law(orders, tables, edges, np.stack(weights, axis=1))
    _check_values(law, step, scale)
    _check_rest(model, law)
    return WrittenGraph(law, np.float32(scale))


def _number(name: str, prefix: str) -> int:
    number = name.removeprefix(prefix)
    if not number.isdecimal() or not 1 <= int(number) <= LONGEST_WORD:
        raise _OtherGraphError(f"constant {name}")
    return int(number)


def _constant(tensors: dict[str, TensorProto], name: str, shape: tuple) -> np.ndarray:
    """The values of a float32 constant of a shape; None in it is any length."""
    values = _values(tensors, name)
    fits = len(values.shape) == len(shape) and all(
        size is None or size == length for size, length in zip(shape, values.shape, strict=True)
    )
    if values.dtype != np.float32 or not fits or not np.isfinite(values).all():
        raise _OtherGraphError(f"{name} is {values.dtype} {list(values.shape)}")
    return values


def _cells(tensors: dict[str, TensorProto], length: int) -> np.ndarray:
    name = f"{WORDS}{length}"
    cells = _values(tensors, name)
    kinds = (np.uint8,) if length >= CODED_LENGTH else (np.uint8, np.float32)
    if cells.dtype not in kinds or cells.shape != (4**length, N_MEMBERS):
        raise _OtherGraphError(f"{name} is {cells.dtype} {list(cells.shape)}")
    return cells


def _values(tensors: dict[str, TensorProto], name: str) -> np.ndarray:
    tensor = tensors.get(name)
    if tensor is None or tensor.data_location == TensorProto.EXTERNAL:
        raise _OtherGraphError(f"no {name}")
    try:
        return to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise _OtherGraphError(f"{name} is not whole") from error


def _check_values(law: Law, step: float, scale: float) -> None:
    """Raise where a value is none that the sums of `kernel` can hold."""
    for length, table in enumerate(law.tables, start=1):
        is_plain = table.cells.dtype == np.float32
        if is_plain and not (table.cells.min() >= 0 and table.cells.max() <= LARGEST_COUNT):
            raise _OtherGraphError(f"{WORDS}{length} has a count outside 0 to 2^40")
    highest = scale * float(np.expm1(255 * min(step, 1.0)))
    if not 0 <= step < 1 or not 0 <= highest <= LARGEST_COUNT:
        raise _OtherGraphError(f"codes count up to {highest:g}")
    if (np.diff(law.edges) <= 0).any():
        raise _OtherGraphError("edges do not rise")


def _check_rest(model: ModelProto, law: Law) -> None:
    """Raise where a node, an input, an output or another constant differs from what `graph.build`
    writes for the law. Its tables are replaced by one row each: they enter the graph as they are."""
    rows = [Table(table.cells[:1], table.step) for table in law.tables]
    ours = graph.build(Law(law.orders, rows, law.edges, law.weights))
    if _fields(model, "graph") != _fields(ours, "graph"):
        raise _OtherGraphError("another writer or operator set")
    if _fields(model.graph, "initializer") != _fields(ours.graph, "initializer"):
        raise _OtherGraphError("other nodes")
    for theirs, expected in zip(model.graph.initializer, ours.graph.initializer, strict=False):
        is_free = expected.name in (STEP, SCALE) or expected.name.startswith(WORDS)
        if theirs.name != expected.name or not is_free and theirs != expected:
            raise _OtherGraphError(f"constant {theirs.name}")
    if len(model.graph.initializer) != len(ours.graph.initializer):
        raise _OtherGraphError("further constants")


def _fields(part: Message, without: str) -> dict:
    return {field.name: value for field, value in part.ListFields() if field.name != without}
