"""Label-free calibration: from decoy probes to a reliability, its certificates, and all that flags
need later.

`fit` is a pure function of the probes' table. Scoring probes and writing files is elsewhere; what a
Calibration holds is in `calibration_record`, the flags are in `flags`. Source: docs/reliability.md
3, 4, 7.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from gfmtrust.calibration import certificates, splits
from gfmtrust.calibration import reliability as score
from gfmtrust.calibration.calls import effect_score
from gfmtrust.calibration.caps import caps, finite, measure_limits
from gfmtrust.calibration.certificates import Certificate, Probes
from gfmtrust.calibration.record import (
    Calibration,
    Counts,
    NullVerdict,
    Options,
    as_json,
    check_matches,
    refusal,
    told,
    with_nulls,
    with_shift,
    withhold_high,
)
from gfmtrust.calibration.shift import shift_gate
from gfmtrust.calibration.strata import LENGTHS, strata
from gfmtrust.core.vocabulary import Rank, VariantClass

__all__ = [
    "Calibration",
    "Counts",
    "NullVerdict",
    "Options",
    "check_matches",
    "fit",
    "fit_kinds",
    "none_like",
    "reliability",
    "shift_gate",
    "with_nulls",
    "with_shift",
    "withhold_high",
]

N_QUANTILES = 1000
"""Quantiles of the probes' local surprisal that the file keeps for the shift gate of a later
run."""

PROBE_COLUMNS = (
    "contig_index",
    "pos",
    "block",
    "real",
    "decoy",
    "run_oriented",
    "region_class",
    "llr",
    "llr_sd",
    "ent",
    "dis",
    "sign_agreement",
    "strand_jsd",
    "strand_llr",
    "strand_flip",
    "local_surprisal",
    "gain",
    "gc",
    "soft_masked",
    "n_share",
    "near_edge",
)
"""What `fit` needs; `llr` is ln p(decoy) - ln p(real), so below 0 is right. NaN where a probe
failed or a measure is missing."""


def fit(
    probes: pd.DataFrame,
    options: Options = Options(),  # noqa: B008  (frozen: safe)
    lengths: tuple[int, ...] = (),
) -> Calibration:
    """Fit the reliability on half A and certify HIGH on B1 and exactly-MEDIUM on B2.

    probes: columns PROBE_COLUMNS, any row order; lengths: bins that cells are split by, see
    `strata`. A probe is wrong unless the real base is preferred: LLR 0 is wrong; probes without an
    LLR are left out and counted. Fewer than 8 blocks, or halves outside 40-60 %: no certificate.
    Raises ValueError naming a missing column, ConfigurationError (78) for options out of range.
    """
    options.check()
    options = replace(options, digests=as_json(options.digests))
    missing = [name for name in PROBE_COLUMNS if name not in probes]
    if missing:
        raise ValueError(
            f"probes: columns {', '.join(missing)} are missing; expected {', '.join(PROBE_COLUMNS)}"
        )
    probes = probes.sort_values(
        ["contig_index", "pos", "real", "decoy", "run_oriented"], kind="stable", ignore_index=True
    )
    n_given = len(probes)
    probes = probes[np.isfinite(probes["llr"].to_numpy(dtype=np.float64))].reset_index(drop=True)
    blocks = probes["block"].to_numpy(dtype=np.int64)
    part = splits.split(blocks, options.seed)
    in_a = part == splits.A
    counts = Counts(
        len(probes),
        n_given - len(probes),
        int(in_a.sum()),
        int((part == splits.B1).sum()),
        int((part == splits.B2).sum()),
        len(np.unique(blocks)),
    )
    limits = measure_limits(
        probes,
        blocks,
        options.seed,
        options.context_only,
        bool(options.background),
        bool(options.long_window),
    )
    surprisal = finite(probes, "local_surprisal")
    quantiles = (
        tuple(np.quantile(surprisal, np.linspace(0, 1, N_QUANTILES)).tolist())
        if len(surprisal)
        else ()
    )
    if not in_a.any():
        return told(
            Calibration(options, counts, None, limits, (), (), quantiles, length_bins=lengths)
        )
    wrong = ~(probes["llr"].to_numpy(dtype=np.float64) < 0)
    folds = splits.folds(blocks[in_a], options.seed, score.N_FOLDS)
    fitted, ablation = score.fit(probes[in_a], ~wrong[in_a], folds, score.median_sd(probes))
    found = ()
    if refusal(counts) == "":
        seen = Probes(
            score.predict(fitted, probes),
            wrong,
            probes["run_oriented"].to_numpy(dtype=bool),
            strata(probes, lengths),
        )
        region_class = probes["region_class"].to_numpy(dtype=object) if lengths else None
        found = certify(seen, caps(limits, probes)[0], part, options, region_class)
    return told(
        Calibration(
            options, counts, fitted, limits, found, ablation, quantiles, length_bins=lengths
        )
    )


def certify(
    probes: Probes,
    cap: np.ndarray,
    part: np.ndarray,
    options: Options,
    coarser: np.ndarray | None = None,
) -> tuple[Certificate, ...]:
    """All certificates: HIGH by cell on B1, then MEDIUM by cell on B2 among the probes that would
    not be written HIGH.

    probes: n of them; cap: highest rank each may carry (n,); part: `halves.A`, `B1` or `B2` (n,);
    coarser: see `certificates.cells`.
    """
    high_cells = certificates.cells(probes.region_class, part == splits.B1, coarser)
    medium_cells = certificates.cells(probes.region_class, part == splits.B2, coarser)
    delta = (
        options.delta / (len(high_cells) + len(medium_cells))
        if options.simultaneous
        else options.delta
    )
    may_high = cap >= Rank.HIGH
    high = tuple(
        _certify_cell(
            Rank.HIGH,
            probes,
            cell,
            may_high,
            part,
            splits.B1,
            options.alpha_high,
            delta,
            options.guard_band,
        )
        for cell in high_cells
    )
    nowhere = np.full(len(cap), np.nan)
    at = certificates.thresholds(high, Rank.HIGH.name, probes.region_class)
    is_high = (
        certificates.ranks(probes.reliability, cap, at, nowhere, options.guard_band) == Rank.HIGH
    )
    may_medium = (cap >= Rank.MEDIUM) & ~is_high
    return high + tuple(
        _certify_cell(
            Rank.MEDIUM,
            probes,
            cell,
            may_medium,
            part,
            splits.B2,
            options.alpha_medium,
            delta,
            options.guard_band,
        )
        for cell in medium_cells
    )


def _certify_cell(
    level: Rank,
    probes: Probes,
    cell: np.ndarray,
    may_carry: np.ndarray,
    part: np.ndarray,
    part_b: int,
    alpha: float,
    delta: float,
    guard: float,
) -> Certificate:
    usable = cell & may_carry & np.isfinite(probes.reliability)
    return certificates.certify(
        level.name,
        tuple(sorted(set(probes.region_class[cell]))),
        probes.of(usable & (part == splits.A)),
        probes.of(usable & (part == part_b)),
        alpha,
        delta,
        guard,
        int((cell & (part == part_b)).sum()),
    )


def none_like(calibration: Calibration) -> Calibration:
    """A calibration without probes, for a kind of variant that has none: every allele LOW,
    UNCERTIFIED."""
    return replace(calibration, reliability=None, certificates=(), kinds={}, labelled={})


def fit_kinds(probes: dict[str, pd.DataFrame], options: Options) -> dict[str, Calibration]:
    """A calibration for each kind of variant that has probes; insertions and deletions by length.

    Insertions and deletions certify each other: a level exists for one in a stratum only where it
    or a higher one does for the other, since a model that likes short sequences is right at every
    insertion probe.
    """
    pair = (VariantClass.INS, VariantClass.DEL)
    alone = {
        kind: fit(table, options, LENGTHS if kind in pair else ())
        for kind, table in probes.items()
        if len(table)
    }
    fitted = dict(alone)
    for kind, other in (pair, pair[::-1]):
        if kind in alone:
            fitted[kind] = told(
                replace(
                    alone[kind],
                    certificates=tuple(
                        certificates.refuse(
                            found,
                            [
                                name
                                for name in found.region_classes
                                if other not in alone
                                or not _exists(alone[other], found.level, name)
                            ],
                        )
                        for found in alone[kind].certificates
                    ),
                )
            )
    return fitted


def _exists(calibration: Calibration, level: str, region_class: str) -> bool:
    """Is that level, or a higher one, certified in the region class?"""
    return any(
        Rank[found.level] >= Rank[level] and found.covers(region_class)
        for found in calibration.certificates
    )


def reliability(calibration: Calibration, features: pd.DataFrame) -> np.ndarray:
    """GFM_REL of each allele, float64 (n,) in 0..1; NaN where it cannot be estimated. By labels: of
    its call, whose distance to the cut takes the place of |LLR|."""
    if calibration.reliability is None:
        return np.full(len(features), np.nan)
    if calibration.cut is not None:
        features = features.assign(
            llr=effect_score(features["llr"].to_numpy(np.float64), calibration.by_size)
            - calibration.cut
        )
    return score.predict(calibration.reliability, features)
