"""The last hidden layer of a bundle's graph: the values that its last linear layer reads.

The contract of a graph has no output for them, so the graph is opened once more with one output
added. Nothing else in it changes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from gfmtrust.bundle import onnx_file, tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.runtime import Runtime, load
from gfmtrust.bundle.session import tables

LINEAR = ("MatMul", "Gemm")
OUTPUT = "gfmtrust_hidden"
LEAST_WIDTH = 2
"""A narrower layer has no geometry."""


@dataclass(frozen=True)
class HiddenLayer:
    """A graph with its last hidden layer as an output. batch: windows per pass."""

    runtime: Runtime
    tokenizer: tokenizers.Tokenizer
    batch: int

    @classmethod
    def open(
        cls,
        bundle: Bundle,
        device: str,
        threads: int,
        batch: int,
        weights: Callable[[Path], dict[str, np.ndarray]] | None = None,
    ) -> HiddenLayer | None:
        """The last hidden layer of a bundle; None where its graph has no linear layer before the
        answer, or where it reads whole tokens. weights: a function of the graph that replaces its
        weights."""
        graph = bundle.graph_for(device)
        tokenizer = tables(bundle.text)
        if graph is None or not isinstance(tokenizer, tokenizers.Tokenizer):
            return None
        model = onnx.load(graph, load_external_data=False)
        name = last_hidden(model.graph)
        if name is None:
            return None
        runtime = with_outputs(model, graph, {OUTPUT: name}, device, threads, weights)
        return cls(runtime, tokenizer, batch)

    def pooled(self, codes: np.ndarray, index: np.ndarray) -> np.ndarray | None:
        """The mean of the layer over the letters asked, float64 (n, width); None where the layer
        has no width, or one below LEAST_WIDTH.

        codes: uint8 (n, W). index: int64 (n, P); a masked model masks these letters.
        """
        parts = []
        for start in range(0, len(codes), self.batch):
            rows = slice(start, start + self.batch)
            feeds = tokenizers.feeds(self.tokenizer, codes[rows], index[rows])
            values = self.runtime.run([OUTPUT], feeds)[0]
            if values.ndim < 2 or values.shape[0] != len(feeds["pos"]):
                return None
            parts.append(values.reshape(len(values), -1, values.shape[-1]).mean(axis=1))
        pooled = np.concatenate(parts).astype(np.float64)
        return pooled if pooled.shape[1] >= LEAST_WIDTH else None


def last_hidden(graph: onnx.GraphProto) -> str | None:
    """The name of the computed input of the linear layer that is nearest to the answer; None where
    no layer multiplies a computed value by a weight of the graph. Probabilities are an answer and no
    layer: a model of k-mers multiplies them by a constant that sums them by letter."""
    weights = {one.name for one in graph.initializer}
    maker = {name: node for node in graph.node for name in node.output}
    # a decoder that shares the matrix of the embedding transposes it
    weights |= {name for name, node in maker.items() if node.op_type == "Transpose" and node.input[0] in weights}  # fmt: skip
    level, seen = ["logp"], set()
    while level:
        further = []
        for name in level:
            node = maker.get(name)
            if node is None or name in seen:
                continue
            seen.add(name)
            if node.op_type in LINEAR and node.input[1] in weights and is_hidden(node, maker):
                return node.input[0]
            further.extend(node.input)
        level = further
    return None


def is_hidden(node: onnx.NodeProto, maker: dict[str, onnx.NodeProto]) -> bool:
    """Whether a node reads a computed value that is no distribution."""
    return node.input[0] in maker and maker[node.input[0]].op_type != "Softmax"


def with_outputs(
    model: onnx.ModelProto,
    graph: Path,
    values: dict[str, str],
    device: str,
    threads: int,
    weights: Callable[[Path], dict[str, np.ndarray]] | None,
) -> Runtime:
    """The model of a graph's file with computed values as further outputs, float32. values: name of
    the output -> name of the value. weights: a function of the graph that replaces its weights."""
    for output, value in values.items():
        model.graph.node.append(helper.make_node("Cast", [value], [output], to=TensorProto.FLOAT))
        model.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / graph.name
        path.write_bytes(model.SerializeToString())
        for data in onnx_file.read_graph(graph).external:
            beside(graph.parent / data, path.parent / data)
        return load(path, device, threads, weights(graph) if weights else None)


def beside(source: Path, target: Path) -> None:
    """A data file beside the graph that is opened: a hard link, or a copy on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
