"""AUROC, average precision and the risk-coverage family against scikit-learn, permutations and
repeated rows; intervals by blocks."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score

from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.ranking import Ties, auroc, average_precision, roc_curve
from gfmtrust.core.resampling import ACROSS, WITHIN, Blocks, bca, intervals, p_value
from gfmtrust.core.risk_coverage import augrc, aurc, e_aurc, prr, risk_at_coverage

CASES = [
    (seed, n, levels)
    for seed, (n, levels) in enumerate(itertools.product((2, 5, 40, 300), (1, 3, 1000)))
]


def drawn(seed, n, levels):
    """Labels with both values, a ranking with so many distinct values, whole weights some of which
    are 0."""
    rng = np.random.default_rng(seed)
    label = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    weights = rng.integers(0, 4, n)
    weights[:2] = 1, 2
    return label, rng.integers(0, levels, n) / 7, weights


def once_each(label, ranking, weights):
    return np.repeat(label, weights), np.repeat(ranking, weights)


@pytest.mark.parametrize("case", CASES)
def test_auroc_and_average_precision_are_scikit_learns(case):
    label, ranking, weights = drawn(*case)
    assert auroc(label, ranking) == pytest.approx(roc_auc_score(label, ranking), abs=1e-9)
    assert average_precision(label, ranking) == pytest.approx(
        average_precision_score(label, ranking), abs=1e-9
    )
    assert auroc(label, ranking, weights) == pytest.approx(
        roc_auc_score(label, ranking, sample_weight=weights), abs=1e-9
    )
    assert average_precision(label, Ties.of(ranking), weights) == pytest.approx(
        average_precision_score(*once_each(label, ranking, weights)), abs=1e-9
    )
    x, y = roc_curve(label, ranking)
    assert np.trapezoid(y, x) == pytest.approx(auroc(label, ranking), abs=1e-9)


@pytest.mark.parametrize(("errors", "n"), [(0, 1), (0, 30), (3, 30), (30, 30), (17, 1000)])
def test_clopper_pearson_is_scipys(errors, n):
    low, high = binomtest(errors, n).proportion_ci(0.95, "exact")
    assert float(lower_bound(errors, n, 0.025)) == pytest.approx(low, abs=1e-9)
    assert float(upper_bound(errors, n, 0.025)) == pytest.approx(high, abs=1e-9)


def naive_risks(loss, ranking):
    """Risk and share accepted and wrong at 1..n, the mean over every order of tied members, written
    out."""
    n = len(loss)
    orders = [
        order
        for order in itertools.permutations(range(n))
        if all(ranking[a] >= ranking[b] for a, b in itertools.pairwise(order))
    ]
    risks = [[np.mean([loss[i] for i in order[:k]]) for k in range(1, n + 1)] for order in orders]
    return np.mean(risks, axis=0)


@pytest.mark.parametrize("seed", range(12))
def test_risk_coverage_equals_the_mean_over_all_orders_of_ties(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    loss, ranking = rng.integers(0, 2, n), rng.integers(0, 3, n)
    naive = naive_risks(loss.tolist(), ranking.tolist())
    ideal = naive_risks(loss.tolist(), (-loss).tolist())
    assert np.allclose(risk_at_coverage(loss, ranking), naive, atol=1e-9)
    assert aurc(loss, ranking) == pytest.approx(naive.mean(), abs=1e-9)
    assert e_aurc(loss, ranking) == pytest.approx(naive.mean() - ideal.mean(), abs=1e-9)
    both = np.concatenate(
        [[0], naive * np.arange(1, n + 1) / n]
    )  # accepted and wrong at coverage 0, 1/n, ..., 1
    assert augrc(loss, ranking) == pytest.approx(np.mean((both[1:] + both[:-1]) / 2), abs=1e-9)
    if 0 < loss.sum() < n:
        assert prr(loss, ranking) == pytest.approx(
            (loss.mean() - naive.mean()) / (loss.mean() - ideal.mean()), abs=1e-9
        )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("measure", [aurc, e_aurc, augrc, prr])
def test_a_weight_is_a_row_repeated(case, measure):
    loss, ranking, weights = drawn(*case)
    assert measure(loss, ranking, weights) == pytest.approx(
        measure(*once_each(loss, ranking, weights)), abs=1e-9, nan_ok=True
    )


def test_chance_and_perfection():
    loss = np.array([1, 0, 0, 1, 0, 0, 0, 0])
    assert (prr(loss, np.zeros(8)), prr(loss, -loss)) == (pytest.approx(0), pytest.approx(1))
    assert prr(loss, loss) < 0
    assert augrc(loss, np.zeros(8)) == pytest.approx(0.125)
    assert e_aurc(loss, -loss) == 0


@pytest.mark.bad_input
@pytest.mark.parametrize("measure", [auroc, average_precision, aurc, augrc, prr])
@pytest.mark.parametrize(
    ("label", "ranking"), [([0, 1], [0.5, np.nan]), ([], []), ([0, 1, 1], [0.5, 0.1])]
)
def test_a_ranking_that_is_none_is_refused(measure, label, ranking):
    with pytest.raises(ValueError, match="ranking|values"):
        measure(np.array(label), np.array(ranking))


@pytest.mark.bad_input
def test_one_label_has_no_auroc_and_no_rejection_ratio():
    assert np.isnan(
        [
            auroc(np.ones(3), np.arange(3)),
            average_precision(np.zeros(3), np.arange(3)),
            prr(np.ones(3), np.arange(3)),
            prr(np.zeros(3), np.arange(3)),
        ]
    ).all()


# --- intervals
# ----------------------------------------------------------------------------------------------------------


def test_draws_keep_blocks_whole_or_sizes_of_blocks():
    many, few = np.repeat(np.arange(25), 3), np.repeat([0, 1], [10, 30])
    for weights in Blocks(many, draws=20).weights():
        assert (weights.reshape(25, 3) == weights.reshape(25, 3)[:, :1]).all()
        assert weights.sum() == 75
    for weights in Blocks(few, draws=20).weights():
        assert (weights[:10].sum(), weights[10:].sum()) == (10, 30)
    assert (Blocks(many).mode, Blocks(few).mode) == (ACROSS, WITHIN)
    assert [w.sum() for w in Blocks(many).left_out()] == [72] * 25
    assert len(list(Blocks(few).left_out())) == 20


def test_an_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(4)
    covered = 0
    for trial in range(100):
        block = np.repeat(np.arange(40), 5)
        values = np.repeat(
            rng.exponential(1, 40), 5
        )  # alleles of a block are copies: only blocks are independent
        array = intervals(
            {"mean": lambda w, v=values: float(np.average(v, weights=w))}, Blocks(block, trial, 200)
        )["mean"]
        covered += array.low <= 1 <= array.high
    assert 85 <= covered <= 99


def test_intervals_are_the_same_for_the_same_seed_and_have_a_p_value_across_loci_alone():
    values = np.random.default_rng(2).normal(1, 1, 100)
    mean = {"mean": lambda w: float(np.average(values, weights=w))}
    across = intervals(mean, Blocks(np.arange(100), 7), {"mean": 0.0})["mean"]
    assert across == intervals(mean, Blocks(np.arange(100), 7), {"mean": 0.0})["mean"]
    assert across.p == pytest.approx(2 / 1001)
    assert np.isnan(intervals(mean, Blocks(np.zeros(100), 7), {"mean": 0.0})["mean"].p)


@pytest.mark.bad_input
def test_a_statistic_that_is_mostly_undefined_has_no_interval():
    assert np.isnan(bca(0.5, np.array([np.nan, np.nan, 0.4]), np.array([0.5]))).all()
    assert np.isnan(bca(np.nan, np.ones(3), np.ones(3))).all()
    assert bca(1.0, np.ones(10), np.empty(0)) == (1.0, 1.0)
    assert np.isnan(p_value(np.array([np.nan]), 0.0))
