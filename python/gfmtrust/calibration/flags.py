"""Confidence flags and the reasons that limited them, from a calibration and the features of
alleles.

Pure functions; the rule itself is `certificates.ranks`, the caps are `caps.caps`. Source:
docs/understand/reliability.md 4.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gfmtrust.calibration.caps import BIT, WHY_ORDER, caps, column
from gfmtrust.calibration.certificates import ranks, thresholds
from gfmtrust.calibration.class_calibration import ClassCalibration
from gfmtrust.calibration.fit import reliability
from gfmtrust.calibration.record import ControlVerdict, RunCalibration
from gfmtrust.calibration.reliability import FEATURE_COLUMNS
from gfmtrust.calibration.strata import strata
from gfmtrust.core.vocabulary import Rank, Why

MAX_REASONS = 4


def assign(
    run: RunCalibration, features: pd.DataFrame, of_class: ClassCalibration | None = None
) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Rank of each allele, uint8 (n,), and at most four reasons why it is not higher, worst first;
    () for an allele that is HIGH or not scored.

    of_class: the calibration of the alleles' class of variant; None means that of SNVs. features:
    FEATURE_COLUMNS, and length (bp) for a calibration by length. The rank is 0 only where the LLR
    is NaN. UNCERTIFIED: the next level does not exist for the allele's stratum (or its reliability
    could not be estimated); LOW_REL: it exists and the reliability is below it. Raises ValueError
    naming a missing column.
    """
    rank, reasons = decide(run, features, of_class)
    return rank, _words(reasons)


def decide(
    run: RunCalibration, features: pd.DataFrame, of_class: ClassCalibration | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """As `assign`, but with the reasons as bits of `caps.BIT`, uint16 (n,). It is faster where only
    the ranks of very many alleles are needed."""
    missing = [name for name in FEATURE_COLUMNS if name not in features]
    if missing:
        raise ValueError(
            f"features: columns {', '.join(missing)} are missing; expected {', '.join(FEATURE_COLUMNS)}"
        )
    calibration = of_class or run.snv
    rel = reliability(calibration, features)
    cap, reasons = caps(calibration.limits, features)
    region_class = strata(features, calibration.length_bins)
    high = thresholds(calibration.certificates, Rank.HIGH.name, region_class)
    medium = thresholds(calibration.certificates, Rank.MEDIUM.name, region_class)
    if run.high_withheld:
        cap = np.minimum(cap, Rank.MEDIUM).astype(np.uint8)
    guard = run.options.guard_band
    rank = ranks(rel, cap, high, medium, guard)
    needed = np.where(rank == Rank.MEDIUM, high, medium) + guard
    next_missing = (
        np.isnan(needed) | np.isnan(rel) | ((rank == Rank.MEDIUM) & bool(run.high_withheld))
    )
    reasons = reasons | np.where(next_missing, np.uint16(BIT[Why.UNCERTIFIED]), np.uint16(0))
    reasons |= np.where(~next_missing & (rel < needed), np.uint16(BIT[Why.LOW_REL]), np.uint16(0))
    if run.shift is not None and run.shift.fired:
        rank = np.full(len(rank), Rank.LOW, dtype=np.uint8)
        reasons = reasons | np.uint16(BIT[Why.SHIFT])
    rank[np.isnan(column(features, "llr"))] = Rank.NOT_SCORED
    reasons[(rank == Rank.HIGH) | (rank == Rank.NOT_SCORED)] = 0
    return rank, reasons


def control_verdict(run: RunCalibration, name: str, features: pd.DataFrame) -> ControlVerdict:
    """Count the flags that the calibration gives to the probes of a negative control. features: as
    for `assign`; `llr` is ln p(decoy) - ln p(real)."""
    rank, _ = decide(run, features)
    scored = rank > Rank.NOT_SCORED
    wrong = ~(column(features, "llr")[scored] < 0)
    return ControlVerdict(
        name,
        int(scored.sum()),
        int((rank == Rank.HIGH).sum()),
        int((rank == Rank.MEDIUM).sum()),
        float(wrong.mean()) if len(wrong) else None,
    )


def _words(reasons: np.ndarray) -> list[tuple[str, ...]]:
    distinct, place = np.unique(reasons, return_inverse=True)
    words = [
        tuple(str(why) for why in WHY_ORDER if bits & BIT[why])[:MAX_REASONS]
        for bits in distinct.tolist()
    ]
    return [words[i] for i in place.tolist()]
