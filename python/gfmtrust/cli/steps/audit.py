"""The function of `gfmtrust audit`."""

from __future__ import annotations

import argparse

from gfmtrust.cli.steps.given import scoring_options
from gfmtrust.core.errors import UsageError, message


def audit(options: argparse.Namespace) -> None:
    if options.action == "tracking":
        _tracking(options)
        return
    if options.action == "duel":
        _duel(options)
        return
    _require(options, "fasta", "the genome")
    if options.action == "replicate":
        _replicate(options)
        return
    from gfmtrust.audit import run
    from gfmtrust.audit.study import AuditSizes

    run.audit(
        run.AuditRequest(
            tuple(options.bundles),
            options.fasta,
            options.out_dir,
            run.GROUPS[options.action],
            options.context_model,
            options.regions,
            options.population_vcf,
            tuple(options.checkpoints),
            options.seed,
            AuditSizes(options.sites, options.windows, options.probes),
            options.price_per_hour,
            options.skip_unfit,
            scoring_options(options),
        )
    )


def _duel(options: argparse.Namespace) -> None:
    _require(options, "labels", "a labelled VCF, or a table of labelled sequences")
    from gfmtrust.audit.duel import run
    from gfmtrust.audit.duel.examples import LabelSource

    run.duel(
        run.DuelRequest(
            tuple(options.bundles),
            LabelSource(options.labels, options.label_key, options.label_values, options.block_bp),
            options.fasta,
            options.out_dir,
            options.flank,
            options.seed,
            scoring=scoring_options(options),
        )
    )


def _replicate(options: argparse.Namespace) -> None:
    from gfmtrust.audit.replicate import run
    from gfmtrust.audit.replicate.settings import Settings

    run.replicate(
        run.ReplicateRequest(
            options.fasta,
            options.out_dir,
            options.text,
            Settings(options.tokens or 0, members=options.members, seed=options.seed),
            options.minutes,
            options.cpus,
        )
    )


def _tracking(options: argparse.Namespace) -> None:
    from gfmtrust.audit.tracking import run

    run.track(
        run.TrackingRequest(
            options.out_dir, tuple(options.groups), seed=options.seed, cpus=options.cpus
        )
    )


def _require(options: argparse.Namespace, name: str, meaning: str) -> None:
    if not getattr(options, name):
        raise UsageError(
            message(f"--{name}", f"absent for {options.action}", meaning, f"give --{name}")
        )
