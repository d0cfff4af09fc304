"""REPORT: writes one self-contained HTML page, the MultiQC files and the manifest of a finished
run.

It reads tables and JSON files of earlier steps and never computes a flag. Equal inputs give equal
bytes, because the output contains no time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gfmtrust.annotate import model_comparison
from gfmtrust.annotate.meanings import FLAG_MEANING
from gfmtrust.bundle import facts as model_facts
from gfmtrust.calibration import local_lr, run_background
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.run_background import BackgroundFacts
from gfmtrust.core.contracts.audit import Audit
from gfmtrust.core.contracts.checks import Checks
from gfmtrust.core.contracts.counts import Counts, RegionCounts, VcfCounts, read_counts
from gfmtrust.core.contracts.manifest import Manifest
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.contracts.shard import ShardMetrics
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.io import tables
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.planning.plan import COPY_INDEX
from gfmtrust.report import exam_rows, loci, manifest, multiqc, sanity
from gfmtrust.report import figures as report_figures
from gfmtrust.report import rows as report_rows
from gfmtrust.report import wording as report_wording
from gfmtrust.report.audits import audit_rows, read_audits
from gfmtrust.report.exam_wording import verdict_lines
from gfmtrust.report.labels_verdict import labels_verdict
from gfmtrust.report.model_rows import model_rows, ranked
from gfmtrust.report.numbers import (
    FLAGS,
    AlleleNumbers,
    LeagueRow,
    allele_numbers,
    calibration_curve,
    league,
)
from gfmtrust.report.provenance import provenance
from gfmtrust.report.rendering import rendered

HTML = "gfmtrust_report.html"
SHOWN_ROWS = 500
SHOWN_WARNINGS = 200
ROWS_WITH_BARS = 200
"""Largest number of rows in a table of files, of lines of warnings, and of files with a bar each.
With more, the page would be larger than 500 kB."""


FILTERS = (
    (
        "alleles that are MEDIUM or HIGH",
        "bcftools norm -m- sample.gfm.vcf.gz | bcftools view -i 'GFM_RANK>=2'",
    ),
    ("only HIGH", "bcftools norm -m- sample.gfm.vcf.gz | bcftools view -i 'GFM_RANK=3'"),
    (
        "records of which every ALT is MEDIUM or HIGH, not split",
        "bcftools view -i 'MIN(GFM_RANK)>=2' sample.gfm.vcf.gz",
    ),
    (
        "alleles that are scored, but LOW",
        "bcftools norm -m- sample.gfm.vcf.gz | bcftools view -i 'GFM_RANK=1'",
    ),
    (
        "alleles that are not scored, with the reason",
        "bcftools norm -m- sample.gfm.vcf.gz | bcftools query -i 'GFM_RANK=0' "
        "-f '%CHROM\\t%POS\\t%REF\\t%ALT\\t%GFM_STATUS\\n'",
    ),
)
"""Commands that a reader can copy: (the alleles that it keeps, the command). All commands select by
inclusion, because a missing key matches no comparison."""


@dataclass(frozen=True)
class Run:
    """The outputs of the steps of a run that the report reads. files: counts.json of every
    annotated file, by id; compared, loci, local_lr: the outputs of `model_comparison`, `loci` and
    `local_lr`, {} where there is none; background: that of the percentile, None without one;
    labels_verdict: sentences of BENCHMARK_LABELS on all alleles."""

    checks: Checks
    plan: Plan
    calibration: RunCalibration
    models: list[dict]
    files: list[Counts]
    numbers: AlleleNumbers
    curve: list
    league: list[LeagueRow]
    local_lr: dict
    compared: dict = field(default_factory=dict)
    loci: dict = field(default_factory=dict)
    background: BackgroundFacts | None = None
    labels_verdict: tuple[str, ...] = ()
    audits: tuple[Audit, ...] = ()

    @property
    def vcfs(self) -> list[VcfCounts]:
        return [file for file in self.files if isinstance(file, VcfCounts)]

    @property
    def beds(self) -> list[RegionCounts]:
        return [file for file in self.files if isinstance(file, RegionCounts)]


@dataclass(frozen=True)
class RunFiles:
    """The input files of a report.

    checked, plan, calibration, sites: folders of those steps; counts, metrics: files, in any order;
    model_files: bundle.json of each model; benchmark: folder of BENCHMARK_LABELS, None without
    labels; audit: folder of AUDIT, None without it; tracks: files of WRITE_TRACKS, which only
    the manifest lists.
    """

    checked: Path
    plan: Path
    calibration: Path
    sites: Path
    counts: list[Path]
    metrics: list[Path]
    model_files: list[Path]
    benchmark: Path | None = None
    audit: Path | None = None
    tracks: tuple[Path, ...] = ()


def report(files: RunFiles, out_dir: Path, title: str = "gfmtrust report") -> Run:
    """Write gfmtrust_report.html, the *_mqc files and manifest.json to `out_dir`; return the run
    that they describe.

    The files of an earlier report in `out_dir` are removed first, so that none of them remains
    beside the new files or after a report that failed.
    """
    for name in (HTML, Manifest.NAME, *multiqc.FILES):
        (out_dir / name).unlink(missing_ok=True)
    run = read_run(files)
    out_dir.mkdir(parents=True, exist_ok=True)
    _write(out_dir / HTML, html(run, title))
    pages = [out_dir / HTML]
    for name, text in multiqc.files(run.files, run.calibration, run.audits).items():
        _write(out_dir / name, text)
        pages.append(out_dir / name)
    folders = (files.calibration, files.sites, files.benchmark, files.audit)
    step_files = manifest.files_below(*(folder for folder in folders if folder))
    step_files += [path for path in [files.plan / COPY_INDEX] if path.is_file()]
    step_files += [*files.counts, *files.tracks]
    manifest.manifest(run, step_files + pages).write(out_dir / Manifest.NAME)
    return run


def read_run(files: RunFiles) -> Run:
    """Read a run from its files. Raises MissingInputError (66), BadDataError (65),
    ConfigurationError (78)."""
    fitted = RunCalibration.read(files.calibration / "calibration.json")
    scored = tables.read(
        files.calibration / "probes.scored.parquet",
        ["rel", "wrong", "status", "surprisal", "context_site_surprisal", "block"],
    )
    probe = {name: scored[name].to_numpy(zero_copy_only=False) for name in scored.column_names}
    answered = probe["status"] == ""
    facts = RunFacts.read(files.sites / "sites.parquet")
    metrics = [ShardMetrics.read(path) for path in sorted(files.metrics)]
    models = model_rows(fitted, facts.models, metrics, model_facts.read_all(files.model_files))
    names = [model["id"] for model in models if model["family"] != "context_model"]
    return Run(
        checks=Checks.read(files.checked / Checks.NAME),
        plan=Plan.read(files.plan / Plan.NAME),
        calibration=fitted,
        models=models,
        files=sorted(
            (read_counts(path) for path in files.counts), key=lambda file: (file.kind, file.id)
        ),
        numbers=allele_numbers(files.sites / "sites.parquet"),
        curve=calibration_curve(
            probe["rel"][answered].astype(np.float64), probe["wrong"][answered].astype(bool)
        ),
        league=league(
            probe["surprisal"].astype(np.float64),
            probe["context_site_surprisal"].astype(np.float64),
            probe["block"],
            "ensemble of " + ", ".join(names) if len(names) > 1 else "".join(names) or "models",
            not names,
        ),
        local_lr=_read_if_present(files.calibration / local_lr.JSON_FILE),
        compared=_read_if_present(files.sites / model_comparison.FILE),
        loci=_read_if_present(files.sites / loci.FILE),
        background=_background(files.calibration / run_background.FILE),
        labels_verdict=labels_verdict(files.benchmark),
        audits=read_audits(files.audit, {model["id"]: model["sha256"] for model in models}),
    )


def _background(path: Path) -> BackgroundFacts | None:
    return BackgroundFacts.read(path) if path.is_file() else None


def _read_if_present(path: Path) -> dict:
    return tables.read_json(path) if path.is_file() else {}


def html(run: Run, title: str) -> str:
    """The HTML page. Every text from a user's file is escaped; only figures are markup."""
    return rendered("report.html.j2", {**context(run), "title": title})


def context(run: Run) -> dict:
    """The variables of the template, section by section."""
    numbers, calibration = run.numbers, run.calibration
    alphas = {
        Rank.HIGH: calibration.options.alpha_high,
        Rank.MEDIUM: calibration.options.alpha_medium,
    }
    calls = sanity.calls_of(run.vcfs)
    steps = report_wording.funnel_steps(numbers)
    warnings = report_rows.warnings(run.checks, run.files)
    pictures = {
        tuple(one[name] for name in loci.KEY): one["bases"] for one in run.loci.get("loci", [])
    }
    compared = _compared(run.compared)
    verdict = report_wording.verdict(numbers, calibration, run.beds)
    curve, entropy = (
        report_wording.curve_sentence(run.curve, bool(calibration.labels.classes)),
        report_wording.entropy_sentence(numbers),
    )
    return {
        "numbers": numbers,
        "genome": run.checks.genome,
        "inputs": run.checks.inputs,
        "models": [report_rows.model(model) for model in run.models],
        "meaning": FLAG_MEANING,
        "verdict": verdict,
        # the first sentence of the benchmark may be that of the verdict, too
        "labels_verdict": [
            line for line in run.labels_verdict if not any(line in said for said in verdict.lines)
        ],
        "audits": audit_rows(run.audits),
        "exam_lines": verdict_lines(calibration, calls, run.plan.soft_masked),
        "funnel": {
            "svg": report_figures.funnel_plot(steps),
            "alt": ", ".join(f"{name} {count:,}" for name, count in steps),
            "no_alt": f"{sum(file.no_alt for file in run.vcfs):,}",
            "reasons": report_rows.shares(
                {name: n for name, n in numbers.statuses.items() if name != Status.SCORED},
                numbers.alleles,
            ),
        },
        "curve": {
            "svg": report_figures.calibration_plot(run.curve, alphas) if run.curve else "",
            "sentence": curve,
            "alt": f"Calibration curve. {curve}",
        },
        "levels": [
            {"name": level.name, "text": report_wording.level_text(level, calibration)}
            for level in FLAGS
        ],
        "cells": exam_rows.levels(calibration),
        "exam": _exam(run, calls),
        "certificates": [
            report_rows.certificate(name, certificate)
            for name, one in sorted(calibration.labels.classes.items())
            for certificate in one.certificates
            if certificate.balanced.n
        ],
        "by_labels": bool(calibration.labels.classes),
        "local_lr": report_rows.local_lr(run.local_lr) if run.local_lr else None,
        "calibration_facts": report_rows.calibration_facts(calibration),
        "entropy": {
            "svg": report_figures.entropy_histogram(numbers),
            "sentence": entropy,
            "alt": f"Histogram of entropy. {entropy}",
        },
        "llr_svg": report_figures.llr_by_flag(numbers),
        "with_bars": len(run.vcfs) <= ROWS_WITH_BARS,
        "samples": [report_rows.sample(file) for file in run.vcfs[:SHOWN_ROWS]],
        "regions": [report_rows.region(file) for file in run.beds[:SHOWN_ROWS]],
        "region_titles": report_rows.region_titles(),
        "league": {
            "sentence": report_wording.league_sentence(run.league),
            "rows": [report_rows.league_row(row) for row in run.league],
        },
        "checks": [report_rows.check(one) for one in run.checks.inputs[:SHOWN_ROWS]],
        "warnings": warnings[:SHOWN_WARNINGS],
        "totals": {
            "samples": len(run.vcfs),
            "regions": len(run.beds),
            "warnings": len(warnings),
        },
        "compared": report_rows.compared(compared) if compared else None,
        "ranked": ranked(run.compared.get("ranks", [])),
        "compared_at": "scored SNVs" if compared is run.compared.get("snvs") else "region bases",
        "kinds": report_rows.groups(numbers.kinds, "unknown"),
        "classes": report_rows.groups(numbers.classes, "not scored"),
        "shown_rows": SHOWN_ROWS,
        "contigs": report_rows.contigs(numbers.contigs),
        "loci": [
            report_rows.locus(row, pictures, run.loci.get("flank", loci.FLANK))
            for row in numbers.loci
        ],
        "filters": FILTERS,
        "provenance": provenance(run.checks, run.plan),
    }


def _exam(run: Run, calls: dict[Rank, sanity.Calls]) -> dict:
    """The variables of the sections on the exam."""
    calibration, facts = run.calibration, run.numbers.facts
    return {
        "population": exam_rows.population(calibration.population),
        "memory": exam_rows.memory(calibration),
        "ladder": exam_rows.ladder(calibration.ladder),
        "ladder_svg": report_figures.ladder_plot(calibration.ladder),
        "percentile": exam_rows.percentile(run.background),
        "controls": exam_rows.controls(calibration),
        "reasons": exam_rows.reasons(run.numbers),
        "calls": exam_rows.calls(calls),
        "facts": exam_rows.flag_facts(facts),
        "paralogs": exam_rows.paralogs(facts),
        "n_paralogs": facts.n_paralogs,
    }


def _compared(comparison: dict) -> dict | None:
    """The comparison of the models at the run's SNVs, or at its region bases where it has no SNV;
    None where it has neither."""
    candidates = [comparison[place] for place in ("snvs", "bases") if place in comparison]
    counted = (
        one
        for one in candidates
        if sum(model["n"] for model in one["models"]) + sum(pair["n_sign"] for pair in one["pairs"])
    )
    return next(counted, None)


def _write(path: Path, text: str) -> None:
    with part_file(path, force=True) as part, synced(part) as file:
        file.write(text.encode())
