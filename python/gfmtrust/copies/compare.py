"""Comparison of one place with the sites that share its word: near copies are counted, and repeat
families are recognised by 101 letters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gfmtrust.copies.queries import (
    BEHIND,
    CORE,
    CORE_HALF,
    CORE_KNOWN,
    CORE_LETTERS,
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
from gfmtrust.copies.stretches import END, FIRST, SHIFT
from gfmtrust.copies.words import (
    FLANK,
    FLANK_MASK,
    any_unknown,
    different_letters,
    inlined,
    letter_at,
    letters_at,
    reversed_complement,
    unknown_at,
)

MAX_MISMATCHES = 2
MIN_DISTANCE = 60
MAX_COPIES = 100
FAMILY_MATCHES = 71
"""Of 101 letters; this is at least 70 %."""
NEAR_MISMATCHES = 4
"""The limit of mismatches in the flank with the seed; a place with more is no candidate for a
family."""
FLANK_MISMATCHES = 10
"""The limit of mismatches in both flanks; a place with more is not extended to 101 letters."""
NO_COPY = np.int64(-1)
LETTER_CODE = np.uint64(7)
ONE = np.uint64(1)
SEVEN_LETTERS = np.uint64(14)

COPIES, NEAREST = range(2)
STATE, BASES = range(2)
SATURATED, RELATED, FAMILY = np.uint8(1), np.uint8(2), np.uint8(4)
"""Bits of the state: at least MAX_COPIES copies; a copy or another place of the family; another
place of the family."""


class Results(NamedTuple):
    """The results of n sites. tally: int64 (n, 2), the number of places, and the best copy with
    another letter as mismatches << 60 | place << 2 | letter, -1 for none. marks: uint8 (n, 2), the
    state, and a bit mask of the letters in the gaps of copies."""

    tally: np.ndarray
    marks: np.ndarray


def empty_results(n: int) -> Results:
    """Return the results of n sites before any place was compared."""
    tally = np.zeros((n, 2), dtype=np.int64)
    tally[:, NEAREST] = NO_COPY
    return Results(tally, np.zeros((n, 2), dtype=np.uint8))


@inlined
def scan(letters, contigs, sites, tally, marks, slots, entries, view):
    """Compare the bucket of a word with the letters around it. view: (step, bucket, whether the
    genome is reverse complemented to have the canonical word, whether it is spaced, letters in
    view, their reverse complement)."""
    step, bucket, turned, spaced, forward, backward = view
    # In the table's orientation a word of 13 letters is the start of one flank or the end of
    # another.
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
    for index in range(slots[bucket, 0], slots[bucket, 1]):
        near = entries[index, 0]
        if (near >> AT_END) & ONE:
            difference, seed, flank = (near ^ ends_with) & FLANK_MASK, end_seed, at_end
        else:
            difference, seed, flank = (near ^ starts_with) & FLANK_MASK, start_seed, at_start
        if difference & seed:
            continue
        mismatches = different_letters(difference)
        if mismatches > (MAX_MISMATCHES if near & KNOWN else NEAR_MISMATCHES):
            continue
        comparison = (index, flank, turned, mismatches)
        if _compare(letters, contigs, sites, tally, marks, entries, comparison):
            any_saturated = True
    if any_saturated:
        _drop_saturated(slots, entries, marks, bucket)


@inlined
def _row(near, far):
    return np.int64((((near >> HIGH_ID) & BYTE) << np.uint64(24)) | (far >> LOW_ID))


@inlined
def _drop_saturated(slots, entries, marks, bucket):
    """Remove the entries of saturated sites from a bucket; the others keep their order."""
    kept = slots[bucket, 0]
    for index in range(slots[bucket, 0], slots[bucket, 1]):
        near, far = entries[index, 0], entries[index, 1]
        if not marks[_row(near, far), STATE] & SATURATED:
            entries[kept, 0], entries[kept, 1] = near, far
            kept += np.uint32(1)
    slots[bucket, 1] = kept


@inlined
def _compare(letters, contigs, sites, tally, marks, entries, comparison):
    """Compare the other flank and return whether the site is saturated. comparison: (entry, local
    start of the flank with the seed, whether the genome is reverse complemented, mismatches in that
    flank).

    The memory of a site is only accessed where its flanks are similar: in a family of a million
    members nearly all comparisons end earlier.
    """
    index, flank, turned, in_near = comparison
    near, far = entries[index, 0], entries[index, 1]
    row = _row(near, far)
    span = np.int64(near >> SPAN)
    if span == np.int64(LONG_SPAN):
        span = np.int64(sites[row, SPAN_OF])
    is_right = ((near >> RIGHT) & ONE) == ONE
    if is_right != turned:  # the seed's flank is right of the gap in the genome
        site = flank - span
        start = site - FLANK
    else:
        site = flank + FLANK
        start = site + span
    if start < 0 or start + FLANK > contigs[-1, END]:
        return False
    other = letters_at(letters, start)
    if turned:
        other = reversed_complement(other)
    difference = (other ^ far) & FLANK_MASK
    mismatches = in_near + different_letters(difference)
    if mismatches > FLANK_MISMATCHES or (mismatches > MAX_MISMATCHES and near & KNOWN):
        return False
    is_reverse = turned != (((near >> FLIPPED) & ONE) == ONE)
    state = marks[row, STATE]
    if mismatches <= MAX_MISMATCHES:
        if state & SATURATED:
            return True
        if _is_first_seed(near, in_near, difference):
            _count(letters, contigs, sites, tally, marks, (row, site, span, is_reverse))
    elif state & RELATED:
        entries[index, 0] = near | KNOWN
    else:
        _extend(letters, contigs, sites, marks, (row, site, span, is_reverse))
    return False


@inlined
def _is_first_seed(near, in_near, difference):
    """Return whether no earlier seed matches. in_near: mismatches of the flank with this seed;
    difference: XOR of the other flank."""
    role = (near >> ROLE) & np.uint64(3)
    flipped = ((near >> FLIPPED) & ONE) == ONE
    if role == FIRST_SEED:
        return True
    if role == SECOND_SEED:  # the other flank is the left one: seed 1 is its X and Y
        return (difference & (YZ if flipped else XY)) != np.uint64(0)
    # Seeds 3 and 4 are in the left flank; seed 2 is Y and Z of the other one. A left flank without
    # a mismatch has seed 1.
    return in_near == 1 and (difference & (XY if flipped else YZ)) != np.uint64(0)


@inlined
def _contig_at(contigs, site, before, behind):
    """Return the number of the contig that contains [site - before, site + behind), -1 where there
    is none."""
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


@inlined
def _count(letters, contigs, sites, tally, marks, copy):
    """Count a place with at most 2 mismatches. copy: (requested site, local position, span, whether
    it is on the other strand)."""
    row, site, span, is_reverse = copy
    contig = _contig_at(contigs, site, FLANK, span + FLANK)
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
        return  # a place that matches on both strands is counted on the forward one
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


@inlined
def _extend(letters, contigs, sites, marks, copy):
    """Compare 101 letters without gaps; unknown letters and those beyond the contig count as
    different. copy: as in `_count`."""
    row, site, span, is_reverse = copy
    contig = _contig_at(contigs, site, 0, 0)
    if contig < 0:
        return
    if abs(site + contigs[contig, SHIFT] - np.int64(sites[row, PLACE])) < MIN_DISTANCE:
        return
    first, end = contigs[contig, FIRST], contigs[contig, END]
    n_matches = 0
    for index in range(CORE):
        at = site - CORE_HALF + index
        if is_reverse:
            at = site + span - 1 + CORE_HALF - index
        if at < first or at >= end or unknown_at(letters, at):
            continue
        if not (sites[row, CORE_KNOWN + (index >> 6)] >> np.uint64(index & 63)) & ONE:
            continue
        code = sites[row, CORE_LETTERS + (index >> 5)] >> np.uint64((index & 31) << 1)
        letter = letter_at(letters, at)
        if is_reverse:
            letter = 3 - letter
        if letter == np.int64(code & np.uint64(3)):
            n_matches += 1
    if n_matches >= FAMILY_MATCHES:
        marks[row, STATE] |= RELATED | FAMILY
