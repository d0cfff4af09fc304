"""Counts of errors with their bounds, as certificates record them."""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.core.contracts.base import entry


@dataclass(frozen=True)
class ErrorCount:
    """The errors among the probes or alleles that a cut-off accepts."""

    n: int = entry("accepted probes or alleles")
    errors: int = entry("wrong ones among them")
    bound: float = entry("one-sided upper bound of the error rate, at confidence 1 - delta")


@dataclass(frozen=True)
class ByLabel:
    """The calls of flagged alleles by label; see `label_certificates`."""

    effect: ErrorCount = entry("errors among the alleles with an effect")
    none: ErrorCount = entry("errors among the alleles without an effect")
    miss: float = entry("chance that each of these two bounds is wrong")
    right: int = entry("right calls that differ from the commoner label")
    wrong: int = entry("wrong calls that differ from the commoner label")
    p_commoner: float = entry("one-sided p-value that the calls beat the commoner label")

    @property
    def bound(self) -> float:
        """Upper bound of the balanced error: the mean of the two bounds."""
        return (self.effect.bound + self.none.bound) / 2
