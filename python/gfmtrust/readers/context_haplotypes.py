"""Haplotypes of a context model that answers places one by one (`core.interfaces.ContextScorer`):
the likelihood over the whole span, from the places alone at which REF and ALT can differ.

Before the change and behind it, a place farther from the change than the model reads has the same
answer in both haplotypes. Left of the change such places stand at the same index of both and cancel.
Right of it they are shifted by the difference of the lengths; they cancel too, but for the last
letters of the haplotype of the shorter allele, which the other one lacks. A span with an unknown
letter is read whole, because a place without a base in one haplotype counts in neither.
Definitions: docs/understand/scoring.md, "Insertions, deletions and complex alleles".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import N, encode
from gfmtrust.core.interfaces import ContextScorer, Genome
from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs.reference import Fence, fence
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.context_sites import votes_at
from gfmtrust.readers.haplotypes import RADIUS_BP, HaplotypeScores, judged
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.tracts import anchors, as_read, ends_of
from gfmtrust.readers.windows import CHUNK_BASES, cut

LETTERS_PER_VARIANT = 1_000
"""Bytes in memory of a short variant: two haplotypes, and the answers at their places."""


@dataclass(frozen=True)
class _Alleles:
    """Variants of one chunk as they are read. ref, alt: lengths of the alleles, int64 (n,). letters: codes of all
    alleles, REF before ALT, uint8. admitted: the members that may vote, bool (n, members)."""

    contig_index: np.ndarray
    start: np.ndarray
    ref: np.ndarray
    alt: np.ndarray
    letters: np.ndarray
    admitted: np.ndarray
    fences: Fence | None

    @classmethod
    def of(
        cls,
        contig_index: np.ndarray,
        variants: list[Variant],
        votes: np.ndarray,
        fences: Fence | None,
    ) -> _Alleles:
        start = np.array([variant.pos for variant in variants], dtype=np.int64)
        ref = np.array([len(variant.ref) for variant in variants], dtype=np.int64)
        alt = np.array([len(variant.alt) for variant in variants], dtype=np.int64)
        return cls(
            contig_index,
            start,
            ref,
            alt,
            encode("".join(variant.ref + variant.alt for variant in variants)),
            votes,
            fences,
        )

    def take(self, rows: np.ndarray) -> _Alleles:
        """The same of some variants."""
        lengths = self.ref + self.alt
        first = np.cumsum(lengths) - lengths
        return _Alleles(
            self.contig_index[rows],
            self.start[rows],
            self.ref[rows],
            self.alt[rows],
            self.letters[_runs(first[rows], lengths[rows])],
            self.admitted[rows],
            self.fences and self.fences.take(rows),
        )


def score_haplotypes(
    reader: Reader,
    scorer: ContextScorer,
    genome: Genome,
    contig_index: np.ndarray,
    variants: list[Variant],
    options: ReadingOptions,
) -> HaplotypeScores:
    """Return what `haplotypes.score_haplotypes` returns."""
    n_members = reader.model.n_members
    contig_index = np.asarray(contig_index, np.int64)
    fences = fence(genome, contig_index, anchors(genome, contig_index, variants, "+", None))
    read = as_read(genome, contig_index, variants, "+", RADIUS_BP, fences)
    votes = np.all(
        [
            votes_at(options.admitted, contig_index, end, n_members)
            for end in ends_of([variants, read])
        ],
        axis=0,
    )
    alleles = _Alleles.of(contig_index, read, votes, fences)
    status, _, _ = judged(reader, genome, contig_index, variants, options)
    status[(status == "") & ~alleles.admitted.any(axis=1)] = Status.UNSUPPORTED
    llr = np.full((len(variants), n_members), np.nan, np.float32)
    asked = np.flatnonzero(status == "")
    for rows in _chunks(asked, alleles.ref + alleles.alt):
        llr[rows] = _log_ratios(scorer, genome, alleles.take(rows))
        scorer.count(2 * len(rows))
    status[(status == "") & np.isnan(llr).all(axis=1)] = Status.NONFINITE
    return HaplotypeScores(llr, status)


def _chunks(rows: np.ndarray, lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Rows by similar lengths of their alleles, few enough for the memory: the letters beside the
    variants of a chunk are cut as long as the longest needs them."""
    size = np.frexp(lengths[rows].astype(float))[1]
    for bits in np.unique(size).tolist():
        alike = rows[size == bits]
        step = max(1, CHUNK_BASES // (LETTERS_PER_VARIANT + (64 << bits)))
        for first in range(0, len(alike), step):
            yield alike[first : first + step]


def _runs(first: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The numbers of runs one after the other: `lengths` numbers from each `first` on, int64."""
    offset = np.cumsum(lengths) - lengths
    return np.repeat(first - offset, lengths) + np.arange(lengths.sum())


def _log_ratios(scorer: ContextScorer, genome: Genome, alleles: _Alleles) -> np.ndarray:
    """ln p(ALT) - ln p(REF) over the span of variants, float64 (n, members)."""
    n, margin = len(alleles.start), RADIUS_BP + scorer.reach
    letters, first = _haplotypes(genome, alleles, margin)
    lengths = np.stack([alleles.ref, alleles.alt], axis=1)
    span = lengths.max(axis=1) + 2 * RADIUS_BP
    spans = letters[_runs((first + scorer.reach).ravel(), np.repeat(span, 2))] < N
    begin = np.cumsum(np.repeat(span, 2)) - np.repeat(span, 2)
    is_known = np.logical_and.reduceat(spans, begin).reshape(n, 2).all(axis=1)
    total = np.full((n, alleles.admitted.shape[1]), np.nan)
    for rows, places in (
        (np.flatnonzero(is_known), _unshared(lengths[is_known])),
        (np.flatnonzero(~is_known), _whole(span[~is_known])),
    ):
        if len(rows):
            total[rows] = _sums(scorer, letters, first[rows], places, alleles.admitted[rows])
    rows = np.flatnonzero(is_known)
    begin = first[rows] + RADIUS_BP  # `reach` letters before the change, which follows the margin
    total[rows] += scorer.log_ratios(letters, begin, lengths[rows], alleles.admitted[rows])
    return total


def _haplotypes(genome: Genome, alleles: _Alleles, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """The letters of all haplotypes, uint8, and the index of the first letter of REF and ALT of each
    variant, int64 (n, 2). A haplotype begins `margin` letters before the change and ends `margin`
    behind the longer allele."""
    n, longest = len(alleles.start), np.maximum(alleles.ref, alleles.alt)
    tail = margin + longest - np.minimum(alleles.ref, alleles.alt)
    left = cut(genome, alleles.contig_index, alleles.start - margin, margin, "+", alleles.fences)
    behind, width = alleles.start + alleles.ref, int(tail.max())
    right = cut(genome, alleles.contig_index, behind, width, "+", alleles.fences)
    source = np.concatenate([left.ravel(), alleles.letters, right.ravel()])
    lengths = np.stack([alleles.ref, alleles.alt], axis=1)
    both = alleles.ref + alleles.alt
    of_ref = left.size + np.cumsum(both) - both
    row = np.arange(n)
    pieces = np.empty((n, 2, 3, 2), np.int64)  # of each haplotype: first letter and length of three
    pieces[:, :, 0] = np.stack([row * margin, np.full(n, margin)], axis=1)[:, None]
    pieces[:, :, 1, 0] = np.stack([of_ref, of_ref + alleles.ref], axis=1)
    pieces[:, :, 1, 1] = lengths
    pieces[:, :, 2, 0] = (left.size + len(alleles.letters) + row * width)[:, None]
    pieces[:, :, 2, 1] = margin + longest[:, None] - lengths
    size = 2 * margin + np.repeat(longest, 2)
    first = (np.cumsum(size) - size).reshape(n, 2)
    return source[_runs(pieces[..., 0].ravel(), pieces[..., 1].ravel())], first


@dataclass(frozen=True)
class _Places:
    """Runs of places of each haplotype, as index from the first letter of its span: first and
    length, int64 (n, 2, runs); REF, then ALT."""

    first: np.ndarray
    length: np.ndarray


def _unshared(lengths: np.ndarray) -> _Places:
    """The places of one haplotype alone: those of its allele, and the last letters behind the
    shorter allele. lengths: of REF and ALT, int64 (n, 2)."""
    longest = lengths.max(axis=1, keepdims=True)
    surplus = longest - lengths
    end = np.broadcast_to(2 * RADIUS_BP + longest, lengths.shape)
    return _Places(
        np.stack([np.full(lengths.shape, RADIUS_BP), end - surplus], axis=2),
        np.stack([lengths, surplus], axis=2),
    )


def _whole(span: np.ndarray) -> _Places:
    """All places of the span, int64 (n,) in number."""
    length = np.broadcast_to(span[:, None, None], (len(span), 2, 1))
    return _Places(np.zeros_like(length), length)


def _sums(
    scorer: ContextScorer,
    letters: np.ndarray,
    first: np.ndarray,
    places: _Places,
    votes: np.ndarray,
) -> np.ndarray:
    """The sum of ln p of the letters at the places of ALT minus that at those of REF, float64 (n,
    members)."""
    n_places = places.length.sum(axis=2)
    index = _runs(places.first.ravel(), places.length.ravel())
    at = index + np.repeat(first.ravel() + scorer.reach, n_places.ravel())
    of_variant = np.repeat(np.arange(len(first)), n_places.sum(axis=1))
    base = letters[at]
    is_counted = base < N
    if not is_counted.all():  # whole spans: the same index in both haplotypes
        is_counted &= letters[_other(first, places, at, of_variant)] < N
    log_p = scorer.log_probs(letters, at, votes[of_variant])
    of_base = log_p[np.arange(len(at)), :, np.minimum(base, N - 1)]
    sign = np.repeat(np.tile([-1.0, 1.0], len(first)), n_places.ravel())
    signed = np.where(is_counted, sign, 0.0)[:, None] * of_base
    begin = np.cumsum(n_places.sum(axis=1)) - n_places.sum(axis=1)
    return np.add.reduceat(signed, begin, axis=0)


def _other(
    first: np.ndarray, places: _Places, at: np.ndarray, of_variant: np.ndarray
) -> np.ndarray:
    """The place of the other haplotype with the same index in the span."""
    of_ref = np.repeat(np.tile([True, False], len(first)), places.length.sum(axis=2).ravel())
    return at + np.where(of_ref, 1, -1) * (first[:, 1] - first[:, 0])[of_variant]
