"""Every level in every cell, with what the probes, the run's own alleles and the limits of a run say
of it: the rows that headers, closing lines and the report show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfmtrust.calibration.certificate_cells import cells_of
from gfmtrust.calibration.certificates import Certificate
from gfmtrust.calibration.class_calibration import LABELS, ClassCalibration
from gfmtrust.calibration.error_counts import ByLabel
from gfmtrust.calibration.homogeneity import MIN_CELL_BLOCKS
from gfmtrust.calibration.label_certificates import MIN_OF_LABEL
from gfmtrust.calibration.own_alleles import MIN_OWN, NOT_TESTED, OwnAlleleRow
from gfmtrust.calibration.strata import cell_of
from gfmtrust.core.vocabulary import CopyClass, Rank, VariantClass, Why

if TYPE_CHECKING:
    from gfmtrust.calibration.record import RunCalibration, Withdrawal


@dataclass(frozen=True)
class LevelCell:
    """One level in one cell of one class of variant.

    name: copy class and mutation class (or length) of the alleles, with the BED file where the cell
    has a certificate of its own; shared: the names of the further cells that the certificate counts;
    own_alleles: the run's own SNVs with the level, None where none carried it; why_not: why no allele of
    the cell may carry the level, '' where it may.
    """

    kind: str
    set: str
    level: str
    name: str
    shared: tuple[str, ...]
    certificate: Certificate
    own_alleles: OwnAlleleRow | None
    withdrawn: tuple[Withdrawal, ...]
    why_not: str

    @property
    def is_given(self) -> bool:
        return not self.why_not

    @property
    def is_empty(self) -> bool:
        """Whether the cell has neither a probe nor an own allele, so that it says nothing."""
        return not self.certificate.n_probes and self.own_alleles is None


def level_cells(
    calibration: RunCalibration, classes: dict[str, ClassCalibration] | None = None
) -> tuple[LevelCell, ...]:
    """The cells of these classes of variant, of all that flag alleles where None, SNVs first; cells
    without any probe and without any own allele are left out."""
    own_rows = {(row.level, row.stratum): row for row in calibration.own_alleles}
    rows = []
    for kind, one in (classes or calibration.flagging()).items():
        is_examined = kind == VariantClass.SNV and one.set != LABELS
        for certificate in one.certificates:
            for name, strata in cells_of(certificate).items():
                withdrawn = _withdrawn(calibration, one, certificate.level, name)
                rows.append(
                    LevelCell(
                        kind,
                        one.set,
                        certificate.level,
                        name,
                        tuple(other for other in cells_of(certificate) if other != name),
                        certificate,
                        own_rows.get((certificate.level, name)) if is_examined else None,
                        withdrawn,
                        _why_not(calibration, one, certificate, strata, withdrawn),
                    )
                )
    return tuple(row for row in rows if not row.is_empty)


def own_outcome(row: OwnAlleleRow | None) -> str:
    """The outcome of the own-allele check, with how many alleles there were where it was not
    tested."""
    if row is None or row.outcome == NOT_TESTED:
        return f"{NOT_TESTED}: {0 if row is None else row.n} of {MIN_OWN}"
    return row.outcome


def _withdrawn(
    calibration: RunCalibration, one: ClassCalibration, level: str, cell: str
) -> tuple[Withdrawal, ...]:
    if one.set == LABELS:
        return ()
    return tuple(
        withdrawal
        for withdrawal in calibration.withdrawals
        if withdrawal.level == level and withdrawal.stratum in ("", cell)
    )


def _why_not(
    calibration: RunCalibration,
    one: ClassCalibration,
    certificate: Certificate,
    strata: tuple[str, ...],
    withdrawn: tuple[Withdrawal, ...],
) -> str:
    """Why no allele of these strata may carry the level of the certificate, in words; '' where one
    may. The order is that of `flags.decide`."""
    if calibration.shift is not None and calibration.shift.fired:
        return f"{Why.SHIFT}: the sites of the run are unlike the probes"
    if withdrawn:
        return "; ".join(f"{row.reason}: {row.text}" for row in withdrawn)
    if certificate.level == Rank.HIGH.name and (reason := _capped(calibration, one, strata)):
        return reason
    if any(certificate.covers(name) for name in strata):
        return ""
    return f"{Why.UNCERTIFIED}: {_uncertified(certificate)}"


def _capped(calibration: RunCalibration, one: ClassCalibration, strata: tuple[str, ...]) -> str:
    """What keeps every allele of these strata below HIGH whatever its measures are; '' where
    nothing does."""
    if calibration.options.at_most_medium:
        return f"at most MEDIUM: {calibration.options.at_most_medium}"
    if calibration.high_withheld:
        return f"HIGH is withheld: {calibration.high_withheld}"
    near = CopyClass.NEAR_COPY.value
    is_copied = all(cell_of(name).split("/")[0] == near for name in strata)
    if is_copied and not one.limits.copied_high:
        return f"{Why.COPIED}: at most MEDIUM"
    gain = one.limits.model_gain
    if gain is not None and gain <= 0:
        return f"{Why.NO_GAIN}: the models know no more than the context model; at most MEDIUM"
    return ""


def _uncertified(certificate: Certificate) -> str:
    """Why the probes, or the labels, certify no level in a cell."""
    if certificate.by_label is not None:
        return _uncertified_by_labels(certificate, certificate.by_label)
    if certificate.refused and certificate.threshold is not None:
        return "its own probes contradict the certificate that it shares"
    if not certificate.tested:
        probes = f"{certificate.n_probes:,} probe{'' if certificate.n_probes == 1 else 's'}"
        return f"too few probes that may carry it ({probes} in the cell)"
    counts = [certificate.balanced, certificate.run]
    worst = max(counts, key=lambda count: count.bound)
    agreement = certificate.agreement
    if agreement is not None and agreement.too_few and worst.bound <= certificate.alpha:
        return (
            f"its probes lie in {agreement.blocks} block{'' if agreement.blocks == 1 else 's'} of "
            f"the genome, {MIN_CELL_BLOCKS} needed"
        )
    if agreement is not None and agreement.bound > max(worst.bound, certificate.alpha):
        return (
            f"the blocks of the genome disagree, bound {agreement.bound:.1%} above "
            f"{certificate.alpha:.0%}"
        )
    return (
        f"{worst.errors:,} of {worst.n:,} probes wrong, bound {worst.bound:.1%} above "
        f"{certificate.alpha:.0%}"
    )


def _uncertified_by_labels(certificate: Certificate, counts: ByLabel) -> str:
    """Why the labels certify no level in a cell: the first requirement of a certificate that its
    alleles do not meet."""
    effect, none = counts.effect.n, counts.none.n
    if not certificate.tested:
        return (
            "no band of labelled alleles holds enough of both labels with few enough wrong calls "
            f"({certificate.n_probes:,} alleles in the cell)"
        )
    if min(effect, none) < MIN_OF_LABEL:
        return (
            f"{effect:,} labelled alleles with an effect and {none:,} without may carry it; "
            f"{MIN_OF_LABEL} of each are needed"
        )
    if counts.bound > certificate.alpha:
        return f"bound of the mean error {counts.bound:.1%} above {certificate.alpha:.0%}"
    if counts.p_commoner > certificate.delta:
        return (
            f"the calls are not better than the commoner label ({counts.right:,} right and "
            f"{counts.wrong:,} wrong, p = {counts.p_commoner:.2g})"
        )
    return "the blocks of the labels are too few, or disagree"
