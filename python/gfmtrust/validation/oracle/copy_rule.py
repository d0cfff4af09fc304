"""A model that knows one rule and no law: a base is the letter that stands beside the same word
elsewhere in the genome.

It is what a model does that reads or remembers the second copy of a sequence. Where no copy exists
it does not know anything, so that it deserves no flag there.
"""

from __future__ import annotations

import numpy as np

WORD = 24
"""Letters of the word on one side of the base: chance repeats of 24 letters do not occur in a
genome of a few megabases."""
CHANCE = 0.03
"""Weight of each letter that no copy shows. It varies a little, so that without a copy the model
prefers one of two letters by chance instead of preferring none."""
SPREAD = 0.01
COMPLEMENT_OR_END = np.array([3, 2, 1, 0, 4])
END = 4


def copy_rule(codes: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Distribution of every base of the contigs, float64 (length, 4) each; codes: uint8 (length,),
    0..3."""
    distributions = []
    for votes in copy_votes(codes):
        weight = votes + CHANCE * np.exp(SPREAD * rng.standard_normal(votes.shape))
        distributions.append(weight / weight.sum(axis=1, keepdims=True))
    return distributions


def copy_votes(codes: list[np.ndarray]) -> list[np.ndarray]:
    """How often each letter stands elsewhere, on either strand, behind the WORD letters that
    precede a base or before those that follow it: float64 (length, 4) for each contig."""
    one_strand = np.concatenate([np.append(part, END) for part in codes]).astype(np.int64)
    both = np.concatenate([one_strand, COMPLEMENT_OR_END[one_strand[::-1]]])
    word, is_whole = _preceding_words(both)
    rows = np.flatnonzero(is_whole & (both != END))
    names, of_row = np.unique(word[rows], return_inverse=True)
    counts = np.zeros((len(names), 4))
    np.add.at(counts, (of_row, both[rows]), 1)
    behind = np.zeros((len(both), 4))
    behind[rows] = counts[of_row]
    behind[rows, both[rows]] -= 1
    n = len(one_strand)
    # a word behind a base is, on the other strand, one that precedes it
    votes = behind[:n] + behind[n:][::-1, ::-1]
    first = np.concatenate([[0], np.cumsum([len(part) + 1 for part in codes])])
    return [votes[start : start + len(part)] for start, part in zip(first, codes, strict=False)]


def _preceding_words(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The WORD letters before each base as one number, int64 (n,), and whether no end lies among
    them, bool (n,)."""
    word = np.zeros(len(codes), np.int64)
    is_whole = np.ones(len(codes), bool)
    for step in range(WORD, 0, -1):
        letter = np.concatenate([np.full(step, END), codes[:-step]])
        is_whole &= letter != END
        word = word * 4 + np.where(letter == END, 0, letter)
    return word, is_whole
