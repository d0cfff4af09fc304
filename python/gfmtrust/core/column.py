"""The record that describes one column; `columns` contains one for every column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gfmtrust import __version__

Level = Literal["allele", "site", "base", "region"]
OverSites = Literal["mean", "first", "any", "llrs", ""]
OverBases = Literal["mean", "function", ""]
Better = Literal["low", "high", "none", ""]

VCF_TYPES = {
    "float32": "Float",
    "float64": "Float",
    "string": "String",
    "uint8": "Integer",
    "int16": "Integer",
}
DTYPES = {*VCF_TYPES, "bool", "int8", "int16", "int32", "int64"}

NEW = 100
"""Place of a column that is added now: after the columns of the first version, which have lower
places, and before the verdicts, which have higher places."""


@dataclass(frozen=True)
class At:
    """The place of a column in one file. Lower places are earlier; columns with equal places keep
    the order of the table. name: its name in that file, '' where that is the name of the column."""

    place: int = NEW
    name: str = ""


@dataclass(frozen=True)
class Shown:
    """How the report shows the mean of a BED column over a file: its heading and its format."""

    title: str
    form: str


@dataclass(frozen=True)
class InfoKey:
    """One INFO key as the VCF header declares it. `number` and `type` are defined in VCF 4.5,
    section 1.4.2."""

    id: str
    number: str
    type: str
    description: str

    @property
    def header_line(self) -> str:
        """The `##INFO` line; `Source` and `Version` state which program wrote the key."""
        return (
            f'##INFO=<ID={self.id},Number={self.number},Type={self.type},Description="{self.description}",'
            f'Source="gfmtrust",Version="{__version__}">'
        )


@dataclass(frozen=True)
class Column:
    """One column: what it contains, how it is averaged, where it is written and what reads it.

    level: the smallest unit that it describes (allele, site, base, region). dtype: the Arrow name
    of its type in Parquet. bounds: the lowest and highest value, None where unbounded. better: the
    end of the range that indicates trust; '' where the column is not a measure.

    over_sites: the value of a variant of several sites: the mean over them, the value of the first,
    whether any has it, or 'llrs' where it is computed from the variant's LLRs; '' where variants
    have no value. over_bases: the value of a region: the mean over its scored bases, or a function
    in `region_summary`; '' where it is a fact or a verdict of the region.

    vcf: INFO key, '' for none. sites: whether sites.parquet has it. bases, bed: place in
    bases.parquet and in the BED, None for none. report: how the report shows its mean over a BED
    file. decimals: number of decimals in VCF and BED.

    predictor: place among the predictors of the reliability; predictors must not change when REF
    and ALT are exchanged. decides: whether a flag depends on it in another way (caps, classes,
    other predictors).
    """

    name: str
    description: str
    level: Level
    dtype: str = "float32"
    unit: str = ""
    bounds: tuple[float | None, float | None] = (None, None)
    better: Better = ""
    over_sites: OverSites = "mean"
    over_bases: OverBases = "mean"
    vcf: str = ""
    sites: bool = False
    bases: At | None = None
    bed: At | None = None
    report: Shown | None = None
    predictor: At | None = None
    decides: bool = False
    decimals: int = 4

    def __post_init__(self) -> None:
        """Raises ValueError that names the column where an entry contradicts itself."""
        for fault, is_fault in (
            (f"dtype {self.dtype!r}", self.dtype not in DTYPES),
            ("a description with a quote or a backslash", set(self.description) & set('"\\')),
            ("an INFO key that is not GFM_NAME", self.vcf not in ("", f"GFM_{self.name.upper()}")),
            (f"an INFO key of dtype {self.dtype}", self.vcf and self.dtype not in VCF_TYPES),
            ("over_bases 'mean' without a place in bases.parquet", self._has_nothing_to_average),
            ("more than four decimals", self.decimals > 4),
        ):
            if is_fault:
                raise ValueError(f"column {self.name!r}: {fault}")

    @property
    def _has_nothing_to_average(self) -> bool:
        return self.bed is not None and self.over_bases == "mean" and self.bases is None

    @property
    def info_key(self) -> InfoKey | None:
        """The INFO key with one value per ALT allele; None where the column has none."""
        if not self.vcf:
            return None
        return InfoKey(self.vcf, "A", VCF_TYPES[self.dtype], self.description)

    @property
    def is_float(self) -> bool:
        return self.dtype.startswith("float")

    @property
    def bed_name(self) -> str:
        """The name of the column in the BED header, '' where the BED does not contain it."""
        return self.bed.name or self.name if self.bed else ""
