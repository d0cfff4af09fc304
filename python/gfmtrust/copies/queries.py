"""The letters of each requested site that the search compares: its flanks, its own letter, and 101
letters around it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gfmtrust.copies.stretches import END, FIRST, SHIFT
from gfmtrust.copies.words import (
    FLANK,
    any_unknown,
    compiled,
    letter_at,
    letters_at,
    unknown_at,
)

CORE = 101
CORE_HALF = 50
PLACE, SPAN_OF, LEFT, BEHIND, LETTER, CORE_LETTERS = range(6)
CORE_KNOWN = CORE_LETTERS + 4
COMPLETE = np.uint64(8)
NO_LETTER = np.uint64(4)


class Queries(NamedTuple):
    """n sites, as uint64.

    sites: (n, 11): the place of the start; the number of letters in the gap; the left flank; the
    right flank; the code of the letter in a gap of 1, otherwise 4, with the bit COMPLETE where both
    flanks are known; the letters [start - 50, start + 51) in four words, 0 where unknown, and a
    flag for each known one in two words.
    """

    sites: np.ndarray

    def complete(self) -> np.ndarray:
        """Return whether both flanks are known, bool (n,)."""
        return (self.sites[:, LETTER] & COMPLETE) != 0

    def part(self, start: int, stop: int) -> Queries:
        """Return a view of the sites [start, stop)."""
        return Queries(self.sites[start:stop])


def uncut(place: np.ndarray, span: np.ndarray) -> Queries:
    """Return sites whose letters are not yet filled in; places and spans int64 (n,)."""
    sites = np.zeros((len(place), CORE_KNOWN + 2), dtype=np.uint64)
    sites[:, PLACE] = place.astype(np.uint64)
    sites[:, SPAN_OF] = span.astype(np.uint64)
    sites[:, LETTER] = NO_LETTER
    return Queries(sites)


@compiled
def cut(letters, bounds, sites):
    """Fill in the letters of sites of one contig. letters: those of a stretch; bounds: the contig's
    row of its contigs, int64 (3,)."""
    first, end = bounds[FIRST], bounds[END]
    for row in range(len(sites)):
        start = np.int64(sites[row, PLACE]) - bounds[SHIFT]
        stop = start + np.int64(sites[row, SPAN_OF])
        if start - FLANK < first or stop + FLANK > end:
            continue
        if any_unknown(letters, start - FLANK) or any_unknown(letters, stop):
            continue
        sites[row, LEFT] = letters_at(letters, start - FLANK)
        sites[row, BEHIND] = letters_at(letters, stop)
        letter = NO_LETTER
        if stop == start + 1 and not unknown_at(letters, start):
            letter = np.uint64(letter_at(letters, start))
        sites[row, LETTER] = letter | COMPLETE
        for index in range(CORE):
            at = start - CORE_HALF + index
            if at >= first and at < end and not unknown_at(letters, at):
                code = np.uint64(letter_at(letters, at))
                sites[row, CORE_LETTERS + (index >> 5)] |= code << np.uint64((index & 31) << 1)
                sites[row, CORE_KNOWN + (index >> 6)] |= np.uint64(1) << np.uint64(index & 63)
