"""The speed and the memory use of fitting the context model on a generated genome, and the speed of
scoring with its bundle.

    fit_rate(100_000_000, "work")      # the fit has its own process, so its peak memory is its own
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gfmtrust.baseline.members import Members
from gfmtrust.baseline.scorer import FEW_PLACES, open_scorer
from gfmtrust.baseline.write import fit_context_model
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.alphabet import decode
from gfmtrust.io.genome import Genome
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of

CONTIG_BASES = 25_000_000
N_BASES = 50_000
"""The number of N at each contig's start, as in telomeres."""
PIECE = 1_200_000
"""The number of letters made at once: whole lines of 60."""


@dataclass(frozen=True)
class Rate:
    """Bases fitted or sites scored, seconds of wall clock and of CPU, megabases or sites per CPU
    second, and the peak MiB of the process."""

    what: str
    amount: int
    wall_s: float
    cpu_s: float
    rate: float
    peak_mib: float


def write_genome(path: str | Path, n_bases: int, seed: int = 0) -> None:
    """Write a FASTA of `n_bases` with 41 % GC and 60 letters per line, of which a tenth are copies
    of 300-base repeats with one letter in ten changed."""
    rng = np.random.default_rng(seed)
    families = rng.integers(0, 4, (50, 300)).astype(np.uint8)
    with open(path, "w", encoding="ascii") as file:
        for number, start in enumerate(range(0, n_bases, CONTIG_BASES), start=1):
            length = min(CONTIG_BASES, n_bases - start)
            file.write(f">chr{number}\n" + _lines("N" * (N_BASES // 60 * 60)))
            for first in range(0, length, PIECE):
                file.write(_lines(decode(_letters(rng, families, min(PIECE, length - first)))))


def _letters(rng: np.random.Generator, families: np.ndarray, length: int) -> np.ndarray:
    codes = rng.choice(4, length, p=[0.295, 0.205, 0.205, 0.295]).astype(np.uint8)
    size = families.shape[1]
    for at in rng.integers(0, max(1, length - size), length // (10 * size)):
        copy = families[rng.integers(len(families))][: length - at].copy()
        changed = rng.random(len(copy)) < 0.1
        copy[changed] = rng.integers(0, 4, changed.sum())
        codes[at : at + len(copy)] = copy
    return codes


def _lines(text: str) -> str:
    return "".join(f"{text[at : at + 60]}\n" for at in range(0, len(text), 60))


def fit_rate(n_bases: int, work_dir: str | Path, seed: int = 0) -> list[Rate]:
    """Generate a genome in `work_dir`, fit the context model to it in a new process, and score
    10,000 sites with the bundle in another.

    Returns the rate of the fit (Mb/s) and of scoring with its eight neighbours (sites/s), with one
    thread each.
    """
    work_dir = Path(work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    fasta, out_dir = work_dir / "genome.fa", work_dir / "context_model"
    write_genome(fasta, n_bases, seed)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as pool:
        return [
            Rate(**pool.apply(_fit, (fasta, out_dir, n_bases))),
            Rate(**pool.apply(_score, (fasta, out_dir, 10_000))),
        ]


def _fit(fasta: Path, out_dir: Path, n_bases: int) -> dict:
    clock = _Clock()
    fit_context_model(fasta, out_dir)
    return clock.rate("fit, Mb per CPU second", n_bases, 1e6)


def _score(fasta: Path, bundle_dir: Path, n_sites: int) -> dict:
    bundle = Bundle.open(bundle_dir)
    reader = reader_of(bundle)
    scorer = open_scorer(reader, "cpu", n_places=FEW_PLACES + 1)  # as large tasks do
    with Genome.open(fasta, bundle_dir.parent) as genome:
        pos = np.sort(
            np.random.default_rng(0).integers(N_BASES, next(iter(genome.contigs.values())), n_sites)
        )
        clock = _Clock()
        reader.score_sites(
            scorer,
            genome,
            np.zeros(n_sites, np.int64),
            pos,
            ReadingOptions(admitted=Members.open(bundle_dir).admitted),
        )
        return clock.rate("score, sites per CPU second", n_sites, 1)


class _Clock:
    """Wall and CPU time since its creation, and the process's peak memory."""

    def __init__(self):
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def rate(self, what: str, amount: int, unit: float) -> dict:
        cpu = time.process_time() - self._cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
        return asdict(
            Rate(what, amount, time.monotonic() - self._wall, cpu, amount / unit / cpu, peak)
        )
