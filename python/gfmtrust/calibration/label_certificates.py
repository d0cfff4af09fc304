"""Certificates of calls on labelled alleles: the balanced error of exactly the alleles that carry
the flag, and whether their calls beat the commoner label.

"Always say: no effect" errs in 14 % where 14 % have an effect, and knows nothing. It therefore
counts how often the calls err among the alleles with an effect and among those without one, each
with its Clopper-Pearson bound; the mean of the two bounds is held to alpha. A call that does not
depend on the allele has a balanced error of one half at every prevalence. Source:
docs/understand/reliability.md, "Labels"; Clopper and Pearson 1934; McNemar 1947.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from gfmtrust.calibration import splits
from gfmtrust.calibration.certificates import (
    Certificate,
    candidate_thresholds,
    ranks,
    thresholds,
)
from gfmtrust.calibration.error_counts import ByLabel, ErrorCount
from gfmtrust.calibration.homogeneity import block_agreement
from gfmtrust.calibration.label_cells import Calls, cells
from gfmtrust.calibration.options import Options
from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.vocabulary import Rank

MIN_OF_LABEL = 20
"""Alleles of each label that must carry the flag, in the fit split and in the certification split.
Fewer than 14 could not certify 20 % even without an error."""

EVEN_ODDS = 0.5
"""HIGH is tried where the fit split gives it at least this chance. Otherwise both certification
splits certify MEDIUM. The fit split alone decides, so the bounds stay valid."""

MISSES = (0.06, 0.07, 0.08, 0.09, 0.10, 0.11, 0.12, 0.14, 0.16, 0.20)
"""Chances of a miss that the bound of one label may have, besides delta itself, see `miss`."""
MANY_OF_LABEL = 300
"""Alleles of each label from which the bounds use delta itself."""
N_RATES = 25
"""Pairs of error rates with a mean of alpha that the size of the test is computed at."""


@cache
def miss(n_effect: int, n_none: int, alpha: float, delta: float) -> float:
    """Chance of a miss of the bound of each label, such that the *mean* of both bounds misses the
    balanced error with chance delta at most; delta or one of MISSES.

    Two independent bounds are seldom too low at once, so that each may miss more often than their
    mean does. The numbers of alleles alone decide, never their errors: the largest value is taken
    for which a balanced error of alpha passes with probability at most delta, whatever the two
    errors are. The probability is exact, at N_RATES pairs of errors.
    """
    if min(n_effect, n_none) >= MANY_OF_LABEL:
        return delta
    allowed = [one for one in MISSES if one > delta]
    low, high = 0, len(allowed)  # the size grows with the chance of a miss
    while low < high:
        middle = (low + high) // 2
        if size(n_effect, n_none, alpha, allowed[middle]) <= delta:
            low = middle + 1
        else:
            high = middle
    return allowed[low - 1] if low else delta


def size(n_effect: int, n_none: int, alpha: float, of_label: float) -> float:
    """Largest probability that the mean of the two bounds is at most alpha although the balanced
    error is alpha, where each bound misses with chance `of_label`."""
    from scipy.stats import binom

    errors, most = _passing(n_effect, n_none, alpha, of_label)
    rate = np.linspace(0, 2 * alpha, N_RATES)[:, None]
    mass = binom.pmf(errors, n_effect, rate)
    return float((mass * binom.cdf(most, n_none, 2 * alpha - rate)).sum(axis=1).max())


def _passing(
    n_effect: int, n_none: int, alpha: float, of_label: float
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of errors among the alleles with an effect that can pass, and for each the largest
    number among the others; int (k,) each."""
    of_effect = upper_bound(np.arange(n_effect + 1), n_effect, of_label)
    of_none = upper_bound(np.arange(n_none + 1), n_none, of_label)
    most = np.searchsorted(of_none, 2 * alpha - of_effect + 1e-12, side="right") - 1
    errors = np.flatnonzero(most >= 0)
    return errors, most[errors]


def judged(calls: Calls, alpha: float, delta: float) -> ByLabel:
    """What the calls of those alleles are worth. Where the blocks of the genome disagree about the
    error of a label, its bound is theirs."""
    n_effect, n_none = int(calls.effect.sum()), int((~calls.effect).sum())
    of_label = (
        miss(n_effect, n_none, alpha, delta) if min(n_effect, n_none) >= MIN_OF_LABEL else delta
    )
    right, wrong = discordant(calls.effect, calls.call)
    return ByLabel(
        _count(calls.of(calls.effect), of_label),
        _count(calls.of(~calls.effect), of_label),
        of_label,
        right,
        wrong,
        chance_of_as_many(right, wrong),
    )


def _count(calls: Calls, of_label: float) -> ErrorCount:
    n, errors = len(calls.wrong), int(calls.wrong.sum())
    agreement = block_agreement(calls.wrong, calls.block, calls.own_surprisal, of_label)
    return ErrorCount(
        n, errors, max(float(upper_bound(errors, n, of_label)), float(agreement.bound))
    )


def discordant(effect: np.ndarray, call: np.ndarray) -> tuple[int, int]:
    """Alleles whose call differs from the commoner label of these alleles: how many are right, and
    how many are wrong. effect, call: bool (n,). Where both labels are equally common, the one that
    the calls beat by less counts."""
    of_effect, of_none = (call & effect, call & ~effect), (~call & ~effect, ~call & effect)
    pairs = [(int(right.sum()), int(wrong.sum())) for right, wrong in (of_effect, of_none)]
    n_effect = int(effect.sum())
    n_none = len(effect) - n_effect
    if n_effect == n_none:
        return min(pairs, key=lambda pair: pair[0] - pair[1])
    return pairs[0] if n_effect < n_none else pairs[1]


def chance_of_as_many(right: int, wrong: int) -> float:
    """One-sided exact p-value of McNemar's test: the chance of as many right ones if the calls were
    no better than the commoner label."""
    from scipy.stats import binom

    return float(binom.sf(right - 1, right + wrong, 0.5))


def passes(counts_by_label: ByLabel, alpha: float, delta: float) -> bool:
    """Do both requirements hold?"""
    return (
        min(counts_by_label.effect.n, counts_by_label.none.n) >= MIN_OF_LABEL
        and counts_by_label.bound <= alpha
        and counts_by_label.p_commoner <= delta
    )


def certify(
    calls: Calls, cap: np.ndarray, part: np.ndarray, options: Options
) -> tuple[Certificate, ...]:
    """All certificates of labelled alleles: HIGH and then MEDIUM of each cell.

    calls: n alleles; cap: the highest rank that each may carry (n,); part: the split of each (n,),
    see `splits`. A cell whose certification splits hold one label only has no level.
    """
    label_cells = cells(calls, part != splits.FIT, part == splits.FIT)
    delta = (
        options.delta / (2 * max(len(label_cells), 1)) if options.simultaneous else options.delta
    )
    of_cells = [_certify_cell(calls, cell, cap, part, options, delta) for cell in label_cells]
    return tuple(one[place] for place in (0, 1) for one in of_cells)


def _certify_cell(
    calls: Calls,
    cell: np.ndarray,
    cap: np.ndarray,
    part: np.ndarray,
    options: Options,
    delta: float,
) -> tuple[Certificate, Certificate]:
    """HIGH and MEDIUM of one cell. MEDIUM is certified on the split of HIGH too where HIGH was not
    tried."""
    usable = cell & np.isfinite(calls.reliability)
    in_fit, for_medium = part == splits.FIT, part == splits.CERTIFY_MEDIUM
    high = _Level(Rank.HIGH, options.alpha_high, delta, options.guard_band)
    may_high = usable & (cap >= Rank.HIGH)
    of_high = cell & (part == splits.CERTIFY_HIGH)
    first = _order(high, calls.of(may_high & in_fit), int((may_high & of_high).sum()))
    tried = first.chance >= EVEN_ODDS
    if tried:
        of_level = _certificate(high, calls, cell, may_high & of_high, first.thresholds)
    else:
        of_level = _certificate(high, calls, cell, may_high & of_high, np.empty(0))
        for_medium = ~in_fit
    nowhere = np.full(len(cap), np.nan)
    at = thresholds((of_level,), Rank.HIGH.name, calls.stratum)
    is_high = ranks(calls.reliability, cap, at, nowhere, options.guard_band) == Rank.HIGH
    medium = _Level(Rank.MEDIUM, options.alpha_medium, delta, options.guard_band)
    may_medium = usable & (cap >= Rank.MEDIUM) & ~is_high
    order = _order(medium, calls.of(may_medium & in_fit), int((may_medium & for_medium).sum()))
    return of_level, _certificate(
        medium, calls, cell, may_medium & for_medium, order.thresholds, cell & for_medium
    )


@dataclass(frozen=True)
class _Level:
    """The requirements of one level."""

    rank: Rank
    alpha: float
    delta: float
    guard: float


@dataclass(frozen=True)
class _Order:
    """Thresholds in the order in which they are tested, and the chance that the first one passes as
    the fit split sees it."""

    thresholds: np.ndarray
    chance: float


def _order(level: _Level, fit_split: Calls, n_certifying: int) -> _Order:
    """The order of the fixed-sequence test: from the threshold that the certification split will
    most likely pass to ever lower ones. n_certifying: alleles of that split that may carry the
    level."""
    guard = level.guard
    candidates = candidate_thresholds(fit_split.reliability) - (guard + 1e-9 if guard else 0)
    chances = [
        _chance(
            fit_split.of(fit_split.reliability >= threshold + guard),
            n_certifying / len(fit_split.wrong),
            level,
        )
        for threshold in candidates
    ]
    if not max(chances, default=0.0) > 0:
        return _Order(np.empty(0), 0.0)
    start = int(np.argmax(chances))
    return _Order(candidates[start:], chances[start])


def _chance(accepted: Calls, scale: float, level: _Level) -> float:
    """Probability that alleles like those of the fit split, `scale` times as many, pass; 0 below
    MIN_OF_LABEL. Beta-binomial with the Jeffreys prior for each count."""
    from scipy.stats import binom

    n_effect, n_none = int(accepted.effect.sum()), int((~accepted.effect).sum())
    of_effect, of_none = round(n_effect * scale), round(n_none * scale)
    if min(n_effect, n_none, of_effect, of_none) < MIN_OF_LABEL:
        return 0.0
    of_label = miss(of_effect, of_none, level.alpha, level.delta)
    errors, most = _passing(of_effect, of_none, level.alpha, of_label)
    wrong = accepted.wrong
    mass = _predicted(int(wrong[accepted.effect].sum()), n_effect, of_effect)
    below = np.cumsum(_predicted(int(wrong[~accepted.effect].sum()), n_none, of_none))
    balanced = float((mass[errors] * below[most]).sum())
    n_right, n_wrong = discordant(accepted.effect, accepted.call)
    differ = round((n_right + n_wrong) * scale)
    enough = binom.sf(np.arange(differ + 1) - 1, differ, 0.5) <= level.delta
    beats = float(_predicted(n_right, n_right + n_wrong, differ)[enough].sum())
    return min(balanced, beats)


def _predicted(count: int, n: int, of: int) -> np.ndarray:
    """Probability of 0..of such alleles among `of`, where there were `count` among n; (of + 1,)."""
    from scipy.special import betaln

    k = np.arange(of + 1)
    yes, no = count + 0.5, n - count + 0.5
    log_choose = -betaln(k + 1, of - k + 1) - np.log(of + 1)
    return np.exp(log_choose + betaln(k + yes, of - k + no) - betaln(yes, no))


def _certificate(
    level: _Level,
    calls: Calls,
    cell: np.ndarray,
    usable: np.ndarray,
    order: np.ndarray,
    certifying: np.ndarray | None = None,
) -> Certificate:
    """Certificate of one level in one cell. usable: the alleles of the certification split that may
    carry it (n,); order: thresholds to test; certifying: the cell's alleles in that split, `usable`
    where None."""
    alpha, delta = level.alpha, level.delta
    certification_split = calls.of(usable)
    threshold, tested = None, 0
    for one in order:
        tested += 1
        if not passes(
            judged(_accepted(certification_split, one, level), alpha, delta), alpha, delta
        ):
            break
        threshold = float(one)
    strata = tuple(sorted(set(calls.stratum[cell])))
    refused: tuple[str, ...] = ()
    if threshold is not None:
        accepted = _accepted(certification_split, threshold, level)
        refused = tuple(
            name
            for name in strata
            if _contradicts(accepted.of(accepted.stratum == name), alpha, delta)
        )
        certification_split = certification_split.of(~np.isin(certification_split.stratum, refused))
    shown = threshold if threshold is not None else order[0] if len(order) else np.inf
    counts_by_label = judged(_accepted(certification_split, float(shown), level), alpha, delta)
    if threshold is not None and not passes(counts_by_label, alpha, delta):
        threshold = None
    n = counts_by_label.effect.n + counts_by_label.none.n
    count = ErrorCount(
        n, counts_by_label.effect.errors + counts_by_label.none.errors, counts_by_label.bound
    )
    rows = usable if certifying is None else certifying
    return Certificate(
        level.rank.name,
        strata,
        refused,
        threshold,
        alpha,
        delta,
        count,
        count,
        tested,
        int(rows.sum()),
        by_label=counts_by_label,
    )


def _accepted(calls: Calls, threshold: float, level: _Level) -> Calls:
    return calls.of(calls.reliability >= threshold + level.guard)


def _contradicts(accepted: Calls, alpha: float, delta: float) -> bool:
    """Whether the errors of one stratum prove a balanced error above alpha. Each lower bound misses
    with chance delta / 2."""
    return (
        sum(
            float(lower_bound(int(wrong.sum()), len(wrong), delta / 2))
            for wrong in (accepted.wrong[accepted.effect], accepted.wrong[~accepted.effect])
        )
        / 2
        > alpha
    )
