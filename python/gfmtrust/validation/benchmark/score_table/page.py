"""The HTML page of `benchmark scores`: one file, offline, in the style of the report."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from gfmtrust.calibration import label_calibration
from gfmtrust.core.resampling import WITHIN as WITHIN_LOCI
from gfmtrust.report.rendering import rendered
from gfmtrust.validation.benchmark.score_table import figures
from gfmtrust.validation.benchmark.score_table.crossfit import N_FOLDS
from gfmtrust.validation.benchmark.score_table.disagreement_rows import EVERY
from gfmtrust.validation.benchmark.score_table.duplicates import NEAR_DUPLICATE
from gfmtrust.validation.benchmark.score_table.options import ScoreTableOptions
from gfmtrust.validation.benchmark.score_table.ranking_rows import ALL, MIN_OF_CLASS, WITHIN
from gfmtrust.validation.benchmark.score_table.table import ScoreTable
from gfmtrust.validation.benchmark.score_table.wording import blocks_text, of

TITLE = "Scores of many models against labels"
TEMPLATE = "score_table.html.j2"
NONE = "–"
PREDICTORS = ("distance", "disagreement")
SHADES = (0.9, 0.7, 0.5, 0.3)
"""Correlations from which a cell of the matrix is darker, darkest first."""
COUNT_WORDS = {
    "rows": "rows of the table",
    "without_label": "without a label",
    "other_label": "with another label",
    "repeated": "repeated",
    "labelled": "labelled alleles",
}


@dataclass(frozen=True)
class Results:
    """What the page shows. tables: name -> filled rows; intervals: scope of the intervals, see
    `resampling.Blocks.mode`; provenance: pairs of a name and a value."""

    table: ScoreTable
    options: ScoreTableOptions
    tables: dict[str, list[dict]]
    clusters: list[tuple[str, ...]]
    summary: list[str]
    n_blocks: int
    intervals: str
    provenance: list[tuple[str, str]]


def page(results: Results) -> str:
    """The HTML page. Every text from the user's file is escaped; only figures are markup."""
    return rendered(TEMPLATE, context(results))


def context(results: Results) -> dict:
    """The variables of the template."""
    table, tables = results.table, results.tables
    return {
        "title": TITLE,
        "table": table,
        "underscore": Markup("_<wbr>"),
        "n": f"{len(table):,}",
        "n_effect": f"{int(table.effect.sum()):,}",
        "positive": f"{results.options.label} = {results.options.positive}",
        "summary": results.summary,
        "counts": "; ".join(f"{COUNT_WORDS[name]}: {n:,}" for name, n in table.counts.items()),
        "blocks": blocks_text(table, results.n_blocks),
        "intervals": "With fewer than 20 blocks, the intervals hold for these blocks only."
        if results.intervals == WITHIN_LOCI
        else "",
        "warnings": table.warnings,
        "left_out": ", ".join(f"{name} ({why})" for name, why in table.left_out.items()),
        "models": [_model_cells(row) for row in tables["models"]],
        "n_folds": N_FOLDS,
        "min_of_class": MIN_OF_CLASS,
        "seed": results.options.seed,
        "draws": f"{results.options.draws:,}",
        "confidence": f"{1 - results.options.certify.delta:.0%}",
        "labels_needed": _labels_needed(table),
        "errors": [
            (row["scorer"], f"{row['n']:,}", f"{row['errors']:,}", of(row, "error", True),
             of(row, "balanced", True))
            for row in tables["errors"]
            if row["class"] == ALL
        ],
        "certificates": [
            _certificate_cells(row) for row in tables["certificates"] if row["folds_earned"]
        ],
        "not_earned": _not_earned(tables["certificates"]),
        "provenance": results.provenance,
        **_ranking(tables),
        **_disagreement(tables),
        **_abstention(tables),
        **_matrix(table, tables["pairs"], results.clusters),
    }  # fmt: skip


def _model_cells(row: dict) -> tuple[str, ...]:
    stated = "stated" if row["stated"] else f"{row['folds_direction']} of {row['folds']}"
    return (
        row["model"], f"{row['n']:,}", f"{row['missing']:,}", f"{row['direction']} scores", stated,
        f"{row['folds_voting']} of {row['folds']}",
    )  # fmt: skip


def _labels_needed(table: ScoreTable) -> str:
    why_not = label_calibration.too_few(table.effect.astype(int))
    return f"Too few labels: {why_not}." if why_not else ""


def _ranking(tables: dict[str, list[dict]]) -> dict:
    rows = tables["ranking"]
    at = {(row["scorer"], row["class"]): row for row in rows}
    scorers = list(dict.fromkeys(row["scorer"] for row in rows))
    cells = []
    for scorer in scorers:
        pooled, within = at[scorer, ALL], at.get((scorer, WITHIN))
        cells.append(
            (
                scorer,
                f"{pooled['n']:,}",
                of(pooled, "auroc"),
                of(within, "auroc") if within else NONE,
                of(pooled, "ap"),
                of(within, "ap") if within else NONE,
            )
        )
    class_grid = [
        (row["class"], f"{row['n']:,}", f"{row['n_effect']:,}",
         *(_decimals(at[scorer, row["class"]]["auroc"], 2) for scorer in scorers))
        for row in tables["classes"]
    ]  # fmt: skip
    alt = "AUROC over all alleles: " + ", ".join(
        f"{scorer} {at[scorer, ALL]['auroc']:.2f}" for scorer in scorers
    )
    return {
        "ranking": cells,
        "scorers": scorers,
        "class_grid": class_grid,
        "auroc_svg": figures.auroc_plot(rows),
        "auroc_alt": alt,
    }


def _disagreement(tables: dict[str, list[dict]]) -> dict:
    shown = [row for row in tables["quartiles"] if row["class"] in (ALL, WITHIN)]
    quartile_figures = []
    for kind in dict.fromkeys(row["disagreement"] for row in shown):
        rows = [row for row in shown if row["disagreement"] == kind]
        over_all = [row for row in rows if row["class"] == ALL]
        error = sum(row["errors"] for row in over_all) / sum(row["n"] for row in over_all)
        quartile_figures.append(
            {
                "svg": figures.quartile_plot(rows, error),
                "alt": f"Error by quartile of disagreement of {kind}: "
                + ", ".join(f"{row['error']:.1%}" for row in over_all),
                "caption": f"Disagreement of {kind}, least to most: dots over all alleles, "
                "squares within classes.",
            }
        )
    return {
        "quartile_figures": quartile_figures,
        "quartiles": [
            (row["disagreement"], row["class"], row["quartile"], _decimals(row["from"], 3),
             _decimals(row["to"], 3), f"{row['n']:,}", f"{row['errors']:,}", of(row, "error", True))
            for row in shown
        ],
        "wrong": [
            (_asked(row), f"{row['errors']:,} / {row['n']:,}",
             *(of(row, f"auroc_{name}") for name in PREDICTORS),
             *(of(row, f"auroc_{name}_within") for name in PREDICTORS))
            for row in tables["wrong"]
        ],
        "nested": [
            (_asked(row), _decimals(row["b_distance"], 2),
             _decimals(row["b_disagreement"], 2), _decimals(row["lr"], 1), _p(row["p_blocks"]),
             _p(row["p_chi2"]))
            for row in tables["wrong"]
        ],
    }  # fmt: skip


def _asked(row: dict) -> str:
    """The calls that a row is about, with the disagreement where it is not that of the voting
    models."""
    of_all = row["disagreement"] == EVERY
    return f"{row['scorer']}, {EVERY} asked" if of_all else row["scorer"]


def _abstention(tables: dict[str, list[dict]]) -> dict:
    curve = tables["curve"]
    return {
        "abstention": [
            (row["abstain_by"], f"{row['n']:,}", of(row, "aurc"), of(row, "e_aurc"), of(row, "prr"),
             of(row, "error_half", True))
            for row in tables["abstention"]
        ],
        "curve_svg": figures.curve_plot(curve) if curve else "",
        "curve_alt": figures.curve_text(curve),
    }  # fmt: skip


def _certificate_cells(row: dict) -> tuple[str, ...]:
    return (
        row["scorer"], row["level"], f"{row['alpha']:.0%}", f"{row['folds_earned']} of {N_FOLDS}",
        f"{row['n']:,} ({row['share']:.1%})" if row["n"] else "0",
        f"{row['n_effect']:,}" if row["n"] else NONE, f"{row['errors']:,}" if row["n"] else NONE,
        of(row, "error", True), of(row, "balanced", True),
    )  # fmt: skip


def _not_earned(rows: list[dict]) -> list[str]:
    """One sentence for each level that some scorers, or all, earn in no fold."""
    sentences = []
    for level in dict.fromkeys(row["level"] for row in rows):
        of_level = [row for row in rows if row["level"] == level]
        names = [row["scorer"] for row in of_level if not row["folds_earned"]]
        if names:
            words = "any scorer" if len(names) == len(of_level) else "; ".join(names)
            sentences.append(
                f"{level} (at most {of_level[0]['alpha']:.0%}) is not earned by {words}."
            )
    return sentences


def _matrix(table: ScoreTable, pairs: list[dict], clusters: list[tuple[str, ...]]) -> dict:
    place = {name: number for number, name in enumerate(table.models)}
    values = {}
    for row in pairs:
        low, high = sorted((place[row["a"]], place[row["b"]]))
        values[low, high], values[high, low] = row["spearman"], row["residual"]
    matrix = [
        (name, [_cell(values.get((i, j)), i == j) for j in range(len(table.models))])
        for i, name in enumerate(table.models)
    ]
    return {
        "matrix": matrix if len(table.models) > 1 else [],
        "clusters": clusters,
        "near": f"{NEAR_DUPLICATE}",
    }


def _cell(value: float | None, on_diagonal: bool) -> dict:
    if on_diagonal or value is None or not math.isfinite(value):
        return {"text": "" if on_diagonal else NONE, "shade": 0}
    darker = [level for level in SHADES if abs(value) >= level]
    return {"text": f"{value:.2f}".replace("-0.00", "0.00"), "shade": len(darker)}


def _decimals(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else NONE


def _p(value: float) -> str:
    if not math.isfinite(value):
        return NONE
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"
