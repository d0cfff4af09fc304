"""Why a run has no HIGH flag: one reason for the whole run, or one for each class of variant that was
scored. Each is read from the calibration that flags the class."""

from __future__ import annotations

from collections.abc import Sequence

from gfmtrust.calibration.certificates import Certificate
from gfmtrust.calibration.class_calibration import LABELS, ClassCalibration
from gfmtrust.calibration.level_cells import level_cells
from gfmtrust.calibration.outcome import label_sentences, no_decoys
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.vocabulary import Rank, VariantClass

REGION_BASES = "region bases"
"""The name of the bases of BED files, which the decoys of SNVs certify."""
CERTIFIES = {VariantClass.INS: VariantClass.DEL, VariantClass.DEL: VariantClass.INS}
"""Insertions and deletions certify each other, see `calibration.fit.fit_classes`."""
NO_CERTIFICATE = "no certificate could be made."
A_RESULT = "This is a result, not a failure: do not use the numbers of this model as evidence here."


def why_no_high(
    calibration: RunCalibration, kinds: Sequence[str] = (VariantClass.SNV,)
) -> list[str]:
    """The reason why nothing is HIGH as a sentence, and the sentences that explain it.

    kinds: the classes of variant of which the run scored an allele, and REGION_BASES where it scored
    a base of a BED file.
    """
    of_run = _of_run(calibration)
    if of_run:
        return of_run
    reasons: dict[tuple[str, ...], list[str]] = {}
    for kind in kinds:
        for name, one in _calibrations(calibration, str(kind)):
            reason = tuple(_of_class(calibration, str(kind), one))
            reasons.setdefault(reason, []).append(name)
    if len(reasons) == 1:
        (reason,) = reasons
        return list(reason)
    lines = [
        f"{', '.join(names)}: {' '.join(line for line in reason if line != A_RESULT)}"
        for reason, names in reasons.items()
    ]
    remark = [A_RESULT] if any(A_RESULT in reason for reason in reasons) else []
    return ["the reason differs between the classes of variant.", *lines, *remark]


def _of_run(calibration: RunCalibration) -> list[str]:
    """The reason that holds for everything in the run; [] where there is none."""
    if calibration.shift is not None and calibration.shift.fired:
        return [
            "the sites of this run are unlike the probes on which the flags were certified, so every flag is LOW.",
            "The shift test fired. Calibrate again on this run.",
        ]
    if calibration.high_withheld:
        return [f"the level is withheld ({calibration.high_withheld})."]
    if calibration.options.at_most_medium:
        return [
            f"{calibration.options.at_most_medium}, so no flag is above MEDIUM.",
            f"{calibration.outcome}.",
        ]
    return []


def _calibrations(
    calibration: RunCalibration, kind: str
) -> list[tuple[str, ClassCalibration | None]]:
    """What flags the alleles of a class, by name: None where nothing does, and two calibrations
    where the labels of the class are of few loci."""
    if kind == REGION_BASES:
        return [(kind, calibration.snv)]
    in_use = [one for name, one in calibration.in_use() if name == kind]
    elsewhere = f"{kind} elsewhere" if len(in_use) > 1 else kind
    pairs: list[tuple[str, ClassCalibration | None]] = [
        (f"{kind} of the labelled loci" if one.loci else elsewhere, one) for one in in_use
    ]
    return pairs or [(kind, None)]


def _of_class(calibration: RunCalibration, kind: str, one: ClassCalibration | None) -> list[str]:
    """The reason for one class of variant, and its explanation."""
    if one is None:
        return [NO_CERTIFICATE, "No probe could be scored."]
    if calibration.options.scores and one.set != LABELS:
        return [f"{no_decoys(calibration.options.scores)}."]
    if not one.certificates:
        why = one.counts.refusal
        return [NO_CERTIFICATE, f"{why[0].upper()}{why[1:]}."] if why else [NO_CERTIFICATE]
    if one.limits.model_gain is not None and one.limits.model_gain <= 0:
        return [
            "on this genome the models know no more than the context model, a k-mer (Markov) baseline."
        ]
    of_class = VariantClass.SNV.value if kind == REGION_BASES else kind
    cells = [
        cell
        for cell in level_cells(calibration, {of_class: one})
        if cell.level == Rank.HIGH.name and cell.certificate.exists
    ]
    if any(cell.is_given for cell in cells):
        what = "region" if kind == REGION_BASES else "allele"
        return [f"the level is certified on this genome, but no {what} of this run reaches it."]
    withdrawn = {row: None for cell in cells for row in cell.withdrawn}
    if withdrawn:
        texts = "; ".join(f"{row.stratum or 'every cell'}: {row.text}" for row in withdrawn)
        return [f"the level was certified on probes and is withdrawn ({texts})."]
    return _not_certified(calibration, of_class, one)


def _not_certified(calibration: RunCalibration, kind: str, one: ClassCalibration) -> list[str]:
    """The reason where no cell of the class has a certificate of HIGH."""
    if one.set == LABELS:
        sentence = label_sentences(calibration)[kind]
        return ["the labels could not certify the level.", f"{sentence}.", *_a_result(one)]
    high = [one for one in one.certificates if one.level == Rank.HIGH.name]
    if not any(certificate.tested for certificate in high):
        return ["in no cell are there enough probes that may carry the level to certify it."]
    if kind in CERTIFIES and any(certificate.threshold is not None for certificate in high):
        return [
            f"the level could be certified for {kind} alone, and it is given only where {CERTIFIES[VariantClass(kind)]} "
            "has it too, because a model that always prefers the shorter or the longer sequence is right in one of them."
        ]
    what = "base" if kind == VariantClass.SNV else "sequence"
    return [
        f"on this genome the model cannot distinguish the real {what} from a decoy well enough.",
        *nearest_miss(high, what),
        *_a_result(one),
    ]


def _a_result(one: ClassCalibration) -> list[str]:
    """The advice to use no number; [] where the class has another level."""
    return [] if any(certificate.exists for certificate in one.certificates) else [A_RESULT]


def nearest_miss(high: list[Certificate], what: str = "base") -> list[str]:
    """The distance of the best cell from its limit; [] where nothing was tested. what: what a decoy
    stands against."""
    tested = [certificate for certificate in high if certificate.balanced.n]
    if not tested:
        return []
    best = min(
        tested, key=lambda certificate: max(certificate.balanced.bound, certificate.run.bound)
    )
    bound = max(best.balanced.bound, best.run.bound)
    return [
        f"Among the {best.balanced.n:,} most reliable probes that were tested, {best.balanced.errors:,} decoys were "
        f"preferred to the real {what}; the upper bound of the error is {bound:.1%}, and HIGH allows {best.alpha:.0%}."
    ]
