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

from functools import partial, reduce

import numpy as np
from onnx import ModelProto

from gfmtrust.baseline.evaluate import Law, alpha
from gfmtrust.baseline.members import N_MEMBERS
from gfmtrust.bundle.onnx_file import Value
from gfmtrust.bundle.onnx_nodes import Nodes
from gfmtrust.core.alphabet import N


def build(law: Law) -> ModelProto:
    """The ONNX model of a law; the same law gives the same bytes."""
    graph = Nodes()
    neighbours = _neighbours(graph, law.reach)
    counts, evidence = _words(graph, law, neighbours), []
    unknown = graph.cast(
        graph.op("Greater", neighbours, graph.const("highest_base", np.int64(N - 1))),
        "float32",
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
    graph.op("Transpose", log_probs, output="logp", perm=[0, 1, 3, 2])
    inputs = (
        Value("input_ids", "int64", ("batch", "length")),
        Value("pos", "int64", ("batch", "positions")),
    )
    outputs = (Value("logp", "float32", ("batch", "positions", N_MEMBERS, 4)),)
    return graph.model("context_model", inputs, outputs)


def _neighbours(graph: Nodes, reach: int) -> str:
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


def _words(graph: Nodes, law: Law, neighbours: str) -> list[str]:
    """Per word length the counts of all words over the site, float32 (batch, positions, length, 4,
    8)."""
    lengths = range(1, len(law.tables) + 1)
    at = np.delete(np.arange(-law.reach, law.reach + 1), law.reach)[:, None]
    powers = [
        np.where(
            covered := _beside(law.reach, length),
            4.0 ** np.where(covered, np.arange(length) - at, 0),
            0.0,
        )
        for length in lengths
    ]
    definite = graph.op("Less", neighbours, graph.const("no_base", np.int64(N)))
    letters = graph.cast(
        graph.op("Where", definite, neighbours, graph.const("zero", np.int64(0))), "float64"
    )
    words = graph.cast(
        graph.op("MatMul", letters, graph.const("powers", np.concatenate(powers, axis=1))),
        "int32",
    )
    counts, first = [], 0
    for length, table in zip(lengths, law.tables, strict=True):
        word = graph.op("Unsqueeze", graph.slice(words, first, first + length, 2), graph.axes(3))
        bases = 4 ** np.arange(length, dtype=np.int32)[:, None] * np.arange(
            4, dtype=np.int32
        )  # the base at the site, by start
        word = graph.op("Add", word, graph.const(f"bases_{length}", bases))
        cells = graph.op("Gather", graph.const(f"words_{length}", table.cells), word, axis=0)
        counts.append(_counts(graph, graph.cast(cells, "float32"), table.step))
        first += length
    return counts


def _counts(graph: Nodes, cells: str, step: float) -> str:
    """Counts of a table's cells. Codes are computed back: a look-up of single numbers takes 5 times
    as long in onnxruntime."""
    if not step:
        return cells
    grown = graph.op("Exp", graph.op("Mul", cells, graph.const("step", np.float32(step))))
    scaled = graph.op("Mul", grown, graph.const("code_scale", np.float32(1 / np.expm1(step))))
    return graph.op("Sub", scaled, graph.const("code_scale", np.float32(1 / np.expm1(step))))


def _whole(graph: Nodes, reach: int, length: int, unknown: str) -> str:
    """1 for each word of one length over the site without an N, else 0, by start: float32 (batch,
    positions, length)."""
    n_unknown = graph.op(
        "MatMul",
        unknown,
        graph.const(f"beside_{length}", _beside(reach, length).astype(np.float32)),
    )
    return graph.op(
        "Sub",
        graph.const("one", np.float32(1)),
        graph.op("Min", n_unknown, graph.const("one", np.float32(1))),
    )


def _whole_pairs(graph: Nodes, whole: str) -> str:
    """1 for each word between two whole words one letter longer: float32 (batch, positions, length
    - 1)."""
    far = np.iinfo(np.int64).max
    return graph.op("Mul", graph.slice(whole, 0, -1, 2), graph.slice(whole, 1, far, 2))


def _any(graph: Nodes, whole: str) -> str:
    """Whether any word is whole, bool (batch, positions, 1, 1)."""
    highest = graph.op("ReduceMax", whole, graph.axes(2), keepdims=1)
    return graph.op(
        "Greater", graph.op("Unsqueeze", highest, graph.axes(3)), graph.const("none", np.float32(0))
    )


def _log_sum(graph: Nodes, counts: str, whole: str, pseudo: float) -> str:
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


def _flanks(graph: Nodes, top: str, whole: str, reach: int) -> str:
    """How often the left and the right flank occur in the genome, float32 (batch, positions, 8)."""
    by_start = graph.op(
        "ReduceSum", top, graph.axes(3), keepdims=0
    )  # (batch, positions, length, 8)
    kept = graph.op("Mul", by_start, graph.op("Unsqueeze", whole, graph.axes(3)))
    ends = graph.op(
        "Gather", kept, graph.const("ends", np.array([0, reach], dtype=np.int64)), axis=2
    )
    return graph.op("ReduceSum", ends, graph.axes(2), keepdims=0)


def _mix(graph: Nodes, law: Law, evidence: list[str], flanks: str) -> str:
    """Logits, float32 (batch, positions, 4, 8): evidence times the weights of the bin the flanks'
    count falls in."""
    above = graph.op(
        "GreaterOrEqual",
        graph.op("Unsqueeze", flanks, graph.axes(3)),
        graph.const("edges", law.edges),
    )
    bins = graph.op("ReduceSum", graph.cast(above, "int32"), graph.axes(3), keepdims=0)
    terms = []
    for index, said in enumerate(evidence):
        weight = graph.op(
            "Gather", graph.const(f"weights_{index}", law.weights[:, index]), bins, axis=0
        )
        terms.append(graph.op("Mul", said, graph.op("Unsqueeze", weight, graph.axes(2))))
    return reduce(partial(graph.op, "Add"), terms)
