"""Local likelihood ratios: a closed form, a slow twin, invariances, published constants, and what
is refused."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from gfmtrust.calibration import calibrate, labelled, local_lr
from gfmtrust.calibration.local_lr import curve, strengths, thresholds, window_size
from gfmtrust.calibration.options import Options
from gfmtrust.cli import main as cli
from gfmtrust.core import documents
from gfmtrust.core.errors import BadDataError, UsageError


def gaussians(seed, n=20_000, share=0.5, n_blocks=100):
    """Scores of unit variance round 1 with an effect and -1 without, so that the likelihood ratio
    at s is exp(2 s)."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < share).astype(int)
    return label, rng.normal(2 * label - 1.0, 1.0), rng.integers(0, n_blocks, n)


@pytest.mark.parametrize(("share", "off"), [(0.5, 0.1), (0.1, 0.2)])
def test_two_gaussians_have_the_likelihood_ratio_of_the_closed_form(share, off):
    lr_curve = curve(*gaussians(1, share=share), draws=400)
    middle = np.abs(lr_curve.score) < 1.5
    true = np.exp(2 * lr_curve.score[middle])
    inside = (lr_curve.low[middle] <= true) & (true <= lr_curve.high[middle])
    assert inside.mean() > 0.85  # two bounds at 95 %, windows of some width
    assert np.median(np.abs(true / lr_curve.lr[middle] - 1)) < off
    assert (lr_curve.low <= lr_curve.lr).all()
    assert (lr_curve.lr <= lr_curve.high).all()


@pytest.mark.long
def test_bounds_are_broken_as_seldom_as_they_say():
    """Of independent draws of labels, at one score, each bound misses the truth in about 5 %, never
    in many more."""
    missed = np.zeros(2)
    for seed in range(60):
        lr_curve = curve(*gaussians(seed, 2000), draws=100)
        at = int(np.abs(lr_curve.score - 0.5).argmin())
        missed += [
            lr_curve.low[at] > np.exp(2 * lr_curve.score[at]),
            lr_curve.high[at] < np.exp(2 * lr_curve.score[at]),
        ]
    assert (missed <= 8).all()  # 3 expected, and 3 SE


def slow_ratio(label, score, at, size):
    """The likelihood ratio of the window of `size` nearest labels, by sorting distances."""
    nearest = sorted(abs(one - at) for one in score)[size - 1]
    inside = [one for one, value in zip(label, score, strict=True) if abs(value - at) <= nearest]
    effect, none = sum(inside), len(inside) - sum(inside)
    return len(inside), (effect / sum(label)) / (none / (len(label) - sum(label)))


def test_every_ratio_is_the_slow_twins():
    label, score, block = gaussians(2, 600)
    score = np.round(score, 1)  # many ties
    lr_curve = curve(label, score, block, draws=20)
    assert len(lr_curve.score) == len(set(score.tolist()))
    for i, at in enumerate(lr_curve.score):
        n, lr = slow_ratio(label.tolist(), score.tolist(), at, 100)
        assert (lr_curve.n[i], lr_curve.lr[i]) == (n, pytest.approx(lr, rel=1e-12))


def test_a_window_without_a_label_is_bounded_by_its_own_counts():
    """Labels kept apart: a bootstrap alone would bound an infinite ratio by infinity."""
    label, score = (
        np.repeat([0, 1], 500),
        np.concatenate([np.linspace(-9, -8, 500), np.linspace(8, 9, 500)]),
    )
    lr_curve = curve(label, score, np.arange(1000) // 20, draws=200)
    share = 0.05 ** (1 / 100)  # 100 of 100: Clopper and Pearson in closed form
    assert np.isinf(lr_curve.lr[-1])
    assert lr_curve.low[-1] <= share / (1 - share) * (1 + 1e-9)
    assert lr_curve.high[0] >= (1 - share) / share * (1 - 1e-9)
    assert beta.ppf(0.05, 100, 1) == pytest.approx(share)
    assert (lr_curve.n >= 100).all()


def test_scale_and_shift_of_the_score_change_nothing():
    label, score, block = gaussians(3, 2000)
    one, other = (
        curve(label, score, block, draws=50),
        curve(label, 8 * score - 16, block, draws=50),
    )  # powers of two: no rounding
    for name in ("n", "n_effect", "lr", "low", "high"):
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-9), name
    assert np.allclose(other.score, 8 * one.score - 16)


def test_labels_and_score_turned_round_invert_it():
    label, score, block = gaussians(4, 2000)
    one, other = curve(label, score, block, draws=50), curve(1 - label, -score, block, draws=50)
    with np.errstate(divide="ignore"):
        for here, there in (("lr", "lr"), ("low", "high"), ("high", "low")):
            assert np.allclose(getattr(other, here)[::-1], 1 / getattr(one, there)), here
    at, turned = (thresholds(result, {"x": 2.0})[0] for result in (one, other))
    assert at["effect_from"] == pytest.approx(-turned["no_effect_to"])


def test_more_alleles_without_an_effect_leave_the_ratio():
    """The ratio knows nothing of how often an effect occurs among the labels."""
    even, rare = (
        curve(*gaussians(5, 40_000, 0.5), draws=5),
        curve(*gaussians(5, 40_000, 0.1), draws=5),
    )
    at = np.linspace(-0.5, 1, 4)
    assert np.allclose(*(np.interp(at, one.score, one.lr) for one in (even, rare)), rtol=0.3)


def test_the_odds_of_the_strengths_are_the_published_ones():
    published = {
        "supporting": 2.406,
        "moderate": 5.790,
        "strong": 33.53,
        "very_strong": 1124,
    }  # Pejaver et al. 2022, prior 0.0441
    assert strengths(0.0441) == pytest.approx(published, rel=2e-4)
    assert strengths(0.1)["very_strong"] == pytest.approx(
        350, rel=0.01
    )  # Tavtigian et al. 2018, who do not round the posterior
    odds = strengths(0.02)["strong"] * strengths(0.02)["supporting"] ** 2 * 0.02 / 0.98
    assert odds / (1 + odds) == pytest.approx(0.9, abs=1e-3)


def test_thresholds_hold_for_every_score_beyond_them():
    result_array = SimpleNamespace(
        score=np.arange(6.0),
        low=np.array([0, 3, 1, 2, 4, 9.0]),
        high=np.array([0.1, 0.4, 0.6, 0.3, 5, 10]),
    )
    odds = {"two": 2.0, "four": 4.0, "ten": 10.0, "twenty": 20.0}
    assert [
        (one["effect_from"], one["no_effect_to"]) for one in thresholds(result_array, odds)
    ] == [
        (3, 1),
        (4, 0),
        (None, 0),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("n", "size"), [(400, 100), (3333, 100), (3334, 101), (10_000, 300), (100_000, 3000)]
)
def test_a_window_holds_a_hundred_or_three_percent(n, size):
    assert window_size(n) == size


def table(seed, n, share=0.5):
    label, score, block = gaussians(seed, n, share, 30)
    return pd.DataFrame(
        {"contig_index": 0, "pos": block * 1_000_000 + np.arange(n), "label": label, "llr": -score}
    )


def test_the_files_say_what_they_are(tmp_path):
    output = local_lr.write(
        {"SNV": table(6, 1500)}, {"DEL": "too few"}, False, 0.0441, 1, tmp_path, draws=50
    )
    assert output == documents.read_json(tmp_path / "local_lr.json")
    assert (output["use"], output["score"], output["prior"]) == (
        "research use only; not ACMG evidence",
        "-LLR",
        0.0441,
    )
    assert output["kinds"][0] | {"n_effect": 0, "n_none": 0} == {
        "kind": "SNV",
        "n_effect": 0,
        "n_none": 0,
        "window": 100,
        "intervals": "across_loci",
    }
    first, header, *rows = (tmp_path / "local_lr.tsv").read_text().splitlines()
    assert first == "# research use only; not ACMG evidence; prior 0.0441"
    assert len(rows) == len(output["curve"])
    row = dict(zip(header.split("\t"), rows[200].split("\t"), strict=True))
    odds = float(row["lr"]) * 0.0441 / (1 - 0.0441)
    assert float(row["posterior"]) == pytest.approx(odds / (1 + odds), rel=1e-4)
    by_size = local_lr.write({"SNV": table(6, 1500)}, {}, True, 0.0441, 1, tmp_path, draws=20)
    assert by_size["score"] == "|LLR|"
    assert min(one["score"] for one in by_size["curve"]) >= 0


def test_the_prior_moves_posteriors_and_strengths_alone(tmp_path):
    one, other = (
        local_lr.write({"SNV": table(7, 1000)}, {}, False, prior, 1, tmp_path, draws=20)
        for prior in (0.0441, 0.2)
    )
    assert [row["lr_low"] for row in one["curve"]] == [row["lr_low"] for row in other["curve"]]
    assert all(
        low["posterior"] <= high["posterior"]
        for low, high in zip(one["curve"], other["curve"], strict=True)
    )
    assert one["thresholds"][0]["odds"] > other["thresholds"][0]["odds"]


@pytest.mark.bad_input
@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1, 1.5, float("nan"), 0.95])
def test_a_prior_out_of_range_is_refused(prior):
    with pytest.raises(UsageError, match="--prior: .*; expected more than 0, less than 0.8995"):
        strengths(prior)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("n", "share", "output"),
    [
        (300, 0.5, "a calibration needs 200 of each"),
        (1000, 0.0, "SNV: 0 alleles with an effect and 1,000 without"),
        (1000, 1.0, "SNV: 1,000 alleles with an effect and 0 without"),
        (1000, 0.1, "a calibration needs 200 of each"),
    ],
)
def test_too_few_labels_of_a_kind_are_refused_with_the_number_needed(tmp_path, n, share, output):
    with pytest.raises(BadDataError, match=output):
        labelled.local_ratios(
            {"SNV": table(8, n, share)}, {"name": "x.vcf", "by_size": False}, 0.0441, 1, tmp_path
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.bad_input
def test_a_class_with_too_few_is_named_beside_one_with_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(local_lr.write, "__defaults__", (20,))
    labelled.local_ratios(
        {"DEL": table(9, 50), "SNV": table(9, 1000)},
        {"name": "x.vcf", "by_size": False},
        0.0441,
        1,
        tmp_path,
    )
    content = documents.read_json(tmp_path / "local_lr.json")
    assert [one["kind"] for one in content["kinds"]] == ["SNV"]
    assert list(content["refused"]) == ["DEL"]


@pytest.mark.bad_input
def test_a_prior_without_labels_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--local_lr: given without --labels; expected both"):
        calibrate.calibrate(
            tmp_path, None, tmp_path, Options(), None, calibrate.LabelUse(prior=0.0441)
        )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("prior", "output"), [("1", "1 is not between 0 and 1"), ("often", "'often' is not a number")]
)
def test_the_command_refuses_a_prior_that_means_nothing(tmp_path, capsys, prior, output):
    given = (
        "--plan",
        str(tmp_path),
        "--scores",
        str(tmp_path),
        "--models",
        str(tmp_path),
        "--out_dir",
        str(tmp_path),
    )
    assert cli.main(["calibrate", *given, "--local_lr", "--prior", prior]) == 64
    assert output in capsys.readouterr().err
