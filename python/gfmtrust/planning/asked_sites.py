"""The sites of a plan for which the copy index is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.planning.regions import Regions
from gfmtrust.planning.shards import TO_SCORE, Positions

if TYPE_CHECKING:
    import pandas as pd


def asked_sites(
    genome,
    alleles: Positions,
    regions: Regions,
    pool: tuple[np.ndarray, np.ndarray],
    variants: pd.DataFrame,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return contig_index, pos and span, int64 (n,), of every site that needs a copy class: the
    SNVs of the run, the region bases, the candidates for probes, and every variant with its probes.
    Some of them may occur more than once.

    pool: contig_index and pos of the candidates; variants: rows of tables.VARIANTS.
    """
    parts = [
        np.stack([*pool, np.ones(len(pool[0]), np.int64)]),
        np.stack(
            [
                variants["contig_index"].to_numpy(np.int64),
                variants["pos"].to_numpy(np.int64),
                variants["ref"].str.len().to_numpy(np.int64),
            ]
        ),
    ]
    for index, pos in _scored_bases(genome, alleles, regions):
        parts.append(np.stack([np.full(len(pos), index), pos, np.ones(len(pos), np.int64)]))
    contig_index, pos, span = np.concatenate(parts, axis=1)
    return contig_index, pos, span


def _scored_bases(genome, alleles: Positions, regions: Regions) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the positions of the SNVs and the region bases, contig by contig."""
    for index, mask in alleles.by_contig(genome):
        is_scored = mask & TO_SCORE > 0
        for intervals in regions.sets.values():
            for start, stop in intervals.intervals(genome.names[index]):
                is_scored[max(0, start) : stop] = True
        yield index, np.flatnonzero(is_scored)
