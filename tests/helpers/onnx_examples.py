"""Small ONNX graphs for tests of the reader."""

import toy_models


def with_subgraph():
    """The toy model with an If, whose two branches each hold one more operator."""
    from onnx import TensorProto, helper

    def branch(operator):
        out = helper.make_tensor_value_info("out", TensorProto.INT64, None)
        return helper.make_graph(
            [helper.make_node(operator, ["pos"], ["out"])], operator, [], [out]
        )

    node = helper.make_node(
        "If", ["flag"], ["unused"], then_branch=branch("Abs"), else_branch=branch("Neg")
    )
    model = toy_models.graph(toy_models.table(), extra_node=node)
    model.graph.input.append(helper.make_tensor_value_info("flag", TensorProto.BOOL, []))
    return model
