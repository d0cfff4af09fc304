"""The functions of the steps of calibration, annotation and the report."""

from __future__ import annotations

import argparse
import logging

log = logging.getLogger("gfmtrust")


def calibrate(options: argparse.Namespace) -> None:
    from gfmtrust.bundle.facts import model_order
    from gfmtrust.calibration import calibrate as step
    from gfmtrust.calibration.ensemble import ScoreTables
    from gfmtrust.calibration.options import Options

    scores = ScoreTables(options.scores, model_order(options.models))
    fitted = step.calibrate(
        options.plan,
        scores,
        options.out_dir,
        Options(
            alpha_high=options.alpha_high,
            alpha_medium=options.alpha_medium,
            delta=options.delta,
            seed=options.seed,
            looks=options.looks,
            copied_high=options.copied_high,
            trust_training=options.trust_training,
        ),
        options.calibration,
        step.LabelUse(options.labels, options.llr_cut, options.prior if options.local_lr else None),
        options.background_vcf,
    )
    log.info("%s", fitted.outcome)


def annotate_sites(options: argparse.Namespace) -> None:
    from gfmtrust.annotate import alleles as annotate_alleles
    from gfmtrust.annotate import sites_vcf
    from gfmtrust.bundle.facts import model_order
    from gfmtrust.calibration.ensemble import ScoreTables
    from gfmtrust.calibration.record import RunCalibration
    from gfmtrust.report import loci

    fitted = RunCalibration.read(options.calibration)
    scores = ScoreTables(options.scores, model_order(options.models))
    counts = annotate_alleles.annotate_sites(
        options.plan, scores, fitted, options.out_dir, options.background, options.ranks
    )
    log.info("alleles: %s", ", ".join(f"{name} {count}" for name, count in counts.items()))
    loci.write_loci(options.plan, scores, options.out_dir)
    sites_vcf.write_sites_vcf(
        options.out_dir / "sites.parquet",
        options.plan / "spellings.parquet",
        options.calibration,
        options.out_dir,
    )


def annotate_vcf(options: argparse.Namespace) -> None:
    from gfmtrust.annotate import vcf as step

    step.annotate_vcf(
        options.vcf,
        options.id,
        options.sites,
        options.calibration,
        options.out,
        overwrite=options.overwrite,
        force=options.force,
        max_line=options.max_line,
    )


def annotate_regions(options: argparse.Namespace) -> None:
    from gfmtrust.annotate import regions as step

    step.annotate_regions(
        options.bed,
        options.name,
        options.bases,
        options.calibration,
        options.out,
        force=options.force,
    )


def write_tracks(options: argparse.Namespace) -> None:
    from gfmtrust.report import tracks

    paths = tracks.write_tracks(
        options.bases, options.sites, options.out_dir, options.assembly, force=options.force
    )
    log.info("tracks: %s", ", ".join(path.name for path in paths))


def report(options: argparse.Namespace) -> None:
    from gfmtrust.report import report as step

    files = step.RunFiles(
        options.checked,
        options.plan,
        options.calibration,
        options.sites,
        options.counts,
        options.metrics,
        options.models,
        options.benchmark,
        options.audit,
        tuple(options.tracks),
    )
    step.report(files, options.out_dir, title=options.title)
