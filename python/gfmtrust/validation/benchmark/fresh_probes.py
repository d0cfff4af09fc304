"""Proof of a finished run's flags: new alleles drawn like the run's are flagged by its calibration
and compared with the real bases.

    gfmtrust benchmark fresh_probes --run results --fasta genome.fa.gz --n 6000

The probes of the run itself are not used again. On the demo genome the sign of the true LLR is also
known and reported.
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.baseline.surprisal import context_surprisal
from gfmtrust.calibration import calibrate, flags
from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.contracts.checks import Background, CheckedGenome, Checks
from gfmtrust.core.errors import MissingInputError, message
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.inputs.allele_counts import UNKNOWN
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.io.intervals import IntervalSet
from gfmtrust.planning import plan, shards
from gfmtrust.validation.benchmark.pool import context_of, keep_uses, score
from gfmtrust.validation.oracle.demo import demo_genome
from gfmtrust.validation.oracle.truth import true_llr

log = logging.getLogger(__name__)

SEED_OFFSET = 7_919
"""Added to the run's seed: the draws are new, but their distribution is the run's."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Level:
    """One flag on new alleles: how many have it, how many are wrong (decoy loss), and one-sided 95
    % Clopper-Pearson bounds of the error.

    true_sign: share whose LLR has the sign of the true LLR, None where the truth is unknown.
    """

    flag: str
    n: int
    errors: int
    error: float
    lower: float
    upper: float
    true_sign: float | None


def fresh_probes(
    run: Path, fasta: Path, n: int, regions: dict[str, IntervalSet], seed: int | None = None
) -> list[Level]:
    """Draw, score and flag n new alleles like the run's; return one Level per flag, HIGH first.

    run: results folder of a finished run. regions: its BED files by name, because region classes
    depend on them. Raises MissingInputError (66) where the folder lacks a file of a finished run.
    """
    fitted = RunCalibration.read(_file(run / "calibration" / RunCalibration.NAME))
    bundles = [run / "models" / model for model in fitted.bundles]
    seed = fitted.options.seed + SEED_OFFSET if seed is None else seed
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        spelled = _spellings(_file(run / "scores" / "sites.parquet"), work / "spellings.parquet")
        background = fitted.options.background
        checks = Checks(
            CheckedGenome(fasta.name, fitted.digests["genome"]),
            background=Background(background) if background else None,
        )
        genome = Genome.open(fasta, work)
        plan.plan_sites(
            genome,
            [spelled],
            plan.Regions(regions),
            None,
            context_surprisal(context_of(bundles), genome, 2),
            work / "plan",
            checks,
            plan.PlanOptions(n, seed=seed),
        )
        keep_uses(work / "plan", shards.PROBE)  # the run's own sites are already scored
        score(fasta, bundles, work / "plan", work / "scores")
        table = calibrate.probe_table(
            work / "plan", ScoreTables([work / "scores"], list(fitted.bundles))
        )
        names = genome.names
    rank, _ = flags.assign(fitted, table)
    return [
        _level(level, table[rank == level], names) for level in (Rank.HIGH, Rank.MEDIUM, Rank.LOW)
    ]


def _level(level: Rank, of_level: pd.DataFrame, names: list[str]) -> Level:
    n, errors = len(of_level), int((~(of_level["llr"] < 0)).sum())
    lower, upper = (float(bound(errors, n, 1 - CONFIDENCE)) for bound in (lower_bound, upper_bound))
    return Level(
        level.name,
        n,
        errors,
        errors / n if n else float("nan"),
        lower,
        upper,
        _true_sign(of_level, names),
    )


def _true_sign(probes: pd.DataFrame, names: list[str]) -> float | None:
    """Return the share of probes whose LLR has the sign of the true one; None for other genomes
    than the demo."""
    genome = demo_genome()
    if names != [contig.name for contig in genome.contigs] or not len(probes):
        return None
    agree = np.zeros(len(probes), bool)
    for index, name in enumerate(names):
        on_contig = (probes["contig_index"] == index).to_numpy()
        pos, real, decoy = (
            probes.loc[on_contig, column].to_numpy(np.int64) for column in ("pos", "real", "decoy")
        )
        agree[on_contig] = np.sign(true_llr(genome, name, pos, real, decoy)) == np.sign(
            probes.loc[on_contig, "llr"]
        )
    return float(agree.mean())


def _spellings(sites: Path, path: Path) -> Path:
    """Write the run's scored alleles as an input of plan_sites and return the path."""
    alleles = tables.read(
        sites, ["contig", "contig_index", "pos", "ref", "alt", "status"]
    ).to_pandas()
    alleles = alleles[alleles["status"] == Status.SCORED].rename(columns={"alt": "alts"})
    columns: dict = {name: alleles[name].to_numpy() for name in tables.SPELLINGS.names}
    columns["counts"] = [UNKNOWN] * len(alleles)
    tables.write(path, columns, tables.COUNTED_SPELLINGS)
    return path


def _file(path: Path) -> Path:
    if not path.is_file():
        raise MissingInputError(
            message(str(path), "not found", "the results folder of a finished run")
        )
    return path
