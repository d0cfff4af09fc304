"""The labelled alleles of a table of scores: labels, classes, blocks, and one score per model.

The rows are put into one order, by allele or by a hash of their content, so that no result depends
on the order of the file.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.inputs.sites import MAX_BLOCK_BP
from gfmtrust.validation.benchmark.score_table.options import (
    ALT,
    CHROM,
    POS,
    REF,
    ScoreTableOptions,
)
from gfmtrust.validation.benchmark.score_table.reading import numbers, read_columns

log = logging.getLogger(__name__)

MIN_LABELS, MIN_OF_LABEL = 100, 20
MIN_BLOCKS = 3
"""The calls of a fold are fitted to the others, and their risk to calls that are out of fold too."""
"""Labelled alleles, and alleles of each label, without which nothing is computed."""
VALUES_SHOWN = 6
NO_CLASS = "unnamed"
"""Class of the alleles whose class is missing, and of all where there is no class column."""
BY_COLUMN, BY_MEGABASE, BY_ROW = "column", "megabase", "row"


@dataclass(frozen=True)
class ScoreTable:
    """n labelled alleles and M models. scores: float64 (n, M), NaN where missing; effect: bool
    (n,), the label is positive; classes: object (n,); block: int (n,), numbered from 0.

    blocks_from: `column`, `megabase` (of chrom and pos) or `row` (a hash of it). counts: rows of the
    file by what became of them. left_out: columns that are no model, with the reason.
    """

    name: str
    models: tuple[str, ...]
    scores: np.ndarray
    effect: np.ndarray
    classes: np.ndarray
    block: np.ndarray
    blocks_from: str
    counts: dict[str, int]
    left_out: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.effect)


def read_score_table(options: ScoreTableOptions) -> ScoreTable:
    """Read and check the table of the options.

    Raises MissingInputError (66), UsageError (64) for options that contradict each other, and
    BadDataError (65) for a missing column, a score that is no finite number, one label alone, fewer
    than 100 labels, or an allele with two different rows.
    """
    options.check()
    name = options.table.name
    raw = read_columns(options.table)
    counts = {"rows": len(raw)}
    for option, column in (
        ("--label", options.label),
        ("--class_column", options.class_column),
        ("--block_column", options.block_column),
        *(("--scores", score) for score in options.scores),
    ):
        if column and column not in raw:
            raise BadDataError(
                message(
                    name, f"no column {shown(column)}", "the column that the option names",
                    f"{option} is one of {shown(', '.join(raw))}",
                )
            )  # fmt: skip
    models, left_out = _models(raw, options)
    labelled = raw[options.label].isin([options.positive, options.negative])
    counts["without_label"] = int((raw[options.label] == "").sum())
    counts["other_label"] = int((~labelled).sum()) - counts["without_label"]
    scores = np.column_stack([_score(raw[model], name, model) for model in models])
    table = raw[labelled].assign(row=np.flatnonzero(labelled))
    table, repeated = _distinct(table, options, models, name)
    counts |= {"repeated": repeated, "labelled": len(table)}
    effect = (table[options.label] == options.positive).to_numpy()
    _check_labels(effect, raw[options.label], name, options)
    block, blocks_from = _blocks(table, options, name)
    _check_blocks(block, blocks_from, name)
    classes = (
        table[options.class_column].replace("", NO_CLASS).to_numpy(object)
        if options.class_column
        else np.full(len(table), NO_CLASS, object)
    )
    scores = scores[table["row"].to_numpy()]
    return ScoreTable(
        name, tuple(models), scores, effect, classes, block, blocks_from, counts, left_out,
        tuple(_warnings(models, scores, counts)),
    )  # fmt: skip


def _models(raw: pd.DataFrame, options: ScoreTableOptions) -> tuple[list[str], dict[str, str]]:
    """The columns of the models, and the reason why each other column is none."""
    used = {options.label, options.class_column, options.block_column, CHROM, POS, REF, ALT}
    left_out: dict[str, str] = {}
    if options.scores:
        models = list(options.scores)
        left_out = {name: "not in --scores" for name in raw if name not in {*used, *models}}
    else:
        models = []
        for name in (name for name in raw if name not in used):
            values, wrong_row = numbers(raw[name])
            if wrong_row >= 0 and not np.isfinite(values).any():
                left_out[name] = "text"
            else:
                models.append(name)
        log.info("models: %s (every numeric column; see --scores)", ", ".join(models) or "none")
    if not models:
        raise BadDataError(
            message(options.table.name, "no numeric column is left", "a column per model")
        )
    if unknown := [name for name in options.higher_is_damaging if name not in models]:
        raise BadDataError(
            message(
                options.table.name, f"{unknown[0]} of --higher_is_damaging is no model",
                f"one of {shown(', '.join(models))}",
            )
        )  # fmt: skip
    return models, left_out


def _score(column: pd.Series, name: str, model: str) -> np.ndarray:
    values, wrong_row = numbers(column)
    if wrong_row >= 0:
        raise BadDataError(
            message(
                f"{name} row {wrong_row + 1}",
                f"{model} is {shown(str(column.iloc[wrong_row]))}",
                "a finite number, or an empty cell where it is missing",
                "name the columns of the models with --scores",
            )
        )
    return values


def _distinct(
    table: pd.DataFrame, options: ScoreTableOptions, models: list[str], name: str
) -> tuple[pd.DataFrame, int]:
    """The rows in their canonical order, equal rows of an allele once, and how many were removed."""
    key = [column for column in (CHROM, POS, REF, ALT) if column in table]
    content = [options.label, *([options.class_column] if options.class_column else []), *models]
    if not {CHROM, POS, ALT} <= set(key):
        digests = [_digest(row) for row in table.drop(columns="row").itertuples(index=False)]
        order = np.argsort(np.array(digests, dtype=object), kind="stable")
        return table.assign(digest=digests).iloc[order].reset_index(drop=True), 0
    distinct = table.drop_duplicates([*key, *content])
    twice = distinct[distinct.duplicated(key, keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise BadDataError(
            message(
                f"{name} row {first['row'] + 1}",
                f"{':'.join(first[column] for column in key)} has another row with other values",
                "one row per allele",
            )
        )
    return distinct.sort_values(key, kind="stable", ignore_index=True), len(table) - len(distinct)


def _digest(row: tuple) -> str:
    return hashlib.blake2b("\t".join(map(str, row)).encode(), digest_size=16).hexdigest()


def _check_labels(
    effect: np.ndarray, column: pd.Series, name: str, options: ScoreTableOptions
) -> None:
    of_label = {options.positive: int(effect.sum()), options.negative: int((~effect).sum())}
    text = " and ".join(f"{n} alleles of {label}" for label, n in of_label.items())
    if not min(of_label.values()):
        values = ", ".join(map(str, column.value_counts().index[:VALUES_SHOWN]))
        raise BadDataError(
            message(
                name, f"{text} in column {options.label}", "both labels",
                f"--positive and --negative are two of its values: {shown(values)}",
            )
        )  # fmt: skip
    if len(effect) < MIN_LABELS or min(of_label.values()) < MIN_OF_LABEL:
        raise BadDataError(
            message(
                name, text, f"{MIN_LABELS} labelled alleles, {MIN_OF_LABEL} of each label or more"
            )
        )


def _check_blocks(block: np.ndarray, blocks_from: str, name: str) -> None:
    n_blocks = len(np.unique(block))
    if n_blocks < MIN_BLOCKS:
        observed = (
            f"labelled alleles in {n_blocks} block{'s' if n_blocks > 1 else ''} (by {blocks_from})"
        )
        expected = f"{MIN_BLOCKS} or more: one to test, and two to fit"
        remedy = "name a column of smaller blocks with --block_column"
        raise BadDataError(message(name, observed, expected, remedy))


def _blocks(table: pd.DataFrame, options: ScoreTableOptions, name: str) -> tuple[np.ndarray, str]:
    """The block of each allele, int (n,), and where it comes from."""
    if options.block_column:
        names, source = table[options.block_column].to_numpy(object), BY_COLUMN
        if missing := int((names == "").sum()):
            raise BadDataError(
                message(
                    name, f"{options.block_column} is missing in {missing} rows",
                    "the block of each allele",
                )
            )  # fmt: skip
    elif {CHROM, POS} <= set(table):
        positions = np.array([_score(table[POS], name, POS)]).ravel()
        if np.isnan(positions).any():
            raise BadDataError(
                message(name, f"{POS} is missing in a row", "the position of each allele")
            )
        megabases = (positions // MAX_BLOCK_BP).astype(np.int64)
        names, source = (
            np.array([f"{c}:{m}" for c, m in zip(table[CHROM], megabases, strict=True)], object),
            BY_MEGABASE,
        )
    else:
        names, source = table["digest"].to_numpy(object), BY_ROW
    return np.unique(names.astype(str), return_inverse=True)[1], source


def _warnings(models: list[str], scores: np.ndarray, counts: dict[str, int]):
    for model, values in zip(models, scores.T, strict=True):
        present = values[np.isfinite(values)]
        if not len(present):
            yield f"{model} has no score of a labelled allele"
        elif present.min() == present.max():
            yield f"{model} is constant"
        elif len(present) < len(values):
            missing = len(values) - len(present)
            yield f"{model} has no score of {missing:,} allele{'s' if missing > 1 else ''}"
    if counts["other_label"]:
        yield f"{counts['other_label']:,} rows have a label that is neither of the two"
    if counts["repeated"]:
        yield f"{counts['repeated']:,} rows repeat another row and count once"
