"""Arrays from seeds, and our statistics of them under the names of golden/gfm_statistics.json, which has
the numbers of the public code of arXiv 2604.04287 (benchmarks/gfm_statistics.py)."""

import json

import golden_weights
import numpy as np
from paths import ROOT

from gfmtrust.audit.replicate import contextual, distribution, static

GOLDEN = ROOT / "tests" / "data" / "golden" / "gfm_statistics.json"
CUTS, KS = distribution.CUTS, (1, 3, 10, 50)
VOCABULARY, LENGTH, SEQUENCES = 40, 16, 16


def public():
    """Name -> number of the public code."""
    return json.loads(GOLDEN.read_text())["numbers"]


def exact(p):
    """The distributions in multiples of 2^-40, whose sums have no rounding: at a cut of 1, a sum of 1 or
    of the next number above decides whether the last token is kept, and both occur by processor."""
    whole = np.floor(p * 2.0**40)
    whole[np.arange(len(p)), p.argmax(axis=1)] += 2.0**40 - whole.sum(axis=1)
    return whole / 2.0**40


def arrays():
    """p, q: distributions (60, 70), some nearly certain; a, b: related matrices (64, 12)."""
    rng = np.random.default_rng(2604)
    scale = rng.choice([0.1, 1.0, 6.0], size=(60, 1))
    first, second = scale * rng.normal(size=(2, 60, 70))
    a = rng.normal(size=(64, 12))
    return {
        "p": exact(distribution.softmax(first)),
        "q": exact(distribution.softmax(0.5 * first + second)),
        "a": a,
        "b": a @ rng.normal(size=(12, 12)) + rng.normal(size=(64, 12)),
    }


def of_arrays():
    """Our statistics of the arrays."""
    p, q, a, b = arrays().values()
    numbers = {
        "kl": distribution.kl_from_uniform(p).mean(),
        "entropy": distribution.entropy(p).mean(),
    }
    for cut in CUTS:
        rest = [
            distribution.cut_off(x, distribution.ranks(x), distribution.kept(x, cut))
            for x in (p, q)
        ]
        numbers[f"js {cut:g}"] = distribution.js_distance(*rest).mean()
    alike = [static.cosines(one) for one in (a, b)]
    for k in KS:
        near = [static.nearest(one, k) for one in alike]
        numbers[f"jaccard {k}"] = static.jaccard(*near).mean()
        numbers[f"spearman {k}"] = static.local_spearman(*alike, near[0])
    from scipy.spatial import procrustes

    return numbers | {
        "procrustes": procrustes(a, b)[2],
        "procrustes cosine": static.procrustes_cosine(a, b),
        "linear cka": static.kernel_alignment(static.linear_gram(a), static.linear_gram(b))[0],
        "rbf cka": static.kernel_alignment(static.rbf_gram(a), static.rbf_gram(b))[0],
        "uniformity": contextual.uniformity(a),
        "anisotropy": contextual.anisotropy(a),
        "avg_cosine_sim": contextual.mean_cosine(a),
        "effective_rank": contextual.effective_rank(a),
        "neighbor_alignment": contextual.overlap(a, b),
        "alignment": contextual.alignment(a, b),
        "linear_cka": static.kernel_alignment(static.linear_gram(a), static.linear_gram(b))[0],
    }


def tiny_settings():
    from gfmtrust.audit.replicate.settings import Settings

    return Settings(1, layers=2, width=16, heads=2, length=LENGTH)


def tiny_network(tied):
    """A network with weights by name, float64, that can be trained."""
    from gfmtrust.audit.replicate import network

    built = network.build(tiny_settings(), VOCABULARY, tied)
    return golden_weights.fill(built, 11).double().requires_grad_(True)


def masked():
    """Masked and whole sequences, int64 (SEQUENCES, LENGTH); the mask is token 4."""
    import torch

    rng = np.random.default_rng(15)
    truth = rng.integers(5, VOCABULARY, (SEQUENCES, LENGTH))
    asked = rng.random(truth.shape) < 0.2
    asked[:, 0] = True
    return torch.from_numpy(np.where(asked, 4, truth)), torch.from_numpy(truth)


def batches():
    """Two batches of 8 sequences, in the form of the public code."""
    import torch

    shown, truth = masked()
    labels = torch.where(shown != truth, truth, -100)
    return [
        {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": label}
        for ids, label in zip(shown.split(8), labels.split(8), strict=True)
    ]


def of_fisher():
    """Our published Fisher information of the tiny networks, by group."""
    from gfmtrust.audit.replicate import fisher, network

    shown, truth = masked()
    n = int((shown != truth).sum())
    numbers = {}
    for tied in (True, False):
        apart = network.split(tiny_network(tied), tiny_settings(), VOCABULARY).double()
        values = fisher.fisher(apart, shown, truth, tied, 0).batches
        for group, one in values.items():
            numbers[f"fisher {group}, {'tied' if tied else 'untied'}"] = one.sum() / n
    return numbers


def our_numbers():
    """All of ours."""
    return of_arrays() | of_fisher()
