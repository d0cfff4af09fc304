"""Likelihoods of alleles that are no substitution: REF and ALT haplotype, read by a model over the
same number of bases.

LLR = ln p(ALT haplotype) - ln p(REF haplotype) over a span round the change, one value a view. A
masked model gives the span's pseudo-likelihood, every base with the rest told but for its strided
companions; a causal one the chain of its conditionals. Definitions: docs/understand/scoring.md, "Insertions,
deletions and complex alleles".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import N, encode, reverse_complement
from gfmtrust.core.vocabulary import Look, Status
from gfmtrust.inputs.reference import Fence, fence, fenced
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers import likelihoods
from gfmtrust.readers.site_scores import CHUNK_BASES, OFF_ALPHABET_LIMIT, window_status
from gfmtrust.readers.views import columns_of, looks_of, site_index, views_of, width_of

RADIUS_BP = 32
"""Bases either side of the change that count; an eighth of the window where that is less."""
STRIDE = 8
"""Tokens from one masked token to the next in one pass: 12.5 % at most are masked, as in
training."""
LONGEST_PART = 4
"""An allele longer than this part of the narrowest window of the run's views is TOO_LONG for the
model."""


@dataclass(frozen=True)
class HaplotypeScores:
    """llr: float32 (n, V), nats, NaN where a view may not vote or failed. status: (n,) '' or a
    Status value, then the row is all NaN."""

    llr: np.ndarray
    status: np.ndarray


@dataclass(frozen=True)
class Reading:
    """How a model reads the bases round a change, as read: windows of `width` letters, the first
    with the first changed base at `site`.

    rounds: (shift of the window along the haplotype, scored letters in the window); every base of
    the span is scored in one round.
    """

    width: int
    site: int
    rounds: tuple[tuple[int, np.ndarray], ...]

    @property
    def length(self) -> int:
        """Letters of haplotype needed."""
        return self.width + max(shift for shift, _ in self.rounds)


def reading(bundle, look: Look, length: int) -> Reading:
    """How a bundle reads changes whose longer allele has `length` bases.

    masked: the span from `radius` before to `radius` after, in STRIDE rounds of tokens masked
    together; counts: the same span, nothing masked, one round; causal: from the first changed base
    to the end of the window in one round, at least `radius` beyond the change: a longer one moves
    the site to the left, by whole tokens. A model of whole tokens (BPE) compares whole windows
    (`likelihoods`).
    """
    width, site, k = width_of(bundle, look), site_index(bundle, look), bundle.k
    radius = min(RADIUS_BP, width // 8)
    if not bundle.has_distribution:
        site = min(site, width - (length + radius))
        return Reading(width, site, ((0, np.arange(site, site + length)),))
    if bundle.causal:
        width -= width % k
        site = min(site - site % k, width - k * -(-(length + radius) // k))
        return Reading(width, site, ((0, np.arange(site, width)),))
    if bundle.quantity == "counts":
        span = length + 2 * RADIUS_BP
        return Reading(span + width - 1, site + RADIUS_BP, ((0, np.arange(site, site + span)),))
    span = np.arange(site - radius, site + length + radius)
    turn = (span // k - span[0] // k) % STRIDE
    return Reading(
        width, site, tuple((0, span[turn == t]) for t in range(STRIDE) if (turn == t).any())
    )


def score_haplotypes(
    session,
    bundle,
    genome,
    contig_index: np.ndarray,
    variants: list[Variant],
    preset: str = "default",
    max_n: float = 0.10,
    admitted: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> HaplotypeScores:
    """Score variants in the order given; equal windows of one call are run once.

    contig_index: (n,), index into genome.names. preset, max_n, admitted: as for
    scoring.score_sites; a member votes where it never saw the block of either end of the variant; a
    variant no member may vote on is UNSUPPORTED.
    """
    views = views_of(bundle, preset)
    llr = np.full((len(variants), len(views)), np.nan, dtype=np.float32)
    lengths = np.array([variant.length for variant in variants], dtype=np.int64)
    # an insertion may stand behind the last base
    beside = np.array(
        [
            min(variant.pos, genome.contigs[genome.names[index]] - 1)
            for index, variant in zip(contig_index, variants, strict=True)
        ],
        dtype=np.int64,
    )
    fences = fence(genome, contig_index, beside)
    narrowest = min(width_of(bundle, look) for look in looks_of(bundle, preset))
    status = _statuses(
        bundle, genome, contig_index, variants, beside, fences, max_n, narrowest // LONGEST_PART
    )
    for length in np.unique(lengths[status == ""]):
        rows = np.flatnonzero((lengths == length) & (status == ""))
        for look in looks_of(bundle, preset):
            columns = columns_of(views, look)
            way = reading(bundle, look, int(length))
            for part in _chunks(rows, 2 * way.length):
                haplotypes = np.stack(
                    [
                        _cut(
                            genome,
                            genome.names[contig_index[row]],
                            variants[row],
                            look.strand,
                            way,
                            fences and fences.take(np.array([row])),
                        )
                        for row in part
                    ]
                )
                if bundle.has_distribution:
                    found, mass = _log_ratio(session, way, haplotypes)
                else:
                    found, mass = _of_tokens(
                        session, way, haplotypes, [variants[row] for row in part]
                    )
                llr[np.ix_(part, columns)] = found
                status[part[mass > OFF_ALPHABET_LIMIT]] = Status.MODEL_ERROR
    if admitted is not None:
        first, last = (
            np.array([side(variant) for variant in variants], dtype=np.int64)
            for side in (lambda v: v.pos, lambda v: v.pos + len(v.ref))
        )
        votes = admitted(contig_index, first) & admitted(contig_index, last)
        for column, view in enumerate(views):
            llr[~votes[:, view.member], column] = np.nan
        status[(status == "") & ~votes.any(axis=1)] = Status.UNSUPPORTED
    status[(status == "") & np.isnan(llr).all(axis=1)] = Status.NONFINITE
    llr[status != ""] = np.nan
    return HaplotypeScores(llr, status)


def passes_per_variant(bundle, preset: str) -> int:
    """Forward passes of both haplotypes of a variant of one base, nothing shared; an upper bound of
    what is run."""
    return 2 * sum(len(reading(bundle, look, 1).rounds) for look in looks_of(bundle, preset))


def _chunks(rows: np.ndarray, letters: int) -> Iterator[np.ndarray]:
    step = max(1, CHUNK_BASES // letters)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _statuses(
    bundle,
    genome,
    contig_index: np.ndarray,
    variants: list[Variant],
    beside: np.ndarray,
    fences: Fence | None,
    max_n: float,
    longest: int,
) -> np.ndarray:
    """What the genome's own window round the base `beside` says, before any pass; object (n,), ''
    where the model may be asked."""
    status = np.full(len(variants), "", dtype=object)
    for row, variant in enumerate(variants):
        start = beside[row : row + 1] - bundle.site_forward
        window = genome.windows(genome.names[contig_index[row]], start, bundle.window_bp)
        window = fenced(window, start, fences and fences.take(np.array([row])))
        status[row] = window_status(window, bundle.site_forward, max_n)[0][0]
        if status[row] == "" and bundle.quantity != "counts" and variant.length > longest:
            status[row] = Status.TOO_LONG
    return status


def _cut(
    genome, contig: str, variant: Variant, strand: str, way: Reading, fences: Fence | None = None
) -> np.ndarray:
    """REF and ALT haplotype as read, codes uint8 (2, way.length), the first changed base at
    way.site in both.

    The longer allele pushes letters out at the far end, so both have as many bases: a shorter
    allele is no likelier for being short.
    """
    before, after = way.site, way.length - way.site
    start, end = variant.pos, variant.pos + len(variant.ref)
    ref, alt = encode(variant.ref), encode(variant.alt)

    def letters(first: int, stop: int) -> np.ndarray:
        return fenced(genome.codes(contig, first, stop)[None], np.array([first]), fences)[0]

    if strand == "+":
        left, right = letters(start - before, start), letters(end, end + after)
        return np.stack(
            [np.concatenate([left, allele, right])[: way.length] for allele in (ref, alt)]
        )
    left, right = letters(start - after, start), letters(end, end + before)
    return reverse_complement(
        np.stack([np.concatenate([left, allele, right])[-way.length :] for allele in (ref, alt)])
    )


def _of_tokens(
    session, way: Reading, haplotypes: np.ndarray, variants: list[Variant]
) -> tuple[np.ndarray, np.ndarray]:
    """As `_log_ratio`, of a model of whole tokens."""
    shifted = np.array(
        [
            0 if len(variant.ref) == len(variant.alt) else way.site + variant.length
            for variant in variants
        ],
        dtype=np.int64,
    )
    found = likelihoods.log_ratios(session, haplotypes[:, 0], haplotypes[:, 1], shifted)
    return found[:, None], np.zeros(len(haplotypes))


def _log_ratio(session, way: Reading, haplotypes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum over the span of ln p(base) in ALT less that in REF, float64 (n, members), and the
    largest mass off the alphabet (n,).

    haplotypes: (n, 2, length). A place of the span where either haplotype has no base counts in
    neither.
    """
    n = len(haplotypes)
    total, largest = np.zeros(()), np.zeros(n)
    for shift, index in way.rounds:
        windows = haplotypes[:, :, shift : shift + way.width].reshape(2 * n, way.width)
        distinct, place = np.unique(windows, axis=0, return_inverse=True)
        probs, mass = session.distributions(
            distinct, np.broadcast_to(index, (len(distinct), len(index)))
        )
        base = windows[:, index]
        real = probs[
            place.reshape(-1)[:, None], np.arange(len(index)), :, np.minimum(base, N - 1)
        ].astype(np.float64)
        with np.errstate(divide="ignore"):
            log_p = np.log(real).reshape(n, 2, len(index), -1)
        known = (base < N).reshape(n, 2, len(index)).all(axis=1)
        total = total + np.where(known[..., None], log_p[:, 1] - log_p[:, 0], 0.0).sum(axis=1)
        largest = np.maximum(largest, mass[place.reshape(-1)].reshape(n, -1).max(axis=1))
    return total, largest
