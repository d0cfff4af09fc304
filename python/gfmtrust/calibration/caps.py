"""Caps and explanations: the conditions that limit an allele's flag whatever its reliability is.
Pure functions of the features.

`Limits` are taken from the probes once; `caps` applies them to probes and to the run's alleles
alike, because a certificate covers only a rule that was applied to the probes that were counted.
Source: docs/understand/reliability.md, "How a flag is decided". A cap never raises a flag, and an explanation never
changes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration.options import Options
from gfmtrust.core.contracts.base import entry
from gfmtrust.core.measures import shrunken_gain
from gfmtrust.core.vocabulary import CopyClass, Rank, Why

if TYPE_CHECKING:
    import pandas as pd

WHY_ORDER = tuple(Why)
BIT = {why: 1 << place for place, why in enumerate(WHY_ORDER)}
"""The bit of each reason; the worst reason has the lowest bit."""

N_SHARE = 0.01
MIN_SIGN_AGREEMENT = 0.6
HIGH_ENTROPY_BITS = 1.9


@dataclass(frozen=True)
class Limits:
    """Limits that were measured on the probes; None where a measure is missing in the whole run."""

    surprisal_range: tuple[float, float] | None = entry(
        "1st and 99th percentile of the local surprisal", "bit", None
    )
    surprisal_extremes: tuple[float, float] | None = entry(
        "0.1st and 99.9th percentile of it", "bit", None
    )
    n_share_high: float | None = entry("99th percentile of the share of N", default=None)
    strand_llr_median: float | None = entry("median of strand_llr", "nat", None)
    dis_high: float | None = entry("95th percentile of the disagreement", "bit", None)
    class_gain: tuple[tuple[str, float], ...] = entry(
        "mean gain by region class", "bit per base", ()
    )
    model_gain: float | None = entry(
        "mean gain of all probes; null where the context model is the only model",
        "bit per base",
        None,
    )
    model_gain_low: float | None = entry("its one-sided 95 % lower bound", "bit per base", None)
    background: bool = entry("whether the probes come from --background_fasta", default=False)
    long_window: bool = entry(
        "whether a voting model reads longer windows than it was trained on", default=False
    )
    copied_high: bool = entry("whether a near copy does not cap HIGH", default=False)
    own_scale: bool = entry(
        "whether the scores are on a scale of their own, without distribution and zero",
        default=False,
    )


def measure_limits(features: pd.DataFrame, blocks: np.ndarray, options: Options) -> Limits:
    """Limits from the probes' features. blocks: int (n,), the unit of the bootstrap of the model's
    gain."""
    surprisal = finite(features, "local_surprisal")
    strand = finite(features, "strand_llr")
    dis = finite(features, "dis")
    n_share = finite(features, "n_share")
    gain = np.full(len(features), np.nan) if options.context_only else column(features, "gain")
    return Limits(
        surprisal_range=_percentiles(surprisal, 1, 99),
        surprisal_extremes=_percentiles(surprisal, 0.1, 99.9),
        n_share_high=float(np.percentile(n_share, 99)) if len(n_share) else None,
        strand_llr_median=float(np.median(strand)) if len(strand) else None,
        dis_high=float(np.percentile(dis, 95)) if len(dis) else None,
        class_gain=_class_means(gain, features["region_class"].to_numpy()),
        model_gain=float(np.nanmean(gain)) if np.isfinite(gain).any() else None,
        model_gain_low=bootstrap_lower(gain, blocks, options.seed),
        background=bool(options.background),
        long_window=bool(options.long_window),
        copied_high=options.copied_high,
        own_scale=bool(options.scores),
    )


def caps(limits: Limits, features: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Highest rank each allele may carry, uint8 (n,), and its reasons as bits of `BIT`, uint32
    (n,). NaN features cap nothing."""
    reason_masks = {
        Why.PARALOG: features["paralog"].to_numpy(dtype=bool),
        Why.COPIED: (features["copy_class"] == CopyClass.NEAR_COPY).to_numpy()
        & (not limits.copied_high),
        Why.BACKGROUND: np.full(len(features), limits.background),
        Why.NO_DISTRIBUTION: _no_distribution(features) & (not limits.own_scale),
        Why.OOD_WINDOW: limits.long_window
        | _outside(column(features, "local_surprisal"), limits.surprisal_range),
        Why.NO_GAIN: _no_gain(limits, features),
        Why.STRAND: _strands_differ(limits, features),
        Why.NEAR_EDGE: column(features, "near_edge") > 0,
        Why.N_IN_WINDOW: column(features, "n_share")
        > min(N_SHARE, limits.n_share_high if limits.n_share_high is not None else N_SHARE),
        Why.DISAGREE: (
            column(features, "dis") > (np.inf if limits.dis_high is None else limits.dis_high)
        )
        | (column(features, "sign_agreement") < MIN_SIGN_AGREEMENT),
        Why.HIGH_ENTROPY: column(features, "ent") > HIGH_ENTROPY_BITS,
        Why.ALT_PREFERRED: (column(features, "llr") > 0) & (not limits.own_scale),
    }
    cap = np.full(len(features), Rank.HIGH, dtype=np.uint8)
    for why in (
        Why.BACKGROUND,
        Why.COPIED,
        Why.NO_DISTRIBUTION,
        Why.OOD_WINDOW,
        Why.NO_GAIN,
        Why.STRAND,
        Why.NEAR_EDGE,
        Why.N_IN_WINDOW,
    ):
        cap[reason_masks[why]] = Rank.MEDIUM
    cap[_outside(column(features, "local_surprisal"), limits.surprisal_extremes)] = Rank.LOW
    cap[reason_masks[Why.PARALOG]] = Rank.LOW
    reasons = np.zeros(len(features), dtype=np.uint32)
    for why, mask in reason_masks.items():
        reasons |= np.where(mask, np.uint32(BIT[why]), np.uint32(0))
    return cap, reasons


def bootstrap_lower(
    values: np.ndarray, blocks: np.ndarray, seed: int, draws: int = 1000
) -> float | None:
    """One-sided 95 % lower bound of a mean, by a bootstrap of whole blocks. NaN values are left
    out; None where no value is finite.

    Blocks are drawn 1,000 times with replacement; the same seed gives the same bound whatever the
    order of rows.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return None
    names, index = np.unique(blocks[finite], return_inverse=True)
    order = np.lexsort((values[finite], index))
    sums = np.bincount(index[order], weights=values[finite][order], minlength=len(names))
    counts = np.bincount(index, minlength=len(names))
    drawn = np.random.default_rng([seed, 3]).integers(0, len(names), (draws, len(names)))
    return float(np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), 5))


def column(features: pd.DataFrame, name: str) -> np.ndarray:
    """A feature as float64 (n,), NaN where missing or where the table has no such column."""
    if name not in features:
        return np.full(len(features), np.nan)
    return features[name].to_numpy(dtype=np.float64, na_value=np.nan)


def finite(features: pd.DataFrame, name: str) -> np.ndarray:
    """The finite values of a feature."""
    values = column(features, name)
    return values[np.isfinite(values)]


def _percentiles(values: np.ndarray, low: float, high: float) -> tuple[float, float] | None:
    return (
        (float(np.percentile(values, low)), float(np.percentile(values, high)))
        if len(values)
        else None
    )


def _class_means(gain: np.ndarray, region_class: np.ndarray) -> tuple[tuple[str, float], ...]:
    means = [
        (str(name), gain[(region_class == name) & np.isfinite(gain)])
        for name in sorted(set(region_class))
    ]
    return tuple((name, float(np.sort(values).mean())) for name, values in means if len(values))


def _outside(values: np.ndarray, bounds: tuple[float, float] | None) -> np.ndarray:
    return (
        np.zeros(len(values), dtype=bool)
        if bounds is None
        else (values < bounds[0]) | (values > bounds[1])
    )


def _no_distribution(features: pd.DataFrame) -> np.ndarray:
    """Whether the allele is judged by likelihoods alone, so that the models give no distribution at
    its site; bool (n,)."""
    if "ent" not in features:
        return np.zeros(len(features), dtype=bool)
    return np.isfinite(column(features, "llr")) & np.isnan(column(features, "ent"))


def _no_gain(limits: Limits, features: pd.DataFrame) -> np.ndarray:
    """Whether the model adds nothing to the context model, near the site or in the run as a whole;
    bool (n,)."""
    if limits.model_gain is None:
        return np.zeros(len(features), dtype=bool)
    if limits.model_gain <= 0:
        return np.ones(len(features), dtype=bool)
    means = dict(limits.class_gain)
    # the class of a BED file without probes is that of the rest of the genome
    class_mean = features["region_class"].map(means).astype(np.float64)
    class_mean = class_mean.fillna(features["copy_class"].map(means).astype(np.float64))
    class_mean = class_mean.fillna(limits.model_gain).to_numpy()
    return shrunken_gain(column(features, "gain"), class_mean)[1] < 0


def _strands_differ(limits: Limits, features: pd.DataFrame) -> np.ndarray:
    if limits.strand_llr_median is None:
        return np.zeros(len(features), dtype=bool)
    return (column(features, "strand_flip") > 0) & (
        column(features, "strand_llr") > 2 * limits.strand_llr_median
    )
