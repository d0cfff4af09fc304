"""`gfmtrust benchmark scores`: what a table of many models' scores is worth against labels, without a genome.

    gfmtrust benchmark scores --table scores.tsv.gz --label pathogenic --class_column consequence
    --out_dir results

Writes `scores.html`, `scores.json` and one TSV per table. Everything that is fitted is cross-fitted
over blocks. Source: docs/understand/published_models.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np

from gfmtrust import __version__
from gfmtrust.core.resampling import Blocks
from gfmtrust.io import tables
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.validation.benchmark.labelled.rows import Row, filled
from gfmtrust.validation.benchmark.score_table import (
    certificate_rows,
    disagreement_rows,
    duplicates,
    ranking_rows,
)
from gfmtrust.validation.benchmark.score_table.crossfit import CrossFit, cross_fit
from gfmtrust.validation.benchmark.score_table.options import ScoreTableOptions, names_of
from gfmtrust.validation.benchmark.score_table.page import Results, page
from gfmtrust.validation.benchmark.score_table.table import ScoreTable, read_score_table
from gfmtrust.validation.benchmark.score_table.wording import summary

__all__ = ["ScoreTableOptions", "names_of", "score_table"]

HTML, JSON = "scores.html", "scores.json"


def score_table(options: ScoreTableOptions, out_dir: Path) -> dict:
    """Write the page, the JSON file and the TSV files below `out_dir`; return the content of the
    JSON file. Raises the errors of `table.read_score_table`."""
    table = read_score_table(options)
    stated = np.isin(table.models, options.higher_is_damaging)
    fit = cross_fit(table, stated, options.seed)
    blocks = Blocks(table.block, options.seed, options.draws)
    result_tables = _tables(table, fit, stated, options, blocks)
    clusters = duplicates.clusters(table.models, result_tables["pairs"])
    lines = summary(table, result_tables, clusters)
    results = Results(
        table, options, result_tables, clusters, lines, len(np.unique(table.block)), blocks.mode,
        _provenance(options),
    )  # fmt: skip
    content = _content(results)
    out_dir.mkdir(parents=True, exist_ok=True)
    tables.write_json(out_dir / JSON, content)
    for name, rows in result_tables.items():
        tables.write_tsv(out_dir / f"{name}.tsv", rows)
    with part_file(out_dir / HTML, force=True) as part, synced(part) as file:
        file.write(page(results).encode())
    return content


def _tables(
    table: ScoreTable,
    fit: CrossFit,
    stated: np.ndarray,
    options: ScoreTableOptions,
    blocks: Blocks,
) -> dict[str, list[dict]]:
    """Name of each table -> its rows with intervals, all from the same draws."""
    rows = {
        "models": model_rows(table, fit, stated),
        "classes": ranking_rows.class_rows(table),
        "ranking": ranking_rows.ranking_rows(table, fit),
        "errors": ranking_rows.error_rows(table, fit),
        "quartiles": disagreement_rows.quartile_rows(table, fit),
        "wrong": disagreement_rows.wrong_rows(table, fit, blocks),
        "abstention": disagreement_rows.abstention_rows(fit),
        "curve": disagreement_rows.curve_rows(fit),
        "certificates": certificate_rows.certificate_rows(table, fit, stated, options.certify),
        "pairs": duplicates.pair_rows(table, fit),
    }
    with_intervals = iter(filled([row for of_table in rows.values() for row in of_table], blocks))
    return {name: [next(with_intervals) for _ in of_table] for name, of_table in rows.items()}


def model_rows(table: ScoreTable, fit: CrossFit, stated: np.ndarray) -> list[Row]:
    """Scores, missing scores, direction and votes of each model. The direction is that of most
    folds."""
    signs = np.array([directions.sign for directions in fit.directions])
    votes = np.array([directions.votes for directions in fit.directions])
    rows = []
    for model, name in enumerate(table.models):
        missing = ~np.isfinite(table.scores[:, model])
        higher = int((signs[:, model] > 0).sum())
        folds = len(signs)
        is_higher = 2 * higher >= folds
        rows.append(
            Row(
                {
                    "model": name,
                    "n": int((~missing).sum()),
                    "missing": int(missing.sum()),
                    "missing_effect": int((missing & table.effect).sum()),
                    "direction": "higher" if is_higher else "lower",
                    "stated": bool(stated[model]),
                    "folds_direction": higher if is_higher else folds - higher,
                    "folds_voting": int(votes[:, model].sum()),
                    "folds": folds,
                }
            )
        )
    return rows


def _provenance(options: ScoreTableOptions) -> list[tuple[str, str]]:
    return [
        ("table", options.table.name),
        ("SHA-256", hashlib.sha256(options.table.read_bytes()).hexdigest()),
        ("label", f"{options.label}: {options.positive} or {options.negative}"),
        ("class", options.class_column or "none"),
        ("gfmtrust", __version__),
    ]


def _content(results: Results) -> dict:
    """The content of the JSON file."""
    table, options = results.table, results.options
    asked = {name: value for name, value in asdict(options).items() if name != "certify"}
    return tables.plain(
        {
            "benchmark": "scores",
            "version": __version__,
            "summary": results.summary,
            "options": asked | {"table": table.name, "levels": _levels(options)},
            "provenance": dict(results.provenance),
            "counts": table.counts,
            "models": list(table.models),
            "left_out": table.left_out,
            "warnings": list(table.warnings),
            "blocks": {
                "from": table.blocks_from,
                "n": results.n_blocks,
                "intervals": results.intervals,
            },
            "clusters": [list(group) for group in results.clusters],
            "tables": results.tables,
        }
    )


def _levels(options: ScoreTableOptions) -> dict:
    certify = options.certify
    return {
        "alpha_high": certify.alpha_high,
        "alpha_medium": certify.alpha_medium,
        "delta": certify.delta,
    }
