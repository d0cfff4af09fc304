"""How well a ranking identifies errors: risk at coverage, AURC, E-AURC, AUGRC and PRR, with ties in
closed form and with weights.

Within a tie every order is equally likely, so each member has the mean loss of the tie. Source:
docs/understand/reliability.md, "Labels"; Geifman and El-Yaniv 2017 (risk-coverage); Malinin et al. 2017
(prediction rejection ratio); Traub et al. 2024 (AUGRC).
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.ranking import Ties, counted


def risk_at_coverage(loss: np.ndarray, ranking: np.ndarray) -> np.ndarray:
    """Mean loss of the i most trusted members, i = 1..n, float64 (n,): the expectation over random
    orders of tied members.

    loss: (n,), 0 right and 1 wrong; ranking: (n,), higher is more trusted. Raises ValueError where
    the two differ in length or are empty, or where the ranking contains NaN.
    """
    size, wrong = _by_tie(loss, Ties.of(ranking), None)
    return np.cumsum(np.repeat(wrong / size, size.astype(int))) / np.arange(1, len(loss) + 1)


def aurc(loss: np.ndarray, ranking: np.ndarray | Ties, weights: np.ndarray | None = None) -> float:
    """Area under the risk-coverage curve: the mean of `risk_at_coverage` over all coverages.

    weights: number of times that each allele counts, integers (n,), default 1 each. In a tie of s
    alleles with mean loss m, after k accepted alleles with e errors, the risks add up to m s + (e -
    m k)(H(k + s) - H(k)), where H are the harmonic numbers.
    """
    from scipy.special import digamma

    size, wrong = _by_tie(loss, Ties.of(ranking), weights)
    before, wrong_before = np.cumsum(size) - size, np.cumsum(wrong) - wrong
    harmonic = digamma(before + size + 1) - digamma(before + 1)
    return float((wrong + (wrong_before - wrong / size * before) * harmonic).sum() / size.sum())


def e_aurc(
    loss: np.ndarray, ranking: np.ndarray | Ties, weights: np.ndarray | None = None
) -> float:
    """AURC minus that of the best ranking, which puts every error last: 0 is perfect."""
    return aurc(loss, ranking, weights) - aurc(loss, best(loss), weights)


def augrc(loss: np.ndarray, ranking: np.ndarray | Ties, weights: np.ndarray | None = None) -> float:
    """Mean over coverage, from 0 to 1, of the share that is accepted and wrong (trapezoidal rule).
    A random ranking gives half of the error rate. It depends less on the top of the ranking than
    AURC."""
    size, wrong = _by_tie(loss, Ties.of(ranking), weights)
    return float((size * (np.cumsum(wrong) - wrong / 2)).sum() / size.sum() ** 2)


def prr(loss: np.ndarray, ranking: np.ndarray | Ties, weights: np.ndarray | None = None) -> float:
    """Prediction rejection ratio: 0 for a random ranking, 1 for a perfect ranking, below 0 for a
    harmful one; NaN where all or none are errors."""
    area, ideal = aurc(loss, ranking, weights), aurc(loss, best(loss), weights)
    base = float(np.average(np.asarray(loss, dtype=np.float64), weights=weights))
    return (base - area) / (base - ideal) if base > ideal else float("nan")


def best(loss: np.ndarray) -> np.ndarray:
    """The ranking that puts every error last."""
    return -np.asarray(loss, dtype=np.float64)


def _by_tie(
    loss: np.ndarray, ties: Ties, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Number of alleles and summed loss of each tie that was drawn at least once, most trusted
    first."""
    size, wrong = ties.sums(counted(np.ones(len(loss)), weights)), ties.sums(counted(loss, weights))
    return size[size > 0], wrong[size > 0]
