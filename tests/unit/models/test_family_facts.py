"""Facts of families: the record that is read without torch, against the families' own files."""

import json
import subprocess
import sys

import pytest
from paths import ROOT

from gfmtrust import models
from gfmtrust.core.errors import BadDataError, ConfigurationError
from gfmtrust.models import catalogue, family_facts


@pytest.mark.torch
def test_the_record_equals_the_families_own_files():
    pytest.importorskip("torch")
    assert family_facts.read() == {name: family_facts.live(name) for name in models.FAMILIES}
    assert family_facts.RECORDED.read_text() == family_facts.as_text()


def test_every_family_is_recorded_in_the_order_of_the_registry():
    assert list(family_facts.read()) == list(models.FAMILIES)


@pytest.mark.torch
def test_a_family_without_a_record_is_read_from_its_file(tmp_path):
    pytest.importorskip("torch")
    absent = tmp_path / "families.json"
    assert family_facts.facts("gpn", absent) == family_facts.facts("gpn")


def test_the_catalogue_imports_no_torch():
    script = (
        "import sys; sys.modules.update(torch=None, transformers=None)\n"
        "from gfmtrust.models import catalogue\n"
        "print(len(catalogue.catalogue()['families']))"
    )
    process = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == f"{len(models.FAMILIES)}\n"


@pytest.mark.bad_input
def test_an_unknown_family_is_refused():
    with pytest.raises(ConfigurationError, match="family gpnn: unknown"):
        catalogue.catalogue("gpnn")


@pytest.mark.bad_input
@pytest.mark.parametrize("text", ["[", "[{}]", "7", json.dumps([{"family": "gpn"}])])
def test_another_file_in_place_of_the_record_is_refused(tmp_path, text):
    path = tmp_path / "families.json"
    path.write_text(text)
    with pytest.raises(BadDataError, match="no facts of families"):
        family_facts.facts("gpn", path)
