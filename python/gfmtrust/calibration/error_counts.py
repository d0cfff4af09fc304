"""Counts of errors with their bounds, as certificates record them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorCount:
    """Number `n` of accepted probes, number of wrong ones among them, and the one-sided upper bound
    of their error rate at confidence 1 - delta."""

    n: int
    errors: int
    bound: float


@dataclass(frozen=True)
class ByLabel:
    """What the calls of flagged alleles are worth, see `label_certificates`. effect, none: errors
    among the alleles with an effect and without one, each with its upper bound at confidence 1 -
    `miss`; right, wrong: alleles whose call differs from the commoner label; p_commoner: one-sided
    p-value of the test that the calls agree with the labels more often than the commoner label."""

    effect: ErrorCount
    none: ErrorCount
    miss: float
    right: int
    wrong: int
    p_commoner: float

    @property
    def bound(self) -> float:
        """Upper bound of the balanced error: the mean of the two bounds."""
        return (self.effect.bound + self.none.bound) / 2
