"""The probes of a run with their measures, collected from its score tables in one pass over each
shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from gfmtrust.calibration.ensemble import Ensemble, ScoreTables, SiteBlock, blocks
from gfmtrust.calibration.features import features, surprisal_of, variant_features
from gfmtrust.calibration.own_snvs import thinned_snvs
from gfmtrust.core.alphabet import encode
from gfmtrust.core.measures import llr, view_llr, view_weights
from gfmtrust.core.vocabulary import NEGATIVE_CONTROLS, ShardKind
from gfmtrust.inputs.sites import place_key
from gfmtrust.io import tables
from gfmtrust.planning.shards import PROBE, PROBE_FILES, planned_shards

RUN_SITES_KEPT = 20_000
"""Largest number of run sites whose local surprisal the shift test uses; where there are more,
every n-th is used."""


class Reader(Protocol):
    """Receives every shard as it is read, and keeps what it needs of it."""

    def add(self, block: SiteBlock) -> None: ...


def read_once(
    plan_dir: Path,
    scores: ScoreTables,
    readers: Iterable[Reader],
    kind: ShardKind = ShardKind.SITES,
) -> None:
    """Pass every shard of that kind to all readers, in order. Each score table is read once."""
    readers = list(readers)
    if readers:
        for block in blocks(plan_dir, scores, kind):
            for reader in readers:
                reader.add(block)


class ProbeRows:
    """The probes of SNVs (REF = real base, ALT = decoy), from shards of sites or of a control. use:
    which of PROBE_FILES they are; a plan without that file has none of them."""

    def __init__(self, plan_dir: Path, ensemble: Ensemble, use: int = PROBE):
        path = plan_dir / PROBE_FILES[use]
        is_absent = use != PROBE and not path.exists()  # a plan of gfmtrust 0.1
        drawn = tables.PROBES.empty_table() if is_absent else tables.read(path)
        self._use, self._probes = use, drawn.to_pandas()
        self._place = place_key(self._probes["contig_index"], self._probes["pos"])
        self._ensemble = ensemble
        self._parts: list[pd.DataFrame] = []

    def add(self, block: SiteBlock) -> None:
        rows = np.flatnonzero(block.site["use"].to_numpy() & self._use)
        self._parts.append(_probes_of(block, self._ensemble, self._probes, self._place, rows))

    def table(self) -> pd.DataFrame:
        """The columns of probes.parquet, the columns of `features`, `status`, and the bits per base
        of the ensemble and of the context model (`surprisal`, `context_site_surprisal`)."""
        return pd.concat(self._parts, ignore_index=True)


class PermutedAlts:
    """The LLRs of the run's SNVs, and the LLRs after the ALTs were permuted among SNVs of the same
    REF. Where there are more than RUN_SITES_KEPT SNVs, every n-th is used."""

    def __init__(self, plan_dir: Path, seed: int):
        snvs = thinned_snvs(plan_dir, RUN_SITES_KEPT)
        self._place = place_key(snvs["contig_index"], snvs["pos"])
        self._ref, self._alt = (
            encode("".join(snvs[name])).astype(np.int64) for name in ("ref", "alt")
        )
        self._permuted, rng = self._alt.copy(), np.random.default_rng([seed, 0xA17])
        for base in np.unique(self._ref):
            rows = np.flatnonzero(self._ref == base)
            self._permuted[rows] = self._alt[rng.permutation(rows)]
        self._parts: list[list[np.ndarray]] = []

    def add(self, block: SiteBlock) -> None:
        site = place_key(block.site["contig_index"], block.site["pos"])
        snv = np.flatnonzero(np.isin(self._place, site))
        row = np.searchsorted(site, self._place[snv])
        self._parts.append(
            [
                llr(view_llr(block.probs[row], self._ref[snv], alt[snv]), block.weights[row])
                for alt in (self._alt, self._permuted)
            ]
        )

    def distance(self) -> float | None:
        """Kolmogorov-Smirnov distance between the two; None where one of them has no LLR, as a
        table of single alleles may have none for a permuted ALT. A value near 0 means that the
        models do not distinguish observed alleles from arbitrary ones."""
        if not self._parts:
            return None
        real, arbitrary = (
            values[np.isfinite(values)] for values in np.concatenate(self._parts, axis=1)
        )
        if not len(real) or not len(arbitrary):
            return None
        every = np.concatenate([real, arbitrary])
        shares = [
            np.searchsorted(np.sort(one), every, side="right") / len(one)
            for one in (real, arbitrary)
        ]
        return float(np.abs(shares[0] - shares[1]).max())


class ClassProbes:
    """The probes of each class of variant in variants.parquet, with the columns that
    `calibration.fit` needs. The columns real and decoy contain the id of the variant."""

    def __init__(self, plan_dir: Path, ensemble: Ensemble):
        self._probes = _variant_probes(plan_dir / "variants.parquet")
        self._ensemble = ensemble
        self._parts: list[pd.DataFrame] = []

    def add(self, block: SiteBlock) -> None:
        measured = variant_features(block, self._ensemble)
        is_probe = np.isin(measured["variant"].to_numpy(), self._probes.index.to_numpy())
        self._parts.append(measured[is_probe])

    def tables(self) -> dict[str, pd.DataFrame]:
        if not self._parts:
            return {}
        measured = pd.concat(self._parts, ignore_index=True)
        keys = self._probes.loc[measured["variant"].to_numpy()].reset_index(drop=True)
        table = pd.concat(
            [keys, measured.assign(real=measured["variant"], decoy=measured["variant"])], axis=1
        )
        return {
            str(name): rows.reset_index(drop=True)
            for name, rows in table.groupby("kind", sort=True)
        }


def _variant_probes(path: Path) -> pd.DataFrame:
    """The probes among the variants of a run, by their ids. Only they are kept in memory."""
    names = ["contig_index", "pos", "kind", "use", "run_oriented", "block"]
    parts, first = [], 0
    for batch in tables.batches(path, names):
        rows = batch.to_pandas().set_index(np.arange(first, first + batch.num_rows))
        parts.append(rows[(rows["use"] & PROBE) > 0])
        first += batch.num_rows
    return pd.concat(parts) if parts else tables.VARIANTS.empty_table().select(names).to_pandas()


def probe_table(plan_dir: Path, scores: ScoreTables) -> pd.DataFrame:
    """Every probe of SNVs with its measures; see `ProbeRows`."""
    probes = ProbeRows(plan_dir, scores.ensemble)
    read_once(plan_dir, scores, [probes])
    return probes.table()


def control_tables(plan_dir: Path, scores: ScoreTables) -> Iterator[tuple[ShardKind, pd.DataFrame]]:
    """The probes of each negative control that was scored, in the form of `probe_table`."""
    for kind in NEGATIVE_CONTROLS:
        if planned_shards(plan_dir, kind):
            probes = ProbeRows(plan_dir, scores.ensemble)
            read_once(plan_dir, scores, [probes], kind)
            yield kind, probes.table()


def _probes_of(
    block: SiteBlock, ensemble: Ensemble, probes: pd.DataFrame, place: np.ndarray, rows: np.ndarray
) -> pd.DataFrame:
    """The probes at the given rows of a block, in the order of probes.parquet."""
    here = place_key(block.site["contig_index"], block.site["pos"])[rows]
    low, high = np.searchsorted(place, here, "left"), np.searchsorted(place, here, "right")
    row = np.repeat(rows, high - low)
    at_rows = probes.iloc[
        np.concatenate(
            [np.arange(a, b) for a, b in zip(low, high, strict=True)] or [np.empty(0, int)]
        )
    ]
    real, decoy = at_rows["real"].to_numpy(np.int64), at_rows["decoy"].to_numpy(np.int64)
    measured = features(block, ensemble, row, real, decoy)
    kept = at_rows[["contig_index", "pos", "real", "decoy", "run_oriented", "block"]].reset_index(
        drop=True
    )
    context = block.context_probs[row]
    alike = view_weights(context, np.zeros(context.shape[1], int))
    bits = {
        "surprisal": surprisal_of(block.probs[row], block.distribution_weights[row], real),
        "context_site_surprisal": surprisal_of(context, alike, real),
        "status": block.status[row],
    }
    return pd.concat([kept, measured, pd.DataFrame(bits)], axis=1)
