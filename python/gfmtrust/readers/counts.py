"""The context model: a k-mer (Markov) baseline fitted to the user's genome. It predicts a base from
the letters on both sides and masks nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.vocabulary import Placement
from gfmtrust.readers.haplotypes import RADIUS_BP, Span
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.views import site_index, width_of


@dataclass(frozen=True)
class CountsReader(Reader):
    """Reads the context model. Its contexts are the orders of the mixture, so it has no view of
    half of the context, and it can score an allele of any length."""

    def longest_allele(self, preset: str) -> int | None:
        return None

    def reads_neighbours(self, asked: bool) -> bool:
        """Always true, because the local gain of the other models is measured against its local
        surprisal."""
        return True

    def span(self, placement: Placement, length: int) -> Span:
        """Return the letters from RADIUS_BP before the change to RADIUS_BP after it, in one round,
        with nothing masked."""
        width, site = width_of(self.model, placement), site_index(self.model, placement)
        n_scored = length + 2 * RADIUS_BP
        return Span(
            n_scored + width - 1, site + RADIUS_BP, ((0, np.arange(site, site + n_scored)),)
        )
