"""The run's own SNVs with their features, for the shift test and the exam on own alleles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust.calibration import flags
from gfmtrust.calibration.allele_features import AlleleFeatures
from gfmtrust.calibration.certificate_cells import cell_names
from gfmtrust.calibration.ensemble import Ensemble, SiteBlock
from gfmtrust.calibration.own_alleles import OwnAlleles
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.strata import pooled, strata
from gfmtrust.core.vocabulary import Rank
from gfmtrust.inputs import snvs
from gfmtrust.io import tables

MAX_SNVS = 200_000
"""SNVs of the run that the exam looks at; every n-th where there are more."""
KEY = ["contig_index", "pos", "ref", "alt"]


class OwnSnvs:
    """Gathers the features of the run's scored SNVs from its shards as they are read."""

    def __init__(self, plan_dir: Path, ensemble: Ensemble):
        self.alleles = thinned_snvs(plan_dir, MAX_SNVS, "af", "an")
        self._features = AlleleFeatures(plan_dir, ensemble, self.alleles)
        self._table: pd.DataFrame | None = None

    def add(self, block: SiteBlock) -> None:
        self._features.add(block)

    def table(self) -> pd.DataFrame:
        """The columns of `features`, a row per SNV in genome order; NaN where no model answered."""
        if self._table is None:
            self._table = self._features.table()
        return self._table

    def surprisal(self) -> np.ndarray:
        """The context model's local surprisal at each SNV, bits, float64 (n,); NaN where there is
        none."""
        table = self.table()
        if "local_surprisal" not in table:
            return np.full(len(table), np.nan)
        return table["local_surprisal"].to_numpy(np.float64)

    def cells(self) -> np.ndarray:
        """Copy class and mutation class of each SNV, object (n,); '' where no model answered."""
        table, names = self.table(), np.full(len(self.alleles), "", dtype=object)
        if "copy_class" in table:
            answered = table["copy_class"].notna().to_numpy()
            names[answered] = pooled(strata(table[answered], ()))
        return names

    def flagged(self, run: RunCalibration) -> OwnAlleles:
        """The SNVs with the flags of the calibration, decoy levels alone."""
        table = self.table()
        answered = table["llr"].notna().to_numpy()
        rank, stratum = np.empty(0, np.uint8), np.empty(0, object)
        if answered.any():
            rank, _ = flags.decide(run, table[answered])
            stratum = flags.certified_strata(run.snv, table[answered])
        return OwnAlleles(
            rank,
            self.cells()[answered],
            table["llr"].to_numpy(np.float64)[answered],
            self.alleles["af"].to_numpy(np.float64)[answered],
            self.alleles["an"].to_numpy(np.int64)[answered],
            {
                level.name: cell_names(run.snv.certificates, level.name, stratum)
                for level in (Rank.HIGH, Rank.MEDIUM)
            },
        )


def probes_like(cells: np.ndarray, of_probes: np.ndarray) -> np.ndarray:
    """Rows of probes whose cells have the shares of the run's SNVs, in order, as many as there are.

    Probes are drawn half equally over the cells: the shift test compares like with like. Cells of
    less than 1 % of the SNVs, and those without a probe, are left out. cells, of_probes: names,
    object (n,) and (m,). All rows where the run has no SNV.
    """
    names, counts = np.unique(cells[cells != ""].astype(str), return_counts=True)
    rows_of = {name: np.flatnonzero(of_probes == name) for name in names}
    kept = {
        name: count
        for name, count in zip(names, counts, strict=True)
        if count >= 0.01 * counts.sum() and len(rows_of[name])
    }
    if not kept:
        return np.arange(len(of_probes))
    scale = min(len(rows_of[name]) / count for name, count in kept.items())
    rows = [
        rows_of[name][
            np.linspace(0, len(rows_of[name]) - 1, max(1, int(scale * count))).astype(np.int64)
        ]
        for name, count in kept.items()
    ]
    return np.sort(np.concatenate(rows))


def thinned_snvs(plan_dir: Path, most: int, *further: str) -> pd.DataFrame:
    """KEY and the further columns of the run's SNVs that are to be scored, or every n-th of them
    where there are more than `most`, in genome order. At most `most` rows, numbered from 0. An SNV
    that is written both plainly and with further letters is one row, that of the plain spelling.
    The table is streamed, so that memory does not grow with the run's plain SNVs."""
    path, columns = plan_dir / "alleles.parquet", [*KEY, *further]
    n_plain, padded_parts = 0, [pd.DataFrame(columns=columns)]
    for batch in tables.batches(path, _distinct([*KEY, *snvs.COLUMNS, *further])):
        n_plain += snvs.plain_snvs(batch).num_rows
        padded_parts.append(snvs.padded_snvs(batch).select(columns).to_pandas())
    padded = _not_plain(_joined(padded_parts), path)
    step = max(1, -(-(n_plain + len(padded)) // most))
    parts, n_before = [pd.DataFrame(columns=columns)], 0
    for batch in _plain_snvs(path, *further):
        parts.append(batch.select(columns).slice(-n_before % step).to_pandas().iloc[::step])
        n_before += batch.num_rows
    parts.append(padded.iloc[-n_before % step :: step])
    return _joined(parts).sort_values(KEY, kind="stable", ignore_index=True)


def _not_plain(padded: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Of SNVs that are written with further letters those that no row of alleles.parquet writes
    plainly, once each, in genome order."""
    if not len(padded):
        return padded
    padded = padded.drop_duplicates(KEY).sort_values(KEY, ignore_index=True)
    keys, is_plain = pd.MultiIndex.from_frame(padded[KEY]), np.zeros(len(padded), bool)
    for batch in _plain_snvs(path):
        is_plain |= keys.isin(pd.MultiIndex.from_frame(batch.select(KEY).to_pandas()))
    return padded[~is_plain].reset_index(drop=True)


def _plain_snvs(path: Path, *further: str) -> Iterator[pa.RecordBatch]:
    """The SNVs of alleles.parquet that are written with one letter each, piece by piece."""
    for batch in tables.batches(path, _distinct([*KEY, *snvs.PLAIN_COLUMNS, *further])):
        yield snvs.plain_snvs(batch)


def _distinct(columns: list[str]) -> list[str]:
    return list(dict.fromkeys(columns))


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all parts; the first, which is empty, gives the columns where there are none."""
    return pd.concat([part for part in parts if len(part)] or parts[:1])
