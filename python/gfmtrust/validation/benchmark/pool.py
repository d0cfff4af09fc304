"""A pool of scored alleles of an oracle genome: drawn, scored and measured by the pipeline's own
steps, together with the truth of each.

The pool represents all alleles like the run's: its error is taken as the truth, and draws from it
need no model (`replications`).
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust.baseline.surprisal import context_surprisal
from gfmtrust.baseline.write import fit_context_model
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.calibration import calibrate
from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.calibration.own_snvs import OwnSnvs
from gfmtrust.calibration.probe_tables import ProbeRows, read_once
from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import MissingInputError, UsageError, message
from gfmtrust.core.vocabulary import CONTEXT_FAMILY, ShardKind
from gfmtrust.inputs import check
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.io.vcf.header import COLUMNS
from gfmtrust.planning import plan, shards
from gfmtrust.scoring.options import ScoringOptions
from gfmtrust.scoring.shard import score_file
from gfmtrust.validation.oracle import dataset, planted
from gfmtrust.validation.oracle.ceiling import Ceiling, ceiling
from gfmtrust.validation.oracle.spectra import draw_snvs

log = logging.getLogger(__name__)

POOL_ALLELES = 520_000
"""The number of alleles drawn with replacement from 400,000 candidate sites; this gives over
200,000 distinct ones, also where a law clusters them (`motifs`)."""
MIN_ALLELES = 1_000
SHARD_SITES = 50_000
OWN_ALLELES = 100_000
"""The number of alleles that the genome mutated to, on which the promise is also tested."""
THREADS = 2
CLASS_COLUMNS = ("copy_class", "region_class", "mutation_class")
"""Text columns that are compared often; they become objects, because Arrow's strings are slow to
compare."""
TABLE, OWN = "alleles.parquet", "own.parquet"


@dataclass(frozen=True)
class Pool:
    """alleles: n rows with the columns of `calibrate.probe_table` (llr = ln p(decoy) - ln p(real),
    nats), those with an LLR alone; real, decoy: their true probabilities, float64 (n,); own_snvs: m rows
    with the columns of `features`, contig_index, pos, ref, alt, af and an, of alleles that the genome mutated to, REF being what
    stands there; context_only: the context model is
    the only model; precision: of the least precise model; models: ids."""

    alleles: pd.DataFrame
    real: np.ndarray
    decoy: np.ndarray
    own_snvs: pd.DataFrame
    context_only: bool
    precision: str
    models: tuple[str, ...]

    @property
    def wrong(self) -> np.ndarray:
        """Decoy loss, bool (n,): whether the real base was not preferred."""
        return ~(self.alleles["llr"].to_numpy() < 0)

    @property
    def wrong_sign(self) -> np.ndarray:
        """Effect-sign loss, bool (n,): whether the LLR lacks the sign of the true law's."""
        return np.sign(self.alleles["llr"].to_numpy()) != np.sign(self.decoy - self.real)

    @property
    def n_sites(self) -> int:
        """The number of distinct sites."""
        return len(self.alleles[["contig_index", "pos"]].drop_duplicates())

    def ceiling(self) -> Ceiling:
        """Return what the true law itself reaches on these alleles."""
        return ceiling(self.real, self.decoy)

    def of(self, rows: np.ndarray) -> Pool:
        """Return the pool of the given rows; its own alleles stay."""
        return Pool(
            self.alleles.iloc[rows].reset_index(drop=True),
            self.real[rows],
            self.decoy[rows],
            self.own_snvs,
            self.context_only,
            self.precision,
            self.models,
        )


def score(
    fasta: Path,
    bundles: list[Path],
    plan_dir: Path,
    out_dir: Path,
    neighbours: bool = True,
    threads: int = 2,
) -> None:
    """Score every shard of a plan with every bundle."""
    options = ScoringOptions(neighbours=neighbours, threads=threads)
    for bundle in bundles:
        for shard in shards.planned_shards(plan_dir).values():
            score_file(fasta, bundle, shard, out_dir, options, work_dir=plan_dir)


def keep_uses(plan_dir: Path, uses: int) -> None:
    """Keep only the sites of those uses (bits of `shards`) in a plan's shards, and no variants,
    because a pool consists of SNVs."""
    for shard, path in shards.planned_shards(plan_dir).items():
        if shard.kind != ShardKind.SITES:
            path.unlink()
            continue
        rows = tables.read(path)
        tables.write(
            path, rows.filter(np.asarray(rows["use"]) & uses > 0), tables.SHARD, shard.to_dict()
        )


def context_of(bundles: list[Path]) -> Path:
    """Return the context model among the bundles. Raises MissingInputError (66) without one."""
    for path in bundles:
        if Bundle.open(path).family == CONTEXT_FAMILY:
            return path
    raise MissingInputError(
        message(
            "bundles",
            "no context model among them",
            "the one fitted to the genome",
            "run fit_context_model",
        )
    )


def context_model(genome_dir: Path) -> Path:
    """Return the context model of an oracle genome, which is fitted on first use and kept in its
    folder."""
    bundle = genome_dir / CONTEXT_FAMILY
    if not bundle.exists():
        fit_context_model(genome_dir / dataset.GENOME, bundle, seed=1)
    return bundle


def build(
    genome_dir: Path,
    ensembles: dict[str, list[Path]],
    spectrum: str,
    n: int = POOL_ALLELES,
    seed: int = 1,
    neighbours: bool = True,
    context: Path | None = None,
    n_own: int = OWN_ALLELES,
) -> dict[str, Pool]:
    """Mutate an oracle genome by that spectrum (n_own alleles), draw n alleles like those, score
    both, and write a pool for each ensemble; return the pools by the name of the ensemble.

    genome_dir: folder written by `gfmtrust oracle --law`; pools are kept there (`folder_of`).
    ensembles: name -> bundles that vote; none means the context model alone. neighbours: score them
    too, for the gain. context: a context model of another genome, used unchanged; probes are then
    not matched by local surprisal, because it is not this genome's. Raises UsageError (64) for
    fewer than MIN_ALLELES, and MissingInputError (66) where the folder is not an oracle genome.
    """
    if n < MIN_ALLELES:
        raise UsageError(message("alleles of a pool", str(n), f"{MIN_ALLELES} or more"))
    fasta = genome_dir / dataset.GENOME
    truth = dataset.read_truth(genome_dir / dataset.TRUTH)
    context_bundle = context or context_model(genome_dir)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        vcfs = [(spectrum, _mutated(genome_dir, spectrum, n_own, work))]
        if (genome_dir / planted.RARE).exists():
            vcfs.append(("common", _common(genome_dir, work)))
        checks = check.check_inputs(fasta, vcfs, [], None, work / "checked")
        genome = Genome.open(fasta, work)
        surprisal = (
            context_surprisal(context_bundle, genome, THREADS) if context is None else _unknown
        )
        spelled = sorted((work / "checked" / "spellings").glob("*.parquet"))
        plan.plan_sites(
            genome,
            spelled,
            plan.Regions({}),
            None,
            surprisal,
            work / "plan",
            checks,
            plan.PlanOptions(n, SHARD_SITES, seed),
        )
        keep_uses(work / "plan", shards.PROBE | shards.VARIANT)
        score(
            fasta,
            [
                context_bundle,
                *dict.fromkeys(path for voting in ensembles.values() for path in voting),
            ],
            work / "plan",
            work / "scores",
            neighbours,
            THREADS,
        )
        for name, voting in ensembles.items():
            bundles = [Bundle.open(path) for path in [*voting, context_bundle]]
            alleles, own_snvs = _measured(
                work / "plan", ScoreTables([work / "scores"], [one.model_id for one in bundles])
            )
            metadata = {
                "models": [one.model_id for one in bundles[:-1] or bundles],
                "context_only": not voting,
                "precision": max(
                    (one.precision for one in bundles), key=calibrate.GUARD_BANDS.__getitem__
                ),
            }
            _write(folder_of(genome_dir, spectrum, name), alleles, truth, own_snvs, metadata)
    return {name: read(folder_of(genome_dir, spectrum, name)) for name in ensembles}


def folder_of(genome_dir: Path, spectrum: str, name: str) -> Path:
    """Return the folder of a pool beside its genome."""
    return genome_dir / "pools" / f"{spectrum}.{name}"


def _unknown(contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
    return np.full(len(pos), np.nan, np.float32)


def _write(
    folder: Path,
    alleles: pd.DataFrame,
    truth: list[np.ndarray],
    own_snvs: pd.DataFrame,
    metadata: dict,
) -> None:
    alleles = alleles[np.isfinite(alleles["llr"].to_numpy())].reset_index(drop=True)
    first = np.concatenate([[0], np.cumsum([len(part) for part in truth])])
    row = first[alleles["contig_index"].to_numpy()] + alleles["pos"].to_numpy()
    true = np.concatenate(truth)
    alleles = alleles.assign(
        **{
            f"true_{name}": true[row, alleles[name].to_numpy(np.int64)]
            for name in ("real", "decoy")
        }
    )
    for name, table in ((TABLE, alleles), (OWN, own_snvs)):
        frame = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
        tables.write(folder / name, frame, frame.schema, metadata)


def _measured(plan_dir: Path, scores: ScoreTables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The probes with their measures, and the run's own SNVs that were scored."""
    probes, own_snvs = ProbeRows(plan_dir, scores.ensemble), OwnSnvs(plan_dir, scores.ensemble)
    read_once(plan_dir, scores, [probes, own_snvs])
    table = pd.concat([own_snvs.table(), own_snvs.alleles], axis=1)
    return probes.table(), table[table["llr"].notna()].reset_index(drop=True)


def _mutated(genome_dir: Path, spectrum: str, n: int, folder: Path) -> Path:
    """Write a VCF of SNVs that a genome mutated to by that spectrum: n of them over all contigs (at
    most one in eight bases), in proportion to length; their frequencies are unknown."""
    rng, alleles = np.random.default_rng(7), []
    with Genome.open(genome_dir / dataset.GENOME, folder) as genome:
        total = sum(genome.contigs.values())
        for name, length in genome.contigs.items():
            codes = genome.codes(name, 0, length)
            pos, alt = draw_snvs(codes, spectrum, min(n, total // 8) * length // total, rng)
            alleles += zip([name] * len(pos), pos, codes[pos], alt, strict=True)
    return _vcf(alleles, folder / "mutated.vcf")


def _common(genome_dir: Path, folder: Path) -> Path:
    """Write a VCF of the places at which a genome has the rare letter; ALT is the common one."""
    rare = tables.read(genome_dir / planted.RARE)
    columns = [rare[name].to_numpy() for name in planted.RARE_SCHEMA.names]
    with Genome.open(genome_dir / dataset.GENOME, folder) as genome:
        alleles = [
            (genome.names[index], pos, genome.codes(genome.names[index], pos, pos + 1)[0], common)
            for index, pos, common in zip(*columns, strict=True)
        ]
    return _vcf(alleles, folder / "common.vcf")


def _vcf(alleles: list[tuple], path: Path) -> Path:
    """Write alleles (contig, 0-based position, codes of REF and ALT) without samples."""
    lines = ["##fileformat=VCFv4.2\n", COLUMNS.decode("ascii") + "\n"]
    lines += [
        f"{name}\t{pos + 1}\t.\t{BASES[ref]}\t{BASES[alt]}\t.\t.\t.\n"
        for name, pos, ref, alt in alleles
    ]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def stored(
    genome_dir: Path,
    models: list[Path],
    spectrum: str,
    n: int = POOL_ALLELES,
    n_own: int = OWN_ALLELES,
) -> Pool:
    """The pool of those models kept in the oracle genome's folder, made there of n alleles and
    n_own mutated ones on first use. Raises as `build`."""
    name = "+".join(Bundle.open(path).model_id for path in models) or CONTEXT_FAMILY
    folder = folder_of(genome_dir, spectrum, name)
    return (
        read(folder)
        if (folder / OWN).exists()
        else build(genome_dir, {name: models}, spectrum, n, n_own=n_own)[name]
    )


def read(folder: Path) -> Pool:
    """Return a pool that `build` wrote. Raises MissingInputError (66) where it is missing."""
    alleles = tables.read(folder / TABLE).to_pandas()
    metadata = tables.read_metadata(folder / TABLE)
    own_snvs = tables.read(folder / OWN).to_pandas()
    for table in (alleles, own_snvs):
        for column in CLASS_COLUMNS:
            table[column] = table[column].astype(object)
    return Pool(
        alleles.drop(columns=["true_real", "true_decoy"]),
        alleles["true_real"].to_numpy(np.float64),
        alleles["true_decoy"].to_numpy(np.float64),
        own_snvs,
        metadata["context_only"],
        metadata["precision"],
        tuple(metadata["models"]),
    )
