"""Masked models of single bases and of k-mers: the token of the site is masked and the rest of the
window is read. A single base is a token of one letter, so both are one way of reading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.vocabulary import Placement
from gfmtrust.readers.haplotypes import STRIDE, Span
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.tiles import Tiling
from gfmtrust.readers.views import middle_half, site_index, width_of


@dataclass(frozen=True)
class MaskedReader(Reader):
    """The reader of masked models. Bases of different tokens can share a pass, because their tokens
    are masked together (`tiles`)."""

    def half_context(self) -> tuple[int, int]:
        return middle_half(self.model)

    def tiling(self, placement: Placement = Placement("+")) -> Tiling:  # noqa: B008  (immutable)
        return Tiling.of(width_of(self.model, placement), self.model.k)

    def span(self, placement: Placement, length: int) -> Span:
        """Return the letters from `radius` before the change to `radius` after it, in STRIDE rounds
        of tokens that are masked together."""
        width, k = width_of(self.model, placement), self.model.k
        site, radius = site_index(self.model, placement), self.radius(placement)
        letters = np.arange(site - radius, site + length + radius)
        turn = (letters // k - letters[0] // k) % STRIDE
        return Span(
            width, site, tuple((0, letters[turn == t]) for t in range(STRIDE) if (turn == t).any())
        )
