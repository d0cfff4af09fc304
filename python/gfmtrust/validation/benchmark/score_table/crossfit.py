"""Cross-fitted calls: directions, voting models and regressions come from the training folds, and
are used on the fold that had no part in them. Folds are whole blocks.

Scales differ between models, so everything here is computed from ranks. The ranks themselves use no
label, so they are taken over the whole table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

from gfmtrust.calibration import splits
from gfmtrust.calibration.reliability import newton
from gfmtrust.core.ranking import auroc, auroc_null_error, mid_ranks, rank_disagreement
from gfmtrust.validation.benchmark.score_table.table import ScoreTable

N_FOLDS = 5
STRENGTH = 1.0
"""Inverse L2 penalty of the regressions on ranks, as scikit-learn's default."""
VOTE_Z = 1.96
"""Standard errors by which the AUROC of a model must exceed 1/2 on the training folds for its vote.
A model that ranks at chance has no direction, and its rank would only add noise to disagreement."""
MIDDLE = 0.5
"""Rank of a missing score in a regression: it speaks for neither label."""


@dataclass(frozen=True)
class Directions:
    """What some training alleles say about the models, (M,) each. sign: +1 where a higher score
    means an effect, else -1; votes: bool, whether the model ranks their labels better than
    chance."""

    sign: np.ndarray
    votes: np.ndarray

    def oriented(self, ranks: np.ndarray) -> np.ndarray:
        """The ranks (n, M) with higher for an effect."""
        return np.where(self.sign > 0, ranks, 1 - ranks)


def directions_of(ranks: np.ndarray, effect: np.ndarray, stated: np.ndarray) -> Directions:
    """The directions by the labels of these alleles. ranks: (n, M); effect: bool (n,); stated: bool
    (M,), models whose higher score is stated to mean an effect."""
    sign, votes = np.ones(len(stated), int), np.zeros(len(stated), bool)
    for model, column in enumerate(ranks.T):
        present = np.isfinite(column)
        n_effect = int(effect[present].sum())
        n_none = int(present.sum()) - n_effect
        if not n_effect or not n_none:
            continue
        area = auroc(effect[present], column[present])
        if area < MIDDLE and not stated[model]:
            sign[model], area = -1, 1 - area
        votes[model] = area - MIDDLE > VOTE_Z * auroc_null_error(n_effect, n_none)
    return Directions(sign, votes)


@dataclass(frozen=True)
class Regression:
    """A logistic regression of a label on columns. coefficients: (p + 1,), the intercept first;
    mean, scale: (p,), of the training alleles."""

    coefficients: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    def log_odds(self, columns: np.ndarray) -> np.ndarray:
        """columns: (n, p); returns (n,)."""
        standard = (columns - self.mean) / self.scale
        return self.coefficients[0] + standard @ self.coefficients[1:]


def regress(
    columns: np.ndarray, label: np.ndarray, weights: np.ndarray | None = None
) -> Regression:
    """Fit by `reliability.newton`. columns: (n, p); label: bool (n,); weights: (n,). Where all
    labels are equal, the intercept alone is fitted, with one half added to both counts."""
    mean = columns.mean(axis=0)
    scale = columns.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    n_ones = int(label.sum())
    if n_ones in (0, len(label)):
        coefficients = np.zeros(columns.shape[1] + 1)
        coefficients[0] = np.log((n_ones + 0.5) / (len(label) - n_ones + 0.5))
        return Regression(coefficients, mean, scale)
    matrix = np.column_stack([np.ones(len(label)), (columns - mean) / scale])
    coefficients = newton(
        matrix, label.astype(float), STRENGTH, weights=1.0 if weights is None else weights
    )
    return Regression(coefficients, mean, scale)


@dataclass(frozen=True)
class CombinedModel:
    """The regression of the label on the oriented ranks of the models that vote, fitted on some
    training alleles."""

    directions: Directions
    regression: Regression

    def log_odds(self, ranks: np.ndarray) -> np.ndarray:
        return self.regression.log_odds(_inputs(self.directions, ranks))

    def disagreement(self, ranks: np.ndarray) -> np.ndarray:
        """Of the models that vote, (n,); NaN where fewer than two have a score."""
        return rank_disagreement(self.directions.oriented(ranks)[:, self.directions.votes])


def _inputs(directions: Directions, ranks: np.ndarray) -> np.ndarray:
    oriented = directions.oriented(ranks)[:, directions.votes]
    return np.where(np.isnan(oriented), MIDDLE, oriented)


def fit_combined(
    ranks: np.ndarray, effect: np.ndarray, stated: np.ndarray, weights: np.ndarray | None = None
) -> CombinedModel:
    """Directions and regression from these alleles alone; arguments as `directions_of`."""
    directions = directions_of(ranks, effect, stated)
    return CombinedModel(directions, regress(_inputs(directions, ranks), effect, weights))


def out_of_fold(
    ranks: np.ndarray,
    effect: np.ndarray,
    stated: np.ndarray,
    fold: np.ndarray,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Log odds of an effect and disagreement of each allele, (n,) each, from a fit to the other
    folds. fold: int (n,)."""
    log_odds, disagreement = np.zeros(len(effect)), np.full(len(effect), np.nan)
    for one in np.unique(fold):
        test, training = fold == one, fold != one
        model = fit_combined(
            ranks[training],
            effect[training],
            stated,
            None if weights is None else weights[training],
        )
        log_odds[test] = model.log_odds(ranks[test])
        disagreement[test] = model.disagreement(ranks[test])
    return log_odds, disagreement


@dataclass(frozen=True)
class Calls:
    """The cross-fitted calls of one scorer. log_odds: of an effect (n,), NaN where the scorer has
    no score; disagreement: of the voting models (n,); risk: log odds that the call is wrong by
    distance and disagreement together (n,), NaN where not computed."""

    name: str
    log_odds: np.ndarray
    disagreement: np.ndarray
    effect: np.ndarray
    risk: np.ndarray

    @cached_property
    def wrong(self) -> np.ndarray:
        """Does the call, an effect where the log odds are above 0, differ from the label?"""
        return (self.log_odds > 0) != self.effect

    @cached_property
    def distance(self) -> np.ndarray:
        """Distance from the cut, in log odds."""
        return np.abs(self.log_odds)

    @cached_property
    def usable(self) -> np.ndarray:
        """Rows with both predictors of a wrong call, int."""
        return np.flatnonzero(np.isfinite(self.log_odds) & np.isfinite(self.disagreement))


@dataclass(frozen=True)
class CrossFit:
    """All that is cross-fitted from a table. ranks: (n, M), as the scores are; oriented: (n, M),
    higher for an effect by the directions of the other folds; fold: int (n,); directions: one per
    fold; combined: the calls of all voting models together; single: those of each model alone;
    disagreement_all: of all models, voting or not."""

    ranks: np.ndarray
    oriented: np.ndarray
    fold: np.ndarray
    directions: tuple[Directions, ...]
    combined: Calls
    single: tuple[Calls, ...]
    disagreement_all: np.ndarray


def cross_fit(table: ScoreTable, stated: np.ndarray, seed: int) -> CrossFit:
    """stated: bool (M,), see `directions_of`; seed: of the folds."""
    ranks, effect = mid_ranks(table.scores), table.effect
    fold = splits.folds(table.block, seed, N_FOLDS)
    oriented, of_folds = np.full(ranks.shape, np.nan), []
    for one in np.unique(fold):
        directions = directions_of(ranks[fold != one], effect[fold != one], stated)
        oriented[fold == one] = directions.oriented(ranks[fold == one])
        of_folds.append(directions)
    log_odds, disagreement = out_of_fold(ranks, effect, stated, fold)
    risk = _risks(ranks, effect, stated, fold)
    combined = Calls("combined", log_odds, disagreement, effect, risk)
    single = tuple(
        Calls(
            name, _single(ranks[:, model], effect, fold), disagreement, effect,
            np.full(len(effect), np.nan),
        )
        for model, name in enumerate(table.models)
    )  # fmt: skip
    return CrossFit(
        ranks, oriented, fold, tuple(of_folds), combined, single, rank_disagreement(oriented)
    )


def _single(rank: np.ndarray, effect: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Log odds from one model's rank, by a fit to the other folds; NaN where it has no score."""
    log_odds, present = np.full(len(effect), np.nan), np.isfinite(rank)
    for one in np.unique(fold):
        training, test = present & (fold != one), present & (fold == one)
        if training.any():
            fitted = regress(rank[training][:, None], effect[training])
            log_odds[test] = fitted.log_odds(rank[test][:, None])
    return log_odds


def _risks(
    ranks: np.ndarray, effect: np.ndarray, stated: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """Log odds that the combined call is wrong, by distance and disagreement, (n,). The calls of the
    training alleles are themselves out of fold within the training folds, so that no label of the
    test fold has a part in its risk."""
    risk = np.zeros(len(effect))
    for one in np.unique(fold):
        test, training = fold == one, fold != one
        log_odds, disagreement = out_of_fold(
            ranks[training], effect[training], stated, fold[training]
        )
        stage = risk_model(log_odds, disagreement, effect[training])
        model = fit_combined(ranks[training], effect[training], stated)
        risk[test] = stage.log_odds(
            risk_columns(model.log_odds(ranks[test]), model.disagreement(ranks[test]))
        )
    return risk


def risk_columns(log_odds: np.ndarray, disagreement: np.ndarray) -> np.ndarray:
    """Distance from the cut and disagreement, (n, 2); a missing disagreement counts as none."""
    return np.column_stack([np.abs(log_odds), np.nan_to_num(disagreement)])


def risk_model(
    log_odds: np.ndarray,
    disagreement: np.ndarray,
    effect: np.ndarray,
    weights: np.ndarray | None = None,
) -> Regression:
    """The regression of a wrong call on distance and disagreement, (n,) each."""
    wrong = (log_odds > 0) != effect
    return regress(risk_columns(log_odds, disagreement), wrong, weights)


def balancing_weights(effect: np.ndarray) -> np.ndarray:
    """Weights (n,) that give both labels the same sum, with a mean of 1."""
    share = effect.mean()
    if share in (0.0, 1.0):
        return np.ones(len(effect))
    return np.where(effect, 0.5 / share, 0.5 / (1 - share))


def reliability(log_odds: np.ndarray) -> np.ndarray:
    """Estimated probability that the call is right, by distance alone, (n,)."""
    return expit(np.abs(log_odds))
