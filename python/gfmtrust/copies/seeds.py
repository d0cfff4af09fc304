"""The seeds of the asked sites in hash tables whose buckets are contiguous.

A place with at most 2 mismatches in 20 + 20 letters shares at least one of four seeds. Divide each
flank into X (letters 0-6), Y (7-12), Z (13-19):

1. XY of the left flank, 13 letters
2. YZ of the right flank, 13 letters
3. YZ of the left flank, 13 letters
4. XZ of the left flank, 14 letters in two words of 7

If neither seed 1 nor seed 2 is exact, both flanks have one mismatch, that of the left in X (seed 3
is exact) or in Y (seed 4 is). No seed spans the gap, so that sites of all gap lengths share one
pass over the genome. Seeds 1 to 3 are words of 13 neighbouring letters and share one table.

A seed is kept as the lower of itself and its reverse complement, together with the flanks in the
same orientation, so that one look-up finds copies on both strands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gfmtrust.copies.queries import Queries
from gfmtrust.copies.words import FLANK_MASK, compiled, inlined, reversed_complement

FIRST, SECOND, MIDDLE = np.uint64(0), np.uint64(1), np.uint64(2)
"""Roles: seed 1; seed 2; seeds 3 and 4, which count only where the first two do not match."""
WORD_13 = np.uint64((1 << 26) - 1)
WORD_7 = np.uint64((1 << 14) - 1)
XY = WORD_13
YZ = np.uint64(WORD_13 << np.uint64(14))
XZ = np.uint64(WORD_7 | (WORD_7 << np.uint64(26)))

AT_END = np.uint64(40)
RIGHT = np.uint64(41)
FLIPPED = np.uint64(42)
ROLE = np.uint64(43)
HIGH_ID = np.uint64(45)
SPAN = np.uint64(53)
LOW_ID = np.uint64(40)
LONG_SPAN = np.uint64(2047)
"""Bits of `SeedTable.near`; a span that does not fit its 11 bits is read from the queries."""
BYTE = np.uint64(255)
LOW_ID_MASK = np.uint64((1 << 24) - 1)

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""Fibonacci hashing (Knuth 1973, 6.4)."""
MIN_BITS, MAX_BITS = 10, 26
"""Bits of the number of buckets."""
FILTER_BITS = 2
"""The filter holds 4 bits a bucket."""


class SeedTable(NamedTuple):
    """slots: first and end entry of each bucket, uint32 (buckets, 2). near: the flank that the seed
    lies in (40 bits) and the flags above. far: the other flank (40 bits), and the low 24 bits of
    the site's number. filter: a bit for each hash that occurs, uint64. shift: hash = product >>
    shift. spaced: a table of seed 4.
    """

    slots: np.ndarray
    near: np.ndarray
    far: np.ndarray
    filter: np.ndarray
    shift: np.uint64
    spaced: bool


def seed_table(queries: Queries, spaced: bool) -> SeedTable:
    """The table of seeds 1 to 3, or of seed 4 (spaced), of all sites with complete flanks."""
    n_expected = max(1, int(queries.complete.sum()) * (1 if spaced else 3))
    bits = min(MAX_BITS, max(MIN_BITS, n_expected.bit_length()))
    nothing = np.zeros(0, dtype=np.uint64)
    table = SeedTable(
        np.zeros((1 << bits, 2), dtype=np.uint32),
        nothing,
        nothing,
        np.zeros(1 << (bits + FILTER_BITS - 6), dtype=np.uint64),
        np.uint64(64 - bits - FILTER_BITS),
        spaced,
    )
    _fill(queries, table, False)
    ends = np.cumsum(table.slots[:, 1], dtype=np.uint32)
    table.slots[1:, 0] = ends[:-1]
    table.slots[:, 1] = table.slots[:, 0]
    n_entries = int(ends[-1])
    table = table._replace(
        near=np.zeros(n_entries, dtype=np.uint64), far=np.zeros(n_entries, dtype=np.uint64)
    )
    _fill(queries, table, True)
    return table


@inlined
def spaced_word(flank):
    """X and Z of a flank as one word of 14 letters."""
    return (flank & WORD_7) | ((flank >> np.uint64(26)) << np.uint64(14))


@inlined
def hashed(word, shift):
    return (word * MULTIPLIER) >> shift


@compiled
def _fill(queries, table, write):
    """Count the entries of each bucket in slots[:, 1], or write them there and move the end on."""
    for row in range(len(queries.left)):
        if not queries.complete[row]:
            continue
        left, right = queries.left[row], queries.right[row]
        if table.spaced:
            word, other = spaced_word(left), spaced_word(reversed_complement(left))
            if word <= other:
                _entry(queries, table, write, row, (word, np.uint64(2), MIDDLE, False))
            if other <= word:
                _entry(queries, table, write, row, (other, np.uint64(2), MIDDLE, True))
            continue
        _word_of_13(queries, table, write, row, (left, np.uint64(0), FIRST))
        _word_of_13(queries, table, write, row, (right, np.uint64(1), SECOND))
        _word_of_13(queries, table, write, row, (left, np.uint64(1), MIDDLE))


@inlined
def _word_of_13(queries, table, write, row, seed):
    """seed: (flank, 1 where the word is its end, role)."""
    flank, at_end, role = seed
    back = reversed_complement(flank)
    word, other = flank & WORD_13, back >> np.uint64(14)
    if at_end:
        word, other = flank >> np.uint64(14), back & WORD_13
    if word < other:
        _entry(queries, table, write, row, (word, at_end, role, False))
    else:
        _entry(queries, table, write, row, (other, at_end, role, True))


@inlined
def _entry(queries, table, write, row, seed):
    """seed: (canonical word, 1 where it is the end of the flank as asked, role, flipped)."""
    word, at_end, role, flipped = seed
    hash_value = hashed(word, table.shift)
    bucket = hash_value >> np.uint64(FILTER_BITS)
    if not write:
        table.slots[bucket, 1] += np.uint32(1)
        table.filter[hash_value >> np.uint64(6)] |= np.uint64(1) << (hash_value & np.uint64(63))
        return
    index = table.slots[bucket, 1]
    table.slots[bucket, 1] = index + np.uint32(1)
    side = np.uint64(1) if role == SECOND else np.uint64(0)
    near, far = queries.left[row], queries.right[row]
    if side:
        near, far = far, near
    if flipped:
        near, far = reversed_complement(near), reversed_complement(far)
        side = np.uint64(1) - side
        at_end = np.uint64(1) - at_end
    if table.spaced:
        at_end = np.uint64(0)
    number = np.uint64(row)
    span = min(np.uint64(queries.span[row]), LONG_SPAN)
    turned = np.uint64(1) if flipped else np.uint64(0)
    flags = (at_end << AT_END) | (side << RIGHT) | (turned << FLIPPED) | (role << ROLE)
    table.near[index] = (
        (near & FLANK_MASK) | flags | ((number >> np.uint64(24)) << HIGH_ID) | (span << SPAN)
    )
    table.far[index] = (far & FLANK_MASK) | ((number & LOW_ID_MASK) << LOW_ID)
