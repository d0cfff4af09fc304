"""Label-free calibration: from decoy probes to a reliability, its certificates, and all that flags need later.

`fit` is a pure function of the probes' table; a Calibration is JSON text and back. Scoring probes and writing files is
elsewhere; the flags themselves are in `flags`. Source: docs/reliability.md 3, 4, 7.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pandas as pd

from gfmtrust import certificates, halves
from gfmtrust import reliability as score
from gfmtrust.caps import Limits, caps, finite, measure_limits
from gfmtrust.certificates import Certificate, Probes, Tally
from gfmtrust.errors import ConfigurationError, message
from gfmtrust.records import Rank
from gfmtrust.reliability import AblationRow, Reliability, Term
from gfmtrust.shift import ShiftVerdict, shift_gate

__all__ = ["Calibration", "NullVerdict", "Options", "check_matches", "fit", "reliability", "shift_gate", "with_nulls", "with_shift",
           "withhold_high"]

PROBE_COLUMNS = ("contig_index", "pos", "block", "real", "decoy", "run_oriented", "region_class", "llr", "llr_sd", "ent", "dis",
                 "sign_agreement", "strand_jsd", "strand_llr", "strand_flip", "local_surprisal", "gain", "gc", "soft_masked",
                 "n_share", "near_edge")
"""What `fit` needs; `llr` is ln p(decoy) - ln p(real), so below 0 is right. NaN where a probe failed or a measure is missing."""

N_QUANTILES = 1000
PLACE = "calibration.json"


@dataclass(frozen=True)
class Options:
    """alpha: error a level may have; delta: chance that a certificate is wrong; guard_band: in units of reliability.

    simultaneous: delta is shared by all cells and levels; looks: how often half B has been used, this time included;
    context_only: the context model is the only model (gain then caps nothing); digests: JSON-like facts the calibration is
    of (genome, bundles, views, precision), compared by `check_matches`.
    """

    seed: int = 1
    alpha_high: float = 0.05
    alpha_medium: float = 0.20
    delta: float = 0.05
    guard_band: float = 0.0
    simultaneous: bool = False
    looks: int = 1
    context_only: bool = False
    digests: dict = field(default_factory=dict)

    def check(self, place: str = "calibration") -> None:
        """Raises ConfigurationError (78) where a level could not mean anything."""
        if not 0 < self.alpha_high < self.alpha_medium < 1:
            raise ConfigurationError(message(place, f"alpha_high {self.alpha_high}, alpha_medium {self.alpha_medium}",
                                             "0 < alpha_high < alpha_medium < 1"))
        if not 0 < self.delta <= 0.5:
            raise ConfigurationError(message(place, f"delta {self.delta}", "more than 0, at most 0.5"))
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
    """One null control: a scorer that can know nothing. error: share of wrong preferences, None without probes."""

    name: str
    n: int
    n_high: int
    n_medium: int
    error: float | None


@dataclass(frozen=True)
class Calibration:
    """Everything needed to flag alleles later, and to audit a flag from the file alone.

    reliability: None where no probe could be scored; surprisal_quantiles: of the probes, for the shift gate of a later
    run; high_withheld: why HIGH is not given although certified, '' where it is; outcome: the verdict in words.
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
    high_withheld: str = ""
    outcome: str = ""
    set: str = "decoy"

    @property
    def digests(self) -> dict:
        return self.options.digests

    def to_json(self) -> str:
        """JSON text; floats are written so that reading gives the same bits."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: str) -> Calibration:
        """The calibration of that text. Raises ConfigurationError (78) where it is none or a cut-off is out of range."""
        try:
            return _checked(_from_dict(json.loads(text)))
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as fault:
            raise ConfigurationError(message(PLACE, f"no calibration ({type(fault).__name__}: {fault})", "the file calibrate wrote",
                                             "run CALIBRATE again")) from fault


def fit(probes: pd.DataFrame, options: Options = Options()) -> Calibration:  # noqa: B008  (frozen, so a safe default)
    """Fit the reliability on half A and certify HIGH on B1 and exactly-MEDIUM on B2.

    probes: columns PROBE_COLUMNS, any row order. A probe is wrong unless the real base is preferred: LLR 0 is wrong;
    probes without an LLR are left out and counted. Fewer than 8 blocks, or halves outside 40-60 %: no certificate.
    Raises ValueError naming a missing column, ConfigurationError (78) for options out of range.
    """
    options.check()
    options = replace(options, digests=_as_json(options.digests))
    missing = [name for name in PROBE_COLUMNS if name not in probes]
    if missing:
        raise ValueError(f"probes: columns {', '.join(missing)} are missing; expected {', '.join(PROBE_COLUMNS)}")
    probes = probes.sort_values(["contig_index", "pos", "real", "decoy", "run_oriented"], kind="stable", ignore_index=True)
    n_given = len(probes)
    probes = probes[np.isfinite(probes["llr"].to_numpy(dtype=np.float64))].reset_index(drop=True)
    blocks = probes["block"].to_numpy(dtype=np.int64)
    part = halves.split(blocks, options.seed)
    in_a = part == halves.A
    counts = Counts(len(probes), n_given - len(probes), int(in_a.sum()), int((part == halves.B1).sum()),
                    int((part == halves.B2).sum()), len(np.unique(blocks)))
    limits = measure_limits(probes, blocks, options.seed, options.context_only)
    surprisal = finite(probes, "local_surprisal")
    quantiles = tuple(np.quantile(surprisal, np.linspace(0, 1, N_QUANTILES)).tolist()) if len(surprisal) else ()
    if not in_a.any():
        return _told(Calibration(options, counts, None, limits, (), (), quantiles))
    wrong = ~(probes["llr"].to_numpy(dtype=np.float64) < 0)
    folds = halves.folds(blocks[in_a], options.seed, score.N_FOLDS)
    fitted, ablation = score.fit(probes[in_a], ~wrong[in_a], folds, score.median_sd(probes))
    found = ()
    if _refusal(counts) == "":
        seen = Probes(score.predict(fitted, probes), wrong, probes["run_oriented"].to_numpy(dtype=bool),
                      probes["region_class"].to_numpy(dtype=object))
        found = certify(seen, caps(limits, probes)[0], part, options)
    return _told(Calibration(options, counts, fitted, limits, found, ablation, quantiles))


def certify(probes: Probes, cap: np.ndarray, part: np.ndarray, options: Options) -> tuple[Certificate, ...]:
    """All certificates: HIGH by cell on B1, then MEDIUM by cell on B2 among the probes that would not be written HIGH.

    probes: n of them; cap: highest rank each may carry (n,); part: `halves.A`, `B1` or `B2` (n,).
    """
    high_cells = certificates.cells(probes.region_class, part == halves.B1)
    medium_cells = certificates.cells(probes.region_class, part == halves.B2)
    delta = options.delta / (len(high_cells) + len(medium_cells)) if options.simultaneous else options.delta
    may_high = cap >= Rank.HIGH
    high = tuple(_certify_cell(Rank.HIGH, probes, cell, may_high, part, halves.B1, options.alpha_high, delta, options.guard_band)
                 for cell in high_cells)
    nowhere = np.full(len(cap), np.nan)
    at = certificates.thresholds(high, Rank.HIGH.name, probes.region_class)
    is_high = certificates.ranks(probes.reliability, cap, at, nowhere, options.guard_band) == Rank.HIGH
    may_medium = (cap >= Rank.MEDIUM) & ~is_high
    return high + tuple(
        _certify_cell(Rank.MEDIUM, probes, cell, may_medium, part, halves.B2, options.alpha_medium, delta, options.guard_band)
        for cell in medium_cells)


def _certify_cell(level: Rank, probes: Probes, cell: np.ndarray, may_carry: np.ndarray, part: np.ndarray, part_b: int,
                  alpha: float, delta: float, guard: float) -> Certificate:
    usable = cell & may_carry & np.isfinite(probes.reliability)
    return certificates.certify(
        level.name, tuple(sorted(set(probes.region_class[cell]))), probes.of(usable & (part == halves.A)),
        probes.of(usable & (part == part_b)), alpha, delta, guard, int((cell & (part == part_b)).sum()))


def reliability(calibration: Calibration, features: pd.DataFrame) -> np.ndarray:
    """GFM_REL of each allele, float64 (n,) in 0..1; NaN where it cannot be estimated."""
    if calibration.reliability is None:
        return np.full(len(features), np.nan)
    return score.predict(calibration.reliability, features)


def with_shift(calibration: Calibration, verdict: ShiftVerdict, transferred: bool = False) -> Calibration:
    """The calibration with this run's shift verdict. A transferred one (`--calibration`) loses HIGH where nothing was tested."""
    calibration = replace(calibration, shift=verdict)
    if transferred and verdict.state in ("too_few", "not_tested"):
        return withhold_high(calibration, "a transferred calibration and too few sites to test for shift")
    return _told(calibration)


def with_nulls(calibration: Calibration, nulls: tuple[NullVerdict, ...]) -> Calibration:
    """The calibration with its null controls. A null that earns a HIGH withdraws HIGH from the whole run."""
    calibration = replace(calibration, nulls=nulls)
    guilty = [null.name for null in nulls if null.n_high]
    return withhold_high(calibration, f"HIGH went to the null control {', '.join(guilty)}") if guilty else _told(calibration)


def withhold_high(calibration: Calibration, why: str) -> Calibration:
    """The calibration giving at most MEDIUM, for that reason (words for the header)."""
    return _told(replace(calibration, high_withheld=why))


def check_matches(calibration: Calibration, digests: dict) -> None:
    """Raises ConfigurationError (78) where the calibration is of other models, another genome, other views or precision."""
    have, got = calibration.digests, _as_json(digests)
    bundles, of_scores = have.get("bundles", {}), got.get("bundles", {})
    for model in bundles:
        if model in of_scores and bundles[model] != of_scores[model]:
            raise _mismatch(f"sha {_short(bundles[model])} of {model}", f"sha {_short(of_scores[model])}")
    if list(bundles) != list(of_scores):
        raise _mismatch(f"models {', '.join(bundles)}", f"models {', '.join(of_scores)}")
    for name in sorted({*have, *got} - {"bundles"}):
        if have.get(name) != got.get(name):
            raise _mismatch(f"{name} {_short(have.get(name))}", f"{name} {_short(got.get(name))}")


def _mismatch(calibrated: str, scored: str) -> ConfigurationError:
    return ConfigurationError(f"{PLACE}: calibration is for {calibrated}; scores are of {scored}; run CALIBRATE again")


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else text[:12] + "..."


def _as_json(digests: dict) -> dict:
    return json.loads(json.dumps(digests))


def _refusal(counts: Counts) -> str:
    """Why no certificate can be given at all, '' where one can."""
    if not counts.probes:
        return "no probe could be scored"
    if counts.blocks < halves.MIN_BLOCKS:
        return f"{counts.blocks} usable blocks of genome, {halves.MIN_BLOCKS} needed"
    if not halves.halves_balanced(counts.half_a, counts.probes):
        return f"the blocks cannot be split evenly (half A holds {counts.half_a} of {counts.probes} probes)"
    return ""


def _told(calibration: Calibration) -> Calibration:
    """The calibration with its outcome in words."""
    return replace(calibration, outcome=_outcome(calibration))


def _outcome(calibration: Calibration) -> str:
    if calibration.shift is not None and calibration.shift.fired:
        return "No flag above LOW: the run's sites are unlike the probes (shift gate fired); recalibrate on this genome"
    refusal = _refusal(calibration.counts)
    if refusal:
        return f"No flag above LOW: {refusal}"
    parts = [_level_outcome(calibration, level) for level in (Rank.HIGH, Rank.MEDIUM)]
    if not any(certificate.threshold is not None for certificate in calibration.certificates):
        parts = ["No flag above LOW: the model's preference could not be certified on this genome"]
    if calibration.high_withheld:
        parts.append(f"HIGH is withheld: {calibration.high_withheld}")
    if calibration.options.looks > 1:
        parts.append(f"exploratory: look {calibration.options.looks} at half B")
    return "; ".join(parts)


def _level_outcome(calibration: Calibration, level: Rank) -> str:
    found = [c for c in calibration.certificates if c.level == level.name and c.threshold is not None]
    if not found:
        return f"{level.name} could not be certified"
    told = [f"{'+'.join(name for name in c.region_classes if c.covers(name))} {c.balanced.errors} of {c.balanced.n} wrong, bound "
            f"{c.balanced.bound:.3f}, run-oriented {c.run.errors} of {c.run.n}, bound {c.run.bound:.3f}" for c in found]
    return f"{level.name} certified at {found[0].alpha:g} with confidence {1 - found[0].delta:g} ({', '.join(told)})"


def _from_dict(raw: dict) -> Calibration:
    """A calibration from its dict; lists become the tuples they were. KeyError or TypeError where the shape is another."""
    raw = dict(raw)
    options = Options(**raw.pop("options"))
    fitted = raw.pop("reliability")
    if fitted is not None:
        terms = tuple(Term(**term) for term in fitted.pop("terms"))
        fitted = Reliability(terms=terms, **_tuples(fitted))
    given = tuple(Certificate(**{**_tuples(c), "balanced": Tally(**c["balanced"]), "run": Tally(**c["run"])})
                  for c in raw.pop("certificates"))
    verdict = raw.pop("shift")
    return Calibration(
        options=options, reliability=fitted, certificates=given, counts=Counts(**raw.pop("counts")),
        limits=Limits(**_tuples(raw.pop("limits"))), ablation=tuple(AblationRow(**row) for row in raw.pop("ablation")),
        shift=None if verdict is None else ShiftVerdict(**verdict), nulls=tuple(NullVerdict(**null) for null in raw.pop("nulls")),
        **_tuples(raw))


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
