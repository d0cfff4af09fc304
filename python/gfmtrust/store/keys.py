"""The key of a site or a variant: a digest of every letter that any view or neighbour query of it
reads.

The letters are taken from the forward strand, N and the padding beyond a contig's end (or a fence)
included; no name and no position enters. Equal letters have equal answers, whatever the genome. The
digest is keyed by the scope (`core.contracts.score_store`), so that rows of two scopes never meet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from gfmtrust.core.alphabet import encode
from gfmtrust.core.contracts.score_store import StoreScope
from gfmtrust.core.interfaces import Genome
from gfmtrust.core.vocabulary import Placement
from gfmtrust.inputs.reference import fence, fenced
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.views import site_index, width_of
from gfmtrust.readers.windows import CHUNK_BASES, cut
from gfmtrust.store.rows import KEY_BYTES


def site_keys(
    reader: Reader,
    genome: Genome,
    scope: StoreScope,
    contig_index: np.ndarray,
    pos: np.ndarray,
) -> np.ndarray:
    """Keys of sites, uint64 (n, 2). contig_index, pos: (n,), 0-based."""
    before, after = site_stretch(reader, scope.views)
    chunk = max(1, CHUNK_BASES // (before + after))
    keys = [np.empty((0, 2), np.uint64)]
    for start in range(0, len(pos), chunk):
        contigs, sites = contig_index[start : start + chunk], pos[start : start + chunk]
        letters = cut(
            genome, contigs, sites - before, before + after, "+", fence(genome, contigs, sites)
        )
        keys.append(_digests(scope, (row.tobytes() for row in letters)))
    return np.concatenate(keys)


def site_stretch(reader: Reader, preset: str) -> tuple[int, int]:
    """Letters before the site, and from the site on, that its answer depends on: the windows of all
    views, the whole forward window that determines the status, and all neighbours."""
    model, placements = reader.model, reader.placements(preset)
    spans = [
        _around_site(width_of(model, placement), site_index(model, placement), placement.strand)
        for placement in [Placement("+"), *placements]
    ]
    neighbours = [
        offset if placement.strand == "+" else -offset
        for placement in placements
        for offset in model.neighbour_offsets
    ]
    return (
        max(before for before, _ in [*spans, *((-offset, 0) for offset in neighbours)]),
        max(after for _, after in [*spans, *((0, offset + 1) for offset in neighbours)]),
    )


def variant_keys(
    reader: Reader,
    genome: Genome,
    scope: StoreScope,
    contig_index: np.ndarray,
    variants: list[Variant],
) -> np.ndarray:
    """Keys of variants, uint64 (n, 2): both alleles and the genome's letters on either side, as far
    as either haplotype or the window of the status reaches."""
    return _digests(
        scope,
        (
            _variant_text(reader, genome, scope.views, int(index), variant)
            for index, variant in zip(contig_index, variants, strict=True)
        ),
    )


def variant_stretch(reader: Reader, preset: str, length: int) -> tuple[int, int]:
    """Letters before the first changed base, and behind the last, that the answer depends on.
    length: bases of the longer allele."""
    model = reader.model
    before, after = [model.site_forward + 1], [model.window_bp - model.site_forward]
    for placement in reader.placements(preset):
        span = reader.span(placement, length)
        sides = _around_site(span.length, span.site, placement.strand)
        before.append(sides[0] + 1)
        after.append(sides[1] + 1)
    return max(before), max(after)


def _around_site(width: int, site: int, strand: str) -> tuple[int, int]:
    """Forward letters before the site, and from the site on, of a window with the site at that
    index as read."""
    return (site, width - site) if strand == "+" else (width - 1 - site, site + 1)


def _variant_text(
    reader: Reader, genome: Genome, preset: str, index: int, variant: Variant
) -> bytes:
    contig = genome.names[index]
    before, after = variant_stretch(reader, preset, variant.length)
    start, end = variant.pos - before, variant.pos + len(variant.ref) + after
    beside = np.array([min(variant.pos, genome.contigs[contig] - 1)], np.int64)
    letters = fenced(
        genome.codes(contig, start, end)[None],
        np.array([start]),
        fence(genome, np.array([index]), beside),
    )[0]
    alleles = encode(variant.ref).tobytes() + encode(variant.alt).tobytes()
    return f"{len(variant.ref)}:{len(variant.alt)}:".encode() + alleles + letters.tobytes()


def _digests(scope: StoreScope, texts: Iterable[bytes]) -> np.ndarray:
    secret = scope.digest
    digests = b"".join(
        hashlib.blake2b(text, digest_size=KEY_BYTES, key=secret).digest() for text in texts
    )
    return np.frombuffer(digests, "<u8").reshape(-1, 2)
