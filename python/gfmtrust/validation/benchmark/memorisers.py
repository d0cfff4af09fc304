"""Models that memorise a file, compared with a model that knows its law: which of them get HIGH,
and which cause a warning.

The sites, copies, blocks and cells, and the context model's surprisal, are those of a planted
genome's own plan (`pool`). Only the answers of the model are generated here, at every letter of the
genome, so that a hundred runs need no forward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.calibration import flags
from gfmtrust.calibration.exam import examined
from gfmtrust.calibration.heldout import HeldOut
from gfmtrust.core.alphabet import encode
from gfmtrust.core.measures import allele_measures
from gfmtrust.core.views import Views
from gfmtrust.core.vocabulary import Rank, Why
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.validation.benchmark import pool as pools
from gfmtrust.validation.benchmark.replications import (
    N_PROBES,
    OWN_SNVS,
    DrawnSnvs,
    fitted_to,
    probe_rows,
)
from gfmtrust.validation.oracle import dataset, planted

RUNS = 100
CONFIDENCE = 0.97
"""The probability of a letter that is remembered."""
WRONG = 0.05
STRETCH_BP = 20_000
NEIGHBOURS = (-20, -15, -10, -5, 5, 10, 15, 20)
N_COMMON = 400
"""The number of a run's own alleles whose ALT is the population's common letter."""
HAPLOTYPES = 100
HELD_OUT = (6, 7)
"""Numbers of the contigs, of eight, that the models which declare any were not trained on."""
Answers = Callable[["Letters", np.random.Generator], list[np.ndarray]]


@dataclass(frozen=True)
class Letters:
    """A genome: the codes of each contig, uint8 (length,), and the law at each base, float64
    (length, 4)."""

    codes: list[np.ndarray]
    law: list[np.ndarray]


@dataclass(frozen=True)
class MemoryRow:
    """One model in one form over all runs.

    warned: runs without a cohort in which memorisation was suspected; high: of these, runs that
        gave HIGH to any allele.
    high_cohort: runs with a cohort and with the training trusted that gave any HIGH; withdrawn: of
        these, runs that lost a level because of the own alleles or of the population.
    """

    model: str
    form: str
    runs: int
    warned: int
    high: int
    high_cohort: int
    withdrawn: int


def letters_of(genome_dir: Path) -> Letters:
    """Return the letters of an oracle genome and the law at each of them, from its folder."""
    with Genome.open(genome_dir / dataset.GENOME) as genome:
        codes = [genome.codes(name, 0, length) for name, length in genome.contigs.items()]
    return Letters(codes, dataset.read_truth(genome_dir / dataset.TRUTH))


def _sure_of(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return distributions with about CONFIDENCE on each of those letters, float64 (n, 4)."""
    odds = np.log(CONFIDENCE / (1 - CONFIDENCE)) + 0.5 * rng.standard_normal(len(codes))
    sure = 1 / (1 + np.exp(-odds))
    law = np.repeat(((1 - sure) / 3)[:, None], 4, axis=1)
    law[np.arange(len(codes)), codes] = sure
    return law


def _instead(codes: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the letters with random ones at those rows, bool (n,)."""
    return np.where(rows, (rng.random(len(codes)) * 4).astype(np.uint8), codes)


def _with_errors(letters: Letters, rng: np.random.Generator) -> list[np.ndarray]:
    share = WRONG * 4 / 3  # a random letter is right once in four
    return [
        _sure_of(_instead(part, rng.random(len(part)) < share, rng), rng) for part in letters.codes
    ]


def _by_stretch(letters: Letters, rng: np.random.Generator) -> list[np.ndarray]:
    return [
        _sure_of(_instead(part, np.arange(len(part)) // STRETCH_BP % 2 == 1, rng), rng)
        for part in letters.codes
    ]


def _by_contig(letters: Letters, rng: np.random.Generator) -> list[np.ndarray]:
    return [
        _sure_of(_instead(part, np.full(len(part), index % 2 == 1), rng), rng)
        for index, part in enumerate(letters.codes)
    ]


def _but_held_out(letters: Letters, rng: np.random.Generator, knows_law: bool) -> list[np.ndarray]:
    """Every letter of the contigs that were not held out; on those that were, the law or guesses."""
    return [
        (law if knows_law else _sure_of(_instead(part, np.full(len(part), True), rng), rng))
        if index in HELD_OUT
        else _sure_of(part, rng)
        for index, (part, law) in enumerate(zip(letters.codes, letters.law, strict=True))
    ]


DECLARES = "all but the held-out contigs"
"""The names of models that state their held-out contigs begin so."""
MODELS: dict[str, Answers] = {
    "the law": lambda letters, _rng: letters.law,
    "every letter": lambda letters, rng: [_sure_of(part, rng) for part in letters.codes],
    "5 % wrong": _with_errors,
    "every other 20 kb": _by_stretch,
    "every other contig": _by_contig,
    f"{DECLARES}, guesses there": partial(_but_held_out, knows_law=False),
    f"{DECLARES}, the law there": partial(_but_held_out, knows_law=True),
}
FORMS = ("bundle", "external")


class Answered:
    """A model's answers at every letter. has_neighbours: whether the bits near a site are known, as
    for a bundle but not for a table of scores."""

    def __init__(self, letters: Letters, law: list[np.ndarray], has_neighbours: bool):
        self._first = np.concatenate([[0], np.cumsum([len(part) for part in letters.codes])])
        self._law = np.concatenate(law)
        codes = np.concatenate(letters.codes)
        self._bits = -np.log2(self._law[np.arange(len(codes)), codes])
        near = np.mean([np.roll(self._bits, -offset) for offset in NEIGHBOURS], axis=0)
        self._near = near if has_neighbours else np.full(len(codes), np.nan)

    def at(self, table: pd.DataFrame, ref: np.ndarray, alt: np.ndarray) -> pd.DataFrame:
        """Return the table of alleles with this model's measures instead of the context model's."""
        row = self._first[table["contig_index"].to_numpy()] + table["pos"].to_numpy(np.int64)
        probs = self._law[row][:, None].astype(np.float32)
        views = Views(np.zeros(1, np.int64), None, np.ones(1, bool))
        measures = allele_measures(probs, np.ones((len(row), 1)), ref, alt, views)
        gain = table["local_surprisal"].to_numpy(np.float64) - self._near[row]
        return table.assign(**measures, gain=gain, surprisal=self._bits[row])


def memory(genome_dir: Path, n: int = RUNS, n_probes: int = N_PROBES) -> list[MemoryRow]:
    """Run every model in both forms n times on a planted genome, whose pool is kept in its folder;
    return one row per model and form."""
    pool = replace(pools.stored(genome_dir, [], "germline"), context_only=False)
    letters, rare = letters_of(genome_dir), tables.read(genome_dir / planted.RARE).to_pandas()
    keys = pd.MultiIndex.from_frame(rare[["contig_index", "pos"]])
    is_common = pd.MultiIndex.from_frame(pool.own_snvs[["contig_index", "pos"]]).isin(keys)
    return [
        _row(pool, letters, is_common, name, form, n, n_probes) for name in MODELS for form in FORMS
    ]


def _row(pool, letters: Letters, is_common, name: str, form: str, n: int, n_probes: int):
    counts = np.zeros(4, np.int64)
    for seed in range(n):
        rng = np.random.default_rng([seed, 0x3E3])
        answered = Answered(letters, MODELS[name](letters, rng), form == "bundle")
        counts += _one_run(
            pool, answered, is_common, seed, rng, n_probes, name.startswith(DECLARES)
        )
    return MemoryRow(name, form, n, *counts.tolist())


def _one_run(
    pool, answered: Answered, is_common, seed: int, rng, n_probes: int, declares: bool
) -> np.ndarray:
    """warned, high, high_cohort, withdrawn of `MemoryRow`, 0 or 1 each."""
    probes = _drawn(pool, answered, n_probes, rng)
    rows = np.concatenate(
        [
            rng.choice(np.flatnonzero(side), min(quota, int(side.sum())), replace=False)
            for side, quota in ((~is_common, OWN_SNVS), (is_common, N_COMMON))
        ]
    )
    drawn = pool.own_snvs.iloc[rows].reset_index(drop=True)
    drawn = answered.at(
        drawn, *(encode("".join(drawn[name])).astype(np.int64) for name in ("ref", "alt"))
    )
    fitted = fitted_to(pool, probes, DrawnSnvs(drawn), seed)
    one_sample = DrawnSnvs(drawn.assign(af=_of_one_sample(is_common[rows], rng), an=2))
    heldout = _held_out(pool, answered, probes, rng) if declares else None
    alone = examined(fitted, one_sample, probes, (), heldout)
    trusted = replace(fitted, options=replace(fitted.options, trust_training=True))
    cohort = drawn.assign(af=_frequencies(is_common[rows], rng), an=HAPLOTYPES)
    tested = examined(trusted, DrawnSnvs(cohort), probes, ())
    lost = {one.reason for one in tested.withdrawals} & {Why.OWN_ALLELES.value, Why.REF_BIAS.value}
    high = [bool((flags.decide(one, drawn)[0] == Rank.HIGH).any()) for one in (alone, tested)]
    suspected = alone.memory is not None and alone.memory.suspected
    return np.array([suspected, *high, bool(lost)], np.int64)


def _drawn(pool, answered: Answered, n: int, rng) -> pd.DataFrame:
    """n probes of a pool with the model's answers."""
    probes = pool.alleles.iloc[probe_rows(pool, n, rng)].reset_index(drop=True)
    return answered.at(
        probes, probes["real"].to_numpy(np.int64), probes["decoy"].to_numpy(np.int64)
    )


def _held_out(pool, answered: Answered, probes: pd.DataFrame, rng) -> HeldOut:
    """The held-out contigs with as many further probes as they lack of a run's number."""
    lacking = int((~probes["contig_index"].isin(HELD_OUT)).sum())
    there = pool.of(np.flatnonzero(pool.alleles["contig_index"].isin(HELD_OUT)))
    names = tuple(f"planted{number + 1}" for number in HELD_OUT)
    return HeldOut(names, HELD_OUT, _drawn(there, answered, lacking, rng))


def _of_one_sample(is_common: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return ALT frequencies in one sample that carries every allele: 1 or 0.5."""
    return np.where(rng.random(len(is_common)) < np.where(is_common, 0.92, 0.1), 1.0, 0.5)


def _frequencies(is_common: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return counted ALT frequencies in a cohort: near 1 where ALT is common, otherwise as under
    neutrality."""
    true = np.where(
        is_common,
        rng.uniform(0.92, 1.0, len(is_common)),
        0.5 ** (1 + 8 * rng.random(len(is_common))),
    )
    return rng.binomial(HAPLOTYPES, true) / HAPLOTYPES
