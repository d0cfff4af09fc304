"""The alleles to look at first, and what the models say of the bases round them.

Picks by flag and size of LLR; decides nothing else. Bases that no step asked for have no
distribution and are not made up.
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


def best(held: list[dict], batch: pa.RecordBatch, rank: np.ndarray, size: np.ndarray) -> list[dict]:
    """The best of what is held and the batch: MEDIUM and HIGH by flag, then |LLR|; ties keep the
    order of the file.

    batch: rows of sites.parquet with the columns SHOWN at least; rank, size: (n,) its flags and
    |LLR|.
    """
    rows = np.flatnonzero(rank >= Rank.MEDIUM)
    if len(held) == TOP_LOCI:
        worst, least = held[-1]["rank"], abs(held[-1]["llr"])
        rows = rows[(rank[rows] > worst) | ((rank[rows] == worst) & (size[rows] > least))]
    if not len(rows):
        return held
    rows = rows[np.lexsort((rows, -size[rows], -rank[rows].astype(np.int64)))][:TOP_LOCI]
    new = batch.take(pa.array(rows)).to_pylist()
    return sorted([*held, *new], key=lambda row: (-row["rank"], -abs(row["llr"])))[:TOP_LOCI]


def top_loci(sites: Path) -> list[dict]:
    """At most TOP_LOCI alleles of sites.parquet, best first, with the columns SHOWN and
    contig_index."""
    held: list[dict] = []
    for batch in tables.batches(sites, [*SHOWN, "contig_index"]):
        rank, size = batch["rank"].to_numpy(), np.abs(batch["llr"].to_numpy(zero_copy_only=False))
        held = best(held, batch, rank, size)
    return held


def pictures(plan_dir: Path, scores: ScoreTables, loci: list[dict]) -> list[dict]:
    """The loci's KEY with `bases`: offset from pos (-FLANK to FLANK), base of the genome, p (A, C,
    G, T), where a site was scored.

    p is the ensemble's mean distribution, rounded to four digits; views that tell likelihoods alone
    do not enter.
    """
    made = [{name: locus[name] for name in KEY} | {"bases": []} for locus in loci]
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
        for locus, one, rows in zip(loci, made, near, strict=True):
            assert block.told_weights is not None, "a block of scores has its weights"
            mean = mean_distribution(block.probs[rows], block.told_weights[rows])
            one["bases"] += [
                {
                    "offset": int(pos[row] - locus["pos"]),
                    "base": base[row],
                    "p": [round(float(p), 4) for p in probs],
                }
                for row, probs in zip(rows, mean, strict=True)
                if np.isfinite(probs).all()
            ]
    return made


def write_loci(plan_dir: Path, scores: ScoreTables, out_dir: Path) -> None:
    """Write loci.json beside the sites.parquet of `out_dir`."""
    tables.write_json(
        out_dir / FILE,
        {"flank": FLANK, "loci": pictures(plan_dir, scores, top_loci(out_dir / "sites.parquet"))},
    )
