"""Proof of the flags by replication: calibrations are drawn repeatedly from a pool whose error is
known, and the broken promises are counted.

    gfmtrust oracle --law easy --out_dir easy
    gfmtrust benchmark replications --run easy --n 1000

A replication does what a run does, without the forward passes: it draws probes, divides them into
splits, fits the reliability, certifies, runs the shift test, and flags. The redraw is fair because:

- **Probes** are drawn i.i.d. with replacement, half of them run-oriented, as `probes.draw` does;
  the pool is the population.
- **Blocks stay where they are.** A drawn probe keeps its block of the genome, and `splits.split`
  assigns the blocks anew by the replication's seed. So the splits share no block, a row drawn twice
  is in one split, and the certification probes only inform about their own blocks, while the truth
  is taken over all blocks: a law that varies along the genome affects the certificate as in a run.
  Drawing the block numbers anew would make all blocks equal and hide that.
- **Truth** is the error of all alleles of the pool that have exactly the flag, including the drawn
  probes, which are a small part.
- **The whole rule** decides: `flags.decide` with its caps, guard band and shift test, and the exam
  on the run's own alleles, which are drawn with replacement from the mutated ones.
- **Mutated alleles** are the other truth: alleles that the genome mutated to by the spectrum, with
  the file's letter as REF. They are neither balanced nor matched; they are what a run flags.

Decoy loss is the certified loss. Effect-sign loss, against the true law, is printed for comparison
and not promised.
"""

from __future__ import annotations

import multiprocessing
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gfmtrust.calibration import certificates, flags, record, splits
from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration.calibrate import GUARD_BANDS
from gfmtrust.calibration.caps import caps
from gfmtrust.calibration.certificates import Probes
from gfmtrust.calibration.exam import examined
from gfmtrust.calibration.features import own_surprisal
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.own_snvs import OwnSnvs, probes_like
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.shift import shift_test
from gfmtrust.calibration.strata import pooled, strata
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.risk_coverage import prr
from gfmtrust.core.vocabulary import Rank
from gfmtrust.validation.benchmark.pool import Pool
from gfmtrust.validation.benchmark.replication_figures import (
    LEVELS,
    Cell,
    Usefulness,
    joined,
    means,
    over_alpha,
    turned,
    worth,
)

REPLICATIONS = 1_000
N_PROBES = 8_000
"""The number that `--probes auto` draws for a small run."""
OWN_SNVS = 2_500
"""The number of own alleles in the run of a replication."""
SINGLE = ("abs_llr", "ent", "dis")
"""Rankings that are compared with the reliability."""
RELIABILITY = "reliability"
CEILING = "true law"
MOST_USEFUL = 50
"""The number of replications in which the single measures are certified and ranked too; their
shares of the pool hardly vary."""


@dataclass(frozen=True)
class Drawn:
    """One replication: its calibration with the shift verdict and the exam, the pool rows of its
    probes, and the rank of every allele of the pool and of every mutated allele."""

    fitted: RunCalibration
    rows: np.ndarray
    rank: np.ndarray
    own_rank: np.ndarray


def calibrated(
    pool: Pool, seed: int, n_probes: int = N_PROBES
) -> tuple[RunCalibration, np.ndarray]:
    """Return a calibration on probes drawn from the pool, with the shift verdict and the exam on
    own alleles drawn from the mutated ones, and the probes' rows of the pool.

    Raises UsageError (64) where the pool has alleles of only one orientation.
    """
    rng = np.random.default_rng([seed, 0x5EED])
    rows = probe_rows(pool, n_probes, rng)
    probes = pool.alleles.iloc[rows].reset_index(drop=True)
    own_snvs = DrawnSnvs(
        pool.own_snvs.iloc[rng.integers(0, len(pool.own_snvs), min(len(pool.own_snvs), OWN_SNVS))]
    )
    return examined(fitted_to(pool, probes, own_snvs, seed), own_snvs, probes, ()), rows


def probe_rows(pool: Pool, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of n probes drawn with replacement, half of them run-oriented. Raises
    UsageError (64) where the pool has alleles of only one orientation."""
    run_oriented = pool.alleles["run_oriented"].to_numpy(bool)
    sides = [np.flatnonzero(run_oriented == side) for side in (True, False)]
    if not all(map(len, sides)):
        raise UsageError(message("pool", "probes of one orientation", "half of them run-oriented"))
    return np.concatenate(
        [
            side[rng.integers(0, len(side), quota)]
            for side, quota in zip(sides, (n - n // 2, n // 2), strict=True)
        ]
    )


def fitted_to(pool: Pool, probes: pd.DataFrame, own_snvs: OwnSnvs, seed: int) -> RunCalibration:
    """The calibration on those probes with the shift verdict on those own alleles, before the
    exam."""
    options = Options(
        seed=seed, guard_band=GUARD_BANDS[pool.precision], context_only=pool.context_only
    )
    like = probes_like(own_snvs.cells(), pooled(strata(probes, ())))
    verdict = shift_test(own_snvs.surprisal(), probes["local_surprisal"].to_numpy(np.float64)[like])
    return record.with_shift(calibration_fit.fit(probes, options), verdict)


class DrawnSnvs(OwnSnvs):
    """Own SNVs whose features are known. table: the columns of `features`, af and an."""

    def __init__(self, table: pd.DataFrame):
        table = table.reset_index(drop=True)
        self._table = table
        self.alleles = table[["af", "an"]]


def draw(pool: Pool, seed: int, n_probes: int = N_PROBES) -> Drawn:
    """Return one replication: a calibration, and its flags of every allele of the pool."""
    fitted, rows = calibrated(pool, seed, n_probes)
    own_rank, _ = flags.decide(fitted, pool.own_snvs)
    return Drawn(fitted, rows, flags.decide(fitted, pool.alleles)[0], own_rank)


def replicate(
    pool: Pool,
    n: int,
    n_probes: int = N_PROBES,
    seed: int = 0,
    processes: int = 1,
    ranked: int = MOST_USEFUL,
) -> tuple[list[Cell], list[Usefulness]]:
    """Replicate n times with one pool; return a Cell for each level and cell, HIGH first, and a
    Usefulness each for law, reliability and SINGLE.

    processes: how many share the work; they change no number. ranked: in how many of the
    replications the rankings are certified and compared.
    """
    seeds = range(seed, seed + n)
    if processes == 1:
        parts = [_replications(pool, seeds, n_probes, seed + ranked)]
    else:
        shares = [seeds[n * i // processes : n * (i + 1) // processes] for i in range(processes)]
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as workers:
            parts = list(
                workers.map(
                    _replications,
                    *zip(
                        *[(pool, share, n_probes, seed + ranked) for share in shares], strict=True
                    ),
                )
            )
    tally = joined(part[0] for part in parts)
    useful = joined(part[1] for part in parts)
    cells = [
        Cell(level.name, name, len(figures), *over_alpha(figures, _alpha(level)))
        for level in LEVELS
        for (of, name), figures in sorted(tally.items())
        if of == level.name
    ]
    best = pool.ceiling()
    rows = [
        Usefulness(
            CEILING,
            1,
            best.high_share,
            np.nan,
            np.nan,
            np.nan,
            np.nan if best.prr is None else best.prr,
            np.nan,
        )
    ]
    return cells, rows + [
        Usefulness(name, len(figures), *means(np.array(figures, np.float64)))
        for name, figures in useful.items()
    ]


def _replications(pool: Pool, seeds: range, n_probes: int, last: int) -> tuple[dict, dict]:
    """Of each seed: errors by (level, cell); of those before `last`, what each ranking is worth."""
    tally: dict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
    useful: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    single = {name: turned(pool, name) for name in SINGLE} if seeds.start < last else {}
    losses = (pool.wrong, pool.wrong_sign)
    single_prr = {name: [prr(loss, ranking) for loss in losses] for name, ranking in single.items()}
    strata_of = [strata(table, ()) for table in (pool.alleles, pool.own_snvs)]
    members: dict[tuple[str, ...], list[np.ndarray]] = {}
    for seed in seeds:
        drawn = draw(pool, seed, n_probes)
        for certificate in drawn.fitted.snv.certificates:
            level, classes = Rank[certificate.level], certificate.strata
            if classes not in members:
                members[classes] = [np.isin(names, classes) for names in strata_of]
            tally[level.name, "+".join(classes)].append(
                (*_errors(pool, members[classes], drawn, level, classes), certificate.n_probes)
            )
        if seed < last:
            rel = calibration_fit.reliability(drawn.fitted.snv, pool.alleles)
            useful[RELIABILITY].append(
                (*worth(pool, drawn.rank), *(prr(loss, rel) for loss in losses))
            )
            for name, ranking in single.items():
                useful[name].append(
                    (*worth(pool, _ranks_by(pool, drawn, ranking)), *single_prr[name])
                )
    return tally, useful


def _alpha(level: Rank) -> float:
    return {Rank.HIGH: Options().alpha_high, Rank.MEDIUM: Options().alpha_medium}[level]


def _errors(
    pool: Pool, inside: list[np.ndarray], drawn: Drawn, level: Rank, classes: tuple[str, ...]
) -> tuple[float, ...]:
    """Return the error of a cell's alleles with the flag, in the pool (balanced and run-oriented)
    and among the mutated alleles (NaN without any); the share of the cell's mutated alleles with
    it; and 1 where the exam withdrew the level from a stratum of the cell, otherwise 0.

    inside: whether an allele is in the cell, bool, for the pool and for the mutated alleles.
    """
    flagged = inside[0] & (drawn.rank == level)
    run_oriented = flagged & pool.alleles["run_oriented"].to_numpy(bool)
    mutated = inside[1] & (drawn.own_rank == level)
    own_wrong = ~(pool.own_snvs["llr"].to_numpy(np.float64) < 0)
    withdrawn = any(
        one.level == level.name and one.stratum in ("", *classes)
        for one in drawn.fitted.withdrawals
    )
    return (
        *(
            float(wrong[rows].mean()) if rows.any() else np.nan
            for wrong, rows in (
                (pool.wrong, flagged),
                (pool.wrong, run_oriented),
                (own_wrong, mutated),
            )
        ),
        mutated.sum() / max(1, inside[1].sum()),
        float(withdrawn),
    )


def _ranks_by(pool: Pool, drawn: Drawn, ranking: np.ndarray) -> np.ndarray:
    """Return the rank of each allele where one measure replaces the reliability: same probes,
    splits, caps and certificates, no guard band."""
    fitted = drawn.fitted
    order = np.lexsort(
        [
            pool.alleles[name].to_numpy()[drawn.rows]
            for name in ("run_oriented", "decoy", "real", "pos", "contig_index")
        ]
    )
    rows = drawn.rows[order]  # the order in which `calibration.fit` splits them
    probes = pool.alleles.iloc[rows]
    part = splits.split(probes["block"].to_numpy(np.int64), fitted.options.seed)
    seen = Probes(
        ranking[rows],
        pool.wrong[rows],
        probes["run_oriented"].to_numpy(bool),
        strata(probes, ()),
        probes["block"].to_numpy(np.int64),
        own_surprisal(probes),
    )
    certified = calibration_fit.certify(
        seen, caps(fitted.snv.limits, probes)[0], part, replace(fitted.options, guard_band=0.0)
    )
    stratum = strata(pool.alleles, ())
    high, medium = (certificates.thresholds(certified, level.name, stratum) for level in LEVELS)
    return certificates.ranks(ranking, caps(fitted.snv.limits, pool.alleles)[0], high, medium, 0.0)
