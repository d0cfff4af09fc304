"""A bigWig of one value per base, such as phyloP, asked for bases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyBigWig

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, InputOutputError, message
from gfmtrust.core.interfaces import Genome
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.inputs.variants import Variant
from gfmtrust.score_tables.contigs import names_in_table
from gfmtrust.score_tables.layout import ScoreLayout
from gfmtrust.score_tables.values import SiteValues

WINDOW_BP = 1 << 14
DENSE = 64
"""Bases of one window that are asked for from which on the whole window is read at once."""
SAMPLED = 250
SAMPLED_BASES = 8
ENDINGS = (".bw", ".bigwig")


def is_track(path: Path) -> bool:
    """Whether a file is a bigWig by its name."""
    return path.name.lower().endswith(ENDINGS)


class Track:
    """The values of a bigWig by contig and position of the genome; every ALT of a base has the same
    value. Raises BadDataError (65) for a file that is no bigWig or has no contig of the genome."""

    def __init__(
        self,
        path: Path,
        layout: ScoreLayout,
        contigs: dict[str, int],
        contig_map: str | Path | ContigRule,
    ):
        self.path, self.layout = Path(path), layout
        self.index_path: Path | None = None
        try:
            self._file: Any = pyBigWig.open(str(path))
        except RuntimeError as error:
            raise BadDataError(
                message(self.path.name, "it cannot be read as bigWig", "a bigWig")
            ) from error
        if not self._file.isBigWig():
            raise BadDataError(message(self.path.name, "a bigBed", "a bigWig"))
        lengths = dict(self._file.chroms())
        self.names = names_in_table(contigs, lengths, contig_map, lengths)
        wrong = [name for name, other in self.names.items() if lengths[other] != contigs[name]]
        if not self.names or wrong:
            observed = (
                f"contig {wrong[0]} has {lengths[self.names[wrong[0]]]:,} bases"
                if wrong
                else f"contigs {', '.join(list(lengths)[:5])}"
            )
            expected = (
                f"{contigs[wrong[0]]:,}, as in the genome"
                if wrong
                else f"contigs of the genome: {', '.join(list(contigs)[:5])}"
            )
            raise BadDataError(message(self.path.name, observed, expected, "is it this assembly?"))
        self._lengths = lengths

    def close(self) -> None:
        self._file.close()

    def sites(self, contig: str, positions: np.ndarray, bases: np.ndarray) -> SiteValues:
        """As `IndexedTable.sites`; a gap of the bigWig has no value."""
        answers = SiteValues.empty(len(positions))
        name = self.names.get(contig)
        usable = np.flatnonzero(bases < len(BASES))
        if name is None or not len(usable):
            return answers
        of_bases = np.full(len(positions), np.nan)
        of_bases[usable] = self._values(name, positions[usable]) * self.layout.factor
        answers.values[:] = of_bases[:, None]
        answers.values[usable, bases[usable]] = np.where(np.isfinite(of_bases[usable]), 0.0, np.nan)
        return answers

    def _values(self, name: str, positions: np.ndarray) -> np.ndarray:
        values = np.full(len(positions), np.nan)
        window = positions // WINDOW_BP
        starts = np.flatnonzero(np.diff(window, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], len(positions)], strict=True):
            here = positions[start:stop]
            if len(here) < DENSE:
                for i, pos in enumerate(here.tolist()):
                    values[start + i] = self._stored(name, pos, pos + 1)[0]
            else:
                first, last = int(here[0]), int(here[-1]) + 1
                values[start:stop] = self._stored(name, first, last)[here - first]
        return values

    def _stored(self, name: str, start: int, stop: int) -> np.ndarray:
        """The values of the bases start..stop, float64. Raises InputOutputError (74) for a damaged
        file."""
        try:
            return np.array(self._file.values(name, start, stop), np.float64)
        except RuntimeError as error:
            observed = f"the values of {name}:{start + 1}-{stop} cannot be read"
            raise InputOutputError(
                message(self.path.name, observed, "a whole bigWig", "copy it again")
            ) from error

    def alleles(self, genome: Genome, contig: str, variants: list[Variant]) -> np.ndarray:
        """A value of a base says nothing of an allele that changes the length: NaN (n,)."""
        return np.full(len(variants), np.nan)

    def sampled(self, seed: int) -> Iterator[tuple[str, np.ndarray]]:
        """(contig, positions) of bases spread over the genome, in proportion to length."""
        rng = np.random.default_rng([seed, 0x5C0])
        contigs = sorted(self.names)
        lengths = np.array([self._lengths[self.names[name]] for name in contigs], np.float64)
        for number in np.sort(rng.choice(len(contigs), SAMPLED, p=lengths / lengths.sum())):
            start = int(rng.integers(0, max(1, int(lengths[number]) - SAMPLED_BASES)))
            stop = min(start + SAMPLED_BASES, int(lengths[number]))
            yield contigs[number], np.arange(start, stop)
