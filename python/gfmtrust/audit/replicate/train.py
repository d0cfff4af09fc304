"""Trains the members of a replication. Members of a corpus differ in their first weights alone: the
windows, their order and the masks are the same for all of them."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gfmtrust.audit.replicate import network as networks
from gfmtrust.audit.replicate.corpora import FIRST, MASK, Corpus
from gfmtrust.audit.replicate.settings import CORPORA, MASKED, Settings, kind
from gfmtrust.core.errors import ConfigurationError, TransientError, message

log = logging.getLogger(__name__)

WARM_UP = 0.1
CLIPPED = 0.5
"""Source of the warm-up, the cosine and the largest norm of a gradient: the public code."""
TO_MASK, TO_RANDOM = 0.8, 0.1
UNTIMED_STEPS, TIMED_STEPS = 3, 10


def batch(
    corpus: Corpus, settings: Settings, step: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the members read at a step, what is true, and which tokens are asked; int64, int64 and
    bool (batch, length)."""
    rng = np.random.default_rng([settings.seed, CORPORA.index(corpus.name), step])
    truth = np.stack([corpus.draw(rng) for _ in range(settings.batch)])
    asked = rng.random(truth.shape) < MASKED
    asked[0, 0] |= not asked.any()
    fate = rng.random(truth.shape)
    shown = np.where(asked & (fate < TO_MASK), MASK, truth)
    drawn = rng.integers(FIRST, corpus.vocabulary, truth.shape)
    is_random = asked & (fate >= TO_MASK) & (fate < TO_MASK + TO_RANDOM)
    return np.where(is_random, drawn, shown), truth, asked


def rate_at(settings: Settings, step: int) -> float:
    """The learning rate of a step: a warm-up, then a cosine."""
    warm = max(1, round(WARM_UP * settings.steps))
    if step < warm:
        return settings.rate * (step + 1) / warm
    done = (step - warm) / max(1, settings.steps - warm)
    return settings.rate * 0.5 * (1 + math.cos(math.pi * done))


class Trainer:
    """Trains one member. piece: sequences that are computed at once; it is halved where memory runs
    out, and the update stays the same."""

    def __init__(self, settings: Settings, corpus: Corpus, tied: bool, member: int) -> None:
        self.settings, self.corpus, self.piece = settings, corpus, settings.batch
        torch.manual_seed(1_000 * settings.seed + member)
        self.network = networks.build(settings, corpus.vocabulary, tied).train()
        networks.start_at(self.network, corpus.frequencies)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=settings.rate)

    def run(self, on_step: Callable[[], None], steps: int | None = None) -> nn.Module:
        """Train for all steps, or some; on_step is called after each."""
        for step in range(self.settings.steps if steps is None else steps):
            self.step(step)
            on_step()
        return self.network.eval()

    def step(self, step: int) -> None:
        shown, truth, asked = map(torch.from_numpy, batch(self.corpus, self.settings, step))
        self.piece = in_pieces(
            lambda piece: self._gradients(shown, truth, asked, piece), self.piece, self.corpus.name
        )
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.settings, step)
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIPPED)
        self.optimiser.step()

    def _gradients(self, shown, truth, asked, piece: int) -> None:
        self.optimiser.zero_grad()
        n = int(asked.sum())
        for rows in torch.arange(len(shown)).split(piece):
            answers = networks.logits(self.network, shown[rows], asked[rows])
            (cross_entropy(answers, truth[rows][asked[rows]], reduction="sum") / n).backward()


def in_pieces(work: Callable[[int], None], piece: int, place: str) -> int:
    """Do the work with pieces of a size, which is halved until memory suffices; gives that size.
    Raises TransientError (75) where one sequence is too much."""
    while True:
        try:
            work(piece)
            return piece
        except (MemoryError, RuntimeError) as error:
            if not _is_memory(error):
                raise
            if piece == 1:
                raise TransientError(
                    message(
                        place,
                        "no memory for one sequence",
                        "more memory",
                        "free memory or take fewer layers",
                    )
                ) from None
        gc.collect()
        piece //= 2
        log.warning("%s: memory ran out; %d sequences at once from now on", place, piece)


def _is_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "allocate memory" in str(error)


def seconds_per_step(settings: Settings, corpus: Corpus) -> float:
    """Seconds of an update in this process now; the first ones, which are slower, are not timed."""
    trainer = Trainer(settings, corpus, True, 0)
    for step in range(UNTIMED_STEPS):
        trainer.step(step)
    started = time.monotonic()
    for step in range(UNTIMED_STEPS, UNTIMED_STEPS + TIMED_STEPS):
        trainer.step(step)
    return (time.monotonic() - started) / TIMED_STEPS


def key_of(settings: Settings, corpus: Corpus, tied: bool, member: int) -> str:
    """The digest of all that decides the weights of a member."""
    facts = {**settings.plain(), "corpus": corpus.name, "letters": corpus.digest,
             "tied": tied, "member": member}  # fmt: skip
    del facts["members"]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def path_of(folder: Path, corpus: str, tied: bool, member: int) -> Path:
    """The file of a member."""
    return folder / "members" / f"{corpus}_{kind(tied)}_{member}.npz"


def earlier(
    path: Path, settings: Settings, corpus: Corpus, tied: bool, member: int
) -> nn.Module | None:
    """The member that an earlier run wrote; None where there is none. Raises ConfigurationError (78)
    for one of other settings or another corpus."""
    if not path.is_file():
        return None
    network, key = networks.load(path, settings, corpus.vocabulary, tied)
    if key != key_of(settings, corpus, tied, member):
        raise ConfigurationError(
            message(
                str(path),
                "a member of other settings, another genome or another text",
                "one of this run",
                "take another --out_dir, or remove the folder members",
            )
        )
    return network
