"""Measures of trust at a site or allele: pure functions of distributions, view weights and alleles.

Arrays: `probs` float32 (n, V, 4), order A,C,G,T, forward strand, a view all NaN where it may not vote; `weights`
float64 (n, V), each row summing to 1, or to 0 where no view votes (then every measure is NaN). The definitions are
docs/scoring.md 1.5 and docs/reliability.md 1. What is *done* with the numbers (calibration, flags) is not here.

Every sum over views or bases is exact: terms are first rounded to multiples of 2**-36, and float64 adds such
multiples without error. So results do not depend on the order of views, the letters' order, or how rows are split.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.measure_table import BED_MEASURES, INFO_KEYS, MEASURES, info_header_lines, measure

__all__ = [
    "BED_MEASURES", "INFO_KEYS", "MEASURES", "allele_measures", "calibration_gap", "disagreement", "disagreement_parts",
    "entropy", "info_header_lines", "llr", "llr_sd", "margin", "mean_distribution", "measure", "pairwise_jsd",
    "shrunken_gain", "sign_agreement", "strand_divergence", "surprisal", "view_llr", "view_weights",
]

GRID = 2.0**36
"""Terms are rounded to 1/GRID = 1.5e-11; sums below 2**17 are then exact in float64."""

SMALLEST = float(np.finfo(np.float32).tiny)
"""Smallest probability a float32 softmax can tell from 0; keeps every LLR within 88 nats instead of infinite."""

ROWS = 1 << 13
"""Rows worked on at once, so that memory stays small; it does not change any result."""

NEIGHBOUR_SE_BITS = 0.3
"""Standard error of a mean surprisal difference over eight neighbours (reliability.md 1)."""

SHRINK_BASES = 32
"""A local gain over n bases gets weight n / (n + 32), its region class's mean the rest (reliability.md 1)."""


def view_weights(probs: np.ndarray, view_models: np.ndarray) -> np.ndarray:
    """Weight of each view at each site: every admitted model 1/M, shared equally by its admitted views.

    A view is admitted where it is not NaN, a model where one of its views is; a 12-view model does not outvote a
    2-view one. probs: (n, V, 4); view_models: int (V,). Returns float64 (n, V), rows summing to 1, or 0 where no view votes.
    """
    _check_probs(probs)
    view_models = _check_views(view_models, probs, "view_models")
    admitted = ~np.isnan(probs).any(axis=2)
    weights = np.zeros(admitted.shape)
    n_models = np.zeros(len(probs))
    for model in np.unique(view_models):
        mine = view_models == model
        n_views = admitted[:, mine].sum(axis=1)
        n_models += n_views > 0
        weights[:, mine] = admitted[:, mine] / np.maximum(n_views, 1)[:, None]
    return weights / np.maximum(n_models, 1)[:, None]


def mean_distribution(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted arithmetic mean of the views' distributions, float64 (n, 4); NaN where no view votes."""
    _check_weights(probs, weights)
    mean = _mean(_planes(probs), weights.T)
    mean[:, weights.sum(axis=1) == 0] = np.nan
    return mean.T


def entropy(distributions: np.ndarray) -> np.ndarray:
    """Shannon entropy in bits of distributions over four bases, shape (..., 4) -> (...); 0 log 0 is 0, NaN stays NaN."""
    if distributions.shape[-1] != 4:
        raise ValueError(f"distributions: last axis is {distributions.shape[-1]}; expected 4")
    return _entropy(np.ascontiguousarray(np.moveaxis(distributions, -1, 0), dtype=np.float64))


def disagreement(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mutual information between views and base, bits (n,): entropy of the mean less the mean entropy.

    The generalised Jensen-Shannon divergence of the views; tiny negatives are 0. NaN where fewer than two views vote.
    """
    _check_weights(probs, weights)
    return _disagreement(_planes(probs), weights.T, np.zeros(probs.shape[1], dtype=int))["dis"]


def disagreement_parts(probs: np.ndarray, weights: np.ndarray, view_models: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two parts, (between, within) models, whose sum is `disagreement` (chain rule of information), bits (n,).

    Between is NaN where one model votes. Within is the weighted mean over models, 0 for a model with one view, NaN where
    no model has two; the sum rule then holds with the missing part as 0.
    """
    _check_weights(probs, weights)
    parts = _disagreement(_planes(probs), weights.T, _check_views(view_models, probs, "view_models"))
    return parts["dis_between"], parts["dis_within"]


def _disagreement(planes: np.ndarray, weights: np.ndarray, view_models: np.ndarray) -> dict[str, np.ndarray]:
    """Entropy of the mean and disagreement with its parts, by name. planes: (V, 4, n), 0 for NaN; weights: (V, n)."""
    n = planes.shape[2]
    mean, view_bits = np.zeros((4, n)), np.zeros(n)  # view_bits: mean entropy of the views; model_bits: of the models' means
    model_bits, n_models, most_views = np.zeros(n), np.zeros(n), np.zeros(n)
    for model in np.unique(view_models):
        mine = np.flatnonzero(view_models == model)
        n_views, share = (weights[mine] > 0).sum(axis=0), weights[mine].sum(axis=0)
        model_mean = _mean(planes[mine], weights[mine])
        mean += model_mean
        model_bits += _snap(share * _entropy(model_mean / np.where(share > 0, share, 1.0)))
        for view in mine:
            view_bits += _snap(weights[view] * _entropy(planes[view]))
        n_models += n_views > 0
        most_views = np.maximum(most_views, n_views)
    bits = _entropy(mean)
    several = (weights > 0).sum(axis=0) > 1
    return {
        "ent": np.where(n_models > 0, bits, np.nan),
        "dis": np.where(several, np.maximum(bits - view_bits, 0.0), np.nan),
        "dis_between": np.where(n_models > 1, np.maximum(bits - model_bits, 0.0), np.nan),
        "dis_within": np.where(most_views > 1, np.maximum(model_bits - view_bits, 0.0), np.nan),
    }


def pairwise_jsd(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean Jensen-Shannon divergence over all pairs of voting views, bits (n,); NaN below two views.

    Comparable across different numbers of views, which `disagreement` is not.
    """
    _check_weights(probs, weights)
    total, n_pairs = np.zeros(len(probs)), np.zeros(len(probs))
    for first in range(probs.shape[1]):
        for second in range(first + 1, probs.shape[1]):
            both = (weights[:, first] > 0) & (weights[:, second] > 0)
            total += _snap(np.where(both, jensen_shannon(probs[:, first], probs[:, second]), 0.0))
            n_pairs += both
    return np.divide(total, n_pairs, out=np.full(len(probs), np.nan), where=n_pairs > 0)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in bits of two arrays of distributions, (n, 4) each -> (n,) in 0..1; NaN stays NaN."""
    return _jensen_shannon(np.asarray(p, dtype=np.float64).T, np.asarray(q, dtype=np.float64).T)


def _jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.maximum(_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2, 0.0)


def view_llr(probs: np.ndarray, ref: np.ndarray, alt: np.ndarray) -> np.ndarray:
    """ln p(ALT) - ln p(REF) of every view, nats, float64 (n, V); NaN where the view is; 0 where ALT is REF."""
    _check_probs(probs)
    ref, alt = _check_bases(ref, len(probs), "ref"), _check_bases(alt, len(probs), "alt")
    rows = np.arange(len(probs))
    return _log(probs[rows, :, alt]) - _log(probs[rows, :, ref])


def llr(view_llrs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of the views' LLRs, nats (n,): not the LLR of the mean distribution. NaN where no view votes."""
    total = np.zeros(len(view_llrs))
    for view in range(view_llrs.shape[1]):
        total += _snap(weights[:, view] * np.where(weights[:, view] > 0, view_llrs[:, view], 0.0))
    return np.where(weights.sum(axis=1) > 0, total, np.nan)


def llr_sd(view_llrs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted standard deviation of the views' LLRs, nats (n,): sqrt(sum w (l - mean)^2 / (1 - sum w^2)).

    NaN where fewer than two views vote. Source: scoring.md 1.5.
    """
    mean = llr(view_llrs, weights)
    squares, weight_squares = np.zeros(len(view_llrs)), np.zeros(len(view_llrs))
    for view in range(view_llrs.shape[1]):
        deviation = np.where(weights[:, view] > 0, view_llrs[:, view], 0.0) - mean
        squares += _snap(weights[:, view] * deviation * deviation)
        weight_squares += _snap(weights[:, view] ** 2)
    several = (weights > 0).sum(axis=1) > 1
    return np.sqrt(np.divide(squares, 1.0 - weight_squares, out=np.full(len(mean), np.nan), where=several))


def sign_agreement(view_llrs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """|weighted sum of the signs of the views' LLRs|, 0..1 (n,); a view at 0 counts 0. NaN where no view votes."""
    return np.abs(llr(np.sign(view_llrs), weights))


def margin(mean_llr: np.ndarray, sd: np.ndarray, s0: float) -> np.ndarray:
    """|LLR| in units of its spread, |mean| / sqrt(sd^2 + s0^2) (n,); NaN where sd is.

    s0 (nats, > 0) keeps the ratio finite where views are equal by construction: the probes' median sd, at least 0.02.
    """
    if not s0 > 0:
        raise ValueError(f"s0: found {s0}; expected more than 0")
    return np.abs(mean_llr) / np.sqrt(np.square(sd) + s0 * s0)


def strand_divergence(
    probs: np.ndarray,
    view_llrs: np.ndarray,
    view_models: np.ndarray,
    view_strands: np.ndarray,
    view_equivariant: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """How far the two strands' readings differ: `strand_jsd` (bits), `strand_llr` (nats), `strand_flip` (1: signs differ).

    Each model that read both strands at a site counts equally. Missing, not 0, where no model did, and for models
    whose strands are equal by construction (`view_equivariant`, bool (V,), default none): agreement is no merit there.
    Returns float64 (n,) each, NaN where missing.
    """
    view_models = _check_views(view_models, probs, "view_models")
    strands = _check_views(view_strands, probs, "view_strands")
    usable = np.ones(len(strands), dtype=bool) if view_equivariant is None else ~np.asarray(view_equivariant, dtype=bool)
    admitted = np.asfortranarray(~np.isnan(probs).any(axis=2) & usable)
    weights = {strand: np.zeros(admitted.shape, order="F") for strand in "+-"}
    n_models = np.zeros(len(probs))
    for model in np.unique(view_models):
        n_views = {strand: (admitted & (view_models == model) & (strands == strand)).sum(axis=1) for strand in "+-"}
        two_stranded = (n_views["+"] > 0) & (n_views["-"] > 0)
        n_models += two_stranded
        for strand in "+-":
            mine = admitted & two_stranded[:, None] & (view_models == model) & (strands == strand)
            weights[strand] += mine / np.maximum(n_views[strand], 1)[:, None]
    for strand in "+-":
        weights[strand] /= np.maximum(n_models, 1)[:, None]
    forward, reverse = llr(view_llrs, weights["+"]), llr(view_llrs, weights["-"])
    planes, missing = _planes(probs), n_models == 0
    jsd = _jensen_shannon(_mean(planes, weights["+"].T), _mean(planes, weights["-"].T))
    return {
        "strand_jsd": np.where(missing, np.nan, jsd),
        "strand_llr": np.abs(forward - reverse),
        "strand_flip": np.where(missing, np.nan, np.sign(forward) * np.sign(reverse) < 0),
    }


def surprisal(distributions: np.ndarray, base: np.ndarray) -> np.ndarray:
    """-log2 of the probability given to the base that stands there, bits (n,). distributions: (n, 4); base: int (n,)."""
    base = _check_bases(base, len(distributions), "base")
    q = np.ascontiguousarray(distributions[np.arange(len(base)), base], dtype=np.float64)
    return np.maximum(-np.log2(np.maximum(q, SMALLEST)), 0.0)


def calibration_gap(distributions: np.ndarray, base: np.ndarray) -> float:
    """Mean surprisal less mean entropy over real bases, bits; above 0 is over-confident. Rows with NaN are left out."""
    gap = surprisal(distributions, base) - entropy(distributions)
    return float(np.nanmean(gap)) if np.isfinite(gap).any() else float("nan")


def shrunken_gain(gain: np.ndarray, class_mean: np.ndarray, n_bases: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Local gain drawn towards its region class's mean, and its one-sided 95 % upper bound, bits per base (n,) each."""
    weight = n_bases / (n_bases + SHRINK_BASES)
    shrunken = weight * gain + (1.0 - weight) * class_mean
    return shrunken, shrunken + 1.6449 * weight * NEIGHBOUR_SE_BITS * np.sqrt(8 / n_bases)


def allele_measures(
    probs: np.ndarray,
    weights: np.ndarray,
    view_models: np.ndarray,
    view_strands: np.ndarray,
    ref: np.ndarray,
    alt: np.ndarray,
    view_equivariant: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """All measures of each allele, float64 (n,) by name; NaN where missing.

    probs: float32 (n, V, 4); weights: (n, V), see `view_weights`; view_models: int (V,); view_strands: '+' or '-' (V,);
    ref, alt: base codes 0..3 (n,); view_equivariant: bool (V,), models whose strands are equal by construction.
    Only `llr` changes (its sign) when REF and ALT trade places; all else is bit-identical.
    Raises ValueError naming the argument on a wrong shape, a base that is none, or a voting view that is NaN.
    """
    _check_weights(probs, weights)
    ref, alt = _check_bases(ref, len(probs), "ref"), _check_bases(alt, len(probs), "alt")
    parts = [
        _measures(probs[a : a + ROWS], weights[a : a + ROWS], view_models, view_strands, ref[a : a + ROWS], alt[a : a + ROWS],
                  view_equivariant)
        for a in range(0, max(len(probs), 1), ROWS)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _measures(probs, weights, view_models, view_strands, ref, alt, view_equivariant) -> dict[str, np.ndarray]:
    view_llrs, weights = np.asfortranarray(view_llr(probs, ref, alt)), np.asfortranarray(weights)  # one view lies together
    mean_llr = llr(view_llrs, weights)
    return {
        "llr": mean_llr,
        "abs_llr": np.abs(mean_llr),
        "llr_sd": llr_sd(view_llrs, weights),
        **_disagreement(_planes(probs), weights.T, _check_views(view_models, probs, "view_models")),
        "sign_agreement": sign_agreement(view_llrs, weights),
        **strand_divergence(probs, view_llrs, view_models, view_strands, view_equivariant),
        "n_views": (weights > 0).sum(axis=1).astype(np.float64),
    }


def _planes(probs: np.ndarray) -> np.ndarray:
    """The distributions as contiguous float64 (V, 4, n), 0 for NaN: a view without weight then adds nothing."""
    planes = np.array(probs.transpose(1, 2, 0), dtype=np.float64, order="C")
    np.copyto(planes, 0.0, where=np.isnan(planes))
    return planes


def _mean(planes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sum over views, (V, 4, n) and (V, n) -> (4, n)."""
    mean = np.zeros(planes.shape[1:])
    for plane, weight in zip(planes, weights, strict=True):
        mean += _snap(weight * plane)
    return mean


def _entropy(planes: np.ndarray) -> np.ndarray:
    """Entropy in bits along the first axis, (4, ...) -> (...)."""
    terms = _snap(-planes * np.log2(np.maximum(planes, SMALLEST)))
    return np.maximum(terms[0] + terms[1] + terms[2] + terms[3], 0.0)


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.ascontiguousarray(probabilities, dtype=np.float64), SMALLEST))


def _snap(terms: np.ndarray) -> np.ndarray:
    return np.rint(terms * GRID) / GRID


def _check_probs(probs: np.ndarray) -> None:
    if probs.ndim != 3 or probs.shape[2] != 4:
        raise ValueError(f"probs: shape {probs.shape}; expected (n, views, 4)")


def _check_weights(probs: np.ndarray, weights: np.ndarray) -> None:
    _check_probs(probs)
    if weights.shape != probs.shape[:2]:
        raise ValueError(f"weights: shape {weights.shape}; expected {probs.shape[:2]}")
    if np.isnan(probs[weights > 0]).any():
        raise ValueError("weights: a view that is NaN has a weight above 0; expected 0 (view_weights makes them)")


def _check_views(values: np.ndarray, probs: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.shape != probs.shape[1:2]:
        raise ValueError(f"{name}: shape {values.shape}; expected {probs.shape[1:2]}")
    return values


def _check_bases(bases: np.ndarray, n: int, name: str) -> np.ndarray:
    bases = np.asarray(bases)
    if bases.shape != (n,):
        raise ValueError(f"{name}: shape {bases.shape}; expected ({n},)")
    if n and (bases.min() < 0 or bases.max() > 3):
        raise ValueError(f"{name}: found {int(bases.max() if bases.max() > 3 else bases.min())}; expected codes 0..3 (A,C,G,T)")
    return bases.astype(np.int64)
