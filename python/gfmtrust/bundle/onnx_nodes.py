"""Writes an ONNX graph node by node, as bytes, without the onnx package: the scoring environment
does not install it.

    nodes = Nodes() total = nodes.op("Add", "x", nodes.const("one", np.float32(1)))
    nodes.cast(total, "float32", output="y") content = nodes.model("name", (Value("x", "float32",
    ("n",)),), (Value("y", "float32", ("n",)),))

The protobuf wire format is that of onnx.proto3 (fields by number, ONNX 1.16 to 1.23), of which
`onnx_file` reads the same fields. Equal calls give equal bytes. Not here: checks of shapes and
types, which the runtime makes when it loads the graph.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.bundle.onnx_file import ELEMENT_TYPES, Value

OPSET = 21
IR_VERSION = 10
NUMBER_OF = {name: number for number, name in ELEMENT_TYPES.items()}
INT_ATTRIBUTE = 2


class Nodes:
    """Nodes and constants under construction; `op` names its output by its number."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: dict[str, bytes] = {}

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: int) -> str:
        """Add a node with one output; returns the output's name. Attributes are whole numbers, all
        that is needed so far."""
        name = output or f"{kind.lower()}_{len(self._nodes)}"
        held = b"".join(
            _held(5, _held(1, key) + _number(3, value) + _number(20, INT_ATTRIBUTE))
            for key, value in attributes.items()
        )
        self._nodes.append(
            b"".join(_held(1, one) for one in inputs)
            + _held(2, name)
            + _held(3, name)
            + _held(4, kind)
            + held
        )
        return name

    def cast(self, value: str, dtype: str, output: str = "") -> str:
        return self.op("Cast", value, output=output, to=NUMBER_OF[dtype])

    def const(self, name: str, value: np.ndarray | np.generic) -> str:
        """A constant by name, of the array's own type; the name stands for the value, a second call
        returns the first."""
        if name not in self._constants:
            array = np.asarray(value)
            dims = b"".join(_number(1, size) for size in array.shape)
            little_endian = np.ascontiguousarray(
                array, dtype=array.dtype.newbyteorder("<")
            ).tobytes()
            self._constants[name] = (
                dims
                + _number(2, NUMBER_OF[array.dtype.name])
                + _held(8, name)
                + _held(9, little_endian)
            )
        return name

    def axes(self, *values: int) -> str:
        """A constant list of whole numbers: axes, shapes, bounds of a slice."""
        return self.const("ints_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def slice(self, value: str, first: int, end: int, axis: int) -> str:
        return self.op("Slice", value, self.axes(first), self.axes(end), self.axes(axis))

    def model(self, name: str, inputs: tuple[Value, ...], outputs: tuple[Value, ...]) -> bytes:
        """The bytes of a .onnx file; outputs must be names some node was given."""
        graph = b"".join(_held(1, node) for node in self._nodes) + _held(2, name)
        graph += b"".join(_held(5, tensor) for tensor in self._constants.values())
        graph += b"".join(_held(11, _value(one)) for one in inputs) + b"".join(
            _held(12, _value(one)) for one in outputs
        )
        return (
            _number(1, IR_VERSION)
            + _held(2, "gfmtrust")
            + _held(7, graph)
            + _held(8, _held(1, "") + _number(2, OPSET))
        )


def _value(value: Value) -> bytes:
    dims = b"".join(
        _held(1, _held(2, dim) if isinstance(dim, str) else _number(1, dim)) for dim in value.dims
    )
    return _held(1, value.name) + _held(
        2, _held(1, _number(1, NUMBER_OF[value.dtype]) + _held(2, dims))
    )


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # a negative number is written as its 64-bit complement
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _held(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(content)) + content
