"""Every track that a genome browser can show, declared once: file, title, range and colour. This
module writes no files.

The bigWig files, the BED file of the flags and the IGV session are created from this list.
"""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.core.vocabulary import Rank

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Track:
    """One track. `id` is a single word and is also the file's name without its ending; `column` is
    None for the flags of alleles.

    lowest, highest: range that a browser shows when it opens, in the unit of the title; the file
    also contains values outside this range.
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
"""One value per base, from the column of bases.parquet. A rank of 0 (not scored) is not a value."""

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
"""Colours that colour-blind readers can distinguish (Okabe and Ito 2008). They are never the only
sign: the name of each line begins with the flag."""

ASSEMBLIES = {
    248_956_422: "hg38",
    249_250_621: "hg19",
    248_387_328: "hs1",
    195_471_971: "mm10",
    195_154_279: "mm39",
}
"""Length of chromosome 1 -> the name under which browsers know the assembly."""


def assembly_name(contigs: list[tuple[str, int]]) -> str:
    """The name of the genome in browsers, recognised by the length of its chromosome 1; `genome`
    where none of ASSEMBLIES matches."""
    lengths = {name.removeprefix("chr"): length for name, length in contigs}
    return ASSEMBLIES.get(lengths.get("1", 0), "genome")
