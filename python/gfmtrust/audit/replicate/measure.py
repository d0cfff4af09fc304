"""Measures the members of one corpus, tied or untied: every statistic as a table of values, with its
null."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from scipy.spatial import procrustes
from torch import nn

from gfmtrust.audit import similarity
from gfmtrust.audit.replicate import contextual, distribution, fisher, static
from gfmtrust.audit.replicate.corpora import MASK, Corpus
from gfmtrust.audit.replicate.draws import Values
from gfmtrust.audit.replicate.network import last_layer, logits, split
from gfmtrust.audit.replicate.settings import (
    CORPORA,
    MASKED,
    MASKED_FOR_DISTRIBUTIONS,
    Settings,
)

ASKED_FOR_PAIRS = 16
"""Masked tokens of a sequence whose distances are computed, because each takes milliseconds."""
SEEN = 20
"""A token that is seen less often in the training part has hardly moved from its random start; the
corrected statistics of token embeddings leave it out."""
SPEARMAN_KS = (10, 100)
PIECES = 4
"""A sequence embedding is the mean over a quarter of a sequence, so that there are more of them
than dimensions."""
AT_ONCE = 8


@dataclass(frozen=True)
class Number:
    """One statistic of the members of a corpus. null: of models that know nothing of what is asked.
    is_published: computed as the public code does."""

    values: Values
    null: float | None = None
    unit: str = "1"
    is_published: bool = True


Numbers = dict[str, Number]


def masks(corpus: Corpus, share: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The held-out sequences with masks, and whole, int64 (n, length): one draw for all members."""
    rng = np.random.default_rng([seed, CORPORA.index(corpus.name), round(1000 * share)])
    is_masked = rng.random(corpus.held_out.shape) < share
    is_masked[:, 0] |= ~is_masked.any(axis=1)
    shown = np.where(is_masked, MASK, corpus.held_out)
    return torch.from_numpy(shown), torch.from_numpy(corpus.held_out)


def measured(
    networks: list[nn.Module], corpus: Corpus, settings: Settings, tied: bool
) -> dict[str, Numbers]:
    """Claim, or `contextual`, -> statistics by name."""
    distributions, disagreement = of_distributions(networks, corpus, settings)
    return {
        "C1": distributions,
        "C2": disagreement,
        "C3": of_tokens(networks, corpus),
        "contextual": of_sequences(networks, corpus, settings),
        "C4": of_fisher(networks, corpus, settings, tied),
    }


@torch.inference_mode()
def of_distributions(
    networks: list[nn.Module], corpus: Corpus, settings: Settings
) -> tuple[Numbers, Numbers]:
    """Output distributions at a tenth of the tokens (C1), and their distance between members (C2)."""
    shown, truth = masks(corpus, MASKED_FOR_DISTRIBUTIONS, settings.seed)
    asked = (shown != truth).numpy()
    sequence = np.nonzero(asked)[0]
    real = corpus.held_out[asked]
    rows = {name: [] for name in ("kl", "entropy", "surprisal", "top")}
    answers = []
    for network in networks:
        p = distribution.softmax(_answers(network, shown, shown != truth))
        rows["kl"].append(distribution.kl_from_uniform(p))
        rows["entropy"].append(distribution.entropy(p))
        rows["surprisal"].append(distribution.surprisal(p, real))
        rows["top"].append(p.argmax(axis=1) == real)
        answers.append(p.astype(np.float32))
    order = np.arange(len(sequence)) - np.searchsorted(sequence, sequence)
    chosen = order < min(ASKED_FOR_PAIRS, np.bincount(sequence).min())
    return (
        _of_answers({name: np.array(one) for name, one in rows.items()}, sequence, real, corpus),
        _of_pairs([p[chosen] for p in answers], sequence[chosen]),
    )


def _answers(network: nn.Module, shown: torch.Tensor, asked: torch.Tensor) -> np.ndarray:
    parts = zip(shown.split(AT_ONCE), asked.split(AT_ONCE), strict=True)
    return np.concatenate([logits(network, ids, here).numpy() for ids, here in parts])


def _of_answers(
    rows: dict[str, np.ndarray], sequence: np.ndarray, real: np.ndarray, corpus: Corpus
) -> Numbers:
    simple = corpus.frequencies
    bits = -np.log2(simple[real])
    letters = corpus.letters[real].astype(np.float64)

    def values(above: np.ndarray, below: np.ndarray | None = None) -> Values:
        """Sums by sequence, over the number of tokens or another sum."""
        per = np.ones(len(sequence)) if below is None else below
        return Values(
            np.array([np.bincount(sequence, one) for one in above]),
            np.array([np.bincount(sequence, per)] * len(above)),
        )

    entropy = distribution.entropy(simple[None])[0]
    ratio = corpus.vocabulary
    return {
        "KL(U || p)": Number(values(rows["kl"]), float(distribution.kl_from_uniform(simple[None])[0]), "bits"),
        "entropy": Number(values(rows["entropy"]), float(entropy), "bits"),
        "log2 of the perplexity": Number(values(rows["surprisal"]), float(bits.mean()), "bits"),
        "right first choice": Number(values(rows["top"]), float((real == simple.argmax()).mean()), "share"),
        "certainty, 1 - H / log2 V": Number(
            values(1 - rows["entropy"] / np.log2(ratio)), 1 - float(entropy) / np.log2(ratio), "1", False
        ),
        "gain over the frequencies of the tokens": Number(
            values(bits - rows["surprisal"], bits), 0.0, "share", False
        ),
        "the same per letter": Number(values(bits - rows["surprisal"], letters), 0.0, "bits", False),
        "surprisal minus entropy": Number(values(rows["surprisal"] - rows["entropy"]), 0.0, "bits", False),
    }  # fmt: skip


def _of_pairs(answers: list[np.ndarray], sequence: np.ndarray) -> Numbers:
    """Distances after each cut, sequence by sequence; the null answers are those of the same place in
    the next sequence."""
    per = int(np.bincount(sequence).min())
    n = len(sequence) // per
    real, null = [], []
    for first in range(0, n, AT_ONCE):
        part = slice(first * per, (first + AT_ONCE) * per)
        one, other = distribution.js_of_pairs(
            np.stack([p[part].astype(np.float64) for p in answers]), per
        )
        real.append(one)
        null.append(other)
    real, null = (np.concatenate(one, axis=2) for one in (real, null))
    rows = (*real.shape[:2], n, per)
    real, null = real.reshape(rows).mean(axis=3), null.reshape(rows).mean(axis=3)
    numbers = {
        "JS distance, mean over cuts": Number(Values(real.mean(axis=0)), float(null.mean()), "1")
    }
    for cut, one, chance in zip(distribution.CUTS, real, null, strict=True):
        numbers[f"JS distance, cut at {cut:g}"] = Number(Values(one), float(chance.mean()))
    numbers["JS distance over its null, no cut"] = Number(
        Values(real[-1], null[-1]), 1.0, "share", False
    )
    first = np.array([(a.argmax(1) == b.argmax(1)) for a, b in combinations(answers, 2)])
    numbers["same first choice"] = Number(
        Values(first.reshape(len(first), n, per).mean(axis=2)), None, "share", False
    )
    return numbers


def of_tokens(networks: list[nn.Module], corpus: Corpus) -> Numbers:
    """The token embeddings of pairs of members (C3)."""
    tables = [_table(network) for network in networks]
    n = corpus.vocabulary
    alike = [static.cosines(table) for table in tables]
    numbers: Numbers = {}
    ks = [k for k in static.KS if k < n - 1]
    near = [static.nearest(one, ks[-1]) for one in alike]
    for k in ks:
        rows = [static.jaccard(a[:, :k], b[:, :k]) for a, b in combinations(near, 2)]
        numbers[f"Jaccard of {k} neighbours"] = Number(
            Values.of(rows), static.jaccard_by_chance(n, k)
        )
    for k in (k for k in SPEARMAN_KS if k in ks):
        members = list(combinations(zip(alike, near, strict=True), 2))
        one_way, other = (
            [static.local_spearman(a, b, near_a[:, :k]) for (a, near_a), (b, _) in order]
            for order in (members, [pair[::-1] for pair in members])
        )
        numbers[f"local Spearman of {k}"] = Number(Values.of(one_way), 0.0)
        numbers[f"Spearman of {k}, both ways"] = Number(
            Values.of(np.mean([one_way, other], axis=0)), 0.0, "1", False
        )
    pairs = list(combinations(tables, 2))
    order = np.random.default_rng(n).permutation(n)
    numbers["Procrustes"] = Number(
        Values.of([procrustes(a, b)[2] for a, b in pairs]),
        float(np.mean([procrustes(a, b[order])[2] for a, b in pairs])),
    )
    numbers["cosine after Procrustes"] = Number(
        Values.of([static.procrustes_cosine(a, b) for a, b in pairs]),
        float(np.mean([static.procrustes_cosine(a, b[order]) for a, b in pairs])),
    )
    for name, gram in (("linear CKA", static.linear_gram), ("RBF CKA", static.rbf_gram)):
        both = [static.kernel_alignment(gram(a), gram(b)) for a, b in pairs]
        numbers[name] = Number(Values.of([one for one, _ in both]), float(np.mean(both, axis=0)[1]))
    return numbers | _of_seen(tables, corpus)


def _of_seen(tables: list[np.ndarray], corpus: Corpus) -> Numbers:
    seen = np.flatnonzero(corpus.counts >= SEEN)
    if len(seen) < 2 * contextual.NEIGHBOURS:
        return {}
    k = contextual.NEIGHBOURS
    pairs = list(combinations([table[seen] for table in tables], 2))
    near = [
        static.jaccard(*(static.nearest(static.cosines(one - one.mean(axis=0)), k) for one in pair))
        for pair in pairs
    ]
    return {
        f"Jaccard of {k} neighbours, tokens seen, centred": Number(
            Values.of(near), static.jaccard_by_chance(len(seen), k), "1", False
        ),
        "debiased CKA, tokens seen": Number(
            Values.of([similarity.debiased_cka(a, b) for a, b in pairs]), 0.0, "1", False
        ),
    }


def _table(network: nn.Module) -> np.ndarray:
    table = dict(network.named_parameters())[fisher.TABLE]
    return table.detach().double().numpy()


@torch.inference_mode()
def of_sequences(networks: list[nn.Module], corpus: Corpus, settings: Settings) -> Numbers:
    """The embeddings of quarters of sequences, with the masks of the training."""
    shown, _ = masks(corpus, MASKED, settings.seed)
    rows = []
    for network in networks:
        parts = [last_layer(network, ids).double().numpy() for ids in shown.split(AT_ONCE)]
        last = np.concatenate(parts)
        n, length, width = last.shape
        pieces = length // PIECES
        whole = last[:, : pieces * PIECES].reshape(n * PIECES, pieces, width)
        rows.append(whole.mean(axis=1))
    return of_embeddings(rows)


def of_embeddings(rows: list[np.ndarray]) -> Numbers:
    """Statistics of sequence embeddings, each (n, d), of members and of their pairs."""
    n, d = rows[0].shape
    pairs = list(combinations(rows, 2))
    noise = np.random.default_rng(0).normal(size=(n, d))
    k = contextual.NEIGHBOURS
    of_members = (
        ("effective rank", contextual.effective_rank),
        ("uniformity", contextual.uniformity),
        ("anisotropy", contextual.anisotropy),
        ("mean cosine", contextual.mean_cosine),
    )
    grams = [(static.linear_gram(a), static.linear_gram(b)) for a, b in pairs]
    both = [static.kernel_alignment(a, b) for a, b in grams]
    order = np.random.default_rng(n).permutation(n)
    aligned = [contextual.alignment(a, b[order]) for a, b in pairs]
    return {
        **{
            name: Number(Values.of([of(one) for one in rows]), float(of(noise)))
            for name, of in of_members
        },
        f"shared of {k} neighbours": Number(
            Values.of([contextual.overlap(a, b) for a, b in pairs]), k / (n - 1)
        ),
        "alignment": Number(
            Values.of([contextual.alignment(a, b) for a, b in pairs]), float(np.mean(aligned))
        ),
        "linear CKA": Number(Values.of([one for one, _ in both]), float(np.mean(both, axis=0)[1])),
        "debiased CKA": Number(
            Values.of([similarity.debiased_cka(a, b) for a, b in pairs]), 0.0, "1", False
        ),
    }


def of_fisher(networks: list[nn.Module], corpus: Corpus, settings: Settings, tied: bool) -> Numbers:
    """Shares of the Fisher information (C4)."""
    shown, truth = masks(corpus, MASKED, settings.seed)
    members = [
        fisher.fisher(
            split(network, settings, corpus.vocabulary), shown, truth, tied, settings.seed + number
        )
        for number, network in enumerate(networks)
    ]
    sizes = _parameters(networks[0], settings, corpus)
    numbers: Numbers = {}
    for group in (fisher.EMBEDDINGS, fisher.HEAD, fisher.ENCODER):
        numbers[f"{group}, as published"] = _share([one.batches for one in members], group)
    for name, kind in (("drawn tokens", "true"), ("observed tokens", "empirical")):
        for part in fisher.PARTS:
            numbers[f"{part}, {name}"] = Number(
                _share([getattr(one, kind) for one in members], part).values,
                sizes[part], "share", False,
            )  # fmt: skip
    return numbers


def _share(members: list[dict[str, np.ndarray]], part: str) -> Number:
    total = [np.sum(list(one.values()), axis=0) for one in members]
    return Number(Values.of([one[part] for one in members], total), None, "share")


def _parameters(network: nn.Module, settings: Settings, corpus: Corpus) -> dict[str, float]:
    """The share of the parameters that each part has: the null of its Fisher information."""
    counts: dict[str, int] = dict.fromkeys(fisher.PARTS, 0)
    for name, one in split(network, settings, corpus.vocabulary).named_parameters():
        counts[fisher.part_of(name)] += one.numel()
    total = sum(counts.values())
    return {part: count / total for part, count in counts.items()}
