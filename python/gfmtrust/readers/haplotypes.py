"""Likelihoods of alleles that are not substitutions: a model scores the REF and the ALT haplotype
over the same number of bases.

LLR = ln p(ALT haplotype) - ln p(REF haplotype), in nats, over a span around the change, one value
per view. A masked model gives the pseudo-likelihood of the span, in which every base is predicted
from the others except those masked in the same pass; a causal model gives the product of its
conditionals. Definitions: docs/understand/scoring.md, "Insertions, deletions and complex alleles".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.core.alphabet import N, encode, reverse_complement
from gfmtrust.core.interfaces import Genome, Scorer, Votes
from gfmtrust.core.vocabulary import Placement, Status, View
from gfmtrust.inputs.reference import Fence, fence, fenced
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.site_scores import OFF_ALPHABET_LIMIT
from gfmtrust.readers.tracts import anchors, as_read, ends_of
from gfmtrust.readers.views import columns_of, site_index
from gfmtrust.readers.windows import CHUNK_BASES, window_status, worst

if TYPE_CHECKING:
    from gfmtrust.readers.reader import Reader

RADIUS_BP = 32
"""The number of bases on either side of the change that are scored (`Reader.radius`)."""
STRIDE = 8
"""The distance in tokens between masked tokens of one pass: at most 12.5 % are masked, as in
training."""
LONGEST_PART = 4
"""An allele longer than the narrowest window of the run's views divided by this is TOO_LONG for the
model."""


@dataclass(frozen=True)
class HaplotypeScores:
    """llr: float32 (n, V), nats, NaN where a view may not vote or failed. status: (n,), '' or a
    Status value; a row with a status is all NaN."""

    llr: np.ndarray
    status: np.ndarray


@dataclass(frozen=True)
class Span:
    """The letters that a model scores around a change, in reading direction: windows of `width`
    letters, of which the first has the first changed base at `site`.

    rounds: (shift of the window along the haplotype, scored letters in the window); every base of
    the span is scored in exactly one round.
    """

    width: int
    site: int
    rounds: tuple[tuple[int, np.ndarray], ...]

    @property
    def length(self) -> int:
        """The number of letters of a haplotype that are needed."""
        return self.width + max(shift for shift, _ in self.rounds)


def score_haplotypes(
    reader: Reader,
    scorer: Scorer,
    genome: Genome,
    contig_index: np.ndarray,
    variants: list[Variant],
    options: ReadingOptions,
) -> HaplotypeScores:
    """Score variants in the given order; equal windows of one call are run once.

    contig_index: (n,), index into genome.names. A member votes only where it was fitted without the
    blocks of both ends of the variant; a variant on which no member may vote is UNSUPPORTED.
    """
    views = reader.views(options.views)
    llr = np.full((len(variants), len(views)), np.nan, dtype=np.float32)
    contig_index = np.asarray(contig_index, np.int64)
    lengths = np.array([variant.length for variant in variants], dtype=np.int64)
    fences = fence(genome, contig_index, anchors(genome, contig_index, variants, "+", None))
    read = {
        placement: as_read(
            genome,
            contig_index,
            variants,
            placement.strand,
            reader.radius(placement),
            fences,
        )
        for placement in reader.placements(options.views)
    }
    status, _, _ = judged(reader, genome, contig_index, variants, options)
    longest = reader.longest_allele(options.views)
    if longest is not None:
        status[(status == "") & (lengths > longest)] = Status.TOO_LONG
    for length in np.unique(lengths[status == ""]).tolist():
        rows = np.flatnonzero((lengths == length) & (status == ""))
        for placement, spelled in read.items():
            columns = columns_of(views, placement)
            span = reader.span(placement, length)
            for part in _chunks(rows, 2 * span.length):
                pairs = np.stack(
                    [
                        _cut(
                            genome,
                            genome.names[int(contig_index[row])],
                            spelled[row],
                            placement.strand,
                            span,
                            fences and fences.take(np.array([row])),
                        )
                        for row in part
                    ]
                )
                ratios, mass = reader.log_ratios(
                    scorer, span, pairs, [spelled[row] for row in part]
                )
                llr[np.ix_(part, np.array(columns))] = ratios
                status[part[mass > OFF_ALPHABET_LIMIT]] = Status.MODEL_ERROR
    if options.admitted is not None:
        spellings = [variants, *read.values()]
        _let_vote(llr, status, contig_index, spellings, views, options.admitted)
    status[(status == "") & np.isnan(llr).all(axis=1)] = Status.NONFINITE
    llr[status != ""] = np.nan
    return HaplotypeScores(llr, status)


def _let_vote(
    llr: np.ndarray,
    status: np.ndarray,
    contig_index: np.ndarray,
    spellings: list[list[Variant]],
    views: list[View],
    admitted: Votes,
) -> None:
    """Remove, in place, the votes of members that were fitted with the block of either end of a
    variant, as it is given or as a strand reads it."""
    votes = np.all([admitted(contig_index, end) for end in ends_of(spellings)], axis=0)
    for column, view in enumerate(views):
        llr[~votes[:, view.member], column] = np.nan
    status[(status == "") & ~votes.any(axis=1)] = Status.UNSUPPORTED


def _chunks(rows: np.ndarray, letters: int) -> Iterator[np.ndarray]:
    step = max(1, CHUNK_BASES // letters)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def judged(
    reader: Reader,
    genome: Genome,
    contig_index: np.ndarray,
    variants: list[Variant],
    options: ReadingOptions,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `window_status` returns of the genome's own windows around variants, before any
    pass: the worst over the strands, each of which has its window where it reads the variant."""
    fences = fence(genome, contig_index, anchors(genome, contig_index, variants, "+", None))
    strands = dict.fromkeys(view.strand for view in reader.views(options.views))
    return worst(
        [
            _judged(reader, genome, contig_index, variants, Placement(strand), fences, options)
            for strand in strands
        ]
    )


def _judged(
    reader: Reader,
    genome: Genome,
    contig_index: np.ndarray,
    variants: list[Variant],
    placement: Placement,
    fences: Fence | None,
    options: ReadingOptions,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    strand, site = placement.strand, site_index(reader.model, placement)
    read = as_read(genome, contig_index, variants, strand, reader.radius(placement), fences)
    at = anchors(genome, contig_index, read, strand, fences)
    status = np.full(len(variants), "", dtype=object)
    n_share, pad_share = np.zeros((2, len(variants)), dtype=np.float32)
    for rows in _chunks(np.arange(len(variants)), reader.model.window_bp):
        windows = reader.windows(genome, contig_index[rows], at[rows], placement)
        status[rows], n_share[rows], pad_share[rows] = window_status(windows, site, options.max_n)
    return status, n_share, pad_share


def _cut(
    genome: Genome,
    contig: str,
    variant: Variant,
    strand: str,
    span: Span,
    fences: Fence | None = None,
) -> np.ndarray:
    """Return the REF and the ALT haplotype in reading direction, codes uint8 (2, span.length), with
    the first changed base at span.site in both.

    The longer allele displaces letters at the far end, so both have the same number of bases and a
    shorter allele is not favoured.
    """
    before, after = span.site, span.length - span.site
    start, end = variant.pos, variant.pos + len(variant.ref)
    ref, alt = encode(variant.ref), encode(variant.alt)

    def letters(first: int, stop: int) -> np.ndarray:
        return fenced(genome.codes(contig, first, stop)[None], np.array([first]), fences)[0]

    if strand == "+":
        left, right = letters(start - before, start), letters(end, end + after)
        return np.stack(
            [np.concatenate([left, allele, right])[: span.length] for allele in (ref, alt)]
        )
    left, right = letters(start - after, start), letters(end, end + before)
    return reverse_complement(
        np.stack([np.concatenate([left, allele, right])[-span.length :] for allele in (ref, alt)])
    )


def log_ratios(scorer: Scorer, span: Span, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum over the span of ln p(base) in ALT minus that in REF, float64 (n, members),
    and the largest probability outside the alphabet (n,).

    pairs: (n, 2, length). A place of the span where one haplotype has no base is counted in
    neither.
    """
    n = len(pairs)
    total, largest = np.zeros(()), np.zeros(n)
    for shift, index in span.rounds:
        windows = pairs[:, :, shift : shift + span.width].reshape(2 * n, span.width)
        distinct, place = np.unique(windows, axis=0, return_inverse=True)
        probs, mass = scorer.distributions(
            distinct, np.broadcast_to(index, (len(distinct), len(index)))
        )
        base = windows[:, index]
        real = probs[
            place.reshape(-1)[:, None], np.arange(len(index)), :, np.minimum(base, N - 1)
        ].astype(np.float64)
        with np.errstate(divide="ignore"):
            log_p = np.log(real).reshape(n, 2, len(index), -1)
        are_bases = (base < N).reshape(n, 2, len(index))
        in_both = are_bases[:, 0] & are_bases[:, 1]
        total = total + np.where(in_both[..., None], log_p[:, 1] - log_p[:, 0], 0.0).sum(axis=1)
        largest = np.maximum(largest, mass[place.reshape(-1)].reshape(n, -1).max(axis=1))
    return total, largest
