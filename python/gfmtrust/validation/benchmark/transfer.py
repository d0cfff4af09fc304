"""Proof of the shift test: a calibration certified on one law is used unchanged on another genome.

The calibration and its context model belong to a law's genome; the alleles are those of its shifted
version, whose own context model is never fitted. Where HIGH of the transferred calibration errs
more than it promises, the shift test must fire; on the law's own sites it must not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gfmtrust.calibration import flags, record
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.shift import shift_test
from gfmtrust.core.vocabulary import CONTEXT_FAMILY, Rank
from gfmtrust.validation.benchmark import pool as pools
from gfmtrust.validation.benchmark.replications import calibrated

N_SITES = 200
"""The number of sites of a run that the shift test uses."""
TWIN_ALLELES = 20_000
CALIBRATIONS = 20


@dataclass(frozen=True)
class Transfer:
    """The result over all draws, each of `sites` sites, with the `calibrations` used in turn.

    high_share, high_error: the share of the alleles with HIGH and its decoy error without the shift
        test (NaN without any HIGH).
    fired: share of draws in which the shift test fired. flagged: share of draws in which HIGH or
        MEDIUM was written nevertheless.
    """

    alleles_of: str
    calibrations: int
    draws: int
    sites: int
    high_share: float
    high_error: float
    fired: float
    flagged: float


def transfers(
    genome_dir: Path, twin_dir: Path, n: int, spectrum: str = "germline", n_sites: int = N_SITES
) -> list[Transfer]:
    """Draw sites n times from a law's genome and n times from its shifted version, with
    calibrations certified on the former; return two rows: law, twin.

    genome_dir, twin_dir: folders written by `gfmtrust oracle --law`. The pools are kept there.
    """
    law_pool = pools.stored(genome_dir, [], spectrum)
    name = f"{CONTEXT_FAMILY}_of_{genome_dir.name}"
    folder = pools.folder_of(twin_dir, spectrum, name)
    if not (folder / pools.OWN).exists():
        pools.build(
            twin_dir, {name: []}, spectrum, n=TWIN_ALLELES, context=pools.context_model(genome_dir)
        )
    fitted = [calibrated(law_pool, seed)[0] for seed in range(CALIBRATIONS)]
    return [
        _row(kind, pool, fitted, n, n_sites)
        for kind, pool in (("law", law_pool), ("twin", pools.read(folder)))
    ]


def _row(
    kind: str, pool: pools.Pool, fitted: list[RunCalibration], n: int, n_sites: int
) -> Transfer:
    unwatched = [
        flags.decide(record.with_outcome_text(replace(one, shift=None)), pool.alleles)[0]
        == Rank.HIGH
        for one in fitted
    ]
    surprisal = pool.own_snvs["local_surprisal"].to_numpy(np.float64)
    rng = np.random.default_rng(1)
    fired = flagged = 0
    for i in range(n):
        frozen = fitted[i % len(fitted)]
        verdict = shift_test(
            rng.choice(surprisal, n_sites), np.array(frozen.snv.surprisal_quantiles)
        )
        fired += verdict.fired
        of_run = pool.alleles.iloc[rng.integers(0, len(pool.alleles), n_sites)]
        rank, _ = flags.decide(record.with_shift(frozen, verdict, transferred=True), of_run)
        flagged += bool((rank >= Rank.MEDIUM).any())
    errors = [pool.wrong[high].mean() for high in unwatched if high.any()]
    return Transfer(
        kind,
        len(fitted),
        n,
        n_sites,
        float(np.mean(unwatched)),
        float(np.mean(errors)) if errors else float("nan"),
        fired / n,
        flagged / n,
    )
