"""The functions of the steps of the inputs and the sites to score."""

from __future__ import annotations

import argparse
import logging
import os

log = logging.getLogger("gfmtrust")


def read_sheet(options: argparse.Namespace) -> None:
    from gfmtrust.inputs import samplesheet

    folders = options.folders or [str(options.input.absolute().parent), os.getcwd()]
    sheet = samplesheet.read_sheet(
        options.input, options.schema, options.out, folders, options.check_files
    )
    log.info("%d VCFs in %s", len(sheet.entries), sheet.name)


def check_inputs(options: argparse.Namespace) -> None:
    from gfmtrust.inputs import check

    vcfs = check.read_sheet(options.vcfs) if options.vcfs else []
    check.check_inputs(
        options.fasta,
        vcfs,
        options.regions,
        options.include,
        options.out_dir,
        check.CheckOptions(
            contig_map=options.contig_map,
            allow_mismatch=options.allow_mismatch,
            processes=options.cpus,
            background_fasta=options.background_fasta,
            af_key=options.af_key,
            max_line=options.max_line,
        ),
    )


def plan_sites(options: argparse.Namespace) -> None:
    from gfmtrust.baseline.surprisal import context_surprisal
    from gfmtrust.core.contracts.checks import Checks
    from gfmtrust.inputs.contig_names import ContigRule
    from gfmtrust.inputs.population import Population
    from gfmtrust.inputs.reference import user_contigs
    from gfmtrust.io.genome import Genome
    from gfmtrust.planning import bed_files, plan

    genome = Genome.open(options.fasta)
    checks = Checks.read(options.checked / Checks.NAME)
    population = (
        Population(
            options.population_vcf,
            genome,
            ContigRule.of(options.contig_map, user_contigs(genome.contigs)),
            checks.allow_mismatch,
        )
        if options.population_vcf
        else None
    )
    planned = plan.plan_sites(
        genome,
        sorted((options.checked / "spellings").glob("*.parquet")),
        bed_files.regions(options.regions, checks.contig_map),
        bed_files.include(options.include, checks.contig_map),
        context_surprisal(options.context_model, genome, options.cpus),
        options.out_dir,
        checks,
        plan.PlanOptions(
            probes=options.probes,
            shard_size=options.shard_size,
            seed=options.seed,
            max_allele=options.max_allele,
            copy_index=options.copy_index,
            threads=options.cpus,
            population=population,
            heldout_contigs=tuple(options.heldout_contigs),
        ),
    )
    counts = planned.counts
    log.info(
        "%d unique sites in %d shards: %d variant sites, %d region bases, %d probes",
        counts.sites,
        counts.shards,
        counts.variant_sites,
        counts.region_bases,
        counts.probes,
    )


def copy_index(options: argparse.Namespace) -> None:
    from gfmtrust.copies import step

    step.copy_index(
        options.fasta,
        step.Inputs(
            tuple(options.vcf), tuple(options.bed), tuple(options.sites), options.contig_map
        ),
        options.out,
        options.copy_index,
        options.cpus,
        options.force,
    )


def read_labels(options: argparse.Namespace) -> None:
    from gfmtrust.inputs import labels
    from gfmtrust.io.genome import Genome

    rule = labels.rule_of(options.label_key, options.label_values, options.label_cut)
    labels.read_labels(
        options.labels, rule, Genome.open(options.fasta), options.out, options.contig_map
    )


def list_sites(options: argparse.Namespace) -> None:
    from gfmtrust.planning import site_list

    log.info("%d records", site_list.list_sites(options.plan, options.fasta, options.out))
