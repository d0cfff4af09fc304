"""The BED files of a run as sets of intervals, and the region classes that they make."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.inputs import reference as background_reference
from gfmtrust.inputs.sites import region_class
from gfmtrust.planning.snvs import Snvs

if TYPE_CHECKING:
    import pandas as pd

MIN_CLASS_PROBES = 500
"""Probes that a region class needs in the quarter of the probes that decides on a level
(docs/understand/reliability.md, "The certification splits: certificates")."""


@dataclass(frozen=True)
class Regions:
    """The user's BED files by name, each a merged interval set with `.contains(contig, pos array)
    -> bool array`.

    class_names: the files that are separate region classes, None for all. Alleles in the other
    files are classified only by copy class.
    """

    sets: dict
    class_names: tuple[str, ...] | None = None

    def classes(
        self, genome, contig_index: np.ndarray, pos: np.ndarray, copy_class: np.ndarray
    ) -> np.ndarray:
        """Return the region class of each site, object (n,): the first BED file that is a class and
        contains the site, otherwise its copy class (n,)."""
        named = (
            self.sets
            if self.class_names is None
            else {name: self.sets[name] for name in self.class_names}
        )
        member = {name: np.zeros(len(pos), bool) for name in named}
        for index in np.unique(contig_index):
            rows = np.flatnonzero(contig_index == index)
            for name, intervals in named.items():
                member[name][rows] = intervals.contains(genome.names[index], pos[rows])
        return region_class(copy_class, list(member.items()))

    def under(self, genome, alleles: pd.DataFrame) -> np.ndarray:
        """Return the names of the files that contain a base of each allele's REF, joined by commas;
        object (n,), None where there is none.

        alleles: columns contig_index (-1: not in the genome), pos, ref.
        """
        names = np.full(len(alleles), "", object)
        contig_index, pos = (
            alleles["contig_index"].to_numpy(np.int64),
            alleles["pos"].to_numpy(np.int64),
        )
        end = pos + alleles["ref"].str.len().to_numpy(np.int64)
        for index in np.unique(contig_index[contig_index >= 0]):
            rows = np.flatnonzero(contig_index == index)
            for name, intervals in self.sets.items():
                names[rows[intervals.overlaps(genome.names[index], pos[rows], end[rows])]] += (
                    f",{name}"
                )
        return np.array([name[1:] or None for name in names], object)

    def sample(self, genome, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return contig_index and pos of about n bases of the BED files, int64, drawn uniformly
        over the intervals of all files; none where there is no file."""
        # a BED may state an end beyond that of the contig, for a contig of unknown length
        parts = [
            np.array([[index, max(0, a), min(b, length)] for a, b in intervals.intervals(name)])
            for intervals in self.sets.values()
            for index, (name, length) in enumerate(genome.contigs.items())
        ]
        rows = np.concatenate([part.reshape(-1, 3) for part in parts] or [np.empty((0, 3))])
        rows = rows[rows[:, 2] > rows[:, 1]].astype(np.int64)
        ends = np.cumsum(rows[:, 2] - rows[:, 1])
        if not len(ends):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        drawn = rng.integers(0, ends[-1], n)
        at = np.searchsorted(ends, drawn, side="right")
        return rows[at, 0], rows[at, 2] - (ends[at] - drawn)

    def digests(self, genome) -> dict[str, str]:
        """Return the digest of the bases of each region class by name. It does not depend on the
        order of the lines, on how intervals overlap or on other columns."""
        digests = {}
        for name in self.class_names or ():
            digest = hashlib.blake2b(digest_size=16)
            for contig, length in genome.contigs.items():
                for start, end in self.sets[name].intervals(contig):
                    digest.update(f"{contig}\t{max(0, start)}\t{min(end, length)}\n".encode())
            digests[name] = digest.hexdigest()
        return digests

    def with_classes_for(self, genome, snvs: Snvs, n_probes: int) -> Regions:
        """Return the same regions with classes only for those that contain enough SNVs for the
        probes that certify a class.

        A quarter of the probes decides on a level. A class without a certificate would flag every
        allele in a small BED file LOW. No region is a class where the probes come from a
        background, because the BED files do not refer to it.
        """
        if not background_reference.sources(genome.names).all():
            return replace(self, class_names=())
        classes = self.classes(genome, snvs.contig_index, snvs.pos, np.full(len(snvs.pos), ""))
        enough = [
            name
            for name in self.sets
            if (classes == name).sum() * n_probes >= 4 * MIN_CLASS_PROBES * max(1, len(classes))
        ]
        return replace(self, class_names=tuple(enough))
