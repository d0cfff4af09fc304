"""Letters as 2-bit codes in 64-bit words, and the compiler of the search.

The first letter is in the lowest two bits. A word of n letters is a uint64 whose higher bits are 0.
All functions here are compiled by numba and called from compiled code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numba.extending import intrinsic

from gfmtrust.core.machine_code import MachineCode, inlined

FLANK = 20
FLANK_MASK = np.uint64((1 << 2 * FLANK) - 1)
UNKNOWN_MASK = np.uint64((1 << FLANK) - 1)
WORD_LETTERS = 32
LOW_BITS = np.uint64(0x5555555555555555)
PAIRS = np.uint64(0x3333333333333333)
NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
BYTES = np.uint64(0x00FF00FF00FF00FF)
TWO_BYTES = np.uint64(0x0000FFFF0000FFFF)


CODE = MachineCode.of(Path(__file__).parent)
compiled = CODE.compiled
_INTRINSIC: Any = intrinsic


@inlined
def letters_at(letters, start):
    """The 20 letters from `start` on. letters: uint64 (n, 2), 32 letters and 32 flags of unknown
    ones a row, at least one row beyond the last letter."""
    return word_at(letters, start) & FLANK_MASK


@inlined
def word_at(letters, start):
    """The 32 letters from `start` on."""
    index = start >> 5
    shift = np.uint64((start & 31) << 1)
    word = letters[index, 0] >> shift
    if shift:
        word |= letters[index + 1, 0] << (np.uint64(64) - shift)
    return word


@inlined
def unknown_of_word(letters, start):
    """A flag for each of the 32 letters from `start` on that is none of A, C, G, T."""
    index = start >> 5
    flags = letters[index, 1] | (letters[index + 1, 1] << np.uint64(32))
    return (flags >> np.uint64(start & 31)) & np.uint64(0xFFFFFFFF)


@inlined
def letter_at(letters, place):
    """Return the code 0..3 at a place, 0 where it is unknown."""
    return np.int64((letters[place >> 5, 0] >> np.uint64((place & 31) << 1)) & np.uint64(3))


@inlined
def unknown_at(letters, place):
    """Return 1 where the letter at a place is none of A, C, G, T."""
    return np.int64((letters[place >> 5, 1] >> np.uint64(place & 31)) & np.uint64(1))


@inlined
def any_unknown(letters, start):
    """Return whether any of the 20 letters from `start` onwards is none of A, C, G, T."""
    index = start >> 5
    shift = np.uint64(start & 31)
    flags = (letters[index, 1] | (letters[index + 1, 1] << np.uint64(32))) >> shift
    return (flags & UNKNOWN_MASK) != np.uint64(0)


@inlined
def reversed_complement(word):
    """The reverse complement of 20 letters."""
    return reversed_complement_of_word(word) >> np.uint64(64 - 2 * FLANK)


@inlined
def reversed_complement_of_word(word):
    """The reverse complement of 32 letters (Warren 2013, Hacker's Delight, 7-1: swaps of ever
    larger groups of bits)."""
    word = ~word
    word = ((word >> np.uint64(2)) & PAIRS) | ((word & PAIRS) << np.uint64(2))
    word = ((word >> np.uint64(4)) & NIBBLES) | ((word & NIBBLES) << np.uint64(4))
    word = ((word >> np.uint64(8)) & BYTES) | ((word & BYTES) << np.uint64(8))
    word = ((word >> np.uint64(16)) & TWO_BYTES) | ((word & TWO_BYTES) << np.uint64(16))
    return (word >> np.uint64(32)) | (word << np.uint64(32))


@_INTRINSIC
def population_count(_context, word):
    """The number of bits that are set in a uint64, as one instruction."""

    def generate(_target, builder, _signature, values):
        return builder.ctpop(values[0])

    return word(word), generate


@inlined
def unequal(difference):
    """A bit, the lower of its two, for each letter that differs, from the XOR of two words."""
    return (difference | (difference >> np.uint64(1))) & LOW_BITS


@inlined
def different_letters(difference):
    """How many letters differ, from the XOR of two words."""
    return np.int64(population_count(unequal(difference)))
