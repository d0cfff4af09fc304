"""The static embedding of a bundle: the rows of the graph's weight that its token ids select."""

from __future__ import annotations

import numpy as np
import onnx

from gfmtrust.bundle import onnx_file, tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import tables


def word_table(bundle: Bundle) -> np.ndarray | None:
    """The embeddings of the 4^k words of A, C, G, T by rank, float64 (4^k, width); None where the
    graph selects no rows of a matrix by its token ids, or reads whole tokens."""
    graph = bundle.graph_for("cpu")
    tokenizer = tables(bundle.text) if graph is not None else None
    if graph is None or not isinstance(tokenizer, tokenizers.Tokenizer):
        return None
    nodes = onnx.load(graph, load_external_data=False).graph.node
    names = [
        node.input[0]
        for node in nodes
        if node.op_type == "Gather" and list(node.input[1:]) == ["input_ids"]
    ]
    values = next((value for name, value in onnx_file.tensors(graph) if name in names), None)
    if values is None or values.ndim != 2:
        return None
    return values[tokenizer.ids[: 4**tokenizer.text.k]].astype(np.float64)
