"""Clopper-Pearson certificates: the threshold of the reliability that keeps the error at or below
alpha.

A threshold is chosen by a fixed-sequence test. The fit split fixes its order; a certification split
gives the bounds, once over all accepted (orientation-balanced) probes and once over the
run-oriented probes among them. Source: docs/understand/reliability.md, "The certification splits: certificates"; Clopper and Pearson
1934; Angelopoulos et al. 2021 (Learn then Test). This module does not depend on measures or models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from gfmtrust.calibration.error_counts import ByLabel, ErrorCount
from gfmtrust.calibration.homogeneity import BlockAgreement, block_agreement, err_alike
from gfmtrust.calibration.strata import joined, pooled
from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.contracts.base import entry
from gfmtrust.core.vocabulary import Rank

TOP_SHARES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, *(share / 100 for share in range(10, 101, 5)))
"""Shares of the fit split above the candidate thresholds, strictest first."""

MIN_FIT_PROBES = 100
"""Accepted probes of the fit split that a candidate needs for the sequence to start there, and
probes of the fit split that transitions and transversions each need before they may be pooled."""

MIN_CELL_PROBES = 500
"""A stratum of a BED file with so many probes in its certification split has a certificate of its
own."""

MIN_KIND_PROBES = 1_000
"""Transitions and transversions with so many probes each in their certification split have a
certificate each; with fewer they may share one, see `cells`. With 500 to 1,000 a certificate of
transversions alone failed in a third of the redraws and the shared one in a tenth."""


@dataclass(frozen=True)
class Probes:
    """Probes as a certificate sees them; arrays of one length. wrong: the decoy was preferred (or
    nothing was); stratum: see `strata`. block: of the genome, int, and own_surprisal: of the voting
    models near the site, bits; None where the probes are drawn without blocks, so that nothing can
    be said of their agreement."""

    reliability: np.ndarray
    wrong: np.ndarray
    run_oriented: np.ndarray
    stratum: np.ndarray
    block: np.ndarray | None = None
    own_surprisal: np.ndarray | None = None

    def of(self, keep: np.ndarray) -> Probes:
        return Probes(
            self.reliability[keep],
            self.wrong[keep],
            self.run_oriented[keep],
            self.stratum[keep],
            None if self.block is None else self.block[keep],
            None if self.own_surprisal is None else self.own_surprisal[keep],
        )


@dataclass(frozen=True)
class Certificate:
    """The guarantee of one level in one cell."""

    level: str = entry("the flag")
    strata: tuple[str, ...] = entry("strata of the cell; several where they share a certificate")
    refused: tuple[str, ...] = entry("strata whose own errors contradict the shared certificate")
    threshold: float | None = entry(
        "cut-off of the reliability; null where the level does not exist"
    )
    alpha: float = entry("error that the level may have")
    delta: float = entry("chance that the certificate is wrong")
    balanced: ErrorCount = entry(
        "errors at the cut-off, or at the first candidate where there is none; by labels: over both "
        "labels, with the bound of the balanced error"
    )
    run: ErrorCount = entry("the same of the run-oriented probes")
    tested: int = entry("candidate cut-offs that were tested")
    n_probes: int = entry("probes of the cell in the certification split")
    agreement: BlockAgreement | None = entry("whether the blocks agree on the error", default=None)
    by_label: ByLabel | None = entry("errors by label; null for decoys", default=None)

    @property
    def exists(self) -> bool:
        """Is there a stratum whose alleles may carry the flag?"""
        return any(self.covers(name) for name in self.strata)

    def covers(self, stratum: str) -> bool:
        """Does an allele of this stratum carry the flag of this certificate?"""
        return self.threshold is not None and stratum in self.strata and stratum not in self.refused


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
    all bounds (balanced, run-oriented, and where the blocks disagree that of the worst of them) are
    at most alpha, and stops at the first failure. No correction for multiple tests is needed,
    because all bounds must hold and the fit split fixes the order. The given probes are those that
    may carry the level at all. Returns (None, tested, first) where the first candidate already
    fails. A candidate lies `guard` below the lowest reliability of the fit split that it accepts
    (and 1e-9 lower, so that rounding does not exclude that probe).
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
        if max(_bounds(certification_split, threshold + guard, delta)) > alpha:
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
    from scipy.special import betaln

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
    strata: tuple[str, ...],
    fit_split: Probes,
    certification_split: Probes,
    alpha: float,
    delta: float,
    guard: float,
    n_probes: int,
) -> Certificate:
    """Certificate of one level in the cell of those strata, from its probes that may carry the
    level at all.

    n_probes: the cell's probes in the certification split before the flag rule removed some; it is
    only recorded.
    """
    threshold, tested, first = fixed_sequence(fit_split, certification_split, alpha, delta, guard)
    refused: tuple[str, ...] = ()
    if threshold is not None:
        accepted = certification_split.of(certification_split.reliability >= threshold + guard)
        refused = tuple(
            name
            for name in strata
            if _contradicts(accepted.of(accepted.stratum == name), alpha, delta)
        )
        certification_split = certification_split.of(~np.isin(certification_split.stratum, refused))
    shown = first if threshold is None else threshold
    cut = np.inf if shown is None else shown + guard
    if max(_bounds(certification_split, cut, delta)) > alpha:
        threshold = None
    balanced, run = _both(certification_split, cut, delta)
    return Certificate(
        level,
        strata,
        refused,
        threshold,
        alpha,
        delta,
        balanced,
        run,
        tested,
        n_probes,
        _agreement(certification_split, cut, delta),
    )


def refuse(certificate: Certificate, strata: list[str]) -> Certificate:
    """The certificate without those strata."""
    return replace(certificate, refused=tuple(sorted({*certificate.refused, *strata})))


def thresholds(
    certificates: tuple[Certificate, ...], level: str, stratum: np.ndarray
) -> np.ndarray:
    """Threshold of the level for each allele's stratum, float64 (n,); NaN where the level does not
    exist."""
    cut_offs = np.full(len(stratum), np.nan)
    for certificate in certificates:
        if certificate.level == level:
            for name in (one for one in certificate.strata if certificate.covers(one)):
                cut_offs[stratum == name] = certificate.threshold
    return cut_offs


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


def cells(probes: Probes, counted: np.ndarray, in_fit: np.ndarray) -> list[np.ndarray]:
    """Split probes into the cells that have a certificate each, bool masks (n,) in order of name.

    A BED file's stratum is a cell where at least 500 of its probes are `counted` (bool (n,), the
    split that certifies); all other probes are pooled over the BED files into one cell per copy
    class and mutation class (or length). Transitions and transversions of one copy class share a
    cell where either has fewer than 1,000 counted probes, each has at least 100 probes on the fit
    split (`in_fit`), and their errors there do not differ. With fewer probes the test of the errors
    has too little power, so that kinds that differ would be pooled. Nothing else is ever pooled: a
    cell of few probes has few chances, and no level of another cell.
    """
    masks, left = [], np.ones(len(probes.stratum), dtype=bool)
    wide, widest = pooled(probes.stratum), joined(probes.stratum)
    of_bed = probes.stratum != wide
    for name in sorted(set(probes.stratum[of_bed])):
        of_stratum = probes.stratum == name
        if (of_stratum & counted).sum() >= MIN_CELL_PROBES:
            masks.append(of_stratum)
            left &= ~of_stratum
    for name in sorted(set(widest[left])):
        together = left & (widest == name)
        parts = [together & (wide == part) for part in sorted(set(wide[together]))]
        small = any((part & counted).sum() < MIN_KIND_PROBES for part in parts)
        in_fit_parts = [part & in_fit for part in parts]
        testable = len(parts) == 2 and all(part.sum() >= MIN_FIT_PROBES for part in in_fit_parts)
        masks += [together] if small and testable and _alike(probes, *in_fit_parts) else parts
    return masks


def _alike(probes: Probes, one: np.ndarray, other: np.ndarray) -> bool:
    """Do two kinds of probes err alike, all of them and the more reliable half of them? one, other:
    bool (n,)."""
    reliable_half = probes.reliability >= _median(probes, one | other)
    return err_alike(probes.wrong, one, other, (np.full(len(one), True), reliable_half))


def _median(probes: Probes, rows: np.ndarray) -> float:
    reliability = probes.reliability[rows & np.isfinite(probes.reliability)]
    return float(np.median(reliability)) if len(reliability) else np.inf


def _bounds(probes: Probes, threshold: float, delta: float) -> tuple[float, ...]:
    """The upper bounds that must all be at most alpha at that threshold."""
    agreement = _agreement(probes, threshold, delta)
    balanced, run = _both(probes, threshold, delta)
    return balanced.bound, run.bound, 0.0 if agreement is None else agreement.bound


def _agreement(probes: Probes, threshold: float, delta: float) -> BlockAgreement | None:
    if probes.block is None or probes.own_surprisal is None:
        return None
    accepted = probes.reliability >= threshold
    return block_agreement(
        probes.wrong[accepted], probes.block[accepted], probes.own_surprisal[accepted], delta
    )


def _both(probes: Probes, threshold: float, delta: float) -> tuple[ErrorCount, ErrorCount]:
    accepted = probes.of(probes.reliability >= threshold)
    return count_errors(accepted, delta), count_errors(accepted.of(accepted.run_oriented), delta)


def _contradicts(accepted: Probes, alpha: float, delta: float) -> bool:
    """Whether the errors of one class prove a rate above alpha, over all its accepted probes or
    over the run-oriented ones."""
    parts = (accepted.wrong, accepted.wrong[accepted.run_oriented])
    return any(float(lower_bound(int(wrong.sum()), len(wrong), delta)) > alpha for wrong in parts)
