"""The reliability: the estimated probability that the preference between two alleles is for the
base of the genome.

A logistic regression on the fit split of the probes. On probes the sign of the LLR is the label, so
only measures that do not change when REF and ALT are exchanged may enter. Source:
docs/understand/reliability.md, "The fit split: reliability". Flags and certificates are not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration.caps import column, finite
from gfmtrust.core.columns import COLUMNS, PREDICTORS
from gfmtrust.core.contracts.base import entry
from gfmtrust.core.measures import margin
from gfmtrust.core.risk_coverage import prr

if TYPE_CHECKING:
    import pandas as pd

FEW_PROBES = 500
MAX_MISSING = 0.02
"""A predictor missing in more than this share of the fit split is dropped for the run. A missing
value of any other predictor means that the allele has no reliability."""
MIN_VARYING, VARYING_SHARE = 30, 0.05
"""A predictor is constant where fewer probes than both numbers differ from its commonest value.
Otherwise two probes near the end of a contig that are right by chance could decide every allele
there."""

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Inverse L2 penalties tried, strongest penalty first."""

N_FOLDS = 5
MIN_S0_NATS = 0.02

FROM_LLR = {
    "abs_llr": lambda llr, llr_sd, s0: np.abs(llr),
    "margin": margin,
}
"""Predictors that are computed here, from llr and llr_sd (nats) and s0 (see `measures.margin`).
Where the fit split is small, they are the only predictors."""

FEATURE_COLUMNS = tuple(
    column.name
    for column in COLUMNS
    if column.decides or (column.predictor and column.name not in FROM_LLR)
)
"""The features by which a flag is decided; NaN where a measure is missing."""


@dataclass(frozen=True)
class Term:
    """One predictor: standardised as (clip(value, low, high) - mean) / scale, then multiplied by the
    coefficient."""

    name: str = entry("name of the predictor")
    coefficient: float = entry("its coefficient")
    mean: float = entry("mean in the fit split")
    scale: float = entry("standard deviation in the fit split")
    low: float = entry("lowest value in the fit split; lower ones are clipped")
    high: float = entry("highest value in the fit split; higher ones are clipped")


@dataclass(frozen=True)
class Reliability:
    """A fitted reliability score."""

    terms: tuple[Term, ...] = entry("the predictors in use")
    intercept: float = entry("intercept of the regression")
    s0: float = entry("median sd of the LLR over the probes, for the margin", "nat")
    strength: float = entry("inverse L2 penalty")
    n_probes: int = entry("probes that it was fitted to")
    dropped: tuple[tuple[str, str], ...] = entry(
        "predictors that are not used, each with the reason"
    )


@dataclass(frozen=True)
class AblationRow:
    """How well a ranking by one measure finds errors in the fit split, out of fold."""

    measure: str = entry("name of the measure, or 'all' for the score")
    prr: float | None = entry("prediction rejection ratio: 0 random, 1 perfect")


def predictors(features: pd.DataFrame, s0: float) -> dict[str, np.ndarray]:
    """All predictors by name, float64 (n,), NaN where missing; those of FROM_LLR are computed from
    `llr` and `llr_sd`."""
    llr, llr_sd = column(features, "llr"), column(features, "llr_sd")
    return {
        name: FROM_LLR[name](llr, llr_sd, s0) if name in FROM_LLR else column(features, name)
        for name in PREDICTORS
    }


def median_sd(features: pd.DataFrame) -> float:
    """s0 of `measures.margin`: median sd of the LLR over the probes, at least 0.02 nats."""
    sd = finite(features, "llr_sd")
    return max(float(np.median(sd)), MIN_S0_NATS) if len(sd) else MIN_S0_NATS


def fit(
    features: pd.DataFrame, right: np.ndarray, folds: np.ndarray, s0: float
) -> tuple[Reliability, tuple[AblationRow, ...]]:
    """Fit the score on the fit split and compare it with each measure alone.

    features: n rows; right: bool (n,), the real base was preferred; folds: int (n,), the
    cross-validation fold of each probe's block. The penalty is the strongest with the least log
    loss out of fold; then predictors are dropped one by one while that loss does not grow for it.
    Deterministic: coefficients are rounded to 8 decimals, below which solvers and thread counts
    differ. Raises ValueError without probes.
    """
    if not len(right):
        raise ValueError("features: no probes; expected at least one in the fit split")
    values = predictors(features, s0)
    kept, dropped = _choose(values, len(right))
    complete = (
        np.all([np.isfinite(values[name]) for name in kept], axis=0)
        if kept
        else np.ones(len(right), dtype=bool)
    )
    right, folds = right[complete], folds[complete]
    terms = [_standard(name, values[name][complete]) for name in kept]
    matrix = (
        np.column_stack([_scaled(term, values[term.name][complete]) for term in terms])
        if terms
        else np.empty((len(right), 0))
    )
    strength, out_of_fold = _choose_strength(matrix, right, folds)
    useful = _useful(matrix, right, folds, strength)
    dropped += tuple((term.name, "adds nothing") for i, term in enumerate(terms) if i not in useful)
    if len(useful) < len(terms):
        terms, matrix = [terms[i] for i in useful], matrix[:, useful]
        out_of_fold = _out_of_fold(matrix, right, folds, strength)
    coefficients, intercept = _solve(matrix, right, strength)
    terms = [
        Term(t.name, float(c), t.mean, t.scale, t.low, t.high)
        for t, c in zip(terms, coefficients, strict=True)
    ]
    ablation = _ablation({name: values[name][complete] for name in kept}, right, folds, out_of_fold)
    return Reliability(tuple(terms), intercept, s0, strength, len(right), dropped), ablation


def predict(fitted: Reliability, features: pd.DataFrame) -> np.ndarray:
    """Reliability of each allele, float64 (n,) in 0..1; NaN where the LLR or a predictor of the
    score is missing.

    Terms are added one by one in a fixed order, so an allele's value does not depend on its
    neighbours in the table.
    """
    from scipy.special import expit

    values = predictors(features, fitted.s0)
    total = np.where(np.isfinite(values["abs_llr"]), fitted.intercept, np.nan)
    for term in fitted.terms:
        total = total + term.coefficient * _scaled(term, values[term.name])
    return expit(total)


def _choose(values: dict[str, np.ndarray], n: int) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """Predictors that vary and are missing almost nowhere, and the reasons why the others are
    dropped."""
    kept, dropped = [], []
    for name, finite_values in ((name, each[np.isfinite(each)]) for name, each in values.items()):
        if len(finite_values) < (1 - MAX_MISSING) * n:
            dropped.append((name, "missing"))
        elif len(finite_values) - np.unique(finite_values, return_counts=True)[1].max() < min(
            MIN_VARYING, VARYING_SHARE * n
        ):
            dropped.append((name, "constant"))
        elif n < FEW_PROBES and name not in FROM_LLR:
            dropped.append((name, "few probes"))
        else:
            kept.append(name)
    return kept, tuple(dropped)


def _standard(name: str, values: np.ndarray) -> Term:
    low, high = float(values.min()), float(values.max())
    return Term(name, 0.0, float(values.mean()), float(values.std()) or 1.0, low, high)


def _scaled(term: Term, values: np.ndarray) -> np.ndarray:
    return (np.clip(values, term.low, term.high) - term.mean) / term.scale


def _solve(matrix: np.ndarray, right: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Coefficients and intercept. Where all probes or none are right, or no predictor varies, only
    the intercept is fitted (add one half to both counts)."""
    n_right = int(right.sum())
    if not matrix.shape[1] or n_right in (0, len(right)):
        return np.zeros(matrix.shape[1]), float(
            np.round(np.log((n_right + 0.5) / (len(right) - n_right + 0.5)), 8)
        )
    solution = newton(
        np.column_stack([np.ones(len(right)), matrix]), right.astype(np.float64), strength
    )
    return np.round(solution[1:], 8), float(np.round(solution[0], 8))


def newton(
    matrix: np.ndarray,
    target: np.ndarray,
    strength: float,
    tolerance: float = 1e-10,
    weights: np.ndarray | float = 1.0,
    offset: np.ndarray | float = 0.0,
) -> np.ndarray:
    """L2-penalised logistic regression by damped Newton steps to machine precision: coefficients
    (p,), the first of which is not penalised.

    matrix: (n, p), whose first column is all ones; target: 0 or 1 (n,), both present. Minimises
    strength x log loss + half the squared coefficients, which is scikit-learn's objective with C =
    strength. weights: how often each row counts; offset: log odds added to each.
    """
    from scipy.special import expit

    penalty = np.ones(matrix.shape[1])
    penalty[0] = 0.0
    solution = np.zeros(matrix.shape[1])

    def loss_at(coefficients: np.ndarray) -> float:
        linear = matrix @ coefficients + offset
        squares = 0.5 * (penalty * coefficients * coefficients).sum()
        return float(
            strength * (weights * (np.logaddexp(0, linear) - target * linear)).sum() + squares
        )

    loss = loss_at(solution)
    for _ in range(100):
        p = expit(matrix @ solution + offset)
        gradient = strength * (matrix.T @ (weights * (p - target))) + penalty * solution
        hessian = strength * (matrix.T * (weights * (p * (1 - p)))) @ matrix + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        rounding = 1e-12 * abs(loss)
        while (tried := loss_at(solution - size * step)) > loss + rounding and size > 1e-6:
            size /= 2
        solution, loss = solution - size * step, tried
        if np.abs(step).max() < tolerance:
            break
    return solution


def _choose_strength(
    matrix: np.ndarray, right: np.ndarray, folds: np.ndarray
) -> tuple[float, np.ndarray]:
    """The penalty with the least log loss out of fold, and its out-of-fold log odds (n,)."""
    best, best_loss, best_out_of_fold = STRENGTHS[0], np.inf, np.zeros(len(right))
    for strength in STRENGTHS:
        out_of_fold = _out_of_fold(matrix, right, folds, strength)
        loss = _log_loss(out_of_fold, right)
        if loss < best_loss - 1e-9:
            best, best_loss, best_out_of_fold = strength, loss, out_of_fold
    return best, best_out_of_fold


def _out_of_fold(
    matrix: np.ndarray, right: np.ndarray, folds: np.ndarray, strength: float
) -> np.ndarray:
    """Log odds of each probe from a fit to the other folds, (n,); 0 where there is no other
    fold."""
    out_of_fold = np.zeros(len(right))
    for fold in np.unique(folds):
        in_fold = folds == fold
        if in_fold.all():
            continue
        coefficients, intercept = _solve(matrix[~in_fold], right[~in_fold], strength)
        out_of_fold[in_fold] = matrix[in_fold] @ coefficients + intercept
    return out_of_fold


def _log_loss(log_odds: np.ndarray, right: np.ndarray) -> float:
    return float(np.logaddexp(0, np.where(right, -log_odds, log_odds)).mean())


def _useful(matrix: np.ndarray, right: np.ndarray, folds: np.ndarray, strength: float) -> list[int]:
    """Columns whose removal increases the out-of-fold log loss. The least useful column is removed
    first, until every remaining column is useful."""
    kept = list(range(matrix.shape[1]))
    loss = _log_loss(_out_of_fold(matrix, right, folds, strength), right)
    while len(kept) > 1:
        without = [
            _log_loss(
                _out_of_fold(matrix[:, [i for i in kept if i != out]], right, folds, strength),
                right,
            )
            for out in kept
        ]
        least = int(np.argmin(without))
        if without[least] > loss:
            break
        loss = without[least]
        del kept[least]
    return kept


def _ablation(
    values: dict[str, np.ndarray], right: np.ndarray, folds: np.ndarray, out_of_fold: np.ndarray
) -> tuple[AblationRow, ...]:
    rows = [
        ("all", out_of_fold),
        *((name, _out_of_fold_direction(each, right, folds)) for name, each in values.items()),
    ]
    ratios = [(name, prr(~right, ranking) if len(right) else np.nan) for name, ranking in rows]
    return tuple(
        AblationRow(name, None if np.isnan(ratio) else float(ratio)) for name, ratio in ratios
    )


def _out_of_fold_direction(values: np.ndarray, right: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """The measure, with its sign chosen in each fold by the probes of the other folds so that a
    higher value means a more reliable preference."""
    turned = np.zeros(len(values))
    for fold in np.unique(folds):
        in_fold = folds == fold
        others = ~in_fold if not in_fold.all() else in_fold
        turned[in_fold] = values[in_fold] * np.sign(
            (
                (values[others] - values[others].mean()) * (right[others] - right[others].mean())
            ).sum()
        )
    return turned
