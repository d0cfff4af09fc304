"""Words over a place of a text, for the compiled law: their rows in the tables of counts. Every
function here is called from compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from gfmtrust.core.machine_code import inlined

_INTRINSIC: Any = intrinsic
_CODE_UTILITIES: Any = cgutils
_IR = _CODE_UTILITIES.ir  # numba's own name of llvmlite.ir, which is no dependency of ours
EIGHT = np.uint64(8)
FETCHED_LENGTH = 7
"""Tables of shorter words, half a megabyte at most, stay in the cache."""


@inlined
def known_letters(letters, at, reach, step):
    """How many letters beside a place are known up to the first that is not, on the left for step
    -1 and on the right for 1."""
    number = 0
    while number < reach and letters[at + step * (number + 1)] < 4:
        number += 1
    return number


@inlined
def _packed(letters, first, last):
    """The letters of [first, last) as base-4 digits, the first one highest; unknown ones are 0."""
    word = np.int64(0)
    for at in range(first, last):
        letter = np.int64(letters[at])
        word = (word << 2) | (letter if letter < 4 else np.int64(0))
    return word


@inlined
def _word(flanks, length, start):
    """The word of a length over the site, with the base A there; `start` (0: leftmost) is the number
    of letters right of the site. flanks: packed left, packed right, letters of each."""
    left, right, reach = flanks
    before = left & ((np.int64(1) << (2 * (length - 1 - start))) - 1)
    return (before << (2 * (start + 1))) | (right >> (2 * (reach - start)))


@inlined
def write_rows(first, flanks, rows):
    """Write the row in its table of each word over the site with the base A, by length and start:
    uint64 (reach + 1)(reach + 2) / 2."""
    number = 0
    for length in range(1, flanks[2] + 2):
        for start in range(length):
            rows[number] = np.uint64(first[length] + _word(flanks, length, start))
            number += 1


@inlined
def flanks_of(letters, at, reach):
    """The letters beside a place: packed left, packed right, letters of each."""
    return (
        _packed(letters, at - reach, at),
        _packed(letters, at + 1, at + reach + 1),
        reach,
    )


@_INTRINSIC
def _fetch_ahead(_context, table, index):
    """Ask the memory for an element of an array before it is read; one instruction, without a result."""

    def generate(context, builder, signature, values):
        memory = context.make_array(signature.args[0])(context, builder, values[0])
        place = builder.gep(memory.data, [values[1]])
        place = builder.bitcast(place, cgutils.voidptr_t)
        kinds = [cgutils.voidptr_t, *[cgutils.int32_t] * 3]
        of_nothing = _IR.FunctionType(_IR.VoidType(), kinds)
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", (), of_nothing)
        # to read, to be kept in all caches, of data
        builder.call(prefetch, [place, *(cgutils.int32_t(value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(table, types.uint64), generate


@inlined
def fetch_rows(law, span, letter, rows):
    """Ask the memory for the rows of the words over a place that are in no cache for certain.

    law: a `lookup.Lookup`. span: the first and the last start. letter: one whose words have been read, or -1.
    """
    for length in range(FETCHED_LENGTH, law.reach + 2):
        number = length * (length - 1) // 2
        for start in range(span[0], min(length - 1, span[1]) + 1):
            for base in range(4):
                if base != letter:
                    row = rows[number + start] + np.uint64(base << (2 * start))
                    if law.is_coded[length]:
                        _fetch_ahead(law.cells, row)
                    else:
                        _fetch_ahead(law.wide, row * EIGHT)
