"""ANNOTATE_SITES: every allele of the cohort and every region base with its measures, reliability
and flag.

Streams the shards beside the sorted allele table; the tables it writes are all that the annotation
of the user's files needs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust.annotate import model_comparison
from gfmtrust.annotate.model_comparison import ModelComparison
from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags
from gfmtrust.calibration.ensemble import Ensemble, ScoreTables, SiteBlock, allele_status, blocks
from gfmtrust.calibration.features import features, surprisal_of, variant_features
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.alphabet import decode, encode
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.vocabulary import Rank, ShardKind, Status, VariantClass
from gfmtrust.inputs.sites import place_key
from gfmtrust.io import tables
from gfmtrust.planning.shards import REGION, VARIANT

FLOATS = (
    "rel",
    "llr",
    "llr_sd",
    "ent",
    "dis",
    "dis_between",
    "dis_strand",
    "dis_shift",
    "gain",
    "sign_agreement",
    "strand_jsd",
    "strand_llr",
    "local_surprisal",
    "gc",
    "n_share",
)
SITES = pa.schema(
    [
        *tables.ALLELES,
        ("rank", pa.uint8()),
        ("conf", pa.string()),
        ("why", pa.string()),
        *((name, pa.float32()) for name in FLOATS),
        ("soft_masked", pa.bool_()),
        ("near_edge", pa.bool_()),
        ("region_class", pa.string()),
    ]
)
BASES_TABLE = pa.schema(
    [
        ("contig", pa.string()),
        ("contig_index", pa.int32()),
        ("pos", pa.int64()),
        ("base", pa.string()),
        ("status", pa.string()),
        ("surprisal", pa.float32()),
        ("ent", pa.float32()),
        ("dis", pa.float32()),
        ("gain", pa.float32()),
        ("strand_jsd", pa.float32()),
        ("rel", pa.float32()),
        ("rank", pa.uint8()),
        ("wrong", pa.bool_()),
    ]
)
COMPARED_EVERY = 8
"""Region bases at positions of this multiple are enough to compare models by, and cost an
eighth."""


def annotate_sites(
    plan_dir: Path, scores: ScoreTables, fitted: RunCalibration, out_dir: Path
) -> dict[str, int]:
    """Write sites.parquet (a row a single allele, in the order of alleles.parquet), bases.parquet
    (a row a region base) and model_comparison.json (the models side by side, at scored SNVs and at
    every eighth region base).

    Returns the number of alleles by flag and status.
    """
    plan = Plan.read(plan_dir / Plan.NAME)
    names = [contig.name for contig in plan.contigs]
    counts: dict[str, int] = {}
    alleles = _AlleleStream(plan_dir / "alleles.parquet")
    variants = _flagged_variants(plan_dir, scores, fitted)
    of_alleles, of_bases = ModelComparison(scores.ensemble), ModelComparison(scores.ensemble)
    metadata = RunFacts(
        contigs=tuple(names),
        contig_lengths=tuple(contig.length for contig in plan.contigs),
        contig_map=plan.contig_map,
        allow_mismatch=plan.allow_mismatch,
        flagged_by_labels=tuple(sorted(fitted.labels.classes)),
        models=scores.ensemble.metadata,
    ).to_dict()
    with (
        tables.TableWriter(out_dir / "sites.parquet", SITES, metadata) as sites,
        tables.TableWriter(out_dir / "bases.parquet", BASES_TABLE, metadata) as bases,
    ):
        for block in blocks(plan_dir, scores):
            if len(block.site):
                last = block.site.iloc[-1]
                mine = alleles.up_to(int(last["contig_index"]), int(last["pos"]))
                _write_alleles(
                    sites, mine, block, scores.ensemble, fitted, variants, counts, of_alleles
                )
                _write_bases(bases, block, scores.ensemble, fitted, names, plan.seed, of_bases)
        _write_alleles(
            sites, alleles.rest(), None, scores.ensemble, fitted, variants, counts, of_alleles
        )
    tables.write_json(
        out_dir / model_comparison.FILE, {"snvs": of_alleles.as_dict(), "bases": of_bases.as_dict()}
    )
    return dict(sorted(counts.items()))


class _AlleleStream:
    """The sorted allele table, handed out up to a position at a time."""

    def __init__(self, path: Path):
        self._batches = tables.batches(path)
        self._held = tables.ALLELES.empty_table().to_pandas()
        self._ended = False

    def up_to(self, contig_index: int, pos: int) -> pd.DataFrame:
        parts = []
        while True:
            index, where = self._held["contig_index"].to_numpy(), self._held["pos"].to_numpy()
            mine = (index < contig_index) | ((index == contig_index) & (where <= pos))
            parts.append(self._held[mine])
            self._held = self._held[~mine]
            if len(self._held) or not self._read():
                return pd.concat(parts, ignore_index=True)

    def rest(self) -> pd.DataFrame:
        parts = [self._held]
        while self._read():
            parts.append(self._held)
        self._held = self._held.iloc[:0]
        return pd.concat(parts, ignore_index=True)

    def _read(self) -> bool:
        batch = next(self._batches, None)
        if batch is not None:
            self._held = batch.to_pandas()
        return batch is not None


def _flagged_variants(plan_dir: Path, scores: ScoreTables, fitted: RunCalibration) -> pd.DataFrame:
    """Every variant of the run that is no plain SNV with its measures, reliability, rank and
    reasons, by (contig_index, pos, ref, alt)."""
    known = tables.read(plan_dir / "variants.parquet").to_pandas()
    parts = [
        variant_features(block, scores.ensemble)
        for block in blocks(plan_dir, scores, ShardKind.VARIANTS)
    ]
    if not parts:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], [], [], []]))
    made = pd.concat(parts, ignore_index=True)
    told = known.iloc[made["variant"]].reset_index(drop=True)
    made = made.assign(rel=np.nan, rank=np.uint8(Rank.NOT_SCORED), why=None)
    for kind in told["kind"].unique():
        rows = np.flatnonzero(
            (told["kind"] == kind).to_numpy() & (told["use"] & VARIANT > 0).to_numpy()
        )
        of_class = fitted.of_class(kind)
        rank, why = flags.assign(fitted, made.iloc[rows], of_class)
        made.loc[rows, "rel"], made.loc[rows, "rank"] = (
            calibration_fit.reliability(of_class, made.iloc[rows]),
            rank,
        )
        made.loc[rows, "why"] = pd.Series(
            ["&".join(codes) or None for codes in why], index=rows, dtype=object
        )
    mine = (told["use"] & VARIANT > 0).to_numpy()
    return made[mine].set_index(
        pd.MultiIndex.from_frame(told.loc[mine, ["contig_index", "pos", "ref", "alt"]])
    )


def _write_alleles(
    writer,
    alleles: pd.DataFrame,
    block: SiteBlock | None,
    ensemble: Ensemble,
    fitted,
    variants: pd.DataFrame,
    counts: dict[str, int],
    compared: ModelComparison,
) -> None:
    n = len(alleles)
    if not n:
        return
    columns: dict[str, np.ndarray] = {name: np.full(n, np.nan, np.float32) for name in FLOATS}
    columns |= {
        "rank": np.zeros(n, np.uint8),
        "conf": np.full(n, None, object),
        "why": np.full(n, None, object),
        "soft_masked": np.zeros(n, bool),
        "near_edge": np.zeros(n, bool),
        "region_class": np.full(n, None, object),
    }
    status = alleles["status"].to_numpy(object).copy()
    changed = np.flatnonzero((status == Status.SCORED) & (alleles["var_pos"].to_numpy() >= 0))
    if len(changed):
        key = pd.MultiIndex.from_frame(
            alleles.iloc[changed][["contig_index", "var_pos", "var_ref", "var_alt"]]
        )
        mine = variants.iloc[variants.index.get_indexer(key)]
        status[changed] = mine["status"].to_numpy(object)
        for name in (*FLOATS, "soft_masked", "near_edge", "region_class", "rank", "why"):
            columns[name][changed] = mine[name].to_numpy()
        columns["conf"][changed] = [Rank(value).name if value else None for value in mine["rank"]]
    asked = np.flatnonzero((status == Status.SCORED) & (alleles["var_pos"].to_numpy() < 0))
    if len(asked):
        rows = _rows_of(block.site, alleles.iloc[asked])
        status[asked] = allele_status(block, rows)
        scored = status[asked] == Status.SCORED
        asked, rows = asked[scored], rows[scored]
        ref, alt = (
            encode("".join(alleles[name].to_numpy(object)[asked])).astype(np.int64)
            for name in ("ref", "alt")
        )
        compared.add(block, rows, ref, alt)
        measured = features(block, ensemble, rows, ref, alt)
        of_class = fitted.of_class(VariantClass.SNV)
        measured["rel"] = calibration_fit.reliability(of_class, measured)
        rank, why = flags.assign(fitted, measured, of_class)
        for name in (*FLOATS, "soft_masked", "near_edge", "region_class"):
            columns[name][asked] = measured[name].to_numpy()
        columns["rank"][asked] = rank
        columns["conf"][asked] = [Rank(value).name for value in rank]
        columns["why"][asked] = ["&".join(codes) or None for codes in why]
    for value in status:
        counts[str(value)] = counts.get(str(value), 0) + 1
    for value, count in zip(*np.unique(columns["rank"], return_counts=True), strict=True):
        counts[Rank(value).name] = counts.get(Rank(value).name, 0) + int(count)
    keys = {
        name: pa.Array.from_pandas(alleles[name])
        for name in tables.ALLELES.names
        if name != "status"
    }
    writer.write({**keys, "status": status.astype(object), **columns})


def _rows_of(site: pd.DataFrame, alleles: pd.DataFrame) -> np.ndarray:
    """Row of the shard each allele stands at; both are sorted by contig and position."""
    place, wanted = (place_key(frame["contig_index"], frame["pos"]) for frame in (site, alleles))
    rows = np.minimum(np.searchsorted(place, wanted), len(place) - 1)
    if (place[rows] != wanted).any():
        raise InternalError(
            message(
                "alleles.parquet",
                "an allele at no site of the shards",
                "each scored allele at a site of the plan",
            )
        )
    return rows


def decoys(contig_index: np.ndarray, pos: np.ndarray, base: np.ndarray, seed: int) -> np.ndarray:
    """One decoy a base, each of the other three with equal chance, from a hash of the place: the
    same whatever else is scored."""
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


def _write_bases(
    writer,
    block: SiteBlock,
    ensemble: Ensemble,
    fitted,
    names: list[str],
    seed: int,
    compared: ModelComparison,
) -> None:
    rows = np.flatnonzero(block.site["use"].to_numpy() & REGION)
    if not len(rows):
        return
    site = block.site.iloc[rows]
    base = site["base"].to_numpy()
    known = np.where(base < 4, base, 0).astype(np.int64)
    decoy = decoys(site["contig_index"].to_numpy(), site["pos"].to_numpy(), known, seed)
    some = (base < 4) & (site["pos"].to_numpy() % COMPARED_EVERY == 0)
    compared.add(block, rows[some], known[some], decoy[some])
    measured = features(block, ensemble, rows, known, decoy)
    rank, _ = flags.assign(fitted, measured)
    unscored = block.status[rows] != ""
    rel = np.where(unscored, np.nan, calibration_fit.reliability(fitted.snv, measured))
    writer.write(
        {
            "contig": np.array(names, object)[site["contig_index"]],
            "contig_index": site["contig_index"].to_numpy(),
            "pos": site["pos"].to_numpy(),
            "base": np.array(list(decode(base)), object),
            "status": allele_status(block, rows).astype(object),
            "surprisal": surprisal_of(block.probs[rows], block.told_weights[rows], base).astype(
                np.float32
            ),
            **{
                name: measured[name].to_numpy(np.float32)
                for name in ("ent", "dis", "gain", "strand_jsd")
            },
            "rel": rel.astype(np.float32),
            "rank": np.where(unscored, Rank.NOT_SCORED, rank).astype(np.uint8),
            "wrong": ~(measured["llr"].to_numpy() < 0),
        }
    )
