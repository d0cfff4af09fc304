"""The conformance suite over the registry, what it makes of planted defects, and a family added by
one file and one line."""

import checkpoints
import pytest

from gfmtrust import models
from gfmtrust.export import conformance

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", sorted(checkpoints.EXAMPLES))
def test_every_example_conforms(tmp_path, name):
    from gfmtrust.models import examples

    found = list(conformance.outcomes({name: examples.all_of()[name]}, tmp_path))
    assert {one.check for one in found} >= set(conformance.CHECKS)
    assert not [one for one in found if not one.passed]


def test_every_family_has_an_example_of_its_name():
    for name in models.FAMILIES:
        assert next(iter(models.family(name).examples)) == name
        for example in models.family(name).examples.values():
            assert models.family_of(example.config).name == name


TOY = '''
"""A toy: each letter's answer is a table of the letter before and the letter behind."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from gfmtrust.models.family import Example, Family, Window, check_ids, take
from gfmtrust.models.folding import BaseScorer, gathered
from gfmtrust.tokenizers import Text


@dataclass(frozen=True)
class ToyConfig:
    vocab_size: int


class Toy(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.left, self.right = (nn.Embedding(config.vocab_size, config.vocab_size) for _ in range(2))

    def forward(self, ids):
        shifted = [torch.roll(ids, by, 1) for by in (1, -1)]
        return self.left(shifted[0]) + self.right(shifted[1])


FAMILY = Family(
    name="toy", model_types=("toy",), quantity="direct", read_config=lambda config: take(config, ToyConfig, {"model_type": ("toy",)}),
    build=Toy, text=lambda config, vocabulary: Text(1, vocabulary, "M", "N", "N"),
    scorer=lambda network, config, text: BaseScorer(network, gathered(lambda net, ids: net(ids)), lambda net, rows: rows, text, 6),
    window=lambda config, width: Window(width or 64, 64, 32, 31, (), (-4, 4), False, 32),
    examples={"toy": Example({"model_type": "toy", "vocab_size": 6}, {letter: i for i, letter in enumerate("ACGTNM")}, 64)},
)
'''


def test_a_family_is_one_file_and_one_line(tmp_path, monkeypatch):
    """The suite picks it up, and finds it sound."""
    from gfmtrust.models import examples

    (tmp_path / "toy_family.py").write_text(TOY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(models.FAMILIES, "toy", "toy_family")
    assert "toy" in examples.all_of()
    found = list(conformance.outcomes(examples.all_of(["toy"]), tmp_path / "made"))
    assert {one.check for one in found} >= set(conformance.CHECKS)
    assert not [one for one in found if not one.passed]
