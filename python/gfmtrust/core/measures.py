"""Measures of trust at a site or allele, each a function registered under its name in `columns`.

A new measure is one function here, decorated with `from_answers` or `from_llrs`, and one entry
there. Arrays: `probs` float32 (n, V, 4), order A,C,G,T, forward strand, all NaN for a view that may
not vote; `weights` float64 (n, V), where each row sums to 1, or to 0 where no view votes (then
every measure is NaN). The definitions are in docs/understand/scoring.md, "From views to columns", and
docs/understand/reliability.md, "Measures". Other packages use the numbers (calibration, flags).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gfmtrust.core.distributions import (
    SMALLEST,
    check_bases,
    check_probs,
    check_weights,
    log_of,
    planes_of,
    snap,
    weighted_sum,
)
from gfmtrust.core.divergence import entropy, parts_of_planes, strand_jsd
from gfmtrust.core.views import Views, answered, shared_weights, strand_weights, view_weights

__all__ = [
    "FROM_LLRS",
    "Answers",
    "Llrs",
    "allele_measures",
    "calibration_gap",
    "entropy",
    "from_answers",
    "from_llrs",
    "likelihood_measures",
    "llr",
    "llr_sd",
    "margin",
    "mean_distribution",
    "shared_weights",
    "shrunken_gain",
    "sign_agreement",
    "surprisal",
    "view_llr",
    "view_weights",
]

ROWS = 1 << 13
"""Number of rows that are processed at once to limit memory; it does not change any result."""

NEIGHBOUR_SE_BITS = 0.3
"""Standard error of a mean surprisal difference over eight neighbours (docs/understand/reliability.md, "Measures")."""

SHRINK_BASES = 32
"""A local gain over n bases has the weight n / (n + 32); the mean of its region class has the
remaining weight (docs/understand/reliability.md, "Measures")."""


@dataclass(frozen=True)
class Llrs:
    """The log-likelihood ratios of n alleles by view.

    by_view: nats (n, V), NaN where a view has none; weights: (n, V); admitted: bool (n, V), whether
    the view has a score; views: already checked.
    """

    by_view: np.ndarray
    weights: np.ndarray
    admitted: np.ndarray
    views: Views

    @cached_property
    def mean(self) -> np.ndarray:
        return llr(self.by_view, self.weights)

    @cached_property
    def of_strand(self) -> dict[str, np.ndarray]:
        """Weights of the views of each strand, see `views.strand_weights`."""
        return strand_weights(self.admitted, self.views)


@dataclass(frozen=True)
class Answers:
    """The output of V views for n alleles.

    probs: (n, V, 4); weights: (n, V); ref, alt: base codes 0..3 (n,); views: already checked.
    """

    probs: np.ndarray
    weights: np.ndarray
    ref: np.ndarray
    alt: np.ndarray
    views: Views

    @cached_property
    def planes(self) -> np.ndarray:
        """The distributions as (V, 4, n), 0 for NaN."""
        return planes_of(self.probs)

    @cached_property
    def distribution_weights(self) -> np.ndarray:
        """The weights (n, V) over the views that are distributions; the other views do not enter
        entropies and divergences."""
        if _all_distributions(self.views):
            return self.weights
        return shared_weights(
            (self.weights > 0) & np.asarray(self.views.distributions), self.views.models
        )

    @cached_property
    def llrs(self) -> Llrs:
        by_view = np.asfortranarray(view_llr(self.probs, self.ref, self.alt))
        return Llrs(by_view, self.weights, answered(self.probs), self.views)

    @cached_property
    def distributions_of_strand(self) -> dict[str, np.ndarray]:
        """Weights of the views of each strand that are distributions."""
        if _all_distributions(self.views):
            return self.llrs.of_strand
        return strand_weights(self.llrs.admitted & self.views.distributions, self.views)


def _all_distributions(views: Views) -> bool:
    return views.distributions is None or bool(np.all(views.distributions))


Values = np.ndarray | Mapping[str, np.ndarray]
FUNCTIONS: dict[tuple[str, ...], Callable[[Answers], Values]] = {}
"""The functions that compute the measures of an allele, by the names of the measures, in the order
of the features."""
FROM_LLRS: dict[tuple[str, ...], Callable[[Llrs], Values]] = {}
"""The measures that need only the LLRs; for a variant of several sites, they are computed from its
LLRs."""


def from_answers(*names: str) -> Callable:
    """Register a function of `Answers` that computes the measures with these names, float64 (n,).
    It returns an array for one name, else a dict."""

    def register(function: Callable[[Answers], Values]) -> Callable[[Answers], Values]:
        FUNCTIONS[names] = function
        return function

    return register


def from_llrs(*names: str) -> Callable:
    """Register a function of `Llrs` that computes the measures with these names, as in
    `from_answers`."""

    def register(function: Callable[[Llrs], Values]) -> Callable[[Llrs], Values]:
        FROM_LLRS[names] = function
        FUNCTIONS[names] = lambda answers: function(answers.llrs)
        return function

    return register


# ---- the measures


@from_llrs("llr")
def mean_llr(llrs: Llrs) -> np.ndarray:
    return llrs.mean


@from_llrs("abs_llr")
def size_of_llr(llrs: Llrs) -> np.ndarray:
    return np.abs(llrs.mean)


@from_llrs("llr_sd")
def spread_of_llr(llrs: Llrs) -> np.ndarray:
    return llr_sd(llrs.by_view, llrs.weights)


@from_answers("ent", "dis", "dis_between", "dis_within", "dis_strand", "dis_shift")
def entropy_and_disagreement(answers: Answers) -> dict[str, np.ndarray]:
    return parts_of_planes(answers.planes, answers.distribution_weights.T, answers.views)


@from_llrs("sign_agreement")
def agreement_of_signs(llrs: Llrs) -> np.ndarray:
    return sign_agreement(llrs.by_view, llrs.weights)


@from_answers("strand_jsd")
def divergence_of_strands(answers: Answers) -> np.ndarray:
    return strand_jsd(answers.planes, answers.distributions_of_strand)


@from_llrs("strand_llr", "strand_flip")
def strand_llrs(llrs: Llrs) -> dict[str, np.ndarray]:
    """Each model that read both strands has equal weight. The values are missing where
    `divergence.strand_jsd` is missing."""
    weights = llrs.of_strand
    forward, reverse = llr(llrs.by_view, weights["+"]), llr(llrs.by_view, weights["-"])
    missing = weights["+"].sum(axis=1) == 0
    return {
        "strand_llr": np.abs(forward - reverse),
        "strand_flip": np.where(missing, np.nan, np.sign(forward) * np.sign(reverse) < 0),
    }


@from_llrs("n_views")
def number_of_views(llrs: Llrs) -> np.ndarray:
    return (llrs.weights > 0).sum(axis=1).astype(np.float64)


def allele_measures(
    probs: np.ndarray, weights: np.ndarray, ref: np.ndarray, alt: np.ndarray, views: Views
) -> dict[str, np.ndarray]:
    """All registered measures of each allele, float64 (n,) by name; NaN where missing.

    probs: float32 (n, V, 4); weights: (n, V), see `view_weights`; ref, alt: base codes 0..3 (n,).
    When REF and ALT are exchanged, only `llr` changes (its sign); all other values are identical in
    every bit. Raises ValueError that names the argument for a wrong shape, a code that is not a
    base, or a voting view that is NaN.
    """
    check_weights(probs, weights)
    ref, alt = check_bases(ref, len(probs), "ref"), check_bases(alt, len(probs), "alt")
    views = views.checked(probs)
    parts = []
    for start in range(0, max(len(probs), 1), ROWS):
        rows = slice(start, start + ROWS)
        # one view lies together
        answers = Answers(
            probs[rows], np.asfortranarray(weights[rows]), ref[rows], alt[rows], views
        )
        parts.append(_computed(FUNCTIONS, answers))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def likelihood_measures(view_llrs: np.ndarray, views: Views) -> dict[str, np.ndarray]:
    """The measures of alleles that come from the views' LLRs alone, float64 (n,) by name.
    view_llrs: (n, V), NaN where a view has none; views: with arrays."""
    admitted = np.isfinite(view_llrs)
    weights = np.asfortranarray(shared_weights(admitted, views.models))
    return _computed(FROM_LLRS, Llrs(view_llrs, weights, admitted, views))


def _computed(
    functions: Mapping[tuple[str, ...], Callable], given: Answers | Llrs
) -> dict[str, np.ndarray]:
    values: dict[str, np.ndarray] = {}
    for names, function in functions.items():
        value = function(given)
        values |= value if isinstance(value, Mapping) else {names[0]: value}
    return values


# ---- functions that the measures and other modules use


def mean_distribution(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted arithmetic mean of the views' distributions, float64 (n, 4); NaN where no view
    votes."""
    check_weights(probs, weights)
    mean = weighted_sum(planes_of(probs), weights.T)
    mean[:, weights.sum(axis=1) == 0] = np.nan
    return mean.T


def view_llr(probs: np.ndarray, ref: np.ndarray, alt: np.ndarray) -> np.ndarray:
    """ln p(ALT) - ln p(REF) of every view, nats, float64 (n, V); NaN where the view is NaN, 0 where
    ALT is REF."""
    check_probs(probs)
    ref, alt = check_bases(ref, len(probs), "ref"), check_bases(alt, len(probs), "alt")
    rows = np.arange(len(probs))
    return log_of(probs[rows, :, alt]) - log_of(probs[rows, :, ref])


def llr(view_llrs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of the views' LLRs, nats (n,). It is not the LLR of the mean distribution. NaN where no
    view votes."""
    total = np.zeros(len(view_llrs))
    for view in range(view_llrs.shape[1]):
        total += snap(weights[:, view] * np.where(weights[:, view] > 0, view_llrs[:, view], 0.0))
    return np.where(weights.sum(axis=1) > 0, total, np.nan)


def llr_sd(view_llrs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted standard deviation of the views' LLRs, nats (n,): sqrt(sum w (l - mean)^2 / (1 - sum
    w^2)).

    NaN where fewer than two views vote. Source: docs/understand/scoring.md, "From views to columns".
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
    """|weighted sum of the signs of the views' LLRs|, 0..1 (n,); a view with an LLR of 0 counts as
    0. NaN where no view votes."""
    return np.abs(llr(np.sign(view_llrs), weights))


def margin(mean_llr: np.ndarray, sd: np.ndarray, s0: float) -> np.ndarray:
    """|LLR| in units of its spread, |mean| / sqrt(sd^2 + s0^2) (n,); NaN where sd is NaN.

    s0 (nats, > 0) keeps the ratio finite where views are equal by construction. It is the median sd
    of the probes, at least 0.02.
    """
    if not s0 > 0:
        raise ValueError(f"s0: found {s0}; expected more than 0")
    return np.abs(mean_llr) / np.sqrt(np.square(sd) + s0 * s0)


def surprisal(distributions: np.ndarray, base: np.ndarray) -> np.ndarray:
    """-log2 of the probability of the base of the genome, bits (n,). distributions: (n, 4); base:
    int (n,)."""
    base = check_bases(base, len(distributions), "base")
    q = np.ascontiguousarray(distributions[np.arange(len(base)), base], dtype=np.float64)
    return np.maximum(-np.log2(np.maximum(q, SMALLEST)), 0.0)


def calibration_gap(distributions: np.ndarray, base: np.ndarray) -> float:
    """Mean surprisal minus mean entropy over real bases, bits; above 0 the model is over-confident.
    Rows with NaN are left out."""
    gap = surprisal(distributions, base) - entropy(distributions)
    return float(np.nanmean(gap)) if np.isfinite(gap).any() else float("nan")


def shrunken_gain(
    gain: np.ndarray, class_mean: np.ndarray, n_bases: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Local gain, shrunken towards the mean of its region class, and its one-sided 95 % upper
    bound, bits per base (n,) each."""
    weight = n_bases / (n_bases + SHRINK_BASES)
    shrunken = weight * gain + (1.0 - weight) * class_mean
    return shrunken, shrunken + 1.6449 * weight * NEIGHBOUR_SE_BITS * np.sqrt(8 / n_bases)
