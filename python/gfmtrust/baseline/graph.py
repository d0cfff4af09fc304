"""The context model as an ONNX graph: `Law.log_probs` in ai.onnx operators, at any number of
positions of a window.

Inputs int64 input_ids (batch, length), codes A 0, C 1, G 2, T 3, else unknown; pos (batch,
positions). Output logp float32 (batch, positions, 8, 4). The letters beside a position are gathered
without the position itself: its base cannot reach the output. All words over the site come from one
matrix product of the neighbours with powers of 4, in float64, where every word is exact (float32
would be, but CUDA may round it to TF32). Not here: the numbers, which are `evaluate`'s and
`mixture`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial, reduce

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from gfmtrust.baseline.evaluate import Law, alpha
from gfmtrust.baseline.members import N_MEMBERS
from gfmtrust.core.alphabet import N

OPSET = 21
IR_VERSION = 10


def build(law: Law) -> ModelProto:
    """The ONNX model of a law; the same law gives the same bytes."""
    graph = _Graph()
    neighbours = _neighbours(graph, law.reach)
    counts, evidence = _words(graph, law, neighbours), []
    unknown = graph.cast(
        graph.op("Greater", neighbours, graph.const("highest_base", np.int64(N - 1))),
        TensorProto.FLOAT,
    )
    for order in law.orders:
        whole = _whole(graph, law.reach, order + 1, unknown)
        said = _log_sum(graph, counts[order], whole, alpha(order))
        if order:
            between = _log_sum(
                graph, counts[order - 1], _whole_pairs(graph, whole), 4 * alpha(order)
            )
            said = graph.op(
                "Where", _any(graph, whole), graph.op("Sub", said, between), evidence[-1]
            )
        evidence.append(said)
    flanks = _flanks(graph, counts[-1], whole, law.reach)
    logits = _mix(graph, law, evidence, flanks)
    log_probs = graph.op("LogSoftmax", logits, axis=2)  # (batch, positions, 4, 8)
    graph.nodes.append(
        helper.make_node("Transpose", [log_probs], ["logp"], perm=[0, 1, 3, 2], name="logp")
    )
    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"]),
        helper.make_tensor_value_info("pos", TensorProto.INT64, ["batch", "positions"]),
    ]
    outputs = [
        helper.make_tensor_value_info(
            "logp", TensorProto.FLOAT, ["batch", "positions", N_MEMBERS, 4]
        )
    ]
    body = helper.make_graph(graph.nodes, "context_model", inputs, outputs, graph.initializers)
    return helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="gfmtrust",
    )


@dataclass
class _Graph:
    """Nodes and constants under construction; `op` names its output by its number, so equal laws
    give equal bytes."""

    nodes: list = field(default_factory=list)
    initializers: list = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def op(self, kind: str, *inputs: str, **attributes) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def cast(self, value: str, kind: int) -> str:
        return self.op("Cast", value, to=kind)

    def const(self, name: str, value) -> str:
        """A constant by name; the name stands for the value, a second call returns the first."""
        if name not in self.known:
            self.known.add(name)
            self.initializers.append(
                numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name)
            )
        return name

    def axes(self, *values: int) -> str:
        return self.const("axes_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def slice(self, value: str, first: int, end: int, axis: int) -> str:
        return self.op("Slice", value, self.axes(first), self.axes(end), self.axes(axis))


def _neighbours(graph: _Graph, reach: int) -> str:
    """Codes of the letters beside each position, int64 (batch, positions, 2 reach): left ones, then
    right ones."""
    padded = graph.op(
        "Pad",
        "input_ids",
        graph.const("pads", np.array([0, reach, 0, reach], dtype=np.int64)),
        graph.const("outside", np.int64(N)),
    )
    offsets = np.delete(np.arange(2 * reach + 1, dtype=np.int64), reach)
    place = graph.op(
        "Add", graph.op("Unsqueeze", "pos", graph.axes(2)), graph.const("offsets", offsets)
    )
    flat = graph.op("Reshape", place, graph.const("to_flat", np.array([0, -1], dtype=np.int64)))
    return graph.op(
        "Reshape", graph.op("GatherElements", padded, flat, axis=1), graph.op("Shape", place)
    )


def _beside(reach: int, length: int) -> np.ndarray:
    """Which neighbours a word of one length over the site holds, by its start (leftmost first):
    bool (2 reach, length)."""
    at = np.delete(np.arange(-reach, reach + 1), reach)
    start = np.arange(length) - length + 1
    return (at[:, None] >= start) & (at[:, None] < start + length)


def _words(graph: _Graph, law: Law, neighbours: str) -> list[str]:
    """Per word length the counts of all words over the site, float32 (batch, positions, length, 4,
    8)."""
    lengths = range(1, len(law.tables) + 1)
    at = np.delete(np.arange(-law.reach, law.reach + 1), law.reach)[:, None]
    powers = [
        np.where(
            held := _beside(law.reach, length),
            4.0 ** np.where(held, np.arange(length) - at, 0),
            0.0,
        )
        for length in lengths
    ]
    known = graph.op("Less", neighbours, graph.const("no_base", np.int64(N)))
    letters = graph.cast(
        graph.op("Where", known, neighbours, graph.const("zero", np.int64(0))), TensorProto.DOUBLE
    )
    words = graph.cast(
        graph.op("MatMul", letters, graph.const("powers", np.concatenate(powers, axis=1))),
        TensorProto.INT32,
    )
    found, first = [], 0
    for length, table in zip(lengths, law.tables, strict=True):
        word = graph.op("Unsqueeze", graph.slice(words, first, first + length, 2), graph.axes(3))
        bases = 4 ** np.arange(length, dtype=np.int32)[:, None] * np.arange(
            4, dtype=np.int32
        )  # the base at the site, by start
        word = graph.op("Add", word, graph.const(f"bases_{length}", bases))
        held = graph.op("Gather", graph.const(f"words_{length}", table.cells), word, axis=0)
        found.append(_counts(graph, graph.cast(held, TensorProto.FLOAT), table.step))
        first += length
    return found


def _counts(graph: _Graph, held: str, step: float) -> str:
    """Counts of a table's cells. Codes are computed back: a look-up of single numbers takes 5 times
    as long in onnxruntime."""
    if not step:
        return held
    grown = graph.op("Exp", graph.op("Mul", held, graph.const("step", np.float32(step))))
    scaled = graph.op("Mul", grown, graph.const("code_scale", np.float32(1 / np.expm1(step))))
    return graph.op("Sub", scaled, graph.const("code_scale", np.float32(1 / np.expm1(step))))


def _whole(graph: _Graph, reach: int, length: int, unknown: str) -> str:
    """1 for each word of one length over the site without an N, else 0, by start: float32 (batch,
    positions, length)."""
    held = graph.op(
        "MatMul",
        unknown,
        graph.const(f"beside_{length}", _beside(reach, length).astype(np.float32)),
    )
    return graph.op(
        "Sub",
        graph.const("one", np.float32(1)),
        graph.op("Min", held, graph.const("one", np.float32(1))),
    )


def _whole_pairs(graph: _Graph, whole: str) -> str:
    """1 for each word between two whole words one letter longer: float32 (batch, positions, length
    - 1)."""
    far = np.iinfo(np.int64).max
    return graph.op("Mul", graph.slice(whole, 0, -1, 2), graph.slice(whole, 1, far, 2))


def _any(graph: _Graph, whole: str) -> str:
    """Whether any word is whole, bool (batch, positions, 1, 1)."""
    highest = graph.op("ReduceMax", whole, graph.axes(2), keepdims=1)
    return graph.op(
        "Greater", graph.op("Unsqueeze", highest, graph.axes(3)), graph.const("none", np.float32(0))
    )


def _log_sum(graph: _Graph, counts: str, whole: str, pseudo: float) -> str:
    """Sum of ln(count + pseudo) over whole words, float32 (batch, positions, 4, 8)."""
    logs = graph.op(
        "Log", graph.op("Add", counts, graph.const(f"pseudo_{pseudo:g}", np.float32(pseudo)))
    )
    # The sum over whole words as a product of matrices (1 x words) (words x 32): half the time of
    # multiplying and summing apart.
    rows = graph.op(
        "Reshape", logs, graph.const("to_rows", np.array([0, 0, 0, 4 * N_MEMBERS], dtype=np.int64))
    )
    total = graph.op("MatMul", graph.op("Unsqueeze", whole, graph.axes(2)), rows)
    return graph.op(
        "Reshape", total, graph.const("to_bases", np.array([0, 0, 4, N_MEMBERS], dtype=np.int64))
    )


def _flanks(graph: _Graph, top: str, whole: str, reach: int) -> str:
    """How often the left and the right flank stand in the genome, float32 (batch, positions, 8)."""
    by_start = graph.op(
        "ReduceSum", top, graph.axes(3), keepdims=0
    )  # (batch, positions, length, 8)
    kept = graph.op("Mul", by_start, graph.op("Unsqueeze", whole, graph.axes(3)))
    ends = graph.op(
        "Gather", kept, graph.const("ends", np.array([0, reach], dtype=np.int64)), axis=2
    )
    return graph.op("ReduceSum", ends, graph.axes(2), keepdims=0)


def _mix(graph: _Graph, law: Law, evidence: list[str], flanks: str) -> str:
    """Logits, float32 (batch, positions, 4, 8): evidence times the weights of the bin the flanks'
    count falls in."""
    above = graph.op(
        "GreaterOrEqual",
        graph.op("Unsqueeze", flanks, graph.axes(3)),
        graph.const("edges", law.edges),
    )
    bins = graph.op("ReduceSum", graph.cast(above, TensorProto.INT32), graph.axes(3), keepdims=0)
    terms = []
    for index, said in enumerate(evidence):
        weight = graph.op(
            "Gather", graph.const(f"weights_{index}", law.weights[:, index]), bins, axis=0
        )
        terms.append(graph.op("Mul", said, graph.op("Unsqueeze", weight, graph.axes(2))))
    return reduce(partial(graph.op, "Add"), terms)
