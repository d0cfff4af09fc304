"""The common part of all readers: windows are cut, oriented, scored, and their answers oriented
back.

The meaning of a score is defined in docs/understand/scoring.md; the network is behind a Scorer. The
output never depends on how sites are batched. Each reader is a subclass in its own file; `registry`
chooses it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import ClassVar, cast

import numpy as np

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.interfaces import Genome, LoadedScorer, ModelSpec, Scorer
from gfmtrust.core.vocabulary import Placement, Status, View
from gfmtrust.inputs.reference import fence
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers import haplotypes
from gfmtrust.readers.neighbours import NeighbourAnswers, local_surprisal
from gfmtrust.readers.options import DEFAULTS, ReadingOptions
from gfmtrust.readers.site_scores import SiteScores, joined, refuse_broken, settle
from gfmtrust.readers.tiles import Tiling
from gfmtrust.readers.views import WHOLE, columns_of, placements_of, site_index, width_of
from gfmtrust.readers.windows import (
    CHUNK_BASES,
    COMPLEMENT_ORDER,
    cut,
    window_shares,
    window_status,
    worst,
)

CHUNK_SITES = 10_000
"""Sites worked on at once at most: the context model's windows are 63 bp."""
READING_VERSION = 2
"""Raised with every change after which the same letters and the same network give other answers, so
that a score store has no answer of an earlier way of reading."""


@dataclass(frozen=True)
class Reader(ABC):
    """How one model is read. model: a bundle, or a test's description of one."""

    model: ModelSpec

    has_distribution: ClassVar[bool] = True
    """Whether the model gives a probability of each base at a site, and not only the likelihood of
    whole alleles."""
    runs_network: ClassVar[bool] = True
    """Whether windows are run through a network; otherwise the answers are looked up."""

    # --- views

    def placements(self, preset: str) -> list[Placement]:
        """Return the placements of the window in a preset, see `views.placements_of`."""
        return placements_of(self.model, preset, self.half_context())

    def views(self, preset: str) -> list[View]:
        """Return the views of a preset in their fixed order: members ascending, then as
        `placements`."""
        return [
            View(self.model.model_id, member, placement)
            for member in range(self.model.n_members)
            for placement in self.placements(preset)
        ]

    def half_context(self) -> tuple[int, int]:
        """Return the number of letters left out at the start and the end of a window, in reading
        direction, for the view of half of the context; (0, 0) where the model has no such view."""
        return WHOLE

    # --- costs

    @property
    def passes_per_view(self) -> int:
        """The number of windows run for one view of one site."""
        return 1

    def passes_per_site(self, preset: str, neighbours: bool) -> int:
        """Return the forward passes over a whole window that one site costs, rounded up: those of
        each view (half of the context costs its share of one), and one more per strand where a
        masked model scores the neighbours in a separate pass."""
        placements, model = self.placements(preset), self.model
        windows = sum(width_of(model, placement) for placement in placements) / model.window_bp
        is_apart = neighbours and model.neighbour_offsets and not model.neighbours_in_same_pass
        return ceil(
            windows * self.passes_per_view
            + (len({placement.strand for placement in placements}) if is_apart else 0)
        )

    def passes_per_variant(self, preset: str) -> int:
        """Return the forward passes for both haplotypes of a variant of one base, with nothing
        shared; this is an upper bound of the passes that are run."""
        return 2 * sum(len(self.span(placement, 1).rounds) for placement in self.placements(preset))

    # --- sites

    def score_sites(
        self,
        scorer: Scorer,
        genome: Genome,
        contig_index: np.ndarray,
        pos: np.ndarray,
        options: ReadingOptions = DEFAULTS,
    ) -> SiteScores:
        """Score sites in the given order; sorting them by contig and pos is fastest.

        contig_index, pos: (n,), index into genome.names and 0-based position. Raises InternalError
        (70) if more than 0.1 % of the windows give no finite answer.
        """
        scores = self.answer_sites(scorer, genome, contig_index, pos, options)
        refuse_broken(scores, self.model.model_id)
        return scores

    def answer_sites(
        self,
        scorer: Scorer,
        genome: Genome,
        contig_index: np.ndarray,
        pos: np.ndarray,
        options: ReadingOptions = DEFAULTS,
    ) -> SiteScores:
        """The same without the judgement over all of them: for some sites of a set that the caller
        judges as a whole."""
        chunk = min(CHUNK_SITES, max(1, CHUNK_BASES // self.model.window_bp))
        pieces = [
            self._score_chunk(
                scorer,
                genome,
                contig_index[start : start + chunk],
                pos[start : start + chunk],
                options,
            )
            for start in range(0, len(pos), chunk)
        ]
        return joined(pieces, len(self.views(options.views)))

    def _score_chunk(
        self,
        scorer: Scorer,
        genome: Genome,
        contig_index: np.ndarray,
        pos: np.ndarray,
        options: ReadingOptions,
    ) -> SiteScores:
        model, views = self.model, self.views(options.views)
        probs = np.full((len(pos), len(views), 4), np.nan, dtype=np.float32)
        off = np.zeros(len(pos), dtype=np.float32)
        status, n_share, pad_share = self._judged(scorer, genome, contig_index, pos, options)
        usable = np.flatnonzero(status == "")
        neighbours = NeighbourAnswers.empty(
            model.neighbour_offsets if options.neighbours else (),
            {view.strand for view in views},
            len(usable),
            model.n_members,
        )
        for placement in self.placements(options.views):
            windows = self.windows(genome, contig_index[usable], pos[usable], placement)
            is_whole = placement == Placement(placement.strand)
            if placement.shift:
                for share, of_view in zip(
                    (n_share, pad_share), window_shares(windows), strict=True
                ):
                    share[usable] = np.maximum(share[usable], of_view)
            around = neighbours.as_read if is_whole else neighbours.as_read[:0]
            answer, mass = self.answers(scorer, windows, site_index(model, placement), around)
            if placement.strand == "-":
                answer = answer[..., COMPLEMENT_ORDER]
            probs[usable[:, None], columns_of(views, placement)] = answer[:, 0]
            off[usable] = np.maximum(off[usable], mass[:, 0])
            if len(around):
                neighbours.add(placement.strand, answer[:, 1:])
        local = np.full(len(pos), np.nan, dtype=np.float32)
        if len(neighbours.offsets):
            local[usable] = local_surprisal(
                neighbours.mean,
                genome,
                contig_index[usable],
                pos[usable],
                neighbours.offsets,
                options.admitted,
            )
        settle(probs, status, off, usable)
        if options.admitted is not None:
            votes = options.admitted(contig_index, pos)
            for column, view in enumerate(views):
                probs[~votes[:, view.member], column] = np.nan
        return SiteScores(probs, status, local, n_share, pad_share, off)

    def _judged(
        self,
        scorer: Scorer,
        genome: Genome,
        contig_index: np.ndarray,
        pos: np.ndarray,
        options: ReadingOptions,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the status of each site that follows from its windows, and the shares of N and
        padding: the worst over the strands, because the two windows of a causal model have little
        more than the site in common.

        Shifted windows and half of the context cause no status: they are read beside a whole
        window, from which they differ by an eighth or by letters left out.
        """
        judged = []
        for strand in dict.fromkeys(view.strand for view in self.views(options.views)):
            placement = Placement(strand)
            windows = self.windows(genome, contig_index, pos, placement)
            site = site_index(self.model, placement)
            status, n_share, pad_share = window_status(windows, site, options.max_n)
            status[(status == "") & ~self.readable(scorer, windows)] = Status.UNSUPPORTED
            judged.append((status, n_share, pad_share))
        return worst(judged)

    def windows(
        self, genome: Genome, contig_index: np.ndarray, pos: np.ndarray, placement: Placement
    ) -> np.ndarray:
        """Return the windows of sites as the model reads them, codes uint8 (n, width)."""
        width, site = width_of(self.model, placement), site_index(self.model, placement)
        start = pos - (site if placement.strand == "+" else width - 1 - site)
        return cut(
            genome, contig_index, start, width, placement.strand, fence(genome, contig_index, pos)
        )

    def readable(self, scorer: Scorer, windows: np.ndarray) -> np.ndarray:
        """Return which windows the network can read, bool (n,)."""
        return np.ones(len(windows), dtype=bool)

    def answers(
        self, scorer: Scorer, windows: np.ndarray, site: int, around: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the distributions at the site and at its neighbours, in reading direction.

        windows: codes uint8 (n, W). site: index in the window. around: int64 (P,), offsets of the
        neighbours from it. Returns probs (n, 1 + P, members, 4), the site first, and the
        probability outside A, C, G, T, (n, 1 or more), that of the site first.
        """
        at = np.full((len(windows), 1), site, dtype=np.int64)
        if self.model.neighbours_in_same_pass or not len(around):
            return self.site_pass(scorer, windows, site, np.concatenate([at, at + around], axis=1))
        answer, mass = self.site_pass(scorer, windows, site, at)
        beside, _ = scorer.distributions(windows, at + around)
        return np.concatenate([answer, beside], axis=1), mass

    def site_pass(
        self, scorer: Scorer, windows: np.ndarray, site: int, index: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the pass that answers the site. index: int64 (n, 1 + P), the site first, then letters
        answered by the same pass."""
        return scorer.distributions(windows, index)

    def letter_scores(self, scorer: Scorer, windows: np.ndarray, site: int) -> np.ndarray:
        """Return ln p of the four bases at one letter of every window, float64 (n, 4), of the first
        member; for a model of whole tokens, the LLR against the base there."""
        index = np.full((len(windows), 1), site)
        with np.errstate(divide="ignore"):
            return np.log(scorer.distributions(windows, index)[0][:, 0, 0])

    def tiling(self, placement: Placement = Placement("+")) -> Tiling | None:  # noqa: B008  (immutable)
        """Return where the tiles of a view are; None where bases can only be scored one by one."""
        return None

    # --- variants

    def radius(self, placement: Placement) -> int:
        """Return the number of bases on either side of a change that are scored: RADIUS_BP, or an
        eighth of the window where that is smaller."""
        return min(haplotypes.RADIUS_BP, width_of(self.model, placement) // 8)

    @abstractmethod
    def span(self, placement: Placement, length: int) -> haplotypes.Span:
        """Return which letters of a haplotype are scored, and in which passes, for a change whose
        longer allele has `length` bases."""

    def score_variants(
        self,
        scorer: Scorer,
        genome: Genome,
        contig_index: np.ndarray,
        variants: list[Variant],
        options: ReadingOptions = DEFAULTS,
    ) -> haplotypes.HaplotypeScores:
        """Score the haplotypes of variants, see `haplotypes.score_haplotypes`."""
        return haplotypes.score_haplotypes(self, scorer, genome, contig_index, variants, options)

    def variant_shares(
        self,
        genome: Genome,
        contig_index: np.ndarray,
        variants: list[Variant],
        options: ReadingOptions = DEFAULTS,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the shares of N and padding in the windows around variants, see
        `haplotypes.judged`; float32 (n,) each."""
        return haplotypes.judged(self, genome, contig_index, variants, options)[1:]

    def scores_whole(self, variant: Variant) -> bool:
        """Whether a variant is scored by comparing its haplotypes, because the scores of its sites
        do not add up to its score."""
        return len(variant.ref) != len(variant.alt)

    def longest_allele(self, preset: str) -> int | None:
        """Return the length in bases of the longest allele that is scored: the narrowest window of
        the preset divided by LONGEST_PART; None where there is no limit."""
        narrowest = min(width_of(self.model, placement) for placement in self.placements(preset))
        return narrowest // haplotypes.LONGEST_PART

    def log_ratios(
        self, scorer: Scorer, span: haplotypes.Span, pairs: np.ndarray, variants: list[Variant]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ln p(ALT) - ln p(REF) over the span, float64 (n, members), and the largest
        probability outside the alphabet (n,). pairs: codes uint8 (n, 2, span.length), REF and
        ALT."""
        return haplotypes.log_ratios(scorer, span, pairs)

    # --- scoring a shard

    def reads_neighbours(self, asked: bool) -> bool:
        """Whether a run scores neighbours. asked: whether the run requested them."""
        return asked

    def open_scorer(
        self,
        device: str,
        threads: int,
        batch: int | None,
        allow_long_window: bool,
        weights: Callable[[Path], dict[str, np.ndarray]] | None = None,
    ) -> LoadedScorer:
        """Return the model loaded on a device, see `Session.open`. `model` must be a bundle."""
        return Session.open(
            cast(Bundle, self.model),
            device=device,
            threads=threads,
            batch=batch,
            allow_long_window=allow_long_window,
            weights=weights,
        )
