"""The calibration of one class of variant: everything that its flags depend on besides the run's
options."""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.calibration import splits
from gfmtrust.calibration.caps import Limits
from gfmtrust.calibration.certificates import Certificate
from gfmtrust.calibration.label_blocks import Locus
from gfmtrust.calibration.reliability import AblationRow, Reliability
from gfmtrust.core.contracts.base import entry

DECOY, LABELS = "decoy", "labels"


@dataclass(frozen=True)
class SplitCounts:
    """Number of probes in each split, and number of those left out because no model could score
    them."""

    probes: int = entry("probes with an LLR")
    failed: int = entry("probes without one")
    fit: int = entry("probes of the fit split")
    certify_high: int = entry("probes of the split that certifies HIGH")
    certify_medium: int = entry("probes of the split that certifies MEDIUM")
    blocks: int = entry("blocks of the genome with a probe")
    repeated: int = entry(
        "further draws of a site with the same decoy, which count with the first", default=0
    )

    @property
    def refusal(self) -> str:
        """Why no certificate can be given at all, '' where one can."""
        if not self.probes:
            return "no probe could be scored"
        if self.blocks < splits.MIN_BLOCKS:
            return f"{self.blocks} usable blocks of genome, {splits.MIN_BLOCKS} needed"
        if not splits.halves_balanced(self.fit, self.probes):
            return (
                f"the blocks cannot be split evenly (the fit split holds {self.fit} of "
                f"{self.probes} probes)"
            )
        return ""


@dataclass(frozen=True)
class Direction:
    """Wrong calls of the labelled alleles of the certification splits with one flag."""

    level: str = entry("the flag")
    prefers: str = entry("'ALT' or 'REF': the allele that the model prefers")
    n: int = entry("alleles")
    errors: int = entry("wrong calls among them")


@dataclass(frozen=True)
class ClassCalibration:
    """The calibration by which the alleles of one class of variant are flagged."""

    counts: SplitCounts = entry("probes of each split")
    reliability: Reliability | None = entry("the fitted score; null where no probe was scored")
    limits: Limits = entry("limits of the measures beyond which a flag is capped")
    certificates: tuple[Certificate, ...] = entry("what each level guarantees in each cell")
    ablation: tuple[AblationRow, ...] = entry("how well each measure alone ranks errors")
    surprisal_quantiles: tuple[float, ...] = entry(
        "quantiles of the probes' local surprisal, for the shift test of a later run", "bit"
    )
    set: str = entry("'decoy' or 'labels': what the certificates are made from", default=DECOY)
    cut: float | None = entry("LLR from which a call is an effect; by labels only", "nat", None)
    by_size: bool = entry("whether an effect may be of either direction", default=False)
    directions: tuple[Direction, ...] = entry("errors by direction; by labels only", default=())
    loci: tuple[Locus, ...] = entry(
        "where the labels lie if they are of few places, so that the levels hold there alone",
        default=(),
    )
    length_bins: tuple[int, ...] = entry(
        "first length of each bin that has certificates of its own", "bp", ()
    )

    @property
    def locus(self) -> bool:
        """Do the levels hold in the loci of the labels alone?"""
        return bool(self.loci)
