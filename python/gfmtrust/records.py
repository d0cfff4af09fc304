"""The nouns of the tool: statuses, flags, reasons, views, alleles. No I/O and no arrays of data here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Status(StrEnum):
    """One per ALT allele: SCORED or the reason it was not. Declared in order of precedence: the first that fits is written."""

    NOT_SELECTED = "NOT_SELECTED"
    GVCF_BLOCK = "GVCF_BLOCK"
    SYMBOLIC = "SYMBOLIC"
    SPANNING_DEL = "SPANNING_DEL"
    BREAKEND = "BREAKEND"
    NO_CONTIG = "NO_CONTIG"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    AMBIGUOUS_BASE = "AMBIGUOUS_BASE"
    REF_MISMATCH = "REF_MISMATCH"
    TOO_LONG = "TOO_LONG"
    UNSUPPORTED = "UNSUPPORTED"
    MODEL_ERROR = "MODEL_ERROR"
    NONFINITE = "NONFINITE"
    SCORED = "SCORED"


STATUS_ORDER = tuple(Status)
"""All statuses in order of precedence, SCORED last."""


class VariantClass(StrEnum):
    """What an allele changes once it is normalised. COMPLEX: letters lost and others gained, in unequal number."""

    SNV = "SNV"
    MNV = "MNV"
    INS = "INS"
    DEL = "DEL"
    COMPLEX = "COMPLEX"


class Rank(IntEnum):
    """The numeric twin of the confidence flag, safe to filter on (`GFM_RANK>=2`)."""

    NOT_SCORED = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Why(StrEnum):
    """Reasons that kept a flag down, declared worst first; at most four are written."""

    SHIFT = "SHIFT"
    BACKGROUND = "BACKGROUND"
    UNCERTIFIED = "UNCERTIFIED"
    LOW_REL = "LOW_REL"
    OOD_WINDOW = "OOD_WINDOW"
    NO_GAIN = "NO_GAIN"
    STRAND = "STRAND"
    NEAR_EDGE = "NEAR_EDGE"
    N_IN_WINDOW = "N_IN_WINDOW"
    DISAGREE = "DISAGREE"
    HIGH_ENTROPY = "HIGH_ENTROPY"


@dataclass(frozen=True)
class View:
    """One look at a site: a model, one member of it (0 unless it is the context model), a strand, a shift.

    `shift` is in bases, forward orientation: the window starts that many bases further right.
    """

    model: str
    member: int
    strand: str  # '+' or '-'
    shift: int = 0

    @property
    def id(self) -> str:
        return f"{self.model}/m{self.member}/{self.strand}/s{self.shift}"
