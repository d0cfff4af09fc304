"""What a calibration certified, in words for headers, logs and the report."""

from __future__ import annotations

import numpy as np

from gfmtrust.calibration.certificates import thresholds
from gfmtrust.calibration.class_calibration import LABELS, ClassCalibration
from gfmtrust.core.vocabulary import Rank


def outcome_text(calibration) -> str:
    """The outcome of a RunCalibration: first that of its SNVs, then that of the classes that are
    flagged by labels."""
    labels = calibration.labels
    by_labels = [
        f"{name} alleles are flagged by labels: {_text(calibration, one, [])}"
        for name, one in sorted(labels.classes.items())
    ]
    refused = [f"{name} labels cannot calibrate: {why}" for name, why in labels.refusals]
    return _text(calibration, calibration.snv, [*by_labels, *refused])


def _text(calibration, one: ClassCalibration, further: list[str]) -> str:
    """The outcome of one class of variant in a run. further: parts of the text about other
    classes."""
    options = calibration.options
    if calibration.shift is not None and calibration.shift.fired:
        return "No flag above LOW: the run's sites are unlike the probes (shift test fired); calibrate again on this run"
    if one.counts.refusal:
        return f"No flag above LOW: {one.counts.refusal}"
    levels = (Rank.MEDIUM,) if options.at_most_medium else (Rank.HIGH, Rank.MEDIUM)
    parts = [_level_text(one, level) for level in levels]
    if not any(certificate.exists for certificate in one.certificates):
        parts = ["No flag above LOW: the model's preference could not be certified on this genome"]
    elif options.at_most_medium:
        parts.append(f"at most MEDIUM: {options.at_most_medium}")
    if calibration.high_withheld:
        parts.append(f"HIGH is withheld: {calibration.high_withheld}")
    elif classes := _without_band(one, options.guard_band):
        parts.append(
            f"HIGH borders on LOW in {'+'.join(classes)}: a flag close to that cut-off may differ between devices"
        )
    parts += further
    if options.looks > 1:
        parts.append(f"exploratory: use {options.looks} of the certification splits")
    return "; ".join(parts)


def _without_band(one: ClassCalibration, guard_band: float) -> list[str]:
    """Region classes with HIGH where MEDIUM is missing or at most twice as wide as the guard
    band."""
    classes = np.array(
        sorted({name for certificate in one.certificates for name in certificate.strata}),
        dtype=object,
    )
    high, medium = (
        thresholds(one.certificates, level.name, classes) for level in (Rank.HIGH, Rank.MEDIUM)
    )
    return classes[np.isfinite(high) & ~(high - medium > 2 * guard_band)].tolist()


def _level_text(one: ClassCalibration, level: Rank) -> str:
    certified = [c for c in one.certificates if c.level == level.name and c.exists]
    if not certified:
        return f"{level.name} could not be certified"
    texts = [
        f"{'+'.join(name for name in c.strata if c.covers(name))} {c.balanced.errors} of {c.balanced.n} wrong, bound "
        f"{c.balanced.bound:.3f}"
        for c in certified
    ]
    if one.set != LABELS:  # labels have one orientation
        texts = [
            f"{text}, run-oriented {c.run.errors} of {c.run.n}, bound {c.run.bound:.3f}"
            for text, c in zip(texts, certified, strict=True)
        ]
    first = certified[0]
    return f"{level.name} certified at {first.alpha:g} with confidence {1 - first.delta:g} ({', '.join(texts)})"
