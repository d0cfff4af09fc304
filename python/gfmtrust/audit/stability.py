"""Whether the embeddings of a model survive another seed, or the other strand of the same
letters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gfmtrust.audit import numbers, similarity
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.study import Study
from gfmtrust.audit.subject import Subject
from gfmtrust.bundle.word_table import word_table
from gfmtrust.core.alphabet import reverse_complement
from gfmtrust.core.contracts.audit import Statistic

WINDOWS = 256
NEIGHBOURS = 10
PERMUTATIONS = 100
WORDS, LEAST_WORDS = 512, 64
"""Words of a static table that are compared at most, and needed at least."""
LETTERS = 8
"""Letters of a window whose hidden values are averaged; a masked model masks them."""


Pair = Callable[[np.ndarray, np.ndarray], float]


def views(study: Study, subject: Subject) -> list[Statistic]:
    """The forward window against its reverse complement, and the effective rank of both."""
    forward, reverse = (embeddings(study, subject, strand) for strand in "+-")
    rank = numbers.jackknife(
        "effective rank",
        lambda rows: similarity.effective_rank(forward[rows]),
        len(forward),
        study.seed,
        unit="directions",
    )
    return [
        *compared(study, forward, reverse, "the other strand"),
        _with_null_rank(rank, study, forward),
    ]


def members(study: Study, subject: Subject) -> list[Statistic]:
    """The same windows in the other members of the ensemble, and in the permuted twins of both,
    which are alike by their architecture alone."""
    of_model, rows = embeddings(study, subject, "+"), []
    for other in study.relatives(subject):
        try:
            rows += compared(study, of_model, embeddings(study, other, "+"), other.name)
        except NotRun:
            continue
        try:
            one, another = (embeddings(study, model, "twin") for model in (subject, other))
            rows += compared(study, one, another, f"{other.name}, permuted twins")
        except NotRun:
            continue
    if not rows:
        raise NotRun("no other member has a hidden layer to compare with")
    return rows


def static(study: Study, subject: Subject) -> list[Statistic]:
    """The table of word embeddings against that of the other members, word by word."""
    words, rows = static_table(subject), []
    for other in study.relatives(subject):
        try:
            others = static_table(other)
        except NotRun:
            continue
        if len(others) == len(words):
            rows += compared(study, words, others, other.name)
    if not rows:
        raise NotRun("no other member has embeddings of the same words")
    return rows


def static_table(subject: Subject) -> np.ndarray:
    """At most WORDS rows of the table of word embeddings, evenly spaced, float64 (n, width). Raises
    NotRun for a vocabulary of fewer than LEAST_WORDS words, and a graph without such a table."""
    n = 4**subject.bundle.k
    if n < LEAST_WORDS:
        raise NotRun(f"the vocabulary has {n} words; neighbours need at least {LEAST_WORDS}")
    table = word_table(subject.bundle)
    if table is None:
        raise NotRun("the graph has no table of word embeddings")
    return table[np.linspace(0, n - 1, min(WORDS, n)).astype(int)]


def embeddings(study: Study, subject: Subject, strand: str) -> np.ndarray:
    """The pooled hidden layer of the first WINDOWS sites' windows, float64 (n, width). strand: '+',
    '-', or 'twin' for the permuted twin on the forward strand. Raises NotRun where the graph
    exposes none."""
    return study.once(
        ("embeddings", subject.name, strand), lambda: _embedded(study, subject, strand)
    )


def _embedded(study: Study, subject: Subject, strand: str) -> np.ndarray:
    layer = subject.hidden_of_twin if strand == "twin" else subject.hidden
    n = min(WINDOWS, len(study.sites))
    rows = np.linspace(0, len(study.sites) - 1, n).astype(np.int64)
    windows = study.windows(subject, study.sites.take(rows))
    k = subject.bundle.k
    letters = np.unique(
        np.linspace(subject.width // 8, subject.width - 1 - subject.width // 8, LETTERS).astype(int)
        // k
        * k
    )
    if strand == "-":
        windows, letters = reverse_complement(windows), np.sort(subject.width - 1 - letters)
    index = np.repeat(letters[None], n, axis=0)
    pooled = layer.pooled(windows, index)
    subject.further_passes += n
    if pooled is None or not np.isfinite(pooled).all() or not pooled.std(axis=0).any():
        raise NotRun("the layer before the answer has no values to compare")
    return pooled


def compared(study: Study, a: np.ndarray, b: np.ndarray, name: str) -> list[Statistic]:
    """CKA, mutual neighbours and Procrustes of two representations, each under 100 permutations of
    the rows of one of them."""
    n = len(a)
    k = min(NEIGHBOURS, max(1, (n - 1) // 4))
    rng = study.rng(0xE3B)
    shuffles = [rng.permutation(n) for _ in range(PERMUTATIONS)]
    grams = [similarity.centred_gram(one) for one in (a, b)]
    near = [similarity.neighbours(one, k) for one in (a, b)]
    functions: tuple[tuple[str, Pair, Callable[[np.ndarray], float]], ...] = (
        (
            "CKA",
            similarity.debiased_cka,
            lambda order: similarity.alignment(grams[0], grams[1][np.ix_(order, order)]),
        ),
        (
            f"{k} nearest neighbours shared",
            lambda x, y: similarity.mutual_neighbours(x, y, k),
            lambda order: similarity.shared(near[0], near[1][np.ix_(order, order)]),
        ),
        (
            "Procrustes disparity",
            similarity.procrustes,
            lambda order: similarity.procrustes(a, b[order]),
        ),
    )
    rows = []
    for label, function, permuted in functions:
        statistic = numbers.jackknife(
            f"{label}, {name}",
            lambda kept, function=function: function(a[kept], b[kept]),
            n,
            study.seed,
            unit="1",
        )
        rows.append(numbers.under_null(statistic, np.array([permuted(one) for one in shuffles])))
    return rows


def _with_null_rank(rank: Statistic, study: Study, forward: np.ndarray) -> Statistic:
    """The effective rank beside that of the same values with each column shuffled on its own, which
    has no correlation between columns."""
    rng = study.rng(0x4A2)
    drawn = [similarity.effective_rank(rng.permuted(forward, axis=0)) for _ in range(PERMUTATIONS)]
    return numbers.under_null(rank, np.array(drawn))


def passes(study: Study, subject: Subject) -> int:
    return min(WINDOWS, len(study.sites))
