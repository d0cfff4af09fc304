"""What later steps read of a model: from bundle.json alone, whose digest is compared."""

import json
import shutil

import pytest
import toy_models

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.facts import ModelFacts, model_order
from gfmtrust.core.errors import BadDataError, MissingInputError


@pytest.fixture
def bundle(tmp_path) -> Bundle:
    return toy_models.write_toy(tmp_path / "toy")


def test_the_file_alone_gives_what_the_whole_bundle_gives(bundle, tmp_path):
    alone = tmp_path / "1" / "bundle.json"
    alone.parent.mkdir()
    shutil.copy(bundle.directory / "bundle.json", alone)
    expected = ModelFacts(bundle.model_id, bundle.family, bundle.sha256, bundle.window_bp)
    assert ModelFacts.read(alone) == ModelFacts.read(bundle.directory) == expected


def test_the_order_is_that_of_the_paths(tmp_path):
    paths = [
        toy_models.write_toy(tmp_path / name, identity__model_id=name).directory
        for name in ("b", "a")
    ]
    assert model_order(paths) == ["b", "a"]


@pytest.mark.bad_input
def test_a_changed_file_is_refused(bundle):
    path = bundle.directory / "bundle.json"
    content = json.loads(path.read_text())
    content["window"]["window_bp"] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(BadDataError, match="sha256 of its content"):
        ModelFacts.read(path)


@pytest.mark.bad_input
def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingInputError, match="bundle.json"):
        ModelFacts.read(tmp_path / "bundle.json")
