"""The variants of a run that are not SNVs, with their measures and flags, looked up by what they
change.

Shards of variants are scored and flagged when an allele needs them, and the ones that were needed
last stay in memory, so that memory does not grow with the run.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.annotate.snv_ranks import SnvRanks
from gfmtrust.calibration import flags
from gfmtrust.calibration.ensemble import ScoreTables, SiteBlock
from gfmtrust.calibration.features import variant_features
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.alphabet import encode
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.vocabulary import Rank, ShardKind, VariantClass
from gfmtrust.inputs.sites import place_key
from gfmtrust.io import tables
from gfmtrust.io.position_table import as_numpy
from gfmtrust.planning.shards import VARIANT, planned_shards

SHARDS_KEPT = 8
"""Shards of variants in memory; neighbouring alleles need one or two."""
KEY = ["contig_index", "start", "ref", "alt"]


class FlaggedVariants:
    """The variants of a run by (contig_index, pos, ref, alt), as normalised."""

    def __init__(
        self,
        plan_dir: Path,
        scores: ScoreTables,
        fitted: RunCalibration,
        snv_ranks: SnvRanks = SnvRanks(),  # noqa: B008  (frozen: safe)
    ):
        self._scores, self._fitted, self._snv_ranks = scores, fitted, snv_ranks
        self._shards, first, last = [], [], []
        for shard, path in planned_shards(plan_dir, ShardKind.VARIANTS).items():
            places = _run_places(path)
            if len(places):
                self._shards.append((shard, path))
                first.append(int(places.min()))
                last.append(int(places.max()))
        # the run's variants are sorted over all shards, so that both bounds ascend
        self._first, self._last = np.array(first, np.int64), np.array(last, np.int64)
        self._kind = np.empty(0, object)
        if self._shards:
            self._kind = as_numpy(tables.read(plan_dir / "variants.parquet", ["kind"])["kind"])
        self._flagged: OrderedDict[int, pd.DataFrame] = OrderedDict()

    def at(self, keys: pd.DataFrame) -> pd.DataFrame:
        """The columns of `variant_features` with rel, rank, why, basis and the ranks of SNVs, one
        row per key. keys: contig_index, pos, ref and alt (n, 4).

        Raises InternalError (70) for a variant that the plan does not have.
        """
        place = place_key(keys.iloc[:, 0], keys.iloc[:, 1])
        low = int(np.searchsorted(self._last, place.min(), "left"))
        high = int(np.searchsorted(self._first, place.max(), "right"))
        parts = [self._shard(number) for number in range(low, high)]
        if not parts:
            raise _not_planned()
        flagged = pd.concat(parts) if len(parts) > 1 else parts[0]
        rows = flagged.index.get_indexer(pd.MultiIndex.from_frame(keys))
        if (rows < 0).any():
            raise _not_planned()
        return flagged.iloc[rows]

    def _shard(self, number: int) -> pd.DataFrame:
        if number not in self._flagged:
            self._flagged[number] = self._read(number)
            while len(self._flagged) > SHARDS_KEPT:
                self._flagged.popitem(last=False)
        self._flagged.move_to_end(number)
        return self._flagged[number]

    def _read(self, number: int) -> pd.DataFrame:
        """The variants of the run in one shard."""
        shard, path = self._shards[number]
        block = self._scores.block(shard, tables.read(path).to_pandas())
        measured = variant_features(block, self._scores.ensemble)
        first = np.flatnonzero(np.diff(block.site["variant"].to_numpy(), prepend=-1))
        of_variant = block.site.iloc[first].reset_index(drop=True)
        of_run = (of_variant["use"].to_numpy() & VARIANT) > 0
        kind = self._kind[measured["variant"].to_numpy()]
        kind = np.where(of_run, kind, "")
        flagged = _with_verdicts(self._fitted, measured, of_variant, kind)
        self._add_ranks(flagged, block, first, kind == VariantClass.SNV)
        return flagged[of_run].set_index(pd.MultiIndex.from_frame(of_variant.loc[of_run, KEY]))

    def _add_ranks(
        self, flagged: pd.DataFrame, block: SiteBlock, first: np.ndarray, is_snv: np.ndarray
    ) -> None:
        """Fill in the ranks of the SNVs (n,) among the variants of a block. first: row of each."""
        rows = np.flatnonzero(is_snv)
        of_snvs = block.site.iloc[first[rows]]
        ref, alt = (
            encode("".join(of_snvs[name].to_numpy(object))).astype(np.int64)
            for name in ("ref", "alt")
        )
        llrs = flagged["llr"].to_numpy(np.float64)[rows]
        ranked = self._snv_ranks.at(block, self._scores.ensemble, first[rows], (ref, alt), llrs)
        for name, values in ranked.items():
            flagged.loc[rows, name] = values


def _with_verdicts(
    fitted: RunCalibration, measured: pd.DataFrame, of_variant: pd.DataFrame, kind: np.ndarray
) -> pd.DataFrame:
    """The measures with reliability, flag, reasons and basis. kind: class of each, '' for none
    (n,)."""
    measured = measured.assign(
        rel=np.nan,
        pct=np.nan,
        models_pct=np.nan,
        models_sd=np.nan,
        rank=np.uint8(Rank.NOT_SCORED),
        why=None,
        basis=None,
    )
    for name in np.unique(kind[kind != ""].astype(str)):
        rows = np.flatnonzero(kind == name)
        place = (of_variant[column].to_numpy(np.int64)[rows] for column in KEY[:2])
        verdicts = flags.verdicts(fitted, name, measured.iloc[rows], *place)
        measured.loc[rows, "rel"] = verdicts.rel
        measured.loc[rows, "rank"] = verdicts.rank
        measured.loc[rows, "basis"] = verdicts.basis
        measured.loc[rows, "why"] = pd.Series(
            ["&".join(codes) or None for codes in verdicts.why], index=rows, dtype=object
        )
    return measured


def _run_places(path: Path) -> np.ndarray:
    """Place of each variant of the run in a shard, with repetitions, int64."""
    table = tables.read(path, ["contig_index", "start", "use"])
    place = place_key(table["contig_index"], table["start"])
    return place[(table["use"].to_numpy() & VARIANT) > 0]


def _not_planned() -> InternalError:
    return InternalError(
        message(
            "alleles.parquet",
            "a variant that is in no shard of variants",
            "each scored variant in the plan",
        )
    )
