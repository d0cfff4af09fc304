"""Comparison of one place with the sites that share its word: counting of near copies, and the
choice of places that may be of a site's family."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gfmtrust.copies.families import is_family
from gfmtrust.copies.queries import (
    BEHIND,
    LEFT,
    LETTER,
    PLACE,
    SPAN_OF,
)
from gfmtrust.copies.seeds import (
    AT_END,
    BYTE,
    FIRST_SEED,
    FLIPPED,
    HIGH_ID,
    KNOWN,
    KNOWN_BIT,
    LONG_SPAN,
    LOW_ID,
    RIGHT,
    ROLE,
    SECOND_SEED,
    SPAN,
    XY,
    XZ,
    YZ,
)
from gfmtrust.copies.stretches import END, MIN_DISTANCE, SHIFT, contig_at
from gfmtrust.copies.words import (
    FLANK,
    FLANK_MASK,
    any_unknown,
    different_letters,
    inlined,
    letter_at,
    letters_at,
    population_count,
    reversed_complement,
    unequal,
    unknown_at,
)

MAX_MISMATCHES = 2
MAX_COPIES = 100
NEAR_MISMATCHES = 4
"""Mismatches in the flank that holds the seed: what has more is no candidate for a family."""
FLANK_MISMATCHES = 10
"""Mismatches in both flanks: what has more is not extended to 101 letters."""
NO_COPY = np.int64(-1)
FEWER_MISMATCHES = FLANK_MISMATCHES - MAX_MISMATCHES
TOO_MANY = 1 << 10
KIND = np.uint64((1 << 40) | (1 << 41) | (1023 << 54))
"""Bits of an entry that decide which letters of the genome it is compared with: AT_END, RIGHT,
SPAN."""
NO_KIND = KIND
"""Differs in its span from every entry but those of LONG_SPAN, which are never taken as a kind."""
LETTER_CODE = np.uint64(7)
ONE = np.uint64(1)
SEVEN_LETTERS = np.uint64(14)

COPIES, NEAREST = range(2)
STATE, BASES = range(2)
SATURATED, RELATED, FAMILY = np.uint8(1), np.uint8(2), np.uint8(4)
"""Bits of the state: at least MAX_COPIES copies; a copy or another place of the family; the
latter."""


class Results(NamedTuple):
    """Of n sites. tally: int64 (n, 2), places counted, and the best copy with another letter as
    mismatches << 60 | place << 2 | letter, -1 for none. marks: uint8 (n, 2), state, and bit mask of
    the letters in the gaps of copies."""

    tally: np.ndarray
    marks: np.ndarray


def empty_results(n: int) -> Results:
    tally = np.zeros((n, 2), dtype=np.int64)
    tally[:, NEAREST] = NO_COPY
    return Results(tally, np.zeros((n, 2), dtype=np.uint8))


@inlined
def scan(letters, contigs, sites, tally, marks, slots, entries, view):
    """Compare the bucket of a word with what stands around it. view: (step, bucket, whether the
    genome is turned to have the canonical word, whether it is spaced, letters in view, their
    reverse complement)."""
    step, bucket, turned, spaced, forward, backward = view
    # In the table's orientation a word of 13 is the start of one flank or the end of another.
    if turned:
        starts_with, ends_with = backward >> SEVEN_LETTERS, backward & FLANK_MASK
        at_start, at_end = step, step + 7
    else:
        starts_with, ends_with = forward >> SEVEN_LETTERS, forward & FLANK_MASK
        at_start, at_end = step + 7, step
    start_seed, end_seed = XY, YZ
    if spaced:
        starts_with = backward >> SEVEN_LETTERS if turned else forward & FLANK_MASK
        at_start, start_seed = step, XZ
    any_saturated = False
    kind, outside = NO_KIND, 0
    near_letters, far_letters = np.uint64(0), np.uint64(0)
    seed, flank = start_seed, 0
    for index in range(slots[bucket, 0], slots[bucket, 1]):
        near, far = entries[index, 0], entries[index, 1]
        if (near ^ kind) & KIND or (near >> SPAN) == LONG_SPAN:
            # Entries of a kind stand together: what they are compared with is cut once for all.
            if (near >> AT_END) & ONE:
                near_letters, seed, flank = ends_with, end_seed, at_end
            else:
                near_letters, seed, flank = starts_with, start_seed, at_start
            if (near ^ near_letters) & seed:
                kind = NO_KIND
                continue
            kind = near
            far_letters, outside = _other_flank(letters, contigs, sites, (near, far, flank, turned))
        in_near, in_far = (near ^ near_letters) & FLANK_MASK, (far ^ far_letters) & FLANK_MASK
        mismatches = outside + _different_letters_of_two(in_near, in_far)
        most = FLANK_MISMATCHES - FEWER_MISMATCHES * np.int64((near >> KNOWN_BIT) & ONE)
        if mismatches > most or in_near & seed:
            continue
        comparison = (index, flank, turned, in_near, in_far, mismatches)
        if _compare(letters, contigs, sites, tally, marks, entries, comparison):
            any_saturated = True
    if any_saturated:
        _drop_saturated(slots, entries, marks, bucket)


@inlined
def _different_letters_of_two(one, other):
    """How many letters differ, from the XOR of two pairs of flanks."""
    return np.int64(population_count(unequal(one) | (unequal(other) << ONE)))


@inlined
def _span(sites, near, far):
    span = np.int64(near >> SPAN)
    if span == np.int64(LONG_SPAN):
        span = np.int64(sites[_row(near, far), SPAN_OF])
    return span


@inlined
def _is_right(near, turned):
    """Whether the flank with the seed stands right of the gap in the genome."""
    return (((near >> RIGHT) & ONE) == ONE) != turned


@inlined
def _other_flank(letters, contigs, sites, seed):
    """The letters of the genome that are compared with the flank without the seed, in the table's
    orientation, and a number of mismatches that refuses all, where they leave the stretch. seed:
    (near, far, local start of the flank with the seed, whether the genome is turned)."""
    near, far, flank, turned = seed
    start = flank + FLANK + _span(sites, near, far)
    if _is_right(near, turned):
        start = flank - _span(sites, near, far) - FLANK
    if start < 0 or start + FLANK > contigs[-1, END]:
        return np.uint64(0), TOO_MANY
    other = letters_at(letters, start)
    if turned:
        other = reversed_complement(other)
    return other, 0


@inlined
def _row(near, far):
    return np.int64((((near >> HIGH_ID) & BYTE) << np.uint64(24)) | (far >> LOW_ID))


@inlined
def _drop_saturated(slots, entries, marks, bucket):
    """Take the entries of saturated sites out of a bucket; the others keep their order."""
    kept = slots[bucket, 0]
    for index in range(slots[bucket, 0], slots[bucket, 1]):
        near, far = entries[index, 0], entries[index, 1]
        if not marks[_row(near, far), STATE] & SATURATED:
            entries[kept, 0], entries[kept, 1] = near, far
            kept += np.uint32(1)
    slots[bucket, 1] = kept


@inlined
def _compare(letters, contigs, sites, tally, marks, entries, comparison):
    """Count or extend a place whose flanks are alike; returns whether the site is saturated.
    comparison: (entry, local start of the flank with the seed, whether the genome is turned, XOR of
    that flank, XOR of the other, mismatches in both).

    The memory of a site is touched only here: in a family of a million members nearly all
    comparisons end before.
    """
    index, flank, turned, in_near, in_far, mismatches = comparison
    near, far = entries[index, 0], entries[index, 1]
    n_near = different_letters(in_near)
    if mismatches > MAX_MISMATCHES and n_near > NEAR_MISMATCHES:
        return False
    row, span = _row(near, far), _span(sites, near, far)
    site = flank - span if _is_right(near, turned) else flank + FLANK
    is_reverse = turned != (((near >> FLIPPED) & ONE) == ONE)
    state = marks[row, STATE]
    if mismatches <= MAX_MISMATCHES:
        if state & SATURATED:
            return True
        if _is_first_seed(near, n_near, in_far):
            _count(letters, contigs, sites, tally, marks, (row, site, span, is_reverse))
    elif state & RELATED:
        entries[index, 0] = near | KNOWN
    else:
        if is_family(letters, contigs, sites, (row, site, span, is_reverse)):
            marks[row, STATE] |= RELATED | FAMILY
    return False


@inlined
def _is_first_seed(near, n_near, difference):
    """Whether no earlier seed matches. n_near: mismatches of the flank with this seed; difference:
    XOR of the other flank."""
    role = (near >> ROLE) & np.uint64(3)
    flipped = ((near >> FLIPPED) & ONE) == ONE
    if role == FIRST_SEED:
        return True
    if role == SECOND_SEED:  # the other flank is the left one: seed 1 lies in its X and Y
        return (difference & (YZ if flipped else XY)) != np.uint64(0)
    # Seeds 3 and 4 lie in the left flank; seed 2 in Y and Z of the other. A left flank without a
    # mismatch has seed 1.
    return n_near == 1 and (difference & (XY if flipped else YZ)) != np.uint64(0)


@inlined
def _count(letters, contigs, sites, tally, marks, copy):
    """Count a place with at most 2 mismatches. copy: (site asked, local position, span, whether on
    the other strand)."""
    row, site, span, is_reverse = copy
    contig = contig_at(contigs, site, FLANK, span + FLANK)
    if contig < 0:
        return
    place = site + contigs[contig, SHIFT]
    if abs(place - np.int64(sites[row, PLACE])) < MIN_DISTANCE:
        return
    if any_unknown(letters, site - FLANK) or any_unknown(letters, site + span):
        return
    left, right = letters_at(letters, site - FLANK), letters_at(letters, site + span)
    forward = different_letters(left ^ sites[row, LEFT])
    forward += different_letters(right ^ sites[row, BEHIND])
    reverse = different_letters(reversed_complement(right) ^ sites[row, LEFT])
    reverse += different_letters(reversed_complement(left) ^ sites[row, BEHIND])
    if is_reverse and forward <= MAX_MISMATCHES:
        return  # a place that matches on both strands is counted when it is met on the forward one
    tally[row, COPIES] += 1
    marks[row, STATE] |= RELATED
    if tally[row, COPIES] == MAX_COPIES:
        marks[row, STATE] |= SATURATED
    if span == 1 and not unknown_at(letters, site):
        letter = letter_at(letters, site)
        if reverse < forward:
            letter = 3 - letter
        marks[row, BASES] |= np.uint8(1 << letter)
        letter_here = np.int64(sites[row, LETTER] & LETTER_CODE)
        key = (min(forward, reverse) << 60) | (place << 2) | letter
        if letter_here < 4 and letter != letter_here:
            if tally[row, NEAREST] == NO_COPY or key < tally[row, NEAREST]:
                tally[row, NEAREST] = key
