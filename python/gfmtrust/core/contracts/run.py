"""The facts about a run in the metadata of sites.parquet and bases.parquet, which the annotation
and the report need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.base import Contract, entry


@dataclass(frozen=True)
class RunFacts(Contract):
    """The facts that ANNOTATE_SITES writes into its tables."""

    NAME: ClassVar[str] = "sites.parquet, bases.parquet (table metadata)"
    WRITER: ClassVar[str] = "ANNOTATE_SITES"

    contigs: tuple[str, ...] = entry("names of the genome's contigs, in order", factory=tuple)
    contig_lengths: tuple[int, ...] = entry("their lengths", "bp", factory=tuple)
    contig_map: dict[str, str] = entry(
        "contig name in an input -> name in the genome", factory=dict
    )
    allow_mismatch: bool = entry(
        "whether the run went on although names or the assembly do not fit", default=False
    )
    soft_masked: bool = entry("whether the genome has lower case", default=True)
    flagged_by_labels: tuple[str, ...] = entry(
        "variant classes that are flagged by labels", factory=tuple
    )
    percentile: str = entry("the background of GFM_PCT in words; empty without one", default="")
    label_cuts: dict[str, float] = entry(
        "class of variant -> LLR from which a call is an effect, of those that are flagged by labels",
        "nat",
        factory=dict,
    )
    label_levels: dict[str, str] = entry(
        "class of variant -> what its levels promise, of those that are flagged by labels",
        factory=dict,
    )
    models: dict[str, dict] = entry("model id -> metadata of its score tables", factory=dict)

    @property
    def genome(self) -> list[tuple[str, int]]:
        """(name, length in bp) of every contig, in order."""
        return list(zip(self.contigs, self.contig_lengths, strict=True))
