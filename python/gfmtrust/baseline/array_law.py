"""The compiled law (`kernel`) in numpy, with the same answers to the last bit, for few places: it
computes a place in a few ten microseconds, and to load the compiler takes a second.

    ArrayLaw(lookup).log_probs(letters, at, votes)

Sums are of integers, products and sums of float64 are taken in the order of `kernel`, and both take
exp and log from the C library. With `orders`, the bytes of each table are those of a permuted one,
of which only the values that a place needs are looked up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gfmtrust.baseline.counts import CODES
from gfmtrust.baseline.lookup import STEP, Lookup
from gfmtrust.baseline.members import N_MEMBERS
from gfmtrust.core.permutation import Permutation

CHUNK_PLACES = 256
"""Words of one length over these places, four bases and eight members: 0.8 MB, which the cache holds."""
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
MEMBERS, BASES = np.arange(N_MEMBERS), np.arange(4)


@dataclass(frozen=True)
class ArrayLaw:
    """A law in numpy. orders: of a negative control, the order of the bytes of a table by the length
    of its words; a table without one is read as it is."""

    lookup: Lookup
    orders: dict[int, Permutation]

    @property
    def reach(self) -> int:
        return self.lookup.reach

    def log_probs(self, letters: np.ndarray, at: np.ndarray, votes: np.ndarray) -> np.ndarray:
        """See `core.interfaces.ContextScorer`."""
        answers = np.full((len(at), N_MEMBERS, 4), np.nan)
        for first in range(0, len(at), CHUNK_PLACES):
            rows = slice(first, first + CHUNK_PLACES)
            answers[rows] = self._answers(_Flanks.of(letters, at[rows], self.reach))
        answers[~votes] = np.nan
        return answers

    def log_ratios(
        self, letters: np.ndarray, begin: np.ndarray, lengths: np.ndarray, votes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Lookup.log_ratios`."""
        step = np.arange(2 * self.reach)
        behind = np.where(step < self.reach, 0, lengths[:, :, None])
        at = begin[:, :, None] + behind + step  # (changes, REF and ALT, places)
        of_place = np.repeat(votes, len(step), axis=0)
        ref, alt = (
            self.log_probs(letters, at[:, allele].ravel(), of_place).reshape(
                len(at), len(step), N_MEMBERS, 4
            )
            for allele in range(2)
        )
        letter = letters[at[:, 0]][:, :, None, None].astype(np.int64)
        of_letter = [np.take_along_axis(log_p, letter, axis=3)[..., 0] for log_p in (ref, alt)]
        ratios = np.zeros((len(at), N_MEMBERS))
        for number in range(len(step)):
            ratios += of_letter[1][:, number]
            ratios -= of_letter[0][:, number]
        return ratios, ref

    def _answers(self, flanks: _Flanks) -> np.ndarray:
        """ln p of the four bases by all members, float64 (n, 8, 4)."""
        law, n = self.lookup, len(flanks.left)
        weights = law.weights[self._bins(flanks)]  # (n, 8, orders)
        logits = np.zeros((n, 4, N_MEMBERS))
        said = under = np.zeros((n, 4, N_MEMBERS), np.int64)
        for length in range(1, law.reach + 2):
            index = int(law.index_of[length - 1])
            logs = law.codes[self._codes(length, flanks.rows(length))]
            whole, between = flanks.whole(length), flanks.between(length)
            if index >= 0:
                numerators = (_sum(logs, whole) & LOW).astype(np.int64) - under
                said = np.where(np.asarray(whole.any(axis=1))[:, None, None], numerators, said)
                logits = logits + weights[:, None, :, index] * said
            under = (_sum(logs, between) >> HALF).astype(np.int64)
        return _log_softmax(STEP * logits.transpose(0, 2, 1))

    def _codes(self, length: int, rows: np.ndarray) -> np.ndarray:
        """Indices in `Lookup.codes` of rows of a table by all members: (..., 8)."""
        law = self.lookup
        if law.is_coded[length]:
            return length * CODES + self._bytes(length, rows).astype(np.int64)
        return law.wide.reshape(-1, N_MEMBERS)[law.first[length] + rows]

    def _bytes(self, length: int, rows: np.ndarray) -> np.ndarray:
        law, order = self.lookup, self.orders.get(length)
        if order is None:
            return law.cells[law.first[length] + rows, None].view(np.uint8)
        first = N_MEMBERS * int(law.first[length])
        places = order(N_MEMBERS * rows[..., None] + MEMBERS)
        return law.cells.view(np.uint8)[first + places.astype(np.int64)]

    def _bins(self, flanks: _Flanks) -> np.ndarray:
        """The bin of each member, see `kernel`: int64 (n, 8)."""
        law, length = self.lookup, self.reach + 1
        total = np.zeros((len(flanks.left), N_MEMBERS), np.float32)
        rows = flanks.rows(length)
        for side, start in enumerate((0, self.reach)):
            if law.is_coded[length]:
                counts = law.code_counts[self._bytes(length, rows[:, start])]
            else:
                counts = law.plain_counts[rows[:, start]]
            of_flank = counts[:, 0]  # (n, 4, 8), added in the order of the graph
            for base in range(1, 4):
                of_flank = of_flank + counts[:, base]
            total += np.where((flanks.runs[side] >= self.reach)[:, None], of_flank, np.float32(0))
        return np.searchsorted(law.edges, total, side="right")


@dataclass(frozen=True)
class _Flanks:
    """Letters beside places. left, right: as digits of base 4, int64 (n,), unknown ones 0. runs: how
    many are known up to the first that is not, left and right, int64 (2, n)."""

    reach: int
    left: np.ndarray
    right: np.ndarray
    runs: np.ndarray

    @classmethod
    def of(cls, letters: np.ndarray, at: np.ndarray, reach: int) -> _Flanks:
        step = np.arange(1, reach + 1)
        beside = [letters[at[:, None] + side * step] for side in (-1, 1)]  # nearest first
        digits = [np.where(codes < 4, codes, 0).astype(np.int64) for codes in beside]
        powers = 4 ** (step - 1)
        runs = [np.logical_and.accumulate(codes < 4, axis=1).sum(axis=1) for codes in beside]
        return cls(reach, digits[0] @ powers, digits[1] @ powers[::-1], np.array(runs))

    def rows(self, length: int) -> np.ndarray:
        """The row in the table of a length of each word over the place, by start and base: int64
        (n, length, 4)."""
        start = np.arange(length)  # letters right of the place
        before = self.left[:, None] & (4 ** (length - 1 - start) - 1)
        word = (before << (2 * (start + 1))) | (self.right[:, None] >> (2 * (self.reach - start)))
        return word[:, :, None] + (BASES << (2 * start[:, None]))

    def whole(self, length: int) -> np.ndarray:
        """Whether each word over the place has known letters alone, by start: bool (n, length)."""
        return self._within(length, length - 1, 0)

    def between(self, length: int) -> np.ndarray:
        """Whether each word lies between two whole words that are a letter longer."""
        return self._within(length, length, 1)

    def _within(self, length: int, order: int, less: int) -> np.ndarray:
        start = np.arange(length)
        low = np.maximum(0, order - self.runs[0])[:, None]
        high = (np.minimum(order, self.runs[1]) - less)[:, None]
        return (low <= start) & (start <= high)


def _sum(logs: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The sums over the words that are kept, uint64 (n, 4, 8). logs: (n, words, 4, 8)."""
    if kept.all():
        return logs.sum(axis=1)
    return (logs * kept[:, :, None, None]).sum(axis=1)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """ln p of four logits, added in the order of `kernel.log_sum`; numpy's own exp and log may
    differ in the last bit from the C library's."""
    highest = logits.max(axis=-1)
    powers = _by_element(math.exp, logits - highest[..., None])
    total = (powers[..., 0] + powers[..., 1]) + (powers[..., 2] + powers[..., 3])
    return logits - (highest + _by_element(math.log, total))[..., None]


def _by_element(function, values: np.ndarray) -> np.ndarray:
    flat = np.fromiter(map(function, values.ravel().tolist()), np.float64, values.size)
    return flat.reshape(values.shape)
