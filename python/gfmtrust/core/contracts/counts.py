"""<id>.counts.json: the counts and checks of one annotated file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from gfmtrust.core import documents
from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.warning_counts import CountedWarning

MEAN = "mean_"
"""The prefix of the names of the means of a BED."""


@dataclass(frozen=True)
class PublishedFile:
    """A published file."""

    name: str = entry("name without its folder")
    bytes: int = entry("size", "bytes")
    sha256: str = entry("SHA-256")


@dataclass(frozen=True)
class Counts(Contract):
    """The counts of every annotated file."""

    NAME: ClassVar[str] = "<id>.counts.json"
    WRITER: ClassVar[str] = "ANNOTATE_VCF or ANNOTATE_REGIONS"
    KIND: ClassVar[str] = ""

    id: str = entry("name of the file in the outputs")
    input: str = entry("name of the user's file")
    output: PublishedFile = entry("the annotated file")
    ranks: dict[str, int] = entry("alleles of a VCF or lines of a BED by flag")
    statuses: dict[str, int] = entry("alleles of a VCF or lines of a BED by status")
    sorted: bool = entry("whether the file is in the order of contigs and positions")
    newline_added: bool = entry("whether the input lacked its last line end")
    index: str | None = entry("file name of the index, if one could be made")
    kind: str = entry("'vcf' or 'bed'")
    warnings: tuple[CountedWarning, ...] = entry("counted warnings")


@dataclass(frozen=True)
class FlagCalls:
    """The calls with one flag, one per ALT allele of a record. mq and dp are rounded to whole
    numbers, from 100 on to two digits."""

    alleles: int = entry("ALT alleles with the flag")
    passed: int = entry("those of them whose FILTER is PASS")
    failed: int = entry("those whose FILTER is neither PASS nor missing")
    mq: tuple[tuple[float, int], ...] = entry("INFO MQ and number of alleles, ascending")
    dp: tuple[tuple[float, int], ...] = entry("INFO DP and number of alleles, ascending")


@dataclass(frozen=True)
class VcfCounts(Counts):
    """An annotated VCF."""

    KIND: ClassVar[str] = "vcf"
    VERSION: ClassVar[int] = 2

    records: int = entry("records, the same for input and output")
    alts: int = entry("ALT alleles of all records")
    no_alt: int = entry("records without an ALT allele")
    digest: str = entry("BLAKE2b of all records without our keys, the same for input and output")
    header_lines: int = entry("lines of the header that were kept")
    replaced: int = entry("records and header lines of an earlier annotation that were replaced")
    calls: dict[str, FlagCalls] = entry("FILTER, MQ and DP of the calls by flag", factory=dict)
    index_file: PublishedFile | None = entry("the index, if one could be made", default=None)


@dataclass(frozen=True)
class RegionCounts(Counts):
    """An annotated BED. Means are over the scored bases of the lines that have the number."""

    KIND: ClassVar[str] = "bed"

    intervals: int = entry("lines with an interval")
    carried: int = entry("comments, track lines and empty lines, kept as they were")
    bases: int = entry("bases of all lines", "bp")
    scored_bases: int = entry("those of them that were scored", "bp")
    means: dict[str, float | None] = entry(
        "`mean_<column>` of the columns of the annotated BED that the report shows; in the file each "
        "is a field beside the others"
    )
    index_file: PublishedFile | None = entry("the index, if one could be made", default=None)

    def to_dict(self) -> dict:
        content = super().to_dict()
        return content | content.pop("means")

    @classmethod
    def from_dict(cls, content: dict, place: str = "") -> Self:
        if isinstance(content, dict):
            means = {name: mean for name, mean in content.items() if name.startswith(MEAN)}
            others = {name: one for name, one in content.items() if name not in means}
            content = {**others, "means": means}
        return super().from_dict(content, place)


def read_counts(path: Path) -> VcfCounts | RegionCounts:
    """The counts of a VCF or of a BED. Raises the errors of `Contract.read`."""
    content = documents.read_json(path)
    kind = content.get("kind") if isinstance(content, dict) else None
    return (RegionCounts if kind == RegionCounts.KIND else VcfCounts).from_dict(
        content, Path(path).name
    )
