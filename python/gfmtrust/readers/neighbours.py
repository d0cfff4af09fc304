"""Local surprisal: how well a model predicts the bases beside a site, without the site itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import N
from gfmtrust.core.interfaces import Genome, Votes
from gfmtrust.inputs.reference import fence
from gfmtrust.readers.windows import bases_at


@dataclass
class NeighbourAnswers:
    """Distributions at the neighbours of n sites, summed over the strands that read them.

    as_read: int64 (P,), offsets from the site in reading direction; a causal model has none on its
    right. offsets: int64 (F,), the same offsets on the forward strand, of all strands, ascending.
    total: float64 (n, F, members, 4), forward strand. n_strands: (F, 1, 1), the number of strands
    that read each.
    """

    as_read: np.ndarray
    offsets: np.ndarray
    total: np.ndarray
    n_strands: np.ndarray

    @classmethod
    def empty(
        cls, as_read: Sequence[int], strands: Iterable[str], n: int, n_members: int
    ) -> NeighbourAnswers:
        """Return an instance to which nothing has been added. strands: those of the views, '+' and
        '-'."""
        read = np.array(as_read, dtype=np.int64)
        offsets = np.unique(
            np.concatenate([read if strand == "+" else -read for strand in strands])
        )
        return cls(
            read,
            offsets,
            np.zeros((n, len(offsets), n_members, 4)),
            np.zeros((len(offsets), 1, 1)),
        )

    def add(self, strand: str, answer: np.ndarray) -> None:
        """Add the answers of one strand, (n, P, members, 4) in the order of `as_read`; the bases
        are already in the order of the forward strand."""
        columns = np.searchsorted(self.offsets, self.as_read if strand == "+" else -self.as_read)
        self.total[:, columns] += answer.astype(np.float64)
        self.n_strands[columns] += 1

    @property
    def mean(self) -> np.ndarray:
        """The mean over strands, float64 (n, F, members, 4)."""
        return self.total / self.n_strands


def local_surprisal(
    beside: np.ndarray,
    genome: Genome,
    contig_index: np.ndarray,
    pos: np.ndarray,
    offsets: np.ndarray,
    admitted: Votes | None,
) -> np.ndarray:
    """Return the mean of -log2 of the probability of the neighbours' real bases under the mean of
    the members, in bits, float32 (n,).

    beside: float64 (n, n_offsets, members, 4), mean over strands, forward strand. At a neighbour a
    member votes only where it may vote at that neighbour's own position.
    """
    total = np.zeros(len(pos))
    count = np.zeros(len(pos))
    fences = fence(genome, contig_index, pos)
    for column, offset in enumerate(offsets):
        real = bases_at(genome, contig_index, pos + offset)
        votes = (
            np.ones(beside.shape[:1] + beside.shape[2:3], bool)
            if admitted is None
            else admitted(contig_index, pos + offset)
        )
        inside = (real < N) & (True if fences is None else fences.holds(pos + offset))
        of_real = beside[np.arange(len(pos)), column, :, np.where(inside, real, 0)]
        weight = votes.sum(axis=1)
        mean = np.divide(
            (of_real * votes).sum(axis=1), weight, out=np.full(len(pos), np.nan), where=weight > 0
        )
        good = inside & np.isfinite(mean) & (mean > 0)
        total[good] -= np.log2(mean[good])
        count[good] += 1
    return np.divide(total, count, out=np.full(len(pos), np.nan), where=count > 0).astype(
        np.float32
    )
