"""`gfmtrust audit`: opens the models, says what the audit costs, measures, and writes audit.json and the
pages."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from gfmtrust.audit import fisher, page
from gfmtrust.audit.measure import ARCHETYPES, MODEL
from gfmtrust.audit.study import AuditSizes, Study, draw_sites
from gfmtrust.audit.subject import Subject
from gfmtrust.audit.table import of_group
from gfmtrust.audit.verdict import verdict
from gfmtrust.baseline.write import fit_context_model
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.contracts.audit import Audit, AuditedModel, Measured
from gfmtrust.core.errors import ConfigurationError, InternalError, UsageError, message
from gfmtrust.core.progress import Progress, duration
from gfmtrust.core.vocabulary import CONTEXT_FAMILY
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.inputs.population import Population
from gfmtrust.inputs.reference import user_contigs
from gfmtrust.io import bed
from gfmtrust.io.genome import Genome
from gfmtrust.scoring.options import ScoringOptions

log = logging.getLogger(__name__)

TIMED_WINDOWS = 16


@dataclass(frozen=True)
class AuditRequest:
    """What a user asks for. context_model: a bundle of it, None for that of the bundles, or to fit
    one where they have none. groups: MODEL,
    ARCHETYPES or both. skip_unfit: models that cannot be audited are left out."""

    bundles: tuple[Path, ...]
    fasta: Path
    out_dir: Path
    groups: tuple[str, ...] = (MODEL,)
    context_model: Path | None = None
    regions: Path | None = None
    population_vcf: Path | None = None
    checkpoints: tuple[Path, ...] = ()
    seed: int = 1
    sizes: AuditSizes = field(default_factory=AuditSizes)
    price_per_hour: float | None = None
    skip_unfit: bool = False
    scoring: ScoringOptions = field(default_factory=ScoringOptions)


def audit(request: AuditRequest) -> list[Audit]:
    """Audit each model and write `<out_dir>/<model>/audit.json`, its page, and the page of the
    league.

    Raises UsageError (64) for no model or two models of one name, ConfigurationError (78) for a model without
    distributions or an existing audit of another bundle or genome, BadDataError (65) for a genome
    that is too small.
    """
    if not request.bundles:
        raise UsageError(message("--bundles", "no model", "at least one", "name bundle folders"))
    bundles = [Bundle.open(path) for path in request.bundles]
    names = [bundle.model_id for bundle in bundles]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            message("--bundles", f"{twice} twice", "models with different ids", "name each once")
        )
    with tempfile.TemporaryDirectory() as scratch, Genome.open(request.fasta, scratch) as genome:
        digest = genome.digest()
        earlier = {bundle.model_id: read_earlier(request, bundle, digest) for bundle in bundles}
        with _study(request, bundles, genome, digest, Path(scratch)) as study:
            say_cost(request, study)
            audits = []
            for subject in study.ensemble:
                try:
                    measured = audited(request, study, subject, (genome.name, digest))
                except InternalError as error:  # as of random weights, whose answers are no bases
                    if not request.skip_unfit:
                        raise
                    log.warning("%s; it is not audited", error)
                    continue
                audits.append(_write(request, measured, earlier))
    page.write_league(request.out_dir)
    return audits


def read_earlier(request: AuditRequest, bundle: Bundle, digest: str) -> Audit | None:
    """The audit of the same bundle and genome that is in the output folder; None where there is
    none. Raises ConfigurationError (78) for an audit of another bundle or genome."""
    path = request.out_dir / bundle.model_id / Audit.NAME
    if not path.is_file():
        return None
    audit = Audit.read(path)
    audit.require(path, bundle.sha256, digest)
    return audit


def opened(bundles: list[Bundle], request: AuditRequest) -> list[Subject]:
    """The models, loaded. Raises ConfigurationError (78) for one that has no distribution at each
    base; with `skip_unfit` it is left out with a warning."""
    subjects = []
    for bundle in bundles:
        try:
            subjects.append(Subject.open(bundle, request.scoring))
        except ConfigurationError as error:
            if not request.skip_unfit:
                raise
            log.warning("%s; it is not audited", error)
    return subjects


def _require_genome(bundle: Bundle, digest: str) -> None:
    """Raise ConfigurationError (78) for a context model of another genome, whose members are known
    by their places in that one."""
    if bundle.family == CONTEXT_FAMILY and bundle.meta["source"]["genome"] != digest:
        raise ConfigurationError(
            message(
                str(bundle.directory),
                "a context model of another genome",
                "one of this genome",
                "leave it out, and one is fitted",
            )
        )


def given_context_model(request: AuditRequest, bundles: list[Bundle]) -> Bundle | None:
    """The bundle of `--context_model`, None where there is none. Raises ConfigurationError (78) for
    a bundle of another family, and for a context model beside another one in the bundles."""
    if request.context_model is None:
        return None
    given = Bundle.open(request.context_model)
    if given.family != CONTEXT_FAMILY:
        observed, expected = f"family {given.family}", f"family {CONTEXT_FAMILY}"
        remedy = "leave it out, and one is fitted"
        raise ConfigurationError(
            message(f"--context_model {request.context_model}", observed, expected, remedy)
        )
    for bundle in bundles:
        if bundle.family == CONTEXT_FAMILY and bundle.sha256 != given.sha256:
            raise ConfigurationError(
                message(
                    f"--context_model {request.context_model}",
                    f"another context model than {bundle.directory} of --bundles",
                    "one context model",
                    "leave one of the two out",
                )
            )
    return given


@contextmanager
def _study(
    request: AuditRequest, bundles: list[Bundle], genome: Genome, digest: str, scratch: Path
) -> Iterator[Study]:
    given = given_context_model(request, bundles)
    for bundle in [*bundles, *([given] if given else [])]:
        _require_genome(bundle, digest)
    ensemble = opened(bundles, request)
    context = next((one for one in ensemble if one.bundle.family == CONTEXT_FAMILY), None)
    if context is None:
        if given is None:
            folder = scratch / "context_model"
            fit_context_model(request.fasta, folder, seed=request.seed)
            given = Bundle.open(folder)
        context = Subject.open(given, replace(request.scoring, device="auto"))
    widest = max(one.width + max(map(abs, (0, *one.bundle.shifts))) for one in [*ensemble, context])
    functional = bed.intervals(request.regions) if request.regions else None
    yield Study(
        genome,
        draw_sites(genome, request.sizes.sites, widest, request.seed),
        ensemble,
        context,
        request.sizes,
        request.seed,
        request.price_per_hour,
        functional,
        request.population_vcf
        and Population(
            request.population_vcf, genome, ContigRule.of("none", user_contigs(genome.contigs))
        ),
        fisher.matched(request.checkpoints, bundles),
    )


def planned_passes(request: AuditRequest, study: Study, subject: Subject) -> int:
    """Windows that the audit of one model runs, those of its twin included."""
    passes = 0
    if MODEL in request.groups:
        reader, n = subject.reader, len(study.sites)
        passes += n * (
            reader.passes_per_site("thorough", False) + reader.passes_per_site("default", False)
        )
    return passes + sum(
        measure.passes(study, subject) for group in request.groups for measure in of_group(group)
    )


def say_cost(request: AuditRequest, study: Study) -> None:
    """Log passes and time of each model before anything is measured."""
    for subject in study.ensemble:
        passes = planned_passes(request, study, subject)
        rate = _rate(subject)
        log.info(
            "audit of %s: %s sites, about %s passes at %s passes/s on %s: %s",
            subject.name,
            f"{len(study.sites):,}",
            f"{passes:,}",
            f"{rate:,.0f}",
            subject.scorer.device,
            duration(passes / rate),
        )


def _rate(subject: Subject) -> float:
    """Windows per second; the first batch is not timed."""
    windows = _random_windows(subject)
    site = subject.bundle.site_forward
    subject.site_answers(windows, site)
    before, started = subject.scorer.passes, time.monotonic()
    subject.site_answers(windows, site)
    return (subject.scorer.passes - before) / max(time.monotonic() - started, 1e-6)


def _random_windows(subject: Subject) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, (TIMED_WINDOWS, subject.width)).astype(np.uint8)


def audited(
    request: AuditRequest, study: Study, subject: Subject, genome: tuple[str, str]
) -> Audit:
    """The audit of one model. genome: its name and digest."""
    started, total = time.monotonic(), planned_passes(request, study, subject)
    progress = Progress(f"audit of {subject.name}", "passes", total)
    measures = []
    for group in request.groups:
        for measure in of_group(group):
            subject.scorer.on_passes = lambda done, name=measure.name: progress(
                done + subject.further_passes, name
            )
            measures.append(measure.of(study, subject))
            progress(subject.passes, f"{measure.name} done")
    subject.scorer.on_passes = None
    identity = subject.bundle.meta["identity"]
    return Audit(
        AuditedModel(
            subject.name,
            subject.bundle.family,
            subject.bundle.sha256,
            subject.width,
            identity["n_parameters"],
        ),
        tuple(one.name for one in study.ensemble),
        genome[0],
        genome[1],
        request.seed,
        subject.scorer.device,
        subject.passes,
        round(time.monotonic() - started, 3),
        tuple(measures),
        verdict(measures),
    )


def _write(request: AuditRequest, audit: Audit, earlier: dict[str, Audit | None]) -> Audit:
    """Write an audit, joined with the other group of an earlier one, and its page."""
    audit = joined(earlier[audit.model.id], audit)
    folder = request.out_dir / audit.model.id
    folder.mkdir(parents=True, exist_ok=True)
    audit.write(folder / Audit.NAME)
    page.write(folder, audit)
    for line in audit.verdict:
        log.info("%s: %s", audit.model.id, line)
    return audit


def joined(earlier: Audit | None, audit: Audit) -> Audit:
    """An audit with the measures of the groups that it did not measure from an earlier one of the
    same bundle and genome."""
    if earlier is None:
        return audit
    groups = {one.group for one in audit.measures}
    kept = tuple(one for one in earlier.measures if one.group not in groups)
    if not kept:
        return audit
    measures: tuple[Measured, ...] = tuple(
        sorted((*kept, *audit.measures), key=lambda one: one.group != MODEL)
    )
    return replace(
        audit,
        measures=measures,
        verdict=verdict(measures),
        passes=audit.passes + earlier.passes,
        seconds=round(audit.seconds + earlier.seconds, 3),
        members=audit.members if MODEL in groups else earlier.members,
    )


GROUPS = {MODEL: (MODEL,), ARCHETYPES: (ARCHETYPES,), "all": (MODEL, ARCHETYPES)}
"""Action of the command line -> groups of measures."""
