"""Answers that somebody else's program gave: a bundle without a graph, looked up instead of run.

What a model outside ONNX (Evo 2, a service, a table of a paper) says of alleles or of bases goes
through the same measures, calibration and flags as a model of ours. `import_scores` makes such a
bundle. Formats: docs/understand/models.md, "Scores from elsewhere".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust.core.vocabulary import Status
from gfmtrust.io import tables
from gfmtrust.readers.site_scores import SiteScores

SITES_FILE, VARIANTS_FILE = "sites.parquet", "variants.parquet"
SITES = pa.schema(
    [("contig", pa.string()), ("pos", pa.int64()), ("probs", pa.list_(pa.float32(), 4))]
)
"""One row a base that was answered for, sorted by contig and position; order A,C,G,T of the forward
strand."""
VARIANTS = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int64()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("llr", pa.float32()),
    ]
)
"""One row an allele that changes the length, in its one spelling (`variants.normalised`); nats, ALT
less REF."""


@dataclass(frozen=True)
class External:
    """The tables of an opened bundle of family `external`."""

    sites: pd.DataFrame
    variants: pd.DataFrame

    @classmethod
    def open(cls, directory: Path) -> External:
        """Read a bundle's tables; the bundle itself was checked when it was opened."""
        return cls(
            *(tables.read(directory / name).to_pandas() for name in (SITES_FILE, VARIANTS_FILE))
        )

    def at_sites(self, genome, contig_index: np.ndarray, pos: np.ndarray) -> SiteScores:
        """The answers at sites, one view each; a base without one is UNSUPPORTED. Nothing is known
        of neighbours or windows."""
        wanted = pd.DataFrame(
            {
                "contig": np.array(genome.names, dtype=object)[contig_index],
                "pos": pos.astype(np.int64),
            }
        )
        found = wanted.merge(self.sites, on=["contig", "pos"], how="left")["probs"]
        known = found.notna().to_numpy()
        probs = np.full((len(pos), 1, 4), np.nan, np.float32)
        if known.any():
            probs[known, 0] = np.stack(found[known].to_numpy())
        status = np.where(known, "", Status.UNSUPPORTED).astype(object)
        unknown = np.full(len(pos), np.nan, np.float32)
        nothing = np.zeros(len(pos), np.float32)
        return SiteScores(probs, status, unknown, nothing, nothing, nothing)

    def of_variants(self, contigs: np.ndarray, variants: list) -> tuple[np.ndarray, np.ndarray]:
        """llr float32 (n, 1) and status (n,) of alleles that change the length; contigs: names,
        (n,)."""
        spelled = pd.DataFrame(
            [(one.pos, one.ref, one.alt) for one in variants], columns=["pos", "ref", "alt"]
        )
        wanted = spelled.assign(contig=contigs).astype(
            {"pos": np.int64, "contig": object, "ref": object, "alt": object}
        )
        llr = wanted.merge(self.variants, on=["contig", "pos", "ref", "alt"], how="left")[
            "llr"
        ].to_numpy(np.float32)
        return llr[:, None], np.where(np.isnan(llr), Status.UNSUPPORTED, "").astype(object)
