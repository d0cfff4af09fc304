"""The conformance suite over the registry, what it makes of planted defects, and a family added by
one file and one line."""

import checkpoints
import pytest
from toy_family_text import TOY

from gfmtrust import models
from gfmtrust.export import conformance
from gfmtrust.export.resource_use import footprint

pytestmark = pytest.mark.torch


SLOW = ("plantcaduceus", "caduceus_ps_unfused")
"""Each differs from an example beside it in its sizes or in one flag."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
        for name in sorted(checkpoints.EXAMPLES)
    ],
)
def test_every_example_conforms(exported_case, name):
    result = list(conformance.checked(exported_case(name)))
    assert {one.check for one in result} >= set(conformance.CHECKS)
    assert not [one for one in result if not one.passed]


@pytest.mark.parametrize("name", ["gpn", "recurrent", "grover"])
def test_an_example_needs_little_memory(exported, name):
    """Single bases, states, whole tokens; `make conformance` measures all examples."""
    assert footprint(exported(name))["megabytes"] <= conformance.MEMORY_LIMIT_MB


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
