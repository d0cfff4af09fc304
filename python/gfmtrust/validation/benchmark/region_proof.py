"""Proof of region flags: regions of an oracle genome are flagged by repeatedly drawn calibrations
and compared with the error over all decoys of their bases.

A region's flag depends on one decoy per base (`bases_table.decoys`); its true decoy error is the
mean over all three decoys of its bases.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.annotate import region_summary
from gfmtrust.annotate.bases_table import decoys
from gfmtrust.baseline.surprisal import context_surprisal
from gfmtrust.bundle.facts import model_order
from gfmtrust.calibration import flags
from gfmtrust.calibration.ensemble import ScoreTables, blocks
from gfmtrust.calibration.features import features
from gfmtrust.core.alphabet import N
from gfmtrust.core.vocabulary import Rank
from gfmtrust.inputs import check
from gfmtrust.io.genome import Genome
from gfmtrust.planning import bed_files, plan
from gfmtrust.planning.shards import REGION
from gfmtrust.validation.benchmark import pool as pools
from gfmtrust.validation.benchmark.replications import calibrated
from gfmtrust.validation.oracle import dataset


@dataclass(frozen=True)
class RegionProof:
    """One level over all replications: the number of regions, how often one has exactly that flag,
    how often such a region truly errs above alpha and in how many replications at least one does;
    the mean true decoy error of flagged regions (NaN without any)."""

    level: str
    replications: int
    regions: int
    flagged: int
    above_alpha: int
    replications_above: int
    error: float


@dataclass(frozen=True)
class RegionPool:
    """m bases of regions, each with its three decoys. alleles: 3 m rows of `features`, decoy by
    decoy; base, contig_index, pos: (m,); spans: first and end row of each region among the m."""

    alleles: pd.DataFrame
    base: np.ndarray
    contig_index: np.ndarray
    pos: np.ndarray
    spans: list[tuple[int, int]]


def region_pool(genome_dir: Path, models: list[Path], threads: int = 2) -> RegionPool:
    """Return every base of regions.bed of an oracle genome, scored by the models (none: the context
    model)."""
    fasta, bed = genome_dir / dataset.GENOME, genome_dir / dataset.REGIONS
    bundles = [*models, pools.context_model(genome_dir)]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        checks = check.check_inputs(fasta, [], [bed], None, work / "checked")
        genome, sets = Genome.open(fasta, work), bed_files.regions([bed], checks.contig_map)
        plan.plan_sites(
            genome,
            [],
            sets,
            None,
            context_surprisal(bundles[-1], genome, threads),
            work / "plan",
            checks,
            plan.PlanOptions(1_000),
        )
        pools.keep_uses(work / "plan", REGION)
        pools.score(fasta, bundles, work / "plan", work / "scores", threads=threads)
        scores = ScoreTables([work / "scores"], model_order(bundles))
        parts, sites = [[], [], []], []
        for block in blocks(work / "plan", scores):
            base = block.site["base"].to_numpy(np.int64)
            assert (base < N).all()  # an oracle genome of `laws` has no N
            for step, part in enumerate(parts, start=1):
                part.append(
                    features(block, scores.ensemble, np.arange(len(base)), base, (base + step) % 4)
                )
            sites.append(block.site[["contig_index", "pos", "base"]])
        names = genome.names
    site = pd.concat(sites, ignore_index=True)
    place = {
        (index, pos): row
        for row, (index, pos) in enumerate(zip(site["contig_index"], site["pos"], strict=True))
    }
    lines = [line.split("\t") for line in bed.read_text(encoding="utf-8").splitlines()]
    spans = [
        (place[names.index(name), int(start)], place[names.index(name), int(end) - 1] + 1)
        for name, start, end, _ in lines
    ]
    alleles = pd.concat([frame for part in parts for frame in part], ignore_index=True)
    return RegionPool(
        alleles.astype(dict.fromkeys(pools.CLASS_COLUMNS, object)),
        site["base"].to_numpy(np.int64),
        site["contig_index"].to_numpy(),
        site["pos"].to_numpy(np.int64),
        spans,
    )


def region_flags(
    regions: RegionPool, pool: pools.Pool, n: int, n_probes: int = 4_000
) -> list[RegionProof]:
    """Flag the regions with n calibrations drawn from the pool, each with new decoys for the bases;
    return one row for HIGH and one for MEDIUM."""
    wrong = ~(regions.alleles["llr"].to_numpy() < 0).reshape(3, -1)
    true = np.array([wrong[:, first:end].mean() for first, end in regions.spans])
    given = np.zeros((n, len(regions.spans)), np.uint8)
    m = np.arange(len(regions.base))
    for i in range(n):
        fitted, _ = calibrated(pool, i, n_probes)
        step = (decoys(regions.contig_index, regions.pos, regions.base, i) - regions.base - 1) % 4
        rank = flags.decide(fitted, regions.alleles.iloc[step * len(m) + m])[0]
        levels = region_summary.Levels.of(fitted)
        mistaken = wrong[step, m]
        for j, (first, end) in enumerate(regions.spans):
            typical = region_summary.typical_rank(rank[first:end])
            given[i, j] = region_summary.region_flag(
                typical, int(mistaken[first:end].sum()), end - first, levels
            )[0]
    return [
        _row(level, given == level, true > levels.alpha[level], true)
        for level in (Rank.HIGH, Rank.MEDIUM)
    ]


def _row(level: Rank, flagged: np.ndarray, above: np.ndarray, true: np.ndarray) -> RegionProof:
    broken = flagged & above
    errors = np.broadcast_to(true, flagged.shape)[flagged]
    return RegionProof(
        level.name,
        flagged.shape[0],
        flagged.shape[1],
        int(flagged.sum()),
        int(broken.sum()),
        int(broken.any(axis=1).sum()),
        float(errors.mean()) if len(errors) else float("nan"),
    )
