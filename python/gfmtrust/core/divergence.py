"""Entropy, and differences between the distributions of views: disagreement, its parts, and
divergences.

Sums over views and bases are exact (`distributions`), so no result depends on the order of views or
letters, or on how rows are split.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.distributions import (
    check_weights,
    plane_entropy,
    planes_of,
    snap,
    weighted_sum,
)
from gfmtrust.core.views import Views


def entropy(distributions: np.ndarray) -> np.ndarray:
    """Shannon entropy in bits of distributions over four bases, shape (..., 4) -> (...); 0 log 0 is
    0, NaN stays NaN."""
    if distributions.shape[-1] != 4:
        raise ValueError(f"distributions: last axis is {distributions.shape[-1]}; expected 4")
    return plane_entropy(np.ascontiguousarray(np.moveaxis(distributions, -1, 0), dtype=np.float64))


def disagreement(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mutual information between views and base, bits (n,): the entropy of the mean minus the mean
    entropy.

    This is the generalised Jensen-Shannon divergence of the views; tiny negative values are set to
    0. NaN where fewer than two views vote.
    """
    return disagreement_parts(probs, weights, Views(np.zeros(probs.shape[1], dtype=int)))["dis"]


def disagreement_parts(
    probs: np.ndarray, weights: np.ndarray, views: Views
) -> dict[str, np.ndarray]:
    """`ent`, `dis` and its parts by the chain rule of information, bits (n,) by name. The parts add
    up where missing parts count as 0.

    dis_between: between models, NaN where only one votes. dis_within = dis_strand + dis_shift:
    within models. dis_strand: between the strands of a model, NaN where no model read both (a model
    whose strands are equal by construction reads only one). dis_shift: between the shifts, phases,
    contexts and members of one strand, NaN where no strand of a model has two views.
    """
    check_weights(probs, weights)
    return parts_of_planes(planes_of(probs), weights.T, views.checked(probs))


def parts_of_planes(planes: np.ndarray, weights: np.ndarray, views: Views) -> dict[str, np.ndarray]:
    """`disagreement_parts` of planes (V, 4, n), 0 for NaN; weights: (V, n); views: checked."""
    n = planes.shape[2]
    strands = np.asarray(views.strands)
    if views.equivariant is not None:
        strands = np.where(views.equivariant, "+", strands)
    # mean entropy of the views, of the strands' means and of the models' means: each level is
    # above the one below it
    mean, view_bits, strand_bits, model_bits = (
        np.zeros((4, n)),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
    )
    n_models, most_strands, most_views, most_shifts = (np.zeros(n) for _ in range(4))
    for model in np.unique(views.models):
        of_model = np.flatnonzero(views.models == model)
        model_mean, n_strands, n_views = np.zeros((4, n)), np.zeros(n), np.zeros(n)
        for strand in np.unique(strands[of_model]):
            side = of_model[strands[of_model] == strand]
            strand_mean, bits, n_shifts = _mean_bits(planes[side], weights[side])
            model_mean += strand_mean
            strand_bits += bits
            n_strands += n_shifts > 0
            n_views += n_shifts
            most_shifts = np.maximum(most_shifts, n_shifts)
        for view in of_model:
            view_bits += snap(weights[view] * plane_entropy(planes[view]))
        mean += model_mean
        model_bits += _bits_of(model_mean, weights[of_model].sum(axis=0))
        n_models += n_views > 0
        most_strands = np.maximum(most_strands, n_strands)
        most_views = np.maximum(most_views, n_views)
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
    """Weighted sum of some views (4, n), its entropy times their weight (n,), and the number of
    them that vote (n,)."""
    total = weighted_sum(planes, weights)
    return total, _bits_of(total, weights.sum(axis=0)), (weights > 0).sum(axis=0)


def _bits_of(total: np.ndarray, share: np.ndarray) -> np.ndarray:
    return snap(share * plane_entropy(total / np.where(share > 0, share, 1.0)))


def pairwise_jsd(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean Jensen-Shannon divergence over all pairs of voting views, bits (n,); NaN with fewer than
    two views.

    Unlike `disagreement`, it is comparable between different numbers of views.
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
    return plane_jsd(np.asarray(p, dtype=np.float64).T, np.asarray(q, dtype=np.float64).T)


def plane_jsd(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """`jensen_shannon` of planes (4, n)."""
    return np.maximum(plane_entropy((p + q) / 2) - (plane_entropy(p) + plane_entropy(q)) / 2, 0.0)


def strand_jsd(planes: np.ndarray, strand_weights: dict[str, np.ndarray]) -> np.ndarray:
    """Jensen-Shannon divergence of the two strands' mean distributions, bits (n,).

    planes: (V, 4, n), 0 for NaN; strand_weights: the output of `views.strand_weights`, (n, V) each.
    The value is missing (not 0) where no model read both strands, and for models whose strands are
    equal by construction, because their agreement is no evidence.
    """
    forward, reverse = (weighted_sum(planes, strand_weights[strand].T) for strand in "+-")
    missing = strand_weights["+"].sum(axis=1) == 0
    return np.where(missing, np.nan, plane_jsd(forward, reverse))
