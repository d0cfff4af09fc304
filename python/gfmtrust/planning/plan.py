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
from gfmtrust.core.alphabet import N
from gfmtrust.core.contracts.checks import Checks
from gfmtrust.core.contracts.plan import Plan, PlanCounts, PlannedContig
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.progress import Progress
from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs import alleles
from gfmtrust.inputs import reference as background_reference
from gfmtrust.inputs.population import Population
from gfmtrust.inputs.sites import acgt_intervals, block_of, block_size, surroundings
from gfmtrust.inputs.spelling_merge import merged_spellings
from gfmtrust.io import tables
from gfmtrust.planning import probes, shards, variant_plan
from gfmtrust.planning.asked_sites import asked_sites
from gfmtrust.planning.copy_facts import CopyFacts
from gfmtrust.planning.regions import Regions
from gfmtrust.planning.site_classes import Sites
from gfmtrust.planning.snvs import Reservoir, Snvs

log = logging.getLogger(__name__)

POOL_SITES = 400_000
"""The number of candidate sites drawn from the whole genome, from which the probes are chosen."""
SAMPLED_SNVS = 200_000
"""Number of SNVs kept for the spectrum: a uniform subset of the run's SNVs, by reservoir
sampling."""
SURPRISAL_SNVS = SAMPLED_BASES = 20_000
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
    search; population: allele frequencies that come before those of the inputs."""

    probes: str | int = "auto"
    shard_size: int = 20_000
    seed: int = 1
    max_allele: int = MAX_ALLELE_BP
    copy_index: Path | None = None
    threads: int = 1
    population: Population | None = None


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
    n_probes = probes.probe_number(snvs.n_sites, options.probes)
    regions = regions.with_classes_for(genome, snvs, n_probes)
    contig_index, pos = _pool(genome, intervals, taken, np.random.default_rng([seed, 0x9001]))
    variants = variant_plan.with_probes(
        collector.variants(), genome, contig_index, pos, block_bp, seed
    )
    asked = asked_sites(genome, taken, regions, (contig_index, pos), variants)
    copies = CopyFacts(_copy_index(genome, asked, checks, options))
    copies.index.write(out_dir / COPY_INDEX, checks.genome.digest)
    candidates = _Candidates(contig_index, pos, copies)
    drawn, drawing = _drawn_probes(
        genome, snvs, regions, candidates, local_surprisal, block_bp, n_probes, seed
    )
    tables.write(out_dir / "probes.parquet", drawn, tables.PROBES)
    size = options.shard_size
    n_sites: dict[str, Any] = shards.write_shards(
        genome, regions, copies, out_dir, size
    ) | shards.write_controls(genome, regions, copies, out_dir, seed)
    n_sites |= variant_plan.write(genome, regions, copies, variants, out_dir, size)
    plan = Plan(
        counts=PlanCounts(**counts, **n_sites, probes=len(drawn["pos"]), snv_sites=snvs.n_sites),
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
        contigs=tuple(
            PlannedContig(name, length)
            for name, length in background_reference.user_contigs(genome.contigs).items()
        ),
        genome_digest=checks.genome.digest,
        background=checks.background,
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


def _write_alleles(
    genome, spellings, regions, include, collected, out_dir, options: PlanOptions
) -> tuple[dict, Snvs]:
    """Merge the record keys of the inputs; write them and the single alleles with their statuses
    and frequencies, and keep a uniform subset of the SNVs."""
    rng = np.random.default_rng([options.seed, 0xA11E])
    population = options.population
    statuses: dict[str, int] = {}
    n_spellings = n_snv_sites = n_frequencies = 0
    progress = Progress("plan", "spellings of records")
    reservoir = Reservoir(SAMPLED_SNVS, rng)
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
            scored = single[(single["status"] == Status.SCORED) & (single["var_pos"] < 0)]
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


@dataclass(frozen=True)
class _Candidates:
    """Candidate sites for probes, (n,) each, and the copy facts of the plan."""

    contig_index: np.ndarray
    pos: np.ndarray
    copies: CopyFacts


def _sites(genome, regions: Regions, copies: CopyFacts, contig_index, pos, alt=None) -> Sites:
    """Return sites in the form that the draw needs; region and copy classes are the numbers of
    their names."""
    around = surroundings(genome, contig_index, pos)
    copy = copies.columns(contig_index, pos, np.ones(len(pos), np.int64), around.soft_masked)
    return Sites(
        around,
        regions.classes(genome, contig_index, pos, copy["copy_class"]),
        copy["copy_class"],
        alt,
    )


def _drawn_probes(
    genome,
    snvs: Snvs,
    regions: Regions,
    candidates: _Candidates,
    local_surprisal,
    block_bp: int,
    n: int,
    seed: int,
) -> tuple[dict[str, np.ndarray], probes.Drawing]:
    """Return the columns of tables.PROBES in genome order, and the facts about the draw."""
    contig_index, pos, copies = candidates.contig_index, candidates.pos, candidates.copies
    sites = _sites(genome, regions, copies, contig_index, pos)
    usable = np.flatnonzero(
        (sites.around.base < N) & (sites.around.left < N) & (sites.around.right < N)
    )
    contig_index, pos, sites = contig_index[usable], pos[usable], sites.take(usable)
    pool, pool_class, copy_classes = sites.around, sites.region, sites.copy
    surprisal_of_row = np.full(len(pos), np.nan, np.float32)

    def surprisal_of_pool(rows: np.ndarray) -> np.ndarray:
        wanted = np.unique(rows)
        surprisal_of_row[wanted] = local_surprisal(contig_index[wanted], pos[wanted])
        return surprisal_of_row[rows]

    def surprisal_of_snvs(rows: np.ndarray) -> np.ndarray:
        rows = rows[:: max(1, len(rows) // SURPRISAL_SNVS)]
        return local_surprisal(snvs.contig_index[rows], snvs.pos[rows])

    run = _sites(genome, regions, copies, snvs.contig_index, snvs.pos, snvs.alt)
    places = regions.sample(genome, SAMPLED_BASES, np.random.default_rng([seed, 0xBED5]))
    bases = _sites(genome, regions, copies, *places) if len(places[0]) else None
    drawn, drawing = probes.draw(
        n,
        sites,
        run,
        surprisal_of_pool,
        surprisal_of_snvs,
        seed,
        bases,
    )
    if not drawing.soft_masked:
        log.warning(
            "%s: no candidate site is in lower case; repeats are recognised by the copy index alone, "
            "so that old repeat families count as single copy; give a soft-masked FASTA for more",
            genome.name,
        )
    if len(drawn.row) < n:
        log.warning(
            "probes: %d of the %d asked for could be drawn from %d candidate sites",
            len(drawn.row),
            n,
            len(pos),
        )
    at = drawn.row
    missing = np.unique(at[~np.isfinite(surprisal_of_row[at])]) if len(at) else at
    surprisal_of_pool(missing)
    order = np.lexsort((drawn.decoy, pos[at], contig_index[at]))
    at = at[order]
    return {
        "contig_index": contig_index[at].astype(np.int32),
        "pos": pos[at],
        "real": pool.base[at].astype(np.int8),
        "decoy": drawn.decoy[order].astype(np.int8),
        "run_oriented": drawn.run_oriented[order],
        "copy_class": copy_classes[at],
        "region_class": pool_class[at],
        "block": block_of(genome, contig_index[at], pos[at], block_bp),
        "local_surprisal": surprisal_of_row[at],
        "gc": pool.gc[at],
        "soft_masked": pool.soft_masked[at],
    }, drawing


def _pool(genome, intervals, taken, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return the candidate sites, sorted: every base of the intervals where there are few,
    otherwise POOL_SITES that are drawn uniformly. No site is covered by an allele of the run.
    intervals: stretches of A, C, G and T in each contig, int64 (n, 2)."""
    spans = np.array([(part[:, 1] - part[:, 0]).sum() for part in intervals], dtype=np.int64)
    total = int(spans.sum())
    per_contig = spans if total <= POOL_SITES else rng.multinomial(POOL_SITES, spans / total)
    indexes, positions = [], []
    for index, mask in taken.by_contig(genome):
        n, span = int(per_contig[index]), int(spans[index])
        if not n:
            continue
        ends = np.cumsum(intervals[index][:, 1] - intervals[index][:, 0])
        rank = np.arange(span) if n == span else np.sort(rng.integers(0, span, n))
        run = np.searchsorted(ends, rank, side="right")
        pos = intervals[index][run, 1] - (ends[run] - rank)
        pos = np.unique(pos[mask[pos] & 1 == 0])
        indexes.append(np.full(len(pos), index, np.int64))
        positions.append(pos)
    if not indexes:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(indexes), np.concatenate(positions)
