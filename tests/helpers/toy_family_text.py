"""The source of a toy family, registered by tests as a user would."""

TOY = '''
"""A toy: each letter's answer is a table of the letter before and the letter behind."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from gfmtrust.models.family import Example, Family, Window, check_ids, take
from gfmtrust.models.layers.folding import BaseScorer, gathered
from gfmtrust.bundle.tokenizers import Text


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
