"""A small convolutional network that is trained from labels: the simple supervised model that `gfmtrust
audit duel` sets beside a foundation model. It reads letters as one-hot columns, or any other values
along a sequence.

Where an example is a change of a reference, the prediction is that of the changed sequence minus that
of its reference, so that no change is no effect. Source of the comparison: Tang, Somia, Yu and Koo,
Genome Biology 2025.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

FILTERS = (32, 32)
WIDTHS = (11, 7)
POOL = 4
SHORTEST_POOLED = 48
"""A shorter input is not pooled."""
DROPOUT = 0.2
RATE, DECAY = 2e-3, 1e-4


@dataclass(frozen=True)
class Training:
    """How a network is trained. epochs, steps: at most so many; patience: epochs without a better
    loss of the validation rows, after which the training ends."""

    seed: int = 1
    threads: int = 1
    batch: int = 64
    epochs: int = 40
    steps: int = 500
    patience: int = 5


@dataclass(frozen=True)
class Sequences:
    """Values along sequences, and the rows that refer to them. values: (m, channels, length); of:
    int (n,), the sequence of each example; reference: int (n,), what it is compared with, None
    where it stands alone."""

    values: np.ndarray
    of: np.ndarray
    reference: np.ndarray | None = None


class SmallCnn(nn.Module):
    """Two convolutions, then the mean and the largest value along the sequence, and one linear
    layer. (n, channels, length) -> (n,)."""

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        first, second = FILTERS
        self.first = nn.Conv1d(channels, first, WIDTHS[0], padding=WIDTHS[0] // 2)
        self.pool = nn.MaxPool1d(POOL) if length >= SHORTEST_POOLED else nn.Identity()
        self.second = nn.Conv1d(first, second, WIDTHS[1], padding=WIDTHS[1] // 2)
        self.drop = nn.Dropout(DROPOUT)
        self.head = nn.Linear(2 * second, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.second(self.pool(torch.relu(self.first(values)))))
        ends = torch.cat([hidden.mean(dim=2), hidden.amax(dim=2)], dim=1)
        return self.head(self.drop(ends))[:, 0]


def fitted(
    sequences: Sequences,
    label: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    asked: np.ndarray,
    training: Training,
) -> np.ndarray:
    """Train a network and return its predictions at `asked`, float64.

    label: (n,), NaN where a row is not trained on. train, valid, asked: rows, int. The weights are
    those with the least squared error of `valid`. The same arguments give the same predictions on
    the same machine.
    """
    with _TorchState(training):
        middle, scale = float(label[train].mean()), float(label[train].std()) or 1.0
        target = torch.from_numpy(((label - middle) / scale).astype(np.float32))
        network = SmallCnn(*sequences.values.shape[1:])
        _train(network, sequences, target, (train, valid), training)
        return _predicted(network, sequences, asked) * scale + middle


def seconds_per_step(sequences: Sequences, training: Training, steps: int = 3) -> float:
    """Wall-clock seconds of one step of training on these shapes; the first step is not timed."""
    with _TorchState(training):
        network = SmallCnn(*sequences.values.shape[1:])
        rows = np.arange(min(training.batch, len(sequences.of)))
        started = time.monotonic()
        for number in range(steps + 1):
            if number == 1:
                started = time.monotonic()
            _answers(network, sequences, rows).square().mean().backward()
        return (time.monotonic() - started) / steps


class _TorchState:
    """The seed and the threads of torch for one training; both are put back."""

    def __init__(self, training: Training) -> None:
        self._training = training

    def __enter__(self) -> None:
        self._threads, self._state = torch.get_num_threads(), torch.get_rng_state()
        torch.set_num_threads(self._training.threads)
        torch.manual_seed(self._training.seed)

    def __exit__(self, *_) -> None:
        torch.set_num_threads(self._threads)
        torch.set_rng_state(self._state)


def _train(
    network: SmallCnn,
    sequences: Sequences,
    target: torch.Tensor,
    rows: tuple[np.ndarray, np.ndarray],
    training: Training,
) -> None:
    train, valid = rows
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    rng = np.random.default_rng([training.seed, 0xC22])
    best, kept, since, steps = np.inf, None, 0, 0
    for _ in range(training.epochs):
        network.train()
        for batch in np.array_split(rng.permutation(train), -(-len(train) // training.batch)):
            loss = (_answers(network, sequences, batch) - target[batch]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            steps += 1
        error = _predicted(network, sequences, valid) - target[valid].numpy()
        now, since = float(np.square(error).mean()), since + 1
        if now < best:
            best, since = now, 0
            kept = {name: one.clone() for name, one in network.state_dict().items()}
        if since >= training.patience or steps >= training.steps:
            break
    if kept is not None:
        network.load_state_dict(kept)


def _predicted(network: SmallCnn, sequences: Sequences, rows: np.ndarray) -> np.ndarray:
    network.eval()
    with torch.no_grad():
        parts = [_answers(network, sequences, rows[i : i + 256]) for i in range(0, len(rows), 256)]
    return torch.cat(parts).numpy().astype(np.float64)


def _answers(network: SmallCnn, sequences: Sequences, rows: np.ndarray) -> torch.Tensor:
    def of(index: np.ndarray) -> torch.Tensor:
        return network(torch.from_numpy(sequences.values[index].astype(np.float32)))

    if sequences.reference is None:
        return of(sequences.of[rows])
    # references repeat: three alleles of a site share one
    distinct, back = np.unique(sequences.reference[rows], return_inverse=True)
    both = of(np.concatenate([sequences.of[rows], distinct]))
    return both[: len(rows)] - both[len(rows) :][torch.from_numpy(back)]
