"""Chains of any order and sharpness for the oracle genomes of `laws`, each with a shifted version.
Only the rows are random here.

A chain is made in three steps: a row of four probabilities for every context, drawn from Dirichlet
distributions; the stationary distribution of its words; and the mean of that with its own reverse
complement, which remains stationary and holds on both strands.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv

from gfmtrust.validation.oracle.law import Chain, word_reverse_complements
from gfmtrust.validation.oracle.markov import stationary_law

LEAST_SHARE = 1e-6
"""The smallest share in a row. A sharp Dirichlet distribution draws letters so rare that the
evidence from both sides would depend on a single word, beyond any count."""


def dirichlet_rows(order: int, mixture: tuple[tuple[float, float], ...], seed: int) -> np.ndarray:
    """Return P(letter | context), float64 (4**order, 4): each row is a Dirichlet draw with one of
    the concentrations of the mixture.

    mixture: (share of contexts, concentration); contexts are assigned in the order of random ranks,
    so that each share is met to within one context. Raises ValueError where the order is outside
    0..8 or the shares do not sum to 1.
    """
    if not 0 <= order <= 8:
        raise ValueError(f"order is {order}; expected 0..8")
    if abs(sum(share for share, _ in mixture) - 1) > 1e-9:
        raise ValueError(f"mixture is {mixture}; expected shares that sum to 1")
    rng = np.random.default_rng(seed)
    contexts = 4**order
    rank = np.argsort(rng.random(contexts), kind="stable")
    ends = np.round(np.cumsum([share for share, _ in mixture]) * contexts).astype(np.int64)
    concentration = np.array([value for _, value in mixture])[
        np.searchsorted(ends, rank, side="right").clip(max=len(mixture) - 1)
    ]
    gamma = gammaincinv(
        concentration[:, None], rng.random((contexts, 4))
    )  # by its quantiles, because only `random` is equal in every numpy version
    rows = gamma / gamma.sum(axis=1, keepdims=True)
    return (rows + LEAST_SHARE) / (1 + 4 * LEAST_SHARE)


def with_half_permuted(rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the rows of the shifted version: a random half of the contexts exchange rows in a
    cycle, so none of them keeps its own.

    Every row still occurs once: the contexts are as sharp as before and favour other letters.
    """
    order = np.argsort(np.random.default_rng(seed).random(len(rows)), kind="stable")[
        : len(rows) // 2
    ]
    twin = rows.copy()
    twin[order] = rows[np.roll(order, 1)]
    return twin


def symmetric_chain_of(rows: np.ndarray) -> Chain:
    """Return the chain of those rows, made equal to its reverse complement, in the form of `Chain`.

    rows: float64 (4**k, 4), each summing to 1. With the probability f of a word and p of k letters,
    the weights are f / sqrt(p(first k) p(last k)).
    """
    order = round(np.log(len(rows)) / np.log(4))
    words = (stationary_law(rows)[:, None] * rows).reshape(-1)
    words = (words + words[word_reverse_complements(order + 1)]) / 2
    root = np.sqrt(words.reshape(-1, 4).sum(axis=1))
    contexts = len(rows)
    following = (np.arange(contexts)[:, None] * 4 + np.arange(4)) % contexts
    weights = words.reshape(-1, 4) / (root[:, None] * root[following])
    return Chain(order, weights.reshape(-1), root, 1.0)
