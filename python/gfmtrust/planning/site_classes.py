"""Classes of sites from which a probe may be drawn to imitate an allele: exact ones, and wider ones
where those have too few candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import BASES, COMPLEMENT
from gfmtrust.core.mutation import MUTATION_CLASSES, mutation_class
from gfmtrust.inputs.sites import Surroundings

MIN_CANDIDATES = 200
LEVELS = ("gc", "region", "flanks", "cell")
"""The properties that a class with too few candidates drops, in this order; the cell is never
dropped."""


@dataclass(frozen=True)
class Sites:
    """Sites to draw from or to imitate, n rows. region, copy: names of the region class and of the
    copy class, object (n,); alt: code of ALT, uint8 (n,), only for the run's SNVs."""

    around: Surroundings
    region: np.ndarray
    copy: np.ndarray
    alt: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Sites:
        """Return the given rows."""
        return Sites(
            self.around.take(rows),
            self.region[rows],
            self.copy[rows],
            None if self.alt is None else self.alt[rows],
        )


def folded(real, other, left, right):
    """Return a substitution on the strand on which `real` is A or C, because the same substitution
    seen from both strands is one. The arguments and results are arrays of codes."""
    turn = real >= 2
    return (
        np.where(turn, COMPLEMENT[real], real),
        np.where(turn, COMPLEMENT[other], other),
        np.where(turn, COMPLEMENT[right], left),
        np.where(turn, COMPLEMENT[left], right),
    )


def cell_of(one, other, left, right, copy) -> np.ndarray:
    """Return the number of the certificate cell of a substitution, int64 (n,): copy class and
    mutation class."""
    names = mutation_class(one, other, left, right)
    place = {name: i for i, name in enumerate(MUTATION_CLASSES)}
    return np.asarray(copy, np.int64) * len(MUTATION_CLASSES) + np.array(
        [place[name] for name in names], np.int64
    )


def site_key(real, left, right, copy, region, gc_bin, level: int) -> np.ndarray:
    """Return one integer per class of sites: strand-folded real base, copy class, whether either
    neighbour can make a CpG, flanks, region class and GC bin, without the properties that `level`
    drops."""
    base, _, before, after = folded(real, real, left, right)
    zero = np.zeros_like(base, dtype=np.int64)
    parts = [
        base.astype(np.int64),
        np.asarray(copy, np.int64),
        before == BASES.index("C"),
        after == BASES.index("G"),
        before if level < 3 else zero,
        after if level < 3 else zero,
        region if level < 2 else zero,
        gc_bin if level < 1 else zero,
    ]
    key = zero
    for part, size in zip(parts, (4, 4, 2, 2, 8, 8, 64, 8), strict=True):
        key = key * size + part
    return key


class SiteClasses:
    """Pool rows by class at each level of widening, for uniform draws inside a class."""

    def __init__(self, pool: Sites, gc_bin: np.ndarray):
        self._levels = []
        around = pool.around
        for level in range(len(LEVELS)):
            key = site_key(
                around.base, around.left, around.right, pool.copy, pool.region, gc_bin, level
            )
            order = np.argsort(key, kind="stable")
            keys, first, count = np.unique(key[order], return_index=True, return_counts=True)
            self._levels.append((order, keys, first, count))

    def draw(
        self, wanted: list[np.ndarray], rng: np.random.Generator, merged: dict[str, int]
    ) -> np.ndarray:
        """Return a pool row for each wanted key (one array of keys per level), -1 where no class
        has one. A class of fewer than MIN_CANDIDATES rows is replaced by that of the next level."""
        rows = np.full(len(wanted[0]), -1, dtype=np.int64)
        uniform = rng.random(len(rows))
        open_ = np.ones(len(rows), bool)
        last = len(self._levels) - 1
        for level, (order, keys, first, count) in enumerate(self._levels):
            slot = np.minimum(np.searchsorted(keys, wanted[level]), len(keys) - 1)
            size = np.where(keys[slot] == wanted[level], count[slot], 0)
            enough = open_ & (size >= (MIN_CANDIDATES if level < last else 1))
            rows[enough] = order[
                first[slot[enough]] + (uniform[enough] * size[enough]).astype(np.int64)
            ]
            open_ &= ~enough
            if level < last:
                merged[LEVELS[level]] += int(open_.sum())
        return rows
