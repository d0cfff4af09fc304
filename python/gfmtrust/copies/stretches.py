"""The genome as the search reads it: contigs packed at 2 bits a letter, several short ones
together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gfmtrust.copies.words import WORD_LETTERS, compiled, inlined
from gfmtrust.core.alphabet import PAD

STRETCH_BASES = 64 << 20
"""Short contigs are packed together up to this length; a longer contig stands alone."""
PIECE_BASES = 16 << 20
LEAD = 64
"""Unknown letters before the first contig and behind the last, so that no window leaves the
array."""
PLACE_GAP = 64
"""Gap between contigs on the line of places: larger than the least distance of a copy, so that two
contigs are always further apart."""
MIN_DISTANCE = 60
"""Least distance of a copy from the site."""


FIRST, END, SHIFT = range(3)


class Stretch(NamedTuple):
    """Neighbouring contigs in one array. A local position counts from the start of the array.

    letters: uint64 (n, 2), a row of 32 letters: their codes, 0 where unknown, and a flag for each
    unknown one. contigs: int64 (contigs, 3), local start and end of each contig, and what is added
    to a local position to get the place.
    """

    letters: np.ndarray
    contigs: np.ndarray


def contig_places(lengths: np.ndarray) -> np.ndarray:
    """The place of the first letter of each contig on one line through the genome, int64 (n,)."""
    steps = np.asarray(lengths, np.int64) + PLACE_GAP
    return np.concatenate([[0], np.cumsum(steps)])[:-1].astype(np.int64)


def groups(lengths: np.ndarray, chosen: np.ndarray) -> Iterator[np.ndarray]:
    """Indices of the chosen contigs (bool), in order, as they are packed together; int64 each."""
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
    """Pack contigs of a genome (`io.genome.Genome`). contigs: their indices; places: of
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
    """Write codes (uint8) as letters from local position `first` on."""
    for offset in range(len(codes)):
        place = first + offset
        code = np.uint64(codes[offset])
        if code < np.uint64(4):
            letters[place >> 5, 0] |= code << np.uint64((place & 31) << 1)
        else:
            letters[place >> 5, 1] |= np.uint64(1) << np.uint64(place & 31)


@inlined
def contig_at(contigs, site, before, behind):
    """Number of the contig that holds [site - before, site + behind), -1 for none."""
    contig, end = 0, len(contigs)
    while end - contig > 1:
        middle = (contig + end) >> 1
        if contigs[middle, FIRST] <= site:
            contig = middle
        else:
            end = middle
    if site - before < contigs[contig, FIRST] or site + behind > contigs[contig, END]:
        return -1
    return contig
