"""The compiled law for the places beside a change that two haplotypes share, two by two.

A place beside the change has the same letters as in the other haplotype on its far side, and up to
the change on its near side. Words over it that do not touch the change are looked up once for both.
Words with the letter of the haplotype itself are looked up once for all places that they lie over:
their sums are differences of running sums, which are exact, because they are sums of integers. The
answers are those of `kernel.log_probs`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gfmtrust.baseline.kernel import (
    BYTE,
    NO_LOGITS,
    NO_WORDS,
    NOBODY,
    bins_of,
    denominators,
    group_of,
    log_sum,
    numerators,
    sums_of,
    weighed,
)
from gfmtrust.baseline.lookup import STEP
from gfmtrust.baseline.members import N_MEMBERS
from gfmtrust.baseline.words import EIGHT, fetch_rows, flanks_of, write_rows
from gfmtrust.core.machine_code import MachineCode, inlined

CODE = MachineCode.of(Path(__file__).parent)


@inlined
def _write_running(law, letters, start, n_starts, members, running):
    """Write the running sums of the logarithms of a haplotype's words by length, start and member:
    uint64 (reach + 2, n_starts + 1, 4)."""
    for length in range(1, law.reach + 2):
        for at in range(4):
            running[length, 0, at] = 0
        word, mask = np.int64(0), (np.int64(1) << (2 * length)) - 1
        for place in range(start, start + length - 1):
            word = (word << 2) | np.int64(letters[place])
        for number in range(n_starts):
            word = ((word << 2) | np.int64(letters[start + number + length - 1])) & mask
            row = np.uint64(law.first[length] + word)
            for at in range(4):
                if law.is_coded[length]:
                    code = (law.cells[row] >> (EIGHT * members[at])) & BYTE
                    value = law.codes[(np.uint64(length) << EIGHT) + code]
                else:
                    value = law.codes[np.uint64(law.wide[row * EIGHT + members[at]])]
                running[length, number + 1, at] = running[length, number, at] + value


@inlined
def _running_sums(running, length, number):
    """The sums over the words of a length over a place, the one numbered `number` from the first
    start on."""
    end, begin = number + 1, number + 1 - length
    return (
        running[length, end, 0] - running[length, begin, 0],
        running[length, end, 1] - running[length, begin, 1],
        running[length, end, 2] - running[length, begin, 2],
        running[length, end, 3] - running[length, begin, 3],
    )


@inlined
def _added(sums, others):
    return (
        sums[0] + others[0],
        sums[1] + others[1],
        sums[2] + others[2],
        sums[3] + others[3],
    )


@inlined
def _places(change, step, reach):
    """The place number `step` beside a change in REF and in ALT. change: the first such place in
    either haplotype, and the lengths of the alleles."""
    if step < reach:
        return change[0] + step, change[1] + step
    return change[0] + change[2] + step, change[1] + change[3] + step


@inlined
def _fetch_pair(law, letters, change, step, rows):
    """Write the rows of the words over both places of a pair, and ask the memory for them."""
    reach = law.reach
    places = _places(change, step, reach)
    letter = np.int64(letters[places[0]])
    for text in range(2):
        write_rows(law.first, flanks_of(letters, places[text], reach), rows[text])
    fetch_rows(law, (0, reach), letter, rows[0])
    if step < reach:  # the other words are those of REF
        fetch_rows(law, (reach - step, reach), letter, rows[1])
    else:
        fetch_rows(law, (0, 2 * reach - 1 - step), letter, rows[1])


@inlined
def _add_pair(law, pair, members, running, logits, results):
    """Add ln p of the letter at a place of ALT less that at the same place of REF to the ratios of
    four members, and write ln p of all bases at the place of REF.

    pair: rows of the words over both places, number of the pair, letter, change. logits: room,
    float64 (2, 4, 4). results: the ratios, and ln p at the places of REF.
    """
    reach, (rows, step, letter, change) = law.reach, pair
    is_before = step < reach
    distance = reach - step if is_before else step - reach + 1
    first = change[0] - reach, change[1] - reach
    places = _places(change, step, reach)
    runs = (reach, reach)
    bins_ref = bins_of(law, runs, rows[0], members)
    bins_alt = bins_of(law, runs, rows[1], members)
    for base in range(4):
        ref = alt = NO_LOGITS
        under_ref = under_alt = NO_WORDS
        for length in range(1, law.reach + 2):
            if base == letter:
                sums_ref = _running_sums(running[0], length, places[0] - first[0])
                sums_alt = _running_sums(running[1], length, places[1] - first[1])
            else:
                n_shared = min(length, distance)
                if is_before:  # words of few letters right of the place do not touch the change
                    shared, other = (0, n_shared - 1), (n_shared, length - 1)
                else:
                    shared, other = (length - n_shared, length - 1), (0, length - n_shared - 1)
                common = sums_of(law, (length, shared[0], shared[1]), rows[0], base, members)
                sums_ref = sums_alt = common
                if n_shared < length:
                    where = (length, other[0], other[1])
                    sums_ref = _added(common, sums_of(law, where, rows[0], base, members))
                    sums_alt = _added(common, sums_of(law, where, rows[1], base, members))
            index = law.index_of[length - 1]
            if index >= 0:
                ref = weighed(ref, law.weights, bins_ref, index, numerators(sums_ref, under_ref))
                alt = weighed(alt, law.weights, bins_alt, index, numerators(sums_alt, under_alt))
            under_ref, under_alt = denominators(sums_ref), denominators(sums_alt)
        for at in range(4):
            logits[0, at, base] = STEP * ref[at]
            logits[1, at, base] = STEP * alt[at]
    ratios, beside = results
    for at in range(4):
        of_ref, of_alt = logits[0, at], logits[1, at]
        ratios[at] += of_alt[letter] - log_sum(of_alt[0], of_alt[1], of_alt[2], of_alt[3])
        shift = log_sum(of_ref[0], of_ref[1], of_ref[2], of_ref[3])
        ratios[at] -= of_ref[letter] - shift
        for base in range(4):
            beside[step, members[at], base] = of_ref[base] - shift


@CODE.compiled
def log_ratios(letters, begin, lengths, votes, law, room, results):
    """Write the sum of ln p(letter of ALT) - ln p(letter of REF) over the `reach` places on either
    side of changes, by the members that may vote.

    letters: uint8 (L,), known ones around every change. begin: int64 (n, 2), the first of these
    places in REF and in ALT. lengths: int64 (n, 2), letters of the alleles. votes: bool (n, 8). law:
    a `lookup.Lookup`. room: rows uint64 (2, 2, words), running sums uint64 (2, reach + 2, starts +
    1, 4), logits float64 (2, 4, 4), ratios float64 (4,). results: the ratios, float64 (n, 8), and
    ln p of all bases at these places of REF, float64 (n, 2 reach, 8, 4); what belongs to members
    that may not vote is left as it is.
    """
    reach, (rows, running, logits, ratios) = law.reach, room
    answers, beside = results
    for number in range(len(begin)):
        change = begin[number, 0], begin[number, 1], lengths[number, 0], lengths[number, 1]
        member = 0
        while member < N_MEMBERS:
            members, member = group_of(votes, number, member)
            if members[0] == NOBODY:
                break
            for text in range(2):
                start, n_starts = change[text] - reach, 3 * reach + change[2 + text]
                _write_running(law, letters, start, n_starts, members, running[text])
            for at in range(4):
                ratios[at] = 0.0
            _fetch_pair(law, letters, change, 0, rows[0])
            for step in range(2 * reach):
                if step + 1 < 2 * reach:  # memory answers while this pair is computed
                    _fetch_pair(law, letters, change, step + 1, rows[(step + 1) % 2])
                letter = np.int64(letters[_places(change, step, reach)[0]])
                pair = rows[step % 2], step, letter, change
                _add_pair(law, pair, members, running, logits, (ratios, beside[number]))
            for at in range(4):
                answers[number, members[at]] = ratios[at]
