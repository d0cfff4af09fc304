"""Clopper-Pearson certificates: the threshold of the reliability that keeps the error at or below
alpha.

A threshold is chosen by a fixed-sequence test. The fit split fixes its order; a certification split
gives the bounds, once over all accepted (orientation-balanced) probes and once over the
run-oriented probes among them. Source: docs/understand/reliability.md 3.5; Clopper and Pearson
1934; Angelopoulos et al. 2021 (Learn then Test). This module does not depend on measures or models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import betaln

from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.vocabulary import Rank

TOP_SHARES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, *(share / 100 for share in range(10, 101, 5)))
"""Shares of the fit split above the candidate thresholds, strictest first."""

MIN_FIT_PROBES = 100
"""Accepted probes of the fit split that a candidate needs for the sequence to start there."""

MIN_CELL_PROBES = 500
"""A region class with at least so many probes in the certification split has its own certificate;
the others share one."""


@dataclass(frozen=True)
class Probes:
    """Probes as a certificate needs them; all arrays have the same length. wrong: whether the decoy
    was preferred (or neither was); region_class: the region class, or a finer class, see
    `strata`."""

    reliability: np.ndarray
    wrong: np.ndarray
    run_oriented: np.ndarray
    region_class: np.ndarray

    def of(self, keep: np.ndarray) -> Probes:
        return Probes(
            self.reliability[keep],
            self.wrong[keep],
            self.run_oriented[keep],
            self.region_class[keep],
        )


@dataclass(frozen=True)
class ErrorCount:
    """Number `n` of accepted probes, number of wrong ones among them, and the one-sided upper bound
    of their error rate at confidence 1 - delta."""

    n: int
    errors: int
    bound: float


@dataclass(frozen=True)
class Certificate:
    """The guarantee of one level in one cell. Where `threshold` is None, the level does not exist
    there.

    region_classes: the classes of the cell, more than one where small classes are pooled; refused:
    classes whose errors contradict the pooled certificate; balanced, run: the counts in the
    certification split at the threshold (without one: at the first candidate tested); tested:
    number of candidates tested; n_probes: the cell's probes in the certification split.
    """

    level: str
    region_classes: tuple[str, ...]
    refused: tuple[str, ...]
    threshold: float | None
    alpha: float
    delta: float
    balanced: ErrorCount
    run: ErrorCount
    tested: int
    n_probes: int

    @property
    def exists(self) -> bool:
        """Whether there is a region class whose alleles may carry the flag."""
        return any(self.covers(name) for name in self.region_classes)

    def covers(self, region_class: str) -> bool:
        """Whether an allele of this region class may carry the flag of this certificate."""
        return (
            self.threshold is not None
            and region_class in self.region_classes
            and region_class not in self.refused
        )


@cache
def largest_errors(n: int, alpha: float, delta: float) -> int:
    """Largest number of errors among n probes that still certifies alpha; -1 where no number
    does."""
    return int((upper_bound(np.arange(n + 1), n, delta) <= alpha).sum()) - 1


def count_errors(probes: Probes, delta: float) -> ErrorCount:
    """The number of the given probes and of the wrong ones among them, with the bound of their
    error."""
    n, errors = len(probes.wrong), int(probes.wrong.sum())
    return ErrorCount(n, errors, float(upper_bound(errors, n, delta)))


def candidate_thresholds(reliability: np.ndarray) -> np.ndarray:
    """Distinct quantiles of the reliability in the fit split, strictest first; empty without
    probes."""
    if not len(reliability):
        return np.empty(0)
    ranked = np.sort(reliability)[::-1]
    places = (
        np.ceil(np.array(TOP_SHARES) * len(ranked) - 1e-9).astype(int) - 1
    )  # .07 * 200 is a hair above 14
    return np.unique(ranked[np.maximum(places, 0)])[::-1]


def fixed_sequence(
    fit_split: Probes, certification_split: Probes, alpha: float, delta: float, guard: float = 0.0
) -> tuple[float | None, int, float | None]:
    """The lowest threshold that the certification split certifies, the number of candidates tested,
    and the first candidate.

    The test starts at the candidate that the certification split will most likely pass, judged by
    the fit split, of which it must accept at least 100 probes. It goes to lower thresholds while
    both bounds are at most alpha, and stops at the first failure. No correction for multiple tests
    is needed, because both bounds must hold and the fit split fixes the order. The given probes are
    those that may carry the level at all. Returns (None, tested, first) where the first candidate
    already fails. A candidate lies `guard` below the lowest reliability of the fit split that it
    accepts (and 1e-9 lower, so that rounding does not exclude that probe).
    """
    candidates = candidate_thresholds(fit_split.reliability) - (guard + 1e-9 if guard else 0)
    fit_counts = [_both(fit_split, threshold + guard, delta) for threshold in candidates]
    started = [i for i, (balanced, _) in enumerate(fit_counts) if balanced.n >= MIN_FIT_PROBES]
    if not started:
        return None, 0, None
    scale = len(certification_split.wrong) / len(fit_split.wrong)
    start = max(
        started, key=lambda i: min(_chance(count, scale, alpha, delta) for count in fit_counts[i])
    )
    accepted, tested = None, 0
    for threshold in candidates[start:]:
        tested += 1
        balanced, run = _both(certification_split, threshold + guard, delta)
        if max(balanced.bound, run.bound) > alpha:
            break
        accepted = float(threshold)
    return accepted, tested, float(candidates[start])


def _chance(fit_count: ErrorCount, scale: float, alpha: float, delta: float) -> float:
    """Probability that a certification split, `scale` times as large as the fit split, has a bound
    of at most alpha, given the counts of the fit split.

    Beta-binomial with the Jeffreys prior. The smallest bound in the fit split is no guide: a strict
    threshold with almost no error there may leave so few probes in the certification split that a
    single error fails it.
    """
    n = round(fit_count.n * scale)
    allowed = largest_errors(n, alpha, delta)
    wrong, right = fit_count.errors + 0.5, fit_count.n - fit_count.errors + 0.5
    k = np.arange(allowed + 1)
    log_mass = (
        betaln(k + wrong, n - k + right)
        - betaln(wrong, right)
        - betaln(k + 1, n - k + 1)
        - np.log(n + 1)
    )
    return float(np.exp(log_mass).sum())


def certify(
    level: str,
    classes: tuple[str, ...],
    fit_split: Probes,
    certification_split: Probes,
    alpha: float,
    delta: float,
    guard: float,
    n_probes: int,
) -> Certificate:
    """Certificate of one level in the cell of those region classes, from the cell's probes that may
    carry the level at all.

    n_probes: the cell's probes in the certification split before the flag rule removed some; it is
    only recorded.
    """
    threshold, tested, first = fixed_sequence(fit_split, certification_split, alpha, delta, guard)
    refused: tuple[str, ...] = ()
    if threshold is not None:
        accepted = certification_split.of(certification_split.reliability >= threshold + guard)
        refused = tuple(
            name
            for name in classes
            if _contradicts(accepted.of(accepted.region_class == name), alpha, delta)
        )
        certification_split = certification_split.of(
            ~np.isin(certification_split.region_class, refused)
        )
    shown = first if threshold is None else threshold
    balanced, run = _both(certification_split, np.inf if shown is None else shown + guard, delta)
    if max(balanced.bound, run.bound) > alpha:
        threshold = None
    return Certificate(
        level, classes, refused, threshold, alpha, delta, balanced, run, tested, n_probes
    )


def refuse(certificate: Certificate, classes: list[str]) -> Certificate:
    """The certificate without those region classes."""
    return replace(certificate, refused=tuple(sorted({*certificate.refused, *classes})))


def thresholds(
    certificates: tuple[Certificate, ...], level: str, region_class: np.ndarray
) -> np.ndarray:
    """Threshold of the level for each allele's region class, float64 (n,); NaN where the level does
    not exist."""
    threshold = np.full(len(region_class), np.nan)
    for certificate in certificates:
        if certificate.level == level:
            for name in (c for c in certificate.region_classes if certificate.covers(c)):
                threshold[region_class == name] = certificate.threshold
    return threshold


def ranks(
    reliability: np.ndarray, cap: np.ndarray, high: np.ndarray, medium: np.ndarray, guard: float
) -> np.ndarray:
    """The flag rule: rank of each allele, uint8 (n,) in 1..3. This is its only implementation, for
    probes and alleles alike.

    high, medium: thresholds (n,), NaN where the level does not exist; within `guard` of a threshold
    the lower flag is given. An allele that is above the HIGH threshold but capped is MEDIUM only
    where MEDIUM exists, because such probes were counted when MEDIUM was certified.
    """
    is_high = (cap >= Rank.HIGH) & (reliability >= high + guard)
    is_medium = ~is_high & (cap >= Rank.MEDIUM) & (reliability >= medium + guard)
    return np.where(is_high, Rank.HIGH, np.where(is_medium, Rank.MEDIUM, Rank.LOW)).astype(np.uint8)


def cells(
    region_class: np.ndarray, may_certify: np.ndarray, coarser: np.ndarray | None = None
) -> list[np.ndarray]:
    """Split probes into cells by region class: boolean masks, one per class that has at least 500
    probes where `may_certify` is true.

    The classes with fewer probes are pooled into one last cell, so that a guarantee is always over
    exactly the alleles that carry it. coarser: a coarser class of each probe (n,), in which the
    small classes are pooled first where it has 500 probes.
    """
    separate, remaining = [], np.ones(len(region_class), dtype=bool)
    for names in [region_class] if coarser is None else [region_class, coarser]:
        for name in sorted(set(names[remaining])):
            in_class = remaining & (names == name)
            if (in_class & may_certify).sum() >= MIN_CELL_PROBES:
                separate.append(in_class)
        remaining = ~np.any([*separate, ~remaining], axis=0)
    return separate + ([remaining] if remaining.any() else [])


def _both(probes: Probes, threshold: float, delta: float) -> tuple[ErrorCount, ErrorCount]:
    accepted = probes.of(probes.reliability >= threshold)
    return count_errors(accepted, delta), count_errors(accepted.of(accepted.run_oriented), delta)


def _contradicts(accepted: Probes, alpha: float, delta: float) -> bool:
    """Whether the errors of one class prove a rate above alpha, over all its accepted probes or
    over the run-oriented ones."""
    parts = (accepted.wrong, accepted.wrong[accepted.run_oriented])
    return any(float(lower_bound(int(wrong.sum()), len(wrong), delta)) > alpha for wrong in parts)
