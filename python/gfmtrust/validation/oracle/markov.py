"""Markov chains of order 0 to 5 as tables: the law behind the oracle model, for which every score
is known in closed form.

A table is the stationary distribution f of its words of k + 1 letters. The symmetric one equals its
reverse complement, so both strands must get the same answer. The asymmetric one is the same draw
before it is made symmetric, so the strands must differ, by a known amount.

An unknown letter (an N, a letter outside the contig, a masked one) divides the sequence: the run of
known letters on either side of it is assumed to start anew in the stationary distribution, and what
lies beyond it is ignored. At a contig's end that is exact; at a single N it ignores what the
letters beyond the N would imply. `closed_forms` and `markov_graph` both follow this rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gfmtrust.validation.oracle.law import word_reverse_complements

LETTERS = 5
"""A, C, G, T and unknown."""
MAX_ORDER = 5
CONCENTRATION = 3
"""The concentration of the Dirichlet distribution of each row; an integer, so that a draw is a sum
of exponentials. 3 keeps |ln q| of six terms below about 8, where float32 still resolves an LLR to
1e-6."""


@dataclass(frozen=True)
class MarkovTable:
    """A stationary chain of order k. word_law: float64 (4**(k+1),), the probability of each word;
    the first letter is the most significant."""

    order: int
    word_law: np.ndarray

    def __post_init__(self):
        if not 0 <= self.order <= MAX_ORDER:
            raise ValueError(f"order is {self.order}; expected 0..{MAX_ORDER}")
        n_words = 4 ** (self.order + 1)
        if (
            self.word_law.shape != (n_words,)
            or self.word_law.min() <= 0
            or abs(self.word_law.sum() - 1) > 1e-9
        ):
            raise ValueError(
                f"word_law has shape {self.word_law.shape}; expected {n_words} probabilities above 0 that sum to 1"
            )
        without_last, without_first = (
            self.word_law.reshape(-1, 4).sum(axis=1),
            self.word_law.reshape(4, -1).sum(axis=0),
        )
        if np.abs(without_last - without_first).max() > 1e-9:
            raise ValueError(
                "word_law is not stationary; expected the same law of its first and its last letters"
            )

    @cached_property
    def transitions(self) -> np.ndarray:
        """T(next letter | last k letters), float64 (4**k, 4); rows sum to 1."""
        rows = self.word_law.reshape(-1, 4)
        return rows / rows.sum(axis=1, keepdims=True)

    @cached_property
    def log_terms(self) -> np.ndarray:
        """ln p of a letter given the k before it, float64 of shape (5,) * (k + 1); the last axis is
        the letter, and 4 is an unknown letter.

        Letters before the last unknown one are ignored: the term is that of the shorter word under
        the stationary distribution. The term of an unknown letter itself is 0.
        """
        k = self.order
        terms = np.zeros((LETTERS,) * (k + 1))
        for n_context in range(k + 1):
            words = (
                self.word_law.reshape(-1, 4 ** (n_context + 1))
                .sum(axis=0)
                .reshape((4,) * (n_context + 1))
            )
            before = (slice(None),) * (k - n_context - 1) + (LETTERS - 1,) * (n_context < k)
            terms[(*before, *(slice(4),) * (n_context + 1))] = np.log(
                words / words.sum(axis=-1, keepdims=True)
            )
        return terms

    @property
    def is_symmetric(self) -> bool:
        """Whether the law equals its reverse complement, to 1e-12."""
        return bool(
            np.abs(self.word_law - self.word_law[word_reverse_complements(self.order + 1)]).max()
            < 1e-12
        )


def draw_table(order: int, seed: int, symmetric: bool) -> MarkovTable:
    """Return a table whose rows are Dirichlet draws; symmetric: averaged with its own reverse
    complement, which keeps it stationary.

    Raises ValueError for an order outside 0..5. The same arguments give the same table, up to the
    last bits of a sum.
    """
    if not 0 <= order <= MAX_ORDER:
        raise ValueError(f"order is {order}; expected 0..{MAX_ORDER}")
    uniform = np.random.default_rng(seed).random(
        (4**order, 4, CONCENTRATION)
    )  # only `random` is equal in every numpy version
    weights = -np.log1p(-uniform).sum(axis=2)
    rows = weights / weights.sum(axis=1, keepdims=True)
    law = (stationary_law(rows)[:, None] * rows).reshape(-1)
    return MarkovTable(
        order, (law + law[word_reverse_complements(order + 1)]) / 2 if symmetric else law
    )


def uniform_table(order: int = 0) -> MarkovTable:
    """Return the table without information: every entropy is 2 bits and every LLR 0."""
    return MarkovTable(order, np.full(4 ** (order + 1), 0.25 ** (order + 1)))


def stationary_law(rows: np.ndarray) -> np.ndarray:
    """Return the stationary distribution of the contexts, float64 (4**k,), by power iteration;
    chains drawn here mix within about 100 steps."""
    contexts = len(rows)
    law = np.full(contexts, 1 / contexts)
    for _ in range(10_000):
        stepped = (law[:, None] * rows).reshape(-1)
        following = stepped.reshape(4, -1).sum(axis=0) if contexts > 1 else law
        if np.abs(following - law).max() < 1e-16:
            break
        law = following / following.sum()
    return law
