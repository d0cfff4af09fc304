"""Bundles: what a written one says, and everything a planted defect must be refused for (rows 50 to
52 of the faults)."""

import json
import os
import shutil

import numpy as np
import pytest
import toy_models

from gfmtrust.bundle import bundle as bundles
from gfmtrust.bundle import graph_contract, schema
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.errors import BadDataError, CannotWriteError, GfmtrustError, MissingInputError


@pytest.fixture
def toy(tmp_path):
    return toy_models.write_toy(tmp_path / "toy")


def test_fields_come_back(toy):
    opened = Bundle.open(toy.directory)
    assert (
        opened.model_id,
        opened.family,
        opened.window_bp,
        opened.site_forward,
        opened.site_reverse,
    ) == ("toy", "gpn", 16, 8, 7)
    assert (opened.n_members, opened.rc_equivariant, opened.neighbour_offsets, opened.shifts) == (
        1,
        False,
        [-3, 3],
        [-2, 0, 2],
    )
    assert (opened.gate, opened.kmer_method, opened.text.mask) == ("passed", "", "[MASK]")
    assert (
        opened.sha256
        == toy.sha256
        == json.loads((toy.directory / "bundle.json").read_text())["sha256"]
    )


def test_the_graph_entry_is_measured_not_told(toy):
    entry = toy.meta["graphs"]["cpu"]
    assert entry["operators"] == {
        ":Add": 2,
        ":Gather": 1,
        ":GatherElements": 2,
        ":Mul": 1,
        ":Sub": 1,
    }
    assert entry["inputs"][1] == ["pos", "int64", ["batch", "positions"]]
    assert entry["bytes"] == (toy.directory / "model.onnx").stat().st_size
    assert toy.graph_for("cuda") == toy.directory / "model.onnx"


def test_the_digest_covers_graph_and_text(tmp_path, toy):
    other_graph = toy_models.write_toy(tmp_path / "b", rows=toy_models.table(1))
    other_text = toy_models.write_toy(
        tmp_path / "c",
        text__lower_case=False,
        text__vocabulary={
            token.upper() if len(token) == 1 else token: i
            for token, i in toy_models.VOCABULARY.items()
        },
    )
    again = toy_models.write_toy(tmp_path / "d")
    assert len({toy.sha256, other_graph.sha256, other_text.sha256}) == 3
    assert again.sha256 == toy.sha256


def test_a_graph_with_a_loop_is_not_given_to_cuda(tmp_path):
    from onnx_examples import with_subgraph

    model = with_subgraph()
    del model.graph.input[-1]  # the flag becomes a constant
    from onnx import numpy_helper

    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "flag"))
    assert toy_models.write_toy(tmp_path / "toy", model=model).graph_for("cuda") is None


def test_members_and_data_files_travel(tmp_path):
    import onnx

    rows = toy_models.table()
    path = tmp_path / "source.onnx"
    onnx.save(
        toy_models.graph(rows),
        path,
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=0,
    )
    (tmp_path / "members.json").write_text("{}")
    built = bundles.write(
        tmp_path / "toy", toy_models.meta(rows), path, (tmp_path / "members.json",)
    )
    assert sorted(file.name for file in built.directory.iterdir()) == [
        "bundle.json",
        "members.json",
        "model.onnx",
        "model.onnx.data",
    ]
    assert set(schema.members(built.meta)) == {"members.json", "model.onnx", "model.onnx.data"}


def test_moving_a_bundle_changes_nothing(tmp_path, toy):
    shutil.copytree(toy.directory, tmp_path / "elsewhere")
    assert Bundle.open(tmp_path / "elsewhere").sha256 == toy.sha256


def test_a_linked_directory_is_followed(tmp_path, toy):
    """Nextflow stages inputs as links to the directory; only links inside it are refused."""
    (tmp_path / "staged").symlink_to(toy.directory, target_is_directory=True)
    assert Bundle.open(tmp_path / "staged").sha256 == toy.sha256


@pytest.mark.bad_input
def test_an_existing_directory_is_not_replaced(tmp_path, toy):
    with pytest.raises(CannotWriteError, match="exists"):
        toy_models.write_toy(tmp_path / "toy")
    assert not (tmp_path / "toy.part").exists()


@pytest.mark.bad_input
def test_what_a_killed_run_left_is_replaced(tmp_path):
    (tmp_path / "toy.part").mkdir()
    (tmp_path / "toy.part" / "model.onnx").write_text("half")
    assert toy_models.write_toy(tmp_path / "toy").model_id == "toy"
    assert not (tmp_path / "toy.part").exists()


@pytest.mark.bad_input
@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_a_precision_that_was_removed_is_refused_by_name(toy, precision):
    toy_models.reseal(
        toy.directory, lambda stored: stored["graphs"]["cpu"].update(precision=precision)
    )
    with pytest.raises(
        BadDataError, match=rf"'{precision}'; expected fp32 or fp16; export"
    ) as refusal:
        Bundle.open(toy.directory)
    assert "\n" not in str(refusal.value)


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["bundle.json", "model.onnx"])
def test_a_missing_file(toy, name):
    (toy.directory / name).unlink()
    with pytest.raises(MissingInputError, match=name):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
def test_a_missing_directory(tmp_path):
    with pytest.raises(MissingInputError):
        Bundle.open(tmp_path / "absent")


@pytest.mark.bad_input
def test_every_flipped_bit_is_found(toy):
    """40 bits over graph and bundle.json; the runtime alone loads most of them (row 50)."""
    for name in ("model.onnx", "bundle.json"):
        path = toy.directory / name
        whole = path.read_bytes()
        for at in np.linspace(0, len(whole) - 2, 20).astype(
            int
        ):  # the last byte of bundle.json is a line end
            flipped = bytearray(whole)
            flipped[at] ^= 1
            path.write_bytes(flipped)
            if name == "bundle.json" and _says_the_same(whole, flipped):
                continue
            with pytest.raises(GfmtrustError):
                Bundle.open(toy.directory)
        path.write_bytes(whole)
    assert Bundle.open(toy.directory).sha256 == toy.sha256


def _says_the_same(whole: bytes, flipped: bytes) -> bool:
    try:
        return json.loads(whole) == json.loads(flipped)
    except ValueError:
        return False


@pytest.mark.bad_input
def test_a_truncated_graph(toy):
    path = toy.directory / "model.onnx"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(
        BadDataError, match=r"sha256 is [0-9a-f]{64}; expected [0-9a-f]{64} as bundle.json says"
    ):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
def test_linked_files_are_refused(tmp_path, toy):
    path = toy.directory / "model.onnx"
    path.rename(tmp_path / "outside.onnx")
    path.symlink_to(tmp_path / "outside.onnx")
    with pytest.raises(BadDataError, match="symbolic link"):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["../outside.onnx", "/etc/hostname", "sub/model.onnx", "..", ""])
def test_names_that_leave_the_bundle_are_refused(tmp_path, toy, name):
    shutil.copy(toy.directory / "model.onnx", tmp_path / "outside.onnx")
    toy_models.reseal(toy.directory, lambda stored: stored["graphs"]["cpu"].update(file=name))
    with pytest.raises(BadDataError, match="leaves the bundle"):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
@pytest.mark.parametrize("location", ["../w.bin", "w.bin"])
def test_external_data_not_named_in_the_bundle_is_refused(tmp_path, toy, location):
    import onnx

    outside = tmp_path / "elsewhere"
    outside.mkdir()
    onnx.save(
        toy_models.graph(toy_models.table()),
        outside / "m.onnx",
        save_as_external_data=True,
        location="w.bin",
        size_threshold=0,
    )
    model = onnx.load(outside / "m.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for pair in tensor.external_data:
            if pair.key == "location":
                pair.value = location
    path = toy.directory / "model.onnx"
    path.write_bytes(model.SerializeToString())
    shutil.copy(outside / "w.bin", tmp_path / "w.bin")
    toy_models.reseal(
        toy.directory,
        lambda stored: (
            stored["graphs"]["cpu"].update(sha256=graph_contract.file_sha256(path))
            or stored["graphs"]["cuda"].update(sha256=graph_contract.file_sha256(path))
        ),
    )
    with pytest.raises(BadDataError, match="external data"):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"domain": "evil.corp"}, "operator domain evil.corp"),
        ({"opset": 99}, "opset is 99"),
        ({"opset": 11}, "opset is 11"),
        ({"ids_dtype": "INT32"}, "input input_ids is int32"),
    ],
)
def test_graphs_off_the_contract_are_refused(tmp_path, options, words):
    with pytest.raises(BadDataError, match=words):
        toy_models.write_toy(
            tmp_path / "toy", model=toy_models.graph(toy_models.table(), **options)
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.source.onnx"]


@pytest.mark.bad_input
def test_inputs_are_those_of_the_tokenizer(tmp_path):
    with pytest.raises(
        BadDataError,
        match=r"inputs are \['input_ids', 'pos'\]; expected \['input_ids', 'letters', 'offset', 'pos'\]",
    ):
        toy_models.write_toy(tmp_path / "toy", text__k=2)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change",
    [
        {"text__k": "1"},
        {"text__k": True},
        {"scoring__n_members": 1.0},
        {"window__site_forward": 16},
        {"window__site_reverse": -1},
        {"proof__gate": "perhaps"},
        {"scoring__quantity": "magic"},
        {"identity__licence": None},
    ],
)
def test_fields_of_the_wrong_kind_are_refused(tmp_path, change):
    with pytest.raises(BadDataError, match=r"bundle\.json"):
        toy_models.write_toy(tmp_path / "toy", **change)


@pytest.mark.bad_input
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1}', "\x00"])
def test_other_json_is_refused(toy, content):
    (toy.directory / "bundle.json").write_text(content)
    with pytest.raises(BadDataError, match=r"bundle\.json"):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
def test_an_edited_bundle_json_is_refused(toy):
    path = toy.directory / "bundle.json"
    path.write_text(
        path.read_text()
        .replace('"failed"', '"passed"')
        .replace('"licence": "MIT"', '"licence": "GPL"')
    )
    with pytest.raises(BadDataError, match="as it says itself"):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
def test_a_bare_graph_is_no_bundle(tmp_path):
    (tmp_path / "model.onnx").write_bytes(toy_models.graph(toy_models.table()).SerializeToString())
    with pytest.raises(MissingInputError, match=r"bundle\.json"):
        Bundle.open(tmp_path)


def test_hard_links_are_judged_by_their_bytes(tmp_path, toy):
    """A cache may link files hard; what counts is the digest."""
    os.link(toy.directory / "model.onnx", tmp_path / "second_name")
    assert Bundle.open(toy.directory).sha256 == toy.sha256


def resealed(toy, model) -> None:
    """The bundle with another graph, its digests made anew as an attacker would."""
    path = toy.directory / "model.onnx"
    path.write_bytes(model.SerializeToString())
    result = graph_contract.file_sha256(path)
    toy_models.reseal(
        toy.directory,
        lambda stored: [entry.update(sha256=result) for entry in stored["graphs"].values()],
    )


@pytest.mark.bad_input
def test_functions_of_its_own_are_refused(toy):
    from onnx import helper

    model = toy_models.graph(toy_models.table())
    model.functions.append(
        helper.make_function(
            "local",
            "f",
            ["x"],
            ["y"],
            [helper.make_node("Abs", ["x"], ["y"])],
            [helper.make_opsetid("", 21)],
        )
    )
    resealed(toy, model)
    with pytest.raises(
        BadDataError,
        match="1 functions of its own; expected ai.onnx and com.microsoft operators alone",
    ):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
def test_a_foreign_operator_inside_a_subgraph_is_refused(toy):
    from onnx_examples import with_subgraph

    model = with_subgraph()
    branch = next(
        attribute.g
        for node in model.graph.node
        for attribute in node.attribute
        if attribute.name == "then_branch"
    )
    branch.node[0].domain = "evil.corp"
    resealed(toy, model)
    with pytest.raises(BadDataError, match="operator domain evil.corp"):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
def test_more_nodes_than_any_export_has_are_refused(toy, monkeypatch):
    monkeypatch.setattr(graph_contract, "MAX_NODES", 5)
    with pytest.raises(BadDataError, match="7 nodes; expected at most 5"):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("key", "value"),
    [("offset", "999999999999"), ("length", "999999999999"), ("location", "/etc/hostname")],
)
def test_external_data_that_lies_elsewhere_than_it_is_is_refused(tmp_path, key, value):
    """Data beyond the end of the file, or in another one: the file's own digest is right, so the
    bundle or the runtime must see it."""
    import onnx

    from gfmtrust.bundle.session import Session

    path = tmp_path / "source.onnx"
    onnx.save(
        toy_models.graph(toy_models.table()),
        path,
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=0,
    )
    built = bundles.write(tmp_path / "toy", toy_models.meta(toy_models.table()), path)
    model = onnx.load(built.directory / "model.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        pairs = {pair.key: pair for pair in tensor.external_data}
        if key in pairs:
            pairs[key].value = value
    resealed(built, model)
    with pytest.raises(BadDataError):
        Session.open(Bundle.open(built.directory), "cpu")


@pytest.mark.bad_input
def test_linked_data_files_are_refused(tmp_path):
    import onnx

    path = tmp_path / "source.onnx"
    onnx.save(
        toy_models.graph(toy_models.table()),
        path,
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=0,
    )
    built = bundles.write(tmp_path / "toy", toy_models.meta(toy_models.table()), path)
    data = built.directory / "model.onnx.data"
    data.rename(tmp_path / "outside.data")
    data.symlink_to(tmp_path / "outside.data")
    with pytest.raises(BadDataError, match=r"model\.onnx\.data: is a symbolic link"):
        Bundle.open(built.directory)


@pytest.mark.bad_input
@pytest.mark.parametrize("content", ["[" * 100_000, '{"schema": ' * 50_000])
def test_json_nested_without_end_is_refused(toy, content):
    (toy.directory / "bundle.json").write_text(content)
    with pytest.raises(BadDataError, match="no JSON"):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
def test_a_bundle_json_of_absurd_size_is_refused_unread(toy):
    with open(toy.directory / "bundle.json", "r+b") as file:
        file.truncate(1 << 41)
    with pytest.raises(BadDataError, match="2199023255552 bytes"):
        Bundle.open(toy.directory)
