"""What the tables of `benchmark scores` say, in sentences, negative findings included."""

from __future__ import annotations

import math

from gfmtrust.calibration import label_calibration
from gfmtrust.core.vocabulary import Rank
from gfmtrust.validation.benchmark.score_table.certificate_rows import BY_BOTH
from gfmtrust.validation.benchmark.score_table.disagreement_rows import EVERY, VOTING
from gfmtrust.validation.benchmark.score_table.ranking_rows import ALL, COMBINED, WITHIN
from gfmtrust.validation.benchmark.score_table.table import (
    BY_COLUMN,
    BY_MEGABASE,
    ScoreTable,
)

SIGNIFICANT = 0.05
BLOCK_WORDS = {
    BY_COLUMN: "blocks of the block column",
    BY_MEGABASE: "blocks of 1 Mb",
}


def number(value: float, low: float, high: float, percent: bool = False) -> str:
    """A value with its 95 % interval; – where it has none."""
    if not _finite(value):
        return "–"
    form = "{:.1%}" if percent else "{:.3f}"
    text = form.format(value)
    if not (_finite(low) and _finite(high)):
        return text
    return f"{text} ({form.format(low)} to {form.format(high)})"


def of(row: dict, name: str, percent: bool = False) -> str:
    """The statistic of a row with its interval."""
    return number(row[name], row[f"{name}_low"], row[f"{name}_high"], percent)


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def blocks_text(table: ScoreTable, n_blocks: int) -> str:
    words = BLOCK_WORDS.get(
        table.blocks_from, "rows, each a block of its own, because the table has no positions"
    )
    return f"{n_blocks:,} {words}"


def summary(table: ScoreTable, tables: dict[str, list[dict]], clusters: list[tuple]) -> list[str]:
    """The lines at the head of the page. tables: name -> filled rows."""
    return [
        *_ranking_lines(tables),
        *_combined_lines(tables),
        *_disagreement_lines(tables),
        *_level_lines(tables, table),
        *_cluster_lines(clusters),
        *_silent_lines(tables),
    ]


def _ranking_lines(tables: dict[str, list[dict]]) -> list[str]:
    scope = WITHIN if any(row["class"] == WITHIN for row in tables["ranking"]) else ALL
    of_models = {
        row["scorer"]: row
        for row in tables["ranking"]
        if row["class"] == scope and row["scorer"] != COMBINED and _finite(row["auroc"])
    }
    if not of_models:
        return []
    best = max(of_models, key=lambda name: of_models[name]["auroc"])
    pooled = _row(tables["ranking"], scorer=best, **{"class": ALL})
    within = f", {of(of_models[best], 'auroc')} within classes" if scope == WITHIN else ""
    return [f"{best} ranks the labels best: AUROC {of(pooled, 'auroc')} over all alleles{within}."]


def _combined_lines(tables: dict[str, list[dict]]) -> list[str]:
    rows = {row["scorer"]: row for row in tables["errors"] if row["class"] == ALL}
    combined = rows.pop(COMBINED)
    best = min(
        (name for name in rows if _finite(rows[name]["error"])),
        key=lambda name: rows[name]["error"],
        default=None,
    )
    ranking = _row(tables["ranking"], scorer=COMBINED, **{"class": ALL})
    lines = [
        f"All voting models together: AUROC {of(ranking, 'auroc')}; their cross-fitted calls are wrong "
        f"in {of(combined, 'error', True)}."
    ]
    if best is not None:
        beats = combined["error"] < rows[best]["error"]
        lines.append(
            f"{best} alone is wrong in {of(rows[best], 'error', True)}"
            + ("." if beats else ": the combination does not beat it.")
        )
    return lines


def _disagreement_lines(tables: dict[str, list[dict]]) -> list[str]:
    quartiles = [
        row for row in tables["quartiles"] if (row["disagreement"], row["class"]) == (VOTING, ALL)
    ]
    wrong = _row(tables["wrong"], scorer=COMBINED, disagreement=VOTING)
    if not quartiles or wrong is None:
        return ["Too few wrong calls, or too few voting models, to ask what disagreement says."]
    p = wrong["p_blocks"] if _finite(wrong["p_blocks"]) else wrong["p_chi2"]
    adds = p < SIGNIFICANT and wrong["b_disagreement"] > 0
    lines = [
        f"The combined calls are wrong in {quartiles[0]['error']:.1%} of the quarter of alleles where "
        f"the voting models disagree least, and in {quartiles[-1]['error']:.1%} where they disagree most.",
        f"Disagreement {'adds to' if adds else 'adds nothing that is shown to'} the distance from the cut "
        f"(likelihood ratio {wrong['lr']:.1f}, p = {p:.2g}); alone it finds wrong calls less well: "
        f"AUROC {of(wrong, 'auroc_disagreement')} against {of(wrong, 'auroc_distance')}."
        if wrong["auroc_disagreement"] < wrong["auroc_distance"]
        else f"Disagreement finds wrong calls at least as well as the distance from the cut: AUROC "
        f"{of(wrong, 'auroc_disagreement')} against {of(wrong, 'auroc_distance')}.",
    ]
    areas = {row["abstain_by"]: row for row in tables["abstention"]}
    if {"distance", "both"} <= set(areas):
        lines.append(
            f"Abstaining by distance has an AURC of {of(areas['distance'], 'aurc')}, by distance and "
            f"disagreement together {of(areas['both'], 'aurc')}."
        )
    every = _row(tables["wrong"], scorer=COMBINED, disagreement=EVERY)
    if every:
        lines.append(
            "The disagreement of all models, those that rank at chance included, finds wrong calls with an "
            f"AUROC of {of(every, 'auroc_disagreement')}."
        )
    return lines


def _level_lines(tables: dict[str, list[dict]], table: ScoreTable) -> list[str]:
    lines = []
    for level in (Rank.HIGH, Rank.MEDIUM):
        rows = [row for row in tables["certificates"] if row["level"] == level.name]
        earned = [row for row in rows if row["folds_earned"]]
        limit = f"{level.name} (error at most {rows[0]['alpha']:.0%})"
        if not earned:
            lines.append(f"{limit} is earned by no model.")
            continue
        best = max(earned, key=lambda row: row["n"])
        name = best["scorer"].replace(BY_BOTH, "the combination with disagreement")
        lines.append(
            f"{limit} is earned in a fold or more by {len(earned)} of {len(rows)} scorers; {name} gives it to "
            f"{best['n']:,} held-out alleles ({best['share']:.0%}), whose calls are wrong in "
            f"{of(best, 'error', True)}."
        )
    refused = sorted({row["refused"] for row in tables["certificates"] if row["refused"]})
    lines += [f"No level can be certified: {text}." for text in refused]
    fewest = min(int(table.effect.sum()), int((~table.effect).sum()))
    if fewest < label_calibration.LIKELY_HIGH:
        lines.append(
            f"The rarer label has {fewest:,} alleles; with fewer than {label_calibration.LIKELY_HIGH:,}, "
            "HIGH is unlikely whatever the model."
        )
    return lines


def _cluster_lines(clusters: list[tuple]) -> list[str]:
    if not clusters:
        return ["No two models are near-duplicates."]
    return [
        f"Near-duplicates: {', '.join(group)}; they count as one opinion." for group in clusters
    ]


def _silent_lines(tables: dict[str, list[dict]]) -> list[str]:
    silent = [row["model"] for row in tables["models"] if not row["folds_voting"]]
    if not silent:
        return []
    return [f"No vote, because they rank the labels at chance: {', '.join(silent)}."]


def _row(rows: list[dict], **values) -> dict | None:
    return next(
        (row for row in rows if all(row[name] == value for name, value in values.items())), None
    )
