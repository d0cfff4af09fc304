"""`benchmark scores` on tables whose structure is known: directions, cross-fitting without a leak,
every figure by another way, and the same results from every kind of file."""

import json

import numpy as np
import pandas as pd
import pytest
from score_tables import MODELS, options, simulated, written
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from gfmtrust.calibration.options import Options
from gfmtrust.cli import main as cli
from gfmtrust.core import documents
from gfmtrust.core.resampling import Blocks
from gfmtrust.core.vocabulary import Rank
from gfmtrust.validation.benchmark.labelled.rows import filled
from gfmtrust.validation.benchmark.score_table import (
    certificate_rows,
    disagreement_rows,
    duplicates,
    ranking_rows,
    score_table,
)
from gfmtrust.validation.benchmark.score_table.crossfit import cross_fit
from gfmtrust.validation.benchmark.score_table.table import read_score_table

pytestmark = pytest.mark.long
NONE_STATED = np.zeros(len(MODELS), bool)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    path = written(tmp_path_factory.mktemp("scores"), simulated(n=600))
    return read_score_table(options(path))


@pytest.fixture(scope="module")
def fit(read):
    return cross_fit(read, NONE_STATED, seed=1)


def values_of(rows, n):
    """The statistics of rows without intervals, by their facts."""
    return [
        {**row.facts, **{name: of(np.ones(n)) for name, of in row.statistics.items()}}
        for row in rows
    ]


def test_directions_and_votes_are_those_of_the_simulation(fit):
    for directions in fit.directions:
        assert directions.sign.tolist()[:4] == [1, 1, -1, 1]
        assert directions.votes.tolist() == [True, True, True, True, False]


def test_auroc_and_average_precision_are_scikit_learns(read, fit):
    rows = values_of(ranking_rows.ranking_rows(read, fit), len(read))
    for scorer, values in ranking_rows.scores_by_name(fit, read.models).items():
        of_scorer = {row["class"]: row for row in rows if row["scorer"] == scorer}
        parts = {name: read.classes == name for name in sorted(set(read.classes))}
        for scope, part in {"all": np.ones(len(read), bool), **parts}.items():
            label, ranking = read.effect[part], values[part]
            assert of_scorer[scope]["auroc"] == pytest.approx(roc_auc_score(label, ranking))
            expected = average_precision_score(label, ranking)
            assert of_scorer[scope]["ap"] == pytest.approx(expected)
        expected = np.average(
            [roc_auc_score(read.effect[part], values[part]) for part in parts.values()],
            weights=[part.sum() for part in parts.values()],
        )
        assert of_scorer["within classes"]["auroc"] == pytest.approx(expected)


def test_calls_are_those_of_scikit_learns_regression_on_the_other_folds(read, fit):
    signed = np.where([1, 1, 0, 1], fit.ranks[:, :4], 1 - fit.ranks[:, :4])
    for fold in np.unique(fit.fold):
        training, test = fit.fold != fold, fit.fold == fold
        mean, sd = signed[training].mean(axis=0), signed[training].std(axis=0)
        peer = LogisticRegression(tol=1e-10, max_iter=10_000)
        peer.fit((signed[training] - mean) / sd, read.effect[training])
        expected = peer.decision_function((signed[test] - mean) / sd)
        np.testing.assert_allclose(fit.combined.log_odds[test], expected, atol=1e-4)
    np.testing.assert_allclose(fit.combined.disagreement, signed.std(axis=1), atol=1e-12)


def test_folds_are_whole_blocks(read, fit):
    assert pd.DataFrame({"b": read.block, "f": fit.fold}).groupby("b")["f"].nunique().max() == 1
    assert len(np.unique(fit.fold)) == 5


def test_no_label_of_the_test_fold_has_a_part_in_its_results(read, fit):
    changed = read.effect.copy()
    test = fit.fold == 2
    changed[test] = ~changed[test]
    other = cross_fit(replaced(read, effect=changed), NONE_STATED, seed=1)
    for name in ("log_odds", "disagreement", "risk"):
        before, after = getattr(fit.combined, name), getattr(other.combined, name)
        np.testing.assert_array_equal(before[test], after[test])
        assert not np.allclose(before[~test], after[~test])
    np.testing.assert_array_equal(fit.oriented[test], other.oriented[test])
    for before, after in zip(fit.single, other.single, strict=True):
        np.testing.assert_array_equal(before.log_odds[test], after.log_odds[test])


def replaced(read, **changes):
    return type(read)(**{**vars(read), **changes})


def test_quartiles_of_disagreement_are_those_of_pandas(read, fit):
    rows = values_of(disagreement_rows.quartile_rows(read, fit), len(read))
    table = pd.DataFrame(
        {
            "disagreement": fit.combined.disagreement,
            "wrong": (fit.combined.log_odds > 0) != read.effect,
            "class": read.classes,
        }
    )
    overall = pd.qcut(table["disagreement"], 4, labels=False)
    within = table.groupby("class")["disagreement"].transform(
        lambda values: pd.qcut(values, 4, labels=False)
    )
    for scope, quartile in {"all": overall, "within classes": within}.items():
        expected = table.groupby(quartile)["wrong"].mean()
        of_scope = [
            row["error"]
            for row in rows
            if (row["class"], row["disagreement"]) == (scope, "voting models")
        ]
        assert of_scope == pytest.approx(expected.tolist())


def test_the_nested_test_is_scikit_learns_gain_in_log_likelihood(read, fit):
    blocks = Blocks(read.block, 1, 10)
    answer = disagreement_rows.nested(read.classes, fit.combined, blocks)
    wrong = fit.combined.wrong
    dummies = pd.get_dummies(read.classes, drop_first=True).to_numpy(float)
    base = np.column_stack([dummies, fit.combined.distance])
    losses = []
    for columns in (base, np.column_stack([base, fit.combined.disagreement])):
        peer = LogisticRegression(C=1e6, tol=1e-10, max_iter=10_000).fit(columns, wrong)
        losses.append(log_loss(wrong, peer.predict_proba(columns)[:, 1], normalize=False))
    assert answer["lr"] == pytest.approx(2 * (losses[0] - losses[1]), abs=0.01)
    assert 0 < answer["p_blocks"] <= 1


def test_auroc_of_wrong_calls_within_classes_counts_pairs(read, fit):
    rows = disagreement_rows.wrong_rows(read, fit, Blocks(read.block, 1, 5))
    row = values_of(rows[:1], len(read))[0]
    won = pairs = 0.0
    for name in set(read.classes):
        part = read.classes == name
        wrong = fit.combined.wrong[part]
        bad, right = (fit.combined.disagreement[part][side] for side in (wrong, ~wrong))
        difference = bad[:, None] - right[None, :]
        won += (difference > 0).sum() + 0.5 * (difference == 0).sum()
        pairs += difference.size
    assert row["auroc_disagreement_within"] == pytest.approx(won / pairs)


def test_near_duplicates_are_found_by_name(read, fit):
    pairs = filled(duplicates.pair_rows(read, fit), Blocks(read.block, 1, 5))
    assert (pairs[0]["a"], pairs[0]["b"]) == ("good", "twin")
    assert duplicates.clusters(read.models, pairs) == [("good", "twin")]
    cells = pd.DataFrame({"label": read.effect, "class": read.classes, "good": fit.oriented[:, 0]})
    centred = cells["good"] - cells.groupby(["label", "class"])["good"].transform("mean")
    residuals = duplicates.residual_ranks(fit.oriented, read.effect, read.classes)
    np.testing.assert_allclose(residuals[:, 0], centred, atol=1e-12)
    residual = next(row["residual"] for row in pairs if row["b"] == "flipped")
    assert residual < pairs[0]["residual"]


def test_a_chain_of_models_is_no_cluster():
    pairs = [
        {"a": "x", "b": "y", "spearman": 0.95},
        {"a": "y", "b": "z", "spearman": -0.92},
        {"a": "x", "b": "z", "spearman": 0.80},
        {"a": "w", "b": "z", "spearman": float("nan")},
    ]
    assert duplicates.clusters(("w", "x", "y", "z"), pairs) == [("x", "y")]


def certificates(table, tmp_path, models=("good", "noise")):
    read = read_score_table(options(written(tmp_path, table), scores=models))
    stated = np.zeros(len(models), bool)
    fit = cross_fit(read, stated, seed=1)
    rows = certificate_rows.certificate_rows(read, fit, stated, Options())
    return read, fit, {(row["scorer"], row["level"]): row for row in values_of(rows, len(read))}


@pytest.mark.parametrize(
    ("strength", "n", "level", "alpha"), [(4.5, 1500, "HIGH", 0.05), (2.2, 1300, "MEDIUM", 0.20)]
)
def test_a_level_is_earned_by_the_model_that_knows_and_keeps_its_promise(
    tmp_path, strength, n, level, alpha
):
    table = simulated(seed=3, n=n, n_blocks=200, strength=strength)
    _, _, rows = certificates(table, tmp_path)
    good = rows["good", level]
    assert good["folds_earned"] == 5
    assert good["n"] > n / 2
    assert good["balanced"] <= alpha
    assert good["cp_low"] < good["error"] < good["cp_high"]
    assert rows["noise", level]["n"] == 0


def test_held_out_alleles_never_certify_their_own_level(tmp_path):
    table = simulated(seed=4, n=1200, n_blocks=100, strength=2.4)
    read, fit, _ = certificates(table, tmp_path)
    changed, test = read.effect.copy(), fit.fold == 1
    changed[test] = ~changed[test]
    ranks = [
        certificate_rows.carry(
            one, fit.ranks[:, :1], np.zeros(1, bool), fit.fold, Options(), with_disagreement=False
        ).rank
        for one in (read, replaced(read, effect=changed))
    ]
    assert (ranks[0][test] == Rank.MEDIUM).any()
    np.testing.assert_array_equal(ranks[0][test], ranks[1][test])


@pytest.mark.bad_input
@pytest.mark.parametrize("seed", range(3))
def test_shuffled_labels_earn_nothing(tmp_path, seed):
    table = simulated(seed=seed, n=1100, n_blocks=100)
    table["label"] = np.random.default_rng(seed).permutation(table["label"])
    _, fit, rows = certificates(table, tmp_path)
    assert sum(row["n"] for row in rows.values()) == 0
    assert abs(fit.combined.wrong.mean() - 0.5) < 0.08


def run(tmp_path, table, name="scores.tsv.gz", **changes):
    content = score_table(options(written(tmp_path, table, name), **changes), tmp_path / "out")
    return content, tmp_path / "out"


def test_every_kind_of_file_and_every_order_of_rows_is_one_table(tmp_path):
    table = simulated(n=200)
    table.loc[5, "weak"] = np.nan
    reads = []
    for number, kind in enumerate(("s.tsv", "s.tsv.gz", "s.csv", "s.csv.gz", "s.parquet")):
        shuffled = table.sample(frac=1, random_state=number)
        reads.append(read_score_table(options(written(tmp_path, shuffled, kind))))
    for one in reads[1:]:
        for name in ("scores", "effect", "classes", "block"):
            np.testing.assert_array_equal(getattr(one, name), getattr(reads[0], name))
    assert np.isnan(reads[0].scores[:, 3]).sum() == 1
    assert reads[0].warnings == ("weak has no score of 1 allele",)


def test_no_figure_depends_on_the_scale_of_a_model_or_on_the_order_of_rows(tmp_path):
    table = simulated(n=200)
    scaled = table.assign(good=np.exp(table["good"]) * 1e5, weak=table["weak"] ** 3)
    results = []
    for number, one in enumerate((table, scaled.sample(frac=1, random_state=3))):
        (tmp_path / str(number)).mkdir()
        results.append(run(tmp_path / str(number), one, draws=3)[0]["tables"])
    assert results[0] == results[1]


def test_files_hold_what_the_json_says(tmp_path):
    content, out = run(tmp_path, simulated(n=200), draws=3)
    assert documents.read_json(out / "scores.json") == content
    names = {path.name for path in out.iterdir()}
    assert names == {"scores.html", "scores.json", *(f"{name}.tsv" for name in content["tables"])}
    ranking = pd.read_csv(out / "ranking.tsv", sep="\t", na_values=".")
    assert len(ranking) == 6 * (1 + 1 + 3)
    assert {"auroc", "auroc_low", "auroc_high", "ap", "n"} <= set(ranking)
    finite = ranking.dropna()
    assert len(finite) > 20
    assert (finite["auroc_low"] <= finite["auroc_high"]).all()
    assert content["blocks"]["from"] == "megabase"


def test_blocks_come_from_the_column_the_positions_or_the_rows(tmp_path):
    table = simulated(n=200).assign(gene=lambda t: "g" + (t["pos"] % 30).astype(str))
    path = written(tmp_path, table)
    of_column = read_score_table(options(path, block_column="gene"))
    assert (of_column.blocks_from, len(set(of_column.block))) == ("column", 30)
    of_positions = read_score_table(options(path))
    assert of_positions.blocks_from == "megabase"
    assert len(set(of_positions.block)) == len({pos // 1_000_000 for pos in table["pos"]})
    bare = written(tmp_path, table.drop(columns=["chrom", "pos"]), "bare.tsv")
    of_rows = read_score_table(options(bare))
    assert (of_rows.blocks_from, len(set(of_rows.block))) == ("row", 200)


def test_a_stated_direction_is_kept(tmp_path):
    read = read_score_table(options(written(tmp_path, simulated())))
    stated = np.array([False, False, True, False, False])
    fit = cross_fit(read, stated, seed=1)
    assert all(directions.sign[2] == 1 for directions in fit.directions)
    assert not any(directions.votes[2] for directions in fit.directions)
    np.testing.assert_array_equal(fit.oriented[:, 2], fit.ranks[:, 2])


def test_every_numeric_column_without_another_use_is_a_model(tmp_path):
    read = read_score_table(options(written(tmp_path, simulated()), scores=()))
    assert read.models == MODELS
    assert read.left_out == {"text": "text"}


def test_the_command_prints_the_summary_and_writes_the_files(tmp_path, capsys):
    table = simulated(n=200)
    table["label"] = np.where(table["label"] == 1, "P", "B")
    arguments = {
        "table": written(tmp_path, table), "out_dir": tmp_path / "out", "positive": "P",
        "negative": "B", "scores": "good,flipped", "higher_is_damaging": "good", "n": 3, "seed": 7,
        "alpha_medium": 0.3, "out": tmp_path / "figures.json",
    }  # fmt: skip
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    assert cli.main(["benchmark", "scores", *words]) == 0
    content = json.loads((tmp_path / "figures.json").read_text())
    assert content == json.loads((tmp_path / "out" / "scores.json").read_text())
    assert capsys.readouterr().out.splitlines() == content["summary"]
    assert content["options"]["levels"]["alpha_medium"] == 0.3
    assert (content["options"]["seed"], content["options"]["draws"]) == (7, 3)
    models = {row["model"]: row for row in content["tables"]["models"]}
    assert [models[name]["direction"] for name in ("good", "flipped")] == ["higher", "lower"]
    assert [models[name]["stated"] for name in ("good", "flipped")] == [True, False]
