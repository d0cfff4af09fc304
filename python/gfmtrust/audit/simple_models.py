"""The models that know nothing but counts: composition (order 0), and a Markov chain of order k read
from the left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.audit.study import Sites
from gfmtrust.baseline.counts import words_of
from gfmtrust.core.alphabet import N, reverse_complement
from gfmtrust.core.interfaces import Genome
from gfmtrust.readers.windows import cut

MAX_ORDER = 8
BASES_PER_WORD = 16
"""The order is the largest whose words have this many bases each on average."""
PIECE_BASES = 1_000_000
MAX_PIECES = 100
"""At most 100 Mb are counted: more change no figure of a chain of order 8."""
PRIOR = 0.5
"""Count that every base has in every context before anything is seen."""


@dataclass(frozen=True)
class WordCounts:
    """Words of order + 1 letters of a genome on both strands, int64 (4^(order + 1),)."""

    order: int
    counts: np.ndarray

    @classmethod
    def of(cls, genome: Genome, seed: int) -> WordCounts:
        """Count a genome, at most MAX_PIECES pieces of it, drawn evenly."""
        pieces = [
            (name, start)
            for name in genome.names
            for start in range(0, genome.contigs[name], PIECE_BASES)
        ]
        rng = np.random.default_rng([seed, 0xC0])
        drawn = sorted(rng.permutation(len(pieces))[:MAX_PIECES].tolist())
        n_bases = sum(min(PIECE_BASES, genome.contigs[pieces[i][0]]) for i in drawn)
        order = 0
        while order < MAX_ORDER and 4 ** (order + 2) * BASES_PER_WORD <= n_bases:
            order += 1
        counts = np.zeros(4 ** (order + 1), dtype=np.int64)
        for i in drawn:
            name, start = pieces[i]
            codes = genome.codes(name, start, min(start + PIECE_BASES, genome.contigs[name]))
            for strand in (codes, reverse_complement(codes)):
                words, whole = words_of(strand, order + 1)
                counts += np.bincount(words[whole], minlength=len(counts))
        return cls(order, counts)

    def composition(self) -> np.ndarray:
        """The distribution of order 0, float64 (4,)."""
        single = self.counts.reshape(-1, 4).sum(axis=0) + PRIOR
        return single / single.sum()

    def distributions(self, genome: Genome, sites: Sites) -> np.ndarray:
        """The distribution at sites from the `order` letters before each, float64 (n, 4). The site
        itself is taken out of the counts, so that it does not vote on itself. A context with an
        unknown letter has the composition."""
        if not self.order:
            return np.repeat(self.composition()[None], len(sites), axis=0)
        before = cut(genome, sites.contig_index, sites.pos - self.order, self.order)
        finite = (before < N).all(axis=1)
        context = np.where(before < N, before, 0).astype(np.int64) @ 4 ** np.arange(
            self.order - 1, -1, -1
        )
        rows = self.counts.reshape(-1, 4)[context].astype(np.float64)
        n = np.arange(len(sites))
        rows[n, sites.real] = np.maximum(rows[n, sites.real] - 1, 0)
        rows += 4 * PRIOR * self.composition()
        rows[~finite] = self.composition()
        return rows / rows.sum(axis=1, keepdims=True)
