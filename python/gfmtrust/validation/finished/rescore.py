"""Scores a random part of the alleles of a finished run again, from the bundles in its results
folder, and compares every number that comes from the models with sites.parquet.

On the same kind of device the numbers must be equal bit by bit; between devices ENT and LLR may
differ by DEVICE_BOUND at the quantile DEVICE_QUANTILE (docs/understand/scoring.md). Only SNVs are
compared: other variants average over several sites. Scores that a run looked up in a table outside
its folder are left out, and the numbers that follow from them are not compared.
"""

from __future__ import annotations

import json
import logging
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.calibration.ensemble import (
    Ensemble,
    ScoreTables,
    SiteBlock,
    blocks,
    voting_models,
)
from gfmtrust.calibration.features import features
from gfmtrust.core.alphabet import encode
from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import BadDataError, MissingInputError, message
from gfmtrust.core.vocabulary import CONTEXT_FAMILY, ShardKind, Status
from gfmtrust.inputs.sites import place_key
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.planning.shards import FOLDER, VARIANT, planned_shards, write_shard
from gfmtrust.score_tables.record import RegisteredTable
from gfmtrust.scoring.options import ScoringOptions
from gfmtrust.scoring.shard import score_file
from gfmtrust.validation.finished.digests import PIPELINE_INFO, read_manifest

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

COMPARED = (
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
    "n_share",
    "near_edge",
)
"""The columns of sites.parquet that follow from the scores of an SNV alone."""
OF_CONTEXT = ("local_surprisal",)
"""Those of them that follow from the scores of the context model alone."""
DEVICE_BOUND, DEVICE_QUANTILE = 1e-3, 0.999
BOUNDED = ("llr", "ent")
"""Columns with a bound between devices, in nats and in bits."""
FROM_PARAMETERS = ("views", "neighbours", "max_n", "allow_long_window")


@dataclass(frozen=True)
class Rescored:
    """What was scored again. largest: the largest difference of each column of BOUNDED; bit_by_bit:
    whether equality was demanded, because the devices are of one kind."""

    alleles: int
    sites: int
    models: int
    bit_by_bit: bool
    largest: dict[str, float]


def rescore(run: Path, fasta: Path, share: float, seed: int, options: ScoringOptions) -> Rescored:
    """Score a share of the scored SNVs of `run` again and compare.

    options: device and threads; views, neighbours and limits come from the parameters that the run
    recorded. Raises BadDataError (65) that names the first allele that differs, or where genome,
    bundles or views are not those of the run, or no model can be scored again; MissingInputError
    (66) for a bundle or file that is not there.
    """
    path = run / "scores" / "sites.parquet"
    facts = RunFacts.read(path)
    _check_genome(fasta, facts)
    order, columns = _scored_again(run, facts)
    alleles = drawn(tables.read(path).to_pandas(), share, seed)
    if not len(alleles):
        raise BadDataError(message(str(path), "no scored SNV", "one to score again"))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _write_plan(work, alleles)
        shard = next(iter(planned_shards(work).values()))
        for model in order:
            bundle = run / "models" / model
            score_file(fasta, bundle, shard, work / "scores", _of_run(run, options), work)
        scores = ScoreTables([work / "scores"], order)
        block = next(iter(blocks(work, scores)))
    bit_by_bit = _check_models(path, facts, scores.ensemble)
    again = _again(block, scores.ensemble, alleles)
    largest = compare(path, alleles, again, bit_by_bit, columns)
    return Rescored(len(alleles), len(block.site), len(order), bit_by_bit, largest)


def drawn(sites: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """A random share of the scored SNVs, at least one, in the order of the table."""
    is_snv = (sites["status"] == Status.SCORED.value).to_numpy() & (sites["var_pos"] < 0).to_numpy()
    rows = np.flatnonzero(is_snv)
    number = np.random.default_rng(seed).random(len(rows))
    chosen = number < max(share, number.min(initial=1.0))
    if len(rows) and not chosen.any():
        chosen[number.argmin()] = True
    return sites.iloc[rows[chosen]].reset_index(drop=True)


def _scored_again(run: Path, facts: RunFacts) -> tuple[list[str], tuple[str, ...]]:
    """The models of the run whose bundles are enough to score with, and the columns that follow
    from them alone; the log names the others. Raises BadDataError (65) where no column does."""
    order = [model.id for model in read_manifest(run).models]
    outside = [model for model in order if _is_outside(run / "models" / model)]
    if not outside:
        return order, COMPARED
    models = {model: facts.models.get(model, {}) for model in order}
    is_compared = not set(outside) & set(voting_models(models))
    kept = [model for model in order if model not in outside]
    if not any(is_compared or models[model].get("family") == CONTEXT_FAMILY for model in kept):
        observed = f"the scores of {', '.join(outside)} are in tables outside it"
        raise BadDataError(message(str(run), observed, "a model to score again"))
    log.warning(
        "%s: the scores are in tables outside the run and are not looked up again; compared %s",
        ", ".join(outside),
        "is all else"
        if is_compared
        else f"is {' '.join(OF_CONTEXT)}, which does not depend on them",
    )
    return kept, COMPARED if is_compared else OF_CONTEXT


def _is_outside(bundle: Path) -> bool:
    """Whether the scores of a bundle are in a table outside it."""
    if not bundle.is_dir():
        raise MissingInputError(
            message(str(bundle), "not found", "the bundle of each model of the run")
        )
    return RegisteredTable.from_meta(Bundle.open(bundle, verify="sizes").meta) is not None


def compare(
    path: Path,
    before: pd.DataFrame,
    again: pd.DataFrame,
    bit_by_bit: bool,
    columns: tuple[str, ...] = COMPARED,
) -> dict[str, float]:
    """Compare the columns of both; rows are the same alleles. Returns the largest difference of each
    of them that is in BOUNDED. Raises BadDataError (65) at the first allele whose number
    differs."""
    for name in columns if bit_by_bit else ():
        wanted = before[name].to_numpy()
        values = again[name].to_numpy().astype(wanted.dtype)
        differs = values != wanted
        if wanted.dtype.kind == "f":
            differs &= ~(np.isnan(values) & np.isnan(wanted))
        if differs.any():
            raise _differs(path, before, name, int(np.argmax(differs)), values, int(differs.sum()))
    largest = {}
    for name in (bounded for bounded in BOUNDED if bounded in columns):
        wanted = before[name].to_numpy(np.float64)
        values = again[name].to_numpy().astype(np.float32).astype(np.float64)
        apart = np.where(np.isnan(values) & np.isnan(wanted), 0.0, np.abs(values - wanted))
        if not np.quantile(apart, DEVICE_QUANTILE, method="lower") <= DEVICE_BOUND:
            row = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
            raise _differs(path, before, name, row, values, int((~(apart <= DEVICE_BOUND)).sum()))
        largest[name] = float(apart.max())
    return largest


def _differs(
    path: Path, alleles: pd.DataFrame, name: str, row: int, values: np.ndarray, n: int
) -> BadDataError:
    allele = alleles.iloc[row]
    place = f"{path.name} {allele['contig']}:{allele['pos'] + 1} {allele['ref']}>{allele['alt']}"
    return BadDataError(
        message(
            place,
            f"{name} is {allele[name]!s}, as in {n:,} of {len(alleles):,} alleles that differ",
            f"{values[row]!s} of the bundles",
            "the table or the genome was changed, or gfmtrust or ONNX Runtime is of another version",
        )
    )


def _again(block: SiteBlock, ensemble: Ensemble, alleles: pd.DataFrame) -> pd.DataFrame:
    place = place_key(block.site["contig_index"], block.site["pos"])
    rows = np.searchsorted(place, place_key(alleles["contig_index"], alleles["pos"]))
    ref, alt = (
        encode("".join(alleles[name].to_numpy(object))).astype(np.int64) for name in ("ref", "alt")
    )
    return features(block, ensemble, rows, ref, alt)


def _write_plan(folder: Path, alleles: pd.DataFrame) -> None:
    """A plan of one shard, with what scoring reads of a site: its place."""
    sites = alleles[["contig_index", "pos"]].drop_duplicates()
    rows = {
        field.name: pa.array([""] * len(sites))
        if pa.types.is_string(field.type)
        else pa.array(np.zeros(len(sites), field.type.to_pandas_dtype()))
        for field in tables.SHARD
    }
    for name in ("contig_index", "pos"):
        rows[name] = pa.array(sites[name].to_numpy(), tables.SHARD.field(name).type)
    rows["use"] = pa.array(np.full(len(sites), VARIANT), tables.SHARD.field("use").type)
    (folder / FOLDER).mkdir()
    write_shard(folder, PlannedShard(ShardKind.SITES, 0), rows, tables.SHARD)


def _of_run(run: Path, options: ScoringOptions) -> ScoringOptions:
    """The options with what the run recorded of its own in pipeline_info; the last record counts."""
    paths = sorted((run / PIPELINE_INFO).glob("params_*.json"))
    if not paths:
        return options
    recorded = json.loads(paths[-1].read_text(encoding="utf-8"))
    return replace(options, **{name: recorded[name] for name in FROM_PARAMETERS})


def _check_genome(fasta: Path, facts: RunFacts) -> None:
    with tempfile.TemporaryDirectory() as folder, Genome.open(fasta, folder) as genome:
        contigs = list(genome.contigs.items())
    if contigs != facts.genome:
        raise BadDataError(
            message(fasta.name, "contigs of other names or lengths", "the genome of the run")
        )


def _check_models(path: Path, facts: RunFacts, ensemble: Ensemble) -> bool:
    """Whether all models ran on the same kind of device as in the run. Raises BadDataError (65)
    for another bundle or other views."""
    for model, now in ensemble.metadata.items():
        before = facts.models.get(model, {})
        for fact in ("bundle_sha256", "views", "precision", "neighbours"):
            if json.dumps(before.get(fact)) != json.dumps(now[fact]):
                raise BadDataError(
                    message(path.name, f"{model}: another {fact}", "the models of the run")
                )
    return all(
        facts.models[model]["device"] == now["device"] for model, now in ensemble.metadata.items()
    )
