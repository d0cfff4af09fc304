"""What the genome says about a site without any model: its letter, flanks, GC, soft mask, block and
region class.

All functions take arrays of (contig_index, pos) and answer in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import N

GC_WINDOW_BP = 200
MAX_BLOCK_BP = 1_000_000
BLOCKS_PER_GENOME = 64
CHUNK = 100_000


def place_key(contig_index, pos) -> np.ndarray:
    """One int64 a place that sorts as (contig_index, pos) does; contigs are shorter than 2^40
    bases."""
    return np.asarray(contig_index, np.int64) << 40 | np.asarray(pos, np.int64)


@dataclass(frozen=True)
class Surroundings:
    """Letters around n sites: base, left, right as codes uint8 (n,); gc float32 (n,), share of the
    ACGT letters of the 201-bp window that are G or C (0.5 where there is none); soft_masked bool
    (n,)."""

    base: np.ndarray
    left: np.ndarray
    right: np.ndarray
    gc: np.ndarray
    soft_masked: np.ndarray

    def take(self, rows: np.ndarray) -> Surroundings:
        return Surroundings(
            self.base[rows],
            self.left[rows],
            self.right[rows],
            self.gc[rows],
            self.soft_masked[rows],
        )


def surroundings(genome, contig_index: np.ndarray, pos: np.ndarray) -> Surroundings:
    # the reader of genomes is imported where one is read: a step on tables needs this module too
    from gfmtrust.inputs.reference import fence, fenced

    n = len(pos)
    out = Surroundings(
        np.empty(n, np.uint8),
        np.empty(n, np.uint8),
        np.empty(n, np.uint8),
        np.empty(n, np.float32),
        np.zeros(n, bool),
    )
    half = GC_WINDOW_BP // 2
    fences = fence(genome, contig_index, pos)
    for index in np.unique(contig_index):
        rows = np.flatnonzero(contig_index == index)
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            windows = genome.windows(genome.names[index], pos[part] - half, 2 * half + 1)
            windows = fenced(windows, pos[part] - half, fences and fences.take(part))
            out.base[part], out.left[part], out.right[part] = (
                windows[:, half],
                windows[:, half - 1],
                windows[:, half + 1],
            )
            letters = (windows < N).sum(axis=1)
            strong = ((windows == 1) | (windows == 2)).sum(axis=1)
            out.gc[part] = np.divide(
                strong, letters, out=np.full(len(part), 0.5), where=letters > 0
            )
        low, high = int(pos[rows].min()), int(pos[rows].max()) + 1
        low, high = max(low, 0), min(high, genome.contigs[genome.names[index]])
        inside = rows[(pos[rows] >= low) & (pos[rows] < high)]
        if len(inside):
            out.soft_masked[inside] = genome.soft_masked(genome.names[index], low, high)[
                pos[inside] - low
            ]
    return out


def block_size(usable_bp: int, longest_window_bp: int) -> int:
    """Bases a calibration block holds: min(1 Mb, usable/64), at least four windows where the genome
    allows 16 such blocks."""
    size = max(1, min(MAX_BLOCK_BP, usable_bp // BLOCKS_PER_GENOME))
    wide = 4 * longest_window_bp
    return wide if size < wide and usable_bp >= 16 * wide else size


def block_of(genome, contig_index: np.ndarray, pos: np.ndarray, size: int) -> np.ndarray:
    """Number of the block of each site, int32 (n,); blocks are cut contig by contig in genome order
    and numbered through."""
    n_blocks = np.array([-(-length // size) for length in genome.contigs.values()], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(n_blocks)[:-1]])
    return (first[contig_index] + pos // size).astype(np.int32)


def acgt_intervals(genome, index: int) -> np.ndarray:
    """Runs of A, C, G, T of one contig, int64 (n, 2) half-open."""
    name = genome.names[index]
    definite = genome.codes(name, 0, genome.contigs[name]) < N
    edges = np.flatnonzero(np.diff(np.concatenate([[0], definite.view(np.int8), [0]])))
    return edges.reshape(-1, 2).astype(np.int64)


def region_class(copy_class: np.ndarray, inside: list[tuple[str, np.ndarray]]) -> np.ndarray:
    """Region class of each site: the first BED file that it lies in, else its copy class; object
    array (n,)."""
    classes = np.array(copy_class, dtype=object)
    for name, member in reversed(inside):
        classes[member] = name
    return classes
