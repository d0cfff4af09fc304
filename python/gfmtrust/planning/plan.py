"""PLAN_SITES: what is to be scored, each site once, cut into shards by number of sites; and the
probes the flags are certified on.

Works contig by contig with one byte a position, so memory follows the longest contig (chr1 of man:
250 MB), never the cohort. No model but the context model is asked, and only for the local surprisal
by which probes are matched to the run.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.core.alphabet import BASES, N, encode
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.progress import Progress
from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs import alleles
from gfmtrust.inputs import reference as background_reference
from gfmtrust.inputs.sites import acgt_intervals, block_of, block_size, region_class, surroundings
from gfmtrust.io import tables
from gfmtrust.planning import probes, shards, variant_plan

log = logging.getLogger(__name__)

POOL_SITES = 400_000
"""Candidate sites drawn over the whole genome, from which probes are chosen."""
SAMPLED_SNVS = 200_000
"""SNVs kept for the spectrum; a uniform subset of the run's, by reservoir."""
SURPRISAL_SNVS = 20_000
MAX_ALLELE_BP = 50
"""Longer alleles, once normalised, are TOO_LONG."""
MIN_CLASS_PROBES = 500
"""Probes a region class needs in the quarter of them that decides on a level (docs/reliability.md,
cells)."""
BLOCK_WINDOW_BP = 1_024
"""Calibration blocks hold at least four windows of this length where the genome allows: the plan
does not know the models, so that a change of model re-plans nothing."""


@dataclass(frozen=True)
class Regions:
    """The user's BED files by name, each a merged interval set with `.contains(contig, pos array)
    -> bool array`.

    class_names: the files that are region classes of their own, None for all; alleles in the others
    are classed by soft mask alone.
    """

    sets: dict
    class_names: tuple[str, ...] | None = None

    def classes(
        self, genome, contig_index: np.ndarray, pos: np.ndarray, soft_masked: np.ndarray
    ) -> np.ndarray:
        named = (
            self.sets
            if self.class_names is None
            else {name: self.sets[name] for name in self.class_names}
        )
        member = {name: np.zeros(len(pos), bool) for name in named}
        for index in np.unique(contig_index):
            rows = np.flatnonzero(contig_index == index)
            for name, intervals in named.items():
                member[name][rows] = intervals.contains(genome.names[index], pos[rows])
        return region_class(soft_masked, list(member.items()))

    def under(self, genome, alleles: pd.DataFrame) -> np.ndarray:
        """Names of the files that hold a base of each allele's REF, joined by commas; object (n,),
        None where there is none.

        alleles: columns contig_index (-1: not in the genome), pos, ref.
        """
        names = np.full(len(alleles), "", object)
        contig_index, pos = (
            alleles["contig_index"].to_numpy(np.int64),
            alleles["pos"].to_numpy(np.int64),
        )
        end = pos + alleles["ref"].str.len().to_numpy(np.int64)
        for index in np.unique(contig_index[contig_index >= 0]):
            rows = np.flatnonzero(contig_index == index)
            for name, intervals in self.sets.items():
                names[rows[intervals.overlaps(genome.names[index], pos[rows], end[rows])]] += (
                    f",{name}"
                )
        return np.array([name[1:] or None for name in names], object)

    def with_classes_for(self, genome, snvs: Snvs, n_probes: int) -> Regions:
        """The same regions, of which only those stay a class that hold SNVs enough for probes
        enough to certify it.

        A quarter of the probes decides on a level; a class without its own certificate would make
        LOW of every allele in a small BED file. None stays where the probes come from a background:
        no BED file lies there.
        """
        if not background_reference.sources(genome.names).all():
            return replace(self, class_names=())
        classes = self.classes(genome, snvs.contig_index, snvs.pos, np.zeros(len(snvs.pos), bool))
        enough = [
            name
            for name in self.sets
            if (classes == name).sum() * n_probes >= 4 * MIN_CLASS_PROBES * max(1, len(classes))
        ]
        return replace(self, class_names=tuple(enough))


@dataclass(frozen=True)
class Snvs:
    """A uniform subset of the run's scoreable SNVs: contig_index, pos, alt code (n,), and how many
    there were in all."""

    contig_index: np.ndarray
    pos: np.ndarray
    alt: np.ndarray
    n_total: int
    n_sites: int


def plan_sites(
    genome,
    spellings: list[Path],
    regions: Regions,
    include,
    local_surprisal,
    out_dir: Path,
    checks: dict,
    asked_probes: str | int = "auto",
    shard_size: int = 20_000,
    seed: int = 1,
    max_allele: int = MAX_ALLELE_BP,
) -> dict:
    """Write alleles, variants, spellings, probes, shards and plan.json below `out_dir`; returns the
    content of plan.json.

    spellings: tables of check_inputs, one an input VCF. regions: the BED files. include: interval
    set or None. local_surprisal: function (contig_index, pos) -> float32 bits, the context model's.
    checks: checks.json. max_allele: bases. Raises UsageError (64) for a shard size below 1 or a
    genome that is not the one checked.
    """
    if shard_size < 1:
        raise UsageError(message("--shard_size", str(shard_size), "a whole number above 0"))
    counted = background_reference.sources(genome.names)
    if checks.get("background") and counted.all():
        raise UsageError(
            message(
                "--fasta",
                "no background",
                f"{background_reference.JOINED} of check_inputs, which holds both genomes",
            )
        )
    if not checks.get("background") and not counted.all():
        raise UsageError(
            message(
                "--fasta",
                f"contigs {background_reference.PREFIX}...",
                "the genome of checks.json",
                "run check_inputs with --background_fasta",
            )
        )
    out_dir.mkdir(parents=True, exist_ok=True)
    collected = variant_plan.Collector(genome, max_allele)
    counts, snvs = _write_alleles(genome, spellings, regions, include, collected, out_dir, seed)
    nowhere = np.empty((0, 2), np.int64)
    intervals = [
        acgt_intervals(genome, index) if counted[index] else nowhere
        for index in range(len(genome.names))
    ]
    usable_bp = int(sum((part[:, 1] - part[:, 0]).sum() for part in intervals))
    size = block_size(usable_bp, BLOCK_WINDOW_BP)
    taken = shards.Positions(out_dir / "alleles.parquet")
    n_asked = probes.probe_number(snvs.n_sites, asked_probes)
    regions = regions.with_classes_for(genome, snvs, n_asked)
    contig_index, pos = _pool(genome, intervals, taken, np.random.default_rng([seed, 0x9001]))
    n_probes, drawing = _write_probes(
        genome, snvs, regions, contig_index, pos, local_surprisal, size, n_asked, seed, out_dir
    )
    n_sites = shards.write_shards(genome, regions, out_dir, shard_size) | shards.write_controls(
        genome, regions, out_dir, seed
    )
    variants = variant_plan.with_probes(collected.variants(), genome, contig_index, pos, size, seed)
    n_sites |= variant_plan.write(genome, regions, variants, out_dir, shard_size)
    plan = {
        "counts": {**counts, **n_sites, "probes": n_probes, "snv_sites": snvs.n_sites},
        "seed": seed,
        "shard_size": shard_size,
        "block_bp": size,
        "usable_bp": usable_bp,
        "spectrum": drawing.spectrum,
        "matched_surprisal": drawing.matched_surprisal,
        "merged": drawing.merged,
        "substitutions": _substitutions(genome, snvs),
        "regions": list(regions.sets),
        "region_classes": list(regions.class_names),
        "contigs": [
            {"name": name, "length": length}
            for name, length in background_reference.own_contigs(genome.contigs).items()
        ],
        "genome_digest": checks["genome"]["digest"],
        "background": checks.get("background"),
        "contig_map": checks["contig_map"],
        "allow_mismatch": checks.get("allow_mismatch", False),
    }
    tables.write_json(out_dir / "plan.json", plan)
    return plan


def _write_alleles(
    genome, spellings, regions, include, collected, out_dir, seed
) -> tuple[dict, Snvs]:
    """Merge the inputs' spellings; write them, the single alleles with their statuses, and keep a
    uniform subset of the SNVs."""
    rng = np.random.default_rng([seed, 0xA11E])
    statuses: dict[str, int] = {}
    n_spellings = n_snv_sites = 0
    progress = Progress("plan", "spellings of records")
    reservoir = _Reservoir(SAMPLED_SNVS, rng)
    selected = include.contains if include is not None else None
    with (
        tables.TableWriter(out_dir / "spellings.parquet", tables.SPELLINGS) as spelled,
        tables.TableWriter(out_dir / "alleles.parquet", tables.ALLELES) as singles,
    ):
        for frame in alleles.merged_spellings(spellings):
            spelled.write({name: frame[name].to_numpy() for name in tables.SPELLINGS.names})
            n_spellings += len(frame)
            progress(n_spellings)
            single = alleles.single_alleles(frame)
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
    kept = reservoir.rows()
    alt = encode("".join(kept["alt"]))
    snvs = Snvs(
        kept["contig_index"].to_numpy(np.int64),
        kept["pos"].to_numpy(np.int64),
        alt,
        reservoir.seen,
        n_snv_sites,
    )
    return {
        "spellings": n_spellings,
        "alleles": sum(statuses.values()),
        "allele_status": statuses,
    }, snvs


class _Reservoir:
    """A uniform subset of a stream of rows: each row has a random key, the smallest keys stay."""

    def __init__(self, size: int, rng: np.random.Generator):
        self._size, self._rng, self.seen = size, rng, 0
        self._kept = pd.DataFrame(
            {
                "contig_index": np.empty(0, np.int64),
                "pos": np.empty(0, np.int64),
                "ref": np.empty(0, object),
                "alt": np.empty(0, object),
                "key": np.empty(0),
            }
        )

    def add(self, frame: pd.DataFrame) -> None:
        frame = frame[["contig_index", "pos", "ref", "alt"]].assign(
            key=self._rng.random(len(frame))
        )
        frame = frame[frame["ref"] != frame["alt"]]
        self.seen += len(frame)
        self._kept = pd.concat([self._kept, frame], ignore_index=True) if len(self._kept) else frame
        if len(self._kept) > 2 * self._size:
            self._kept = self._kept.nsmallest(self._size, "key")

    def rows(self) -> pd.DataFrame:
        return self._kept.nsmallest(self._size, "key").sort_values(
            ["contig_index", "pos", "alt"], ignore_index=True
        )


def _write_probes(
    genome, snvs, regions, contig_index, pos, local_surprisal, size, n, seed, out_dir
) -> tuple[int, probes.Drawing]:
    pool = surroundings(genome, contig_index, pos)
    usable = np.flatnonzero((pool.base < N) & (pool.left < N) & (pool.right < N))
    contig_index, pos, pool = contig_index[usable], pos[usable], pool.take(usable)
    snv = surroundings(genome, snvs.contig_index, snvs.pos)
    pool_class = regions.classes(genome, contig_index, pos, pool.soft_masked)
    snv_class = regions.classes(genome, snvs.contig_index, snvs.pos, snv.soft_masked)
    number = {name: i for i, name in enumerate(sorted({*pool_class, *snv_class}))}
    surprisal_of_row = np.full(len(pos), np.nan, np.float32)

    def surprisal_of_pool(rows: np.ndarray) -> np.ndarray:
        wanted = np.unique(rows)
        surprisal_of_row[wanted] = local_surprisal(contig_index[wanted], pos[wanted])
        return surprisal_of_row[rows]

    def surprisal_of_snvs() -> np.ndarray:
        step = max(1, len(snvs.pos) // SURPRISAL_SNVS)
        return local_surprisal(snvs.contig_index[::step], snvs.pos[::step])

    drawn, drawing = probes.draw(
        n,
        pool,
        np.array([number[c] for c in pool_class], np.int64),
        snv,
        snvs.alt,
        np.array([number[c] for c in snv_class], np.int64),
        surprisal_of_pool,
        surprisal_of_snvs,
        seed,
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
    tables.write(
        out_dir / "probes.parquet",
        {
            "contig_index": contig_index[at].astype(np.int32),
            "pos": pos[at],
            "real": pool.base[at].astype(np.int8),
            "decoy": drawn.decoy[order].astype(np.int8),
            "run_oriented": drawn.run_oriented[order],
            "region_class": pool_class[at],
            "block": block_of(genome, contig_index[at], pos[at], size),
            "local_surprisal": surprisal_of_row[at],
            "gc": pool.gc[at],
            "soft_masked": pool.soft_masked[at],
        },
        tables.PROBES,
    )
    return len(at), drawing


def _pool(genome, intervals, taken, rng) -> tuple[np.ndarray, np.ndarray]:
    """Candidate sites, sorted: every base of the intervals where they are few, else POOL_SITES
    drawn uniformly; none under an allele of the run. intervals: known bases of each contig, int64
    (n, 2)."""
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


def _substitutions(genome, snvs) -> dict[str, int]:
    """The run's substitutions as they stand, e.g. {'A>C': 12}, of the SNVs kept."""
    from_ = (
        surroundings(genome, snvs.contig_index, snvs.pos).base
        if len(snvs.pos)
        else np.empty(0, np.uint8)
    )
    named: dict[str, int] = {}
    for ref, alt in zip(from_, snvs.alt, strict=True):
        name = f"{BASES[ref]}>{BASES[alt]}"
        named[name] = named.get(name, 0) + 1
    return dict(sorted(named.items()))
