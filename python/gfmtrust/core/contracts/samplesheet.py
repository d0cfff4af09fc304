"""samplesheet.json: the rows of a samplesheet as READ_SHEET read and checked them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.base import Contract, entry


@dataclass(frozen=True)
class SheetEntry:
    """One VCF of a run."""

    row: int = entry("row of the samplesheet, as a spreadsheet counts it")
    meta: dict[str, str] = entry("id, sample, and the other cells that are kept with the VCF")
    vcf: tuple[str, ...] = entry("where the VCF may be: the first path that exists is used")
    vcf_index: tuple[str, ...] = entry("where its index may be; none if no cell names it")


@dataclass(frozen=True)
class Samplesheet(Contract):
    """The VCFs of a run."""

    NAME: ClassVar[str] = "samplesheet.json"
    WRITER: ClassVar[str] = "READ_SHEET"
    SORTED: ClassVar[bool] = False

    name: str = entry("file name of the samplesheet")
    entries: tuple[SheetEntry, ...] = entry("the VCFs in the order of their ids", factory=tuple)
    warnings: tuple[str, ...] = entry("what was changed or left out, one line each", factory=tuple)
