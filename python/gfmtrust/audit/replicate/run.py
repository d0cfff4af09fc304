"""`gfmtrust audit replicate`: says what it costs, trains the members or reads them, measures, and writes
replicate.json and a page."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from gfmtrust.audit.replicate import claims, page, train
from gfmtrust.audit.replicate.corpora import Corpus, corpora
from gfmtrust.audit.replicate.measure import Numbers
from gfmtrust.audit.replicate.result import replication
from gfmtrust.audit.replicate.settings import Settings, kind
from gfmtrust.audit.replicate.workers import PLACE, Workers, used
from gfmtrust.core import memory
from gfmtrust.core.contracts.replication import Replication
from gfmtrust.core.documents import write_text
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.core.progress import Progress, duration
from gfmtrust.io.genome import Genome

log = logging.getLogger(__name__)

MOST_TOKENS = 3_000_000
SETTINGS = "settings.json"
TIED = (True, False)
MEASURING = 0.25
"""Share of the time that is kept for measuring."""
MEMORY = 2_500_000_000
"""Bytes of a process at most: PyTorch, one network with its optimiser, and the answers of three members."""


@dataclass(frozen=True)
class ReplicateRequest:
    """What a user asks for. text: a text file, None for that of the installed packages. settings:
    `tokens` 0 for as many as the minutes allow, MOST_TOKENS at most."""

    fasta: Path
    out_dir: Path
    text: Path | None = None
    settings: Settings = field(default_factory=lambda: Settings(0))
    minutes: float = 25
    cpus: int = 2


def replicate(request: ReplicateRequest) -> Replication:
    """Train the members, or read those of an earlier run, measure them, write `replicate.json` and
    the page, and print the five verdicts.

    Raises BadDataError (65) for a genome or a text that is too small or a damaged member,
    MissingInputError (66), ConfigurationError (78) where the folder has a run of other settings,
    TransientError (75) where memory does not suffice.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        settings, pieces, genome = ready(request, Path(scratch))
    workers = Workers(settings, pieces, request.cpus)
    paths = train_members(request.out_dir, workers)
    groups = measure_members(paths, workers)
    cpu, peak = used(request.cpus)
    facts = replication(
        groups, pieces, settings, genome,
        (round(cpu, 1), round(time.monotonic() - started, 1), int(peak)),
    )  # fmt: skip
    facts.write(request.out_dir / Replication.NAME)
    page.write(request.out_dir, facts)
    sys.stdout.write("".join(f"{claims.line(one)}\n" for one in facts.verdicts))
    return facts


def measure_members(
    paths: dict[tuple[str, bool], list[Path]], workers: Workers
) -> dict[claims.Group, dict[str, Numbers]]:
    """The statistics of the members by corpus and tied or not."""
    groups, progress = {}, Progress("measured", "groups", len(paths))
    for (name, tied), numbers in zip(paths, workers.measure(paths), strict=True):
        groups[name, tied] = numbers
        progress(len(groups), f"{name}, {kind(tied)}")
    return groups


def planned(settings: Settings, names) -> list[tuple[int, bool, str]]:
    """(member, tied, corpus) of all members, in the order in which they are trained."""
    return [
        (m, tied, name) for m in range(1, settings.members + 1) for tied in TIED for name in names
    ]


def ready(
    request: ReplicateRequest, scratch: Path
) -> tuple[Settings, dict[str, Corpus], tuple[str, str]]:
    """The settings with the number of tokens, the corpora, and the genome's name and digest."""
    memory.require(PLACE, MEMORY * request.cpus, "for the networks and their answers")
    settings = chosen(request)
    with Genome.open(request.fasta, scratch) as genome:
        pieces = corpora(genome, request.text, settings)
        name, digest = genome.name, genome.digest()
    for corpus in pieces.values():
        log.info("%s: %s, digest %s", corpus.name, corpus.origin, corpus.digest[:16])
    return say_cost(request, settings, pieces), pieces, (name, digest)


def chosen(request: ReplicateRequest) -> Settings:
    """The settings of the request; where it names no tokens, those of the earlier run in the folder.
    Raises ConfigurationError (78) where that run had other settings."""
    path = request.out_dir / SETTINGS
    if not path.is_file():
        return request.settings
    try:
        before = Settings(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        before = None
    settings = request.settings
    if before and not settings.tokens:
        settings = replace(settings, tokens=before.tokens)
    if before != settings:
        raise ConfigurationError(
            message(
                str(path),
                "settings of another run" if before else "no settings of this command",
                "those of this run",
                "take another --out_dir, or remove the folder",
            )
        )
    return settings


def say_cost(request: ReplicateRequest, settings: Settings, pieces: dict[str, Corpus]) -> Settings:
    """Log the tokens, the time and the memory before anything is trained; gives the settings with
    the number of tokens, which are written, so that a later run takes the same."""
    every = planned(settings, pieces)
    left = [
        one for one in every if not train.path_of(request.out_dir, one[2], one[1], one[0]).is_file()
    ]
    probe = replace(settings, tokens=settings.tokens or MOST_TOKENS)
    first = {name: pieces[name] for name in [next(iter(pieces))]}
    timed = Workers(probe, first, request.cpus).seconds_per_step(*first)
    seconds = timed / request.cpus
    per_step = settings.batch * settings.length
    if not settings.tokens:
        steps = (1 - MEASURING) * 60 * request.minutes / (seconds * len(every))
        tokens = min(MOST_TOKENS, max(1, int(steps)) * per_step)
        settings = replace(settings, tokens=tokens)
    training = settings.steps * seconds * len(left)
    log.info(
        "replicate: %d members, %d to train on %s tokens each at %s tokens/s: %s, and about %s to "
        "measure; %.1f GB of memory",
        len(every), len(left), f"{settings.tokens:,}", f"{per_step / seconds:,.0f}",
        duration(training), duration(MEASURING * 60 * request.minutes), MEMORY * request.cpus / 1e9,
    )  # fmt: skip
    request.out_dir.mkdir(parents=True, exist_ok=True)
    write_text(request.out_dir / SETTINGS, json.dumps(settings.plain(), indent=1) + "\n")
    return settings


def train_members(folder: Path, workers: Workers) -> dict[tuple[str, bool], list[Path]]:
    """The files of all members by corpus and tied or not, trained where they are missing."""
    settings = workers.settings
    paths: dict[tuple[str, bool], list[Path]] = {}
    todo = []
    for member, tied, name in planned(settings, workers.pieces):
        path = train.path_of(folder, name, tied, member)
        paths.setdefault((name, tied), []).append(path)
        if train.earlier(path, settings, workers.pieces[name], tied, member) is None:
            todo.append((member, tied, name, path))
    per_step = settings.batch * settings.length
    progress = Progress("replicate", "tokens", len(todo) * settings.steps * per_step)
    workers.train(todo, lambda steps, said: progress(steps * per_step, said))
    return paths
