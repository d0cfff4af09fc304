"""Blocks of labelled alleles: what the splits share none of, and the loci that labels of few places
speak for.

Source: docs/understand/reliability.md, "Labels".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration import splits
from gfmtrust.core.contracts.base import entry
from gfmtrust.inputs.sites import MAX_BLOCK_BP, place_key

if TYPE_CHECKING:
    import pandas as pd

WINDOW_BP = 1000
"""Longest block inside a locus."""
GAP_BP = 100
"""A stretch without a labelled allele that ends a block inside a locus. Introns are longer and gaps
within an assayed exon shorter, so that the labelled exons of a gene are its blocks."""
MIN_LOCUS_BLOCKS = 4
"""Blocks that one locus needs: the fewest that leave two on either side of the split."""


@dataclass(frozen=True)
class Locus:
    """A stretch in which the levels of labels of few places are valid."""

    contig_index: int = entry("place of the contig in the genome")
    first: int = entry("position of the first base, 0-based", "bp")
    last: int = entry("position of the last base, 0-based", "bp")


@dataclass(frozen=True)
class Blocks:
    """index: block of each allele, int (n,); loci: the stretches that the labels speak for, () where
    they are spread over the genome."""

    index: np.ndarray
    loci: tuple[Locus, ...] = ()

    @property
    def n(self) -> int:
        return len(np.unique(self.index))

    @property
    def needed(self) -> int:
        """Blocks that a calibration needs."""
        return MIN_LOCUS_BLOCKS if self.loci else splits.MIN_BLOCKS

    @property
    def words(self) -> str:
        """What the blocks are, e.g. 'blocks of 1 Mb'."""
        several = "s" if self.n != 1 else ""
        if self.loci:
            return f"exon{several} or window{several} of 1 kb"
        return f"block{several} of 1 Mb"


def blocks_of(table: pd.DataFrame) -> Blocks:
    """The blocks of alleles in order of contig_index and pos (columns of `table`).

    A block is a megabase of a contig. Where the alleles lie in fewer than 8 of them, a block is a
    stretch of alleles without a gap of 100 bp, cut every 1,000 bp; a locus is then a stretch without
    a gap of 1 Mb.
    """
    contig, pos = (table[name].to_numpy(np.int64) for name in ("contig_index", "pos"))
    wide = megabases(table)
    if len(np.unique(wide)) >= splits.MIN_BLOCKS:
        return Blocks(wide)
    stretch = _stretches(contig, pos, GAP_BP)
    start = pos[np.flatnonzero(np.diff(stretch, prepend=-1))][stretch] if len(pos) else pos
    window = (pos - start) // WINDOW_BP
    index = np.unique(np.column_stack([stretch, window]), axis=0, return_inverse=True)[1]
    return Blocks(index.reshape(-1), _loci(contig, pos))


def megabases(table: pd.DataFrame) -> np.ndarray:
    """The megabase of its contig that each allele lies in, numbered from 0, int (n,)."""
    return np.unique(
        place_key(table["contig_index"], table["pos"] // MAX_BLOCK_BP), return_inverse=True
    )[1]


def _stretches(contig: np.ndarray, pos: np.ndarray, gap: int) -> np.ndarray:
    """The number of the stretch of each allele, 0 and up, int (n,); a new one begins after `gap`
    bases without an allele and on another contig."""
    begins = (np.diff(contig, prepend=-1) != 0) | (np.diff(pos, prepend=0) > gap)
    return np.cumsum(begins) - 1


def _loci(contig: np.ndarray, pos: np.ndarray) -> tuple[Locus, ...]:
    stretch = _stretches(contig, pos, MAX_BLOCK_BP)
    rows = [np.flatnonzero(stretch == one) for one in range(int(stretch.max(initial=-1)) + 1)]
    return tuple(Locus(int(contig[r[0]]), int(pos[r[0]]), int(pos[r[-1]])) for r in rows)


def inside(loci: tuple[Locus, ...], contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """Does each allele lie in one of the loci? bool (n,)."""
    is_inside = np.zeros(len(pos), dtype=bool)
    for one in loci:
        is_inside |= (contig_index == one.contig_index) & (pos >= one.first) & (pos <= one.last)
    return is_inside
