"""What a calibration certified and what the exam left of it, in words for headers, logs, the
benchmark of labels and the report. All of them say the same, because the words are made here, from
the record of the calibration alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration.certificates import Certificate, thresholds
from gfmtrust.calibration.class_calibration import LABELS, ClassCalibration
from gfmtrust.calibration.level_cells import LevelCell, level_cells, own_outcome
from gfmtrust.core.vocabulary import Rank, VariantClass

if TYPE_CHECKING:
    from gfmtrust.calibration.record import RunCalibration


def outcome_text(calibration: RunCalibration) -> str:
    """The outcome of a calibration: first that of its SNVs, then that of the classes that are
    flagged by labels."""
    by_labels = list(label_sentences(calibration).values())
    refused = [
        f"{name} labels cannot calibrate: {why}" for name, why in calibration.labels.refusals
    ]
    return _text(calibration, VariantClass.SNV.value, calibration.snv, [*by_labels, *refused])


def label_sentences(calibration: RunCalibration) -> dict[str, str]:
    """For each class of variant that is flagged by labels, what its levels promise, or that it has
    none."""
    if calibration.shift is not None and calibration.shift.fired:
        return {}
    return {
        name: f"{name} alleles {_place(one)}are flagged by labels{_call(one)}: {_of_labels(calibration, one)}"
        for name, one in sorted(calibration.labels.classes.items())
    }


def _place(one: ClassCalibration) -> str:
    if not one.loci:
        return ""
    return f"of the labelled {'locus' if len(one.loci) == 1 else f'{len(one.loci)} loci'} and of no other place "


def _call(one: ClassCalibration) -> str:
    """How the LLR of an allele is turned into the call whose error a level bounds; '' without a
    level."""
    if one.cut is None or not any(certificate.exists for certificate in one.certificates):
        return ""
    compared = f"|GFM_LLR| >= {one.cut:.4g}" if one.by_size else f"GFM_LLR <= {-one.cut:.4g}"
    return f" (the call is an effect where {compared}, and none elsewhere)"


def _of_labels(calibration: RunCalibration, one: ClassCalibration) -> str:
    if not any(certificate.exists for certificate in one.certificates):
        return f"no flag above LOW, because no group of them could be certified ({_nearest(one)})"
    return "; ".join(
        _level_text(one, [], level)
        for level in _levels(calibration)
        if not _is_withheld(calibration, level)
    )


def _nearest(one: ClassCalibration) -> str:
    """The figures of the cell that came nearest to MEDIUM."""
    tested = [
        certificate
        for certificate in one.certificates
        if certificate.level == Rank.MEDIUM.name
        and certificate.by_label is not None
        and certificate.tested
    ]
    if not tested:
        return "no band of alleles holds enough of both labels with few enough wrong calls"
    best = min(tested, key=lambda certificate: certificate.balanced.bound)
    return f"{'+'.join(best.strata)} {_counts(best)}"


def _levels(calibration: RunCalibration) -> tuple[Rank, ...]:
    return (Rank.MEDIUM,) if calibration.options.at_most_medium else (Rank.HIGH, Rank.MEDIUM)


def _is_withheld(calibration: RunCalibration, level: Rank) -> bool:
    return level == Rank.HIGH and bool(calibration.high_withheld)


def has_level(calibration: RunCalibration) -> bool:
    """Does any class of variant have a level above LOW, by probes or by labels?"""
    return any(
        certificate.exists
        for one in (*calibration.classes.values(), *calibration.labels.classes.values())
        for certificate in one.certificates
    )


def _text(calibration: RunCalibration, kind: str, one: ClassCalibration, further: list[str]) -> str:
    """The outcome of one class of variant by probes in a run. further: parts of the text about other
    classes."""
    options = calibration.options
    if calibration.shift is not None and calibration.shift.fired:
        return "No flag above LOW: the run's sites are unlike the probes (shift test fired); calibrate again on this run"
    nothing = _without_level(calibration)
    if options.scores:
        return "; ".join([f"{nothing}: {no_decoys(options.scores)}", *further])
    if one.counts.refusal:
        return "; ".join([f"{nothing}: {one.counts.refusal}", *further])
    cells = list(level_cells(calibration, {kind: one}))
    parts = [_level_text(one, cells, level) for level in _levels(calibration)]
    if not any(certificate.exists for certificate in one.certificates):
        parts = [f"{nothing}: the model's preference could not be certified on this genome"]
    elif options.at_most_medium:
        parts.append(f"at most MEDIUM: {options.at_most_medium}")
    parts += _withdrawal_texts(calibration) if one.set != LABELS else []
    if calibration.heldout is not None and calibration.heldout.holds and one.set != LABELS:
        parts.append(calibration.heldout.words)
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


def no_decoys(models: str) -> str:
    """Why no level by probes exists in a run of scores on a scale of their own, and how to get one."""
    return (
        f"the scores of {models} prefer no base, so that no decoy can test them; give --labels, or "
        "log-likelihood ratios of all three ALTs of every base in sites_to_score.vcf.gz (--dry_run)"
    )


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
    """What a level promises, and in each cell how the probes or labels and the run's own alleles
    keep it."""
    certified = [c for c in one.certificates if c.level == level.name and c.exists]
    if not certified:
        return f"{level.name} could not be certified"
    texts = []
    for certificate in certified:
        own_texts = [
            f"{cell.name} {_own_text(cell)}"
            for cell in cells
            if cell.certificate is certificate and cell.own_alleles is not None
        ]
        names = "+".join(name for name in certificate.strata if certificate.covers(name))
        texts.append(", ".join([f"{names} {_counts(certificate)}", *own_texts]))
    first = certified[0]
    what = " (mean of the errors of both labels)" if one.set == LABELS else ""
    return f"{level.name} certified at {first.alpha:g}{what} with confidence {1 - first.delta:g} ({', '.join(texts)})"


def _counts(certificate: Certificate) -> str:
    """Errors and bounds of a certificate."""
    balanced, run = certificate.balanced, certificate.run
    if certificate.by_label is None:
        return (
            f"{balanced.errors} of {balanced.n} wrong, bound {balanced.bound:.3f}, run-oriented "
            f"{run.errors} of {run.n}, bound {run.bound:.3f}"
        )
    by_label = certificate.by_label
    return (
        f"{by_label.effect.errors} of {by_label.effect.n} with an effect and {by_label.none.errors} "
        f"of {by_label.none.n} without wrong, bound {balanced.bound:.3f}; against the commoner label "
        f"{by_label.right} right and {by_label.wrong} wrong, p = {by_label.p_commoner:.2g}"
    )


def _own_text(cell: LevelCell) -> str:
    assert cell.own_alleles is not None, "only cells with own alleles are described"
    return f"own alleles {cell.own_alleles.errors} of {cell.own_alleles.n} wrong ({own_outcome(cell.own_alleles)})"


def _withdrawal_texts(calibration: RunCalibration) -> list[str]:
    return [
        f"{one.level} is withdrawn{f' in {one.stratum}' if one.stratum else ''} ({one.reason}): {one.text}"
        for one in calibration.withdrawals
    ]
