"""HIGH on contigs that no model of the run saw in its training, where the models seem to have
memorised the genome.

Memory cannot help at a contig that was never read. So the reliability and the levels of SNVs are
fitted and certified anew on the probes of the held-out contigs alone, and stand for the run only
where the models are no better on the other contigs: a model that reads the held-out contigs worse
than the rest remembers the rest, and its HIGH there would be worth nothing. Source:
docs/understand/reliability.md, "Memory".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import t as student

from gfmtrust.calibration import flags
from gfmtrust.calibration.class_calibration import ClassCalibration
from gfmtrust.calibration.fit import fit_class
from gfmtrust.calibration.heldout_verdict import HeldOutVerdict
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.binomial import lower_bound
from gfmtrust.core.vocabulary import CopyClass, Rank, VariantClass

ALIKE_P = 0.01
"""One-sided p-value below which the models err more on the held-out contigs than on the others. In
200 draws from an oracle genome the law never falls below it; with probes instead of blocks as the
units of the test (Fisher's exact) it did in 15 %, as contigs differ."""


@dataclass(frozen=True)
class HeldOut:
    """contigs: names that every voting model says were held out, and their numbers; further: probes
    drawn there besides those of the run, the columns of `ProbeRows`."""

    contigs: tuple[str, ...]
    numbers: tuple[int, ...]
    further: pd.DataFrame


def on_heldout(
    calibration: RunCalibration, heldout: HeldOut, probes: pd.DataFrame
) -> RunCalibration:
    """The calibration with the verdict on the held-out contigs; where they hold up, with the levels
    of SNVs that their probes certify, and without HIGH of other classes of variant, which have too
    few probes there. probes: of the run."""
    is_heldout = np.isin(probes["contig_index"].to_numpy(), heldout.numbers)
    heldout_probes = pd.concat([probes[is_heldout], heldout.further], ignore_index=True)
    others = probes[~is_heldout].reset_index(drop=True)
    fitted = fit_class(heldout_probes, calibration.options)
    verdict = _verdict(heldout.contigs, heldout_probes, others)
    snv = replace(fitted, surprisal_quantiles=calibration.snv.surprisal_quantiles)
    classes = {name: _without_high(one) for name, one in calibration.classes.items()}
    certified = replace(calibration, classes={**classes, VariantClass.SNV.value: snv})
    why_not = _why_not(verdict, fitted) or _contradiction(certified, others)
    if why_not:
        return replace(calibration, heldout=replace(verdict, text=why_not))
    return replace(certified, heldout=replace(verdict, holds=True))


@dataclass(frozen=True)
class _Errors:
    """Errors at single-copy probes. variance: of their share, with the blocks of the genome as its
    units, as stretches of a genome differ; NaN with fewer than two."""

    n: int
    errors: int
    variance: float
    blocks: int


def _verdict(
    contigs: tuple[str, ...], heldout_probes: pd.DataFrame, others: pd.DataFrame
) -> HeldOutVerdict:
    """What single-copy probes say of both kinds of contigs: a copy elsewhere in the genome may have
    been read. The test is Welch's, of ratio estimates over blocks (Cochran 1977, chapter 6), with
    the degrees of freedom of the kind of contigs that has fewer blocks."""
    there, elsewhere = _errors(heldout_probes), _errors(others)
    p = 1.0
    if min(there.blocks, elsewhere.blocks) > 1:
        difference = there.errors / there.n - elsewhere.errors / elsewhere.n
        spread = max(np.sqrt(there.variance + elsewhere.variance), np.finfo(float).tiny)
        p = float(student.sf(difference / spread, min(there.blocks, elsewhere.blocks) - 1))
    return HeldOutVerdict(contigs, False, there.n, there.errors, elsewhere.n, elsewhere.errors, p)


def _errors(probes: pd.DataFrame) -> _Errors:
    llr = probes["llr"].to_numpy(np.float64)
    rows = np.isfinite(llr) & (probes["copy_class"] == CopyClass.SINGLE_COPY).to_numpy()
    wrong = ~(llr[rows] < 0)
    names, block = np.unique(probes["block"].to_numpy()[rows], return_inverse=True)
    n, errors = np.bincount(block), np.bincount(block, weights=wrong)
    variance, blocks = float("nan"), len(names)
    if blocks > 1:
        surplus = errors - n * wrong.mean()
        variance = float((surplus**2).sum() / len(wrong) ** 2 * blocks / (blocks - 1))
    return _Errors(len(wrong), int(wrong.sum()), variance, blocks)


def _why_not(verdict: HeldOutVerdict, fitted: ClassCalibration) -> str:
    """Why the held-out contigs do not hold up by their own probes, in words; '' where they do."""
    if fitted.counts.refusal:
        return fitted.counts.refusal
    if not any(one.exists for one in fitted.certificates if one.level == Rank.HIGH.name):
        return f"HIGH could not be certified on {fitted.counts.probes:,} probes"
    if verdict.p < ALIKE_P:
        return (
            f"{verdict.errors / verdict.n:.1%} of {verdict.n:,} single-copy probes are wrong, "
            f"on the other contigs {verdict.errors_others / verdict.n_others:.1%} of "
            f"{verdict.n_others:,}"
        )
    return ""


def _contradiction(certified: RunCalibration, others: pd.DataFrame) -> str:
    """Whether the probes of the other contigs that would be HIGH prove an error above what HIGH
    promises, in words; '' where they do not. Such a model remembers letters that are not there."""
    if not len(others):
        return ""
    options = certified.options
    llr = others["llr"].to_numpy(np.float64)
    rows = (flags.decide(certified, others)[0] == Rank.HIGH) & np.isfinite(llr)
    n, errors = int(rows.sum()), int((~(llr[rows] < 0)).sum())
    if float(lower_bound(errors, n, options.delta)) <= options.alpha_high:
        return ""
    return f"on the other contigs {errors:,} of {n:,} probes that would be HIGH are wrong"


def _without_high(one: ClassCalibration) -> ClassCalibration:
    kept = tuple(row for row in one.certificates if row.level != Rank.HIGH.name)
    return replace(one, certificates=kept)
