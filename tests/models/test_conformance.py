"""The conformance suite over the registry, what it makes of planted defects, and a family added by
one file and one line."""

import checkpoints
import pytest
from toy_family_text import TOY

from gfmtrust import models
from gfmtrust.export import conformance

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", sorted(checkpoints.EXAMPLES))
def test_every_example_conforms(tmp_path, monkeypatch, name):
    """The memory is measured for the first example of each family, in a process of its own;
    `make conformance` measures it for all."""
    from gfmtrust.models import examples

    if name not in models.FAMILIES:
        figures = {"seconds": 0.0, "megabytes": 0.0}
        monkeypatch.setattr(conformance, "footprint", lambda bundle: figures)
    result = list(conformance.outcomes({name: examples.all_of()[name]}, tmp_path))
    assert {one.check for one in result} >= set(conformance.CHECKS)
    assert not [one for one in result if not one.passed]


def test_every_family_has_an_example_of_its_name():
    for name in models.FAMILIES:
        assert next(iter(models.family(name).examples)) == name
        for example in models.family(name).examples.values():
            assert models.family_of(example.config).name == name


def test_a_family_is_one_file_and_one_line(tmp_path, monkeypatch):
    """The suite picks it up, and finds it sound."""
    from gfmtrust.models import examples

    (tmp_path / "toy_family.py").write_text(TOY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(models.FAMILIES, "toy", "toy_family")
    assert "toy" in examples.all_of()
    result = list(conformance.outcomes(examples.all_of(["toy"]), tmp_path / "made"))
    assert {one.check for one in result} >= set(conformance.CHECKS)
    assert not [one for one in result if not one.passed]
