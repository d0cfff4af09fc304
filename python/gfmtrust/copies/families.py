"""Members of a repeat family: places that have at least 70 % of the 101 letters around a site."""

from __future__ import annotations

import numpy as np

from gfmtrust.copies.queries import CORE, CORE_HALF, CORE_KNOWN, CORE_LETTERS, PLACE
from gfmtrust.copies.stretches import END, FIRST, MIN_DISTANCE, SHIFT, contig_at
from gfmtrust.copies.words import (
    WORD_LETTERS,
    different_letters,
    inlined,
    letter_at,
    reversed_complement_of_word,
    unknown_at,
    unknown_of_word,
    word_at,
)

FAMILY_MATCHES = 71
"""Of 101 letters: at least 70 %."""
ONE = np.uint64(1)
UNCOUNTED = -1
CORE_WORDS = 4
ALL_KNOWN = np.uint64((1 << 64) - 1)
LAST_KNOWN = np.uint64((1 << (CORE - 64)) - 1)
LAST_LETTERS = np.uint64((1 << 2 * (CORE - 3 * WORD_LETTERS)) - 1)


@inlined
def is_family(letters, contigs, sites, copy):
    """Whether a place has at least 70 % of the 101 letters around a site, without gaps; what is
    unknown or beyond the contig differs. copy: (site asked, local position, span, whether on the
    other strand)."""
    row, site, span, is_reverse = copy
    contig = contig_at(contigs, site, 0, 0)
    if contig < 0:
        return False
    if abs(site + contigs[contig, SHIFT] - np.int64(sites[row, PLACE])) < MIN_DISTANCE:
        return False
    first, end = contigs[contig, FIRST], contigs[contig, END]
    n_matches = UNCOUNTED
    if first + CORE <= site and site + span + CORE <= end:
        n_matches = _matches_by_words(letters, sites, copy)
    if n_matches == UNCOUNTED:
        n_matches = _matches_by_letters(letters, sites, (first, end), copy)
    return n_matches >= FAMILY_MATCHES


@inlined
def _matches_by_words(letters, sites, copy):
    """The number of the 101 letters that match, 32 at a time; UNCOUNTED where one is unknown, on
    either side."""
    row, site, span, is_reverse = copy
    if sites[row, CORE_KNOWN] != ALL_KNOWN or sites[row, CORE_KNOWN + 1] != LAST_KNOWN:
        return UNCOUNTED
    n_mismatches = 0
    for word in range(CORE_WORDS):
        start = site - CORE_HALF + word * WORD_LETTERS
        if is_reverse:
            start = site + span + CORE_HALF - (word + 1) * WORD_LETTERS
        if unknown_of_word(letters, start):
            return UNCOUNTED
        genome = word_at(letters, start)
        if is_reverse:
            genome = reversed_complement_of_word(genome)
        difference = genome ^ sites[row, CORE_LETTERS + word]
        if word == CORE_WORDS - 1:
            difference &= LAST_LETTERS
        n_mismatches += different_letters(difference)
    return CORE - n_mismatches


@inlined
def _matches_by_letters(letters, sites, bounds, copy):
    """The number of the 101 letters that match, one at a time. bounds: first and end of the
    contig."""
    first, end = bounds
    row, site, span, is_reverse = copy
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
    return n_matches
