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
from gfmtrust.readers.tracts import anchors, as_read
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
    as either haplotype or a window of the status reaches, wherever in a tandem tract a view reads
    the variant."""
    behind, ahead = _moves(reader, genome, scope.views, contig_index, variants)
    return _digests(
        scope,
        (
            _variant_text(reader, genome, scope.views, (int(contig_index[row]), variant), moves)
            for row, (variant, *moves) in enumerate(zip(variants, behind, ahead, strict=True))
        ),
    )


def _moves(
    reader: Reader,
    genome: Genome,
    preset: str,
    contig_index: np.ndarray,
    variants: list[Variant],
) -> tuple[list[int], list[int]]:
    """How far to the left and to the right any view reads each variant elsewhere (`readers.tracts`),
    in bases."""
    contig_index = np.asarray(contig_index, np.int64)
    fences = fence(genome, contig_index, anchors(genome, contig_index, variants, "+", None))
    moves = np.zeros((1, len(variants)), np.int64)
    for placement in reader.placements(preset):
        read = as_read(
            genome, contig_index, variants, placement.strand, reader.radius(placement), fences
        )
        pairs = zip(read, variants, strict=True)
        moves = np.vstack([moves, [spelled.pos - variant.pos for spelled, variant in pairs]])
    return (-moves.min(axis=0)).tolist(), moves.max(axis=0).tolist()


def variant_stretch(reader: Reader, preset: str, length: int) -> tuple[int, int]:
    """Letters before the first changed base, and behind the last, that the answer depends on.
    length: bases of the longer allele, which every view reads where it is given."""
    model, sides = reader.model, []
    for placement in reader.placements(preset):
        span, strand = reader.span(placement, length), placement.strand
        window = width_of(model, placement), site_index(model, placement)
        sides += [_around_site(span.length, span.site, strand), _around_site(*window, strand)]
    return max(before for before, _ in sides) + 1, max(after for _, after in sides) + 1


def _around_site(width: int, site: int, strand: str) -> tuple[int, int]:
    """Forward letters before the site, and from the site on, of a window with the site at that
    index as read."""
    return (site, width - site) if strand == "+" else (width - 1 - site, site + 1)


def _variant_text(
    reader: Reader,
    genome: Genome,
    preset: str,
    place: tuple[int, Variant],
    moves: list[int],
) -> bytes:
    """The bytes of a key. place: index of the contig, and variant; moves: see `_moves`."""
    (index, variant), (behind, ahead) = place, moves
    contig = genome.names[index]
    before, after = variant_stretch(reader, preset, variant.length)
    start = variant.pos - before - behind
    end = variant.pos + len(variant.ref) + after + ahead
    beside = np.array([min(variant.pos, genome.contigs[contig] - 1)], np.int64)
    letters = fenced(
        genome.codes(contig, start, end)[None],
        np.array([start]),
        fence(genome, np.array([index]), beside),
    )[0]
    alleles = encode(variant.ref).tobytes() + encode(variant.alt).tobytes()
    numbers = f"{len(variant.ref)}:{len(variant.alt)}:{behind}:{ahead}:"
    return numbers.encode() + alleles + letters.tobytes()


def _digests(scope: StoreScope, texts: Iterable[bytes]) -> np.ndarray:
    secret = scope.digest
    digests = b"".join(
        hashlib.blake2b(text, digest_size=KEY_BYTES, key=secret).digest() for text in texts
    )
    return np.frombuffer(digests, "<u8").reshape(-1, 2)
