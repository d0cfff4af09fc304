"""Confidence flags and the reasons that limited them, from a calibration and the features of
alleles.

Pure functions; the rule itself is `certificates.ranks`, the caps are `caps.caps`. Source:
docs/understand/reliability.md, "How a flag is decided".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration.caps import BIT, WHY_ORDER, caps, column
from gfmtrust.calibration.certificate_cells import as_calibrated, cell_names
from gfmtrust.calibration.certificates import ranks, thresholds
from gfmtrust.calibration.class_calibration import LABELS, ClassCalibration
from gfmtrust.calibration.fit import reliability
from gfmtrust.calibration.label_blocks import inside
from gfmtrust.calibration.record import ControlVerdict, RunCalibration
from gfmtrust.calibration.reliability import FEATURE_COLUMNS
from gfmtrust.calibration.strata import strata
from gfmtrust.core.vocabulary import Basis, Rank, Why

if TYPE_CHECKING:
    import pandas as pd

MAX_REASONS = 4
REMARKS = np.uint32(BIT[Why.ALT_PREFERRED])
"""Bits that keep no flag down: they are written beside the reasons, and beside HIGH."""


@dataclass(frozen=True)
class Verdicts:
    """What is written of n alleles. rel: float64 (n,); rank: uint8 (n,); why: reasons, as `assign`
    gives them; basis: see `basis` (n,)."""

    rel: np.ndarray
    rank: np.ndarray
    why: list[tuple[str, ...]]
    basis: np.ndarray


def verdicts(
    run: RunCalibration,
    kind: str,
    features: pd.DataFrame,
    contig_index: np.ndarray,
    pos: np.ndarray,
) -> Verdicts:
    """Reliability, flag, reasons and basis of alleles of one class of variant.

    contig_index, pos: where the alleles lie (n,). Labels of one locus say nothing of any other
    place: an allele outside it keeps the calibration by decoys. Raises the errors of `assign`.
    """
    calibration = run.of_class(kind)
    if not calibration.loci:
        return _verdicts(run, features, calibration)
    within = inside(calibration.loci, contig_index, pos)
    rel, rank = np.full(len(features), np.nan), np.zeros(len(features), dtype=np.uint8)
    basis_of = np.full(len(features), None, dtype=object)
    why: list[tuple[str, ...]] = [()] * len(features)
    for rows, one in (
        (np.flatnonzero(within), calibration),
        (np.flatnonzero(~within), run.elsewhere(kind)),
    ):
        part = _verdicts(run, features.iloc[rows], one)
        rel[rows], rank[rows], basis_of[rows] = part.rel, part.rank, part.basis
        for row, reasons in zip(rows, part.why, strict=True):
            why[row] = reasons
    return Verdicts(rel, rank, why, basis_of)


def _verdicts(run: RunCalibration, features: pd.DataFrame, one: ClassCalibration) -> Verdicts:
    rank, why = assign(run, features, one)
    basis_of = basis(one, rank)
    if run.options.scores and one.set != LABELS:
        basis_of = np.full(len(rank), None, dtype=object)  # no decoy can test these scores
    return Verdicts(reliability(one, features), rank, why, basis_of)


def assign(
    run: RunCalibration, features: pd.DataFrame, of_class: ClassCalibration | None = None
) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Rank of each allele, uint8 (n,), and why it is no higher, worst first, at most four, then the
    remarks; () for not scored, remarks alone for HIGH.

    of_class: the calibration of the alleles' class of variant, that of SNVs where None. features:
    FEATURE_COLUMNS, and length (bp) for a calibration by length. Rank 0 only where the
    LLR is NaN. UNCERTIFIED: the next level does not exist for the allele's stratum (or its
    reliability could not be estimated); LOW_REL: it exists and the reliability is below it;
    OWN_ALLELES, REF_BIAS, MEMORISED: it was certified and then withdrawn. Raises ValueError naming a
    missing column.
    """
    rank, reasons = decide(run, features, of_class)
    return rank, _words(reasons)


def decide(
    run: RunCalibration, features: pd.DataFrame, of_class: ClassCalibration | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """As `assign`, but with the reasons as bits of `caps.BIT`, uint32 (n,). It is faster where only
    the ranks of very many alleles are needed."""
    missing = [name for name in FEATURE_COLUMNS if name not in features]
    if missing:
        raise ValueError(
            f"features: columns {', '.join(missing)} are missing; expected {', '.join(FEATURE_COLUMNS)}"
        )
    calibration = of_class or run.snv
    rel = reliability(calibration, features)
    cap, reasons = caps(calibration.limits, features)
    stratum = certified_strata(calibration, features)
    guard = run.options.guard_band
    cut_off, withdrawn = {}, {}
    for level in (Rank.HIGH, Rank.MEDIUM):
        cut_off[level] = thresholds(calibration.certificates, level.name, stratum)
        withdrawn[level] = _withdrawn(run, calibration, level, stratum)
    misses_both = _withdrawn(run, calibration, Rank.HIGH, stratum, is_low=True)
    if misses_both.any():
        nowhere = np.full(len(rel), np.nan)
        would_be_high = ranks(rel, cap, cut_off[Rank.HIGH], nowhere, guard) == Rank.HIGH
        misses_both[~would_be_high] = 0
    for level, bits in withdrawn.items():
        cut_off[level][bits > 0] = np.nan
    if run.high_withheld:
        cap = np.minimum(cap, Rank.MEDIUM).astype(np.uint8)
    rank = ranks(rel, cap, cut_off[Rank.HIGH], cut_off[Rank.MEDIUM], guard)
    rank[misses_both > 0] = Rank.LOW
    reasons |= misses_both
    is_medium = rank == Rank.MEDIUM
    needed = np.where(is_medium, cut_off[Rank.HIGH], cut_off[Rank.MEDIUM]) + guard
    why_withdrawn = np.where(is_medium, withdrawn[Rank.HIGH], withdrawn[Rank.MEDIUM])
    next_missing = np.isnan(needed) | np.isnan(rel) | (is_medium & bool(run.high_withheld))
    reasons |= np.where(next_missing & (why_withdrawn == 0), BIT[Why.UNCERTIFIED], 0).astype(
        np.uint32
    )
    reasons |= np.where(next_missing, why_withdrawn, 0).astype(np.uint32)
    reasons |= np.where(~next_missing & (rel < needed), BIT[Why.LOW_REL], 0).astype(np.uint32)
    if run.shift is not None and run.shift.fired:
        rank = np.full(len(rank), Rank.LOW, dtype=np.uint8)
        reasons |= np.uint32(BIT[Why.SHIFT])
    rank[np.isnan(column(features, "llr"))] = Rank.NOT_SCORED
    reasons[rank == Rank.HIGH] &= REMARKS
    reasons[rank == Rank.NOT_SCORED] = 0
    return rank, reasons


def certified_strata(calibration: ClassCalibration, features: pd.DataFrame) -> np.ndarray:
    """The stratum by which a calibration certifies each allele, object (n,). features: as for
    `strata.strata`."""
    stratum = strata(features, calibration.length_bins)
    if calibration.set == LABELS:
        return stratum
    return as_calibrated(calibration.certificates, stratum)


def _withdrawn(
    run: RunCalibration,
    calibration: ClassCalibration,
    level: Rank,
    stratum: np.ndarray,
    is_low: bool = False,
) -> np.ndarray:
    """Why the level was withdrawn from each allele's cell, as bits, uint32 (n,); 0 where it was
    not. is_low: only what leaves the alleles LOW. What was certified by labels is not about the
    genome's own letters, and stands."""
    bits = np.zeros(len(stratum), dtype=np.uint32)
    withdrawals = [
        one for one in run.withdrawals if one.level == level.name and (one.is_low or not is_low)
    ]
    if calibration.set == LABELS or not withdrawals:
        return bits
    cell = cell_names(calibration.certificates, level.name, stratum)
    for one in withdrawals:
        applies = np.full(len(cell), True) if not one.stratum else cell == one.stratum
        bits[applies] |= np.uint32(BIT[Why(one.reason)])
    return bits


def basis(calibration: ClassCalibration, rank: np.ndarray) -> np.ndarray:
    """GFM_BASIS of alleles of that class: what their level was certified on, object (n,); None
    where they were not scored."""
    name = Basis.DECOY
    if calibration.set == LABELS:
        name = Basis.LOCUS_LABELS if calibration.locus else Basis.LABELS
    names = np.full(len(rank), None, dtype=object)
    names[rank > Rank.NOT_SCORED] = name.value
    return names


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
        tuple(str(why) for why in WHY_ORDER if bits & ~REMARKS & BIT[why])[:MAX_REASONS]
        + tuple(str(why) for why in WHY_ORDER if bits & REMARKS & BIT[why])
        for bits in distinct.tolist()
    ]
    return [words[i] for i in place.tolist()]
