"""The most important alleles of a run, and the distributions of the models at the bases around
them.

The alleles are chosen by flag and |LLR|; nothing else is decided here. Bases that no step scored
have no distribution.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.core.alphabet import decode
from gfmtrust.core.measures import mean_distribution
from gfmtrust.core.vocabulary import Rank, ShardKind
from gfmtrust.io import tables
from gfmtrust.planning.shards import planned_shards

FILE = "loci.json"
TOP_LOCI = 20
FLANK = 8
SHOWN = ["contig", "pos", "ref", "alt", "rank", "rel", "llr", "ent"]
KEY = ("contig", "pos", "ref", "alt")


def best(
    best_so_far: list[dict], batch: pa.RecordBatch, rank: np.ndarray, size: np.ndarray
) -> list[dict]:
    """The best alleles of `best_so_far` and of the batch: MEDIUM and HIGH, sorted by flag, then by
    |LLR|; ties keep the order of the file.

    batch: rows of sites.parquet with at least the columns SHOWN; rank, size: its flags and |LLR|,
    (n,) each.
    """
    rows = np.flatnonzero(rank >= Rank.MEDIUM)
    if len(best_so_far) == TOP_LOCI:
        worst, least = best_so_far[-1]["rank"], abs(best_so_far[-1]["llr"])
        rows = rows[(rank[rows] > worst) | ((rank[rows] == worst) & (size[rows] > least))]
    if not len(rows):
        return best_so_far
    rows = rows[np.lexsort((rows, -size[rows], -rank[rows].astype(np.int64)))][:TOP_LOCI]
    new = batch.take(pa.array(rows)).to_pylist()
    return sorted([*best_so_far, *new], key=lambda row: (-row["rank"], -abs(row["llr"])))[:TOP_LOCI]


def top_loci(sites: Path) -> list[dict]:
    """At most TOP_LOCI alleles of sites.parquet, best first, with the columns SHOWN and
    contig_index."""
    best_so_far: list[dict] = []
    for batch in tables.batches(sites, [*SHOWN, "contig_index"]):
        rank, size = batch["rank"].to_numpy(), np.abs(batch["llr"].to_numpy(zero_copy_only=False))
        best_so_far = best(best_so_far, batch, rank, size)
    return best_so_far


def pictures(plan_dir: Path, scores: ScoreTables, loci: list[dict]) -> list[dict]:
    """KEY of each locus, with `bases`: offset from pos (-FLANK to FLANK), base of the genome and p
    (A, C, G, T) of each scored site.

    p is the mean distribution of the ensemble, rounded to four digits; views that give only
    likelihoods do not enter.
    """
    located = [{name: locus[name] for name in KEY} | {"bases": []} for locus in loci]
    for shard, path in planned_shards(plan_dir, ShardKind.SITES).items() if loci else []:
        place = tables.read(path, ["contig_index", "pos"])
        index, pos = (place[name].to_numpy() for name in ("contig_index", "pos"))
        near = [
            np.flatnonzero((index == locus["contig_index"]) & (np.abs(pos - locus["pos"]) <= FLANK))
            for locus in loci
        ]
        if not any(map(len, near)):
            continue
        block = scores.block(shard, tables.read(path).to_pandas())
        base = decode(block.site["base"].to_numpy())
        for locus, one, rows in zip(loci, located, near, strict=True):
            mean = mean_distribution(block.probs[rows], block.distribution_weights[rows])
            one["bases"] += [
                {
                    "offset": int(pos[row] - locus["pos"]),
                    "base": base[row],
                    "p": [round(float(p), 4) for p in probs],
                }
                for row, probs in zip(rows, mean, strict=True)
                if np.isfinite(probs).all()
            ]
    return located


def write_loci(plan_dir: Path, scores: ScoreTables, out_dir: Path) -> None:
    """Write loci.json beside the sites.parquet of `out_dir`."""
    tables.write_json(
        out_dir / FILE,
        {"flank": FLANK, "loci": pictures(plan_dir, scores, top_loci(out_dir / "sites.parquet"))},
    )
