"""Search of all places of the genome that resemble the asked sites: exact for near copies.

The genome passes the tables of seeds letter by letter. What a seed brings together is compared by
XOR and population count. A place counts once a site: on its better strand, and through the first of
the seeds that it shares. Each site sees the places in the order of the genome, whatever other sites
are asked: a result depends neither on threads nor on batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gfmtrust.copies.queries import CORE, CORE_HALF, Queries
from gfmtrust.copies.seeds import (
    AT_END,
    BYTE,
    FILTER_BITS,
    FIRST,
    FLIPPED,
    HIGH_ID,
    LONG_SPAN,
    LOW_ID,
    RIGHT,
    ROLE,
    SECOND,
    SPAN,
    WORD_13,
    XY,
    XZ,
    YZ,
    SeedTable,
    hashed,
    spaced_word,
)
from gfmtrust.copies.stretches import LEAD, Stretch
from gfmtrust.copies.words import (
    FLANK,
    FLANK_MASK,
    any_unknown,
    compiled,
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
"""Of 101 letters: at least 70 %."""
NEAR_MISMATCHES = 4
"""Mismatches in the flank that holds the seed: what has more is no candidate for a family."""
FLANK_MISMATCHES = 10
"""Mismatches in both flanks: what has more is not extended to 101 letters."""
VIEW = 27
"""Letters in view at each step: 7, a word of 13, 7."""
VIEW_MASK = np.uint64((1 << 2 * VIEW) - 1)
NO_COPY = np.int64(-1)
NO_LETTER = np.int64(4)
ONE = np.uint64(1)
SEVEN_LETTERS = np.uint64(14)

SATURATED = np.uint8(1)
RELATED = np.uint8(2)
"""Bits of `Results.state`: at least MAX_COPIES copies; a copy or another place of the family."""


class Results(NamedTuple):
    """Of n sites. copies: places counted, int16. letters: bit mask of the letters in their gaps,
    uint8. nearest: the best copy with another letter, mismatches << 60 | place << 2 | letter, -1
    for none, int64. state: uint8. family: another place has 70 % of 101 letters, bool."""

    copies: np.ndarray
    letters: np.ndarray
    nearest: np.ndarray
    state: np.ndarray
    family: np.ndarray


class Batch(NamedTuple):
    """Sites with their tables and results."""

    queries: Queries
    words: SeedTable
    spaced: SeedTable
    results: Results


def empty_results(n: int) -> Results:
    return Results(
        np.zeros(n, dtype=np.int16),
        np.zeros(n, dtype=np.uint8),
        np.full(n, NO_COPY, dtype=np.int64),
        np.zeros(n, dtype=np.uint8),
        np.zeros(n, dtype=bool),
    )


def steps(stretch: Stretch) -> tuple[int, int]:
    """First and end step of a stretch; a step is the local start of the letters in view."""
    return LEAD - VIEW, int(stretch.edges[-1])


@compiled
def search(stretch: Stretch, batch: Batch, start: int, stop: int):
    """Compare the words in view at the steps [start, stop) with all sites of the batch."""
    forward, backward, clear = np.uint64(0), np.uint64(0), 0
    for place in range(start, start + VIEW - 1):
        forward, backward = _rolled(stretch, place, forward, backward)
    for place in range(start, start + FLANK - 1):
        clear = 0 if unknown_at(stretch.unknown, place) else clear + 1
    for step in range(start, stop):
        forward, backward = _rolled(stretch, step + VIEW - 1, forward, backward)
        clear = 0 if unknown_at(stretch.unknown, step + FLANK - 1) else clear + 1
        if clear < 13:
            continue
        word = (forward >> SEVEN_LETTERS) & WORD_13
        other = (backward >> SEVEN_LETTERS) & WORD_13
        canonical = min(word, other)
        if _may_hold(batch.words, canonical):
            _scan(stretch, batch, batch.words, (step, canonical, other < word, forward, backward))
        if clear < FLANK:
            continue
        word = spaced_word(forward & FLANK_MASK)
        other = spaced_word(backward >> SEVEN_LETTERS)
        canonical = min(word, other)
        if _may_hold(batch.spaced, canonical):
            _scan(stretch, batch, batch.spaced, (step, canonical, other < word, forward, backward))


@inlined
def _rolled(stretch, place, forward, backward):
    letter = np.uint64(letter_at(stretch.words, place))
    forward = (forward >> np.uint64(2)) | (letter << np.uint64(2 * VIEW - 2))
    backward = ((backward << np.uint64(2)) & VIEW_MASK) | (np.uint64(3) - letter)
    return forward, backward


@inlined
def _may_hold(table, word):
    value = hashed(word, table.shift)
    return (table.filter[value >> np.uint64(6)] >> (value & np.uint64(63))) & ONE


@inlined
def _scan(stretch, batch, table, view):
    """Compare the bucket of a word with what stands around it. view: (step, canonical word, whether
    the genome is turned to have it, letters in view, their reverse complement)."""
    step, word, turned, forward, backward = view
    bucket = hashed(word, table.shift) >> np.uint64(FILTER_BITS)
    if turned:
        starts_with, ends_with = backward >> SEVEN_LETTERS, backward & FLANK_MASK
        at_start, at_end = step, step + 7
    else:
        starts_with, ends_with = forward >> SEVEN_LETTERS, forward & FLANK_MASK
        at_start, at_end = step + 7, step
    start_seed, end_seed = XY, YZ
    if table.spaced:
        starts_with = backward >> SEVEN_LETTERS if turned else forward & FLANK_MASK
        at_start, start_seed = step, XZ
    any_saturated = False
    for index in range(table.slots[bucket, 0], table.slots[bucket, 1]):
        near = table.near[index]
        if (near >> AT_END) & ONE:
            difference, seed, flank = (near ^ ends_with) & FLANK_MASK, end_seed, at_end
        else:
            difference, seed, flank = (near ^ starts_with) & FLANK_MASK, start_seed, at_start
        if difference & seed:
            continue
        mismatches = different_letters(difference)
        if mismatches > NEAR_MISMATCHES:
            continue
        row = _row(near, table.far[index])
        state = batch.results.state[row]
        if state & SATURATED:
            any_saturated = True
        elif mismatches <= MAX_MISMATCHES or not state & RELATED:
            _compare(stretch, batch, (row, near, table.far[index]), (flank, turned, mismatches))
    if any_saturated:
        _drop_saturated(table, bucket, batch.results.state)


@inlined
def _row(near, far):
    return np.int64((((near >> HIGH_ID) & BYTE) << np.uint64(24)) | (far >> LOW_ID))


@inlined
def _drop_saturated(table, bucket, state):
    """Take the entries of saturated sites out of a bucket; the others keep their order."""
    kept = table.slots[bucket, 0]
    for index in range(table.slots[bucket, 0], table.slots[bucket, 1]):
        near, far = table.near[index], table.far[index]
        if not state[_row(near, far)] & SATURATED:
            table.near[kept], table.far[kept] = near, far
            kept += np.uint32(1)
    table.slots[bucket, 1] = kept


@inlined
def _compare(stretch, batch, entry, found):
    """Compare the other flank. entry: (site, near, far); found: (local start of the flank with the
    seed, whether the genome is turned, mismatches in it)."""
    row, near, far = entry
    flank, turned, mismatches = found
    span = np.int64(near >> SPAN)
    if span == np.int64(LONG_SPAN):
        span = batch.queries.span[row]
    is_right = ((near >> RIGHT) & ONE) == ONE
    if is_right != turned:  # right of the gap in the genome
        site = flank - span
        start = site - FLANK
    else:
        site = flank + FLANK
        start = site + span
    if start < 0 or start + FLANK > stretch.edges[-1]:
        return
    letters = letters_at(stretch.words, start)
    if turned:
        letters = reversed_complement(letters)
    difference = (letters ^ far) & FLANK_MASK
    in_near = mismatches
    mismatches += different_letters(difference)
    if mismatches > FLANK_MISMATCHES:
        return
    flipped = ((near >> FLIPPED) & ONE) == ONE
    if mismatches <= MAX_MISMATCHES:
        if _is_first_seed(near, in_near, difference):
            _count(stretch, batch, row, (site, turned != flipped))
    elif not batch.results.state[row] & RELATED:
        _extend(stretch, batch, row, (site, turned != flipped))


@inlined
def _is_first_seed(near, in_near, difference):
    """Whether no earlier seed matches. in_near: mismatches of the flank with this seed; difference:
    XOR of the other flank."""
    role = (near >> ROLE) & np.uint64(3)
    flipped = ((near >> FLIPPED) & ONE) == ONE
    if role == FIRST:
        return True
    if role == SECOND:  # the other flank is the left one: seed 1 lies in its X and Y
        return (difference & (YZ if flipped else XY)) != np.uint64(0)
    # Seeds 3 and 4 lie in the left flank; seed 2 in Y and Z of the other. A left flank without a
    # mismatch has seed 1.
    return in_near == 1 and (difference & (XY if flipped else YZ)) != np.uint64(0)


@inlined
def _contig_at(stretch, site, before, behind):
    """Number of the contig that holds [site - before, site + behind), -1 for none."""
    contig, end = 0, len(stretch.shifts)
    while end - contig > 1:
        middle = (contig + end) >> 1
        if stretch.edges[middle] <= site:
            contig = middle
        else:
            end = middle
    if site - before < stretch.edges[contig] or site + behind > stretch.edges[contig + 1]:
        return -1
    return contig


@inlined
def _count(stretch, batch, row, copy):
    """Count a place with at most 2 mismatches. copy: (local site, whether on the other strand)."""
    site, is_reverse = copy
    queries, results = batch.queries, batch.results
    end = site + queries.span[row]
    contig = _contig_at(stretch, site, FLANK, end - site + FLANK)
    if contig < 0:
        return
    place = site + stretch.shifts[contig]
    if abs(place - queries.place[row]) < MIN_DISTANCE:
        return
    if any_unknown(stretch.unknown, site - FLANK, site):
        return
    if any_unknown(stretch.unknown, end, end + FLANK):
        return
    forward, reverse = _on_both_strands(stretch, queries, row, site)
    if is_reverse and forward <= MAX_MISMATCHES:
        return  # a place that matches on both strands is counted when it is met on the forward one
    results.copies[row] += np.int16(1)
    results.state[row] |= RELATED
    if end == site + 1 and not unknown_at(stretch.unknown, site):
        letter = letter_at(stretch.words, site)
        if reverse < forward:
            letter = 3 - letter
        results.letters[row] |= np.uint8(1 << letter)
        own = np.int64(queries.letter[row])
        key = (min(forward, reverse) << 60) | (place << 2) | letter
        if own < NO_LETTER and letter != own:
            if results.nearest[row] == NO_COPY or key < results.nearest[row]:
                results.nearest[row] = key
    if results.copies[row] == MAX_COPIES:
        results.state[row] |= SATURATED


@inlined
def _on_both_strands(stretch, queries, row, site):
    """Mismatches of the flanks of a place with those of a site, forward and reverse."""
    left = letters_at(stretch.words, site - FLANK)
    right = letters_at(stretch.words, site + queries.span[row])
    forward = different_letters(left ^ queries.left[row])
    forward += different_letters(right ^ queries.right[row])
    reverse = different_letters(reversed_complement(right) ^ queries.left[row])
    reverse += different_letters(reversed_complement(left) ^ queries.right[row])
    return forward, reverse


@inlined
def _extend(stretch, batch, row, copy):
    """Compare 101 letters without gaps. copy: (local site, whether on the other strand)."""
    site, is_reverse = copy
    queries = batch.queries
    span = queries.span[row]
    contig = _contig_at(stretch, site, 0, 0)
    if contig < 0:
        return
    if abs(site + stretch.shifts[contig] - queries.place[row]) < MIN_DISTANCE:
        return
    first, end = stretch.edges[contig], stretch.edges[contig + 1]
    n_matches = 0
    for index in range(CORE):
        at = site - CORE_HALF + index
        if is_reverse:
            at = site + span - 1 + CORE_HALF - index
        if at < first or at >= end or unknown_at(stretch.unknown, at):
            continue
        if not (queries.core_known[row, index >> 6] >> np.uint64(index & 63)) & ONE:
            continue
        letter = letter_at(stretch.words, at)
        if is_reverse:
            letter = 3 - letter
        if letter == letter_at(queries.core[row], index):
            n_matches += 1
    if n_matches >= FAMILY_MATCHES:
        batch.results.family[row] = True
        batch.results.state[row] |= RELATED
