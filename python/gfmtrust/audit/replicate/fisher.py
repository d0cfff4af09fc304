"""Fisher information of a masked network by groups of parameters: as published, and per sequence.

As published (lbcb-sci/GFMs at 277899c, `fisher.py`): the gradient of the mean loss of a batch of 8 is
squared and summed over batches, over the number of masked tokens; a matrix that is both the input
and the decoder counts as embeddings. Here too: the square of each sequence's own gradient, with the
two sides of that matrix apart, for observed tokens (empirical) and for tokens drawn from the model
(true). Layers that pass information between tokens, those of attention, are counted on their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gfmtrust.audit.replicate.network import logits

EMBEDDINGS, HEAD, ENCODER = "embeddings", "head", "encoder"
INPUT, DECODER, TRANSFORM = "input embeddings", "decoder", "rest of the head"
INTER_TOKEN, WITHIN_TOKEN = "attention", "other layers"
PARTS = (INPUT, DECODER, TRANSFORM, INTER_TOKEN, WITHIN_TOKEN)
TABLE, DECODER_MATRIX = (
    "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.weight",
)
BATCH = 8


@dataclass(frozen=True)
class Fisher:
    """batches: published group -> (batches,) as published, before the division by the masked
    tokens, which has no effect on a share. empirical, true: part -> (sequences,)."""

    batches: dict[str, np.ndarray]
    empirical: dict[str, np.ndarray]
    true: dict[str, np.ndarray]


def part_of(name: str) -> str:
    """The part of a parameter of a network whose decoder has its own matrix."""
    if "embeddings" in name:
        return INPUT
    if name.startswith("cls"):
        return DECODER if "decoder" in name or name == "cls.predictions.bias" else TRANSFORM
    return INTER_TOKEN if ".attention." in name else WITHIN_TOKEN


def group_of(name: str, tied: bool) -> str:
    """The published group of a parameter. tied: the decoder's matrix counts as embeddings."""
    if "embeddings" in name or (tied and name == DECODER_MATRIX):
        return EMBEDDINGS
    return HEAD if "cls" in name else ENCODER


def fisher(
    apart: nn.Module, shown: torch.Tensor, truth: torch.Tensor, tied: bool, seed: int
) -> Fisher:
    """The Fisher information of a network whose decoder has a matrix of its own (`network.split`).

    shown, truth: int64 (n, length); a token is asked where they differ. tied: the network was
    trained with one matrix for both, whose gradient is the sum of both gradients.
    """
    named = dict(apart.named_parameters())
    generator = torch.Generator().manual_seed(seed)
    batches: dict[str, list[float]] = {EMBEDDINGS: [], HEAD: [], ENCODER: []}
    empirical: list[dict[str, float]] = []
    true: list[dict[str, float]] = []
    for rows in torch.arange(len(shown)).split(BATCH):
        asked = shown[rows] != truth[rows]
        total = {name: torch.zeros_like(one) for name, one in named.items()}
        for row, here in zip(rows, asked, strict=True):
            answers = logits(apart, shown[row][None], here[None])
            n, observed = int(here.sum()), truth[row][here]
            drawn = torch.multinomial(answers.detach().softmax(-1), 1, generator=generator)[:, 0]
            gradients = _gradients(answers, observed, named, keep=True)
            for name, one in gradients.items():
                total[name] += one * (n / int(asked.sum()))
            empirical.append(_squares(gradients))
            true.append(_squares(_gradients(answers, drawn, named, keep=False)))
        for group, value in published(total, tied).items():
            batches[group].append(value)
    return Fisher(
        {group: np.array(values) for group, values in batches.items()},
        _table(empirical),
        _table(true),
    )


def published(gradients: dict[str, torch.Tensor], tied: bool) -> dict[str, float]:
    """The squares of a gradient by published group."""
    gradients = dict(gradients)
    if tied:
        gradients[TABLE] = gradients[TABLE] + gradients.pop(DECODER_MATRIX)
    sums: dict[str, float] = dict.fromkeys((EMBEDDINGS, HEAD, ENCODER), 0.0)
    for name, one in gradients.items():
        sums[group_of(name, tied)] += float((one.double() ** 2).sum())
    return sums


def _gradients(
    answers: torch.Tensor, targets: torch.Tensor, named: dict[str, nn.Parameter], keep: bool
) -> dict[str, torch.Tensor]:
    loss = cross_entropy(answers, targets)
    values = torch.autograd.grad(
        loss, list(named.values()), retain_graph=keep, allow_unused=True, materialize_grads=True
    )
    return dict(zip(named, values, strict=True))


def _squares(gradients: dict[str, torch.Tensor]) -> dict[str, float]:
    sums: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    for name, one in gradients.items():
        sums[part_of(name)] += float((one.double() ** 2).sum())
    return sums


def _table(rows: Iterable[dict[str, float]]) -> dict[str, np.ndarray]:
    rows = list(rows)
    return {part: np.array([row[part] for row in rows]) for part in PARTS}


def head_in_closed_form(hidden: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Traces of the Fisher information of a decoder's matrix and bias for one token each, without
    gradients: E[|h|^2 (1 - sum p^2)] and E[1 - sum p^2]. hidden: (n, d); p: (n, V)."""
    free = 1 - (p**2).sum(axis=1)
    return float(((hidden**2).sum(axis=1) * free).mean()), float(free.mean())
