"""Word counts of a genome, both strands, for eight members at once; and their compact form in the
bundle.

Each letter stretch is counted forward and reverse complemented, at the top length alone, once per
block pattern; every shorter length is a marginal of that table plus the words too near the end of a
stretch to hold a top word. Numpy alone, one thread: counts are integers, so no order of adding can
change them. Memory does not grow with the genome beyond 14 tables of 4^top uint32 (940 MB at top
12) and one stretch of letters per pattern. Not here: which members see a block (`members`), what
counts are worth (`mixture`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np

from gfmtrust.baseline.members import N_MEMBERS, patterns
from gfmtrust.core.alphabet import N, reverse_complement

FLUSH_BASES = 4_000_000
"""Letters collected per pattern before they are counted: a pass over a table of 4^12 costs as much
as counting a few million words."""
CODED_LENGTH = 10
"""From this word length on counts are kept as one byte each (4^12 x 8 members = 134 MB); below, as
float32 (8.4 MB at length 9)."""
CODES = 256
"""A byte: the counts themselves where none is above 255, else steps as in `code_step`."""


class PatternCounts:
    """Counts of the words of `top` letters by block pattern, filled block by block."""

    def __init__(self, top: int):
        n_patterns = len(patterns())
        self.top = top
        self.n_letters = 0
        self._tables: list[np.ndarray] = [
            np.zeros(4**top, dtype=np.uint32) for _ in range(n_patterns)
        ]
        # Words of 1..top-1 letters that start where no top word does: near an N, a block's or a
        # contig's end.
        self._tails = [
            np.zeros((n_patterns, 4**length), dtype=np.int64) for length in range(1, top)
        ]
        self._waiting: list[list[np.ndarray]] = [[] for _ in range(n_patterns)]
        self._n_waiting = [0] * n_patterns

    def add(self, codes: np.ndarray, pattern: int) -> None:
        """Count the words that lie wholly inside one block. codes: uint8 (n,); whatever is no A, C,
        G, T breaks a word."""
        self.n_letters += len(codes)
        self._waiting[pattern] += [codes, np.array([N], dtype=np.uint8)]
        self._n_waiting[pattern] += len(codes) + 1
        if self._n_waiting[pattern] >= FLUSH_BASES:
            self._flush(pattern)

    def _flush(self, pattern: int) -> None:
        if not self._n_waiting[pattern]:
            return
        forward = np.concatenate(self._waiting[pattern])
        codes = np.concatenate(
            [forward, reverse_complement(forward), np.full(self.top, N, dtype=np.uint8)]
        )
        self._waiting[pattern], self._n_waiting[pattern] = [], 0
        words, whole = words_of(codes, self.top)
        self._tables[pattern] += np.bincount(words[whole], minlength=4**self.top).astype(np.uint32)
        starts = np.flatnonzero((codes[: len(whole)] < N) & ~whole)
        word, good = np.zeros(len(starts), dtype=np.int32), np.ones(len(starts), dtype=bool)
        for length in range(1, self.top):
            letter = codes[starts + length - 1]
            good &= letter < N
            word = word * 4 + np.where(good, letter, 0)
            self._tails[length - 1][pattern] += np.bincount(word[good], minlength=4**length)

    def of_members(self, seen: np.ndarray) -> Iterator[list[np.ndarray]]:
        """Counts on both strands of one member after the other: a list of arrays (4^length,) for
        length 1..top.

        seen: bool (14, 8), which member takes which pattern.
        """
        for pattern in range(len(self._tables)):
            self._flush(pattern)
        for member in range(N_MEMBERS):
            chosen = np.flatnonzero(seen[:, member])
            # uint32 holds a member's half of the genome on both strands up to 4.2 Gb; then a word
            # could in principle overflow
            total = np.zeros(
                4**self.top, dtype=np.uint32 if 2 * self.n_letters < 2**32 else np.uint64
            )
            for pattern in chosen:
                total += self._tables[pattern]
            of_length = [total]
            shorter = total
            for length in range(self.top - 1, 0, -1):
                # one base after the other: 5 times faster than a sum over an axis of 4
                shorter = reduce(np.add, (shorter[last::4].astype(np.int64) for last in range(4)))
                of_length.insert(0, shorter + self._tails[length - 1][chosen].sum(axis=0))
            yield of_length


def words_of(codes: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The word of `length` letters at every start, int32, first letter highest; and whether it
    holds A, C, G, T alone.

    Both have len(codes) - length + 1 entries. Words are joined from halves, so 12 letters cost 4
    steps and not 12.
    """
    definite = codes < N
    word = np.where(definite, codes, 0).astype(np.int32)
    return _joined(word, definite, length)


def _joined(
    letters: np.ndarray, definite: np.ndarray, length: int
) -> tuple[np.ndarray, np.ndarray]:
    if length == 1:
        return letters, definite
    left, right = (length + 1) // 2, length // 2
    word, whole = _joined(letters, definite, left)
    n = len(letters) - length + 1
    if right == left:
        right_word, right_whole = word, whole
    else:
        right_word, right_whole = _joined(letters, definite, right)
    word = (word[:n] << (2 * right)) + right_word[left : left + n]
    return word, whole[:n] & right_whole[left : left + n]


@dataclass(frozen=True)
class Table:
    """Counts of the words of one length, members side by side so that one look-up serves all eight.

    cells: (4^length, 8), float32 counts, uint8 counts (step 0), or uint8 codes c of count (e^(step
    c) - 1) / (e^step - 1).
    """

    cells: np.ndarray
    step: float = 0.0

    def counts(self, words: np.ndarray) -> np.ndarray:
        """Counts of words, float32 (..., 8)."""
        stored = self.cells[words]
        return counts_of_codes(self.step)[stored] if self.step else stored.astype(np.float32)


def counts_of_codes(step: float) -> np.ndarray:
    """The count each of the 256 codes stands for, float32: nearly 0, 1, 2, ... at first, growing by
    the factor e^step in the end."""
    return (np.expm1(step * np.arange(CODES)) / np.expm1(step)).astype(np.float32)


def code_step(n_bases: int) -> float:
    """Step whose last code is twice the genome: 4.5 % at 1 Mb, 8 % at 3 Gb. Measured on chr20: the
    bits stay the same to 1e-4."""
    # half a second of every task that scores a context model, which only reads tables
    from scipy.optimize import brentq  # noqa: PLC0415

    highest = 2.0 * max(n_bases, CODES)
    return brentq(
        lambda step: np.log(np.expm1(step * (CODES - 1)) / np.expm1(step)) - np.log(highest),
        1e-6,
        1.0,
    )


def tables(counts: PatternCounts, n_bases: int, seen: np.ndarray) -> list[Table]:
    """Tables of word lengths 1..top: codes from CODED_LENGTH on; below, bytes where they lose
    nothing, else float32."""
    step = code_step(n_bases)
    code = np.rint(np.log1p(np.arange(1 << 16) * np.expm1(step)) / step).astype(np.uint8)
    lengths = range(1, counts.top + 1)
    cells = [
        np.zeros((4**length, N_MEMBERS), np.uint8 if length >= CODED_LENGTH else np.float32)
        for length in lengths
    ]
    for member, of_length in enumerate(counts.of_members(seen)):
        for length, table, member_counts in zip(lengths, cells, of_length, strict=True):
            table[:, member] = (
                _coded(member_counts, code, step) if length >= CODED_LENGTH else member_counts
            )
    fitted_tables = [
        Table(table, step if length >= CODED_LENGTH else 0.0)
        for length, table in zip(lengths, cells, strict=True)
    ]
    return [
        Table(table.cells.astype(np.uint8))
        if not table.step and table.cells.max() < CODES
        else table
        for table in fitted_tables
    ]


def _coded(member_counts: np.ndarray, code: np.ndarray, step: float) -> np.ndarray:
    coded = code[np.minimum(member_counts, len(code) - 1)]
    large = np.flatnonzero(member_counts >= len(code))
    coded[large] = np.rint(np.log1p(member_counts[large] * np.expm1(step)) / step)
    return coded
