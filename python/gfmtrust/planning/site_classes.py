"""Classes of sites from which a probe may be drawn to imitate an allele: exact ones, and wider ones
where those have too few candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import BASES, COMPLEMENT
from gfmtrust.core.mutation import MUTATION_CLASSES, mutation_class
from gfmtrust.inputs.sites import Surroundings
from gfmtrust.planning import stable_draws
from gfmtrust.planning.stable_draws import Purpose

MIN_CANDIDATES = 200
PROPOSALS = 32
"""Rows that a draw proposes before all rows of its class are compared: enough for a GC bin with a
tenth of its class."""
LEVELS = ("gc", "region", "flanks", "cell")
"""The properties that a class with too few candidates drops, in this order; the cell is never
dropped."""


@dataclass(frozen=True)
class Sites:
    """Sites to draw from or to imitate, n rows. place: `inputs.sites.place_key`, int64 (n,); region,
    copy: names of the region class and of the copy class, object (n,); alt: code of ALT, uint8
    (n,), only for the run's SNVs; is_free: whether no allele of the run lies there, bool (n,), only
    for sites to draw from (all of them where it is None)."""

    place: np.ndarray
    around: Surroundings
    region: np.ndarray
    copy: np.ndarray
    alt: np.ndarray | None = None
    is_free: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Sites:
        """Return the given rows."""
        return Sites(
            self.place[rows],
            self.around.take(rows),
            self.region[rows],
            self.copy[rows],
            None if self.alt is None else self.alt[rows],
            None if self.is_free is None else self.is_free[rows],
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
    """Pool rows by class at each level of widening, for uniform draws inside a class.

    A draw proposes rows of its class by numbers of its own and takes the first one that is free, so
    that the site of a draw stays when other sites are taken or the GC bins move. The proposals come
    from the class without its GC bin, whose rows are the same in every run of one genome.
    """

    def __init__(self, pool: Sites, gc_bin: np.ndarray, seed: int):
        around = pool.around
        self._place, self._seed = pool.place, seed
        self._is_free = np.ones(len(gc_bin), bool) if pool.is_free is None else pool.is_free
        self._keys = [
            site_key(around.base, around.left, around.right, pool.copy, pool.region, gc_bin, level)
            for level in range(len(LEVELS))
        ]
        self._free = [
            np.unique(key[self._is_free], return_counts=True) for key in self._keys
        ]  # keys of the classes and their numbers of free rows
        self._proposed = {level: _Groups.of(self._keys[level]) for level in range(1, len(LEVELS))}

    def draw(
        self, wanted: list[np.ndarray], draw: np.ndarray, merged: dict[str, int]
    ) -> np.ndarray:
        """Return a pool row for each wanted key (one array of keys per level), -1 where no class
        has one. A class of fewer than MIN_CANDIDATES free rows is replaced by that of the next
        level. draw: the name of each draw, uint64 (n,)."""
        rows = np.full(len(draw), -1, dtype=np.int64)
        is_open = np.ones(len(rows), bool)
        last = len(LEVELS) - 1
        for level, (keys, count) in enumerate(self._free):
            if not len(keys):
                break
            slot = np.minimum(np.searchsorted(keys, wanted[level]), len(keys) - 1)
            size = np.where(keys[slot] == wanted[level], count[slot], 0)
            enough = np.flatnonzero(is_open & (size >= (MIN_CANDIDATES if level < last else 1)))
            group = max(level, 1)
            rows[enough] = self._rows_of(
                level, wanted[level][enough], wanted[group][enough], draw[enough]
            )
            is_open[enough] = False
            if level < last:
                merged[LEVELS[level]] += int(is_open.sum())
        return rows

    def _rows_of(
        self, level: int, key: np.ndarray, group_key: np.ndarray, draw: np.ndarray
    ) -> np.ndarray:
        """A free row of the class `key` for each draw, each with the same probability."""
        groups = self._proposed[max(level, 1)]
        rows = np.full(len(draw), -1, np.int64)
        left = np.arange(len(draw))
        for attempt in range(PROPOSALS):
            if not len(left):
                return rows
            proposal = groups.row(
                group_key[left],
                stable_draws.uniform(self._seed, Purpose.CANDIDATE, draw[left], attempt),
            )
            fits = self._is_free[proposal] & (self._keys[level][proposal] == key[left])
            rows[left[fits]] = proposal[fits]
            left = left[~fits]
        # small classes of large groups: the free row with the smallest number of all
        for one in np.unique(key[left]):
            of_class = left[key[left] == one]
            members = np.flatnonzero(self._is_free & (self._keys[level] == one))
            rows[of_class] = members[
                stable_draws.chosen(
                    np.ones(len(members)),
                    self._place[members],
                    self._seed,
                    Purpose.SITE_OF_CLASS,
                    draw[of_class],
                )
            ]
        return rows


@dataclass(frozen=True)
class _Groups:
    """Rows by key: the rows sorted by key, the keys, and the first place and the number of each."""

    order: np.ndarray
    keys: np.ndarray
    first: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, key: np.ndarray) -> _Groups:
        order = np.argsort(key, kind="stable")
        return cls(order, *np.unique(key[order], return_index=True, return_counts=True))

    def row(self, key: np.ndarray, number: np.ndarray) -> np.ndarray:
        """The row at the share `number`, in [0, 1), of the group of each key, which has rows."""
        slot = np.searchsorted(self.keys, key)
        return self.order[self.first[slot] + (number * self.count[slot]).astype(np.int64)]
