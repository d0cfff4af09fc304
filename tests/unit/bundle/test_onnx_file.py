"""Our reader of ONNX files against the onnx package."""

from contextlib import suppress

import numpy as np
import pytest
import toy_models
from onnx_examples import with_subgraph

from gfmtrust.bundle.onnx_file import read_graph
from gfmtrust.core.errors import BadDataError


def test_the_summary_of_the_toy_model(tmp_path):
    path = tmp_path / "toy.onnx"
    path.write_bytes(toy_models.graph(toy_models.table()).SerializeToString())
    summary = read_graph(path)
    assert summary.opsets == {"": 21}
    assert summary.operators == {
        ":Add": 2,
        ":Gather": 1,
        ":GatherElements": 2,
        ":Mul": 1,
        ":Sub": 1,
    }
    assert [(value.name, value.dtype, value.dims) for value in summary.inputs] == [
        ("input_ids", "int64", ("batch", "length")),
        ("pos", "int64", ("batch", "positions")),
    ]
    assert [(value.name, value.dtype, value.dims) for value in summary.outputs] == [
        ("logp", "float32", ("batch", "positions", 4))
    ]
    assert (summary.external, summary.n_functions, summary.n_nodes, summary.domains) == (
        (),
        0,
        7,
        {""},
    )


def test_operators_inside_subgraphs_are_counted(tmp_path):
    path = tmp_path / "toy.onnx"
    path.write_bytes(with_subgraph().SerializeToString())
    counts = read_graph(path).operators
    assert (counts[":If"], counts[":Abs"], counts[":Neg"]) == (1, 1, 1)


def test_external_data_are_found(tmp_path):
    import onnx

    path = tmp_path / "toy.onnx"
    model = toy_models.graph(toy_models.table().astype(np.float32))
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert read_graph(path).external == ("weights.bin",)


def test_functions_are_counted(tmp_path):
    from onnx import helper

    model = toy_models.graph(toy_models.table())
    node = helper.make_node("Abs", ["x"], ["y"])
    model.functions.append(
        helper.make_function("local", "f", ["x"], ["y"], [node], [helper.make_opsetid("", 21)])
    )
    path = tmp_path / "toy.onnx"
    path.write_bytes(model.SerializeToString())
    assert read_graph(path).n_functions == 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"\xff" * 40, b"not a model at all", b"PK\x03\x04" + b"\x00" * 30]
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(BadDataError, match="ONNX"):
        read_graph(path)


@pytest.mark.bad_input
def test_every_truncation_is_refused_or_has_less(tmp_path):
    """A cut file never raises anything but BadDataError; where the cut falls between fields the
    summary is smaller."""
    whole = toy_models.graph(toy_models.table()).SerializeToString()
    path = tmp_path / "x.onnx"
    for size in range(0, len(whole), 37):
        path.write_bytes(whole[:size])
        with suppress(BadDataError):
            assert read_graph(path).n_nodes <= 7


@pytest.mark.bad_input
def test_a_file_larger_than_a_protobuf_is_refused_unread(tmp_path):
    path = tmp_path / "large.onnx"
    with open(path, "wb") as file:
        file.truncate(1 << 41)  # a hole: 2 TB that no disk has to hold, and no memory could
    with pytest.raises(
        BadDataError, match=r"large\.onnx: 2199023255552 bytes; expected at most 2147483647"
    ):
        read_graph(path)
