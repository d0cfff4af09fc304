"""A pool of scored alleles of an oracle genome: drawn, scored and measured by the pipeline's own steps, with the truth of each beside it.

The pool stands for all alleles like the run's: its error is taken as the truth, and draws from it need no model (`replications`).
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust import calibrate, check, plan, shards, steps, tables
from gfmtrust.bundle import Bundle
from gfmtrust.context_model import fit_context_model
from gfmtrust.ensemble import CONTEXT_FAMILY, ScoreTables
from gfmtrust.errors import MissingInputError, UsageError, message
from gfmtrust.genome import Genome
from gfmtrust.oracle import dataset
from gfmtrust.oracle.ceiling import Ceiling, ceiling

log = logging.getLogger(__name__)

POOL_ALLELES = 440_000
"""Drawn with replacement from 400,000 candidate sites: over 200,000 distinct ones."""
MIN_ALLELES = 1_000
SHARD_SITES = 50_000
TABLE, RUN_SITES = "alleles.parquet", "run_sites.parquet"
RUN_SITES_SCHEMA = pa.schema([("local_surprisal", pa.float32())])


@dataclass(frozen=True)
class Pool:
    """alleles: n rows with the columns of `calibrate.probe_table` (llr = ln p(decoy) - ln p(real), nats), those with an LLR alone;
    real, decoy: their true probabilities, float64 (n,); run_surprisal: bits, float64 (m,), of the run's own sites; context_only: the
    context model is the only model; precision: of the least precise model; models: ids."""

    alleles: pd.DataFrame
    real: np.ndarray
    decoy: np.ndarray
    run_surprisal: np.ndarray
    context_only: bool
    precision: str
    models: tuple[str, ...]

    @property
    def wrong(self) -> np.ndarray:
        """Decoy loss, bool (n,): the real base was not preferred."""
        return ~(self.alleles["llr"].to_numpy() < 0)

    @property
    def wrong_sign(self) -> np.ndarray:
        """Effect-sign loss, bool (n,): the LLR has not the sign of the true law's."""
        return np.sign(self.alleles["llr"].to_numpy()) != np.sign(self.decoy - self.real)

    @property
    def n_sites(self) -> int:
        """Distinct sites."""
        return len(self.alleles[["contig_index", "pos"]].drop_duplicates())

    def ceiling(self) -> Ceiling:
        """What the true law itself reaches on these alleles."""
        return ceiling(self.real, self.decoy)

    def of(self, rows: np.ndarray) -> Pool:
        return Pool(self.alleles.iloc[rows].reset_index(drop=True), self.real[rows], self.decoy[rows], self.run_surprisal,
                    self.context_only, self.precision, self.models)


def scored_probes(fasta: Path, bundles: list[Path], spelled: list[Path], regions: plan.Regions, checks: dict, n: int, seed: int,
                  work: Path, threads: int = 2, neighbours: bool = True) -> pd.DataFrame:
    """n probes drawn for the run's alleles, scored with every bundle, with their measures: the columns of `calibrate.probe_table`.

    bundles: the context model among them, by which probes are matched. spelled, checks: of `check_inputs`. work: an empty folder.
    Raises MissingInputError (66) where no bundle is the context model.
    """
    genome = Genome.open(fasta, work)
    plan.plan_sites(genome, spelled, regions, None, steps.context_surprisal(context_of(bundles), genome, threads), work / "plan",
                    checks, str(n), shard_size=SHARD_SITES, seed=seed)
    _keep_probes(work / "plan")
    for bundle in bundles:
        for shard in sorted((work / "plan" / "shards").glob("*.parquet")):
            steps.score_shard(fasta, bundle, shard, work / "scores", "default", "auto", neighbours=neighbours, threads=threads, batch=None,
                              max_n=0.10, allow_long_window=False)
    return calibrate.probe_table(work / "plan", ScoreTables([work / "scores"], steps.model_order(bundles)))[0]


def context_of(bundles: list[Path]) -> Path:
    """The context model among the bundles. Raises MissingInputError (66) without one."""
    for path in bundles:
        if Bundle.open(path).family == CONTEXT_FAMILY:
            return path
    raise MissingInputError(message("bundles", "no context model among them", "the one fitted to the genome", "run fit_context_model"))


def build(genome_dir: Path, models: list[Path], spectrum: str, out_dir: Path, n: int = POOL_ALLELES, seed: int = 1, threads: int = 2,
          neighbours: bool = True) -> Pool:
    """Draw and score n alleles like those of <spectrum>.vcf.gz of an oracle genome, and write the pool.

    genome_dir: folder written by `gfmtrust oracle --law`; its context model is fitted there once. models: bundles that vote beside it;
    without any the context model is the model. neighbours: score them too, for the gain.
    Raises UsageError (64) for fewer than MIN_ALLELES, MissingInputError (66) where the folder is no oracle genome.
    """
    if n < MIN_ALLELES:
        raise UsageError(message("alleles of a pool", str(n), f"{MIN_ALLELES} or more"))
    fasta, vcf = genome_dir / dataset.GENOME, genome_dir / f"{spectrum}.vcf.gz"
    truth = dataset.read_truth(genome_dir / dataset.TRUTH)
    context = genome_dir / "context_model"
    if not context.exists():
        fit_context_model(fasta, context, seed=seed)
    bundles = [*models, context]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        checks = check.check_inputs(fasta, [(spectrum, vcf)], [], None, work / "checked")
        spelled = sorted((work / "checked" / "spellings").glob("*.parquet"))
        alleles = scored_probes(fasta, bundles, spelled, plan.Regions({}), checks, n, seed, work, threads, neighbours)
        sites = tables.read(work / "plan" / "alleles.parquet", ["contig_index", "pos"]).to_pandas().drop_duplicates()
        genome = Genome.open(fasta, work)
        surprisal = steps.context_surprisal(context, genome, threads)(*(sites[name].to_numpy(np.int64) for name in sites))
    alleles = alleles[np.isfinite(alleles["llr"].to_numpy())].reset_index(drop=True)
    true = np.concatenate(truth)
    first = np.concatenate([[0], np.cumsum([len(part) for part in truth])])
    row = first[alleles["contig_index"].to_numpy()] + alleles["pos"].to_numpy()
    alleles = alleles.assign(**{f"true_{name}": true[row, alleles[name].to_numpy(np.int64)] for name in ("real", "decoy")})
    opened = [Bundle.open(path) for path in bundles]
    held = {"models": [bundle.model_id for bundle in opened[:-1] or opened], "context_only": not models,
            "precision": min(bundle.precision for bundle in opened)}  # fp16 sorts before fp32
    frame = pa.Table.from_pandas(alleles, preserve_index=False).replace_schema_metadata(None)
    tables.write(out_dir / TABLE, frame, frame.schema, held)
    tables.write(out_dir / RUN_SITES, {"local_surprisal": np.asarray(surprisal, np.float32)}, RUN_SITES_SCHEMA)
    return read(out_dir)


def stored(genome_dir: Path, models: list[Path], spectrum: str) -> Pool:
    """The pool of those models kept in the oracle genome's folder, made there on first use. Raises as `build`."""
    ids = [Bundle.open(path).model_id for path in models] or [CONTEXT_FAMILY]
    folder = genome_dir / "pools" / f"{spectrum}.{'+'.join(ids)}"
    return read(folder) if (folder / RUN_SITES).exists() else build(genome_dir, models, spectrum, folder)


def read(folder: Path) -> Pool:
    """A pool that `build` wrote. Raises MissingInputError (66) where it is not there."""
    alleles = tables.read(folder / TABLE).to_pandas()
    held = tables.read_metadata(folder / TABLE)
    surprisal = tables.read(folder / RUN_SITES)["local_surprisal"].to_numpy().astype(np.float64)
    alleles["region_class"] = alleles["region_class"].astype(object)  # Arrow's strings are slow to compare
    return Pool(alleles.drop(columns=["true_real", "true_decoy"]), alleles["true_real"].to_numpy(np.float64),
                alleles["true_decoy"].to_numpy(np.float64), surprisal, held["context_only"], held["precision"], tuple(held["models"]))


def _keep_probes(plan_dir: Path) -> None:
    """Leave only the probe sites in the shards, and no variants: a pool is of SNVs like the run's, never of the run's own."""
    for path in (plan_dir / "shards").glob("variants_*.parquet"):
        path.unlink()
    for path in (plan_dir / "shards").glob("shard_*.parquet"):
        shard = tables.read(path)
        tables.write(path, shard.filter(np.asarray(shard["use"]) & shards.PROBE > 0), tables.SHARD)
