"""Search of all places of the genome that resemble the asked sites: exact for near copies.

The genome passes the tables of seeds letter by letter. What a seed brings together is compared by
XOR and population count. A place counts once a site: on its better strand, and through the first of
the seeds that it shares. Each site sees the places in the order of the genome, whatever other sites
are asked: a result depends neither on threads nor on batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gfmtrust.copies.compare import ONE, SEVEN_LETTERS, Results, scan
from gfmtrust.copies.queries import (
    Queries,
)
from gfmtrust.copies.seeds import (
    SPACED_BITS,
    WORD_13,
    WORD_BITS,
    SeedTable,
    hashed,
    spaced_word,
)
from gfmtrust.copies.stretches import END, LEAD, Stretch
from gfmtrust.copies.words import (
    FLANK,
    FLANK_MASK,
    compiled,
    inlined,
    letter_at,
    unknown_at,
)

VIEW = 27
"""Letters in view at each step: 7, a word of 13, 7."""
VIEW_MASK = np.uint64((1 << 2 * VIEW) - 1)
WORD = 13
WORD_LIFT, SPACED_LIFT = np.uint64(64 - WORD_BITS), np.uint64(64 - SPACED_BITS)
BLOCK = 128
"""Steps whose words are looked up together, so that the waits for the memory overlap."""
STEP, BUCKET, TURNED, SPACED, FORWARD, BACKWARD, ENTRY = range(7)
WINDOW, TURNED_WINDOW, WORD_HASH, SPACED_HASH, HITS = range(5)
TURNED_BITS = np.uint64(12)
"""HITS holds a bit for each of the two words that the table may hold, and a bit for each that is
turned."""


class Batch(NamedTuple):
    """Sites with their tables and results. seed_words: room for the words of a block that the tables
    may hold, uint64 (2 * BLOCK + 1, 7); windows: for all letters in view of a block, uint64 (BLOCK,
    5)."""

    queries: Queries
    words: SeedTable
    spaced: SeedTable
    results: Results
    seed_words: np.ndarray
    windows: np.ndarray


def room() -> tuple[np.ndarray, np.ndarray]:
    """Room for a block: `Batch.seed_words` and `Batch.windows`."""
    return np.zeros((2 * BLOCK + 1, 7), np.uint64), np.zeros((BLOCK, 5), np.uint64)


def steps(stretch: Stretch) -> tuple[int, int]:
    """First and end step of a stretch; a step is the local start of the letters in view."""
    return LEAD - VIEW, int(stretch.contigs[-1, END])


@compiled
def search(stretch, batch, start, stop):
    """Compare the words in view at the steps [start, stop) with all sites of the batch."""
    letters, seed_words, windows = stretch.letters, batch.seed_words, batch.windows
    word_slots, word_filter = batch.words.slots, batch.words.filter
    spaced_slots, spaced_filter = batch.spaced.slots, batch.spaced.filter
    shifts = (batch.words.shift, batch.spaced.shift)
    bucket_shifts = (batch.words.bucket_shift, batch.spaced.bucket_shift)
    forward, backward, clear = np.uint64(0), np.uint64(0), 0
    for place in range(start, start + VIEW - 1):
        forward, backward = _rolled(letters, place, forward, backward)
    for place in range(start, start + FLANK - 1):
        clear = 0 if unknown_at(letters, place) else clear + 1
    for block in range(start, stop, BLOCK):
        n_steps = min(BLOCK, stop - block)
        for index in range(n_steps):
            step = block + index
            forward, backward = _rolled(letters, step + VIEW - 1, forward, backward)
            clear = 0 if unknown_at(letters, step + FLANK - 1) else clear + 1
            _cut_window(windows, index, (forward, backward, *shifts, clear))
        # Nothing but look-ups in this loop, so that the processor waits for many of them at once.
        for index in range(n_steps):
            hits = _bit(word_filter, windows[index, WORD_HASH])
            hits |= _bit(spaced_filter, windows[index, SPACED_HASH]) << ONE
            windows[index, HITS] &= hits | TURNED_BITS
        n_found = 0
        for index in range(n_steps):
            n_found += _note(
                seed_words, n_found, (block + index, windows, index, False, bucket_shifts)
            )
            n_found += _note(
                seed_words, n_found, (block + index, windows, index, True, bucket_shifts)
            )
        for index in range(n_found):
            bucket = seed_words[index, BUCKET]
            slots = spaced_slots if seed_words[index, SPACED] else word_slots
            seed_words[index, ENTRY] = slots[bucket, 0]
        _scan_all(stretch, batch, n_found)


@inlined
def _cut_window(windows, index, view):
    """Write the letters in view, the hashes of their two words, and whether the words are turned and
    free of unknown letters. view: (letters, their reverse complement, shifts of both hashes, number
    of known letters before)."""
    forward, backward, word_shift, spaced_shift, clear = view
    word, other = (forward >> SEVEN_LETTERS) & WORD_13, (backward >> SEVEN_LETTERS) & WORD_13
    flags = np.uint64(clear >= WORD) | (np.uint64(other < word) << np.uint64(2))
    windows[index, WORD_HASH] = hashed(min(word, other), WORD_LIFT, word_shift)
    word, other = spaced_word(forward & FLANK_MASK), spaced_word(backward >> SEVEN_LETTERS)
    flags |= (np.uint64(clear >= FLANK) << ONE) | (np.uint64(other < word) << np.uint64(3))
    windows[index, SPACED_HASH] = hashed(min(word, other), SPACED_LIFT, spaced_shift)
    windows[index, HITS] = flags
    windows[index, WINDOW] = forward
    windows[index, TURNED_WINDOW] = backward


@inlined
def _bit(table_filter, value):
    """1 where the table may hold the word of that hash."""
    return (table_filter[value >> np.uint64(6)] >> (value & np.uint64(63))) & ONE


@inlined
def _note(seed_words, place, view):
    """Write a word of a window; returns 1 where the table may hold it, and else the next word is
    written over it: without a jump, which could not be foreseen. view: (step, windows, row,
    whether the word is the spaced one, shifts from hashes to buckets)."""
    step, windows, index, spaced, bucket_shifts = view
    hits = windows[index, HITS] >> np.uint64(spaced)
    value, shift = windows[index, WORD_HASH], bucket_shifts[0]
    if spaced:
        value, shift = windows[index, SPACED_HASH], bucket_shifts[1]
    seed_words[place, STEP] = np.uint64(step)
    seed_words[place, BUCKET] = value >> shift
    seed_words[place, TURNED] = (hits >> np.uint64(2)) & ONE
    seed_words[place, SPACED] = np.uint64(spaced)
    seed_words[place, FORWARD] = windows[index, WINDOW]
    seed_words[place, BACKWARD] = windows[index, TURNED_WINDOW]
    return np.int64(hits & ONE)


@inlined
def _scan_all(stretch, batch, n_found):
    letters, contigs, seed_words = stretch.letters, stretch.contigs, batch.seed_words
    sites, tally, marks = batch.queries.sites, batch.results.tally, batch.results.marks
    word_slots, word_entries = batch.words.slots, batch.words.entries
    spaced_slots, spaced_entries = batch.spaced.slots, batch.spaced.entries
    # The first entries are read for all before any is compared: the memory answers together.
    touched = np.uint64(0)
    for index in range(n_found):
        entries = spaced_entries if seed_words[index, SPACED] else word_entries
        touched |= entries[min(seed_words[index, ENTRY], np.uint64(len(entries) - 1)), 0]
    seed_words[0, ENTRY] = touched
    for index in range(n_found):
        spaced = seed_words[index, SPACED] != np.uint64(0)
        view = (
            np.int64(seed_words[index, STEP]),
            seed_words[index, BUCKET],
            seed_words[index, TURNED] != np.uint64(0),
            spaced,
            seed_words[index, FORWARD],
            seed_words[index, BACKWARD],
        )
        slots = spaced_slots if spaced else word_slots
        entries = spaced_entries if spaced else word_entries
        scan(letters, contigs, sites, tally, marks, slots, entries, view)


@inlined
def _rolled(letters, place, forward, backward):
    letter = np.uint64(letter_at(letters, place))
    forward = (forward >> np.uint64(2)) | (letter << np.uint64(2 * VIEW - 2))
    backward = ((backward << np.uint64(2)) & VIEW_MASK) | (np.uint64(3) - letter)
    return forward, backward
