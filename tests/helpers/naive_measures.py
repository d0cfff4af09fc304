"""Slow, obvious twins of every measure: one site at a time, plain Python floats, formulas as
written in docs/understand/scoring.md, "From views to columns"."""

from __future__ import annotations

import math


def log(p):
    return math.log(max(p, 1.1754943508222875e-38))


def entropy(q):
    return -sum(p * math.log2(p) for p in q if p > 0)


def admitted(views):
    return [i for i, q in enumerate(views) if not any(math.isnan(p) for p in q)]


def view_weights(views, models):
    voting = admitted(views)
    present = sorted({models[i] for i in voting})
    return [
        1 / len(present) / sum(models[j] == models[i] for j in voting) if i in voting else 0.0
        for i in range(len(views))
    ]


def mean_distribution(views, weights):
    return [sum(w * q[b] for q, w in zip(views, weights, strict=True) if w > 0) for b in range(4)]


def disagreement(views, weights):
    voting = [(q, w) for q, w in zip(views, weights, strict=True) if w > 0]
    if len(voting) < 2:
        return math.nan
    return max(
        entropy(mean_distribution(views, weights)) - sum(w * entropy(q) for q, w in voting), 0.0
    )


def disagreement_parts(views, weights, models, strands, equivariant):
    """Differences of conditional entropies: H(base), given the model, given model and strand, given
    the view."""
    voting = [i for i, w in enumerate(weights) if w > 0]
    side = ["+" if equivariant[i] else strands[i] for i in range(len(views))]
    keys = [lambda i: 0, lambda i: models[i], lambda i: (models[i], side[i]), lambda i: i]
    bits = [conditional_entropy(views, weights, voting, key) for key in keys]
    n_models = len({models[i] for i in voting})
    most = [
        max(
            (
                sum(inner(i) == one for i in {outer(j): j for j in voting}.values())
                for one in {inner(j) for j in voting}
            ),
            default=0,
        )
        for inner, outer in ((keys[1], keys[2]), (keys[2], keys[3]), (keys[1], keys[3]))
    ]
    parts = {
        "dis_between": (bits[0] - bits[1], n_models),
        "dis_strand": (bits[1] - bits[2], most[0]),
        "dis_shift": (bits[2] - bits[3], most[1]),
        "dis_within": (bits[1] - bits[3], most[2]),
    }
    return {name: max(value, 0.0) if n > 1 else math.nan for name, (value, n) in parts.items()}


def conditional_entropy(views, weights, voting, key):
    """Entropy of the base when the group of the view is known."""
    total = 0.0
    for group in {key(i) for i in voting}:
        items = [i for i in voting if key(i) == group]
        share = sum(weights[i] for i in items)
        total += share * entropy(
            [sum(weights[i] / share * views[i][b] for i in items) for b in range(4)]
        )
    return total


def jensen_shannon(p, q):
    """The textbook form: half the Kullback-Leibler divergences to the midpoint."""
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return sum(0.5 * a * math.log2(a / m) for a, m in zip(p, middle, strict=True) if a > 0) + sum(
        0.5 * b * math.log2(b / m) for b, m in zip(q, middle, strict=True) if b > 0
    )


def pairwise_jsd(views, weights):
    voting = [q for q, w in zip(views, weights, strict=True) if w > 0]
    pairs = [
        jensen_shannon(voting[i], voting[j])
        for i in range(len(voting))
        for j in range(i + 1, len(voting))
    ]
    return sum(pairs) / len(pairs) if pairs else math.nan


def view_llr(views, ref, alt):
    return [math.nan if math.isnan(q[0]) else log(q[alt]) - log(q[ref]) for q in views]


def llr(llrs, weights):
    return (
        sum(w * x for x, w in zip(llrs, weights, strict=True) if w > 0)
        if sum(weights) > 0
        else math.nan
    )


def llr_sd(llrs, weights):
    voting = [(x, w) for x, w in zip(llrs, weights, strict=True) if w > 0]
    if len(voting) < 2:
        return math.nan
    mean = sum(w * x for x, w in voting)
    return math.sqrt(
        sum(w * (x - mean) ** 2 for x, w in voting) / (1 - sum(w * w for _, w in voting))
    )


def sign_agreement(llrs, weights):
    return abs(llr([x if math.isnan(x) else (x > 0) - (x < 0) for x in llrs], weights))


def margin(mean, sd, s0):
    return abs(mean) / math.sqrt(sd**2 + s0**2)


def strand_divergence(views, models, strands, ref, alt, equivariant):
    """Mean over models that read both strands, of each model's mean over its views of that
    strand."""
    voting = [i for i in admitted(views) if not equivariant[i]]
    both = [
        m
        for m in sorted(set(models))
        if {strands[i] for i in voting if models[i] == m} == {"+", "-"}
    ]
    if not both:
        return {"strand_jsd": math.nan, "strand_llr": math.nan, "strand_flip": math.nan}
    llrs, sides = view_llr(views, ref, alt), {}
    for strand in "+-":
        q, x = [0.0] * 4, 0.0
        for model in both:
            items = [i for i in voting if models[i] == model and strands[i] == strand]
            q = [q[b] + sum(views[i][b] for i in items) / len(items) / len(both) for b in range(4)]
            x += sum(llrs[i] for i in items) / len(items) / len(both)
        sides[strand] = (q, x)
    (q_plus, x_plus), (q_minus, x_minus) = sides["+"], sides["-"]
    return {
        "strand_jsd": jensen_shannon(q_plus, q_minus),
        "strand_llr": abs(x_plus - x_minus),
        "strand_flip": float(x_plus * x_minus < 0),
    }


def surprisal(q, base):
    return -math.log2(max(q[base], 1.1754943508222875e-38))


def calibration_gap(distributions, bases):
    gaps = [surprisal(q, b) - entropy(q) for q, b in zip(distributions, bases, strict=True)]
    return sum(gaps) / len(gaps)


def shrunken_gain(gain, class_mean, n_bases):
    return (n_bases * gain + 32 * class_mean) / (n_bases + 32)


def allele_measures(views, models, strands, ref, alt, equivariant):
    """All of the above for one allele, by the names of gfmtrust.core.measures.allele_measures."""
    weights = view_weights(views, models) if admitted(views) else [0.0] * len(views)
    llrs = view_llr(views, ref, alt)
    mean = llr(llrs, weights)
    return {
        "llr": mean,
        "abs_llr": abs(mean),
        "llr_sd": llr_sd(llrs, weights),
        "ent": entropy(mean_distribution(views, weights)) if sum(weights) else math.nan,
        "dis": disagreement(views, weights),
        **disagreement_parts(views, weights, models, strands, equivariant),
        "sign_agreement": sign_agreement(llrs, weights),
        **strand_divergence(views, models, strands, ref, alt, equivariant),
        "n_views": float(sum(w > 0 for w in weights)),
    }
