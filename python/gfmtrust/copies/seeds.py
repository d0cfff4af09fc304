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

from gfmtrust.copies.queries import BEHIND, COMPLETE, LEFT, LETTER, SPAN_OF, Queries
from gfmtrust.copies.words import compiled, inlined, reversed_complement

FIRST_SEED, SECOND_SEED, MIDDLE_SEED = np.uint64(0), np.uint64(1), np.uint64(2)
"""Roles: seed 1; seed 2; seeds 3 and 4, which count only where the first two do not match."""
WORD_13 = np.uint64((1 << 26) - 1)
WORD_BITS, SPACED_BITS = 26, 28
WORD_7 = np.uint64((1 << 14) - 1)
XY = WORD_13
YZ = np.uint64(WORD_13 << np.uint64(14))
XZ = np.uint64(WORD_7 | (WORD_7 << np.uint64(26)))

AT_END = np.uint64(40)
RIGHT = np.uint64(41)
FLIPPED = np.uint64(42)
ROLE = np.uint64(43)
HIGH_ID = np.uint64(45)
KNOWN_BIT = np.uint64(53)
KNOWN = np.uint64(1 << 53)
SPAN = np.uint64(54)
LOW_ID = np.uint64(40)
LONG_SPAN = np.uint64(1023)
"""Bits of the first word of an entry. KNOWN is set in the search once the site has a copy or a
family, so that only copies are of interest. A span that does not fit its 10 bits is read from the
queries."""
BYTE = np.uint64(255)
LOW_ID_MASK = np.uint64((1 << 24) - 1)

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""Fibonacci hashing (Knuth 1973, 6.4)."""
MIN_BITS, MAX_BITS = 10, 26
"""Bits of the number of buckets, and of the filter. A word of 13 letters has 26 bits: the largest
filter holds one for each word."""
FILTER_BITS = 4
"""The filter holds 16 bits a bucket, where it is not at its largest: few words that no site has are
looked for among the entries."""
ANY_KIND, OTHER_SPANS, N_KINDS = -1, 4, 5
"""Entries of a bucket are sorted by kind: those of gaps of one letter by `_kind`, then the others.
What stands around a word is then the same for all entries of a kind, and compared without a jump."""


class SeedTable(NamedTuple):
    """slots: first and end entry of each bucket, uint32 (buckets, 2). entries: uint64 (n, 2): near,
    the flank that the seed lies in (40 bits) and the flags above; far, the other flank (40 bits)
    and the low 24 bits of the site's number. filter: a bit for each hash that occurs, uint64.
    lift, shift: hash = product << lift >> shift, where the product loses all but the bits of a word;
    bucket = hash >> bucket_shift. spaced: a table of seed 4.
    """

    slots: np.ndarray
    entries: np.ndarray
    filter: np.ndarray
    lift: np.uint64
    shift: np.uint64
    bucket_shift: np.uint64
    spaced: bool


def seed_table(queries: Queries, spaced: bool) -> SeedTable:
    """The table of seeds 1 to 3, or of seed 4 (spaced), of all sites with complete flanks."""
    n_expected = max(1, int(queries.complete().sum()) * (1 if spaced else 3))
    bits = min(MAX_BITS, max(MIN_BITS, n_expected.bit_length()))
    filter_bits = min(MAX_BITS, bits + FILTER_BITS)
    table = SeedTable(
        np.zeros((1 << bits, 2), dtype=np.uint32),
        np.zeros((0, 2), dtype=np.uint64),
        np.zeros(1 << (filter_bits - 6), dtype=np.uint64),
        np.uint64(64 - (SPACED_BITS if spaced else WORD_BITS)),
        np.uint64(64 - filter_bits),
        np.uint64(filter_bits - bits),
        spaced,
    )
    _fill(queries.sites, table, ANY_KIND, False)
    ends = np.cumsum(table.slots[:, 1], dtype=np.uint32)
    table.slots[1:, 0] = ends[:-1]
    table.slots[:, 1] = table.slots[:, 0]
    table = table._replace(entries=np.zeros((int(ends[-1]), 2), dtype=np.uint64))
    for kind in range(N_KINDS):
        _fill(queries.sites, table, kind, True)
    return table


@inlined
def spaced_word(flank):
    """X and Z of a flank as one word of 14 letters."""
    return (flank & WORD_7) | ((flank >> np.uint64(26)) << np.uint64(14))


@inlined
def hashed(word, lift, shift):
    return ((word * MULTIPLIER) << lift) >> shift


@compiled
def _fill(sites, table, kind, write):
    """Count the entries of each bucket in slots[:, 1], or write those of a kind there and move the
    end on."""
    slots, entries, seen = table.slots, table.entries, table.filter
    for row in range(len(sites)):
        if not sites[row, LETTER] & COMPLETE:
            continue
        is_single = sites[row, SPAN_OF] == np.uint64(1)
        if kind != ANY_KIND and is_single != (kind != OTHER_SPANS):
            continue
        left = sites[row, LEFT]
        for seed in range(3):
            spaced = table.spaced
            flank = sites[row, BEHIND] if seed == 1 else left
            back = reversed_complement(flank)
            if spaced:
                word, other = spaced_word(flank), spaced_word(back)
            elif seed == 0:
                word, other = flank & WORD_13, back >> np.uint64(14)
            else:
                word, other = flank >> np.uint64(14), back & WORD_13
            # A spaced word can be its own reverse complement: then it finds copies on both strands.
            for flipped in range(2):
                if (flipped and other > word) or (not flipped and word > other):
                    continue
                if is_single and kind != ANY_KIND and kind != _kind(seed, flipped, spaced):
                    continue
                value = hashed(min(word, other), table.lift, table.shift)
                bucket = value >> table.bucket_shift
                index = slots[bucket, 1]
                slots[bucket, 1] = index + np.uint32(1)
                if write:
                    _entry(sites, entries, index, (row, np.uint64(seed), flipped == 1, spaced))
                else:
                    seen[value >> np.uint64(6)] |= np.uint64(1) << (value & np.uint64(63))
            if spaced:
                break


@inlined
def _kind(seed, flipped, spaced):
    """AT_END and RIGHT of an entry, as `_entry` writes them, 0..3."""
    side = 1 if seed == 1 else 0
    at_end = 0 if spaced or seed == 0 else 1
    if flipped:
        side, at_end = 1 - side, 0 if spaced else 1 - at_end
    return at_end + 2 * side


@inlined
def _entry(sites, entries, index, seed):
    """Write an entry. seed: (site, seed 0..2, flipped, spaced); a spaced seed counts as one of the
    third kind."""
    row, number, flipped, spaced = seed
    role = MIDDLE_SEED if spaced else number
    side = np.uint64(1) if role == SECOND_SEED else np.uint64(0)
    at_end = np.uint64(0) if role == FIRST_SEED else np.uint64(1)
    near, far = sites[row, LEFT], sites[row, BEHIND]
    if side:
        near, far = far, near
    if flipped:
        near, far = reversed_complement(near), reversed_complement(far)
        side = np.uint64(1) - side
        at_end = np.uint64(1) - at_end
    if spaced:
        at_end = np.uint64(0)
    turned = np.uint64(1) if flipped else np.uint64(0)
    flags = (at_end << AT_END) | (side << RIGHT) | (turned << FLIPPED) | (role << ROLE)
    span = min(sites[row, SPAN_OF], LONG_SPAN)
    high, low = np.uint64(row) >> np.uint64(24), np.uint64(row) & LOW_ID_MASK
    entries[index, 0] = near | flags | (high << HIGH_ID) | (span << SPAN)
    entries[index, 1] = far | (low << LOW_ID)
