"""The questions about labelled alleles: which scorer ranks the labels, does the flag find the
errors, do errors decrease from LOW to HIGH?

Each function returns the rows of one table for one stratum, without intervals (`rows.filled` adds
them). Source: docs/understand/reliability.md, "Labels".
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.ranking import Ties, auroc, average_precision
from gfmtrust.core.risk_coverage import augrc, aurc, e_aurc, prr
from gfmtrust.core.vocabulary import Rank
from gfmtrust.validation.benchmark.labelled.alleles import ENSEMBLE, Judged
from gfmtrust.validation.benchmark.labelled.rows import Row, of_rows

LEVELS = (Rank.LOW, Rank.MEDIUM, Rank.HIGH)
EVERY = "all"
SIDE = 0.025
"""The probability outside either side of a two-sided interval."""


def trust(judged: Judged) -> dict[str, np.ndarray]:
    """Return the rankings by which an allele's call may be trusted, higher for more, (n,) each; NaN
    where missing."""
    table = judged.table
    return {
        "reliability": table["rel"].to_numpy(np.float64),
        "flag": table["rank"].to_numpy(np.float64),
        "abs_llr": np.abs(table["llr"].to_numpy(np.float64)),
        "distance_to_cut": table["distance"].to_numpy(np.float64),
        "entropy": -table["ent"].to_numpy(np.float64),
        "disagreement": -table["dis"].to_numpy(np.float64),
    }


def ranking_rows(judged: Judged) -> list[Row]:
    """Return AUROC and average precision of the label, one row per scorer, then those of the
    ensemble among the alleles of each flag."""
    label, rank = judged.table["label"].to_numpy(), judged.table["rank"].to_numpy()
    asked = [
        (name, EVERY, np.flatnonzero(np.isfinite(score))) for name, score in judged.scorers.items()
    ]
    asked += [(ENSEMBLE, level.name, np.flatnonzero(rank == level)) for level in LEVELS[::-1]]
    rows = []
    for name, flag, of_flag in asked:
        facts = {
            "scorer": name,
            "flag": flag,
            "n": len(of_flag),
            "n_effect": int(label[of_flag].sum()),
        }
        if not len(of_flag):
            rows.append(Row(facts | {"auroc": np.nan, "ap": np.nan}))
            continue
        ties = Ties.of(judged.scorers[name][of_flag])
        rows.append(
            Row(
                facts,
                {
                    "auroc": of_rows(lambda y, w, t=ties: auroc(y, t, w), of_flag, label),
                    "ap": of_rows(lambda y, w, t=ties: average_precision(y, t, w), of_flag, label),
                },
                {"auroc": 0.5},
            )
        )
    return rows


def selective_rows(judged: Judged) -> list[Row]:
    """Return how well each ranking of trust finds the wrong calls: AURC, E-AURC, AUGRC, PRR, and
    AUROC of right against wrong."""
    wrong = judged.table["wrong"].to_numpy(np.float64)
    rows = []
    for name, ranking in trust(judged).items():
        finite = np.flatnonzero(np.isfinite(ranking))
        facts = {"ranking": name, "n": len(finite), "errors": int(wrong[finite].sum())}
        if not len(finite):
            continue
        ties = Ties.of(ranking[finite])
        measures = {
            "aurc": aurc,
            "e_aurc": e_aurc,
            "augrc": augrc,
            "prr": prr,
            "auroc_right": _auroc_right,
        }
        rows.append(
            Row(
                facts | {"error": wrong[finite].mean()},
                {
                    column: of_rows(lambda y, w, t=ties, m=measure: m(y, t, w), finite, wrong)
                    for column, measure in measures.items()
                },
                {"prr": 0.0},
            )
        )
    return rows


def _auroc_right(wrong: np.ndarray, ties: Ties, weights: np.ndarray) -> float:
    return auroc(1 - wrong, ties, weights)


def tier_rows(judged: Judged) -> list[Row]:
    """Return the wrong calls of each flag with the two-sided Clopper-Pearson interval, in all and
    by the allele that the model prefers.

    `balanced` is the error with both labels at equal weight. Guessing gives 0.5 there, however
    often it calls an effect and however rare effects are; the plain error of a model without
    information depends on both.
    """
    wrong, label, rank = (
        judged.table["wrong"].to_numpy(np.float64),
        judged.table["label"].to_numpy(np.float64),
        judged.table["rank"].to_numpy(),
    )
    llr = judged.table["llr"].to_numpy(np.float64)
    rows = []
    for level in LEVELS[::-1]:
        for prefers, side in ((EVERY, np.isfinite(llr)), ("ALT", llr > 0), ("REF", llr < 0)):
            of_side = np.flatnonzero((rank == level) & side)
            n, errors = len(of_side), int(wrong[of_side].sum())
            facts = {
                "flag": level.name,
                "prefers": prefers,
                "n": n,
                "errors": errors,
                "cp_low": np.nan,
                "cp_high": np.nan,
            }
            if n:
                facts |= {
                    "cp_low": float(lower_bound(errors, n, SIDE)),
                    "cp_high": float(upper_bound(errors, n, SIDE)),
                }
            rows.append(
                Row(
                    facts,
                    {
                        "error": of_rows(_mean, of_side, wrong),
                        "balanced": of_rows(balanced, of_side, wrong, label),
                    },
                )
            )
    return rows


def trend_rows(judged: Judged) -> list[Row]:
    """Return one row on whether errors decrease with the flag: slope and Cochran-Armitage z over
    LOW, MEDIUM, HIGH, risk ratio of HIGH against the rest, and AUROC of the label among MEDIUM and
    HIGH together minus that among LOW (`auroc_gain`), which does not depend on the cut or the
    prevalence."""
    table = judged.table
    wrong, label, rank = (table[name].to_numpy(np.float64) for name in ("wrong", "label", "rank"))
    score = Ties.of(judged.scorers[ENSEMBLE])
    every = np.arange(len(wrong))
    facts = {"n": len(wrong), "flags": len(np.unique(rank)), "z": cochran_armitage(wrong, rank)}
    return [
        Row(
            facts,
            {
                "slope": of_rows(slope, every, wrong, rank),
                "risk_ratio": of_rows(risk_ratio, every, wrong, rank),
                "auroc_gain": of_rows(
                    lambda y, r, w: (
                        auroc(y, score, w * (r > Rank.LOW)) - auroc(y, score, w * (r == Rank.LOW))
                    ),
                    every,
                    label,
                    rank,
                ),
            },
            {"slope": 0.0, "risk_ratio": 1.0, "auroc_gain": 0.0},
        )
    ]


def slope(wrong: np.ndarray, rank: np.ndarray, weights: np.ndarray) -> float:
    """Return the change of the error per flag level: least squares of wrong on rank; NaN where only
    one flag occurs."""
    total = weights.sum()
    centred = rank - (weights * rank).sum() / total
    spread = (weights * centred * centred).sum()
    return float((weights * centred * wrong).sum() / spread) if spread > 0 else float("nan")


def cochran_armitage(wrong: np.ndarray, rank: np.ndarray) -> float:
    """Return z of the trend test over ordered flags, negative where errors decrease; alleles are
    taken as independent. Source: Armitage 1955."""
    n, share = len(wrong), wrong.mean() if len(wrong) else np.nan
    spread = ((rank - rank.mean()) ** 2).sum() * share * (1 - share) if n else 0.0
    return (
        float(((rank - rank.mean()) * wrong).sum() / np.sqrt(spread))
        if spread > 0
        else float("nan")
    )


def risk_ratio(wrong: np.ndarray, rank: np.ndarray, weights: np.ndarray) -> float:
    """Return the error of HIGH divided by that of the rest; NaN where the rest has none."""
    rest = _mean(wrong, weights * (rank != Rank.HIGH))
    return _mean(wrong, weights * (rank == Rank.HIGH)) / rest if rest > 0 else float("nan")


def balanced(wrong: np.ndarray, label: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean of the errors of both labels; NaN where a label is missing."""
    return (_mean(wrong, weights * (label == 1)) + _mean(wrong, weights * (label == 0))) / 2


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0 else float("nan")
