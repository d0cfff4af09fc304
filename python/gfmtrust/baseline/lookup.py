"""The tables of a fitted context model as the compiled law (`kernel`) reads them.

Where counts are bytes, a cell of eight members is one uint64 and its logarithms are those of 256
codes; other counts are replaced by their logarithms. Logarithms are integers, in units of
`STEP`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gfmtrust.baseline.counts import CODES
from gfmtrust.baseline.evaluate import Law, alpha
from gfmtrust.baseline.members import N_MEMBERS

STEP = 2.0**-22
"""Nats of one unit: 17 logarithms of 2^40 fill half an int32, and 23 roundings of half a unit are
3e-6 nat at most."""
COUNTED = 1 << 22
"""Whole counts below this number are found by a table of all of them."""
REQUIRED = ("C", "W")


class Lookup(NamedTuple):
    """A law ready for look-ups, as compiled code reads it.

    reach: letters read on each side of a place. cells: uint64, rows of the tables of bytes, eight a row. wide: uint32 (8 rows,), of the other
    tables, index of each count in `codes`. first: int64 (lengths + 1,), first row of each length.
    is_coded: bool (lengths + 1,), whether a table is one of bytes. codes: uint64, logarithms of
    counts, as part of a numerator in the low half and of a denominator in the high half: 256 for the
    bytes of each length, then those of the other tables. code_counts: float32 (256,), counts of the
    codes of the longest words; plain_counts: float32 (rows, 8), their counts where they are not
    coded. index_of: int64 (lengths,), column of each order in `weights`, -1 for one that the law
    leaves out.
    """

    reach: int
    cells: np.ndarray
    wide: np.ndarray
    first: np.ndarray
    is_coded: np.ndarray
    codes: np.ndarray
    code_counts: np.ndarray
    plain_counts: np.ndarray
    edges: np.ndarray
    index_of: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, law: Law, scale: np.float32) -> Lookup:
        """The look-ups of a law as `written_graph` reads it. scale: the constant of the graph that
        turns codes into counts."""
        n = len(law.tables)
        first, is_coded = np.zeros(n + 1, np.int64), np.zeros(n + 1, bool)
        codes = [np.zeros(CODES, np.uint64) for _ in range(n + 1)]
        cells: list[np.ndarray] = [np.empty(0, np.uint64)]
        wide: list[np.ndarray] = [np.empty((0, N_MEMBERS), np.uint32)]
        for length, table in enumerate(law.tables, start=1):
            is_coded[length] = table.cells.dtype == np.uint8
            rows = cells if is_coded[length] else wide
            first[length] = sum(map(len, rows))
            if is_coded[length]:
                rows.append(np.ascontiguousarray(table.cells).view(np.uint64).ravel())
                codes[length] = _logs(law, length, code_counts(table.step, scale))
            else:
                counts, number = _distinct(table.cells)
                rows.append(number + np.uint32(sum(map(len, codes))))
                codes.append(_logs(law, length, counts))
        top = law.tables[-1]
        index_of = np.full(n, -1, np.int64)
        index_of[list(law.orders)] = np.arange(len(law.orders))
        return cls(
            n - 1,
            np.concatenate(cells),
            np.concatenate(wide).ravel(),
            first,
            is_coded,
            np.concatenate(codes),
            code_counts(top.step, scale),
            np.empty((0, N_MEMBERS), np.float32) if is_coded[n] else np.array(top.cells),
            np.array(law.edges),
            index_of,
            law.weights.astype(np.float64),
        )

    def log_probs(self, letters: np.ndarray, at: np.ndarray, votes: np.ndarray) -> np.ndarray:
        """See `core.interfaces.ContextScorer`."""
        # numba takes half a second to load, and other models do not need it
        from gfmtrust.baseline import kernel  # noqa: PLC0415

        answers = np.full((len(at), N_MEMBERS, 4), np.nan)
        # one kind of array each, for which set-up has compiled: contiguous, and not write-protected
        kernel.log_probs(
            np.require(letters, np.uint8, REQUIRED),
            np.require(at, np.int64, REQUIRED),
            np.require(votes, bool, REQUIRED),
            self,
            np.empty((2, _n_words(self.reach)), np.uint64),
            answers,
        )
        return answers

    def log_ratios(
        self, letters: np.ndarray, begin: np.ndarray, lengths: np.ndarray, votes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `core.interfaces.ContextScorer`; and ln p of the four bases at these places of REF,
        float64 (n, 2 reach, 8, 4)."""
        from gfmtrust.baseline import haplotype_kernel  # noqa: PLC0415

        answers = np.full((len(begin), N_MEMBERS), np.nan)
        beside = np.full((len(begin), 2 * self.reach, N_MEMBERS, 4), np.nan)
        starts = 3 * self.reach + int(lengths.max(initial=0))
        haplotype_kernel.log_ratios(
            np.require(letters, np.uint8, REQUIRED),
            np.require(begin, np.int64, REQUIRED),
            np.require(lengths, np.int64, REQUIRED),
            np.require(votes, bool, REQUIRED),
            self,
            (
                np.empty((2, 2, _n_words(self.reach)), np.uint64),
                np.empty((2, self.reach + 2, starts + 1, 4), np.uint64),
                np.empty((2, 4, 4)),
                np.empty(4),
            ),
            (answers, beside),
        )
        return answers, beside


def _n_words(reach: int) -> int:
    """Words over one place."""
    return (reach + 1) * (reach + 2) // 2


def code_counts(step: float, scale: np.float32) -> np.ndarray:
    """The count that each byte stands for as the graph computes it, float32 (256,): the byte itself
    where the step is 0."""
    codes = np.arange(CODES, dtype=np.float32)
    if not step:
        return codes
    return np.exp((codes * np.float32(step)).astype(float)).astype(np.float32) * scale - scale


def _distinct(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different counts of a table, ascending, and the number of each cell's count among them,
    uint32."""
    whole = cells.astype(np.uint32)
    if cells.max() < COUNTED and (whole == cells).all():  # five times faster than sorting
        is_there = np.zeros(COUNTED, bool)
        is_there[whole] = True
        number = np.cumsum(is_there, dtype=np.uint32) - np.uint32(1)
        return np.flatnonzero(is_there).astype(np.float32), number[whole]
    counts, number = np.unique(cells, return_inverse=True)
    return counts, number.reshape(cells.shape).astype(np.uint32)


def _logs(law: Law, length: int, counts: np.ndarray) -> np.ndarray:
    """The logarithms of counts of words of a length in units of `STEP`, uint64: with the
    pseudocount of a numerator in the low half, of a denominator in the high half; 0 where the law
    has no such order."""
    packed = np.zeros(counts.shape, np.uint64)
    for order, pseudo, shift in (
        (length - 1, alpha(length - 1), 0),
        (length, 4 * alpha(length), 32),
    ):
        if order in law.orders:
            logs = np.log(counts.astype(float) + pseudo) / STEP
            packed |= np.rint(logs).astype(np.uint64) << np.uint64(shift)
    return packed
