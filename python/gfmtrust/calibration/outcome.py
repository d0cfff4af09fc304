"""What a calibration certified and what the exam left of it, in words for headers, logs and the
report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration.certificates import thresholds
from gfmtrust.calibration.class_calibration import LABELS, ClassCalibration
from gfmtrust.calibration.level_cells import LevelCell, level_cells, own_outcome
from gfmtrust.core.vocabulary import Rank, VariantClass

if TYPE_CHECKING:
    from gfmtrust.calibration.record import RunCalibration


def outcome_text(calibration: RunCalibration) -> str:
    """The outcome of a calibration: first that of its SNVs, then that of the classes that are
    flagged by labels."""
    labels = calibration.labels
    by_labels = [
        f"{name} alleles are flagged by labels: {_text(calibration, name, one, [])}"
        for name, one in sorted(labels.classes.items())
    ]
    refused = [f"{name} labels cannot calibrate: {why}" for name, why in labels.refusals]
    return _text(calibration, VariantClass.SNV.value, calibration.snv, [*by_labels, *refused])


def _text(calibration: RunCalibration, kind: str, one: ClassCalibration, further: list[str]) -> str:
    """The outcome of one class of variant in a run. further: parts of the text about other
    classes."""
    options = calibration.options
    if calibration.shift is not None and calibration.shift.fired:
        return "No flag above LOW: the run's sites are unlike the probes (shift test fired); calibrate again on this run"
    if one.counts.refusal:
        return f"No flag above LOW: {one.counts.refusal}"
    cells = list(level_cells(calibration, {kind: one}))
    levels = (Rank.MEDIUM,) if options.at_most_medium else (Rank.HIGH, Rank.MEDIUM)
    parts = [_level_text(one, cells, level) for level in levels]
    if not any(certificate.exists for certificate in one.certificates):
        parts = ["No flag above LOW: the model's preference could not be certified on this genome"]
    elif options.at_most_medium:
        parts.append(f"at most MEDIUM: {options.at_most_medium}")
    parts += _withdrawal_texts(calibration) if one.set != LABELS else []
    if calibration.high_withheld:
        parts.append(f"HIGH is withheld: {calibration.high_withheld}")
    elif cell_names := _without_band(one, options.guard_band):
        parts.append(
            f"HIGH borders on LOW in {'+'.join(cell_names)}: a flag close to that cut-off may differ between devices"
        )
    parts += further
    if options.looks > 1:
        parts.append(f"exploratory: use {options.looks} of the certification splits")
    return "; ".join(parts)


def _without_band(one: ClassCalibration, guard_band: float) -> list[str]:
    """Strata with HIGH where MEDIUM is missing or at most twice as wide as the guard band."""
    names = np.array(
        sorted({name for certificate in one.certificates for name in certificate.strata}),
        dtype=object,
    )
    high, medium = (
        thresholds(one.certificates, level.name, names) for level in (Rank.HIGH, Rank.MEDIUM)
    )
    return names[np.isfinite(high) & ~(high - medium > 2 * guard_band)].tolist()


def _level_text(one: ClassCalibration, cells: list[LevelCell], level: Rank) -> str:
    """What a level promises, and in each cell how the probes and the run's own alleles keep it."""
    certified = [c for c in one.certificates if c.level == level.name and c.exists]
    if not certified:
        return f"{level.name} could not be certified"
    texts = []
    for certificate in certified:
        own = [
            f"{cell.name} {_own_text(cell)}"
            for cell in cells
            if cell.certificate is certificate and cell.own is not None
        ]
        names = "+".join(name for name in certificate.strata if certificate.covers(name))
        text = (
            f"{names} {certificate.balanced.errors} of {certificate.balanced.n} wrong, bound "
            f"{certificate.balanced.bound:.3f}"
        )
        if one.set != LABELS:  # labels have one orientation
            text += (
                f", run-oriented {certificate.run.errors} of {certificate.run.n}, bound "
                f"{certificate.run.bound:.3f}"
            )
        texts.append(", ".join([text, *own]))
    first = certified[0]
    return f"{level.name} certified at {first.alpha:g} with confidence {1 - first.delta:g} ({', '.join(texts)})"


def _own_text(cell: LevelCell) -> str:
    assert cell.own is not None, "only cells with own alleles are described"
    return f"own alleles {cell.own.errors} of {cell.own.n} wrong ({own_outcome(cell.own)})"


def _withdrawal_texts(calibration: RunCalibration) -> list[str]:
    return [
        f"{one.level} is withdrawn{f' in {one.stratum}' if one.stratum else ''} ({one.reason}): {one.text}"
        for one in calibration.withdrawals
    ]
