"""What a model earns over redraws of a pool: a useless one must earn no HIGH."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.validation.benchmark.pool import Pool
from gfmtrust.validation.benchmark.replication_figures import LEVELS
from gfmtrust.validation.benchmark.replications import N_PROBES, draw


@dataclass(frozen=True)
class Earned:
    """The number of `redraws` in which any allele of the pool got HIGH, or MEDIUM; error: decoy
    error of the pool."""

    model: str
    redraws: int
    high: int
    medium: int
    error: float


def earned(pool: Pool, n: int, n_probes: int = N_PROBES, seed: int = 0) -> Earned:
    """Return what a model gets in n redraws; a useless one must get no HIGH, and MEDIUM in at most
    delta of them."""
    given = [
        {int(rank) for rank in np.unique(draw(pool, seed + i, n_probes).rank)} for i in range(n)
    ]
    high, medium = (sum(level in ranks for ranks in given) for level in LEVELS)
    return Earned("+".join(pool.models), n, high, medium, float(pool.wrong.mean()))
