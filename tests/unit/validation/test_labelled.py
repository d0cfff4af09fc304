"""benchmark_labels on runs whose truth is made up: every verdict once, every number by another way,
and a real small run."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest, pearsonr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from small_run import finish
from step_calls import call

from gfmtrust.calibration import calls, label_blocks, label_calibration, local_lr
from gfmtrust.calibration.reliability import newton
from gfmtrust.cli import main as cli
from gfmtrust.core import documents
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import UsageError
from gfmtrust.core.resampling import Blocks
from gfmtrust.inputs import labels
from gfmtrust.io import tables
from gfmtrust.io.tables import SITES
from gfmtrust.validation.benchmark.labelled import alleles, benchmark_labels, confounders, questions

pytestmark = pytest.mark.long

RIGHT = {1: 0.55, 2: 0.8, 3: 0.97}


def made_up(seed, n=1200, n_blocks=30, by="flag"):
    """Labels and alleles over blocks of 1 Mb; a call is right as often as its flag says, whatever
    |LLR| is ('flag'), or as |LLR| says and the flag is |LLR| in thirds ('size'), or by a coin
    ('coin'); 'low': every flag LOW."""
    rng = np.random.default_rng(seed)
    label, size = rng.integers(0, 2, n), rng.gamma(2, 1, n)
    rank = (
        rng.integers(1, 4, n)
        if by != "size"
        else 1 + np.digitize(size, np.quantile(size, [1 / 3, 2 / 3]))
    )
    chance = {
        "flag": np.vectorize(RIGHT.get)(rank),
        "size": 1 / (1 + np.exp(-size)),
        "coin": 0.5,
        "low": 0.9,
    }[by]
    right = rng.random(n) < chance
    ref = rng.integers(0, 4, n)
    letters = np.array(list("ACGT"), object)
    return pd.DataFrame(
        {
            "contig": "c",
            "contig_index": 0,
            "pos": np.sort(rng.choice(n_blocks * 1_000_000, n, replace=False)),
            "ref": letters[ref],
            "alt": letters[(ref + rng.integers(1, 4, n)) % 4],
            "status": "SCORED",
            "var_pos": -1,
            "var_ref": "",
            "var_alt": "",
            "rank": 1 if by == "low" else rank,
            "rel": 0.3 + 0.2 * rank,
            "llr": np.where(right == (label == 1), -size, size),
            "ent": rng.uniform(1, 2, n),
            "dis": rng.random(n),
            "gc": rng.random(n),
            "soft_masked": rng.random(n) < 0.4,
            "region_class": "single_copy",
            "label": label,
            "cpg": rng.random(n) < 0.1,
        }
    )


def write(folder, table, by_size=False):
    """labels.parquet and sites.parquet of made-up alleles."""
    tables.write(
        folder / "labels.parquet",
        {name: table[name].to_numpy() for name in labels.LABELS.names},
        labels.LABELS,
        {
            "name": "made_up.vcf",
            "key": "X",
            "by_size": by_size,
            "cut": None,
            "labels": {},
            "counts": {"alleles": len(table)},
            "words": {},
        },
    )
    kinds = dict(zip(SITES.names, SITES.types, strict=True))
    columns = {
        name: table[name].to_numpy() if name in table else [None] * len(table) for name in kinds
    }
    tables.write(folder / "sites.parquet", columns, SITES, RunFacts().to_dict())
    return folder / "labels.parquet", folder / "sites.parquet"


@pytest.fixture
def few_draws(monkeypatch):
    monkeypatch.setattr(
        "gfmtrust.validation.benchmark.labelled.Blocks",
        lambda block, seed: Blocks(block, seed, 250),
    )  # the fewest with a p below .01
    monkeypatch.setattr(confounders, "DRAWS", 127)


def run(folder, table, **options):
    return benchmark_labels(*write(folder, table), folder / "out", **options)


def row(content, name, **facts):
    facts = {"kind": "all", "region_class": "all", **facts}
    return next(one for one in content["tables"][name] if facts.items() <= one.items())


# --- verdicts
# -----------------------------------------------------------------------------------------------------------


def test_a_flag_that_tells_more_than_the_llr(tmp_path, few_draws):
    content = run(tmp_path, made_up(1))
    first, second, third = content["verdict"]["all"]
    assert first.startswith("Calls grow better with the flag: wrong calls LOW 4")
    assert second.startswith("That is more than |LLR|, composition, repeats and region class tell")
    assert third.startswith("The LLR tells the labels apart")
    assert row(content, "trend")["slope_p"] < 0.02
    assert row(content, "nested", added="flag")["p"] <= 0.02
    ranks = [
        row(content, "ranking", scorer="ensemble", flag=flag)["ap"]
        for flag in ("HIGH", "all", "LOW")
    ]
    assert ranks == sorted(ranks, reverse=True)
    assert (
        row(content, "selective", ranking="flag")["prr_low"]
        > 0.3
        > abs(row(content, "selective", ranking="entropy")["prr"])
    )


def test_a_flag_that_is_the_llr_in_disguise(tmp_path, few_draws):
    content = run(tmp_path, made_up(2, by="size"))
    assert content["verdict"]["all"][0].startswith("Calls grow better with the flag")
    assert content["verdict"]["all"][1].startswith("The flag adds nothing to |LLR|")


def test_permuted_labels_carry_nothing(tmp_path, few_draws):
    table = made_up(3)
    table["label"] = np.random.default_rng(9).permutation(table["label"])
    content = run(tmp_path, table)
    assert content["verdict"]["all"][0].startswith(
        "By these labels the flag carries no information here"
    )
    assert content["verdict"]["all"][1].startswith("The LLR does not tell the labels apart")


def test_one_flag_carries_nothing(tmp_path, few_draws):
    content = run(tmp_path, made_up(4, by="low"))
    assert content["verdict"]["all"][0].startswith(
        "All 1,200 labelled alleles are LOW: the flag carries no information here"
    )
    assert row(content, "nested", added="flag")["df"] == 0


def test_a_flag_that_misleads_is_called_so(tmp_path, few_draws):
    table = made_up(5)
    table["rank"] = 4 - table["rank"]
    assert run(tmp_path, table)["verdict"]["all"][0].startswith("The flag misleads here")


def test_a_cut_that_calls_everything_is_not_the_flags_fault(tmp_path, few_draws):
    """One effect in ten, an LLR that knows nothing, flags by its size: the flagged ones are called
    effects, and are wrong nine in ten."""
    table = made_up(15, by="size")
    table["label"] = (np.random.default_rng(2).random(len(table)) < 0.1).astype(int)
    table["llr"] = -table["llr"].abs()
    content = run(tmp_path, table, llr_cut=float(-table["llr"].median()))
    assert row(content, "trend")["slope_low"] > 0
    assert content["verdict"]["all"][0].startswith(
        "By these labels the flag carries no information here"
    )
    assert row(content, "tiers", flag="HIGH", prefers="all")["balanced"] == pytest.approx(0.5)


def test_a_model_that_knows_less_than_its_composition_is_told_so(tmp_path, few_draws):
    table = made_up(16, by="size")
    table["gc"] = (
        0.5 + 0.3 * (table["label"] - 0.5) + np.random.default_rng(1).normal(0, 0.1, len(table))
    )
    assert run(tmp_path, table)["verdict"]["all"][-1].startswith(
        "The LLR tells the labels apart, but GC and CpG alone do better: AUROC"
    )


def test_few_loci_speak_for_themselves_alone(tmp_path, few_draws):
    content = run(tmp_path, made_up(6, n_blocks=5))
    assert content["verdict"]["all"][-1] == "The intervals hold for 5 loci and for no other."
    p = [
        value
        for rows in content["tables"].values()
        for one in rows
        for name, value in one.items()
        if name == "p" or name.endswith("_p")
    ]
    assert len(p) > 10
    assert set(p) == {None}


# --- numbers
# ------------------------------------------------------------------------------------------------------------


def test_tables_count_what_is_there(tmp_path, few_draws):
    table = made_up(7, 400)
    table["region_class"] = np.where(table["soft_masked"], "repeat_family", "single_copy")
    content = run(tmp_path, table, llr_cut=0.5)
    wrong = (-table["llr"] >= 0.5) != (table["label"] == 1)
    for level, name in ((1, "LOW"), (2, "MEDIUM"), (3, "HIGH")):
        for prefers, side in (("all", True), ("ALT", table["llr"] > 0), ("REF", table["llr"] < 0)):
            subset = wrong[(table["rank"] == level) & side]
            result = row(content, "tiers", flag=name, prefers=prefers)
            assert (result["n"], result["errors"], result["error"]) == (
                len(subset),
                subset.sum(),
                pytest.approx(subset.mean()),
            )
            low, high = binomtest(int(subset.sum()), len(subset)).proportion_ci(0.95, "exact")
            assert (result["cp_low"], result["cp_high"]) == (
                pytest.approx(low, abs=1e-9),
                pytest.approx(high, abs=1e-9),
            )
    trend = row(content, "trend")
    assert trend["slope"] == pytest.approx(np.polyfit(table["rank"], wrong, 1)[0])
    assert trend["z"] == pytest.approx(np.sqrt(400) * pearsonr(table["rank"], wrong).statistic)
    high, one, flagged = table["rank"] == 3, table["label"] == 1, table["rank"] > 1
    even = [(wrong[subset & one].mean() + wrong[subset & ~one].mean()) / 2 for subset in (high,)]
    area = [
        roc_auc_score(table["label"][subset], -table["llr"][subset])
        for subset in (~flagged, flagged)
    ]
    assert trend["auroc_gain"] == pytest.approx(area[1] - area[0])
    assert row(content, "tiers", flag="HIGH", prefers="all")["balanced"] == pytest.approx(even[0])
    assert trend["risk_ratio"] == pytest.approx(wrong[high].mean() / wrong[~high].mean())
    assert row(content, "ranking", scorer="ensemble", flag="HIGH")["auroc"] == pytest.approx(
        roc_auc_score(table["label"][high], -table["llr"][high])
    )
    assert sum(one["n"] for one in content["tables"]["tenths"]) == 400
    assert {(one["kind"], one["region_class"]) for one in content["tables"]["tiers"]} == {
        ("all", "all"),
        ("all", "single_copy"),
        ("all", "repeat_family"),
    }
    assert content["cuts"] == [{"kind": "SNV", "cut": 0.5, "n": 400}]


def test_files_say_the_same_twice(tmp_path, few_draws):
    table = made_up(8, 300)
    (tmp_path / "again").mkdir()
    content = run(tmp_path, table)
    run(tmp_path / "again", table)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted(
        [
            "benchmark.json",
            "benchmark.svg",
            "verdict.txt",
            "labels.tsv",
            "training.tsv",
            *(f"{name}.tsv" for name in content["tables"]),
        ]
    )
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (
            tmp_path / "again" / "out" / name
        ).read_bytes()
    assert documents.read_json(tmp_path / "out" / "benchmark.json") == content
    tiers = pd.read_csv(tmp_path / "out" / "tiers.tsv", sep="\t", na_values=".")
    assert tiers["n"].tolist() == [one["n"] for one in content["tables"]["tiers"]]
    assert (tmp_path / "out" / "benchmark.svg").read_text().startswith("<svg ")


def test_the_size_of_an_effect_is_ranked_by_the_size_of_the_llr(tmp_path, few_draws):
    table = made_up(10, 300)
    paths = write(tmp_path, table, by_size=True)
    content = benchmark_labels(*paths, tmp_path / "out")
    expected = roc_auc_score(table["label"], table["llr"].abs())
    assert row(content, "ranking", scorer="ensemble", flag="all")["auroc"] == pytest.approx(
        expected
    )


def test_the_best_cut_is_the_best_of_all():
    rng = np.random.default_rng(3)
    for _ in range(20):
        label = np.concatenate([[0, 1], rng.integers(0, 2, 28)])
        score = rng.integers(0, 8, 30) / 3
        youden = [
            ((score >= cut) & (label == 1)).sum() / (label == 1).sum()
            - ((score >= cut) & (label == 0)).sum() / (label == 0).sum()
            for cut in np.unique(score)
        ]
        cut = calls.best_cut(label, score)
        result = ((score >= cut) & (label == 1)).sum() / (label == 1).sum() - (
            (score >= cut) & (label == 0)
        ).sum() / (label == 0).sum()
        assert result == pytest.approx(max(youden))


def test_a_class_of_variant_has_a_cut_of_its_own_where_it_has_labels_enough():
    table = made_up(11, 300)
    table = table.assign(
        score=-table["llr"],
        kind=np.where(np.arange(300) < 200, "SNV", np.where(np.arange(300) < 290, "DEL", "INS")),
    )
    result = alleles.cuts(table, {})
    for kind, used in (
        ("SNV", table["kind"] == "SNV"),
        ("DEL", table["kind"] == "DEL"),
        ("INS", table["kind"] != ""),
    ):
        assert set(result[table["kind"] == kind]) == {
            calls.best_cut(table["label"][used].to_numpy(), table["score"][used].to_numpy())
        }


def test_folds_share_no_block_and_one_block_is_cut_in_its_middle():
    block = np.repeat([0, 1, 2, 3], [50, 20, 20, 10])
    fold = alleles.two_folds(np.arange(100), block)
    assert [set(fold[block == one]) for one in range(4)] == [{0}, {1}, {1}, {1}]
    assert alleles.two_folds(np.arange(10), np.zeros(10, int)).tolist() == [0] * 5 + [1] * 5


def test_the_likelihood_ratio_is_scikit_learns():
    rng = np.random.default_rng(5)
    base = np.column_stack([np.ones(300), rng.normal(size=(300, 2))])
    extra = rng.normal(size=(300, 1))
    wrong = (rng.random(300) < 1 / (1 + np.exp(-base[:, 1] - 0.5 * extra[:, 0]))).astype(float)

    def deviance(matrix):
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(matrix[:, 1:], wrong)
        return 2 * log_loss(wrong, model.predict_proba(matrix[:, 1:])[:, 1], normalize=False)

    lr, p = confounders.likelihood_ratio(base, extra, wrong, Blocks(np.arange(300) // 10, 1, 99))
    assert lr == pytest.approx(deviance(base) - deviance(np.column_stack([base, extra])), abs=1e-4)
    assert p < 0.05
    assert np.isnan(
        confounders.likelihood_ratio(base, extra, wrong, Blocks(np.arange(300) // 100))[1]
    )


def test_the_likelihood_ratio_of_noise_has_a_fair_p_value():
    rng = np.random.default_rng(6)
    small = 0
    for trial in range(40):
        base, extra = (
            np.column_stack([np.ones(200), rng.normal(size=200)]),
            rng.normal(size=(200, 1)),
        )
        wrong = (rng.random(200) < 0.3).astype(float)
        small += (
            confounders.likelihood_ratio(
                base, extra, wrong, Blocks(np.arange(200) // 5, trial, 99)
            )[1]
            <= 0.1
        )
    assert small <= 10


def test_newton_with_weights_is_rows_repeated_and_an_offset_is_added():
    rng = np.random.default_rng(7)
    matrix, target = (
        np.column_stack([np.ones(60), rng.normal(size=(60, 2))]),
        rng.integers(0, 2, 60).astype(float),
    )
    weights = rng.integers(0, 3, 60)
    repeated = newton(np.repeat(matrix, weights, axis=0), np.repeat(target, weights), 1.0)
    assert np.allclose(newton(matrix, target, 1.0, weights=weights), repeated, atol=1e-8)
    whole = newton(matrix, target, 1e6)
    stored = newton(matrix[:, :2], target, 1e6, offset=matrix[:, 2] * whole[2])
    assert np.allclose(stored, whole[:2], atol=1e-5)


def test_tenths_are_equal_in_number_and_keep_ties_together():
    assert np.bincount(confounders.tenths(np.arange(100.0))).tolist() == [10] * 10
    assert len(set(confounders.tenths(np.repeat([1.0, 2.0], 50)))) == 2


def test_the_trend_has_no_number_with_one_flag():
    assert np.isnan(questions.slope(np.array([0, 1.0]), np.array([1.0, 1.0]), np.ones(2)))
    assert np.isnan(questions.cochran_armitage(np.zeros(3), np.array([1.0, 2, 3])))


# --- a run made by the steps
# --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of random letters and labels that a coin threw for its alleles."""
    folder = tmp_path_factory.mktemp("labelled")
    results = finish(folder)
    lines = (folder / "a.vcf").read_text().splitlines()
    coin = iter(np.random.default_rng(1).integers(0, 2, len(lines)))
    (folder / "labelled.vcf").write_text(
        "".join(
            (
                line
                if line.startswith("#")
                else line[:-1] + f"CLNSIG={'Pathogenic' if next(coin) else 'Benign'}"
            )
            + "\n"
            for line in lines
        )
    )
    call(
        "read_labels",
        "--fasta",
        folder / "genome.fa",
        "--labels",
        folder / "labelled.vcf",
        "--out",
        folder / "labels.parquet",
    )
    return folder, results


def test_the_only_model_ranks_as_the_ensemble_does(finished, tmp_path, few_draws):
    folder, results = finished
    call(
        "benchmark_labels",
        "--labels",
        folder / "labels.parquet",
        "--sites",
        results / "scores" / "sites.parquet",
        "--plan",
        folder / "plan",
        "--scores",
        folder / "scores",
        "--out_dir",
        tmp_path / "out",
    )
    content = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert content["counts"]["benchmarked"] == content["counts"]["alleles"] == 80
    for kind, n in (("all", 80), ("SNV", 60), ("DEL", 20)):
        ensemble, model = (
            row(content, "ranking", kind=kind, scorer=name, flag="all")
            for name in ("ensemble", "context_model")
        )
        assert ensemble["n"] == n
        assert model == ensemble | {"scorer": "context_model"}
    assert content["scorers"]["context_model"] == "word counts of the genome"
    assert "the flag carries no information here" in content["verdict"]["all"][0]
    assert content["verdict"]["all"][1].startswith("The LLR does not tell the labels apart")


def calibrated(finished, out, *options):
    """calibration.json of the run with these options more."""
    folder, results = finished
    call(
        "calibrate",
        "--plan",
        folder / "plan",
        "--scores",
        folder / "scores",
        "--models",
        results / "models" / "context_model",
        "--out_dir",
        out,
        *options,
    )
    return documents.read_json(out / "calibration.json")


@pytest.mark.bad_input
def test_too_few_labels_leave_the_decoy_calibration_as_it_is(finished, tmp_path, caplog):
    folder, results = finished
    result = calibrated(finished, tmp_path / "out", "--labels", folder / "labels.parquet")
    before = documents.read_json(results / "calibration" / "calibration.json")
    why = [text for _, text in result["labels"]["refusals"]]
    assert result["outcome"] == before["outcome"] or result["outcome"].endswith(
        f"SNV labels cannot calibrate: {why[1]}"
    )
    assert result | {name: before[name] for name in ("outcome", "labels")} == before
    label_texts = [
        record.getMessage()
        for record in caplog.records
        if record.getMessage().startswith("labels: ")
    ]
    assert [text.split(":")[1].strip() for text in label_texts] == ["context_model", "DEL", "SNV"]
    assert all(
        "a calibration needs 200 of each (1,000 for HIGH to be likely); the decoy calibration stays"
        in text
        for text in label_texts[1:]
    )


def test_a_run_is_flagged_by_labels_where_there_are_enough(
    finished, tmp_path, monkeypatch, few_draws
):
    """The minimum lowered to what the small run has: SNVs by labels, deletions and region bases by
    decoys; the benchmark says so."""
    folder, results = finished
    monkeypatch.setattr(label_calibration, "MIN_LABELS", 15)
    monkeypatch.setattr(label_calibration, "MIN_FIT_LABELS", 5)
    monkeypatch.setattr(label_blocks, "MAX_BLOCK_BP", 500)
    monkeypatch.setattr(local_lr, "LEAST", 12)
    result = calibrated(
        finished,
        tmp_path / "calibration",
        "--labels",
        folder / "labels.parquet",
        "--local_lr",
        "--prior",
        0.2,
    )
    ratios = json.loads((tmp_path / "calibration" / "local_lr.json").read_text())
    assert (ratios["prior"], [one["kind"] for one in ratios["kinds"]], list(ratios["refused"])) == (
        0.2,
        ["SNV"],
        ["DEL"],
    )
    assert ratios["kinds"][0]["n_effect"] + ratios["kinds"][0]["n_none"] == 60
    assert all(
        one["effect_from"] is None for one in ratios["thresholds"]
    )  # a coin threw the labels
    assert list(result["labels"]["classes"]) == ["SNV"]
    assert result["labels"]["classes"]["SNV"]["set"] == "labels"
    assert result["labels"]["classes"]["SNV"]["counts"]["probes"] == 60
    call(
        "annotate_sites",
        "--plan",
        folder / "plan",
        "--scores",
        folder / "scores",
        "--models",
        results / "models" / "context_model",
        "--calibration",
        tmp_path / "calibration" / "calibration.json",
        "--out_dir",
        tmp_path / "sites",
    )
    before, after = (
        tables.read(path / "sites.parquet").to_pandas()
        for path in (results / "scores", tmp_path / "sites")
    )
    same = before["rel"].eq(after["rel"]) | (before["rel"].isna() & after["rel"].isna())
    assert same[before["ref"].str.len() > 1].all()
    assert not same[before["ref"].str.len() == 1].any()
    call(
        "benchmark_labels",
        "--labels",
        folder / "labels.parquet",
        "--sites",
        tmp_path / "sites" / "sites.parquet",
        "--out_dir",
        tmp_path / "out",
    )
    label_texts = (tmp_path / "out" / "verdict.txt").read_text()
    assert "SNV alleles are flagged by labels: no flag above LOW" in label_texts


@pytest.mark.bad_input
def test_local_likelihood_ratios_of_too_few_labels_end_with_65(finished, tmp_path, capsys):
    folder, results = finished
    code = cli.main(
        [
            "calibrate",
            "--plan",
            str(folder / "plan"),
            "--scores",
            str(folder / "scores"),
            "--models",
            str(results / "models" / "context_model"),
            "--out_dir",
            str(tmp_path / "out"),
            "--labels",
            str(folder / "labels.parquet"),
            "--local_lr",
        ]
    )
    assert code == 65
    label_texts = capsys.readouterr().err
    assert "gfmtrust: labelled.vcf: DEL: " in label_texts
    assert "a calibration needs 200 of each" in label_texts
    assert not (tmp_path / "out").exists()


def test_where_models_were_trained_is_told_of_calibration_and_benchmark(
    finished, tmp_path, caplog, few_draws
):
    """The models' own words, as their score tables carry them; the only contig is c, so chrc is its
    name too."""
    folder, results = finished
    result = calibrated(finished, tmp_path / "calibration", "--labels", folder / "labels.parquet")
    assert result["labels"]["overlap"] == [
        {"model": "context_model", "assemblies": [], "n": None, "labels": 80, "fitted_here": True}
    ]
    sites = pq.read_table(results / "scores" / "sites.parquet")
    stored = json.loads(sites.schema.metadata[tables.METADATA_KEY])
    del stored[documents.SEAL]
    other = stored["models"]["context_model"] | {"family": "gpn"}
    stored["models"] |= {
        "stated": other | {"training": {"assemblies": ["X1"], "contigs": ["chrc"]}},
        "silent": other | {"training": {}},
        "elsewhere": other | {"training": {"contigs": ["c2"]}},
    }
    pq.write_table(
        sites.replace_schema_metadata({tables.METADATA_KEY: json.dumps(stored)}),
        tmp_path / "sites.parquet",
    )
    call(
        "benchmark_labels",
        "--labels",
        folder / "labels.parquet",
        "--sites",
        tmp_path / "sites.parquet",
        "--out_dir",
        tmp_path / "out",
    )
    rows = (tmp_path / "out" / "training.tsv").read_text().splitlines()
    assert [line.split("\t")[:4] for line in rows[1:]] == [
        ["context_model", ".", "80", "."],
        ["stated", "X1", "80", "80"],
        ["silent", ".", "80", "."],
        ["elsewhere", ".", "80", "0"],
    ]
    label_texts = next(text for text in caplog.messages if "stated: trained on" in text)
    assert label_texts == (
        "labels: context_model: fitted to this genome, every site answered by members that never counted its block; "
        "stated: trained on X1, training contigs hold 80 of 80 labels; silent: training contigs not stated; "
        "elsewhere: training contigs hold 0 of 80 labels"
    )


@pytest.mark.bad_input
def test_labels_beside_a_frozen_calibration_are_refused(finished, tmp_path, capsys):
    folder, results = finished
    code = cli.main(
        [
            "calibrate",
            "--plan",
            str(folder / "plan"),
            "--scores",
            str(folder / "scores"),
            "--models",
            str(results / "models" / "context_model"),
            "--out_dir",
            "out",
            "--labels",
            str(folder / "labels.parquet"),
            "--calibration",
            str(results / "calibration" / "calibration.json"),
        ]
    )
    assert code == 64
    assert "--labels: given with --calibration; expected one of the two" in capsys.readouterr().err


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("given", "code", "label_texts"),
    [
        (("--labels", "absent.parquet"), 66, "absent.parquet: not found"),
        (("--sites", "absent.parquet"), 66, "absent.parquet: not found"),
        (("--plan", "plan"), 64, "--plan, --scores: one of the two; expected both or neither"),
        (("--scores", "scores"), 64, "--plan, --scores: one of the two; expected both or neither"),
        (("--llr_cut", "-1"), 64, "--llr_cut: -1.0; expected a number of nats, at least 0"),
        (("--llr_cut", "nan"), 64, "--llr_cut: nan; expected a number of nats, at least 0"),
    ],
)
def test_what_cannot_be_benchmarked_is_refused_in_one_line(
    finished, tmp_path, capsys, given, code, label_texts
):
    folder, results = finished
    options = {
        "--labels": str(folder / "labels.parquet"),
        "--sites": str(results / "scores" / "sites.parquet"),
        "--out_dir": "out",
    }
    options |= dict([given])
    assert (
        cli.main(["benchmark_labels", *(part for pair in options.items() for part in pair)]) == code
    )
    assert label_texts in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.bad_input
def test_labels_of_another_genome_leave_nothing_to_benchmark(tmp_path, capsys):
    table = made_up(12, 50)
    write(tmp_path, table.assign(pos=table["pos"] + 1))
    (tmp_path / "labels.parquet").rename(tmp_path / "other.parquet")
    write(tmp_path, table[table["pos"] % 2 == 0])
    assert (
        cli.main(
            [
                "benchmark_labels",
                "--labels",
                "other.parquet",
                "--sites",
                "sites.parquet",
                "--out_dir",
                "out",
            ]
        )
        == 65
    )
    assert (
        "made_up.vcf: labelled alleles that the run scored: 0 of label 1 and 0 of label 0"
        in capsys.readouterr().err
    )


@pytest.mark.bad_input
def test_one_effect_alone_still_gets_a_cut(tmp_path, few_draws):
    table = made_up(13, 60)
    table["label"] = (np.arange(60) == 7).astype(int)
    content = run(tmp_path, table)
    assert all(np.isfinite(cut["cut"]) for cut in content["cuts"])
    assert content["tables"]["ranking"][0]["n_effect"] == 1


@pytest.mark.bad_input
def test_a_cut_below_zero_is_refused(tmp_path):
    with pytest.raises(UsageError):
        run(tmp_path, made_up(14, 50), llr_cut=-0.1)
