"""What a task of a run checks of a bundle: the size of large weights, the digest of the rest, and the
golden windows."""

import onnx
import pytest
import toy_models

from gfmtrust.bundle import bundle as bundles
from gfmtrust.bundle import graph_contract, schema
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.errors import BadDataError

WEIGHTS = "model.onnx.data"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A bundle with weights in a file of their own and another small file; its weights count as
    large."""
    rows = toy_models.table()
    source = tmp_path / "source.onnx"
    onnx.save(
        toy_models.graph(rows),
        source,
        save_as_external_data=True,
        location=WEIGHTS,
        size_threshold=0,
    )
    (tmp_path / "members.json").write_text("{}")
    opened = bundles.write(
        tmp_path / "toy", toy_models.meta(rows), source, (tmp_path / "members.json",)
    )
    monkeypatch.setattr(bundles, "DIGESTED_BYTES", 0)
    return opened


def test_a_bundle_states_the_size_of_each_file(toy):
    files = {path.name: path.stat().st_size for path in toy.directory.iterdir()}
    del files["bundle.json"]
    assert toy.meta[schema.SIZES] == files


def test_large_weights_are_not_read_to_open_a_bundle_in_a_run(toy, monkeypatch):
    digested = []
    right = graph_contract.file_sha256
    monkeypatch.setattr(
        bundles, "file_sha256", lambda path: digested.append(path.name) or right(path)
    )
    assert Bundle.open(toy.directory, verify="sizes").sha256 == toy.sha256
    assert digested == ["members.json"]
    monkeypatch.setattr(bundles, "DIGESTED_BYTES", 1 << 30)
    Bundle.open(toy.directory, verify="sizes")
    assert sorted(digested) == ["members.json", "members.json", "model.onnx", WEIGHTS]


@pytest.mark.bad_input
def test_truncated_weights_are_refused_by_their_size(toy):
    path = toy.directory / WEIGHTS
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(BadDataError, match=f"{WEIGHTS}: {size - 4} bytes; expected {size} as "):
        Bundle.open(toy.directory, verify="sizes")


@pytest.mark.bad_input
def test_a_changed_weight_is_found_by_the_golden_windows_and_where_a_bundle_is_accepted(toy):
    path = toy.directory / WEIGHTS
    changed = bytearray(path.read_bytes())
    for at in range(3, len(changed), 4):  # the sign and the exponent of little-endian float32
        changed[at] ^= 0x81
    path.write_bytes(changed)
    opened = Bundle.open(toy.directory, verify="sizes")
    with pytest.raises(BadDataError, match="golden window"):
        Session.open(opened, "cpu")
    with pytest.raises(BadDataError, match="sha256 is"):
        Bundle.open(toy.directory)


@pytest.mark.bad_input
def test_files_that_no_golden_window_reads_are_digested_always(toy):
    (toy.directory / "members.json").write_text("[]")
    with pytest.raises(BadDataError, match="members.json: sha256 is"):
        Bundle.open(toy.directory, verify="sizes")


@pytest.mark.bad_input
def test_a_bundle_of_version_0_1_states_no_sizes_and_is_digested(toy):
    toy_models.reseal(toy.directory, lambda content: content.pop(schema.SIZES))
    Bundle.open(toy.directory, verify="sizes")
    path = toy.directory / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(BadDataError, match="sha256 is"):
        Bundle.open(toy.directory, verify="sizes")


@pytest.mark.bad_input
@pytest.mark.parametrize("sizes", [[], {"model.onnx": "16"}, {"model.onnx": True}])
def test_sizes_of_the_wrong_kind_are_refused(toy, sizes):
    toy_models.reseal(toy.directory, lambda content: content.update(sizes=sizes))
    with pytest.raises(BadDataError, match="sizes is"):
        Bundle.open(toy.directory, verify="sizes")
