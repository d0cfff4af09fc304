"""What a `.onnx` file holds, read without the onnx package (scoring does not install it).

Walks the protobuf wire format of ModelProto by field number (onnx.proto3 of ONNX 1.16 to 1.23; the
numbers never change). It answers what a bundle must promise: operator domains, opset, inputs and
outputs, data files named outside. It does not check types or shapes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.core.errors import BadDataError, message

ELEMENT_TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    16: "bfloat16",
}
NUMPY_TYPES = set(ELEMENT_TYPES.values()) - {"bfloat16"}
MAX_BYTES = (2 << 30) - 1
MAX_DEPTH = 16
"""Subgraphs inside subgraphs; no exporter goes beyond three."""


@dataclass(frozen=True)
class Value:
    """An input or output of the graph; a dimension is a number, a name, or '' where neither is
    given."""

    name: str
    dtype: str
    dims: tuple[int | str, ...]


@dataclass(frozen=True)
class GraphSummary:
    """opsets: version by domain ('' is ai.onnx); operators: count by 'domain:operator', subgraphs
    included; external: named data files."""

    opsets: dict[str, int]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    operators: dict[str, int]
    external: tuple[str, ...]
    n_functions: int

    @property
    def n_nodes(self) -> int:
        return sum(self.operators.values())

    @property
    def domains(self) -> set[str]:
        """Domains imported or used, with ai.onnx always written ''."""
        used = set(self.opsets) | {operator.split(":")[0] for operator in self.operators}
        return {"" if domain == "ai.onnx" else domain for domain in used}


def read_graph(path: Path) -> GraphSummary:
    """Summary of the graph in a file. Raises BadDataError (65) where the bytes are not a whole
    ModelProto with a graph."""
    if path.stat().st_size > MAX_BYTES:
        raise BadDataError(
            message(
                path.name,
                f"{path.stat().st_size} bytes",
                f"at most {MAX_BYTES}, as one protobuf can hold",
            )
        )
    content = memoryview(path.read_bytes())
    try:
        return _model(content)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise BadDataError(
            message(
                path.name, f"no readable ONNX graph ({error})", "an ONNX model", "export it again"
            )
        ) from error


def tensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and values of each initialiser of the graph in a file, those in its data files too, in
    the order of the file; of types that numpy has. Raises BadDataError (65) where a tensor is not
    whole."""
    graph = next(value for number, value in _fields(memoryview(path.read_bytes())) if number == 7)
    for tensor in (value for number, value in _fields(graph) if number == 5):
        name, dtype, dims, raw = _initialiser(tensor, path.parent)
        if dtype not in NUMPY_TYPES:
            continue
        values = np.frombuffer(raw, dtype=dtype)
        if values.size != int(np.prod(dims, dtype=np.int64)):
            raise BadDataError(
                message(
                    path.name,
                    f"tensor {name} holds {values.size} values",
                    f"{dims}",
                    "export it again",
                )
            )
        yield name, values.reshape(dims)


def _initialiser(
    tensor: memoryview, folder: Path
) -> tuple[str, str, list[int], memoryview | bytes]:
    name, dtype, dims, raw, outside = "", "", [], b"", {}
    for number, value in _fields(tensor):
        if number == 1:
            dims += [value] if isinstance(value, int) else _packed(value)
        elif number == 2:
            dtype = ELEMENT_TYPES.get(value, f"type {value}")
        elif number in (4, 9):  # float_data, raw_data
            raw = value
        elif number == 8:
            name = _text(value)
        elif number == 13:
            pair = dict(_fields(value))
            outside[_text(pair[1])] = _text(pair[2])
    if outside:
        with open(folder / outside["location"], "rb") as file:
            file.seek(int(outside.get("offset", 0)))
            raw = file.read(int(outside["length"]))
    return name, dtype, dims, raw


def _packed(content: memoryview) -> list[int]:
    numbers, at = [], 0
    while at < len(content):
        number, at = _varint(content, at)
        numbers.append(number)
    return numbers


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field number and value of each field of a message: an int, or the bytes of a length-delimited
    field."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(content, at)
            yield number, value
        elif wire in (1, 2, 5):
            size, at = (8 if wire == 1 else 4, at) if wire != 2 else _varint(content, at)
            if at + size > len(content):
                raise ValueError("truncated")
            yield number, content[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {wire}")


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("number too long")


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError("a number where text belongs")
    return bytes(value).decode()


def _model(content: memoryview) -> GraphSummary:
    opsets: dict[str, int] = {}
    graph, n_functions = None, 0
    for number, value in _fields(content):
        if number == 7:
            graph = value
        elif number == 8:
            imported = dict(_fields(value))
            opsets[_text(imported.get(1, memoryview(b"")))] = imported.get(2, 0)
        elif number == 25:
            n_functions += 1
    if graph is None:
        raise ValueError("no graph")
    operators: Counter[str] = Counter()
    external: list[str] = []
    _walk(graph, operators, external, 0)
    named = [(number, value) for number, value in _fields(graph) if number in (11, 12)]
    inputs = tuple(_value(value) for number, value in named if number == 11)
    outputs = tuple(_value(value) for number, value in named if number == 12)
    return GraphSummary(
        opsets,
        inputs,
        outputs,
        dict(sorted(operators.items())),
        tuple(sorted(set(external))),
        n_functions,
    )


def _walk(graph: memoryview, operators: Counter, external: list[str], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("subgraphs too deep")
    for number, value in _fields(graph):
        if number == 1:
            _node(value, operators, external, depth)
        elif number == 5:
            _tensor(value, external)
        elif number == 15:  # sparse initialiser: two tensors, of values and of indices
            for part, tensor in _fields(value):
                if part in (1, 2):
                    _tensor(tensor, external)


def _node(node: memoryview, operators: Counter, external: list[str], depth: int) -> None:
    operator = domain = ""
    for number, value in _fields(node):
        if number == 4:
            operator = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5:
            for part, held in _fields(value):
                if part in (5, 10):  # a tensor, or a list of them
                    _tensor(held, external)
                elif part in (6, 11):  # a subgraph, or a list of them
                    _walk(held, operators, external, depth + 1)
    operators[f"{domain}:{operator}"] += 1


def _tensor(tensor: memoryview, external: list[str]) -> None:
    """Note the file a tensor's data lie in; field 13 is its external data, key-value pairs."""
    for number, value in _fields(tensor):
        if number == 13:
            pair = dict(_fields(value))
            if _text(pair.get(1, memoryview(b""))) == "location":
                external.append(_text(pair.get(2, memoryview(b""))))


def _value(content: memoryview) -> Value:
    name, dtype, dims = "", "", []
    for number, value in _fields(content):
        if number == 1:
            name = _text(value)
        elif number == 2:
            for kind, tensor in _fields(value):
                if kind == 1:
                    dtype, dims = _tensor_type(tensor)
    return Value(name, dtype, tuple(dims))


def _tensor_type(content: memoryview) -> tuple[str, list[int | str]]:
    dtype, dims = "", []
    for number, value in _fields(content):
        if number == 1:
            dtype = ELEMENT_TYPES.get(value, f"type {value}")
        elif number == 2:
            for _, dimension in _fields(value):
                held = dict(_fields(dimension))
                dims.append(held[1] if 1 in held else _text(held[2]) if 2 in held else "")
    return dtype, dims
