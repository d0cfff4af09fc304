"""The features of given alleles, found in the score tables of a run: plain SNVs in the shards of
sites, the others in those of variants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.calibration.ensemble import ScoreTables, blocks
from gfmtrust.calibration.features import features, variant_features
from gfmtrust.core.alphabet import encode
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.inputs.labels import KEY
from gfmtrust.inputs.sites import place_key
from gfmtrust.io import tables


def allele_features(plan_dir: Path, scores: ScoreTables, alleles: pd.DataFrame) -> pd.DataFrame:
    """The columns of `features`, a row an allele in the order given; NaN throughout where the run
    holds no such allele.

    alleles: labels.KEY columns, one row each.
    """
    parts = []
    snv = np.flatnonzero(
        ((alleles["ref"].str.len() == 1) & (alleles["alt"].str.len() == 1)).to_numpy()
    )
    place = place_key(alleles["contig_index"], alleles["pos"])[snv]
    ref, alt = (
        encode("".join(alleles[name].to_numpy(object)[snv])).astype(np.int64)
        for name in ("ref", "alt")
    )
    for block in blocks(plan_dir, scores):
        here = place_key(block.site["contig_index"], block.site["pos"])
        if not len(here):
            continue
        rows = np.minimum(np.searchsorted(here, place), len(here) - 1)
        mine = here[rows] == place
        parts.append(
            features(block, scores.ensemble, rows[mine], ref[mine], alt[mine]).set_index(snv[mine])
        )
    known = tables.read(plan_dir / "variants.parquet").to_pandas()
    index = pd.MultiIndex.from_frame(alleles[KEY])
    for block in blocks(plan_dir, scores, ShardKind.VARIANTS):
        measured = variant_features(block, scores.ensemble)
        rows = index.get_indexer(pd.MultiIndex.from_frame(known.iloc[measured["variant"]][KEY]))
        parts.append(measured[rows >= 0].set_index(rows[rows >= 0]))
    found = pd.concat(parts) if parts else pd.DataFrame({"llr": pd.Series(dtype=float)})
    return found[~found.index.duplicated()].reindex(np.arange(len(alleles)))
