"""What the disagreement of the models says about wrong calls, and what it adds to the distance from
the cut.

Disagreement is the standard deviation of the models' ranks. It is asked of the calls of all models
together and of each model alone; within classes, because a class may have both many errors and
much disagreement. Source: docs/understand/published_models.md.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.stats import chi2

from gfmtrust.calibration.reliability import newton
from gfmtrust.core.ranking import Ties, auroc
from gfmtrust.core.resampling import Blocks
from gfmtrust.core.risk_coverage import aurc, e_aurc, prr, risk_at_coverage
from gfmtrust.validation.benchmark.labelled.confounders import STRENGTH, likelihood_ratio
from gfmtrust.validation.benchmark.labelled.rows import Row, of_rows
from gfmtrust.validation.benchmark.score_table.crossfit import Calls, CrossFit
from gfmtrust.validation.benchmark.score_table.ranking_rows import (
    ALL,
    WITHIN,
    classes_of,
    mean,
    mean_over,
)
from gfmtrust.validation.benchmark.score_table.table import ScoreTable

N_QUARTILES = 4
MIN_OF_QUARTILES = 40
"""Alleles that a class needs for quartiles of its own."""
MIN_ERRORS = 20
"""Wrong calls, and right ones, that the nested test needs."""
NESTED_DRAWS = 199
VOTING, EVERY = "voting models", "all models"
"""The two disagreements: of the models that rank the labels of the training folds, and of all."""
COVERAGES = tuple(share / 100 for share in range(5, 101, 5))


def disagreements(fit: CrossFit) -> dict[str, np.ndarray]:
    """Name -> disagreement (n,); the two are one where every model votes in every fold."""
    by_name = {VOTING: fit.combined.disagreement}
    if not all(directions.votes.all() for directions in fit.directions):
        by_name[EVERY] = fit.disagreement_all
    return by_name


def quartile_of(values: np.ndarray) -> np.ndarray:
    """Quartile of each value, 0 to 3, (n,): equal in number, ties together."""
    edges = np.quantile(values, np.linspace(0, 1, N_QUARTILES + 1)[1:-1])
    return np.searchsorted(edges, values, side="right")


def quartile_rows(table: ScoreTable, fit: CrossFit) -> list[Row]:
    """Error of the combined calls by quartile of disagreement: over all alleles, by the quartiles of
    each class together, and in each class."""
    rows = []
    for kind, disagreement in disagreements(fit).items():
        calls = replace(fit.combined, disagreement=disagreement)
        usable = calls.usable
        if not len(usable):
            continue
        within = np.zeros(len(table), int)
        of_classes = {name: usable[table.classes[usable] == name] for name in classes_of(table)}
        for part in of_classes.values():
            within[part] = quartile_of(disagreement[part]) if len(part) else 0
        overall = np.zeros(len(table), int)
        overall[usable] = quartile_of(disagreement[usable])
        scopes = {ALL: (usable, overall)}
        if of_classes:
            scopes[WITHIN] = usable, within
        scopes |= {
            name: (part, within)
            for name, part in of_classes.items()
            if len(part) >= MIN_OF_QUARTILES
        }
        for scope, (part, quartile) in scopes.items():
            rows += _quartiles(calls, kind, scope, part, quartile)
    return rows


def _quartiles(
    calls: Calls, kind: str, scope: str, part: np.ndarray, quartile: np.ndarray
) -> list[Row]:
    rows = []
    for one in range(N_QUARTILES):
        members = part[quartile[part] == one]
        values = calls.disagreement[members]
        facts = {
            "disagreement": kind,
            "class": scope,
            "quartile": one + 1,
            "from": float(values.min()) if len(values) else np.nan,
            "to": float(values.max()) if len(values) else np.nan,
            "n": len(members),
            "errors": int(calls.wrong[members].sum()),
        }
        rows.append(Row(facts, {"error": of_rows(mean, members, calls.wrong.astype(float))}))
    return rows


def wrong_rows(table: ScoreTable, fit: CrossFit, blocks: Blocks) -> list[Row]:
    """For the calls of all models together, and of each alone: AUROC of distance and of disagreement
    for a wrong call, overall and within classes, and the nested test of disagreement beside
    distance. The disagreement of all models is asked of the combined calls only."""
    asked = [
        (kind, replace(fit.combined, disagreement=disagreement))
        for kind, disagreement in disagreements(fit).items()
    ]
    asked += [(VOTING, calls) for calls in fit.single]
    rows = []
    for kind, calls in asked:
        n_wrong = int(calls.wrong[calls.usable].sum())
        if min(n_wrong, len(calls.usable) - n_wrong) >= MIN_ERRORS:
            rows.append(_wrong_row(table, calls, kind, blocks))
    return rows


def _wrong_row(table: ScoreTable, calls: Calls, kind: str, blocks: Blocks) -> Row:
    usable, wrong = calls.usable, calls.wrong.astype(int)
    parts = [usable[table.classes[usable] == name] for name in sorted(set(table.classes))]
    statistics = {}
    rankings = {"distance": -calls.distance, "disagreement": calls.disagreement}
    if kind == VOTING and np.isfinite(calls.risk).all():
        rankings["both"] = calls.risk
    for name, ranking in rankings.items():
        statistics[f"auroc_{name}"] = mean_over([usable], wrong, ranking, auroc)
        statistics[f"auroc_{name}_within"] = mean_over(parts, wrong, ranking, auroc, by_pairs=True)
    facts = {
        "scorer": calls.name,
        "disagreement": kind,
        "n": len(usable),
        "errors": int(wrong[usable].sum()),
    }
    return Row(
        facts | nested(table.classes, calls, blocks), statistics, dict.fromkeys(statistics, 0.5)
    )


def nested(classes: np.ndarray, calls: Calls, blocks: Blocks) -> dict:
    """The likelihood-ratio test of adding disagreement to distance in a logistic regression of a
    wrong call, with an intercept for each class.

    Returns `lr` (twice the gain in log likelihood, one degree of freedom), `p_chi2` for independent
    alleles, `p_blocks` by a bootstrap over blocks (NaN with fewer than 20), and the coefficients of
    distance and disagreement in log odds per standard deviation.
    """
    usable = calls.usable
    wrong = calls.wrong[usable].astype(float)
    names = sorted(set(classes[usable]))
    intercepts = [(classes[usable] == name).astype(float) for name in names[1:]]
    distance, disagreement = (
        _standard(calls.distance[usable]),
        _standard(calls.disagreement[usable]),
    )
    base = np.column_stack([np.ones(len(usable)), *intercepts, distance])
    extra = disagreement[:, None]
    lr, p_blocks = likelihood_ratio(
        base, extra, wrong, replace(blocks, block=blocks.block[usable], draws=NESTED_DRAWS)
    )
    coefficients = newton(np.column_stack([base, extra]), wrong, STRENGTH)
    return {
        "lr": lr,
        "p_chi2": float(chi2.sf(lr, 1)),
        "p_blocks": p_blocks,
        "b_distance": float(coefficients[-2]),
        "b_disagreement": float(coefficients[-1]),
    }


def _standard(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def trusts(fit: CrossFit) -> dict[str, np.ndarray]:
    """The rankings by which the combined calls may be trusted, higher for more, (n,)."""
    calls = fit.combined
    return {
        "distance": calls.distance,
        "disagreement": -calls.disagreement,
        "both": -calls.risk,
    }


def abstention_rows(fit: CrossFit) -> list[Row]:
    """AURC and its relatives of abstaining by distance, by disagreement, and by both; and the error
    among the more trusted half."""
    usable, wrong = fit.combined.usable, fit.combined.wrong.astype(float)
    rows = []
    for name, ranking in trusts(fit).items():
        if not len(usable):
            continue
        ties = Ties.of(ranking[usable])
        measures = {"aurc": aurc, "e_aurc": e_aurc, "prr": prr}
        statistics = {
            column: of_rows(lambda y, w, m=measure, t=ties: m(y, t, w), usable, wrong)
            for column, measure in measures.items()
        }
        half = np.argsort(-ranking[usable], kind="stable")[: len(usable) // 2]
        statistics["error_half"] = of_rows(mean, usable[half], wrong)
        rows.append(Row({"abstain_by": name, "n": len(usable)}, statistics))
    return rows


def curve_rows(fit: CrossFit) -> list[Row]:
    """Error among the most trusted alleles at each coverage."""
    usable, wrong = fit.combined.usable, fit.combined.wrong.astype(float)
    rows = []
    for name, ranking in trusts(fit).items():
        if not len(usable):
            continue
        risk = risk_at_coverage(wrong[usable], ranking[usable])
        for coverage in COVERAGES:
            n = max(1, round(coverage * len(usable)))
            rows.append(
                Row({"abstain_by": name, "coverage": coverage, "n": n, "error": float(risk[n - 1])})
            )
    return rows
