"""Every track that a genome browser can show, declared once: file, title, range and colour. No
files are written here.

The bigWig files, the flags' BED and the IGV session come from this list.
"""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.core.vocabulary import Rank

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Track:
    """One track. `id` is a plain word, also the file's name without ending; `column` is None for
    the flags of alleles.

    lowest, highest: range that a browser opens with, in the unit of the title; values outside are
    in the file all the same.
    """

    id: str
    column: str | None
    title: str
    lowest: float
    highest: float
    colour: Colour

    @property
    def file(self) -> str:
        return f"{self.id}.bw" if self.column else f"{self.id}.bed.gz"


BIGWIGS = (
    Track(
        "entropy",
        "ent",
        "Entropy, bits",
        0,
        2,
        (0, 114, 178),
    ),
    Track(
        "gain",
        "gain",
        "Gain, bits/base",
        -0.5,
        0.5,
        (0, 158, 115),
    ),
    Track(
        "disagreement",
        "dis",
        "Disagreement, bits",
        0,
        0.5,
        (204, 121, 167),
    ),
    Track(
        "surprisal",
        "surprisal",
        "Surprisal, bits",
        0,
        6,
        (86, 120, 154),
    ),
    Track(
        "rank",
        "rank",
        "Rank",
        0,
        3,
        (0, 0, 0),
    ),
)
"""One value a base, from the column of bases.parquet. A rank of 0, not scored, is no value."""

FLAGS = Track(
    "flags",
    None,
    "Flags of alleles",
    0,
    1000,
    (0, 114, 178),
)

LEVEL_COLOURS: dict[Rank, Colour] = {
    Rank.HIGH: (0, 114, 178),
    Rank.MEDIUM: (230, 159, 0),
    Rank.LOW: (213, 94, 0),
    Rank.NOT_SCORED: (150, 150, 150),
}
"""Told apart by the colour-blind (Okabe and Ito 2008), and never the only sign: the flag's word
leads the name of each line."""

ASSEMBLIES = {
    248_956_422: "hg38",
    249_250_621: "hg19",
    248_387_328: "hs1",
    195_471_971: "mm10",
    195_154_279: "mm39",
}
"""Length of chromosome 1 -> the name under which browsers know the assembly."""


def assembly_name(contigs: list[tuple[str, int]]) -> str:
    """The name browsers know the genome by, found by its chromosome 1; `genome` where none of
    ASSEMBLIES fits."""
    lengths = {name.removeprefix("chr"): length for name, length in contigs}
    return ASSEMBLIES.get(lengths.get("1", 0), "genome")
