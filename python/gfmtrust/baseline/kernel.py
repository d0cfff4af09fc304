"""The law of the context model (`evaluate`) for single positions, compiled: the members that may
vote alone, and integers where the order of a sum could change it.

Logarithms of counts are looked up as integers, in steps of 2^-22 nat, and sums of integers are the
same in any order: a position has one answer, whatever is computed beside it, on every processor.
The weights are applied in float64, an order after the other."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from gfmtrust.baseline.lookup import STEP
from gfmtrust.baseline.members import N_MEMBERS
from gfmtrust.baseline.words import EIGHT, fetch_rows, flanks_of, known_letters, write_rows
from gfmtrust.core.machine_code import MachineCode, inlined

CODE = MachineCode.of(Path(__file__).parent)
BYTE, ONE, TWO = np.uint64(255), np.uint64(1), np.uint64(2)
NOBODY = np.uint64(N_MEMBERS)
NO_WORDS = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
NO_LOGITS = (0.0, 0.0, 0.0, 0.0)
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@inlined
def _bin_of(law, runs, rows, member):
    """The bin of one member: the number of edges that are at most the count of the two flanks in
    the genome, added in float32 in the order of the graph. A flank with an unknown letter counts 0."""
    longest = (law.reach + 1) * law.reach // 2
    total = np.float32(0)
    for side in range(2):
        of_flank = np.float32(0)
        start = side * law.reach
        for base in range(4):
            row = rows[longest + start] + np.uint64(base << (2 * start))
            if law.is_coded[law.reach + 1]:
                of_flank += law.code_counts[(law.cells[row] >> (EIGHT * member)) & BYTE]
            else:
                of_flank += law.plain_counts[row - np.uint64(law.first[law.reach + 1]), member]
        if runs[side] >= law.reach:
            total += of_flank
    number = 0
    while number < len(law.edges) and total >= law.edges[number]:
        number += 1
    return number


@inlined
def sums_of(law, where, rows, base, members):
    """The sums of the logarithms of words of one length with a base at the site, of four members,
    uint64: of numerators in the low half, of denominators in the high half. where: the length, its
    first and its last start."""
    codes = law.codes
    length, low, high = where
    a, b, c, d = members
    sum_a = sum_b = sum_c = sum_d = np.uint64(0)
    number, n_words = np.uint64(length * (length - 1) // 2 + low), high + 1 - low
    shift, site = np.uint64(2 * low), np.uint64(base)
    if law.is_coded[length]:
        cells, code = law.cells, np.uint64(length) << EIGHT
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
        wide = law.wide
        for _ in range(n_words):
            row = (rows[number] + (site << shift)) * EIGHT
            sum_a += codes[np.uint64(wide[row + a])]
            sum_b += codes[np.uint64(wide[row + b])]
            sum_c += codes[np.uint64(wide[row + c])]
            sum_d += codes[np.uint64(wide[row + d])]
            number += ONE
            shift += TWO
    return sum_a, sum_b, sum_c, sum_d


@inlined
def bins_of(law, runs, rows, members):
    """The bins of four members, see `_bin_of`."""
    return (
        _bin_of(law, runs, rows, members[0]),
        _bin_of(law, runs, rows, members[1]),
        _bin_of(law, runs, rows, members[2]),
        _bin_of(law, runs, rows, members[3]),
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
def _answer(law, runs, rows, members, answers, row):
    """Write ln p of the four bases by four members into a row of `answers`.

    Each length is read once: its words are the numerators of the order below it and the
    denominators of its own order. An order without a word says what the order before it said.
    """
    bins = bins_of(law, runs, rows, members)
    for base in range(4):
        logits = NO_LOGITS
        said = under = NO_WORDS
        for length in range(1, law.reach + 2):
            order = length - 1
            low, high = max(0, order - runs[0]), min(order, runs[1])
            sums = sums_of(law, (length, low, high), rows, base, members)
            index = law.index_of[order]
            if index >= 0:
                if low <= high:
                    said = numerators(sums, under)
                logits = weighed(logits, law.weights, bins, index, said)
            if runs[0] < length or runs[1] < length:  # the outermost words lack a longer one
                low, high = max(0, length - runs[0]), min(length, runs[1]) - 1
                sums = sums_of(law, (length, low, high), rows, base, members)
            under = denominators(sums)
        for at in range(4):
            answers[row, members[at], base] = STEP * logits[at]
    last = NOBODY
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
def group_of(votes, row, member):
    """The next four members that may vote, uint64, and the member after them; the last one fills a
    group. The first is NOBODY where none is left."""
    a = b = c = d = NOBODY
    while member < N_MEMBERS and d == NOBODY:
        if votes[row, member]:
            if a == NOBODY:
                a = np.uint64(member)
            elif b == NOBODY:
                b = np.uint64(member)
            elif c == NOBODY:
                c = np.uint64(member)
            else:
                d = np.uint64(member)
        member += 1
    b = a if b == NOBODY else b
    c = b if c == NOBODY else c
    d = c if d == NOBODY else d
    return (a, b, c, d), member


@CODE.compiled
def log_probs(letters, at, votes, law, rows, answers):
    """Write ln p of the four bases at places of a text by the members that may vote there.

    letters: uint8 (L,), whatever is above 3 is unknown. at: int64 (n,), at least `reach` letters
    from both ends. votes: bool (n, 8). law: a `lookup.Lookup`. rows: uint64 (2, words), room for the
    rows of the words over two places. answers: float64 (n, 8, 4); the rows of members that may not
    vote are left as they are.
    """
    if len(at):
        write_rows(law.first, flanks_of(letters, at[0], law.reach), rows[0])
    for number in range(len(at)):
        here = rows[number % 2]
        if number + 1 < len(at):  # memory answers while this place is computed
            following = rows[(number + 1) % 2]
            write_rows(law.first, flanks_of(letters, at[number + 1], law.reach), following)
            fetch_rows(law, (0, law.reach), -1, following)
        runs = (
            known_letters(letters, at[number], law.reach, -1),
            known_letters(letters, at[number], law.reach, 1),
        )
        member = 0
        while member < N_MEMBERS:
            members, member = group_of(votes, number, member)
            if members[0] != NOBODY:
                _answer(law, runs, here, members, answers, number)
