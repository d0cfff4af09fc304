"""What a calibration is: its options, counts, certificates and outcome, as JSON text and back.

Everything needed to flag alleles later and to audit a flag from the file alone. How it is made is
in `calibration`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from gfmtrust.calibration import splits
from gfmtrust.calibration.caps import Limits
from gfmtrust.calibration.certificates import Certificate, Tally, thresholds
from gfmtrust.calibration.reliability import AblationRow, Reliability, Term
from gfmtrust.calibration.shift import ShiftVerdict
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.core.vocabulary import Rank, VariantClass
from gfmtrust.inputs.training import Overlap

PLACE = "calibration.json"


@dataclass(frozen=True)
class Options:
    """alpha: error a level may have; delta: chance that a certificate is wrong; guard_band:
    reliability above a cut-off that still gets the lower flag, so that HIGH here is no LOW on
    another device.

    simultaneous: delta is shared by all cells and levels; looks: how often half B has been used,
    this time included; context_only: the context model is the only model (gain then caps nothing);
    background: file that context model and probes come from, '' where that is the genome itself;
    long_window: models that read more than they were trained on, '' for none; digests: JSON-like
    facts the calibration is of (genome, background, bundles, views, precision), compared by
    `check_matches`.
    """

    seed: int = 1
    alpha_high: float = 0.05
    alpha_medium: float = 0.20
    delta: float = 0.05
    guard_band: float = 0.0
    simultaneous: bool = False
    looks: int = 1
    context_only: bool = False
    background: str = ""
    long_window: str = ""
    digests: dict = field(default_factory=dict)

    @property
    def at_most_medium(self) -> str:
        """Why no allele of the run may be HIGH whatever its own measures, as half a sentence; ''
        where nothing says so."""
        if self.background:
            return f"context model and probes come from {self.background}"
        return (
            f"the window is longer than {self.long_window} was trained on"
            if self.long_window
            else ""
        )

    def check(self, place: str = "calibration") -> None:
        """Raises ConfigurationError (78) where a level could not mean anything."""
        if not 0 < self.alpha_high < self.alpha_medium < 1:
            raise ConfigurationError(
                message(
                    place,
                    f"alpha_high {self.alpha_high}, alpha_medium {self.alpha_medium}",
                    "0 < alpha_high < alpha_medium < 1",
                )
            )
        if not 0 < self.delta <= 0.5:
            raise ConfigurationError(
                message(place, f"delta {self.delta}", "more than 0, at most 0.5")
            )
        if not 0 <= self.guard_band < 1:
            raise ConfigurationError(message(place, f"guard_band {self.guard_band}", "0 to 1"))


@dataclass(frozen=True)
class Counts:
    """Probes used, by part, and those left out because no model answered."""

    probes: int
    failed: int
    half_a: int
    b1: int
    b2: int
    blocks: int


@dataclass(frozen=True)
class NullVerdict:
    """One null control: a scorer that can know nothing. error: share of wrong preferences, None
    without probes."""

    name: str
    n: int
    n_high: int
    n_medium: int
    error: float | None


@dataclass(frozen=True)
class Direction:
    """Wrong calls of the labelled alleles of half B with one flag that prefer one allele, 'ALT' or
    'REF'."""

    level: str
    prefers: str
    n: int
    errors: int


@dataclass(frozen=True)
class Calibration:
    """Everything needed to flag alleles later, and to audit a flag from the file alone.

    reliability: None where no probe could be scored; surprisal_quantiles: of the probes, for the
    shift gate of a later run; alt_distance: Kolmogorov-Smirnov distance of the LLRs of the run's
    SNVs from those with their ALTs permuted, None without any; high_withheld: why HIGH is not given
    although certified, '' where it is; outcome: the verdict in words; kinds: the calibrations of
    the other variant classes, this one being that of SNVs. A class without one gets LOW. labelled:
    calibrations by labels, by variant class; alleles of that class are flagged by it, region bases
    never. In such a one `set` is 'labels', cut (nats) and by_size make the call (see `calls`), and
    directions tell its errors apart. label_refusals: (variant class, why its labels could not
    calibrate it). length_bins: first length (bp) of each bin that the certificates' classes tell
    apart, see `strata`; none in files of earlier versions. label_overlap: how many of the labels
    given lie where each model was trained.
    """

    options: Options
    counts: Counts
    reliability: Reliability | None
    limits: Limits
    certificates: tuple[Certificate, ...]
    ablation: tuple[AblationRow, ...]
    surprisal_quantiles: tuple[float, ...]
    shift: ShiftVerdict | None = None
    nulls: tuple[NullVerdict, ...] = ()
    alt_distance: float | None = None
    high_withheld: str = ""
    outcome: str = ""
    set: str = "decoy"
    kinds: dict[str, Calibration] = field(default_factory=dict)
    labelled: dict[str, Calibration] = field(default_factory=dict)
    cut: float | None = None
    by_size: bool = False
    directions: tuple[Direction, ...] = ()
    label_refusals: tuple[tuple[str, str], ...] = ()
    length_bins: tuple[int, ...] = ()
    label_overlap: tuple[Overlap, ...] = ()

    @property
    def digests(self) -> dict:
        return self.options.digests

    def by_kind(self) -> dict[str, Calibration]:
        """What flags the alleles of each class: this calibration those of SNVs, then the other
        classes by name; by labels where there are some."""
        kinds = {
            VariantClass.SNV.value: self,
            **dict(sorted({**self.kinds, **self.labelled}.items())),
        }
        return {kind: self.labelled.get(kind, held) for kind, held in kinds.items()}

    def to_json(self) -> str:
        """JSON text; floats are written so that reading gives the same bits."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: str) -> Calibration:
        """The calibration of that text. Raises ConfigurationError (78) where it is none or a
        cut-off is out of range."""
        try:
            return _checked(_from_dict(json.loads(text)))
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as fault:
            raise ConfigurationError(
                message(
                    PLACE,
                    f"no calibration ({type(fault).__name__}: {fault})",
                    "the file calibrate wrote",
                    "run CALIBRATE again",
                )
            ) from fault


def with_shift(
    calibration: Calibration, verdict: ShiftVerdict, transferred: bool = False
) -> Calibration:
    """The calibration with this run's shift verdict. A transferred one (`--calibration`) loses HIGH
    where nothing was tested."""
    kinds = {
        kind: with_shift(held, verdict, transferred) for kind, held in calibration.kinds.items()
    }
    labelled = {
        kind: with_shift(held, verdict, transferred) for kind, held in calibration.labelled.items()
    }
    calibration = replace(calibration, shift=verdict, kinds=kinds, labelled=labelled)
    if transferred and verdict.state in ("too_few", "not_tested"):
        return withhold_high(
            calibration, "a transferred calibration and too few sites to test for shift"
        )
    return told(calibration)


def with_nulls(
    calibration: Calibration, nulls: tuple[NullVerdict, ...], alt_distance: float | None = None
) -> Calibration:
    """The calibration with its null controls. A null that earns a flag withdraws HIGH from the
    whole run."""
    calibration = replace(calibration, nulls=nulls, alt_distance=alt_distance)
    guilty = [null.name for null in nulls if null.n_high or null.n_medium]
    return (
        withhold_high(calibration, f"a flag went to the null control {', '.join(guilty)}")
        if guilty
        else told(calibration)
    )


def withhold_high(calibration: Calibration, why: str) -> Calibration:
    """The calibration giving at most MEDIUM, for that reason (words for the header)."""
    kinds = {kind: withhold_high(held, why) for kind, held in calibration.kinds.items()}
    labelled = {kind: withhold_high(held, why) for kind, held in calibration.labelled.items()}
    return told(replace(calibration, high_withheld=why, kinds=kinds, labelled=labelled))


def check_matches(calibration: Calibration, digests: dict) -> None:
    """Raises ConfigurationError (78) where the calibration is of other models, another genome,
    other views or precision."""
    have, got = calibration.digests, as_json(digests)
    bundles, of_scores = have.get("bundles", {}), got.get("bundles", {})
    for model in bundles:
        if model in of_scores and bundles[model] != of_scores[model]:
            raise _mismatch(
                f"sha {_short(bundles[model])} of {model}", f"sha {_short(of_scores[model])}"
            )
    if list(bundles) != list(of_scores):
        raise _mismatch(f"models {', '.join(bundles)}", f"models {', '.join(of_scores)}")
    for name in sorted({*have, *got} - {"bundles"}):
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


def refusal(counts: Counts) -> str:
    """Why no certificate can be given at all, '' where one can."""
    if not counts.probes:
        return "no probe could be scored"
    if counts.blocks < splits.MIN_BLOCKS:
        return f"{counts.blocks} usable blocks of genome, {splits.MIN_BLOCKS} needed"
    if not splits.halves_balanced(counts.half_a, counts.probes):
        return f"the blocks cannot be split evenly (half A holds {counts.half_a} of {counts.probes} probes)"
    return ""


def told(calibration: Calibration) -> Calibration:
    """The calibration with its outcome in words."""
    return replace(calibration, outcome=_outcome(calibration))


def _outcome(calibration: Calibration) -> str:
    if calibration.shift is not None and calibration.shift.fired:
        return "No flag above LOW: the run's sites are unlike the probes (shift gate fired); recalibrate on this genome"
    if refusal(calibration.counts):
        return f"No flag above LOW: {refusal(calibration.counts)}"
    levels = (Rank.MEDIUM,) if calibration.options.at_most_medium else (Rank.HIGH, Rank.MEDIUM)
    parts = [_level_outcome(calibration, level) for level in levels]
    if not any(certificate.exists for certificate in calibration.certificates):
        parts = ["No flag above LOW: the model's preference could not be certified on this genome"]
    elif calibration.options.at_most_medium:
        parts.append(f"at most MEDIUM: {calibration.options.at_most_medium}")
    if calibration.high_withheld:
        parts.append(f"HIGH is withheld: {calibration.high_withheld}")
    elif beside := _without_band(calibration):
        parts.append(
            f"HIGH borders on LOW in {'+'.join(beside)}: a flag close to that cut-off may differ between devices"
        )
    parts += [
        f"{kind} alleles are flagged by labels: {held.outcome}"
        for kind, held in sorted(calibration.labelled.items())
    ]
    parts += [f"{kind} labels cannot calibrate: {why}" for kind, why in calibration.label_refusals]
    if calibration.options.looks > 1:
        parts.append(f"exploratory: look {calibration.options.looks} at half B")
    return "; ".join(parts)


def _without_band(calibration: Calibration) -> list[str]:
    """Region classes with HIGH whose MEDIUM is missing, or no wider than twice the guard band."""
    classes = np.array(
        sorted({name for found in calibration.certificates for name in found.region_classes}),
        dtype=object,
    )
    high, medium = (
        thresholds(calibration.certificates, level.name, classes)
        for level in (Rank.HIGH, Rank.MEDIUM)
    )
    return classes[
        np.isfinite(high) & ~(high - medium > 2 * calibration.options.guard_band)
    ].tolist()


def _level_outcome(calibration: Calibration, level: Rank) -> str:
    found = [c for c in calibration.certificates if c.level == level.name and c.exists]
    if not found:
        return f"{level.name} could not be certified"
    told = [
        f"{'+'.join(name for name in c.region_classes if c.covers(name))} {c.balanced.errors} of {c.balanced.n} wrong, bound "
        f"{c.balanced.bound:.3f}"
        for c in found
    ]
    if calibration.cut is None:  # labels have one orientation
        told = [
            f"{text}, run-oriented {c.run.errors} of {c.run.n}, bound {c.run.bound:.3f}"
            for text, c in zip(told, found, strict=True)
        ]
    return f"{level.name} certified at {found[0].alpha:g} with confidence {1 - found[0].delta:g} ({', '.join(told)})"


def _from_dict(raw: dict) -> Calibration:
    """A calibration from its dict; lists become the tuples they were. KeyError or TypeError where
    the shape is another."""
    raw = dict(raw)
    options = Options(**raw.pop("options"))
    fitted = raw.pop("reliability")
    if fitted is not None:
        terms = tuple(Term(**term) for term in fitted.pop("terms"))
        fitted = Reliability(terms=terms, **_tuples(fitted))
    given = tuple(
        Certificate(**{**_tuples(c), "balanced": Tally(**c["balanced"]), "run": Tally(**c["run"])})
        for c in raw.pop("certificates")
    )
    verdict = raw.pop("shift")
    return Calibration(
        options=options,
        reliability=fitted,
        certificates=given,
        counts=Counts(**raw.pop("counts")),
        limits=Limits(**_tuples(raw.pop("limits"))),
        ablation=tuple(AblationRow(**row) for row in raw.pop("ablation")),
        kinds={kind: _from_dict(held) for kind, held in raw.pop("kinds", {}).items()},
        labelled={kind: _from_dict(held) for kind, held in raw.pop("labelled", {}).items()},
        label_overlap=tuple(Overlap(**_tuples(one)) for one in raw.pop("label_overlap", ())),
        directions=tuple(Direction(**one) for one in raw.pop("directions", ())),
        shift=None if verdict is None else ShiftVerdict(**verdict),
        nulls=tuple(NullVerdict(**null) for null in raw.pop("nulls")),
        **_tuples(raw),
    )


def _tuples(value):
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


def _checked(calibration: Calibration) -> Calibration:
    calibration.options.check(PLACE)
    for certificate in calibration.certificates:
        if certificate.threshold is not None and not 0 <= certificate.threshold <= 1:
            found = f"{certificate.level} cut-off {certificate.threshold}"
            raise ConfigurationError(message(PLACE, found, "0 to 1", "run CALIBRATE again"))
    return calibration
