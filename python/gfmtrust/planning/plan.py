"""PLAN_SITES: plans the sites to score, each once, divides them into shards by number of sites, and
draws the probes that certify the flags.

It works contig by contig with one byte per position, so memory depends on the longest contig (human
chr1: 250 MB) and not on the cohort. Only the context model is used, for the local surprisal by
which probes are matched to the run.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gfmtrust.copies.index import CopyIndex, build_missing
from gfmtrust.core.contracts.checks import Checks
from gfmtrust.core.contracts.plan import Plan, PlanCounts, PlannedContig
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.progress import Progress
from gfmtrust.inputs import alleles, training
from gfmtrust.inputs import reference as background_reference
from gfmtrust.inputs.population import Population
from gfmtrust.inputs.sites import acgt_intervals, block_size
from gfmtrust.inputs.spelling_merge import merged_spellings
from gfmtrust.io import tables
from gfmtrust.planning import drawn_probes, probes, shards, variant_plan
from gfmtrust.planning.asked_sites import asked_sites
from gfmtrust.planning.copy_facts import CopyFacts
from gfmtrust.planning.drawn_probes import Candidates
from gfmtrust.planning.regions import Regions
from gfmtrust.planning.snvs import Reservoir, Snvs, scored_snvs

log = logging.getLogger(__name__)

SAMPLED_SNVS = 200_000
"""Number of SNVs kept for the spectrum: a uniform subset of the run's SNVs, by reservoir
sampling."""
COPY_INDEX = "copies.parquet"
MAX_ALLELE_BP = 50
"""Alleles that are longer than this after normalisation are TOO_LONG."""
BLOCK_WINDOW_BP = 1_024
"""Calibration blocks contain at least four windows of this length where the genome allows it. The
plan does not depend on the models, so that another model needs no new plan."""


@dataclass(frozen=True)
class PlanOptions:
    """probes: number of probes, or 'auto'; shard_size: sites per shard; max_allele: the longest
    allele that is scored, bp; copy_index: an index of this genome to start from; threads: of its
    search; population: allele frequencies that come before those of the inputs; heldout_contigs:
    contigs on which further probes are drawn, see `drawn_probes.further`."""

    probes: str | int = "auto"
    shard_size: int = 20_000
    seed: int = 1
    max_allele: int = MAX_ALLELE_BP
    copy_index: Path | None = None
    threads: int = 1
    population: Population | None = None
    heldout_contigs: tuple[str, ...] = ()


def plan_sites(
    genome,
    spellings: list[Path],
    regions: Regions,
    include,
    local_surprisal,
    out_dir: Path,
    checks: Checks,
    options: PlanOptions = PlanOptions(),  # noqa: B008  (frozen: safe)
) -> Plan:
    """Write alleles, variants, record keys (spellings.parquet), probes, shards and plan.json to
    `out_dir`; return the content of plan.json.

    spellings: tables of record keys from check_inputs, one per input VCF; regions: the BED files;
    include: interval set or None; local_surprisal: function (contig_index, pos) -> float32 bits of
    the context model. Raises UsageError (64) for a shard size below 1 or a genome that is not the
    one that was checked.
    """
    is_source = _source_contigs(genome, checks, options)
    heldout_numbers = _held_out(genome, checks, options)
    out_dir.mkdir(parents=True, exist_ok=True)
    seed = options.seed
    collector = variant_plan.Collector(genome, options.max_allele)
    counts, snvs = _write_alleles(genome, spellings, regions, include, collector, out_dir, options)
    nowhere = np.empty((0, 2), np.int64)
    intervals = [
        acgt_intervals(genome, index) if is_source[index] else nowhere
        for index in range(len(genome.names))
    ]
    usable_bp = int(sum((part[:, 1] - part[:, 0]).sum() for part in intervals))
    block_bp = block_size(usable_bp, BLOCK_WINDOW_BP)
    taken = shards.Positions(out_dir / "alleles.parquet")
    regions = regions.with_classes_for(
        genome, snvs, probes.probe_number(snvs.n_sites, options.probes)
    )
    pool = drawn_probes.pool(genome, intervals, taken, np.random.default_rng([seed, 0x9001]))
    heldout_intervals = [
        part if index in heldout_numbers else nowhere for index, part in enumerate(intervals)
    ]
    rng = np.random.default_rng([seed, 0x9002])
    heldout = (
        drawn_probes.pool(genome, heldout_intervals, taken, rng)
        if heldout_numbers
        else Candidates.none()
    )
    variants = variant_plan.with_probes(collector.variants(), genome, pool, block_bp, seed)
    candidates = (
        np.concatenate([pool.contig_index, heldout.contig_index]),
        np.concatenate([pool.pos, heldout.pos]),
    )
    asked = asked_sites(genome, taken, regions, candidates, variants)
    copies = CopyFacts(_copy_index(genome, asked, checks, options))
    copies.index.write(out_dir / COPY_INDEX, checks.genome.digest)
    source = drawn_probes.Source(genome, snvs, regions, copies, local_surprisal, block_bp)
    drawn, drawing = drawn_probes.drawn(source, pool, options.probes, seed)
    tables.write(out_dir / shards.PROBE_FILES[shards.PROBE], drawn, tables.PROBES)
    further = drawn_probes.further(source, heldout, drawn, seed)
    tables.write(out_dir / shards.PROBE_FILES[shards.HELD_OUT], further, tables.PROBES)
    size = options.shard_size
    n_sites: dict[str, Any] = shards.write_shards(
        genome, regions, copies, out_dir, size
    ) | shards.write_controls(genome, regions, copies, out_dir, seed)
    n_sites |= variant_plan.write(genome, regions, copies, variants, out_dir, size)
    plan = Plan(
        counts=PlanCounts(
            **counts,
            **n_sites,
            probes=len(drawn["pos"]),
            heldout_probes=len(further["pos"]),
            snv_sites=snvs.n_sites,
        ),
        seed=seed,
        shard_size=options.shard_size,
        block_bp=block_bp,
        usable_bp=usable_bp,
        spectrum=drawing.spectrum,
        matched_surprisal=drawing.matched_surprisal,
        merged=drawing.merged,
        soft_masked=drawing.soft_masked,
        substitutions=snvs.substitutions(genome),
        regions=tuple(regions.sets),
        region_classes=tuple(regions.class_names or ()),
        region_digests=regions.digests(genome),
        contigs=tuple(
            PlannedContig(name, length)
            for name, length in background_reference.user_contigs(genome.contigs).items()
        ),
        genome_digest=checks.genome.digest,
        background=checks.background,
        heldout_contigs=tuple(genome.names[index] for index in heldout_numbers),
        contig_map=checks.contig_map,
        allow_mismatch=checks.allow_mismatch,
    )
    plan.write(out_dir / Plan.NAME)
    return plan


def _source_contigs(genome, checks: Checks, options: PlanOptions) -> np.ndarray:
    """Return whether probes may come from each contig, bool (n,). Raises the errors of
    `plan_sites`."""
    if options.shard_size < 1:
        raise UsageError(message("--shard_size", str(options.shard_size), "a positive integer"))
    is_source = background_reference.sources(genome.names)
    if checks.background and is_source.all():
        raise UsageError(
            message(
                "--fasta",
                "no background",
                f"{background_reference.JOINED} of check_inputs, which holds both genomes",
            )
        )
    if not checks.background and not is_source.all():
        raise UsageError(
            message(
                "--fasta",
                f"contigs {background_reference.PREFIX}...",
                "the genome of checks.json",
                "run check_inputs with --background_fasta",
            )
        )
    return is_source


def _held_out(genome, checks: Checks, options: PlanOptions) -> list[int]:
    """Numbers of the contigs that were held out of the models' training. Raises UsageError (64) for
    one that the genome lacks, and where the probes come from another genome."""
    if options.heldout_contigs and checks.background:
        raise UsageError(
            message(
                training.OPTION,
                "given with --background_fasta",
                "one of the two: no probe of a background lies on a contig of the user",
                f"leave {training.OPTION} out",
            )
        )
    names = training.contigs_of(options.heldout_contigs, genome.names, genome.name)
    return [genome.names.index(name) for name in names]


def _write_alleles(
    genome, spellings, regions, include, collected, out_dir, options: PlanOptions
) -> tuple[dict, Snvs]:
    """Merge the record keys of the inputs; write them and the single alleles with their statuses
    and frequencies, and keep a uniform subset of the SNVs."""
    population = options.population
    statuses: dict[str, int] = {}
    n_spellings = n_snv_sites = n_frequencies = 0
    progress = Progress("plan", "spellings of records")
    reservoir = Reservoir(SAMPLED_SNVS, options.seed)
    selected = include.contains if include is not None else None
    with (
        tables.TableWriter(out_dir / "spellings.parquet", tables.SPELLINGS) as spelled,
        tables.TableWriter(out_dir / "alleles.parquet", tables.ALLELES) as singles,
    ):
        for frame in merged_spellings(spellings, out_dir):
            spelled.write({name: frame[name].to_numpy() for name in tables.SPELLINGS.names})
            n_spellings += len(frame)
            progress(n_spellings)
            single = alleles.single_alleles(frame)
            single = population.applied(single) if population else single
            n_frequencies += int(single["af"].notna().sum())
            single = collected.add(single.assign(status=alleles.classify(single, genome, selected)))
            singles.write(
                {
                    name: single[name].to_numpy()
                    for name in tables.ALLELES.names
                    if name != "regions"
                }
                | {"regions": regions.under(genome, single)}
            )
            for status, count in single["status"].value_counts().items():
                statuses[str(status)] = statuses.get(str(status), 0) + int(count)
            scored = scored_snvs(single)
            n_snv_sites += len(scored[["contig_index", "pos"]].drop_duplicates())
            reservoir.add(scored)
    n_alleles = sum(statuses.values())
    log.info("%d of %d alleles have a known frequency", n_frequencies, n_alleles)
    if population:
        population.judge()
        for line in population.warnings.lines():
            log.warning("%s", line)
    snvs = Snvs.of(reservoir.rows(), n_snv_sites)
    return {
        "spellings": n_spellings,
        "alleles": n_alleles,
        "allele_status": statuses,
    }, snvs


def _copy_index(genome, asked, checks: Checks, options: PlanOptions) -> CopyIndex:
    """Return the index of the requested sites; those that `--copy_index` contains are not searched
    again."""
    existing = (
        CopyIndex.read(options.copy_index, checks.genome.digest) if options.copy_index else None
    )
    progress = Progress("copy index", "letters of the genome")
    return build_missing(genome, existing, *asked, threads=options.threads, progress=progress)
