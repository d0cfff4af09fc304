"""Recurrences of one scale: what they remember differs, the rest is the same. Each reads letters, int64
(n, length), and answers with logits at each letter, (n, length, elements): of the elements of a group,
or of the letters to copy."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from gfmtrust.audit.tracking.words import COPY
from gfmtrust.models.families.recurrent import (
    RecurrentConfig,
    RecurrentForMaskedLM,
    states,
)

WIDTH = 64
LAYERS = 2
KERNEL = 3


class Lstm(nn.Module):
    """A long short-term memory: its gates read its state. The positive control."""

    def __init__(self, letters: int, elements: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, WIDTH)
        self.cells = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.out = nn.Linear(WIDTH, elements)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.out(self.cells(self.embedding(ids))[0])


class MinGru(nn.Module):
    """h_t = (1 - z_t) h_(t-1) + z_t c_t, z and c of the letter alone (arXiv:2410.01201)."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.candidate = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        taken = self.gate(x).sigmoid()
        return states(1 - taken, taken * self.candidate(x))


class Diagonal(nn.Module):
    """A selective state space as in Mamba, one state per channel: h_t = exp(-a d_t) h_(t-1) + d_t b_t,
    with steps d_t of the letter and rates a above 0 (arXiv:2312.00752), times a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.step, self.value, self.gate = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.rate = nn.Parameter(torch.linspace(-2.0, 2.0, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        step = nn.functional.softplus(self.step(x))
        state = states(torch.exp(-step * self.rate.exp()), step * self.value(x))
        return state * nn.functional.silu(self.gate(x))


class Stack(nn.Module):
    """LAYERS recurrences in pre-norm residual blocks, each with two dense layers."""

    def __init__(self, mixer: Callable[[], nn.Module], letters: int, elements: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, WIDTH)
        self.mixers = nn.ModuleList(mixer() for _ in range(LAYERS))
        self.dense = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(WIDTH),
                nn.Linear(WIDTH, 2 * WIDTH),
                nn.GELU(),
                nn.Linear(2 * WIDTH, WIDTH),
            )
            for _ in range(LAYERS)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(LAYERS))
        self.out = nn.Linear(WIDTH, elements)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embedding(ids)
        for norm, mixer, dense in zip(self.norms, self.mixers, self.dense, strict=True):
            x = x + mixer(norm(x))
            x = x + dense(x)
        return self.out(x)


class Attention(nn.Module):
    """Attention without places: the last three letters are looked for among all triples before, and
    what followed is read off (an induction head). It keeps every letter, so that it can copy a
    word of any length: the positive control of copying (arXiv:2402.01032)."""

    def __init__(self, letters: int, elements: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, WIDTH)
        self.triples = nn.Conv1d(WIDTH, WIDTH, KERNEL)
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.out = nn.Linear(WIDTH, elements)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embedding(ids)
        before = nn.functional.pad(x.transpose(1, 2), (KERNEL - 1, 0))
        triples = nn.functional.gelu(self.triples(before)).transpose(1, 2)
        followed = nn.functional.pad(triples, (0, 0, 1, 0))[:, :-1]
        read = nn.functional.scaled_dot_product_attention(
            self.query(triples), self.key(followed), self.value(x), is_causal=True
        )
        return self.out(read)


class Recurrent(nn.Module):
    """The project's family `recurrent`, with letters and elements as its tokens. It reads both ways;
    what follows a letter says nothing of the product before it."""

    def __init__(self, letters: int, elements: int) -> None:
        super().__init__()
        tokens = max(letters, elements)
        config = RecurrentConfig(tokens, WIDTH, WIDTH, LAYERS, 2 * WIDTH, KERNEL, 0, 64)
        self.network = RecurrentForMaskedLM(config)
        self.elements = elements

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.network(ids)[..., : self.elements]


CONTROL, COPIER = "LSTM", "attention"
"""The positive controls of groups and of copying."""
BOTH_WAYS = "recurrent (this project)"
"""Reads the letters that it should copy, so that it is not asked to copy."""
NETWORKS: dict[str, Callable[[int, int], nn.Module]] = {
    CONTROL: Lstm,
    "minGRU": lambda letters, elements: Stack(MinGru, letters, elements),
    "diagonal (as Mamba)": lambda letters, elements: Stack(Diagonal, letters, elements),
    BOTH_WAYS: Recurrent,
    COPIER: Attention,
}
"""Name -> (letters, elements) -> network."""


def control_of(task: str) -> str:
    """The network that must pass, or nothing is ranked."""
    return COPIER if task == COPY else CONTROL


def of_task(task: str) -> tuple[str, ...]:
    """The networks that are trained on a task, its control first."""
    control = control_of(task)
    left_out = {BOTH_WAYS if task == COPY else COPIER, control}
    return (control, *(name for name in NETWORKS if name not in left_out))
