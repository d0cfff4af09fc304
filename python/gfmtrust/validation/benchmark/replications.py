"""Proof of the flags by replication: calibrations drawn anew from a pool whose error is known, and
how often a flag breaks its promise.

    gfmtrust oracle --law easy --out_dir easy
    gfmtrust benchmark replications --run easy --n 1000

A replication does what a run does, but for the passes: it draws probes, deals halves, fits the
reliability, certifies, asks the shift gate, and flags. What makes the redraw honest:

- **Probes** are drawn i.i.d. with replacement, half of them run-oriented, as `probes.draw` draws
them; the pool is the population.
- **Blocks stay where they are.** A drawn probe keeps its block of the genome, and `halves.split`
  deals the blocks anew by the replication's seed. So A and B share no block, a row drawn twice
  falls into one half, and B's probes tell of B's blocks alone, while the truth is taken over all
  blocks: a law that differs along the genome costs the certificate here as it would in a run.
  Drawing the block numbers anew as well would make every block alike and hide that.
- **Truth** is the error of all alleles of the pool that carry exactly the flag, the probes drawn
  among them: they are a small part, and a part of A's besides.
- **The whole rule** decides, `flags.decide` with its caps, guard band and shift gate, and the exam
  on the run's own alleles, which are drawn with replacement from the mutated ones too.
- **Mutated alleles** are the other truth: alleles that the genome mutated to by the spectrum, REF
  being what stands there. Nothing in them is balanced or matched; they are what a run flags.

Decoy loss is the loss that is certified. Effect-sign loss, against the true law, is printed beside
it and promised by nobody.
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
"""What `--probes auto` draws for a small run."""
OWN_SNVS = 2_500
"""Own alleles of a replication's run."""
SINGLE = ("abs_llr", "ent", "dis")
"""Rankings that stand beside the reliability: what could be had without it."""
RELIABILITY = "reliability"
CEILING = "true law"
MOST_USEFUL = 50
"""Replications in which the single measures are certified and ranked too: shares of the pool hardly
move."""


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
    """A calibration on probes drawn from the pool, with the shift verdict and the exam on own
    alleles drawn from the mutated ones, and the probes' rows of the pool.

    Raises UsageError (64) where the pool has alleles of one orientation alone.
    """
    rng = np.random.default_rng([seed, 0x5EED])
    rows = probe_rows(pool, n_probes, rng)
    probes = pool.alleles.iloc[rows].reset_index(drop=True)
    own = DrawnSnvs(pool.own.iloc[rng.integers(0, len(pool.own), min(len(pool.own), OWN_SNVS))])
    return examined(fitted_to(pool, probes, own, seed), own, probes, ()), rows


def probe_rows(pool: Pool, n: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of n probes drawn with replacement, half of them run-oriented. Raises UsageError (64)
    where the pool has alleles of one orientation alone."""
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


def fitted_to(pool: Pool, probes: pd.DataFrame, own: OwnSnvs, seed: int) -> RunCalibration:
    """The calibration on those probes with the shift verdict on those own alleles, before the
    exam."""
    options = Options(
        seed=seed, guard_band=GUARD_BANDS[pool.precision], context_only=pool.context_only
    )
    like = probes_like(own.cells(), pooled(strata(probes, ())))
    verdict = shift_test(own.surprisal(), probes["local_surprisal"].to_numpy(np.float64)[like])
    return record.with_shift(calibration_fit.fit(probes, options), verdict)


class DrawnSnvs(OwnSnvs):
    """Own SNVs whose features are known. table: the columns of `features`, af and an."""

    def __init__(self, table: pd.DataFrame):
        table = table.reset_index(drop=True)
        self._table = table
        self.alleles = table[["af", "an"]]


def draw(pool: Pool, seed: int, n_probes: int = N_PROBES) -> Drawn:
    """One replication: a calibration, and what it makes of every allele of the pool."""
    fitted, rows = calibrated(pool, seed, n_probes)
    own_rank, _ = flags.decide(fitted, pool.own)
    return Drawn(fitted, rows, flags.decide(fitted, pool.alleles)[0], own_rank)


def replicate(
    pool: Pool,
    n: int,
    n_probes: int = N_PROBES,
    seed: int = 0,
    processes: int = 1,
    ranked: int = MOST_USEFUL,
) -> tuple[list[Cell], list[Usefulness]]:
    """n replications of one pool: a Cell for each level and cell met, HIGH first; a Usefulness each
    for law, reliability and SINGLE.

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
    strata_of = [strata(table, ()) for table in (pool.alleles, pool.own)]
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


@dataclass(frozen=True)
class Earned:
    """How many of `redraws` replications gave any allele of the pool HIGH, or MEDIUM; error: decoy
    error of the pool."""

    model: str
    redraws: int
    high: int
    medium: int
    error: float


def earned(pool: Pool, n: int, n_probes: int = N_PROBES, seed: int = 0) -> Earned:
    """What a model earns by n redraws: of a useless one no HIGH, and MEDIUM in no more than delta
    of them."""
    given = [
        {int(rank) for rank in np.unique(draw(pool, seed + i, n_probes).rank)} for i in range(n)
    ]
    high, medium = (sum(level in ranks for ranks in given) for level in LEVELS)
    return Earned("+".join(pool.models), n, high, medium, float(pool.wrong.mean()))


def _alpha(level: Rank) -> float:
    return {Rank.HIGH: Options().alpha_high, Rank.MEDIUM: Options().alpha_medium}[level]


def _errors(
    pool: Pool, inside: list[np.ndarray], drawn: Drawn, level: Rank, classes: tuple[str, ...]
) -> tuple[float, ...]:
    """Error of a cell's alleles with the flag: of the pool, balanced and run-oriented, and of the
    mutated alleles (NaN without any); share of the cell's mutated alleles that carry it; 1 where
    the exam withdrew the level from a stratum of the cell, else 0.

    inside: whether an allele is of the cell, bool, of the pool and of the mutated alleles.
    """
    flagged = inside[0] & (drawn.rank == level)
    run_oriented = flagged & pool.alleles["run_oriented"].to_numpy(bool)
    mutated = inside[1] & (drawn.own_rank == level)
    own_wrong = ~(pool.own["llr"].to_numpy(np.float64) < 0)
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
    """Rank of each allele where one measure stands in for the reliability: same probes, halves,
    caps and certificates, no guard band."""
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
        calibration_fit.own_surprisal(probes),
    )
    certified = calibration_fit.certify(
        seen, caps(fitted.snv.limits, probes)[0], part, replace(fitted.options, guard_band=0.0)
    )
    stratum = strata(pool.alleles, ())
    high, medium = (certificates.thresholds(certified, level.name, stratum) for level in LEVELS)
    return certificates.ranks(ranking, caps(fitted.snv.limits, pool.alleles)[0], high, medium, 0.0)
