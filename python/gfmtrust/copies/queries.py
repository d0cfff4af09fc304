"""What the search compares of each asked site: its flanks, its own letter, and 101 letters around
it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gfmtrust.copies.stretches import Stretch
from gfmtrust.copies.words import (
    FLANK,
    any_unknown,
    compiled,
    inlined,
    letter_at,
    letters_at,
    unknown_at,
)

CORE = 101
CORE_HALF = 50
UNKNOWN = 4


class Queries(NamedTuple):
    """n sites. place: start on the line of places, int64. span: letters in the gap, int64. left,
    right: flanks, uint64. letter: code of the letter in a gap of 1, else 4, uint8. complete: both
    flanks are known, bool. core: letters [start - 50, start + 51), uint64 (n, 4), 0 where unknown.
    core_known: one bit a letter, uint64 (n, 2). core_whole: all 101 are known, bool.
    """

    place: np.ndarray
    span: np.ndarray
    left: np.ndarray
    right: np.ndarray
    letter: np.ndarray
    complete: np.ndarray
    core: np.ndarray
    core_known: np.ndarray
    core_whole: np.ndarray


def empty(place: np.ndarray, span: np.ndarray) -> Queries:
    """Sites whose letters are still to be cut; places int64, spans int64 (n,)."""
    n = len(place)
    return Queries(
        np.ascontiguousarray(place, dtype=np.int64),
        np.ascontiguousarray(span, dtype=np.int64),
        np.zeros(n, dtype=np.uint64),
        np.zeros(n, dtype=np.uint64),
        np.full(n, UNKNOWN, dtype=np.uint8),
        np.zeros(n, dtype=bool),
        np.zeros((n, 4), dtype=np.uint64),
        np.zeros((n, 2), dtype=np.uint64),
        np.zeros(n, dtype=bool),
    )


def part(queries: Queries, start: int, stop: int) -> Queries:
    """A view of the sites [start, stop)."""
    return Queries(*(column[start:stop] for column in queries))


@compiled
def cut(stretch: Stretch, queries: Queries, contig: int):
    """Fill the sites that lie in the contig (its number within the stretch)."""
    first, end = stretch.edges[contig], stretch.edges[contig + 1]
    for row in range(len(queries.place)):
        start = queries.place[row] - stretch.shifts[contig]
        stop = start + queries.span[row]
        if start < first or start > end:
            continue
        _cut_core(stretch, queries, row, start, contig)
        if start - FLANK < first or stop + FLANK > end:
            continue
        if any_unknown(stretch.unknown, start - FLANK, start):
            continue
        if any_unknown(stretch.unknown, stop, stop + FLANK):
            continue
        queries.complete[row] = True
        queries.left[row] = letters_at(stretch.words, start - FLANK)
        queries.right[row] = letters_at(stretch.words, stop)
        if stop == start + 1 and not unknown_at(stretch.unknown, start):
            queries.letter[row] = letter_at(stretch.words, start)


@inlined
def _cut_core(stretch, queries, row, start, contig):
    first, end = stretch.edges[contig], stretch.edges[contig + 1]
    n_known = 0
    for index in range(CORE):
        at = start - CORE_HALF + index
        if at < first or at >= end or unknown_at(stretch.unknown, at):
            continue
        n_known += 1
        code = np.uint64(letter_at(stretch.words, at))
        queries.core[row, index >> 5] |= code << np.uint64((index & 31) << 1)
        queries.core_known[row, index >> 6] |= np.uint64(1) << np.uint64(index & 63)
    queries.core_whole[row] = n_known == CORE
