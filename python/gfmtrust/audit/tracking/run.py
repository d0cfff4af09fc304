"""`gfmtrust audit tracking`: trains every architecture on every task, and ranks none on a task whose
positive control fails."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gfmtrust.audit.numbers import share
from gfmtrust.audit.tracking import networks, page, train
from gfmtrust.audit.tracking.words import COPY, TASKS, task
from gfmtrust.audit.verdict import interval
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.contracts.tracking import TrackedGroup, Tracking
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.progress import duration

log = logging.getLogger(__name__)

PASSES, FAILS, UNDECIDED = "passes", "fails", "cannot be decided"
ENOUGH = 0.9
"""The share of words whose product is right at the last letter, above which it passes. It fails
where the share is nearer to chance than to 1."""
STEPS = {"parity": 600, "A5": 2500, "S5": 2500, COPY: 1000}
TIMED = 10


@dataclass(frozen=True)
class TrackingRequest:
    """groups: names of tasks; networks: names to train, where the task allows; the control is always
    trained, first."""

    out_dir: Path
    groups: tuple[str, ...] = TASKS
    networks: tuple[str, ...] = tuple(networks.NETWORKS)
    seed: int = 1
    cpus: int = 1
    steps: int | None = None


def track(request: TrackingRequest) -> Tracking:
    """Train and ask all, write tracking.json and its page, and print a table. Raises UsageError (64) for an
    unknown group or network."""
    for names, choices, place in (
        (request.groups, TASKS, "--groups"),
        (request.networks, networks.NETWORKS, "networks"),
    ):
        if strange := [name for name in names if name not in choices]:
            raise UsageError(message(place, ", ".join(strange), f"some of {', '.join(choices)}"))
    torch.set_num_threads(request.cpus)
    torch.set_flush_denormal(True)
    pairs = [
        (name, one)
        for one in request.groups
        for name in networks.of_task(one)
        if name in (networks.control_of(one), *request.networks)
    ]
    say_cost(request, pairs)
    rows = [_row(request, *pair) for pair in pairs]
    facts = concluded(request.seed, rows)
    request.out_dir.mkdir(parents=True, exist_ok=True)
    facts.write(request.out_dir / Tracking.NAME)
    page.write(request.out_dir, facts)
    sys.stdout.write("".join(f"{line}\n" for line in (*table(rows), *facts.verdict)))
    return facts


def say_cost(request: TrackingRequest, pairs: list[tuple[str, str]]) -> None:
    """Log the time that the training takes. pairs: networks and tasks."""
    seconds = 0.0
    for name, one in pairs:
        words = task(one)
        network = networks.NETWORKS[name](words.letters, words.elements)
        times = []
        for steps in (1, 1 + TIMED):  # both ask once, and the first also starts PyTorch up
            started = time.monotonic()
            train.tracked(network, words, steps, request.seed, train.LENGTH)
            times.append(time.monotonic() - started)
        seconds += max(0.0, times[1] - times[0]) / TIMED * _steps(request, one)
    log.info("tracking: %d trainings: %s", len(pairs), duration(seconds))


def _steps(request: TrackingRequest, name: str) -> int:
    return request.steps or STEPS[name]


def _row(request: TrackingRequest, name: str, of: str) -> TrackedGroup:
    words = task(of)
    torch.manual_seed(request.seed)
    network: nn.Module = networks.NETWORKS[name](words.letters, words.elements)
    started = time.process_time()
    tracked = train.tracked(network, words, _steps(request, of), request.seed)
    rows = statistics(tracked.right, 1 / words.elements, words.asked)
    row = TrackedGroup(
        of, name, judged(rows[-1]), truth(name, of), tracked.steps, tracked.length,
        round(time.process_time() - started, 1), rows, tuple(tracked.right.mean(axis=0).tolist()),
    )  # fmt: skip
    log.info("tracking: %s", table([row])[0].replace("\t", ", "))
    return row


def statistics(right: np.ndarray, chance: float, letters: tuple[int, ...]) -> tuple[Statistic, ...]:
    """The share of right answers at some letters. right: bool (words, letters)."""
    return tuple(
        share(f"right at letter {letter}", right[:, letter - 1], chance, x=letter, unit="share")
        for letter in letters
    )


def judged(last: Statistic) -> str:
    """The verdict from the share at the last letter."""
    if last.low is not None and last.low > ENOUGH:
        return PASSES
    middle = (1 + (last.null or 0.0)) / 2
    return FAILS if last.high is not None and last.high < middle else UNDECIDED


def truth(network: str, of: str) -> str:
    """What theory says: a state that its own gates read can follow any group, one that is multiplied
    by positive numbers of the letters alone can follow none beyond the trained length. Attention
    keeps every letter; what a state of fixed size can copy depends on its size."""
    if network == networks.control_of(of):
        return PASSES
    return "" if of == COPY else FAILS


def concluded(seed: int, rows: list[TrackedGroup]) -> Tracking:
    """The facts, and the tasks of which nothing is concluded because the control fails there."""
    failed = tuple(
        row.group
        for row in rows
        if row.network == networks.control_of(row.group) and row.verdict != PASSES
    )
    lines = []
    for one in dict.fromkeys(row.group for row in rows):
        if one in failed:
            lines.append(
                f"{one}: not ranked, because the {networks.control_of(one)} does not pass: the training, "
                "or the test itself, is not good enough."
            )
            continue
        parts = [f"{row.network} {row.verdict}" for row in rows if row.group == one]
        strange = [
            row.network
            for row in rows
            if row.group == one and row.truth and row.verdict != row.truth
        ]
        against = f" Not as theory says: {', '.join(strange)}." if strange else " As theory says."
        if one == COPY:
            against = " The control passes, as it must; of the others theory says nothing."
        lines.append(f"{one}: {'; '.join(parts)}.{against}")
    return Tracking(seed, tuple(rows), failed, tuple(lines))


def table(rows: list[TrackedGroup]) -> list[str]:
    """One line for each row."""
    return [
        "\t".join(
            (row.group, row.network, row.verdict,
             *(f"{one.label}: {interval(one)}" for one in row.statistics),
             f"{row.steps:,} steps", duration(row.seconds))
        )
        for row in rows
    ]  # fmt: skip
