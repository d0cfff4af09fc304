"""What each model of a run says of given alleles, by itself: read from the score tables, no model is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust import tables
from gfmtrust.alphabet import encode
from gfmtrust.ensemble import CONTEXT_FAMILY, ScoreTables, blocks
from gfmtrust.features import variant_features
from gfmtrust.labels import KEY
from gfmtrust.measures import llr, view_llr
from gfmtrust.sites import place_key


def model_llrs(plan_dir: Path, scores: list[Path], metadata: dict[str, dict],
               alleles: pd.DataFrame) -> Iterator[tuple[str, np.ndarray, str]]:
    """Each model's id, its mean LLR of each allele, nats (n,), NaN where it has none, and what it is.

    metadata: model -> metadata of its score tables, in the order of the run. alleles: labels.KEY columns, n rows.
    """
    for model, facts in metadata.items():
        what = "word counts of the genome" if facts["family"] == CONTEXT_FAMILY else facts["family"]
        gate = facts.get("gate", "passed")
        yield model, _llrs(plan_dir, ScoreTables(scores, [model]), alleles), what if gate == "passed" else f"{what}, gate: {gate}"


def _llrs(plan_dir: Path, scores: ScoreTables, alleles: pd.DataFrame) -> np.ndarray:
    found = np.full(len(alleles), np.nan)
    snv = np.flatnonzero(((alleles["ref"].str.len() == 1) & (alleles["alt"].str.len() == 1)).to_numpy())
    place = place_key(alleles["contig_index"], alleles["pos"])[snv]
    ref, alt = (encode("".join(alleles[name].to_numpy(object)[snv])).astype(np.int64) for name in ("ref", "alt"))
    for block in blocks(plan_dir, scores):
        here = place_key(block.site["contig_index"], block.site["pos"])
        if not len(here):
            continue
        rows = np.minimum(np.searchsorted(here, place), len(here) - 1)
        mine = here[rows] == place
        rows = rows[mine]
        found[snv[mine]] = llr(view_llr(block.probs[rows], ref[mine], alt[mine]), block.weights[rows])
    known = tables.read(plan_dir / "variants.parquet").to_pandas()
    index = pd.MultiIndex.from_frame(alleles[KEY])
    for block in blocks(plan_dir, scores, "variants"):
        measured = variant_features(block, scores.ensemble)
        rows = index.get_indexer(pd.MultiIndex.from_frame(known.iloc[measured["variant"]][KEY]))
        found[rows[rows >= 0]] = measured["llr"].to_numpy(np.float64)[rows >= 0]
    return found
