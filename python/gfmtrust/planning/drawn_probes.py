"""The probes of a run as PLAN_SITES draws them: candidate sites over the genome, and the columns of
probes.parquet.

Where contigs are said to be held out of the models' training, further probes are drawn there alone,
so that HIGH can be certified on them if the models seem to have memorised the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gfmtrust.core.alphabet import N
from gfmtrust.inputs.sites import block_of, place_key, surroundings
from gfmtrust.planning import probes
from gfmtrust.planning.copy_facts import CopyFacts
from gfmtrust.planning.regions import Regions
from gfmtrust.planning.site_classes import Sites
from gfmtrust.planning.snvs import Snvs

log = logging.getLogger(__name__)

POOL_SITES = 400_000
"""Number of candidate sites drawn from the whole genome, from which the probes are chosen."""
SURPRISAL_SNVS = SAMPLED_BASES = 20_000
FURTHER = 1_000_003
"""Added to the seed of the further probes, which are another draw."""


@dataclass(frozen=True)
class Source:
    """What probes are drawn from and like: the genome, the run's SNVs and regions, the copy facts of
    the candidates, the context model's local surprisal (`plan_sites`), and the length of a block."""

    genome: Any
    snvs: Snvs
    regions: Regions
    copies: CopyFacts
    local_surprisal: Callable[[np.ndarray, np.ndarray], np.ndarray]
    block_bp: int


@dataclass(frozen=True)
class Candidates:
    """Sites to draw from, (n,) each: contig_index and pos, int64, sorted; is_free: whether no allele
    of the run lies there, bool. Which sites these are depends on the genome and the seed alone."""

    contig_index: np.ndarray
    pos: np.ndarray
    is_free: np.ndarray

    @classmethod
    def none(cls) -> Candidates:
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, bool))

    def take(self, rows: np.ndarray) -> Candidates:
        return Candidates(*(values[rows] for values in vars(self).values()))


def _sites(
    genome, regions: Regions, copies: CopyFacts, contig_index, pos, alt=None, is_free=None
) -> Sites:
    """Sites as the draw sees them; region and copy classes by their names."""
    around = surroundings(genome, contig_index, pos)
    copy = copies.columns(contig_index, pos, np.ones(len(pos), np.int64), around.soft_masked)
    return Sites(
        place_key(contig_index, pos),
        around,
        regions.classes(genome, contig_index, pos, copy["copy_class"]),
        copy["copy_class"],
        alt,
        is_free,
    )


def further(
    source: Source,
    candidates: Candidates,
    drawn_before: dict[str, np.ndarray],
    seed: int,
) -> dict[str, np.ndarray]:
    """Columns of tables.PROBES of further probes on the contigs of the candidates, in genome order:
    as many as those contigs lack of the number drawn before. They are drawn like all others, so that those drawn there
    before and these are together a draw from the held-out contigs. No rows without a candidate."""
    n = len(drawn_before["pos"])
    before = np.isin(drawn_before["contig_index"], np.unique(candidates.contig_index)).sum()
    if not candidates.is_free.any() or before >= n:
        return {name: values[:0] for name, values in drawn_before.items()}
    return drawn(source, candidates, n - int(before), seed + FURTHER)[0]


def drawn(
    source: Source, candidates: Candidates, number: int | str, seed: int
) -> tuple[dict[str, np.ndarray], probes.Drawing]:
    """Columns of tables.PROBES in genome order, and how the draw went. number: of probes, or
    `auto`."""
    genome, snvs, regions, copies = source.genome, source.snvs, source.regions, source.copies
    local_surprisal, block_bp = source.local_surprisal, source.block_bp
    sites = _sites(
        genome,
        regions,
        copies,
        candidates.contig_index,
        candidates.pos,
        is_free=candidates.is_free,
    )
    usable = np.flatnonzero(
        (sites.around.base < N) & (sites.around.left < N) & (sites.around.right < N)
    )
    candidates, sites = candidates.take(usable), sites.take(usable)
    contig_index, pos = candidates.contig_index, candidates.pos
    around, region_classes, copy_classes = sites.around, sites.region, sites.copy
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
    n = probes.probe_number(snvs.n_sites, number, probes.needed(run, bases))
    chosen, drawing = probes.draw(
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
    if len(chosen.row) < n:
        log.warning(
            "probes: %d of the %d asked for could be drawn from %d candidate sites",
            len(chosen.row),
            n,
            np.count_nonzero(candidates.is_free),
        )
    at = chosen.row
    missing = np.unique(at[~np.isfinite(surprisal_of_row[at])]) if len(at) else at
    surprisal_of_pool(missing)
    order = np.lexsort((chosen.decoy, pos[at], contig_index[at]))
    at = at[order]
    return {
        "contig_index": contig_index[at].astype(np.int32),
        "pos": pos[at],
        "real": around.base[at].astype(np.int8),
        "decoy": chosen.decoy[order].astype(np.int8),
        "run_oriented": chosen.run_oriented[order],
        "copy_class": copy_classes[at],
        "region_class": region_classes[at],
        "block": block_of(genome, contig_index[at], pos[at], block_bp),
        "local_surprisal": surprisal_of_row[at],
        "gc": around.gc[at],
        "soft_masked": around.soft_masked[at],
    }, drawing


def pool(genome, intervals, taken, rng) -> Candidates:
    """Candidate sites: every base of the intervals where there are few, else POOL_SITES that are
    drawn uniformly. Those under an allele of the run are not free. intervals: stretches of A, C, G
    and T in each contig, int64 (n, 2)."""
    spans = np.array([(part[:, 1] - part[:, 0]).sum() for part in intervals], dtype=np.int64)
    total = int(spans.sum())
    per_contig = spans if total <= POOL_SITES else rng.multinomial(POOL_SITES, spans / total)
    parts = [Candidates.none()]
    for index, mask in taken.by_contig(genome):
        n, span = int(per_contig[index]), int(spans[index])
        if not n:
            continue
        ends = np.cumsum(intervals[index][:, 1] - intervals[index][:, 0])
        rank = np.arange(span) if n == span else np.sort(rng.integers(0, span, n))
        run = np.searchsorted(ends, rank, side="right")
        pos = np.unique(intervals[index][run, 1] - (ends[run] - rank))
        parts.append(Candidates(np.full(len(pos), index, np.int64), pos, mask[pos] & 1 == 0))
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Candidates(*(np.concatenate(column) for column in columns))
