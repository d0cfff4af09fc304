"""The context model: a k-mer (Markov) baseline fitted to the user's genome. It predicts a base from
the letters on both sides and masks nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.interfaces import ContextScorer, Genome, Scorer
from gfmtrust.core.vocabulary import Placement
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers import context_haplotypes, context_sites
from gfmtrust.readers.haplotypes import RADIUS_BP, HaplotypeScores, Span
from gfmtrust.readers.options import DEFAULTS, ReadingOptions
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.site_scores import SiteScores
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

    def radius(self, placement: Placement) -> int:
        return RADIUS_BP

    def span(self, placement: Placement, length: int) -> Span:
        """Return the letters from RADIUS_BP before the change to RADIUS_BP after it, in one round,
        with nothing masked."""
        width, site = width_of(self.model, placement), site_index(self.model, placement)
        n_scored = length + 2 * RADIUS_BP
        return Span(
            n_scored + width - 1, site + RADIUS_BP, ((0, np.arange(site, site + n_scored)),)
        )

    def _score_chunk(
        self,
        scorer: Scorer,
        genome: Genome,
        contig_index: np.ndarray,
        pos: np.ndarray,
        options: ReadingOptions,
    ) -> SiteScores:
        if isinstance(scorer, ContextScorer) and self._is_local(scorer, options):
            places = (contig_index, pos)
            return context_sites.score_chunk(self, scorer, genome, places, options)
        return super()._score_chunk(scorer, genome, contig_index, pos, options)

    def score_variants(
        self,
        scorer: Scorer,
        genome: Genome,
        contig_index: np.ndarray,
        variants: list[Variant],
        options: ReadingOptions = DEFAULTS,
    ) -> HaplotypeScores:
        if isinstance(scorer, ContextScorer) and self._is_local(scorer, options):
            return context_haplotypes.score_haplotypes(
                self, scorer, genome, contig_index, variants, options
            )
        return super().score_variants(scorer, genome, contig_index, variants, options)

    def _is_local(self, scorer: ContextScorer, options: ReadingOptions) -> bool:
        """Whether the window holds every letter that an answer depends on, so that it does not
        matter in which window a place is read."""
        model = self.model
        farthest = scorer.reach + max(map(abs, (0, *model.neighbour_offsets)))
        beside = min(model.site_forward, model.window_bp - 1 - model.site_forward)
        return (
            farthest <= beside
            and scorer.reach <= RADIUS_BP
            and self.placements(options.views) == [Placement("+")]
        )
