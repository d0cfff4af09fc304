"""Trains and measures the members of a replication in processes of one thread each.

A thread of its own for each member uses the cores better than two threads for one small network,
and the sums of floating-point numbers have one order, so that the number of cores changes nothing.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from gfmtrust.audit.replicate import train
from gfmtrust.audit.replicate.corpora import Corpus
from gfmtrust.audit.replicate.measure import Numbers, measured
from gfmtrust.audit.replicate.settings import Settings, kind
from gfmtrust.core import children

PLACE = "audit replicate"


@dataclass(frozen=True)
class Shared:
    """What all jobs of a process read. count: called after each update."""

    settings: Settings
    pieces: dict[str, Corpus]
    count: Callable[[], None]


_shared: Shared


@dataclass
class Workers:
    """The processes of a replication. steps: a counter that they share, the updates so far."""

    settings: Settings
    pieces: dict[str, Corpus]
    processes: int
    steps: Any = field(default_factory=lambda: multiprocessing.get_context("spawn").Value("q", 0))

    def seconds_per_step(self, name: str) -> float:
        """Seconds of an update of a corpus where all processes train at once: of the slowest."""
        return max(self._each(_timed, [name] * self.processes))

    def train(
        self, members: Sequence[tuple[int, bool, str, Path]], on_steps: Callable[[int, str], None]
    ) -> None:
        """Train members, each (number, tied, corpus, file), in this order; on_steps is called with
        the updates of all of them so far, and what was finished last."""
        finished = ""
        self.steps.value = 0
        answers = self._each(_trained, members, lambda: on_steps(self.steps.value, finished))
        for (member, tied, name, _), _answer in zip(members, answers, strict=True):
            finished = f"{name}, {kind(tied)}, member {member} is trained"
            on_steps(self.steps.value, finished)

    def measure(self, groups: dict[tuple[str, bool], list[Path]]) -> Iterator[dict[str, Numbers]]:
        """The statistics of each group of members by claim, in the order of the groups."""
        return self._each(_measured, list(groups.items()))

    def _each(
        self, function: Callable, jobs: Sequence, on_wait: Callable[[], None] = lambda: None
    ) -> Iterator:
        shared = (self.settings, self.pieces, self.steps)
        if self.processes == 1:
            _prepare(*shared, on_wait)
            return map(function, jobs)
        return children.answers(function, jobs, self.processes, PLACE, _prepare, shared, on_wait)


def used(processes: int) -> tuple[float, float]:
    """CPU seconds of this process and of those that ended, and the most memory in bytes that this
    one and so many others can have had at once."""
    this = resource.getrusage(resource.RUSAGE_SELF)
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = sum(one.ru_utime + one.ru_stime for one in (this, others))
    peak = this.ru_maxrss + (processes * others.ru_maxrss if processes > 1 else 0)
    return cpu, peak * 1024.0


def _prepare(
    settings: Settings,
    pieces: dict[str, Corpus],
    steps: Any,
    on_step: Callable[[], None] = lambda: None,
) -> None:
    global _shared
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)

    def count() -> None:
        with steps.get_lock():
            steps.value += 1
        on_step()

    _shared = Shared(settings, pieces, count)


def _timed(name: str) -> float:
    return train.seconds_per_step(_shared.settings, _shared.pieces[name])


def _trained(job: tuple[int, bool, str, Path]) -> None:
    member, tied, name, path = job
    settings, corpus = _shared.settings, _shared.pieces[name]
    network = train.Trainer(settings, corpus, tied, member).run(_shared.count)
    train.networks.save(network, path, train.key_of(settings, corpus, tied, member))


def _measured(job: tuple[tuple[str, bool], list[Path]]) -> dict[str, Numbers]:
    (name, tied), paths = job
    settings, corpus = _shared.settings, _shared.pieces[name]
    networks = [train.networks.load(path, settings, corpus.vocabulary, tied)[0] for path in paths]
    return measured(networks, corpus, settings, tied)
