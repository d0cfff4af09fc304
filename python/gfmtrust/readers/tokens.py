"""Models of whole tokens (BPE): they score alleles by the likelihoods of two texts and give no
distribution over bases (`likelihoods`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gfmtrust.core.interfaces import Scorer
from gfmtrust.core.vocabulary import Placement
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers import likelihoods
from gfmtrust.readers.haplotypes import Span
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.views import middle_half, nearest_half, site_index, width_of

PASSES_PER_VIEW = 6
"""Two texts for each of three ALTs. This is an upper bound, because equal texts of REF are run
once."""


@dataclass(frozen=True)
class TokensReader(Reader):
    """The reader of masked models of whole tokens."""

    has_distribution: ClassVar[bool] = False

    @property
    def passes_per_view(self) -> int:
        return PASSES_PER_VIEW

    def half_context(self) -> tuple[int, int]:
        return middle_half(self.model)

    def readable(self, scorer: Scorer, windows: np.ndarray) -> np.ndarray:
        return likelihoods.readable(scorer, windows)

    def answers(
        self, scorer: Scorer, windows: np.ndarray, site: int, around: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `likelihoods.of_bases`; such a model has no neighbours."""
        return likelihoods.of_bases(scorer, windows, site)

    def letter_scores(self, scorer: Scorer, windows: np.ndarray, site: int) -> np.ndarray:
        return likelihoods.substitutions(scorer, windows, site)

    def span(self, placement: Placement, length: int) -> Span:
        """Return whole windows in one round, with the change at least `radius` before their end."""
        width, site = width_of(self.model, placement), site_index(self.model, placement)
        site = min(site, width - (length + self.radius(placement)))
        return Span(width, site, ((0, np.arange(site, site + length)),))

    def scores_whole(self, variant: Variant) -> bool:
        """Always true: the substitutions of a longer variant share tokens, so their scores do not
        add up."""
        return True

    def log_ratios(
        self, scorer: Scorer, span: Span, pairs: np.ndarray, variants: list[Variant]
    ) -> tuple[np.ndarray, np.ndarray]:
        shifted = np.array(
            [
                0 if len(variant.ref) == len(variant.alt) else span.site + variant.length
                for variant in variants
            ],
            dtype=np.int64,
        )
        llr = likelihoods.log_ratios(scorer, pairs[:, 0], pairs[:, 1], shifted)
        return llr[:, None], np.zeros(len(pairs))


@dataclass(frozen=True)
class CausalTokensReader(TokensReader):
    """The reader of causal models of whole tokens, which predict each token from those before
    it."""

    def half_context(self) -> tuple[int, int]:
        return nearest_half(self.model)
