"""Clopper-Pearson certificates: which threshold of the reliability keeps the error at or below
alpha.

A threshold is chosen by a fixed-sequence test whose order is fixed on half A and whose bounds are
computed on half B, on all accepted (orientation-balanced) probes and again on the run-oriented ones
among them. Source: docs/understand/reliability.md 3.5; Clopper and Pearson 1934; Angelopoulos et al. 2021
(Learn then Test). Knows nothing of measures or models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import betaln

from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.vocabulary import Rank

TOP_SHARES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, *(share / 100 for share in range(10, 101, 5)))
"""Shares of half A above the candidate thresholds, strictest first."""

MIN_A_PROBES = 100
"""A candidate needs so many accepted probes of half A before the sequence may start there."""

MIN_CELL_PROBES = 500
"""A region class with so many probes in its part of half B has a certificate of its own; the others
share one."""


@dataclass(frozen=True)
class Probes:
    """Probes as a certificate sees them; arrays of one length. wrong: the decoy was preferred (or
    nothing was); region_class: or a finer class, see `strata`."""

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
class Tally:
    """Accepted probes `n`, wrong ones among them, and the one-sided upper bound of their error at 1
    - delta."""

    n: int
    errors: int
    bound: float


@dataclass(frozen=True)
class Certificate:
    """What one level guarantees in one cell. `threshold` None: the level does not exist there.

    region_classes: the classes of the cell, more than one where small classes are pooled; refused:
    classes whose own errors contradict the pooled certificate; balanced, run: the counts on half B
    at the threshold (without one: at the first candidate tested); tested: candidates looked at;
    n_probes: the cell's probes in its part of half B.
    """

    level: str
    region_classes: tuple[str, ...]
    refused: tuple[str, ...]
    threshold: float | None
    alpha: float
    delta: float
    balanced: Tally
    run: Tally
    tested: int
    n_probes: int

    @property
    def exists(self) -> bool:
        """Is there a region class whose alleles may carry the flag?"""
        return any(self.covers(name) for name in self.region_classes)

    def covers(self, region_class: str) -> bool:
        """Does an allele of this region class carry the flag of this certificate?"""
        return (
            self.threshold is not None
            and region_class in self.region_classes
            and region_class not in self.refused
        )


@cache
def largest_errors(n: int, alpha: float, delta: float) -> int:
    """Largest number of errors among n that still certifies alpha; -1 where none does."""
    return int((upper_bound(np.arange(n + 1), n, delta) <= alpha).sum()) - 1


def tally(probes: Probes, delta: float) -> Tally:
    """Count all probes given and their errors."""
    n, errors = len(probes.wrong), int(probes.wrong.sum())
    return Tally(n, errors, float(upper_bound(errors, n, delta)))


def candidate_thresholds(reliability: np.ndarray) -> np.ndarray:
    """Distinct quantiles of the reliability on half A, strictest first; empty without probes."""
    if not len(reliability):
        return np.empty(0)
    ranked = np.sort(reliability)[::-1]
    places = (
        np.ceil(np.array(TOP_SHARES) * len(ranked) - 1e-9).astype(int) - 1
    )  # .07 * 200 is a hair above 14
    return np.unique(ranked[np.maximum(places, 0)])[::-1]


def fixed_sequence(
    half_a: Probes, part_b: Probes, alpha: float, delta: float, guard: float = 0.0
) -> tuple[float | None, int, float | None]:
    """The laxest threshold that part B certifies, the number of candidates tested, and the first
    candidate.

    Starts where, judged by half A (at least 100 accepted there), part B most likely passes; goes
    laxer while both bounds on B are at most alpha, stops at the first failure. Both bounds must
    hold and the order is fixed on A: no correction is needed. Probes given are those that may carry
    the level at all. Returns (None, tested, first) where the first already fails. A candidate lies
    `guard` below the least reliability of A it lets carry the level (and a hair, lest their sum be
    rounded up).
    """
    candidates = candidate_thresholds(half_a.reliability) - (guard + 1e-9 if guard else 0)
    own = [_both(half_a, threshold + guard, delta) for threshold in candidates]
    started = [i for i, (balanced, _) in enumerate(own) if balanced.n >= MIN_A_PROBES]
    if not started:
        return None, 0, None
    scale = len(part_b.wrong) / len(half_a.wrong)
    start = max(started, key=lambda i: min(_chance(found, scale, alpha, delta) for found in own[i]))
    accepted, tested = None, 0
    for threshold in candidates[start:]:
        tested += 1
        balanced, run = _both(part_b, threshold + guard, delta)
        if max(balanced.bound, run.bound) > alpha:
            break
        accepted = float(threshold)
    return accepted, tested, float(candidates[start])


def _chance(found: Tally, scale: float, alpha: float, delta: float) -> float:
    """Chance that part B, `scale` times as large, has a bound of at most alpha where half A counted
    `found`.

    Beta-binomial, Jeffreys prior. A's own smallest bound is no guide: a strict cut-off with hardly
    an error in A leaves B too few probes to bear the one error it may have.
    """
    n = round(found.n * scale)
    allowed = largest_errors(n, alpha, delta)
    wrong, right = found.errors + 0.5, found.n - found.errors + 0.5
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
    half_a: Probes,
    part_b: Probes,
    alpha: float,
    delta: float,
    guard: float,
    n_probes: int,
) -> Certificate:
    """Certificate of one level in the cell of those region classes, from its probes that may carry
    the level at all.

    n_probes: the cell's probes in that part of half B before the flag rule took some away, for the
    record.
    """
    threshold, tested, first = fixed_sequence(half_a, part_b, alpha, delta, guard)
    refused: tuple[str, ...] = ()
    if threshold is not None:
        accepted = part_b.of(part_b.reliability >= threshold + guard)
        refused = tuple(
            name
            for name in classes
            if _contradicts(accepted.of(accepted.region_class == name), alpha, delta)
        )
        part_b = part_b.of(~np.isin(part_b.region_class, refused))
    shown = first if threshold is None else threshold
    balanced, run = _both(part_b, np.inf if shown is None else shown + guard, delta)
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
    found = np.full(len(region_class), np.nan)
    for certificate in certificates:
        if certificate.level == level:
            for name in (c for c in certificate.region_classes if certificate.covers(c)):
                found[region_class == name] = certificate.threshold
    return found


def ranks(
    reliability: np.ndarray, cap: np.ndarray, high: np.ndarray, medium: np.ndarray, guard: float
) -> np.ndarray:
    """The flag rule: rank of each allele, uint8 (n,) in 1..3. The one place where it stands, for
    probes and alleles alike.

    high, medium: thresholds (n,), NaN where the level does not exist; within `guard` of a threshold
    the lower flag is given. An allele above the HIGH threshold but capped is MEDIUM only where
    MEDIUM exists: its band was certified with such in it.
    """
    is_high = (cap >= Rank.HIGH) & (reliability >= high + guard)
    is_medium = ~is_high & (cap >= Rank.MEDIUM) & (reliability >= medium + guard)
    return np.where(is_high, Rank.HIGH, np.where(is_medium, Rank.MEDIUM, Rank.LOW)).astype(np.uint8)


def cells(
    region_class: np.ndarray, may_certify: np.ndarray, coarser: np.ndarray | None = None
) -> list[np.ndarray]:
    """Split probes into cells by region class: boolean masks, one a class with at least 500 probes
    where `may_certify`.

    The classes with fewer are pooled into one last cell, so that a guarantee is always over just
    the alleles that carry it. coarser: a class of each probe (n,) in which they are pooled first,
    as far as that has 500.
    """
    own, left = [], np.ones(len(region_class), dtype=bool)
    for names in [region_class] if coarser is None else [region_class, coarser]:
        for name in sorted(set(names[left])):
            mine = left & (names == name)
            if (mine & may_certify).sum() >= MIN_CELL_PROBES:
                own.append(mine)
        left = ~np.any([*own, ~left], axis=0)
    return own + ([left] if left.any() else [])


def _both(probes: Probes, threshold: float, delta: float) -> tuple[Tally, Tally]:
    accepted = probes.of(probes.reliability >= threshold)
    return tally(accepted, delta), tally(accepted.of(accepted.run_oriented), delta)


def _contradicts(accepted: Probes, alpha: float, delta: float) -> bool:
    """Do a class's own errors prove a rate above alpha, over all its accepted probes or the
    run-oriented ones?"""
    parts = (accepted.wrong, accepted.wrong[accepted.run_oriented])
    return any(float(lower_bound(int(wrong.sum()), len(wrong), delta)) > alpha for wrong in parts)
