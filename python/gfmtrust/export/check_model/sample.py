"""The small genome of `models check`: three stretches of real DNA that are part of the package, or
at most 600 kb of the user's FASTA.

The stretches of `genome.fa` are public sequence: human (GRCh38), Arabidopsis thaliana (GenBank
AC007323) and a plasmid of Yersinia pestis (RefSeq NC_005816.1); their coordinates are in the
headers of the file. A model is judged by the stretch that it predicts best, because most models
were trained on one kingdom. The user's own genome is judged as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from gfmtrust.baseline.fit import MIN_BASES
from gfmtrust.core.alphabet import PAD, N, decode
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.io.genome import Genome

SHIPPED = "genome.fa"
MAX_BASES = 600_000
"""A larger FASTA is sampled, which keeps the context model below 0.5 GB and a few seconds."""
PIECE_BASES = 100_000
MAX_N = 0.5
"""Pieces of a large FASTA with a larger share of N are skipped."""


class Letters:
    """Contigs in memory, with the part of the interface of `genome.Genome` that the context model
    and the windows need."""

    def __init__(self, codes: dict[str, np.ndarray]) -> None:
        self._codes = codes
        self.names = list(codes)
        self.contigs = {name: len(letters) for name, letters in codes.items()}

    def codes(self, contig: str, start: int, end: int) -> np.ndarray:
        """Return the codes of [start, end), uint8 (end - start,), PAD outside the contig."""
        letters, piece = self._codes[contig], np.full(max(0, end - start), PAD, np.uint8)
        low, high = max(0, start), min(end, len(letters))
        if low < high:
            piece[low - start : high - start] = letters[low:high]
        return piece

    @property
    def n_known(self) -> int:
        """The number of A, C, G and T."""
        return sum(int((letters < N).sum()) for letters in self._codes.values())


@dataclass(frozen=True)
class Sample:
    """The genome of a check. fasta: a file with exactly these letters. parts: name -> letters, each
    judged separately; source: their origin in words; ships: whether it is the package's own
    genome."""

    fasta: Path
    parts: dict[str, Letters]
    source: str
    ships: bool


@dataclass(frozen=True)
class Windows:
    """n windows without N. codes: uint8 (n, width); contig_index, start: int64 (n,), the position
    of each in its part."""

    codes: np.ndarray
    contig_index: np.ndarray
    start: np.ndarray


def prepare(fasta: Path | None, scratch: Path) -> Sample:
    """Return the sample of a FASTA, or of the package's genome where none is given; files are
    written to `scratch`.

    Raises what `Genome.open` raises, and BadDataError (65) for a FASTA with fewer than MIN_BASES
    known bases.
    """
    if fasta is None:
        path = scratch / SHIPPED
        path.write_bytes(
            resources.files("gfmtrust.export.check_model").joinpath(SHIPPED).read_bytes()
        )
        with Genome.open(path, scratch) as genome:
            parts = {
                name: Letters({name: genome.codes(name, 0, length)})
                for name, length in genome.contigs.items()
            }
        total = sum(part.n_known for part in parts.values())
        return Sample(
            path, parts, f"{total:,} bases of {', '.join(parts)} that ship with gfmtrust", True
        )
    with Genome.open(fasta, scratch) as genome:
        pieces = _pieces(genome)
        n_bases = sum(genome.contigs.values())
        letters = Letters(
            {
                f"{name}_{start + 1}"
                if start or end < genome.contigs[name]
                else name: genome.codes(name, start, end)
                for name, start, end in pieces
            }
        )
    if letters.n_known < MIN_BASES:
        raise BadDataError(
            message(
                fasta.name,
                f"{letters.n_known:,} A, C, G, T",
                f"at least {MIN_BASES:,}",
                "is it the right FASTA?",
            )
        )
    path = scratch / "sample.fa"
    path.write_text(
        "".join(
            f">{name}\n{decode(letters.codes(name, 0, length))}\n"
            for name, length in letters.contigs.items()
        ),
        encoding="utf-8",
    )
    of = (
        f" of {n_bases:,}, in {len(pieces)} pieces"
        if sum(letters.contigs.values()) < n_bases
        else ""
    )
    return Sample(
        path,
        {fasta.name: letters},
        f"{sum(letters.contigs.values()):,} bases{of}, from {fasta.name}",
        False,
    )


def _pieces(genome: Genome) -> list[tuple[str, int, int]]:
    """Return (contig, start, end) of the whole genome where it is small, otherwise of pieces at
    random places that add up to MAX_BASES."""
    if sum(genome.contigs.values()) <= MAX_BASES:
        return [(name, 0, length) for name, length in genome.contigs.items() if length]
    whole = [
        (name, start, min(start + PIECE_BASES, length))
        for name, length in genome.contigs.items()
        for start in range(0, length, PIECE_BASES)
    ]
    chosen, total = [], 0
    for row in np.random.default_rng(0).permutation(len(whole)):
        name, start, end = whole[row]
        if total < MAX_BASES and (genome.codes(name, start, end) >= N).mean() <= MAX_N:
            chosen.append(row)
            total += end - start
        if total >= MAX_BASES:
            break
    return [whole[row] for row in sorted(chosen)]


def windows(letters: Letters, width: int, n: int) -> Windows | None:
    """Return at most n windows without N, spread evenly over the letters; None where there is
    none."""
    free = []
    for contig_index, (name, length) in enumerate(letters.contigs.items()):
        blocked = np.concatenate([[0], np.cumsum(letters.codes(name, 0, length) >= N)])
        starts = np.flatnonzero(blocked[width:] == blocked[: max(0, length + 1 - width)])
        free.append(np.stack([np.full(len(starts), contig_index), starts]))
    places = np.concatenate(free, axis=1)
    if not places.shape[1]:
        return None
    places = places[:, np.unique(np.linspace(0, places.shape[1] - 1, n).astype(int))]
    codes = [
        letters.codes(letters.names[contig_index], start, start + width)
        for contig_index, start in places.T
    ]
    return Windows(np.stack(codes), *places)
