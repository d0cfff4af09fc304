"""The tables of docs/understand/published_models.md, computed again from the published scores. Skips
without ../shared/data; the intervals are left out, because a bootstrap takes a minute."""

import re
from dataclasses import replace

import numpy as np
import pytest
from paths import ROOT

from gfmtrust.core.ranking import auroc
from gfmtrust.core.resampling import Blocks
from gfmtrust.core.risk_coverage import aurc
from gfmtrust.validation.benchmark.score_table import (
    ScoreTableOptions,
    certificate_rows,
    disagreement_rows,
    duplicates,
    ranking_rows,
)
from gfmtrust.validation.benchmark.score_table.crossfit import cross_fit
from gfmtrust.validation.benchmark.score_table.table import read_score_table

DATA = ROOT.parent / "shared" / "data" / "published_scores" / "clinvar_1000.tsv.gz"
PAGE = ROOT / "docs" / "understand" / "published_models.md"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not DATA.is_file(), reason="no ../shared/data/published_scores"),
]


def documented():
    """Header cells of each table of the page -> its rows of cells."""
    tables = {}
    for block in re.findall(r"(?:^\|.*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        lines = [
            [cell.strip() for cell in line.strip("|\n").split(" | ")] for line in block.splitlines()
        ]
        header, _, *rows = [[cell.strip("| ") for cell in line] for line in lines]
        tables[tuple(header)] = rows
    return tables


def table_of(*words):
    """The rows of the one table whose header holds the words, as dicts."""
    (header,) = [header for header in documented() if set(words) <= set(header)]
    return [dict(zip(header, row, strict=True)) for row in documented()[header]]


def shown(text):
    """The value of a cell such as `0.887 (0.863 to 0.909)` or `17.6 % (15.2 to 20.7)`, None for –."""
    if text == "–":
        return None
    value = float(text.split()[0])
    return value / 100 if " %" in text else value


def agree(text, value, decimals=3):
    """Is the value, rounded, what the cell says?"""
    said = shown(text)
    if said is None:
        return not np.isfinite(value)
    return abs(said - value) <= 0.5 * 10**-decimals + 1e-9


@pytest.fixture(scope="module")
def computed():
    scores = re.search(r"--scores (\S+)", PAGE.read_text(encoding="utf-8"))[1].split(",")
    options = ScoreTableOptions(
        DATA, label="pathogenic", class_column="consequence", scores=tuple(scores)
    )
    table = read_score_table(options)
    stated = np.zeros(len(scores), bool)
    return table, cross_fit(table, stated, options.seed), stated, options


def rows_of(rows, table):
    ones = np.ones(len(table))
    return [
        {**row.facts, **{name: value(ones) for name, value in row.statistics.items()}}
        for row in rows
    ]


def test_the_data_are_those_of_the_page(computed):
    table = computed[0]
    assert (len(table), int(table.effect.sum()), len(set(table.block))) == (1000, 489, 545)
    assert len(set(table.classes)) == 11


def test_ranking_and_errors(computed):
    table, fit, *_ = computed
    ranking = {
        (row["scorer"], row["class"]): row
        for row in rows_of(ranking_rows.ranking_rows(table, fit), table)
    }
    errors = {
        row["scorer"]: row["error"]
        for row in rows_of(ranking_rows.error_rows(table, fit), table)
        if row["class"] == "all"
    }
    rows = table_of("AUROC, all")
    assert len(rows) == len(table.models) + 1
    for row in rows:
        scorer = row["scorer"]
        for scope, suffix in (("all", "all"), ("within classes", "within")):
            area = "AUROC, all" if scope == "all" else "AUROC, within classes"
            assert agree(row[area], ranking[scorer, scope]["auroc"])
            assert agree(row[f"average precision, {suffix}"], ranking[scorer, scope]["ap"])
        assert agree(row["error of its calls"], errors[scorer])
        assert int(row["n"]) == ranking[scorer, "all"]["n"]
    for row in table_of("class", "pathogenic"):
        for scorer in errors:
            assert agree(row[scorer], ranking[scorer, row["class"]]["auroc"], 2)


def test_disagreement_and_abstention(computed):
    table, fit, *_ = computed
    quartiles = {
        (row["disagreement"], row["class"], row["quartile"]): row["error"]
        for row in rows_of(disagreement_rows.quartile_rows(table, fit), table)
    }
    for row in table_of("disagreement of", "least"):
        for number, name in enumerate(("least", "second", "third", "most"), 1):
            assert agree(row[name], quartiles[row["disagreement of"], row["alleles"], number])
    wrong = {
        (row["scorer"], row["disagreement"]): row
        for row in rows_of(
            disagreement_rows.wrong_rows(table, fit, Blocks(table.block, 1, 1)), table
        )
    }
    rows = table_of("calls of", "likelihood ratio")
    assert len(rows) == len(wrong)
    for row in rows:
        one = wrong[row["calls of"], row["disagreement of"]]
        for name in ("distance", "disagreement"):
            assert agree(row[f"{name}, all"], one[f"auroc_{name}"])
            assert agree(row[f"{name}, within"], one[f"auroc_{name}_within"])
        assert agree(row["likelihood ratio"], one["lr"], 1)
        assert row["wrong / n"] == f"{one['errors']} / {one['n']}"
    areas = {
        row["abstain_by"]: row for row in rows_of(disagreement_rows.abstention_rows(fit), table)
    }
    for row in table_of("abstain by"):
        one = areas[row["abstain by"]]
        assert agree(row["AURC"], one["aurc"])
        assert agree(row["rejection ratio (PRR)"], one["prr"])
        assert agree(row["error of the better half"], one["error_half"])


def test_levels(computed):
    table, fit, stated, options = computed
    rows = rows_of(certificate_rows.certificate_rows(table, fit, stated, options.certify), table)
    assert not any(row["n"] or row["folds_earned"] for row in rows if row["level"] == "HIGH")
    medium = {row["scorer"]: row for row in rows if row["level"] == "MEDIUM"}
    documented_rows = table_of("folds that certify it")
    assert {row["scorer"] for row in documented_rows} == set(medium)
    for row in documented_rows:
        one = medium[row["scorer"]]
        assert row["folds that certify it"] == f"{one['folds_earned']} of 5"
        assert int(row["held-out alleles that carry it"]) == one["n"]
        assert int(row["wrong"]) == one["errors"]
        assert agree(row["error, held out"], one["error"])
        assert agree(row["balanced error, held out"], one["balanced"])


def test_near_duplicates(computed):
    table, fit, *_ = computed
    pairs = rows_of(duplicates.pair_rows(table, fit), table)
    assert duplicates.clusters(table.models, pairs) == [("gpn_msa", "gpn_star_v")]
    for row, one in zip(table_of("pair"), pairs, strict=False):
        assert row["pair"] == f"{one['a']}, {one['b']}"
        assert agree(row["Spearman correlation"], one["spearman"])
        assert agree(row["of the residuals"], one["residual"])


def over_seeds(table, seeds, without=()):
    """Range over the seeds of the folds of: error of the combined calls, error of GPN-Star (None
    where it is left out), likelihood ratio, AUROC of disagreement, difference of the AURCs."""
    kept = [i for i, name in enumerate(table.models) if name not in without]
    part = replace(table, models=tuple(table.models[i] for i in kept), scores=table.scores[:, kept])
    figures = []
    for seed in seeds:
        fit = cross_fit(part, np.zeros(len(kept), bool), seed)
        calls, wrong = fit.combined, fit.combined.wrong.astype(float)
        star = [one.wrong.mean() for one in fit.single if one.name == "gpn_star_v"]
        nested = disagreement_rows.nested(part.classes, calls, Blocks(part.block, 1, 1))
        figures.append(
            (
                wrong.mean(),
                *(star or [np.nan]),
                nested["lr"],
                auroc(calls.wrong, calls.disagreement),
                abs(aurc(wrong, calls.distance) - aurc(wrong, -calls.risk)),
            )
        )
    values = np.array(figures)
    return list(zip(values.min(axis=0), values.max(axis=0), strict=True))


def test_ranges_over_the_seeds(computed):
    table = computed[0]
    error, star, lr, _, aurcs = over_seeds(table, range(1, 9))
    assert np.round(error, 3).tolist() == [0.169, 0.176]
    assert np.round(star, 3).tolist() == [0.166, 0.177]
    assert np.round(lr, 1).tolist() == [4.0, 9.8]
    assert aurcs[1] < 0.004
    error, _, _, area, _ = over_seeds(table, (1, 2, 3), ("gpn_msa",))
    assert np.round(error, 3).tolist() == [0.167, 0.177]
    assert np.round(area, 3).tolist() == [0.615, 0.630]
    error, *_ = over_seeds(table, (1, 2, 3), ("gpn_msa", "gpn_star_v"))
    assert np.round(error, 3).tolist() == [0.188, 0.194]


@pytest.mark.slow
def test_levels_over_the_seeds(computed):
    table, _, stated, options = computed
    worst, shares = 0.0, []
    for seed in range(1, 6):
        fit = cross_fit(table, stated, seed)
        certify = replace(options.certify, seed=seed)
        rows = rows_of(certificate_rows.certificate_rows(table, fit, stated, certify), table)
        assert not any(row["n"] for row in rows if row["level"] == "HIGH")
        worst = max(worst, *(row["balanced"] for row in rows if row["n"]))
        shares += [row["share"] for row in rows if row["scorer"] == "gpn_star_v" and row["n"]]
    assert round(worst, 3) == 0.194
    assert np.round([min(shares), max(shares)], 2).tolist() == [0.22, 0.54]
