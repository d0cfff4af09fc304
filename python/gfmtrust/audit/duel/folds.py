"""Folds of whole elements, and the nested training sets of a learning curve: the same for all
competitors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

FOLDS = 5
SIZES = (100, 300, 1_000, 3_000, 10_000)
VALID_SHARE = 0.2
LARGER = 1.2
"""All training examples are one more point of the curve where they are so many times the last."""


@dataclass(frozen=True)
class Split:
    """One training of a duel. fold, size: which; train, valid, test: rows, int64. valid are whole
    elements, taken from the training set, by which a ridge chooses its penalty and a network its
    last epoch."""

    fold: int
    size: int
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    @property
    def both(self) -> np.ndarray:
        return np.concatenate([self.train, self.valid])


@dataclass(frozen=True)
class Folds:
    """fold: int (n,), of each example. order: int64 (n,), a random order, by which training sets are
    nested. sizes: examples of the training sets, ascending."""

    fold: np.ndarray
    element: np.ndarray
    order: np.ndarray
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, element: np.ndarray, seed: int) -> Folds:
        """At most FOLDS folds of whole elements, as even as can be. element: int (n,), at least two
        different ones."""
        distinct, back, counts = np.unique(element, return_inverse=True, return_counts=True)
        rng = np.random.default_rng([seed, 0xF01D])
        n_folds = min(FOLDS, len(distinct))
        fold_of, filled = np.zeros(len(distinct), np.int64), np.zeros(n_folds)
        shuffled = rng.permutation(len(distinct))
        for one in shuffled[np.argsort(-counts[shuffled], kind="stable")]:
            fold_of[one] = int(filled.argmin())
            filled[fold_of[one]] += counts[one]
        return cls(
            fold_of[back],
            element,
            rng.permutation(len(element)),
            sizes_of(int(len(element) - filled.max())),
        )

    @property
    def n(self) -> int:
        return int(self.fold.max()) + 1

    def splits(self, size: int) -> Iterator[Split]:
        """The split of each fold with training sets of `size` examples, validation included."""
        for fold in range(self.n):
            rows = self.order[self.fold[self.order] != fold][:size]
            is_valid = self._valid(rows, fold)
            yield Split(
                fold,
                size,
                np.sort(rows[~is_valid]),
                np.sort(rows[is_valid]),
                np.flatnonzero(self.fold == fold),
            )

    def _valid(self, rows: np.ndarray, fold: int) -> np.ndarray:
        """Which rows are kept for validation, bool: whole elements with a fifth of the rows or a
        little more; every fifth row where all are of one element."""
        distinct, counts = np.unique(self.element[rows], return_counts=True)
        if len(distinct) < 2:
            return np.arange(len(rows)) % round(1 / VALID_SHARE) == 0
        shuffled = np.random.default_rng([fold, 0x7A1]).permutation(len(distinct))
        reached = np.cumsum(counts[shuffled])
        n = int(np.searchsorted(reached, VALID_SHARE * len(rows))) + 1
        return np.isin(self.element[rows], distinct[shuffled[: min(n, len(distinct) - 1)]])


def sizes_of(most: int) -> tuple[int, ...]:
    """The points of the learning curve that `most` training examples allow."""
    sizes = [size for size in SIZES if size <= most]
    if not sizes or most > LARGER * sizes[-1]:
        sizes.append(min(most, SIZES[-1]))
    return tuple(dict.fromkeys(sizes))
