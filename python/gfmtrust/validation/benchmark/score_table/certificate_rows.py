"""Which models earn HIGH or MEDIUM by these labels, how many alleles carry the level, and the error
of these.

Every step is cross-fitted. Four fifths of the blocks are divided as a calibration divides them: one
split fits the calls, two certify the levels (`calibration.label_certificates`). The thresholds are
then applied to the alleles of the remaining fifth, whose errors are counted. Source:
docs/understand/reliability.md, "Labels".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from gfmtrust.calibration import label_calibration, label_certificates, splits
from gfmtrust.calibration import label_cells as cells
from gfmtrust.calibration.certificates import ranks as flag_rule
from gfmtrust.calibration.certificates import thresholds
from gfmtrust.calibration.options import Options
from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.vocabulary import Rank
from gfmtrust.validation.benchmark.labelled.questions import SIDE, balanced
from gfmtrust.validation.benchmark.labelled.rows import Row, of_rows
from gfmtrust.validation.benchmark.score_table import crossfit
from gfmtrust.validation.benchmark.score_table.crossfit import CrossFit
from gfmtrust.validation.benchmark.score_table.ranking_rows import COMBINED, mean
from gfmtrust.validation.benchmark.score_table.table import ScoreTable

INNER_FOLDS = 4
STRATUM = "alleles"
"""The one cell of a table: classes are too small for cells, but each may contradict the level."""
BY_BOTH = f"{COMBINED}, with disagreement"
LEVELS = (Rank.HIGH, Rank.MEDIUM)


@dataclass(frozen=True)
class Judgement:
    """Calls and reliability of n alleles; NaN reliability where the scorer has no score."""

    call: np.ndarray
    reliability: np.ndarray


@dataclass(frozen=True)
class Carried:
    """What the held-out alleles carry, by one scorer. rank: int (n,); call: bool (n,); earned: folds
    in which the level was certified; refused: why there is no level at all, '' where it was
    tried."""

    rank: np.ndarray
    call: np.ndarray
    earned: dict[Rank, int]
    refused: str = ""


def certificate_rows(
    table: ScoreTable, fit: CrossFit, stated: np.ndarray, options: Options
) -> list[Row]:
    """Two rows for each scorer, HIGH and MEDIUM. The combined call comes twice: with the distance
    from the cut as its reliability, and with disagreement too."""
    every = np.arange(len(table.models))
    asked = {COMBINED: (every, False), BY_BOTH: (every, True)}
    asked |= {name: (every[[model]], False) for model, name in enumerate(table.models)}
    rows = []
    for scorer, (models, with_disagreement) in asked.items():
        carried = carry(
            table, fit.ranks[:, models], stated[models], fit.fold, options, with_disagreement
        )
        rows += [_row(table, scorer, level, carried, options) for level in LEVELS]
    return rows


def carry(
    table: ScoreTable,
    ranks: np.ndarray,
    stated: np.ndarray,
    fold: np.ndarray,
    options: Options,
    with_disagreement: bool,
) -> Carried:
    """The levels of the held-out alleles of each fold. ranks: (n, m) of the scorer's models; stated:
    bool (m,); fold: int (n,)."""
    n = len(table)
    rank, call = np.full(n, Rank.NOT_SCORED, int), np.zeros(n, bool)
    earned = dict.fromkeys(LEVELS, 0)
    present = np.isfinite(ranks).any(axis=1)
    refused = ""
    for one in np.unique(fold):
        training = np.flatnonzero((fold != one) & present)
        test = np.flatnonzero((fold == one) & present)
        if why_not := label_calibration.too_few(table.effect[training].astype(int)):
            refused = why_not
            continue
        part = splits.split(table.block[training], options.seed)
        in_fit = part == splits.FIT
        if not 0 < table.effect[training[in_fit]].sum() < in_fit.sum():
            refused = "the fit split holds one label only"
            continue
        rows = np.concatenate([training, test])
        judgement = _judge(
            table, ranks, stated, training[in_fit], rows, with_disagreement, options.seed
        )
        n_training = len(training)
        calls = cells.Calls(
            judgement.reliability[:n_training],
            table.effect[training],
            judgement.call[:n_training],
            _strata(table, training),
            table.block[training],
            np.full(n_training, np.nan),
        )
        cap = np.full(n_training, Rank.HIGH, int)
        certificates = label_certificates.certify(calls, cap, part, options)
        stratum = _strata(table, test)
        high, medium = (thresholds(certificates, level.name, stratum) for level in LEVELS)
        rank[test] = flag_rule(
            judgement.reliability[n_training:], np.full(len(test), Rank.HIGH, int), high, medium,
            options.guard_band,
        )  # fmt: skip
        call[test] = judgement.call[n_training:]
        for level in LEVELS:
            earned[level] += any(
                certificate.level == level.name and certificate.threshold is not None
                for certificate in certificates
            )
    return Carried(rank, call, earned, refused)


def _strata(table: ScoreTable, rows: np.ndarray) -> np.ndarray:
    """The class of each allele as a stratum of the one cell, so that a class whose errors contradict
    the level is refused. Classes that the training alleles lack have no level."""
    return np.array([f"{name}:{STRATUM}" for name in table.classes[rows]], dtype=object)


def _judge(
    table: ScoreTable,
    ranks: np.ndarray,
    stated: np.ndarray,
    fit_rows: np.ndarray,
    rows: np.ndarray,
    with_disagreement: bool,
    seed: int,
) -> Judgement:
    """Calls and reliability of `rows`, fitted on `fit_rows` alone, with both labels at equal weight;
    the alleles of the fit split are judged out of fold within it."""
    effect, inner = table.effect[fit_rows], ranks[fit_rows]
    weights = crossfit.balancing_weights(effect)
    inner_fold = splits.folds(table.block[fit_rows], seed + 1, INNER_FOLDS)
    in_fit = crossfit.out_of_fold(inner, effect, stated, inner_fold, weights)
    model = crossfit.fit_combined(inner, effect, stated, weights)
    log_odds = model.log_odds(ranks[rows])
    disagreement = model.disagreement(ranks[rows])
    place = {int(row): i for i, row in enumerate(fit_rows)}
    for i, row in enumerate(rows):
        if int(row) in place:
            log_odds[i], disagreement[i] = (values[place[int(row)]] for values in in_fit)
    if not with_disagreement:
        return Judgement(log_odds > 0, crossfit.reliability(log_odds))
    stage = crossfit.risk_model(*in_fit, effect, weights)
    risk = stage.log_odds(crossfit.risk_columns(log_odds, disagreement))
    return Judgement(log_odds > 0, expit(-risk))


def _row(table: ScoreTable, scorer: str, level: Rank, carried: Carried, options: Options) -> Row:
    rows = np.flatnonzero(carried.rank == level)
    wrong = (carried.call != table.effect).astype(float)
    n, errors = len(rows), int(wrong[rows].sum())
    facts = {
        "scorer": scorer,
        "level": level.name,
        "alpha": options.alpha_high if level == Rank.HIGH else options.alpha_medium,
        "folds_earned": carried.earned[level],
        "n": n,
        "share": n / len(table),
        "n_effect": int(table.effect[rows].sum()),
        "errors": errors,
        "cp_low": float(lower_bound(errors, n, SIDE)) if n else np.nan,
        "cp_high": float(upper_bound(errors, n, SIDE)) if n else np.nan,
        "refused": carried.refused,
    }
    effect = table.effect.astype(float)
    return Row(
        facts,
        {
            "error": of_rows(mean, rows, wrong),
            "balanced": of_rows(balanced, rows, wrong, effect),
        },
    )
