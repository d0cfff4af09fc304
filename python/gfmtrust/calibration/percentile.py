"""GFM_PCT: how unusual a log-likelihood ratio is among background alleles of the same class.

A split-conformal p-value in percent: the share of the background alleles, the judged one counted
among them, whose LLR is as low or lower. It speaks of rarity and of no effect. A class is decided
on by counts of background alleles alone, never by their LLRs, so that within a class the background
and the judged allele are exchangeable. Source: Vovk, Gammerman and Shafer 2005; Papadopoulos et al.
2002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.calibration import splits
from gfmtrust.calibration.background_classes import (
    LEVELS,
    ClassParts,
    class_key,
    gc_edges,
    merged_classes,
)
from gfmtrust.core.contracts.base import entry

MIN_ALLELES = 99
"""Background alleles that a class needs: with 99 the lowest percentile is 1 %."""
MAX_VALUES = 2_000
"""LLRs that are kept of a class, drawn from it with the seed of the run where it has more. A random
part of a class is as exchangeable as the whole; the lowest percentile is then 0.05 %."""
MIN_TESTED = 20
"""Alleles of the other blocks below which a class is not tested for uniformity."""


@dataclass(frozen=True)
class ClassCounts:
    """One class of the background."""

    name: str = entry("substitution on the strand of A or C, and what else the class is cut by")
    level: str = entry("what the alleles of the class have in common")
    alleles: int = entry("background alleles")
    values: int = entry("LLRs that are kept of them")
    keys: tuple[int, ...] = entry("codes of the classes that it was merged from or stands for")


@dataclass(frozen=True)
class Uniformity:
    """One class of a background that was fitted on half of the blocks, at the alleles of the other
    half."""

    name: str = entry("the class")
    background: int = entry("LLRs of the blocks that the background was fitted on")
    tested: int = entry("alleles of the other blocks")
    distance: float = entry("Kolmogorov-Smirnov distance of their percentiles from uniform ones")
    p: float = entry("p-value of the distance; the background is as random as the tested alleles")
    at_most_5: float = entry("share of the tested alleles with a percentile of at most 5")


@dataclass(frozen=True)
class Alleles:
    """n SNVs with their classes: place: `place_key`, int64 (n,); ref, alt: codes (n,); llr: nats,
    float64 (n,)."""

    parts: ClassParts
    place: np.ndarray
    ref: np.ndarray
    alt: np.ndarray
    llr: np.ndarray

    def __len__(self) -> int:
        return len(self.llr)

    @property
    def substitution_code(self) -> np.ndarray:
        """One integer for REF and ALT as the genome spells them, int64 (n,)."""
        return self.ref.astype(np.int64) * 4 + self.alt.astype(np.int64)

    def take(self, rows: np.ndarray) -> Alleles:
        return Alleles(
            self.parts.take(rows), self.place[rows], self.ref[rows], self.alt[rows], self.llr[rows]
        )


@dataclass(frozen=True)
class Background:
    """The LLRs of background alleles by class.

    edges, copies: of `class_key`; classes: c of them; first: first value of each class and the end
    of the last, int64 (c + 1,); llr: ascending within a class, float64 (m,); place,
    substitution_code: the alleles of the values, int64 (m,); left_out: alleles without an LLR;
    unclassed: alleles in no class.
    """

    edges: tuple[float, float]
    copies: tuple[str, ...]
    classes: tuple[ClassCounts, ...]
    first: np.ndarray
    llr: np.ndarray
    place: np.ndarray
    substitution_code: np.ndarray
    left_out: int = 0
    unclassed: int = 0

    def class_of(self, parts: ClassParts) -> np.ndarray:
        """Row of the class of each allele, int64 (n,); -1 where it has none. It is the finest class
        that the background has of the allele."""
        import pandas as pd

        rows = np.full(len(parts), -1, dtype=np.int64)
        keys = pd.Index([key for one in self.classes for key in one.keys], dtype=np.int64)
        number = np.repeat(np.arange(len(self.classes)), [len(one.keys) for one in self.classes])
        for level in range(len(LEVELS) if len(keys) else 0):
            slot = keys.get_indexer(class_key(parts, level, self.edges, self.copies))
            rows = np.where((rows < 0) & (slot >= 0), number[slot], rows)
        return rows

    def values_of(self, number: int) -> np.ndarray:
        """The LLRs of one class, ascending."""
        return self.llr[self.first[number] : self.first[number + 1]]

    def is_member(self, alleles: Alleles) -> np.ndarray:
        """Which alleles are among the values of the background themselves, bool (n,)."""
        order = np.lexsort((self.substitution_code, self.place))
        return among(
            alleles.place,
            alleles.substitution_code,
            self.place[order],
            self.substitution_code[order],
        )


def among(place: np.ndarray, code: np.ndarray, places: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Which SNVs (place, substitution code) are in a list of distinct ones, bool (n,). places, codes:
    the list, sorted by place and then by code (m,)."""
    member = np.zeros(len(place), dtype=bool)
    at = np.searchsorted(places, place)
    for step in range(3 if len(places) else 0):  # a site has three SNVs
        slot = np.minimum(at + step, len(places) - 1)
        member |= (places[slot] == place) & (codes[slot] == code)
    return member


def fit_background(
    alleles: Alleles, seed: int, min_alleles: int = MIN_ALLELES, max_values: int = MAX_VALUES
) -> Background:
    """The background of these alleles, each counted once; the order of the rows does not matter.

    Classes are those of `merged_classes`. So every allele counts in one class at most, and a class
    holds the alleles that it judges and no others. Alleles without a finite LLR are left out and
    counted; without any allele there is no class.
    """
    left_out = int((~np.isfinite(alleles.llr)).sum())
    alleles = alleles.take(_distinct(alleles))
    edges = gc_edges(alleles.parts.gc)
    copies = tuple(sorted({str(name) for name in alleles.parts.copy}))
    classes = merged_classes(alleles.parts, edges, copies, min_alleles)
    values = [_values(alleles.llr, one.rows, max_values, (seed, one.keys[0])) for one in classes]
    rows = np.concatenate([np.empty(0, np.int64), *values])
    return Background(
        edges,
        copies,
        tuple(
            ClassCounts(one.name, LEVELS[one.level], len(one.rows), len(some), one.keys)
            for one, some in zip(classes, values, strict=True)
        ),
        np.cumsum([0, *(len(some) for some in values)]),
        alleles.llr[rows],
        alleles.place[rows],
        alleles.substitution_code[rows],
        left_out,
        len(alleles) - sum(len(one.rows) for one in classes),
    )


def _distinct(alleles: Alleles) -> np.ndarray:
    """The rows of the alleles that have an LLR, each allele once, by place and substitution."""
    order = np.lexsort((alleles.llr, alleles.substitution_code, alleles.place))
    order = order[np.isfinite(alleles.llr[order])]
    place, code = alleles.place[order], alleles.substitution_code[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(place) != 0) | (np.diff(code) != 0)
    return order[first]


def _values(llr: np.ndarray, rows: np.ndarray, most: int, seed: tuple[int, int]) -> np.ndarray:
    """At most so many of a class's rows, by ascending LLR."""
    rows = np.sort(rows)
    if len(rows) > most:
        rows = np.random.default_rng([*seed, 0x9C7]).permutation(rows)[:most]
    return rows[np.argsort(llr[rows], kind="stable")]


def percent(background: Background, alleles: Alleles) -> np.ndarray:
    """GFM_PCT of n alleles, percent, float32 (n,); NaN without an LLR and where no class has enough
    background alleles.

    100 (1 + #{background LLR <= its LLR}) / (m + 1) with the m values of its class; an allele of the
    background is judged by the other values.
    """
    row = background.class_of(alleles.parts)
    row[~np.isfinite(alleles.llr)] = -1
    # the allele itself is one of the values: its own 1 is in both counts already
    extra = (~background.is_member(alleles)).astype(np.int64)
    shares = np.full(len(alleles), np.nan)
    for number in np.unique(row[row >= 0]):
        rows = np.flatnonzero(row == number)
        values = background.values_of(number)
        as_low = np.searchsorted(values, alleles.llr[rows], side="right")
        shares[rows] = (as_low + extra[rows]) / (len(values) + extra[rows])
    return (100 * shares).astype(np.float32)


def uniformity(alleles: Alleles, block: np.ndarray, seed: int) -> tuple[Uniformity, ...]:
    """Are percentiles uniform where the background has not been? Fitted on half of the blocks,
    asked at the other half; classes with MIN_TESTED alleles there.

    block: (n,). Nothing below splits.MIN_BLOCKS blocks. The distance is that of two samples: the
    values of the background are a sample too, and a test against the uniform distribution would
    take their chance for a fault of the percentiles.
    """
    from scipy.stats import ks_2samp

    rows = _distinct(alleles)
    alleles, block = alleles.take(rows), np.asarray(block, dtype=np.int64)[rows]
    if len(np.unique(block)) < splits.MIN_BLOCKS:
        return ()
    part = splits.split(block, seed)
    background = fit_background(alleles.take(part == splits.FIT), seed)
    others = alleles.take(part != splits.FIT)
    row, percentile = background.class_of(others.parts), percent(background, others)
    results = []
    for number, counts in enumerate(background.classes):
        rows = np.flatnonzero(row == number)
        if len(rows) < MIN_TESTED:
            continue
        values = background.values_of(number)
        test = ks_2samp(others.llr[rows], values, method="asymp")
        results.append(
            Uniformity(
                counts.name,
                len(values),
                len(rows),
                float(test.statistic),
                float(test.pvalue),
                float((percentile[rows] <= 5).mean()),
            )
        )
    return tuple(results)
