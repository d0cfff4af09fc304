"""The genome as the search reads it: contigs packed at 2 bits per letter, with several short ones
together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gfmtrust.copies.words import WORD_LETTERS, compiled
from gfmtrust.core.alphabet import PAD

STRETCH_BASES = 64 << 20
"""Short contigs are packed together up to this length; a longer contig is packed alone."""
PIECE_BASES = 16 << 20
LEAD = 64
"""The number of unknown letters before the first contig and after the last, so that no window
leaves the array."""
PLACE_GAP = 64
"""The gap between contigs on the common coordinate of places. It exceeds the smallest distance of a
copy, so positions in two contigs are always further apart than that."""


FIRST, END, SHIFT = range(3)


class Stretch(NamedTuple):
    """Consecutive contigs in one array. A local position counts from the start of the array.

    letters: uint64 (n, 2), one row per 32 letters: their codes, 0 where unknown, and a flag for
    each unknown one. contigs: int64 (contigs, 3), local start and end of each contig, and the
    number that is added to a local position to get the place.
    """

    letters: np.ndarray
    contigs: np.ndarray


def contig_places(lengths: np.ndarray) -> np.ndarray:
    """Return the place of the first letter of each contig on one coordinate for the whole genome,
    int64 (n,)."""
    steps = np.asarray(lengths, np.int64) + PLACE_GAP
    return np.concatenate([[0], np.cumsum(steps)])[:-1].astype(np.int64)


def groups(lengths: np.ndarray, chosen: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the indices of the chosen contigs (bool), in order, grouped as they are packed
    together; int64."""
    group, bases = [], 0
    for contig in np.flatnonzero(chosen):
        if group and bases + lengths[contig] > STRETCH_BASES:
            yield np.array(group, dtype=np.int64)
            group, bases = [], 0
        group.append(contig)
        bases += int(lengths[contig])
    if group:
        yield np.array(group, dtype=np.int64)


def read_stretch(genome, contigs: np.ndarray, places: np.ndarray) -> Stretch:
    """Pack contigs of a genome (`io.genome.Genome`). contigs: their indices; places: those of
    `contig_places`, for all contigs."""
    lengths = np.array([genome.contigs[genome.names[contig]] for contig in contigs], np.int64)
    edges = LEAD + np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    n_rows = (int(edges[-1]) + LEAD) // WORD_LETTERS + 3
    letters = np.zeros((n_rows, 2), dtype=np.uint64)
    outside = np.full(LEAD, PAD, dtype=np.uint8)
    _pack(outside, 0, letters)
    _pack(outside, int(edges[-1]), letters)
    for contig, first, length in zip(contigs, edges[:-1], lengths, strict=True):
        for start in range(0, int(length), PIECE_BASES):
            end = min(start + PIECE_BASES, int(length))
            codes = genome.codes(genome.names[contig], start, end)
            _pack(codes, int(first) + start, letters)
    return Stretch(letters, np.stack([edges[:-1], edges[1:], places[contigs] - edges[:-1]], axis=1))


@compiled
def _pack(codes, first, letters):
    """Write codes (uint8) as letters from local position `first` onwards."""
    for offset in range(len(codes)):
        place = first + offset
        code = np.uint64(codes[offset])
        if code < np.uint64(4):
            letters[place >> 5, 0] |= code << np.uint64((place & 31) << 1)
        else:
            letters[place >> 5, 1] |= np.uint64(1) << np.uint64(place & 31)
