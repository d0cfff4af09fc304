"""What a calibration certified, in words for headers, logs, the benchmark of labels and the report.
All of them say the same, because the words are made here, from the certificates alone."""

from __future__ import annotations

import numpy as np

from gfmtrust.calibration.certificates import Certificate, thresholds
from gfmtrust.calibration.class_calibration import LABELS, ClassCalibration
from gfmtrust.core.vocabulary import Rank, VariantClass


def outcome_text(calibration) -> str:
    """The outcome of a RunCalibration: first that of its SNVs, then that of the classes that are
    flagged by labels."""
    by_labels = list(label_sentences(calibration).values())
    refused = [
        f"{name} labels cannot calibrate: {why}" for name, why in calibration.labels.refusals
    ]
    return _text(calibration, calibration.snv, [*by_labels, *refused])


def label_sentences(calibration) -> dict[str, str]:
    """For each class of variant that is flagged by labels, what its levels promise, or that it has
    none."""
    if calibration.shift is not None and calibration.shift.fired:
        return {}
    return {
        name: f"{name} alleles {_place(one)}are flagged by labels: {_of_labels(calibration, one)}"
        for name, one in sorted(calibration.labels.classes.items())
    }


def _place(one: ClassCalibration) -> str:
    if not one.loci:
        return ""
    return f"of the labelled {'locus' if len(one.loci) == 1 else f'{len(one.loci)} loci'} and of no other place "


def _of_labels(calibration, one: ClassCalibration) -> str:
    if not any(certificate.exists for certificate in one.certificates):
        return f"no flag above LOW, because no group of them could be certified ({_nearest(one)})"
    return "; ".join(
        level_text(one, level)
        for level in _levels(calibration)
        if not _is_withheld(calibration, level)
    )


def _nearest(one: ClassCalibration) -> str:
    """The figures of the cell that came nearest to MEDIUM."""
    tested = [
        found
        for found in one.certificates
        if found.level == Rank.MEDIUM.name and found.by_label is not None and found.tested
    ]
    if not tested:
        return "no band of alleles holds enough of both labels with few enough wrong calls"
    best = min(tested, key=lambda found: found.balanced.bound)
    return f"{'+'.join(best.strata)} {_counts(best)}"


def _levels(calibration) -> tuple[Rank, ...]:
    return (Rank.MEDIUM,) if calibration.options.at_most_medium else (Rank.HIGH, Rank.MEDIUM)


def _is_withheld(calibration, level: Rank) -> bool:
    return level == Rank.HIGH and bool(calibration.high_withheld)


def has_level(calibration) -> bool:
    """Does any class of variant have a level above LOW, by probes or by labels?"""
    return any(
        certificate.exists
        for one in (*calibration.classes.values(), *calibration.labels.classes.values())
        for certificate in one.certificates
    )


def _text(calibration, one: ClassCalibration, further: list[str]) -> str:
    """The outcome of SNVs by probes in a run. further: parts of the text about other classes."""
    options = calibration.options
    if calibration.shift is not None and calibration.shift.fired:
        return "No flag above LOW: the run's sites are unlike the probes (shift test fired); calibrate again on this run"
    nothing = _without_level(calibration)
    if one.counts.refusal:
        return "; ".join([f"{nothing}: {one.counts.refusal}", *further])
    parts = [level_text(one, level) for level in _levels(calibration)]
    if not any(certificate.exists for certificate in one.certificates):
        parts = [f"{nothing}: the model's preference could not be certified on this genome"]
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


def _without_level(calibration) -> str:
    """How a run without a level for its SNVs by probes is called. Where other variants have one, or
    SNVs by labels, only that is said."""
    if not has_level(calibration):
        return "No flag above LOW"
    snv = VariantClass.SNV.value
    others = sorted(
        name
        for name, one in calibration.classes.items()
        if name != snv and any(certificate.exists for certificate in one.certificates)
    )
    also = f" ({', '.join(others)} have levels of their own)" if others else ""
    return f"No flag of SNVs above LOW by probes{also}"


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


def level_text(one: ClassCalibration, level: Rank) -> str:
    """What a level promises to a class of variant, with the counts of every cell that has it."""
    certified = [c for c in one.certificates if c.level == level.name and c.exists]
    if not certified:
        return f"{level.name} could not be certified"
    texts = [
        f"{'+'.join(name for name in c.strata if c.covers(name))} {_counts(c)}" for c in certified
    ]
    first = certified[0]
    what = " (mean of the errors of both labels)" if one.set == LABELS else ""
    return f"{level.name} certified at {first.alpha:g}{what} with confidence {1 - first.delta:g} ({', '.join(texts)})"


def _counts(found: Certificate) -> str:
    """Errors and bounds of a certificate."""
    if found.by_label is None:
        return (
            f"{found.balanced.errors} of {found.balanced.n} wrong, bound {found.balanced.bound:.3f}, "
            f"run-oriented {found.run.errors} of {found.run.n}, bound {found.run.bound:.3f}"
        )
    effect, none = found.by_label.effect, found.by_label.none
    return (
        f"{effect.errors} of {effect.n} with an effect and {none.errors} of {none.n} without "
        f"wrong, bound {found.balanced.bound:.3f}; against the commoner label "
        f"{found.by_label.right} right and {found.by_label.wrong} wrong, p = {found.by_label.p_commoner:.2g}"
    )
