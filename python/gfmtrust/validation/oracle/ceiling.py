"""The limit that no model can exceed on an oracle genome: the decoy error, HIGH share and PRR of
the true law itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.risk_coverage import prr, risk_at_coverage

ALPHA_HIGH = 0.05
TIE = 1e-9
"""Two probabilities that differ by rounding alone are a tie, which counts as half an error."""


@dataclass(frozen=True)
class Ceiling:
    """n: number of decoy pairs. error: share in which the true law prefers the decoy; a tie counts
    as half. high_share: largest share of pairs, the most certain first, whose error is at most 5 %.
    prr: that of the ranking by the true probability of being right, None where all losses are
    equal."""

    n: int
    error: float
    high_share: float
    prr: float | None


def ceiling(real: np.ndarray, decoy: np.ndarray) -> Ceiling:
    """Return the ceiling of n decoy pairs. real, decoy: true probabilities of the real base and of
    its decoy, float (n,).

    Raises ValueError where the two differ in length or are empty. Source:
    docs/understand/reliability.md (decoy loss); PRR as in `risk_coverage`.
    """
    sure = np.maximum(real, decoy) / (real + decoy)
    loss = np.where(sure > 0.5 + TIE, real < decoy, 0.5)
    within = np.flatnonzero(risk_at_coverage(loss, sure) <= ALPHA_HIGH)
    ranked = prr(loss, sure)
    return Ceiling(
        len(loss),
        float(loss.mean()),
        float((within[-1] + 1) / len(loss)) if len(within) else 0.0,
        None if np.isnan(ranked) else ranked,
    )


def genome_ceiling(codes: np.ndarray, distribution: np.ndarray) -> Ceiling:
    """Return the ceiling over every base of a genome with each of its three decoys. codes: 0..3
    (n,); distribution: float64 (n, 4)."""
    rows = np.arange(len(codes))
    real = np.tile(distribution[rows, codes], 3)
    decoy = np.concatenate([distribution[rows, (codes + step) % 4] for step in (1, 2, 3)])
    return ceiling(real, decoy)
