"""The functions of the steps of scoring."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import replace

from gfmtrust.cli.steps.given import scoring_options

log = logging.getLogger("gfmtrust")


def estimate_run(options: argparse.Namespace) -> None:
    from gfmtrust.scoring import estimate

    sys.stdout.write(
        estimate.estimate_run(
            options.plan,
            options.bundles,
            options.out,
            options.region_stride,
            scoring_options(options),
        )
    )


def choose_stride(options: argparse.Namespace) -> None:
    from gfmtrust.scoring import stride

    choice = stride.choose_stride(
        options.fasta,
        options.plan,
        options.bundle,
        options.out,
        options.region_stride,
        scoring_options(options),
    )
    for check in choice.checks:
        log.info(
            "stride %d: entropy differs by %.3f bit at the median, %.3f at the 99th percentile of %d bases",
            check.stride,
            check.p50,
            check.p99,
            check.bases,
        )
    log.info("%s: stride %d", choice.model, choice.stride)


def score_sites(options: argparse.Namespace) -> None:
    from gfmtrust.core.contracts.shard import StrideChoice
    from gfmtrust.scoring import shard

    stride = StrideChoice.read(options.stride) if options.stride else None
    shard.score_file(
        options.fasta,
        options.bundle,
        options.shard,
        options.out_dir,
        replace(scoring_options(options), stride=stride, score_table=options.score_table),
    )


def merge_stores(options: argparse.Namespace) -> None:
    from gfmtrust.store import merge

    merge.merge_stores(options.stores, options.out_dir)


def precompute(options: argparse.Namespace) -> None:
    from gfmtrust.core.errors import UsageError, message
    from gfmtrust.scoring import precompute

    if options.regions and options.contigs:
        raise UsageError(message("--contigs", "given with --regions", "one of the two"))
    precompute.precompute(
        options.fasta,
        options.bundle,
        options.regions or options.contigs,
        options.out,
        scoring_options(options),
        precompute.Scale(options.shard_size, *options.part),
        options.contig_map,
    )


def join_tables(options: argparse.Namespace) -> None:
    from gfmtrust.io.genome import Genome
    from gfmtrust.scoring import base_table

    longest_contig = max(Genome.open(options.fasta).contigs.values(), default=0)
    base_table.join_tables(options.tables, options.out, longest_contig)
