"""Words of finite groups, where letters are generators and the answer at each letter is the product so
far; and words to copy.

A letter is drawn evenly. Sources: Barrington 1989 (A5 and S5 are complete for NC1); Merrill, Petty and
Sabharwal 2024, arXiv:2404.08819 (diagonal recurrences are not).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Permutation = tuple[int, ...]
GENERATORS: dict[str, tuple[Permutation, ...]] = {
    "parity": ((0, 1), (1, 0)),
    "A5": ((1, 2, 3, 4, 0), (1, 2, 0, 3, 4)),
    "S5": ((1, 2, 3, 4, 0), (1, 0, 2, 3, 4)),
}
"""Group -> its generators: for parity 'keep' and 'flip'; a 5-cycle with a 3-cycle, or with a swap."""


COPY = "copy"
TASKS = (*GENERATORS, COPY)
"""Names of what can be followed."""
NOT_ASKED = -100
"""Truth of a letter that has no answer, as PyTorch's cross entropy leaves it out."""


@dataclass(frozen=True)
class Group:
    """after: int64 (elements, letters), the element after a letter; element 0 is the identity.
    asked: letters of the words at which the answers are reported, the longest last."""

    name: str
    after: np.ndarray
    asked: tuple[int, ...] = (16, 32, 64)

    @property
    def elements(self) -> int:
        return self.after.shape[0]

    @property
    def letters(self) -> int:
        return self.after.shape[1]

    def draw(self, n: int, length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Words and the products so far, int64 (n, length) each."""
        words = rng.integers(0, self.letters, (n, length))
        states = np.empty_like(words)
        state = np.zeros(n, dtype=np.int64)
        for at in range(length):
            state = self.after[state, words[:, at]]
            states[:, at] = state
        return words, states


@dataclass(frozen=True)
class Copying:
    """A mark, a word, the mark again, and the word again without its last letter: the answers are
    the letters of the second word, each at the letter before it."""

    name: str = COPY
    elements: int = 16
    asked: tuple[int, ...] = (16, 32)

    @property
    def letters(self) -> int:
        return self.elements + 1

    def draw(self, n: int, length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """What is read and the answers, int64 (n, 2 length + 1) each; NOT_ASKED in the first
        half."""
        words = rng.integers(0, self.elements, (n, length))
        mark = np.full((n, 1), self.elements)
        truth = np.full((n, 2 * length + 1), NOT_ASKED)
        truth[:, length + 1 :] = words
        return np.concatenate([mark, words, mark, words[:, :-1]], axis=1), truth


Task = Group | Copying


def task(name: str) -> Task:
    """The task of that name."""
    return Copying() if name == COPY else group(name)


def group(name: str) -> Group:
    """The group that the generators of that name generate."""
    letters = GENERATORS[name]
    elements = [tuple(range(len(letters[0])))]
    index = {elements[0]: 0}
    rows: list[list[int]] = []
    while len(rows) < len(elements):
        row = []
        for letter in letters:
            one = compose(elements[len(rows)], letter)
            if one not in index:
                index[one] = len(elements)
                elements.append(one)
            row.append(index[one])
        rows.append(row)
    return Group(name, np.array(rows, dtype=np.int64))


def compose(first: Permutation, second: Permutation) -> Permutation:
    """The permutation that does the first, then the second."""
    return tuple(second[one] for one in first)
