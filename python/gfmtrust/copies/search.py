"""Search of all places of the genome that resemble the requested sites; it is exact for near
copies.

The genome is compared with the tables of seeds letter by letter, and pairs that share a seed are
compared by XOR and population count. A place counts once per site: on its better strand, and
through the first of the seeds that it shares. Each site sees the places in the order of the genome,
whatever other sites are requested, so a result depends neither on threads nor on batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gfmtrust.copies.compare import ONE, SEVEN_LETTERS, Results, scan
from gfmtrust.copies.queries import (
    Queries,
)
from gfmtrust.copies.seeds import (
    FILTER_BITS,
    WORD_13,
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
"""The number of letters in view at each step: 7, a word of 13, 7."""
VIEW_MASK = np.uint64((1 << 2 * VIEW) - 1)
WORD = 13
BLOCK = 128
"""The number of steps whose words are looked up together, so that their memory latencies
overlap."""
STEP, BUCKET, TURNED, SPACED, FORWARD, BACKWARD, ENTRY = range(7)


class Batch(NamedTuple):
    """Sites with their tables and results, and space for the words of a block, uint64 (2 * BLOCK +
    1, 7)."""

    queries: Queries
    words: SeedTable
    spaced: SeedTable
    results: Results
    seed_words: np.ndarray


def room() -> np.ndarray:
    """Return the space for the words of a block, `Batch.seed_words`."""
    return np.zeros((2 * BLOCK + 1, 7), dtype=np.uint64)


def steps(stretch: Stretch) -> tuple[int, int]:
    """Return the first and the end step of a stretch; a step is the local start of the letters in
    view."""
    return LEAD - VIEW, int(stretch.contigs[-1, END])


@compiled
def search(stretch, batch, start, stop):
    """Compare the words in view at the steps [start, stop) with all sites of the batch."""
    letters, seed_words = stretch.letters, batch.seed_words
    word_slots, word_filter, word_shift = batch.words.slots, batch.words.filter, batch.words.shift
    spaced_slots, spaced_filter = batch.spaced.slots, batch.spaced.filter
    spaced_shift = batch.spaced.shift
    forward, backward, clear = np.uint64(0), np.uint64(0), 0
    for place in range(start, start + VIEW - 1):
        forward, backward = _rolled(letters, place, forward, backward)
    for place in range(start, start + FLANK - 1):
        clear = 0 if unknown_at(letters, place) else clear + 1
    for block in range(start, stop, BLOCK):
        n_found = 0
        for step in range(block, min(block + BLOCK, stop)):
            forward, backward = _rolled(letters, step + VIEW - 1, forward, backward)
            clear = 0 if unknown_at(letters, step + FLANK - 1) else clear + 1
            word = (forward >> SEVEN_LETTERS) & WORD_13
            other = (backward >> SEVEN_LETTERS) & WORD_13
            value = hashed(min(word, other), word_shift)
            _note(seed_words, n_found, (step, value, other < word, False, forward, backward))
            n_found += _passes(word_filter, value, clear >= WORD)
            word = spaced_word(forward & FLANK_MASK)
            other = spaced_word(backward >> SEVEN_LETTERS)
            value = hashed(min(word, other), spaced_shift)
            _note(seed_words, n_found, (step, value, other < word, True, forward, backward))
            n_found += _passes(spaced_filter, value, clear >= FLANK)
        for index in range(n_found):
            bucket = seed_words[index, BUCKET]
            slots = spaced_slots if seed_words[index, SPACED] else word_slots
            seed_words[index, ENTRY] = slots[bucket, 0]
        _scan_all(stretch, batch, n_found)


@inlined
def _passes(table_filter, value, is_clear):
    """Return 1 where the table may contain the word; there is no branch, because it could not be
    predicted."""
    bit = (table_filter[value >> np.uint64(6)] >> (value & np.uint64(63))) & ONE
    return np.int64(bit) & np.int64(is_clear)


@inlined
def _note(seed_words, index, view):
    step, value, turned, spaced, forward, backward = view
    seed_words[index, STEP] = np.uint64(step)
    seed_words[index, BUCKET] = value >> np.uint64(FILTER_BITS)
    seed_words[index, TURNED] = np.uint64(turned)
    seed_words[index, SPACED] = np.uint64(spaced)
    seed_words[index, FORWARD] = forward
    seed_words[index, BACKWARD] = backward


@inlined
def _scan_all(stretch, batch, n_found):
    letters, contigs, seed_words = stretch.letters, stretch.contigs, batch.seed_words
    sites, tally, marks = batch.queries.sites, batch.results.tally, batch.results.marks
    word_slots, word_entries = batch.words.slots, batch.words.entries
    spaced_slots, spaced_entries = batch.spaced.slots, batch.spaced.entries
    # The first entries are read for all words before any is compared, so that their memory
    # latencies overlap.
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
