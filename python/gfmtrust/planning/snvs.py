"""A uniform subset of the run's SNVs, drawn while the alleles are streamed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gfmtrust.core.alphabet import BASES, encode
from gfmtrust.inputs.sites import surroundings


@dataclass(frozen=True)
class Snvs:
    """A uniform subset of the run's scoreable SNVs: contig_index, pos, alt code (n,), and the
    number of distinct sites of all SNVs."""

    contig_index: np.ndarray
    pos: np.ndarray
    alt: np.ndarray
    n_sites: int

    @classmethod
    def of(cls, rows: pd.DataFrame, n_sites: int) -> Snvs:
        """Return the SNVs of a frame with columns contig_index, pos, alt."""
        return cls(
            rows["contig_index"].to_numpy(np.int64),
            rows["pos"].to_numpy(np.int64),
            encode("".join(rows["alt"])),
            n_sites,
        )

    def substitutions(self, genome) -> dict[str, int]:
        """Return counts of the substitutions among the kept SNVs, e.g. {'A>C': 12}; strands are not
        folded."""
        bases = (
            surroundings(genome, self.contig_index, self.pos).base
            if len(self.pos)
            else np.empty(0, np.uint8)
        )
        counts: dict[str, int] = {}
        for ref, alt in zip(bases, self.alt, strict=True):
            name = f"{BASES[ref]}>{BASES[alt]}"
            counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items()))


class Reservoir:
    """A uniform subset of a stream of rows: each row has a random key, and the rows with the
    smallest keys are kept."""

    def __init__(self, size: int, rng: np.random.Generator):
        self._size, self._rng = size, rng
        self._kept = pd.DataFrame(
            {
                "contig_index": np.empty(0, np.int64),
                "pos": np.empty(0, np.int64),
                "ref": np.empty(0, object),
                "alt": np.empty(0, object),
                "key": np.empty(0),
            }
        )

    def add(self, frame: pd.DataFrame) -> None:
        """Add SNVs, each with the same chance to stay; rows with REF equal to ALT are left out."""
        frame = frame[["contig_index", "pos", "ref", "alt"]].assign(
            key=self._rng.random(len(frame))
        )
        frame = frame[frame["ref"] != frame["alt"]]
        self._kept = pd.concat([self._kept, frame], ignore_index=True) if len(self._kept) else frame
        if len(self._kept) > 2 * self._size:
            self._kept = self._kept.nsmallest(self._size, "key")

    def rows(self) -> pd.DataFrame:
        """Return the sampled SNVs, sorted by contig, position and ALT."""
        return self._kept.nsmallest(self._size, "key").sort_values(
            ["contig_index", "pos", "alt"], ignore_index=True
        )
