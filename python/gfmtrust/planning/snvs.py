"""A uniform subset of the run's SNVs, drawn while the alleles are streamed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust.core.alphabet import BASES, encode
from gfmtrust.inputs import snvs
from gfmtrust.inputs.sites import place_key, surroundings
from gfmtrust.planning import stable_draws
from gfmtrust.planning.stable_draws import Purpose


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
    """A uniform subset of a stream of SNVs: each has a random key, and those with the smallest keys
    are kept. The key belongs to the allele, so that other alleles do not change it."""

    def __init__(self, size: int, seed: int):
        self._size, self._seed = size, seed
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
        frame = frame.loc[frame["ref"] != frame["alt"], ["contig_index", "pos", "ref", "alt"]]
        frame = frame.assign(
            key=stable_draws.uniform(
                self._seed,
                Purpose.SNV_OF_RUN,
                place_key(frame["contig_index"], frame["pos"]),
                encode("".join(frame["alt"])),
            )
        )
        self._kept = pd.concat([self._kept, frame], ignore_index=True) if len(self._kept) else frame
        if len(self._kept) > 2 * self._size:
            self._kept = self._kept.nsmallest(self._size, "key")

    def rows(self) -> pd.DataFrame:
        """Return the sampled SNVs, sorted by contig, position and ALT. An SNV that two inputs write
        under two names of one contig is one."""
        return (
            self._kept.drop_duplicates(["contig_index", "pos", "alt"])
            .nsmallest(self._size, "key")
            .sort_values(["contig_index", "pos", "alt"], ignore_index=True)
        )


def scored_snvs(alleles: pd.DataFrame) -> pd.DataFrame:
    """The SNVs among alleles that are to be scored, however they are written: contig_index, pos, ref
    and alt. alleles: contig_index and the columns snvs.COLUMNS."""
    columns = ["contig_index", *snvs.COLUMNS]
    batch = pa.RecordBatch.from_pandas(alleles[columns], preserve_index=False)
    parts = [rows.to_pandas() for rows in (snvs.plain_snvs(batch), snvs.padded_snvs(batch))]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
