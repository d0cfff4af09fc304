"""The int8 form of a scoring graph: a draft, a quarter of the size and faster on CPU, whose LLRs
are too far off for a flag of HIGH.

Weights of MatMul are whole numbers of 7 bits, activations of 8 bits by the range each batch shows;
so a draft runs one window at a time.
"""

from __future__ import annotations

import logging
from pathlib import Path

import onnx

from gfmtrust.models.graph import LARGE_BYTES, strip

MEMBERSHIP = "member"
"""Constant of `folding.KmerScorer` that sums a token's probabilities by letter: what follows the
logits stays float32."""


def quantise(graph: Path) -> Path:
    """Replace the MatMuls with constant weights of a graph, but the one behind the logits, by int8;
    equal bytes for equal weights.

    Convolutions stay float32: quantised they ran at half the speed of torch. 7 bits since a product
    of 8 by 8 overflows on CPUs without VNNI, and an answer may not depend on the CPU.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = onnx.load(graph)
    kept = [
        node.name
        for node in whole.graph.node
        if any(name.split(".")[-1] == MEMBERSHIP for name in node.input)
    ]
    written = graph.with_suffix(".int8.onnx")
    is_large = sum(tensor.ByteSize() for tensor in whole.graph.initializer) > LARGE_BYTES
    logging.disable(
        logging.WARNING
    )  # it advises on the root logger to optimise first, which would bind the graph to this machine
    try:
        quantize_dynamic(
            whole,
            written,
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
            reduce_range=True,
            nodes_to_exclude=kept,
            use_external_data_format=is_large,
        )
    finally:
        logging.disable(logging.NOTSET)
    model = onnx.load(written)
    strip(model)
    onnx.save(model, graph, save_as_external_data=is_large, location=graph.name + ".data")
    return graph
