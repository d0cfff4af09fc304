"""Windows of a genome as a model reads them: their position, their letters, and the status of a
site that follows from the letters alone."""

from __future__ import annotations

import numpy as np

from gfmtrust.core.alphabet import PAD, N, reverse_complement
from gfmtrust.core.interfaces import Genome
from gfmtrust.core.vocabulary import STATUS_ORDER, Status
from gfmtrust.inputs.reference import Fence, fenced

COMPLEMENT_ORDER = [3, 2, 1, 0]
"""The order of A, C, G, T that turns a distribution of one strand into that of the other."""
CHUNK_BASES = 4_000_000
"""The number of window bases in memory at once: 4,000 windows of 1,000 bp, 4 MB."""
MIN_REAL_BASES = 32
"""Fewer real bases than min(W/4, 32), left and right together, is OUT_OF_RANGE
(docs/start/output.md, "Statuses")."""


def cut(
    genome: Genome,
    contig_index: np.ndarray,
    starts: np.ndarray,
    width: int,
    strand: str = "+",
    fences: Fence | None = None,
) -> np.ndarray:
    """Return windows from their first forward position onwards, codes uint8 (n, width), with PAD
    beyond the fences, reverse complemented for strand '-'."""
    windows = np.empty((len(starts), width), dtype=np.uint8)
    for index in np.unique(contig_index):
        rows = contig_index == index
        windows[rows] = genome.windows(genome.names[int(index)], starts[rows], width)
    windows = fenced(windows, starts, fences)
    return windows if strand == "+" else reverse_complement(windows)


def bases_at(genome: Genome, contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """Return the code of the genome's letter at each position, uint8 (n,); PAD outside the
    contig."""
    return cut(genome, contig_index, pos, 1)[:, 0]


def window_status(
    windows: np.ndarray, site: int, max_n: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the status that follows from the letters of the window alone, and the two shares.

    windows: codes uint8 (n, W). Padding is counted separately and causes a status only where hardly
    any base is left. Returns status (n,), n_share and pad_share float32 (n,).
    """
    n_share, pad_share = window_shares(windows)
    is_real = windows < N
    real_beside = is_real.sum(axis=1) - is_real[:, site]
    status = np.full(len(windows), "", dtype=object)
    status[(n_share > max_n) | (windows[:, site] == N)] = Status.AMBIGUOUS_BASE
    least = min(windows.shape[1] / 4, MIN_REAL_BASES)
    status[(real_beside < least) & (n_share <= max_n)] = Status.OUT_OF_RANGE
    status[windows[:, site] == PAD] = Status.OUT_OF_RANGE
    return status, n_share.astype(np.float32), pad_share.astype(np.float32)


def window_shares(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of N among the letters of each window that lie inside the contig, and the
    share of the window outside it, float64 (n,) each."""
    n_pad = (windows == PAD).sum(axis=1)
    n_letters = windows.shape[1] - n_pad
    n_share = np.divide(
        (windows == N).sum(axis=1), n_letters, out=np.zeros(len(windows)), where=n_letters > 0
    )
    return n_share, n_pad / windows.shape[1]


def worst(
    judged: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the worst of what `window_status` returns for several windows of each site: of the
    statuses the one that comes first in their order, and the largest shares."""
    status = judged[0][0].copy()
    for other, _, _ in judged[1:]:
        for row in np.flatnonzero(other != status).tolist():
            status[row] = min(filter(None, (status[row], other[row])), key=STATUS_ORDER.index)
    n_share, pad_share = (np.max([one[at] for one in judged], axis=0) for at in (1, 2))
    return status, n_share, pad_share
