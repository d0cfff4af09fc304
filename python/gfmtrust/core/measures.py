"""Measures of trust at a site or allele: pure functions of distributions, view weights and alleles.

Arrays: `probs` float32 (n, V, 4), order A,C,G,T, forward strand, a view all NaN where it may not
vote; `weights` float64 (n, V), each row summing to 1, or to 0 where no view votes (then every
measure is NaN). The definitions are docs/understand/scoring.md 1.5 and docs/understand/reliability.md 1. What is *done*
with the numbers (calibration, flags) is not here.

Sums over views and bases are exact (`distributions`): no bit depends on the order of views or
letters, or on how rows are split.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.columns import BED_MEASURES, INFO_KEYS, MEASURES, info_header_lines, measure
from gfmtrust.core.distributions import (
    SMALLEST,
    check_bases,
    check_probs,
    check_views,
    check_weights,
    log_of,
    plane_entropy,
    planes_of,
    snap,
    weighted_sum,
)

__all__ = [
    "BED_MEASURES",
    "INFO_KEYS",
    "MEASURES",
    "allele_measures",
    "calibration_gap",
    "disagreement",
    "disagreement_parts",
    "entropy",
    "info_header_lines",
    "llr",
    "llr_sd",
    "margin",
    "mean_distribution",
    "measure",
    "pairwise_jsd",
    "shrunken_gain",
    "sign_agreement",
    "strand_divergence",
    "surprisal",
    "view_llr",
    "view_weights",
]

ROWS = 1 << 13
"""Rows worked on at once, so that memory stays small; it does not change any result."""

NEIGHBOUR_SE_BITS = 0.3
"""Standard error of a mean surprisal difference over eight neighbours (docs/understand/reliability.md 1)."""

SHRINK_BASES = 32
"""A local gain over n bases gets weight n / (n + 32), its region class's mean the rest
(docs/understand/reliability.md 1)."""


def view_weights(probs: np.ndarray, view_models: np.ndarray) -> np.ndarray:
    """Weight of each view at each site: every admitted model 1/M, shared equally by its admitted
    views.

    A view is admitted where it is not NaN, a model where one of its views is; a 12-view model does
    not outvote a 2-view one. probs: (n, V, 4); view_models: int (V,). Returns float64 (n, V), rows
    summing to 1, or 0 where no view votes.
    """
    check_probs(probs)
    return shared_weights(
        ~np.isnan(probs).any(axis=2), check_views(view_models, probs, "view_models")
    )


def shared_weights(admitted: np.ndarray, view_models: np.ndarray) -> np.ndarray:
    """`view_weights` from which views are admitted, bool (n, V)."""
    weights = np.zeros(admitted.shape)
    n_models = np.zeros(len(admitted))
    for model in np.unique(view_models):
        mine = view_models == model
        n_views = admitted[:, mine].sum(axis=1)
        n_models += n_views > 0
        weights[:, mine] = admitted[:, mine] / np.maximum(n_views, 1)[:, None]
    return weights / np.maximum(n_models, 1)[:, None]


def mean_distribution(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted arithmetic mean of the views' distributions, float64 (n, 4); NaN where no view
    votes."""
    check_weights(probs, weights)
    mean = weighted_sum(planes_of(probs), weights.T)
    mean[:, weights.sum(axis=1) == 0] = np.nan
    return mean.T


def entropy(distributions: np.ndarray) -> np.ndarray:
    """Shannon entropy in bits of distributions over four bases, shape (..., 4) -> (...); 0 log 0 is
    0, NaN stays NaN."""
    if distributions.shape[-1] != 4:
        raise ValueError(f"distributions: last axis is {distributions.shape[-1]}; expected 4")
    return plane_entropy(np.ascontiguousarray(np.moveaxis(distributions, -1, 0), dtype=np.float64))


def disagreement(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mutual information between views and base, bits (n,): entropy of the mean less the mean
    entropy.

    The generalised Jensen-Shannon divergence of the views; tiny negatives are 0. NaN where fewer
    than two views vote.
    """
    check_weights(probs, weights)
    return _disagreement(planes_of(probs), weights.T, np.zeros(probs.shape[1], dtype=int))["dis"]


def disagreement_parts(
    probs: np.ndarray,
    weights: np.ndarray,
    view_models: np.ndarray,
    view_strands: np.ndarray | None = None,
    view_equivariant: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """`dis` and its parts by the chain rule of information, bits (n,) by name; with the missing
    ones as 0 they add up.

    dis_between: between models, NaN where one votes. dis_within = dis_strand + dis_shift: within
    models. dis_strand: between the strands of a model, NaN where no model read both (a model whose
    strands are equal by construction reads one). dis_shift: between the shifts, phases, contexts
    and members of one strand, NaN where no strand of a model has two views.
    """
    check_weights(probs, weights)
    strands = (
        np.full(probs.shape[1], "+")
        if view_strands is None
        else check_views(view_strands, probs, "view_strands")
    )
    return _disagreement(
        planes_of(probs),
        weights.T,
        check_views(view_models, probs, "view_models"),
        strands,
        view_equivariant,
    )


def _disagreement(
    planes: np.ndarray,
    weights: np.ndarray,
    view_models: np.ndarray,
    view_strands: np.ndarray | None = None,
    view_equivariant: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Entropy of the mean and disagreement with its parts, by name. planes: (V, 4, n), 0 for NaN;
    weights: (V, n)."""
    n = planes.shape[2]
    strands = np.full(len(planes), "+") if view_strands is None else np.asarray(view_strands)
    if view_equivariant is not None:
        strands = np.where(view_equivariant, "+", strands)
    # mean entropy of the views, of the strands' means and of the models' means: each level's is
    # above the one below it
    mean, view_bits, strand_bits, model_bits = (
        np.zeros((4, n)),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
    )
    n_models, most_strands, most_views, most_shifts = (
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
    )
    for model in np.unique(view_models):
        mine = np.flatnonzero(view_models == model)
        model_mean, n_strands, n_views = np.zeros((4, n)), np.zeros(n), np.zeros(n)
        for strand in np.unique(strands[mine]):
            side = mine[strands[mine] == strand]
            strand_mean, bits, n_shifts = _mean_bits(planes[side], weights[side])
            model_mean += strand_mean
            strand_bits += bits
            n_strands += n_shifts > 0
            n_views += n_shifts
            most_shifts = np.maximum(most_shifts, n_shifts)
        for view in mine:
            view_bits += snap(weights[view] * plane_entropy(planes[view]))
        mean += model_mean
        model_bits += _bits_of(model_mean, weights[mine].sum(axis=0))
        n_models += n_views > 0
        most_strands, most_views = (
            np.maximum(most_strands, n_strands),
            np.maximum(most_views, n_views),
        )
    bits = plane_entropy(mean)
    several = (weights > 0).sum(axis=0) > 1
    return {
        "ent": np.where(n_models > 0, bits, np.nan),
        "dis": np.where(several, np.maximum(bits - view_bits, 0.0), np.nan),
        "dis_between": np.where(n_models > 1, np.maximum(bits - model_bits, 0.0), np.nan),
        "dis_within": np.where(most_views > 1, np.maximum(model_bits - view_bits, 0.0), np.nan),
        "dis_strand": np.where(most_strands > 1, np.maximum(model_bits - strand_bits, 0.0), np.nan),
        "dis_shift": np.where(most_shifts > 1, np.maximum(strand_bits - view_bits, 0.0), np.nan),
    }


def _mean_bits(
    planes: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted sum of some views (4, n), its entropy times their weight (n,), and how many of them
    vote (n,)."""
    total = weighted_sum(planes, weights)
    return total, _bits_of(total, weights.sum(axis=0)), (weights > 0).sum(axis=0)


def _bits_of(total: np.ndarray, share: np.ndarray) -> np.ndarray:
    return snap(share * plane_entropy(total / np.where(share > 0, share, 1.0)))


def pairwise_jsd(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean Jensen-Shannon divergence over all pairs of voting views, bits (n,); NaN below two
    views.

    Comparable across different numbers of views, which `disagreement` is not.
    """
    check_weights(probs, weights)
    total, n_pairs = np.zeros(len(probs)), np.zeros(len(probs))
    for first in range(probs.shape[1]):
        for second in range(first + 1, probs.shape[1]):
            both = (weights[:, first] > 0) & (weights[:, second] > 0)
            total += snap(np.where(both, jensen_shannon(probs[:, first], probs[:, second]), 0.0))
            n_pairs += both
    return np.divide(total, n_pairs, out=np.full(len(probs), np.nan), where=n_pairs > 0)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in bits of two arrays of distributions, (n, 4) each -> (n,) in
    0..1; NaN stays NaN."""
    return _jensen_shannon(np.asarray(p, dtype=np.float64).T, np.asarray(q, dtype=np.float64).T)


def _jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.maximum(plane_entropy((p + q) / 2) - (plane_entropy(p) + plane_entropy(q)) / 2, 0.0)


def view_llr(probs: np.ndarray, ref: np.ndarray, alt: np.ndarray) -> np.ndarray:
    """ln p(ALT) - ln p(REF) of every view, nats, float64 (n, V); NaN where the view is; 0 where ALT
    is REF."""
    check_probs(probs)
    ref, alt = check_bases(ref, len(probs), "ref"), check_bases(alt, len(probs), "alt")
    rows = np.arange(len(probs))
    return log_of(probs[rows, :, alt]) - log_of(probs[rows, :, ref])


def llr(view_llrs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of the views' LLRs, nats (n,): not the LLR of the mean distribution. NaN where no view
    votes."""
    total = np.zeros(len(view_llrs))
    for view in range(view_llrs.shape[1]):
        total += snap(weights[:, view] * np.where(weights[:, view] > 0, view_llrs[:, view], 0.0))
    return np.where(weights.sum(axis=1) > 0, total, np.nan)


def llr_sd(view_llrs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted standard deviation of the views' LLRs, nats (n,): sqrt(sum w (l - mean)^2 / (1 - sum
    w^2)).

    NaN where fewer than two views vote. Source: docs/understand/scoring.md 1.5.
    """
    mean = llr(view_llrs, weights)
    squares, weight_squares = np.zeros(len(view_llrs)), np.zeros(len(view_llrs))
    for view in range(view_llrs.shape[1]):
        deviation = np.where(weights[:, view] > 0, view_llrs[:, view], 0.0) - mean
        squares += snap(weights[:, view] * deviation * deviation)
        weight_squares += snap(weights[:, view] ** 2)
    several = (weights > 0).sum(axis=1) > 1
    return np.sqrt(
        np.divide(squares, 1.0 - weight_squares, out=np.full(len(mean), np.nan), where=several)
    )


def sign_agreement(view_llrs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """|weighted sum of the signs of the views' LLRs|, 0..1 (n,); a view at 0 counts 0. NaN where no
    view votes."""
    return np.abs(llr(np.sign(view_llrs), weights))


def margin(mean_llr: np.ndarray, sd: np.ndarray, s0: float) -> np.ndarray:
    """|LLR| in units of its spread, |mean| / sqrt(sd^2 + s0^2) (n,); NaN where sd is.

    s0 (nats, > 0) keeps the ratio finite where views are equal by construction: the probes' median
    sd, at least 0.02.
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
    view_told: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """How far the two strands' readings differ: `strand_jsd` (bits), `strand_llr` (nats),
    `strand_flip` (1: signs differ).

    Each model that read both strands at a site counts equally. Missing, not 0, where no model did,
    and for models whose strands are equal by construction (`view_equivariant`, bool (V,), default
    none): agreement is no merit there. `strand_jsd` is of the views that are distributions
    (`view_told`, bool (V,), default all). Returns float64 (n,) each, NaN where missing.
    """
    view_models = check_views(view_models, probs, "view_models")
    strands = check_views(view_strands, probs, "view_strands")
    admitted = ~np.isnan(probs).any(axis=2)
    weights = _strand_weights(admitted, view_models, strands, view_equivariant)
    told = weights
    if view_told is not None and not np.all(view_told):
        told = _strand_weights(admitted & view_told, view_models, strands, view_equivariant)
    planes, missing = planes_of(probs), told["+"].sum(axis=1) == 0
    jsd = _jensen_shannon(weighted_sum(planes, told["+"].T), weighted_sum(planes, told["-"].T))
    return {"strand_jsd": np.where(missing, np.nan, jsd), **_strand_llrs(view_llrs, weights)}


def _strand_llrs(view_llrs: np.ndarray, weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    forward, reverse = llr(view_llrs, weights["+"]), llr(view_llrs, weights["-"])
    missing = weights["+"].sum(axis=1) == 0
    return {
        "strand_llr": np.abs(forward - reverse),
        "strand_flip": np.where(missing, np.nan, np.sign(forward) * np.sign(reverse) < 0),
    }


def _strand_weights(admitted, view_models, strands, view_equivariant) -> dict[str, np.ndarray]:
    """Weights (n, V) of the views of each strand; zero throughout where no model read both."""
    usable = (
        np.ones(len(strands), dtype=bool)
        if view_equivariant is None
        else ~np.asarray(view_equivariant, dtype=bool)
    )
    admitted = np.asfortranarray(admitted & usable)
    weights = {strand: np.zeros(admitted.shape, order="F") for strand in "+-"}
    n_models = np.zeros(len(admitted))
    for model in np.unique(view_models):
        n_views = {
            strand: (admitted & (view_models == model) & (strands == strand)).sum(axis=1)
            for strand in "+-"
        }
        two_stranded = (n_views["+"] > 0) & (n_views["-"] > 0)
        n_models += two_stranded
        for strand in "+-":
            mine = admitted & two_stranded[:, None] & (view_models == model) & (strands == strand)
            weights[strand] += mine / np.maximum(n_views[strand], 1)[:, None]
    for strand in "+-":
        weights[strand] /= np.maximum(n_models, 1)[:, None]
    return weights


def surprisal(distributions: np.ndarray, base: np.ndarray) -> np.ndarray:
    """-log2 of the probability given to the base that stands there, bits (n,). distributions: (n,
    4); base: int (n,)."""
    base = check_bases(base, len(distributions), "base")
    q = np.ascontiguousarray(distributions[np.arange(len(base)), base], dtype=np.float64)
    return np.maximum(-np.log2(np.maximum(q, SMALLEST)), 0.0)


def calibration_gap(distributions: np.ndarray, base: np.ndarray) -> float:
    """Mean surprisal less mean entropy over real bases, bits; above 0 is over-confident. Rows with
    NaN are left out."""
    gap = surprisal(distributions, base) - entropy(distributions)
    return float(np.nanmean(gap)) if np.isfinite(gap).any() else float("nan")


def shrunken_gain(
    gain: np.ndarray, class_mean: np.ndarray, n_bases: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Local gain drawn towards its region class's mean, and its one-sided 95 % upper bound, bits
    per base (n,) each."""
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
    view_told: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """All measures of each allele, float64 (n,) by name; NaN where missing.

    probs: float32 (n, V, 4); weights: (n, V), see `view_weights`; view_models: int (V,);
    view_strands: '+' or '-' (V,); ref, alt: base codes 0..3 (n,); view_equivariant: bool (V,),
    models whose strands are equal by construction; view_told: bool (V,), views that are
    distributions (default all): the others tell of LLRs alone and enter no entropy and no
    divergence. Only `llr` changes (its sign) when REF and ALT trade places; all else is
    bit-identical. Raises ValueError naming the argument on a wrong shape, a base that is none, or a
    voting view that is NaN.
    """
    check_weights(probs, weights)
    ref, alt = check_bases(ref, len(probs), "ref"), check_bases(alt, len(probs), "alt")
    parts = [
        _measures(
            probs[a : a + ROWS],
            weights[a : a + ROWS],
            view_models,
            view_strands,
            ref[a : a + ROWS],
            alt[a : a + ROWS],
            view_equivariant,
            view_told,
        )
        for a in range(0, max(len(probs), 1), ROWS)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def likelihood_measures(
    view_llrs: np.ndarray,
    view_models: np.ndarray,
    view_strands: np.ndarray,
    view_equivariant: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The measures of alleles that come from the views' LLRs alone, float64 (n,) by name.
    view_llrs: (n, V), NaN where a view has none."""
    admitted = np.isfinite(view_llrs)
    weights = np.asfortranarray(shared_weights(admitted, view_models))
    mean_llr = llr(view_llrs, weights)
    return {
        "llr": mean_llr,
        "abs_llr": np.abs(mean_llr),
        "llr_sd": llr_sd(view_llrs, weights),
        "sign_agreement": sign_agreement(view_llrs, weights),
        **_strand_llrs(
            view_llrs, _strand_weights(admitted, view_models, view_strands, view_equivariant)
        ),
        "n_views": (weights > 0).sum(axis=1).astype(np.float64),
    }


def _measures(
    probs, weights, view_models, view_strands, ref, alt, view_equivariant, view_told
) -> dict[str, np.ndarray]:
    view_llrs, weights = (
        np.asfortranarray(view_llr(probs, ref, alt)),
        np.asfortranarray(weights),
    )  # one view lies together
    mean_llr = llr(view_llrs, weights)
    told = weights
    if view_told is not None and not np.all(view_told):
        told = shared_weights(
            (weights > 0) & check_views(view_told, probs, "view_told"), view_models
        )
    return {
        "llr": mean_llr,
        "abs_llr": np.abs(mean_llr),
        "llr_sd": llr_sd(view_llrs, weights),
        **_disagreement(
            planes_of(probs),
            told.T,
            check_views(view_models, probs, "view_models"),
            check_views(view_strands, probs, "view_strands"),
            view_equivariant,
        ),
        "sign_agreement": sign_agreement(view_llrs, weights),
        **strand_divergence(
            probs, view_llrs, view_models, view_strands, view_equivariant, view_told
        ),
        "n_views": (weights > 0).sum(axis=1).astype(np.float64),
    }
