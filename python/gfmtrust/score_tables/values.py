"""The values of rows as numbers, and what they say of a base: arrays in the order A, C, G, T."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

log = logging.getLogger(__name__)

LONGEST_LLR = 80.0
"""Nats; a probability of e^-80 is float32's last but few, and no measure tells larger ratios
apart."""


@dataclass(frozen=True)
class SiteValues:
    """What a table says of n bases.

    values: float64 (n, 4), order A, C, G, T; a value per ALT with 0 at the base of the genome, or
    the logarithm of a probability; low is disfavoured; NaN where the table says nothing. differs:
    bool (n,), whether the rows at the base have another REF than the genome, so that they were not
    used.
    """

    values: np.ndarray
    differs: np.ndarray

    @classmethod
    def empty(cls, n: int) -> SiteValues:
        return cls(np.full((n, 4), np.nan), np.zeros(n, bool))


def as_probabilities(values: np.ndarray, needs_all: bool) -> np.ndarray:
    """The distributions whose log-ratios the values are, float32 (n, 4), NaN where there is none.

    values: as in `SiteValues`. needs_all: whether a base with a missing value has no distribution;
    otherwise a row holds the ratios that are known, and NaN for the others. Ratios beyond
    LONGEST_LLR are cut.
    """
    has_value = np.isfinite(values)
    used = has_value.all(axis=1) if needs_all else has_value.sum(axis=1) > 1
    highest = np.where(has_value, values, -np.inf).max(axis=1, initial=-np.inf)
    shifted = values - np.where(np.isfinite(highest), highest, 0.0)[:, None]
    weight = np.exp(np.clip(shifted, -LONGEST_LLR, 0.0))
    total = np.where(has_value, weight, 0.0).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        probs = weight / total
    probs[~used] = np.nan
    return probs.astype(np.float32)


def say_cut(name: str, scores: np.ndarray) -> None:
    """Warn of a table, by its name, whose scores of alleles (finite, low is disfavoured) are cut."""
    if len(scores) and np.abs(scores).max() > LONGEST_LLR:
        log.warning(
            "%s: scores from %.1f to %.1f; those beyond -%g or %g count as these and are not told apart; "
            "tokens:NUMBER of a layout multiplies scores, see --external_columns",
            name,
            scores.min(),
            scores.max(),
            LONGEST_LLR,
            LONGEST_LLR,
        )
