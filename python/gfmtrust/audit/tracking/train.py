"""Trains a network on words of at most 16 letters, and asks it about longer ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gfmtrust.audit.tracking.words import NOT_ASKED, Task

LENGTH = 16
SHORTEST, LONGER = 4, 4
"""The curriculum: words start at 4 letters and become 4 longer where LEARNED of the answers are
right, and from half of the training on in any case; without it, an LSTM sits for long on the answers
to the first letters."""
LEARNED = 0.98
BATCH, RATE, DECAY = 128, 3e-3, 0.01
CHECKED = 50
"""Steps between two looks at the share of right answers."""
ASKED = 256


@dataclass(frozen=True)
class Tracked:
    """right: bool (words, letters), whether the answer at each letter is right; steps: of the
    training; length: letters of the last words of the training."""

    right: np.ndarray
    steps: int
    length: int


def tracked(
    network: nn.Module, task: Task, steps: int, seed: int, start: int = SHORTEST
) -> Tracked:
    """Train for some steps, and ask. start: letters of the first words. It does not end where all
    answers are right: the last steps, of low rates, are what carries an LSTM beyond 16 letters."""
    rng = np.random.default_rng([seed, 0x7AC4])
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    length, recent = start, []
    for step in range(1, steps + 1):
        letters, truth = map(torch.from_numpy, task.draw(BATCH, length, rng))
        answers = network(letters)
        loss = cross_entropy(answers.flatten(0, 1), truth.flatten(), ignore_index=NOT_ASKED)
        for part in optimiser.param_groups:
            part["lr"] = RATE * min(1.0, step / 100, 0.02 + 2 * (1 - step / steps))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        is_right = (answers.argmax(-1) == truth)[truth != NOT_ASKED]
        recent.append(float(is_right.float().mean()))
        if step % CHECKED == 0:
            share, recent = float(np.mean(recent)), []
            if share > LEARNED or step >= steps / 2:
                length = min(LENGTH, length + LONGER)
    return Tracked(asked(network, task, seed), steps, length)


@torch.inference_mode()
def asked(network: nn.Module, task: Task, seed: int) -> np.ndarray:
    """Whether the answer is right at each letter of fresh words, bool (ASKED, letters)."""
    rng = np.random.default_rng([seed, 0xA5CED])
    letters, truth = task.draw(ASKED, task.asked[-1], rng)
    right = network.eval()(torch.from_numpy(letters)).argmax(-1).numpy() == truth
    return right[:, truth[0] != NOT_ASKED]
