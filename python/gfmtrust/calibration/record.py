"""calibration.json: everything that is needed to flag alleles later, and to audit a flag from this
file alone.

`fit` and `calibrate` create it; `outcome` describes it in words. It is defined here and not in
`core.contracts` because its parts are records of this package.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from gfmtrust.calibration.class_calibration import ClassCalibration
from gfmtrust.calibration.heldout_verdict import HeldOutVerdict
from gfmtrust.calibration.ladder import LadderRow
from gfmtrust.calibration.memorisation import MemoryVerdict
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.outcome import outcome_text
from gfmtrust.calibration.own_alleles import OwnAlleleRow, PopulationRow
from gfmtrust.calibration.shift import ShiftVerdict
from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.errors import ConfigurationError, GfmtrustError, message
from gfmtrust.core.vocabulary import VariantClass
from gfmtrust.inputs.training import Overlap

PLACE = "calibration.json"
N_QUANTILES = 1000
"""Quantiles of the probes' local surprisal that the file keeps for the shift test of a later
run."""


@dataclass(frozen=True)
class ControlVerdict:
    """One negative control: permuted weights or shuffled windows, which have no information about a
    site."""

    name: str = entry("the control")
    n: int = entry("probes")
    n_high: int = entry("probes flagged HIGH")
    n_medium: int = entry("probes flagged MEDIUM")
    error: float | None = entry("share of wrong preferences; null without probes")


@dataclass(frozen=True)
class Withdrawal:
    """A level that was certified on probes and is not given, because the run's own alleles or the
    model's memory speak against it."""

    level: str = entry("the flag")
    stratum: str = entry("cell of the alleles; empty for every allele of the run")
    reason: str = entry("OWN_ALLELES, REF_BIAS or MEMORISED")
    text: str = entry("what was seen, in words")
    is_low: bool = entry(
        "whether alleles that would carry the level are LOW, because they miss what the level below "
        "promises too",
        default=False,
    )


@dataclass(frozen=True)
class LabelCalibrations:
    """The calibrations by labels. They flag the alleles of their class of variant, and never region
    bases."""

    classes: dict[str, ClassCalibration] = entry("by class of variant", factory=dict)
    refusals: tuple[tuple[str, str], ...] = entry(
        "class of variant, and why its labels could not calibrate it", default=()
    )
    overlap: tuple[Overlap, ...] = entry(
        "how many of the labels lie where each model was trained", default=()
    )


@dataclass(frozen=True)
class RunCalibration(Contract):
    """The calibration of a run."""

    NAME: ClassVar[str] = PLACE
    VERSION: ClassVar[int] = 3
    WRITER: ClassVar[str] = "CALIBRATE"
    ERROR: ClassVar[type[GfmtrustError]] = ConfigurationError
    SORTED: ClassVar[bool] = False  # the order of the bundles is that of --models

    options: Options = entry("options, the same for all classes")
    classes: dict[str, ClassCalibration] = entry(
        "calibration by probes of each class of variant; there is always one of SNV, which flags the"
        " region bases too"
    )
    labels: LabelCalibrations = entry("calibrations by labels", factory=LabelCalibrations)
    shift: ShiftVerdict | None = entry("are the run's sites like the probes?", default=None)
    controls: tuple[ControlVerdict, ...] = entry("the negative controls", default=())
    alt_distance: float | None = entry(
        "Kolmogorov-Smirnov distance of the LLRs of the run's SNVs from those with their ALTs "
        "permuted",
        default=None,
    )
    own_alleles: tuple[OwnAlleleRow, ...] = entry(
        "the flags of the run's own SNVs: how often the preference misses REF", default=()
    )
    population: tuple[PopulationRow, ...] = entry(
        "the flags where a population's frequencies say which allele is common", default=()
    )
    memory: MemoryVerdict | None = entry(
        "signs that the models have memorised the genome", default=None
    )
    heldout: HeldOutVerdict | None = entry(
        "whether HIGH can be certified on the held-out contigs; null without a sign of memory",
        default=None,
    )
    ladder: tuple[LadderRow, ...] = entry(
        "error against three kinds of decoys, by copy class; no flag depends on it", default=()
    )
    withdrawals: tuple[Withdrawal, ...] = entry(
        "levels that were certified on probes and are not given", default=()
    )
    high_withheld: str = entry("why HIGH is not given although certified", default="")
    outcome: str = entry("the verdict in words", default="")

    @classmethod
    def from_dict(cls, content: dict, place: str = PLACE) -> Self:
        """As `Contract.from_dict`; also refuses options and thresholds out of range."""
        calibration = super().from_dict(content, place)
        calibration.options.check(place)
        # a probe whose reliability is below the guard band has a cut-off below 0
        lowest = -(calibration.options.guard_band + 1e-6)
        for one in (*calibration.classes.values(), *calibration.labels.classes.values()):
            for certificate in one.certificates:
                if certificate.threshold is not None and not (lowest <= certificate.threshold <= 1):
                    cut_off = f"{certificate.level} cut-off {certificate.threshold}"
                    raise ConfigurationError(
                        message(place, cut_off, "0 to 1", "run CALIBRATE again")
                    )
        if VariantClass.SNV not in calibration.classes:
            raise ConfigurationError(
                message(place, "no class SNV", "a calibration of SNVs", "run CALIBRATE again")
            )
        return calibration

    @property
    def digests(self) -> dict:
        return self.options.digests

    @property
    def bundles(self) -> dict[str, str]:
        """Model id -> digest of its bundle, in the order of --models."""
        return self.digests.get("bundles", {})

    @property
    def sets(self) -> str:
        """What the flags of SNVs were certified on: 'decoy', or 'decoy+labels' where labels certify
        some of the run's flags too."""
        return self.snv.set + ("+labels" if self.labels.classes else "")

    @property
    def snv(self) -> ClassCalibration:
        """The calibration that flags region bases, and SNVs where it has no labels of SNVs."""
        return self.classes[VariantClass.SNV.value]

    def flagging(self) -> dict[str, ClassCalibration]:
        """The calibration that flags the alleles of each class, SNV first, then by name. A
        calibration by labels has precedence."""
        by_name = dict(sorted((self.classes | self.labels.classes).items()))
        return {VariantClass.SNV.value: by_name[VariantClass.SNV.value], **by_name}

    def in_use(self) -> list[tuple[str, ClassCalibration]]:
        """Every calibration that flags alleles, with its class of variant. A class whose labels are
        of one locus has two: that of its labels, and that of decoys for the alleles elsewhere."""
        pairs = []
        for name, one in self.flagging().items():
            pairs.append((name, one))
            if one.loci and name in self.classes:
                pairs.append((name, self.classes[name]))
        return pairs

    def elsewhere(self, name: str) -> ClassCalibration:
        """The calibration of that class by decoys, for alleles outside the loci of its labels."""
        without = replace(self, labels=LabelCalibrations())
        return without.of_class(name)

    def of_class(self, name: str) -> ClassCalibration:
        """The calibration that flags that class of variant. A class without a calibration is
        flagged LOW with the reason UNCERTIFIED."""
        calibration = self.flagging().get(name)
        return calibration or replace(self.snv, reliability=None, certificates=())


def with_outcome_text(calibration: RunCalibration) -> RunCalibration:
    """The calibration with its outcome in words."""
    return replace(calibration, outcome=outcome_text(calibration))


def of_snvs(options: Options, snv: ClassCalibration) -> RunCalibration:
    """The calibration of a run of SNVs alone."""
    return with_outcome_text(RunCalibration(options, {VariantClass.SNV.value: snv}))


def with_shift(
    calibration: RunCalibration, verdict: ShiftVerdict, transferred: bool = False
) -> RunCalibration:
    """The calibration with this run's shift verdict. A transferred calibration (`--calibration`)
    loses HIGH where no shift could be tested."""
    calibration = replace(calibration, shift=verdict)
    if transferred and verdict.state in ("too_few", "not_tested"):
        return withhold_high(
            calibration, "a transferred calibration and too few sites to test for shift"
        )
    return with_outcome_text(calibration)


def with_surprisal(calibration: RunCalibration, surprisal: np.ndarray) -> RunCalibration:
    """The calibration that keeps quantiles of that local surprisal, bits (n,), for the shift test of
    a later run."""
    finite = surprisal[np.isfinite(surprisal)]
    quantiles = np.quantile(finite, np.linspace(0, 1, N_QUANTILES)).tolist() if len(finite) else []
    snv = replace(calibration.snv, surprisal_quantiles=tuple(quantiles))
    return replace(calibration, classes={**calibration.classes, VariantClass.SNV.value: snv})


def with_controls(
    calibration: RunCalibration,
    controls: tuple[ControlVerdict, ...],
    alt_distance: float | None = None,
) -> RunCalibration:
    """The calibration with its negative controls. A control with a flag above LOW withdraws HIGH
    from the whole run."""
    calibration = replace(calibration, controls=controls, alt_distance=alt_distance)
    flagged = [control.name for control in controls if control.n_high or control.n_medium]
    return (
        withhold_high(calibration, f"a negative control earned a flag ({', '.join(flagged)})")
        if flagged
        else with_outcome_text(calibration)
    )


def withhold_high(calibration: RunCalibration, why: str) -> RunCalibration:
    """The calibration limited to MEDIUM, for that reason (text for the header)."""
    return with_outcome_text(replace(calibration, high_withheld=why))


def check_matches(calibration: RunCalibration, digests: dict) -> None:
    """Raises ConfigurationError (78) where the calibration belongs to other models, another genome,
    other views, another precision, or other regions of the same name. A BED file that only one of
    the two has is no contradiction: `flags` judges its alleles as those of the rest of the
    genome."""
    have, got = calibration.digests, as_json(digests)
    bundles, of_scores = have.get("bundles", {}), got.get("bundles", {})
    for model in bundles:
        if model in of_scores and bundles[model] != of_scores[model]:
            raise _mismatch(
                f"sha {_short(bundles[model])} of {model}", f"sha {_short(of_scores[model])}"
            )
    if list(bundles) != list(of_scores):
        raise _mismatch(f"models {', '.join(bundles)}", f"models {', '.join(of_scores)}")
    regions, of_regions = have.get("regions", {}), got.get("regions", {})
    for name in regions:
        if name in of_regions and regions[name] != of_regions[name]:
            raise _mismatch(
                f"regions {name} of digest {_short(regions[name])}",
                f"digest {_short(of_regions[name])}",
            )
    for name in sorted({*have, *got} - {"bundles", "regions"}):
        if have.get(name) != got.get(name):
            raise _mismatch(f"{name} {_short(have.get(name))}", f"{name} {_short(got.get(name))}")


def _mismatch(calibrated: str, scored: str) -> ConfigurationError:
    return ConfigurationError(
        f"{PLACE}: calibration is for {calibrated}; scores are of {scored}; run CALIBRATE again"
    )


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else text[:12] + "..."


def as_json(digests: dict) -> dict:
    return json.loads(json.dumps(digests))
