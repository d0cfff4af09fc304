"""The vocabulary of the tool: statuses, flags, reasons, views, alleles. This module has no I/O and
no arrays of data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """The status of an ALT allele: SCORED, or the reason why it was not scored. The statuses are
    declared in order of precedence; the first that applies is written."""

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
    """The change that an allele makes after normalisation. COMPLEX: letters are replaced by another
    number of letters."""

    SNV = "SNV"
    MNV = "MNV"
    INS = "INS"
    DEL = "DEL"
    COMPLEX = "COMPLEX"


class Rank(IntEnum):
    """The confidence flag as a number, which is safe to filter by (`GFM_RANK>=2`)."""

    NOT_SCORED = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Why(StrEnum):
    """Reasons that limited a flag, declared worst first; at most four are written. ALT_PREFERRED is
    a remark: it limits no flag, and stands beside HIGH too."""

    SHIFT = "SHIFT"
    OWN_ALLELES = "OWN_ALLELES"
    REF_BIAS = "REF_BIAS"
    MEMORISED = "MEMORISED"
    PARALOG = "PARALOG"
    BACKGROUND = "BACKGROUND"
    UNCERTIFIED = "UNCERTIFIED"
    LOW_REL = "LOW_REL"
    COPIED = "COPIED"
    NO_DISTRIBUTION = "NO_DISTRIBUTION"
    OOD_WINDOW = "OOD_WINDOW"
    NO_GAIN = "NO_GAIN"
    STRAND = "STRAND"
    NEAR_EDGE = "NEAR_EDGE"
    N_IN_WINDOW = "N_IN_WINDOW"
    DISAGREE = "DISAGREE"
    HIGH_ENTROPY = "HIGH_ENTROPY"
    ALT_PREFERRED = "ALT_PREFERRED"


class CopyClass(StrEnum):
    """How often the sequence round a site stands in the genome: certificates are never pooled over
    these classes."""

    SINGLE_COPY = "single_copy"
    REPEAT_FAMILY = "repeat_family"
    NEAR_COPY = "near_copy"


class Basis(StrEnum):
    """What the level of an allele was certified on."""

    DECOY = "DECOY"
    LABELS = "LABELS"
    LOCUS_LABELS = "LABELS(locus)"


class Placement(NamedTuple):
    """The position of the window around a site.

    shift: number of bases, in forward orientation, by which the window starts further right. crop:
    number of letters that are left out at its two ends, as read.
    """

    strand: str  # '+' or '-'
    shift: int = 0
    crop: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        return f"strand {self.strand} shift {self.shift}" + (
            f" without {self.crop[0]} and {self.crop[1]}" if any(self.crop) else ""
        )


@dataclass(frozen=True)
class View:
    """One view of a model on a site: the model, one of its members (0 unless it is the context
    model), and the position of its window."""

    model: str
    member: int
    placement: Placement

    @property
    def strand(self) -> str:
        return self.placement.strand

    @property
    def id(self) -> str:
        strand, shift, crop = self.placement
        return f"{self.model}/m{self.member}/{strand}/s{shift}" + (
            f"/c{crop[0]}+{crop[1]}" if any(crop) else ""
        )


CONTEXT_FAMILY = "context_model"
"""The family of the baseline: a k-mer (Markov) model fitted to the user's own genome."""


class ShardKind(StrEnum):
    """What the rows of a shard are, and how they are scored."""

    SITES = "sites"
    VARIANTS = "variants"
    PERMUTED_WEIGHTS = "permuted_weights"
    SHUFFLED_WINDOWS = "shuffled_windows"

    @property
    def label(self) -> str:
        """The name for logs and the report."""
        return self.value.replace("_", " ")

    @property
    def is_control(self) -> bool:
        """Whether the shard belongs to a negative control."""
        return self in NEGATIVE_CONTROLS


NEGATIVE_CONTROLS = (ShardKind.PERMUTED_WEIGHTS, ShardKind.SHUFFLED_WINDOWS)
"""The shards of the negative controls."""
CONTROL_PROBES = 600
"""Number of probes of a negative control: the smallest number of which a quarter, and the
run-oriented half of that quarter, can still be certified HIGH (59 probes without an error)."""
