"""Answers of places that haplotypes have been read at, for the sites around the same changes.

An answer is found again by the letters around its place and the members that voted: equal letters
have equal answers, to the last bit, so that it does not matter where or when they were computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import N

MOST_PLACES = 100_000
"""Places remembered at most, 256 bytes each: those of 4,500 indels; later ones are not added."""

UNKNOWN = -1
"""The key of a place beside an unknown letter."""


@dataclass
class Answered:
    """keys: int64 (n,), ascending. row: int64 (n,), row of each key's answer in `log_p`. log_p:
    float64 (m, members, 4)."""

    reach: int
    keys: np.ndarray
    row: np.ndarray
    log_p: np.ndarray

    @classmethod
    def nothing(cls, reach: int, n_members: int) -> Answered:
        none = np.empty(0, np.int64)
        return cls(reach, none, none, np.empty((0, n_members, 4)))

    def add(
        self, letters: np.ndarray, at: np.ndarray, votes: np.ndarray, log_p: np.ndarray
    ) -> None:
        """Remember the answers of places. letters, at, votes: as in `ContextScorer.log_probs`."""
        if len(self.keys) >= MOST_PLACES:
            return
        row = np.concatenate([self.row, len(self.log_p) + np.arange(len(at))])
        keys = np.concatenate([self.keys, self._keys(letters, at, votes)])
        order = np.argsort(keys, kind="stable")
        self.keys, self.row = keys[order], row[order]
        self.log_p = np.concatenate([self.log_p, log_p]) if len(self.log_p) else log_p

    def find(self, letters: np.ndarray, at: np.ndarray, votes: np.ndarray) -> np.ndarray:
        """Return the row of each place in `log_p`, int64 (n,), -1 where it is not remembered."""
        if not len(self.keys):
            return np.full(len(at), -1)
        keys = self._keys(letters, at, votes)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where((self.keys[place] == keys) & (keys != UNKNOWN), self.row[place], -1)

    def _keys(self, letters: np.ndarray, at: np.ndarray, votes: np.ndarray) -> np.ndarray:
        """A number for the letters beside a place and its members, 2 bits a letter and 1 a member;
        UNKNOWN for a place beside an unknown letter, which is not remembered."""
        reach = self.reach
        beside = letters[at[:, None] + np.delete(np.arange(-reach, reach + 1), reach)]
        keys = np.zeros(len(at), np.int64)
        for letter in beside.T:
            keys = (keys << 2) | letter
        for member in votes.T:
            keys = (keys << 1) | member
        return np.where((beside < N).all(axis=1), keys, UNKNOWN)
