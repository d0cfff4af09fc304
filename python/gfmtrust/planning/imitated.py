"""The alleles that probes imitate: the SNVs of the run, region bases against any other letter, or
all substitutions alike where the run has too few SNVs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gfmtrust.core.alphabet import N
from gfmtrust.planning import stable_draws
from gfmtrust.planning.site_classes import Sites, cell_of
from gfmtrust.planning.stable_draws import Purpose


@dataclass(frozen=True)
class Alleles:
    """Alleles to imitate, (n,) each, with the letters of their sites; cell: see `cell_of`; name:
    uint64, the same in every run that has the allele."""

    real: np.ndarray
    other: np.ndarray
    left: np.ndarray
    right: np.ndarray
    region: np.ndarray
    copy: np.ndarray
    gc: np.ndarray
    cell: np.ndarray
    name: np.ndarray

    def take(self, rows: np.ndarray) -> Alleles:
        return Alleles(*(values[rows] for values in vars(self).values()))

    def joined(self, other: Alleles) -> Alleles:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Alleles(*(np.concatenate(pair) for pair in pairs))


def usable(snvs: Sites) -> np.ndarray:
    """Return the rows of the SNVs whose letters are all known."""
    around, alt = snvs.around, np.asarray(snvs.alt)
    return np.flatnonzero(
        (around.base < N)
        & (alt < N)
        & (around.base != alt)
        & (around.left < N)
        & (around.right < N)
    )


def of_snvs(snvs: Sites, rows: np.ndarray) -> Alleles:
    """Return those rows of the SNVs."""
    snvs, alt = snvs.take(rows), np.asarray(snvs.alt)[rows]
    around = snvs.around
    return Alleles(
        around.base,
        alt,
        around.left,
        around.right,
        snvs.region,
        snvs.copy,
        around.gc,
        cell_of(around.base, alt, around.left, around.right, snvs.copy),
        stable_draws.words(0, Purpose.SNV_OF_RUN, snvs.place, alt),
    )


def against_any_letter(bases: Sites, n: int, seed: int) -> Alleles:
    """Return about n region bases, each with one of the other letters, without those next to an N.
    The first m of n + 1 are the first m of n."""
    draw = np.arange(n)
    rows = stable_draws.below(len(bases.region), seed, Purpose.REGION_BASE, draw)
    step = 1 + stable_draws.below(3, seed, Purpose.REGION_LETTER, draw)
    chosen = bases.take(rows)
    alt = ((chosen.around.base.astype(np.int64) + step) % 4).astype(np.uint8)
    with_letters = replace(chosen, alt=alt)
    kept = usable(with_letters)
    # a base may be drawn twice, and each draw is imitated by probes of its own
    name = stable_draws.words(0, Purpose.REGION_BASE, draw[kept])
    return replace(of_snvs(with_letters, kept), name=name)


def any_substitution(pool: Sites, n: int, seed: int) -> Alleles:
    """Return n alleles of all substitutions with equal probability on flanks of the genome."""
    draw = np.arange(n)
    flanks = pool.take(stable_draws.below(len(pool.region), seed, Purpose.DEFAULT_FLANK, draw))
    pair = stable_draws.below(12, seed, Purpose.DEFAULT_LETTERS, draw)
    real = (pair // 3).astype(np.uint8)
    other = ((real + 1 + pair % 3) % 4).astype(np.uint8)
    around = flanks.around
    return Alleles(
        real,
        other,
        around.left,
        around.right,
        flanks.region,
        flanks.copy,
        around.gc,
        cell_of(real, other, around.left, around.right, flanks.copy),
        stable_draws.words(0, Purpose.DEFAULT_LETTERS, draw),
    )
