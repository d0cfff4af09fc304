"""An ONNX graph under construction, node by node.

    nodes = Nodes()
    total = nodes.op("Add", "x", nodes.const("one", np.float32(1)))
    nodes.cast(total, "float32", output="y")
    model = nodes.model("name", (Value("x", "float32", ("n",)),), (Value("y", "float32", ("n",)),))

Equal calls give equal bytes. The runtime checks shapes and types when it loads the graph.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, ValueInfoProto, helper, numpy_helper

from gfmtrust.bundle.onnx_file import Value

OPSET = 21
IR_VERSION = 10


class Nodes:
    """Nodes and constants under construction; `op` names an output by the number of its node."""

    def __init__(self) -> None:
        self._nodes: list = []
        self._constants: dict = {}

    def op(self, kind: str, *inputs: str, output: str = "", **attributes) -> str:
        """Add a node with one output and return the name of the output."""
        name = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def cast(self, value: str, dtype: str, output: str = "") -> str:
        """Add a conversion to another type and return the name of its output."""
        return self.op("Cast", value, output=output, to=_element_type(dtype))

    def const(self, name: str, value: np.ndarray | np.generic) -> str:
        """Add a constant of the array's own type and return its name. A name stands for one value:
        a second call with it returns the first constant."""
        if name not in self._constants:
            array = np.ascontiguousarray(value).reshape(np.shape(value))
            self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def axes(self, *values: int) -> str:
        """Add a constant list of integers, such as axes, shapes or the bounds of a slice, and
        return its name."""
        return self.const("axes_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def slice(self, value: str, first: int, end: int, axis: int) -> str:
        """Add a slice from first to end, end excluded, along one axis, and return the name of its
        output."""
        return self.op("Slice", value, self.axes(first), self.axes(end), self.axes(axis))

    def model(self, name: str, inputs: tuple[Value, ...], outputs: tuple[Value, ...]) -> ModelProto:
        """Return the model; the names of the outputs must be outputs of nodes."""
        graph = helper.make_graph(
            self._nodes,
            name,
            _value_infos(inputs),
            _value_infos(outputs),
            list(self._constants.values()),
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="gfmtrust",
        )


def _value_infos(values: tuple[Value, ...]) -> list[ValueInfoProto]:
    return [
        helper.make_tensor_value_info(value.name, _element_type(value.dtype), value.dims)
        for value in values
    ]


def _element_type(dtype: str) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
