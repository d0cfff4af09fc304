"""Fits a reliability and its certificates to decoy probes, with everything that flags need later.

`fit_class` is a pure function of the probes' table. Other modules score probes and write files; the
parts of a calibration are defined in `record` and `class_calibration`, the flags in `flags`.
Source: docs/understand/reliability.md, "How a flag is decided".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration import certificates, splits
from gfmtrust.calibration import reliability as score
from gfmtrust.calibration.calls import effect_score
from gfmtrust.calibration.caps import caps, finite, measure_limits
from gfmtrust.calibration.certificates import Certificate, Probes
from gfmtrust.calibration.class_calibration import ClassCalibration, SplitCounts
from gfmtrust.calibration.features import own_surprisal
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import N_QUANTILES, RunCalibration, as_json, of_snvs
from gfmtrust.calibration.strata import LENGTHS, strata
from gfmtrust.core.vocabulary import Rank, VariantClass

if TYPE_CHECKING:
    import pandas as pd

PROBE_KEYS = ("contig_index", "pos", "real", "decoy", "run_oriented", "block")
"""Columns that identify a row of the probes."""
PROBE_COLUMNS = (*PROBE_KEYS, *score.FEATURE_COLUMNS)
"""Columns that `fit` needs. `llr` is ln p(decoy) - ln p(real), so a value below 0 is right. Values
are NaN where a probe failed or a measure is missing."""


def fit(
    probes: pd.DataFrame,
    options: Options = Options(),  # noqa: B008  (frozen: safe)
) -> RunCalibration:
    """The calibration of a run of SNVs. Raises the errors of `fit_class`, and ConfigurationError
    (78) for options out of range."""
    options.check()
    options = replace(options, digests=as_json(options.digests))
    return of_snvs(options, fit_class(probes, options))


def fit_class(
    probes: pd.DataFrame, options: Options, lengths: tuple[int, ...] = ()
) -> ClassCalibration:
    """Fit the reliability on the fit split; certify HIGH and exactly-MEDIUM, each on its own
    certification split.

    probes: columns PROBE_COLUMNS, any row order; lengths: bins that cells are split by, see
    `strata`. A probe is wrong unless the real base is preferred: LLR 0 is wrong; probes without an
    LLR are left out and counted. Several draws of one site with one decoy count once. With fewer
    than 8 blocks, or a fit split outside 40-60 % of the probes, there is no certificate. Raises
    ValueError that names a missing column.
    """
    n_drawn, probes = len(probes), _distinct(probes)
    n_repeated = n_drawn - len(probes)
    probes, n_failed = _answered(probes)
    blocks = probes["block"].to_numpy(dtype=np.int64)
    part = splits.split(blocks, options.seed)
    in_fit = part == splits.FIT
    counts = SplitCounts(
        len(probes),
        n_failed,
        int(in_fit.sum()),
        int((part == splits.CERTIFY_HIGH).sum()),
        int((part == splits.CERTIFY_MEDIUM).sum()),
        len(np.unique(blocks)),
        n_repeated,
    )
    limits = measure_limits(probes, blocks, options)
    surprisal = finite(probes, "local_surprisal")
    quantiles = (
        tuple(np.quantile(surprisal, np.linspace(0, 1, N_QUANTILES)).tolist())
        if len(surprisal)
        else ()
    )
    unfitted = ClassCalibration(counts, None, limits, (), (), quantiles, length_bins=lengths)
    if not in_fit.any():
        return unfitted
    wrong = ~(probes["llr"].to_numpy(dtype=np.float64) < 0)
    folds = splits.folds(blocks[in_fit], options.seed, score.N_FOLDS)
    reliability, ablation = score.fit(
        probes[in_fit], ~wrong[in_fit], folds, score.median_sd(probes)
    )
    fitted = replace(unfitted, reliability=reliability, ablation=ablation)
    if counts.refusal:
        return fitted
    judged = Probes(
        score.predict(reliability, probes),
        wrong,
        probes["run_oriented"].to_numpy(dtype=bool),
        strata(probes, lengths),
        blocks,
        own_surprisal(probes),
    )
    return replace(fitted, certificates=certify(judged, caps(limits, probes)[0], part, options))


def _distinct(probes: pd.DataFrame) -> pd.DataFrame:
    """Each site with each decoy once, in a fixed order; run-oriented where one of its draws is.

    Sites are drawn with replacement, so that a small class of sites is drawn again and again. Its
    draws are one observation: a bound that counts each of them is too narrow.
    """
    missing = [name for name in PROBE_COLUMNS if name not in probes]
    if missing:
        raise ValueError(
            f"probes: columns {', '.join(missing)} are missing; expected {', '.join(PROBE_COLUMNS)}"
        )
    question = ["contig_index", "pos", "real", "decoy"]
    ordered = probes.sort_values([*question, "run_oriented"], kind="stable")
    return ordered.drop_duplicates(question, keep="last", ignore_index=True)


def _answered(probes: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The probes with an LLR, and the number of the others."""
    answered = probes[np.isfinite(probes["llr"].to_numpy(dtype=np.float64))]
    return answered.reset_index(drop=True), len(probes) - len(answered)


def certify(
    probes: Probes,
    cap: np.ndarray,
    part: np.ndarray,
    options: Options,
) -> tuple[Certificate, ...]:
    """All certificates: first HIGH by cell, then MEDIUM by cell among the probes that are not
    flagged HIGH, each on the split that certifies it.

    probes: n probes; cap: the highest rank that each may carry (n,); part: the split of each (n,),
    see `splits`.
    """
    in_fit = part == splits.FIT
    high_cells = certificates.cells(probes, part == splits.CERTIFY_HIGH, in_fit)
    medium_cells = certificates.cells(probes, part == splits.CERTIFY_MEDIUM, in_fit)
    delta = (
        options.delta / (len(high_cells) + len(medium_cells))
        if options.simultaneous
        else options.delta
    )
    high_level = _Level(
        Rank.HIGH, options.alpha_high, delta, options.guard_band, splits.CERTIFY_HIGH
    )
    high = tuple(
        _certify_cell(high_level, probes, cell, cap >= Rank.HIGH, part) for cell in high_cells
    )
    nowhere = np.full(len(cap), np.nan)
    at = certificates.thresholds(high, Rank.HIGH.name, probes.stratum)
    is_high = (
        certificates.ranks(probes.reliability, cap, at, nowhere, options.guard_band) == Rank.HIGH
    )
    may_medium = (cap >= Rank.MEDIUM) & ~is_high
    medium_level = _Level(
        Rank.MEDIUM, options.alpha_medium, delta, options.guard_band, splits.CERTIFY_MEDIUM
    )
    return high + tuple(
        _certify_cell(medium_level, probes, cell, may_medium, part) for cell in medium_cells
    )


@dataclass(frozen=True)
class _Level:
    """The requirements of one level. part: the split that certifies it."""

    rank: Rank
    alpha: float
    delta: float
    guard_band: float
    part: int


def _certify_cell(
    level: _Level, probes: Probes, cell: np.ndarray, may_carry: np.ndarray, part: np.ndarray
) -> Certificate:
    """cell, may_carry: bool (n,); part: split of each probe (n,)."""
    usable = cell & may_carry & np.isfinite(probes.reliability)
    return certificates.certify(
        level.rank.name,
        tuple(sorted(set(probes.stratum[cell]))),
        probes.of(usable & (part == splits.FIT)),
        probes.of(usable & (part == level.part)),
        level.alpha,
        level.delta,
        level.guard_band,
        int((cell & (part == level.part)).sum()),
    )


def fit_classes(probes: dict[str, pd.DataFrame], options: Options) -> dict[str, ClassCalibration]:
    """A calibration for each class of variant that has probes; insertions and deletions by length.

    Insertions and deletions certify each other: a level exists for one of them in a stratum only
    where it or a higher level exists for the other, because a model that prefers short sequences is
    right at every insertion probe.
    """
    pair = (VariantClass.INS, VariantClass.DEL)
    alone = {
        name: fit_class(table, options, LENGTHS if name in pair else ())
        for name, table in probes.items()
        if len(table)
    }
    fitted = dict(alone)
    for name, other in (pair, pair[::-1]):
        if name in alone:
            fitted[name] = replace(
                alone[name],
                certificates=tuple(
                    certificates.refuse(
                        one,
                        [
                            stratum
                            for stratum in one.strata
                            if other not in alone or not _exists(alone[other], one.level, stratum)
                        ],
                    )
                    for one in alone[name].certificates
                ),
            )
    return fitted


def _exists(calibration: ClassCalibration, level: str, stratum: str) -> bool:
    """Whether that level, or a higher one, is certified in the stratum."""
    return any(
        Rank[one.level] >= Rank[level] and one.covers(stratum) for one in calibration.certificates
    )


def reliability(calibration: ClassCalibration, features: pd.DataFrame) -> np.ndarray:
    """GFM_REL of each allele, float64 (n,) in 0..1; NaN where it cannot be estimated. In a
    calibration by labels it is the reliability of the allele's call, whose distance to the cut-off
    replaces |LLR|."""
    if calibration.reliability is None:
        return np.full(len(features), np.nan)
    if calibration.cut is not None:
        features = features.assign(
            llr=effect_score(features["llr"].to_numpy(np.float64), calibration.by_size)
            - calibration.cut
        )
    return score.predict(calibration.reliability, features)
