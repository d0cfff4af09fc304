"""The law of the context model (`evaluate`) for single positions, compiled: the members that may
vote alone, and integers where the order of a sum could change it.

Logarithms of counts are looked up as integers, in steps of 2^-22 nat, and sums of integers are the
same in any order: a position has one answer, whatever is computed beside it, on every processor.
The weights are applied in float64, an order after the other. The tables are `lookup.Lookup`, in the
order of its fields.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gfmtrust.baseline.lookup import STEP
from gfmtrust.baseline.members import N_MEMBERS
from gfmtrust.core.machine_code import MachineCode, inlined

CODE = MachineCode.of(Path(__file__).parent)
_INTRINSIC: Any = intrinsic
BYTE, ONE, TWO, EIGHT = np.uint64(255), np.uint64(1), np.uint64(2), np.uint64(8)
FETCHED_LENGTH = 7
"""Tables of shorter words, half a megabyte at most, stay in the cache."""
NO_WORDS = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
NO_LOGITS = (0.0, 0.0, 0.0, 0.0)
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@inlined
def _known_letters(letters, at, reach, step):
    """How many letters beside a place are known up to the first that is not, on the left for step
    -1 and on the right for 1."""
    known = 0
    while known < reach and letters[at + step * (known + 1)] < 4:
        known += 1
    return known


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


@_INTRINSIC
def _fetch_ahead(_context, table, index):
    """Ask the memory for an element of an array before it is read; one instruction, without a result."""

    def generate(context, builder, signature, values):
        memory = context.make_array(signature.args[0])(context, builder, values[0])
        place = builder.gep(memory.data, [values[1]])
        place = builder.bitcast(place, ir.IntType(8).as_pointer())
        kinds = [ir.IntType(8).as_pointer(), *[ir.IntType(32)] * 3]
        prefetch = builder.module.declare_intrinsic(
            "llvm.prefetch", (), ir.FunctionType(ir.VoidType(), kinds)
        )
        builder.call(prefetch, [place, *(ir.IntType(32)(value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(table, types.uint64), generate


@inlined
def fetch_rows(tables, reach, span, letter, rows):
    """Ask the memory for the rows of the words over a place that are in no cache for certain.

    span: the first and the last start. letter: one whose words have been read, or -1.
    """
    cells, logs, _, is_coded, _ = tables
    for length in range(FETCHED_LENGTH, reach + 2):
        number = length * (length - 1) // 2
        for start in range(span[0], min(length - 1, span[1]) + 1):
            for base in range(4):
                if base != letter:
                    row = rows[number + start] + np.uint64(base << (2 * start))
                    if is_coded[length]:
                        _fetch_ahead(cells, row)
                    else:
                        _fetch_ahead(logs, row * EIGHT)


@inlined
def _bin_of(tables, counting, reach, known, rows, member):
    """The bin of one member: the number of edges that are at most the count of the two flanks in
    the genome, added in float32 in the order of the graph. A flank with an unknown letter counts 0.
    counting: counts of codes, counts of plain cells, edges."""
    cells, _, first, is_coded, _ = tables
    code_counts, plain_counts, edges = counting
    longest = (reach + 1) * reach // 2
    total = np.float32(0)
    for side in range(2):
        of_flank = np.float32(0)
        start = side * reach
        for base in range(4):
            row = rows[longest + start] + np.uint64(base << (2 * start))
            if is_coded[reach + 1]:
                of_flank += code_counts[(cells[row] >> (EIGHT * member)) & BYTE]
            else:
                of_flank += plain_counts[row - np.uint64(first[reach + 1]), member]
        if known[side] >= reach:
            total += of_flank
    number = 0
    while number < len(edges) and total >= edges[number]:
        number += 1
    return number


@inlined
def sums_of(tables, where, rows, base, members):
    """The sums of the logarithms of words of one length with a base at the site, of four members,
    uint64: of numerators in the low half, of denominators in the high half. where: the length, its
    first and its last start."""
    cells, logs, _, is_coded, codes = tables
    length, low, high = where
    a, b, c, d = members
    sum_a = sum_b = sum_c = sum_d = np.uint64(0)
    number, n_words = np.uint64(length * (length - 1) // 2 + low), high + 1 - low
    shift, site = np.uint64(2 * low), np.uint64(base)
    if is_coded[length]:
        code = np.uint64(length) << EIGHT
        byte_a, byte_b, byte_c, byte_d = EIGHT * a, EIGHT * b, EIGHT * c, EIGHT * d
        for _ in range(n_words):
            cell = cells[rows[number] + (site << shift)]
            sum_a += codes[code + ((cell >> byte_a) & BYTE)]
            sum_b += codes[code + ((cell >> byte_b) & BYTE)]
            sum_c += codes[code + ((cell >> byte_c) & BYTE)]
            sum_d += codes[code + ((cell >> byte_d) & BYTE)]
            number += ONE
            shift += TWO
    else:
        for _ in range(n_words):
            row = (rows[number] + (site << shift)) * EIGHT
            sum_a += logs[row + a]
            sum_b += logs[row + b]
            sum_c += logs[row + c]
            sum_d += logs[row + d]
            number += ONE
            shift += TWO
    return sum_a, sum_b, sum_c, sum_d


@inlined
def _answer(tables, counting, mixture, reach, known, rows, members, answers, row):
    """Write ln p of the four bases by four members into a row of `answers`.

    Each length is read once: its words are the numerators of the order below it and the
    denominators of its own order. An order without a word says what the order before it said.
    """
    index_of, weights = mixture
    a, b, c, d = members
    bin_a = _bin_of(tables, counting, reach, known, rows, a)
    bin_b = _bin_of(tables, counting, reach, known, rows, b)
    bin_c = _bin_of(tables, counting, reach, known, rows, c)
    bin_d = _bin_of(tables, counting, reach, known, rows, d)
    for base in range(4):
        logit_a = logit_b = logit_c = logit_d = 0.0
        said_a = said_b = said_c = said_d = np.int64(0)
        under_a = under_b = under_c = under_d = np.int64(0)
        for length in range(1, reach + 2):
            order = length - 1
            low, high = max(0, order - known[0]), min(order, known[1])
            sum_a, sum_b, sum_c, sum_d = _sums(tables, (length, low, high), rows, base, members)
            index = index_of[order]
            if index >= 0:
                if low <= high:
                    said_a = np.int64(sum_a & LOW) - under_a
                    said_b = np.int64(sum_b & LOW) - under_b
                    said_c = np.int64(sum_c & LOW) - under_c
                    said_d = np.int64(sum_d & LOW) - under_d
                logit_a += weights[bin_a, index] * said_a
                logit_b += weights[bin_b, index] * said_b
                logit_c += weights[bin_c, index] * said_c
                logit_d += weights[bin_d, index] * said_d
            if known[0] < length or known[1] < length:  # the outermost words lack a longer one
                low, high = max(0, length - known[0]), min(length, known[1]) - 1
                sum_a, sum_b, sum_c, sum_d = _sums(tables, (length, low, high), rows, base, members)
            under_a = np.int64(sum_a >> HALF)
            under_b = np.int64(sum_b >> HALF)
            under_c = np.int64(sum_c >> HALF)
            under_d = np.int64(sum_d >> HALF)
        answers[row, a, base] = STEP * logit_a
        answers[row, b, base] = STEP * logit_b
        answers[row, c, base] = STEP * logit_c
        answers[row, d, base] = STEP * logit_d
    _normalise(answers, row, a)
    if b != a:
        _normalise(answers, row, b)
    if c != b:
        _normalise(answers, row, c)
    if d != c:
        _normalise(answers, row, d)


@inlined
def bins_of(tables, counting, reach, known, rows, members):
    """The bins of four members, see `_bin_of`."""
    return (
        _bin_of(tables, counting, reach, known, rows, members[0]),
        _bin_of(tables, counting, reach, known, rows, members[1]),
        _bin_of(tables, counting, reach, known, rows, members[2]),
        _bin_of(tables, counting, reach, known, rows, members[3]),
    )


@inlined
def numerators(sums, under):
    """What an order says by four members, int64: the sums of its numerators less those of its
    denominators."""
    return (
        np.int64(sums[0] & LOW) - under[0],
        np.int64(sums[1] & LOW) - under[1],
        np.int64(sums[2] & LOW) - under[2],
        np.int64(sums[3] & LOW) - under[3],
    )


@inlined
def denominators(sums):
    """The sums of the denominators of four members, int64."""
    return (
        np.int64(sums[0] >> HALF),
        np.int64(sums[1] >> HALF),
        np.int64(sums[2] >> HALF),
        np.int64(sums[3] >> HALF),
    )


@inlined
def weighed(logits, weights, bins, index, said):
    """Logits of four members after an order is added with the weight of each one's bin."""
    return (
        logits[0] + weights[bins[0], index] * said[0],
        logits[1] + weights[bins[1], index] * said[1],
        logits[2] + weights[bins[2], index] * said[2],
        logits[3] + weights[bins[3], index] * said[3],
    )


@inlined
def log_sum(first, second, third, fourth):
    """ln of the sum of four exponentials."""
    highest = max(max(first, second), max(third, fourth))
    total = math.exp(first - highest) + math.exp(second - highest)
    total += math.exp(third - highest) + math.exp(fourth - highest)
    return highest + math.log(total)


@inlined
def _answer(tables, counting, mixture, reach, known, rows, members, answers, row):
    """Write ln p of the four bases by four members into a row of `answers`.

    Each length is read once: its words are the numerators of the order below it and the
    denominators of its own order. An order without a word says what the order before it said.
    """
    index_of, weights = mixture
    bins = bins_of(tables, counting, reach, known, rows, members)
    for base in range(4):
        logits = NO_LOGITS
        said = under = NO_WORDS
        for length in range(1, reach + 2):
            order = length - 1
            low, high = max(0, order - known[0]), min(order, known[1])
            sums = sums_of(tables, (length, low, high), rows, base, members)
            if index_of[order] >= 0:
                if low <= high:
                    said = numerators(sums, under)
                logits = weighed(logits, weights, bins, index_of[order], said)
            if known[0] < length or known[1] < length:  # the outermost words lack a longer one
                low, high = max(0, length - known[0]), min(length, known[1]) - 1
                sums = sums_of(tables, (length, low, high), rows, base, members)
            under = denominators(sums)
        for at in range(4):
            answers[row, members[at], base] = STEP * logits[at]
    last = np.uint64(N_MEMBERS)
    for at in range(4):
        member = members[at]
        if member != last:  # the last one may fill a group
            shift = log_sum(
                answers[row, member, 0],
                answers[row, member, 1],
                answers[row, member, 2],
                answers[row, member, 3],
            )
            for base in range(4):
                answers[row, member, base] -= shift
        last = member


@inlined
def flanks_of(letters, at, reach):
    """The letters beside a place: packed left, packed right, letters of each."""
    return (
        _packed(letters, at - reach, at),
        _packed(letters, at + 1, at + reach + 1),
        reach,
    )


@CODE.compiled
def log_probs(letters, at, reach, votes, tables, counting, mixture, rows, answers):
    """Write ln p of the four bases at places of a text by the members that may vote there.

    letters: uint8 (L,), whatever is above 3 is unknown. at: int64 (n,), at least `reach` letters
    from both ends. votes: bool (n, 8). tables, counting, mixture: of `lookup.Lookup`. rows:
    uint64 (2, words), room for the rows of the words over two places. answers: float64 (n, 8, 4); the rows of
    members that may not vote are left as they are.
    """
    nobody = np.uint64(N_MEMBERS)
    if len(at):
        write_rows(tables[2], flanks_of(letters, at[0], reach), rows[0])
    for number in range(len(at)):
        here = rows[number % 2]
        if number + 1 < len(at):  # memory answers while this place is computed
            following = rows[(number + 1) % 2]
            write_rows(tables[2], flanks_of(letters, at[number + 1], reach), following)
            fetch_rows(tables, reach, (0, reach), -1, following)
        known = (
            _known_letters(letters, at[number], reach, -1),
            _known_letters(letters, at[number], reach, 1),
        )
        a = b = c = d = nobody
        for member in range(N_MEMBERS):
            if votes[number, member]:
                if a == nobody:
                    a = np.uint64(member)
                elif b == nobody:
                    b = np.uint64(member)
                elif c == nobody:
                    c = np.uint64(member)
                else:
                    d = np.uint64(member)
            is_last = member == N_MEMBERS - 1 and a != nobody
            if d != nobody or is_last:  # where fewer are left, the last one fills the group
                b = a if b == nobody else b
                c = b if c == nobody else c
                d = c if d == nobody else d
                _answer(
                    tables, counting, mixture, reach, known, here, (a, b, c, d), answers, number
                )
                a = b = c = d = nobody
