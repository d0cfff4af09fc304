"""The features of given alleles, read from the score tables of a run. SNVs are in the shards of
sites, all other alleles in the shards of variants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.calibration.ensemble import Ensemble, ScoreTables, SiteBlock, blocks
from gfmtrust.calibration.features import features, variant_features
from gfmtrust.core.alphabet import encode
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.inputs.labels import KEY
from gfmtrust.inputs.sites import place_key


class AlleleFeatures:
    """Gathers the features of alleles from the run's shards as they are read.

    alleles: the columns labels.KEY, one row per allele.
    """

    def __init__(self, plan_dir: Path, ensemble: Ensemble, alleles: pd.DataFrame):
        self._ensemble = ensemble
        self._n = len(alleles)
        self._snv = np.flatnonzero(
            ((alleles["ref"].str.len() == 1) & (alleles["alt"].str.len() == 1)).to_numpy()
        )
        self._place = place_key(alleles["contig_index"], alleles["pos"])[self._snv]
        # alleles in genome order: a shard then looks only at those between its first and last site
        self._order = np.argsort(self._place, kind="stable")
        self._sorted = self._place[self._order]
        self._ref, self._alt = (
            encode("".join(alleles[name].to_numpy(object)[self._snv])).astype(np.int64)
            for name in ("ref", "alt")
        )
        self._index = pd.MultiIndex.from_frame(alleles[KEY])
        self._parts: list[pd.DataFrame] = []

    def add(self, block: SiteBlock) -> None:
        """Take the features of the alleles that a shard of sites or of variants contains."""
        if "variant" in block.site:
            self._add_variants(block)
        else:
            self._add_sites(block)

    def _add_sites(self, block: SiteBlock) -> None:
        site = place_key(block.site["contig_index"], block.site["pos"])
        if not len(site):
            return
        first, last = np.searchsorted(self._sorted, [site[0], site[-1] + 1])
        near = np.sort(self._order[first:last])
        rows = np.searchsorted(site, self._place[near])
        is_here = site[rows] == self._place[near]
        here, rows = near[is_here], rows[is_here]
        measured = features(block, self._ensemble, rows, self._ref[here], self._alt[here])
        self._parts.append(measured.set_index(self._snv[here]))

    def _add_variants(self, block: SiteBlock) -> None:
        measured = variant_features(block, self._ensemble)
        # the first row of a variant states its key, with its own place as `start`
        first = np.flatnonzero(np.diff(block.site["variant"].to_numpy(), prepend=-1))
        keys = block.site.iloc[first][["contig_index", "start", "ref", "alt"]]
        rows = self._index.get_indexer(pd.MultiIndex.from_frame(keys))
        self._parts.append(measured[rows >= 0].set_index(rows[rows >= 0]))

    def table(self) -> pd.DataFrame:
        """The columns of `features`, one row per allele in the order given. All values of an allele
        that the run does not contain are NaN."""
        table = (
            pd.concat(self._parts) if self._parts else pd.DataFrame({"llr": pd.Series(dtype=float)})
        )
        return table[~table.index.duplicated()].reindex(np.arange(self._n))


def allele_features(plan_dir: Path, scores: ScoreTables, alleles: pd.DataFrame) -> pd.DataFrame:
    """The features of the alleles from all shards, see `AlleleFeatures`."""
    gathered = AlleleFeatures(plan_dir, scores.ensemble, alleles)
    for kind in (ShardKind.SITES, ShardKind.VARIANTS):
        for block in blocks(plan_dir, scores, kind):
            gathered.add(block)
    return gathered.table()
