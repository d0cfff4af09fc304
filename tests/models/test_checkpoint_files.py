"""Which files of a checkpoint are read: the form of the weights, and what an index may list."""

import json
import subprocess
import sys

import pytest

from gfmtrust.core.errors import BadDataError
from gfmtrust.models import files


@pytest.mark.parametrize(
    ("names", "chosen", "left"),
    [
        (["config.json", "model.safetensors"], "model.safetensors", []),
        (["pytorch_model.bin", "model.safetensors"], "model.safetensors", ["pytorch_model.bin"]),
        (
            [
                "pytorch_model.bin",
                "model.safetensors.index.json",
                "model-00001-of-00001.safetensors",
            ],
            "model.safetensors.index.json",
            ["pytorch_model.bin"],
        ),
        (
            ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin"],
            "pytorch_model.bin.index.json",
            [],
        ),
        (
            ["pytorch_model.bin.index.json", "pytorch_model.bin"],
            "pytorch_model.bin",
            ["pytorch_model.bin.index.json"],
        ),
        (["tf_model.h5", "flax_model.msgpack", "model.ckpt"], "", []),
    ],
)
def test_the_form_of_the_weights(names, chosen, left):
    assert files.form(names) == chosen
    assert files.unread(names) == left


def test_an_index_is_asked_for_where_there_is_one_alone(tmp_path):
    index = tmp_path / files.BIN_INDEX
    index.write_text(json.dumps({"weight_map": {"x": "b.bin", "y": "a.bin", "z": "b.bin"}}))
    asked = []

    def path_of(name):
        asked.append(name)
        return tmp_path / name

    assert files.weight_files([files.BIN_INDEX, "a.bin", "b.bin"], path_of) == ["a.bin", "b.bin"]
    assert files.weight_files([files.BIN_INDEX, files.SAFETENSORS], path_of) == [files.SAFETENSORS]
    assert files.weight_files(["config.json"], path_of) == []
    assert asked == [files.BIN_INDEX]


def test_it_needs_no_torch():
    code = "import sys; from gfmtrust.models import files; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        "{}",
        '{"weight_map": {}}',
        '{"weight_map": ["a.safetensors"]}',
        '{"weight_map": {"x": 3}}',
        '{"weight_map": {"x": "../a.safetensors"}}',
        '{"weight_map": {"x": "/a.safetensors"}}',
        '{"weight_map": {"x": "sub/a.safetensors"}}',
        '{"weight_map": {"x": "..\\\\a.safetensors"}}',
        '{"weight_map": {"x": "a.bin"}}',
        '{"weight_map": {"x": "a.py"}}',
        '{"weight_map": {"x": ".."}}',
        "[" * 100_000,
    ],
)
def test_an_index_that_cannot_be_meant(tmp_path, content):
    (tmp_path / files.SAFETENSORS_INDEX).write_text(content)
    with pytest.raises(BadDataError) as raised:
        files.shards(tmp_path / files.SAFETENSORS_INDEX)
    assert "\n" not in str(raised.value)


@pytest.mark.bad_input
def test_an_index_of_absurd_size(tmp_path):
    with open(tmp_path / files.BIN_INDEX, "wb") as file:
        file.truncate(files.MAX_INDEX_BYTES + 1)
    with pytest.raises(BadDataError, match="at most"):
        files.weight_map(tmp_path / files.BIN_INDEX)


@pytest.mark.bad_input
def test_an_index_of_bytes_that_are_no_text(tmp_path):
    (tmp_path / files.BIN_INDEX).write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(BadDataError):
        files.weight_map(tmp_path / files.BIN_INDEX)
