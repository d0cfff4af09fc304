"""CHOOSE_STRIDE: measures the difference between region bases scored from tiles and the same bases
scored one by one, and chooses the stride.

Every run measures this on its own region bases, drawn from all shards, before any base is scored. A
model has one stride per run, so that no result depends on how the sites were divided into shards.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.contracts.shard import StrideCheck, StrideChoice
from gfmtrust.core.measures import entropy, mean_distribution, view_weights
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.planning.shards import REGION, planned_shards
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.readers.tiles import Tiling, answerable, score_tiles
from gfmtrust.scoring.options import ScoringOptions

CHECKED_BASES = 1_000
MAX_MEDIAN_BITS = 0.05
"""If the median difference of the entropy exceeds this number, the stride is doubled."""
EXACT = 1
"""The stride with which all bases are scored one by one."""


def choose_stride(
    fasta: Path,
    plan_dir: Path,
    bundle_dir: Path,
    out: Path,
    region_stride: int,
    options: ScoringOptions,
) -> StrideChoice:
    """Write and return the stride of a model in this run.

    The requested stride, `region_stride`, is doubled while the median of the differences is above
    MAX_MEDIAN_BITS. It is EXACT where tiles would cost as much as single bases, or where the model
    has no tiles. Nothing is checked where no region base can be scored from a tile.
    """
    bundle, genome = Bundle.open(bundle_dir, verify="sizes"), Genome.open(fasta)
    reader = reader_of(bundle)
    tiling = reader.tiling() if region_stride > EXACT else None
    checks, stride = [], EXACT
    if tiling:
        session = Session.open(
            bundle,
            device=options.device,
            threads=options.threads,
            allow_long_window=options.allow_long_window,
        )
        contig_index, pos = region_bases(plan_dir, Plan.read(plan_dir / Plan.NAME).seed)
        rows = answerable(reader, genome, contig_index, pos, options.max_n)
        places = contig_index[rows], pos[rows]
        reading = ReadingOptions(options.views, neighbours=False, max_n=1.0)
        exact = _entropies(reader.score_sites(session, genome, *places, reading))
        for stride in strides(region_stride, tiling):
            shared = _entropies(score_tiles(reader, session, genome, places, stride, reading))
            checks.append(check(stride, np.abs(shared - exact)))
            if not checks[-1].p50 > MAX_MEDIAN_BITS:
                break
        else:
            stride = EXACT
    choice = StrideChoice(bundle.model_id, region_stride, stride, tuple(checks))
    choice.write(out)
    return choice


def strides(asked: int, tiling: Tiling) -> list[int]:
    """Return the strides to try: the requested one, doubled as long as a tile costs fewer passes
    than its bases."""
    doubled = [asked]
    while 2 * doubled[-1] < tiling.step:
        doubled.append(2 * doubled[-1])
    return [stride for stride in doubled if stride < tiling.step]


def check(stride: int, bits: np.ndarray) -> StrideCheck:
    """Return percentiles of the differences of entropy, bits (n,), without NaN; 0 where there is no
    difference."""
    bits = bits[np.isfinite(bits)]
    p50, p99 = np.quantile(bits, [0.5, 0.99]) if len(bits) else (0.0, 0.0)
    return StrideCheck(stride, len(bits), round(float(p50), 6), round(float(p99), 6))


def region_bases(
    plan_dir: Path, seed: int, n: int = CHECKED_BASES
) -> tuple[np.ndarray, np.ndarray]:
    """Return (contig_index, pos) of n bases drawn from those that are scored only for their region,
    sorted; all of them where there are fewer.

    The draw depends on the sites and the seed, not on the shards.
    """
    shards = list(planned_shards(plan_dir, ShardKind.SITES).values())
    total = sum(len(part[0]) for part in map(only_region, shards))
    drawn = np.sort(
        np.random.default_rng([seed, 0x57BD]).choice(total, min(n, total), replace=False)
    )
    parts, before = [], 0
    for contig_index, pos in map(only_region, shards):
        rows = drawn[slice(*np.searchsorted(drawn, (before, before + len(pos))))] - before
        parts.append((contig_index[rows], pos[rows]))
        before += len(pos)
    contig_index, pos = (np.concatenate(column) for column in zip(*parts, strict=True))
    return contig_index, pos


def only_region(shard: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return (contig_index, pos), int64, of a shard's bases that are neither variant sites nor
    probes."""
    site = tables.read(shard, ["contig_index", "pos", "use"])
    rows = site["use"].to_numpy() == REGION
    return tuple(site[name].to_numpy().astype(np.int64)[rows] for name in ("contig_index", "pos"))


def _entropies(scores: SiteScores) -> np.ndarray:
    """Return the entropy of each site's mean distribution over the model's views, bits (n,)."""
    weights = view_weights(scores.probs, np.zeros(scores.probs.shape[1], int))
    return entropy(mean_distribution(scores.probs, weights))
