"""ANNOTATE_SITES: computes measures, reliability and flag of every allele of the cohort and of
every region base.

It streams the shards together with the sorted allele table. The annotation of the user's files
needs only the tables that it writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust.annotate import model_comparison
from gfmtrust.annotate.bases_table import BasesTable
from gfmtrust.annotate.flagged_variants import FlaggedVariants
from gfmtrust.annotate.model_comparison import ModelComparison
from gfmtrust.annotate.snv_ranks import SnvRanks
from gfmtrust.calibration import flags
from gfmtrust.calibration.ensemble import Ensemble, ScoreTables, SiteBlock, allele_status, blocks
from gfmtrust.calibration.features import features
from gfmtrust.calibration.outcome import label_sentences
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.run_background import BackgroundFacts
from gfmtrust.core.alphabet import encode
from gfmtrust.core.columns import SITES_COLUMNS
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.row_columns import VERDICTS
from gfmtrust.core.vocabulary import Rank, Status, VariantClass
from gfmtrust.inputs.sites import place_key
from gfmtrust.io import tables

FEATURES = tuple(column.name for column in SITES_COLUMNS if column not in VERDICTS)
"""The columns of sites.parquet that come from the features of an allele and its reliability."""
EMPTY = {
    "float32": (np.nan, np.float32),
    "uint8": (0, np.uint8),
    "int16": (-1, np.int16),
    "bool": (False, bool),
}
"""Initial value and type of a column, by its dtype, before an allele is scored. Columns of other
dtypes are text and begin as None."""


def annotate_sites(
    plan_dir: Path,
    scores: ScoreTables,
    fitted: RunCalibration,
    out_dir: Path,
    background: Path | None = None,
    ranks: Path | None = None,
) -> dict[str, int]:
    """Write sites.parquet (one row per single allele, in the order of alleles.parquet),
    bases.parquet (one row per region base) and model_comparison.json (the models side by side, at
    scored SNVs and at every eighth region base).

    background, ranks: background.parquet and model_ranks.parquet of calibrate; without them no
    allele has a percentile, or the models' ranks. Returns the
    number of alleles by flag and status.
    """
    plan = Plan.read(plan_dir / Plan.NAME)
    names = [contig.name for contig in plan.contigs]
    alleles = _AlleleStream(plan_dir / "alleles.parquet")
    snv_ranks = SnvRanks.read(background, ranks)
    variants = FlaggedVariants(plan_dir, scores, fitted, snv_ranks)
    metadata = RunFacts(
        contigs=tuple(names),
        contig_lengths=tuple(contig.length for contig in plan.contigs),
        contig_map=plan.contig_map,
        allow_mismatch=plan.allow_mismatch,
        soft_masked=plan.soft_masked,
        flagged_by_labels=tuple(sorted(fitted.labels.classes)),
        percentile=BackgroundFacts.read(background).text if background else "",
        label_cuts={
            name: one.cut for name, one in fitted.labels.classes.items() if one.cut is not None
        },
        label_levels=label_sentences(fitted),
        models=scores.ensemble.metadata,
    ).to_dict()
    with (
        tables.TableWriter(out_dir / "sites.parquet", tables.SITES, metadata) as sites_file,
        tables.TableWriter(out_dir / "bases.parquet", tables.REGION_BASES, metadata) as bases_file,
    ):
        sites = _SitesTable(sites_file, scores.ensemble, fitted, variants, snv_ranks)
        bases = BasesTable(bases_file, scores.ensemble, fitted, names, plan.seed)
        for block in blocks(plan_dir, scores):
            if len(block.site):
                last = block.site.iloc[-1]
                for part in alleles.up_to(int(last["contig_index"]), int(last["pos"])):
                    sites.add(part, block)
                bases.add(block)
        for part in alleles.rest():
            sites.add(part, None)
    tables.write_json(
        out_dir / model_comparison.FILE,
        {
            "snvs": sites.compared.as_dict(),
            "bases": bases.compared.as_dict(),
            "ranks": snv_ranks.models.rows() if snv_ranks.models else [],
        },
    )
    return dict(sorted(sites.counts.items()))


class _AlleleStream:
    """The sorted allele table, read step by step up to a given position."""

    def __init__(self, path: Path):
        self._batches = tables.batches(path)
        self._ahead = tables.ALLELES.empty_table().to_pandas()

    def up_to(self, contig_index: int, pos: int) -> Iterator[pd.DataFrame]:
        """Yield the alleles up to that position that were not read before, in pieces."""
        while True:
            index, where = self._ahead["contig_index"].to_numpy(), self._ahead["pos"].to_numpy()
            reached = (index < contig_index) | ((index == contig_index) & (where <= pos))
            yield self._ahead[reached].reset_index(drop=True)
            self._ahead = self._ahead[~reached]
            if len(self._ahead) or not self._read():
                return

    def rest(self) -> Iterator[pd.DataFrame]:
        """Yield the alleles that were not read before, in pieces."""
        yield self._ahead.reset_index(drop=True)
        while self._read():
            yield self._ahead
        self._ahead = self._ahead.iloc[:0]

    def _read(self) -> bool:
        batch = next(self._batches, None)
        if batch is not None:
            self._ahead = batch.to_pandas()
        return batch is not None


class _SitesTable:
    """Writes sites.parquet. counts: number of alleles by status and by flag; compared: the
    comparison of the models at the scored SNVs; variants: all other alleles of the run; snv_ranks:
    what SNVs are ranked among."""

    def __init__(
        self,
        writer: tables.TableWriter,
        ensemble: Ensemble,
        fitted: RunCalibration,
        variants: FlaggedVariants,
        snv_ranks: SnvRanks,
    ):
        self._writer, self._ensemble, self._variants = writer, ensemble, variants
        self._snv_ranks = snv_ranks
        self._fitted = fitted
        self.counts: dict[str, int] = {}
        self.compared = ModelComparison(ensemble)

    def add(self, alleles: pd.DataFrame, block: SiteBlock | None) -> None:
        """Add alleles in their order. The SNVs among them that are to be scored must be at sites of
        the block."""
        if not len(alleles):
            return
        columns = _empty_columns(len(alleles))
        status = alleles["status"].to_numpy(object).copy()
        to_score, is_snv = status == Status.SCORED, alleles["var_pos"].to_numpy() < 0
        self._add_variants(alleles, np.flatnonzero(to_score & ~is_snv), status, columns)
        snvs = np.flatnonzero(to_score & is_snv)
        if len(snvs):
            self._add_snvs(alleles, snvs, status, columns, _present(block))
        self._count(status, columns["rank"])
        keys: dict = {
            name: pa.Array.from_pandas(alleles[name])
            for name in tables.ALLELES.names
            if name not in ("status", "af")
        }
        keys["af"] = alleles["af"].to_numpy()  # an unknown one stays NaN, which is null in pandas
        self._writer.write({**keys, "status": status.astype(object), **columns})

    def _add_variants(
        self, alleles: pd.DataFrame, rows: np.ndarray, status: np.ndarray, columns: dict
    ) -> None:
        """Fill in status and columns of the alleles that are in variants.parquet."""
        if not len(rows):
            return
        variants = self._variants.at(
            alleles.iloc[rows][["contig_index", "var_pos", "var_ref", "var_alt"]]
        )
        status[rows] = variants["status"].to_numpy(object)
        for name in (*FEATURES, "rank", "why", "basis"):
            columns[name][rows] = variants[name].to_numpy()
        columns["conf"][rows] = [Rank(value).name if value else None for value in variants["rank"]]

    def _add_snvs(
        self,
        alleles: pd.DataFrame,
        rows: np.ndarray,
        status: np.ndarray,
        columns: dict,
        block: SiteBlock,
    ) -> None:
        """Fill in status and columns of the alleles that are SNVs."""
        site_rows = _rows_of(block.site, alleles.iloc[rows])
        status[rows] = allele_status(block, site_rows)
        scored = status[rows] == Status.SCORED
        rows, site_rows = rows[scored], site_rows[scored]
        ref, alt = (
            encode("".join(alleles[name].to_numpy(object)[rows])).astype(np.int64)
            for name in ("ref", "alt")
        )
        self.compared.add(block, site_rows, ref, alt)
        measured = features(block, self._ensemble, site_rows, ref, alt)
        if self._ensemble.scores_alleles:
            has_score = np.isfinite(measured["llr"].to_numpy(np.float64))
            status[rows[~has_score]] = Status.UNSUPPORTED
            rows, site_rows, ref, alt = (
                rows[has_score],
                site_rows[has_score],
                ref[has_score],
                alt[has_score],
            )
            measured = measured[has_score].reset_index(drop=True)
        llrs = measured["llr"].to_numpy(np.float64)
        ranked = self._snv_ranks.at(block, self._ensemble, site_rows, (ref, alt), llrs)
        place = (alleles[name].to_numpy(np.int64)[rows] for name in ("contig_index", "pos"))
        verdicts = flags.verdicts(self._fitted, VariantClass.SNV, measured, *place)
        measured = measured.assign(rel=verdicts.rel, **ranked)
        for name in FEATURES:
            columns[name][rows] = measured[name].to_numpy()
        columns["rank"][rows] = verdicts.rank
        columns["conf"][rows] = [Rank(value).name for value in verdicts.rank]
        columns["why"][rows] = ["&".join(codes) or None for codes in verdicts.why]
        columns["basis"][rows] = verdicts.basis

    def _count(self, status: np.ndarray, ranks: np.ndarray) -> None:
        for value in status:
            self.counts[str(value)] = self.counts.get(str(value), 0) + 1
        for value, count in zip(*np.unique(ranks, return_counts=True), strict=True):
            name = Rank(value).name
            self.counts[name] = self.counts.get(name, 0) + int(count)


def _empty_columns(n: int) -> dict[str, np.ndarray]:
    """The columns of n alleles that were not scored."""
    return {
        column.name: np.full(n, *EMPTY.get(column.dtype, (None, object)))
        for column in SITES_COLUMNS
    }


def _present(block: SiteBlock | None) -> SiteBlock:
    """The block with the sites of the SNVs that are to be scored. Raises InternalError (70) where
    such SNVs lie after the last block."""
    if block is None:
        raise _at_no_site()
    return block


def _rows_of(site: pd.DataFrame, alleles: pd.DataFrame) -> np.ndarray:
    """Row of the shard for each allele; both are sorted by contig and position."""
    place, wanted = (place_key(frame["contig_index"], frame["pos"]) for frame in (site, alleles))
    rows = np.minimum(np.searchsorted(place, wanted), len(place) - 1)
    if (place[rows] != wanted).any():
        raise _at_no_site()
    return rows


def _at_no_site() -> InternalError:
    return InternalError(
        message(
            "alleles.parquet",
            "an allele at no site of the shards",
            "each scored allele at a site of the plan",
        )
    )
