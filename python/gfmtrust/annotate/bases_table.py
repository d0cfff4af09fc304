"""Writes bases.parquet: every region base with its measures and its flag, against a decoy drawn from
its place."""

from __future__ import annotations

import numpy as np

from gfmtrust.annotate.model_comparison import ModelComparison
from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags
from gfmtrust.calibration.ensemble import Ensemble, SiteBlock, allele_status
from gfmtrust.calibration.features import features, surprisal_of
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.alphabet import decode
from gfmtrust.core.columns import BASES_COLUMNS
from gfmtrust.core.row_columns import VERDICTS
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.io import tables
from gfmtrust.planning.shards import REGION

OF_BASES = ("surprisal", "rel")
"""The columns of bases.parquet that are neither verdicts nor features of the base compared with its
decoy."""
COMPARED_EVERY = 8
"""The models are compared at region bases whose position is a multiple of this number, which costs
an eighth of comparing all."""


def decoys(contig_index: np.ndarray, pos: np.ndarray, base: np.ndarray, seed: int) -> np.ndarray:
    """One decoy per base: each of the other three bases with equal probability, from a hash of the
    position. It does not depend on what else is scored."""
    mixed = (
        (contig_index.astype(np.uint64) << np.uint64(40))
        ^ pos.astype(np.uint64)
        ^ (np.uint64(seed) << np.uint64(56))
    )
    for shift, factor in (
        (33, 0xFF51AFD7ED558CCD),
        (33, 0xC4CEB9FE1A85EC53),
        (33, 1),
    ):  # finaliser of MurmurHash3 (Appleby, public domain)
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return ((base.astype(np.uint64) + np.uint64(1) + mixed % np.uint64(3)) % np.uint64(4)).astype(
        np.int64
    )


class BasesTable:
    """Writes bases.parquet. compared: the comparison of the models at some of the region bases;
    names: the names of the contigs; seed: the seed of the decoys."""

    def __init__(
        self,
        writer: tables.TableWriter,
        ensemble: Ensemble,
        fitted: RunCalibration,
        names: list[str],
        seed: int,
    ):
        self._writer, self._ensemble, self._fitted = writer, ensemble, fitted
        self._names, self._seed = np.array(names, object), seed
        self._measures = {
            column.name: tables.REGION_BASES.field(column.name).type.to_pandas_dtype()
            for column in BASES_COLUMNS
            if column not in VERDICTS and column.name not in OF_BASES
        }
        self.compared = ModelComparison(ensemble)

    def add(self, block: SiteBlock) -> None:
        """Add the region bases of a block, each compared with its decoy."""
        rows = np.flatnonzero(block.site["use"].to_numpy() & REGION)
        if not len(rows):
            return
        site = block.site.iloc[rows]
        base = site["base"].to_numpy()
        letter = np.where(base < 4, base, 0).astype(np.int64)
        contig_index, pos = site["contig_index"].to_numpy(), site["pos"].to_numpy()
        decoy = decoys(contig_index, pos, letter, self._seed)
        some = (base < 4) & (pos % COMPARED_EVERY == 0)
        self.compared.add(block, rows[some], letter[some], decoy[some])
        measured = features(block, self._ensemble, rows, letter, decoy)
        rank, _ = flags.assign(self._fitted, measured)
        status = allele_status(block, rows).astype(object)
        if self._ensemble.scores_alleles:  # of which the decoy may have none
            status[(status == Status.SCORED) & measured["llr"].isna()] = Status.UNSUPPORTED
        unscored = status != Status.SCORED
        rel = np.where(unscored, np.nan, calibration_fit.reliability(self._fitted.snv, measured))
        bits = surprisal_of(block.probs[rows], block.distribution_weights[rows], base)
        self._writer.write(
            {
                "contig": self._names[contig_index],
                "contig_index": contig_index,
                "pos": pos,
                "base": np.array(list(decode(base)), object),
                "status": status,
                "surprisal": bits.astype(np.float32),
                **{name: measured[name].to_numpy(dtype) for name, dtype in self._measures.items()},
                "rel": rel.astype(np.float32),
                "rank": np.where(unscored, Rank.NOT_SCORED, rank).astype(np.uint8),
                "wrong": ~(measured["llr"].to_numpy() < 0),
            }
        )
