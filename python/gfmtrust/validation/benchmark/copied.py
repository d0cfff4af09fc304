"""Flags where a genome holds copies of itself: what a model earns that knows the copy rule alone,
and what a model loses that knows the law and no copies.

Two genomes of one law, one of them with planted copies. As for models that remember, the sites,
copies, blocks and cells are those of each genome's own plan, and only the answers are made here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from gfmtrust.calibration.strata import strata
from gfmtrust.core.alphabet import encode
from gfmtrust.core.vocabulary import CopyClass
from gfmtrust.planning import probes
from gfmtrust.validation.benchmark import pool as pools
from gfmtrust.validation.benchmark.memorisers import Answered, Letters, letters_of
from gfmtrust.validation.benchmark.pool import Pool
from gfmtrust.validation.benchmark.replications import Cell, replicate
from gfmtrust.validation.oracle import dataset, planted
from gfmtrust.validation.oracle.copy_rule import copy_rule

RUNS = 200
GENOME_BP, SEED = 400_000, 1
COPIED_SHARE = 0.2
POOL_ALLELES, OWN_ALLELES = 60_000, 40_000
COPIES, NO_COPIES = "copies", "no_copies"
LAW, RULE = "the law", "the copy rule"
MODELS: dict[str, Callable[[Letters, np.random.Generator], list[np.ndarray]]] = {
    LAW: lambda letters, _rng: letters.law,
    RULE: lambda letters, rng: copy_rule(letters.codes, rng),
}
PAIRS = ((NO_COPIES, LAW), (COPIES, LAW), (COPIES, RULE))


@dataclass(frozen=True)
class CopiedCell(Cell):
    """A level in a cell over all replications of one model on one of the genomes."""

    genome: str
    model: str


def copies(
    folder: Path, n: int = RUNS, genome_bp: int = GENOME_BP, alleles: int = POOL_ALLELES
) -> list[CopiedCell]:
    """n replications of every model, each with as many probes as `--probes auto` draws for the
    genome. folder: the two genomes and their pools are kept there, and made on first use, with that
    many bases and alleles."""
    rows = []
    for genome, model in PAIRS:
        genome_dir = folder / genome
        plain = pool_of(genome_dir, genome_bp, alleles)
        pool = answered_by(plain, letters_of(genome_dir), MODELS[model])
        cells, _ = replicate(pool, n, auto_number(pool), ranked=0)
        rows += [CopiedCell(**asdict(cell), genome=genome, model=model) for cell in cells]
    return rows


def auto_number(pool: Pool) -> int:
    """The number of probes that `--probes auto` draws for a small run whose SNVs are the pool's
    mutated alleles."""
    names, counts = np.unique(strata(pool.own_snvs, ()).astype(str), return_counts=True)
    near = [name.startswith(CopyClass.NEAR_COPY.value) for name in names]
    needs = np.where(near, probes.NEED_OF_NEAR_COPY, 1.0)
    return probes.probe_number(0, "auto", needs[counts >= probes.MIN_SNVS_OF_CELL].sum())


def pool_of(genome_dir: Path, genome_bp: int, alleles: int) -> Pool:
    """The pool of a genome, asked of the context model; its name says whether it holds copies."""
    if not (genome_dir / dataset.TRUTH).exists():
        share = COPIED_SHARE if genome_dir.name == COPIES else 0.0
        planted.write_planted(planted.draw_planted(genome_bp, SEED, share, 0), genome_dir)
    return pools.stored(genome_dir, [], "germline", alleles, OWN_ALLELES)


def answered_by(
    pool: Pool, letters: Letters, answers: Callable[[Letters, np.random.Generator], list]
) -> Pool:
    """The pool with a model's answers in place of the context model's, without the caps by gain: on
    a genome whose law counting exhausts, nobody gains."""
    answered = Answered(letters, answers(letters, np.random.default_rng(SEED)), True)
    probes, own_snvs = pool.alleles, pool.own_snvs
    refs_alts = (encode("".join(own_snvs[name])).astype(np.int64) for name in ("ref", "alt"))
    return replace(
        pool,
        alleles=answered.at(
            probes, *(probes[name].to_numpy(np.int64) for name in ("real", "decoy"))
        ),
        own_snvs=answered.at(own_snvs, *refs_alts),
        context_only=True,
    )
