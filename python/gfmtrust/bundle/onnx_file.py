"""The content of a `.onnx` file: operator domains, opset, inputs and outputs, the names of external
data files, and the values of its weights.

The file is read with the onnx package. Types and shapes are not checked here; the contract of a
bundle is `graph_contract`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto
from onnx.helper import tensor_dtype_to_np_dtype
from onnx.numpy_helper import to_array

from gfmtrust.core.errors import BadDataError, message

MAX_BYTES = (2 << 30) - 1


@dataclass(frozen=True)
class Value:
    """An input or output of the graph; a dimension is a number, a name, or '' where the file states
    neither."""

    name: str
    dtype: str
    dims: tuple[int | str, ...]


@dataclass(frozen=True)
class GraphSummary:
    """opsets: version by domain ('' is ai.onnx); operators: count by 'domain:operator', including
    subgraphs; external: the names of data files."""

    opsets: dict[str, int]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    operators: dict[str, int]
    external: tuple[str, ...]
    n_functions: int

    @property
    def n_nodes(self) -> int:
        """The number of nodes."""
        return sum(self.operators.values())

    @property
    def domains(self) -> set[str]:
        """The domains that are imported or used; ai.onnx is always written ''."""
        used = set(self.opsets) | {operator.split(":")[0] for operator in self.operators}
        return {"" if domain == "ai.onnx" else domain for domain in used}


def read_graph(path: Path) -> GraphSummary:
    """Return a summary of the graph in a file. Raises BadDataError (65) where the bytes are not a
    complete ModelProto with a graph."""
    model = read_model(path)
    operators: Counter[str] = Counter()
    external: set[str] = set()
    try:
        for graph in _graphs(model.graph):
            operators.update(f"{node.domain}:{node.op_type}" for node in graph.node)
            external.update(_files_of(graph))
        return GraphSummary(
            {imported.domain: imported.version for imported in model.opset_import},
            tuple(_value(value) for value in model.graph.input),
            tuple(_value(value) for value in model.graph.output),
            dict(sorted(operators.items())),
            tuple(sorted(external)),
            len(model.functions),
        )
    except UnicodeDecodeError as error:
        raise _unreadable(path, error) from error


def tensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and values of each initialiser of the graph in a file, including those in its
    data files, in the order of the file. Raises BadDataError (65) for an incomplete tensor."""
    for tensor in read_model(path).graph.initializer:
        try:
            values = to_array(tensor, base_dir=str(path.parent))
        except ValueError as error:
            raise BadDataError(
                message(
                    path.name,
                    f"tensor {tensor.name} is not whole ({error})",
                    f"{list(tensor.dims)}",
                    "export it again",
                )
            ) from error
        yield tensor.name, values


def read_model(path: Path) -> ModelProto:
    """Return the content of a file, without the data files that it names. Raises BadDataError (65)
    where the bytes are not a complete ModelProto with a graph."""
    if path.stat().st_size > MAX_BYTES:
        raise BadDataError(
            message(
                path.name,
                f"{path.stat().st_size} bytes",
                f"at most {MAX_BYTES}, as one protobuf can hold",
            )
        )
    try:
        model = ModelProto.FromString(path.read_bytes())
    except DecodeError as error:
        raise _unreadable(path, error) from error
    if not model.HasField("graph"):
        raise _unreadable(path, "no graph")
    return model


def _unreadable(path: Path, why: object) -> BadDataError:
    return BadDataError(
        message(path.name, f"no readable ONNX graph ({why})", "an ONNX model", "export it again")
    )


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and all its subgraphs."""
    yield graph
    for attribute in _attributes(graph):
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from _graphs(inner)


def _attributes(graph: GraphProto) -> Iterator[AttributeProto]:
    for node in graph.node:
        yield from node.attribute


def _files_of(graph: GraphProto) -> Iterator[str]:
    """Yield the data files that tensors of a graph name: initialisers and tensors of attributes,
    including sparse ones."""
    tensors: list[TensorProto] = list(graph.initializer)
    sparse = list(graph.sparse_initializer)
    for attribute in _attributes(graph):
        tensors += [attribute.t, *attribute.tensors]
        sparse += [attribute.sparse_tensor, *attribute.sparse_tensors]
    for one in sparse:
        tensors += [one.values, one.indices]
    for tensor in tensors:
        yield from (pair.value for pair in tensor.external_data if pair.key == "location")


def _value(value: ValueInfoProto) -> Value:
    tensor = value.type.tensor_type
    dims = (
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in tensor.shape.dim
    )
    return Value(value.name, _dtype(tensor.elem_type), tuple(dims))


def _dtype(number: int) -> str:
    """Return numpy's name of an element type, such as 'float32'."""
    try:
        return tensor_dtype_to_np_dtype(number).name
    except KeyError:
        return f"type {number}"
