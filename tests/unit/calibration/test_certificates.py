"""Bounds against scipy and published counts; the fixed-sequence test by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gfmtrust.calibration import certificates
from gfmtrust.calibration.certificates import ErrorCount, Probes
from gfmtrust.core.vocabulary import Rank

pytestmark = pytest.mark.long

LARGEST = {  # docs/understand/reliability.md, "The certification splits: certificates": largest number of errors at one-sided 95 %
    0.05: {59: 0, 100: 1, 200: 4, 300: 8, 500: 16, 1000: 38, 2000: 83, 5000: 224, 10000: 463},
    0.10: {59: 1, 100: 4, 200: 12, 300: 21, 500: 38, 1000: 84, 2000: 177, 5000: 464, 10000: 950},
    0.20: {59: 6, 100: 13, 200: 30, 300: 48, 500: 84, 1000: 178, 2000: 370, 5000: 953, 10000: 1933},
}
SMALLEST_N = {
    (0.05, 0.05): 59,
    (0.05, 0.01): 90,
    (0.10, 0.05): 29,
    (0.10, 0.01): 44,
    (0.20, 0.05): 14,
    (0.20, 0.01): 21,
}


def probes(reliability, wrong, run_oriented=None, stratum="single_copy/cpg") -> Probes:
    n = len(reliability)
    return Probes(
        np.asarray(reliability, dtype=float),
        np.asarray(wrong, dtype=bool),
        np.arange(n) % 2 == 0 if run_oriented is None else run_oriented,
        np.full(n, stratum, dtype=object)
        if isinstance(stratum, str)
        else np.asarray(stratum, dtype=object),
    )


def drawn(rng, n, error) -> Probes:
    """n probes with uniform reliability r, wrong with probability error(r)."""
    r = rng.random(n)
    return probes(r, rng.random(n) < error(r), rng.random(n) < 0.5)


def certified(fit_split, certification_split, alpha=0.05, names=("single_copy/cpg",), guard=0.0):
    return certificates.certify(
        "HIGH",
        names,
        fit_split,
        certification_split,
        alpha,
        0.05,
        guard,
        len(certification_split.wrong),
    )


@pytest.mark.parametrize("alpha", LARGEST)
def test_largest_number_of_errors_is_the_published_one(alpha):
    assert {n: certificates.largest_errors(n, alpha, 0.05) for n in LARGEST[alpha]} == LARGEST[
        alpha
    ]


@pytest.mark.parametrize(("alpha", "delta"), SMALLEST_N)
def test_smallest_number_of_probes_without_an_error(alpha, delta):
    n = SMALLEST_N[alpha, delta]
    assert certificates.largest_errors(n, alpha, delta) == 0
    assert certificates.largest_errors(n - 1, alpha, delta) == -1


@pytest.mark.parametrize(
    ("errors", "n"), [(0, 1), (1, 1), (0, 59), (3, 40), (500, 1000), (7, 10_000)]
)
def test_bounds_equal_scipys_exact_interval(errors, n):
    interval = stats.binomtest(errors, n).proportion_ci(0.90, method="exact")
    assert certificates.upper_bound(errors, n, 0.05) == pytest.approx(interval.high, abs=1e-12)
    assert certificates.lower_bound(errors, n, 0.05) == pytest.approx(interval.low, abs=1e-12)


def test_no_probes_bound_nothing():
    assert certificates.upper_bound(0, 0, 0.05) == 1.0
    assert certificates.lower_bound(0, 0, 0.05) == 0.0


def test_candidates_are_the_top_shares_of_the_fit_split():
    result = certificates.candidate_thresholds(np.arange(1, 201) / 200)
    tops = [1, 2, 4, 6, 10, 14, *range(20, 201, 10)]
    np.testing.assert_allclose(result, [(200 - top + 1) / 200 for top in tops])


def test_a_constant_reliability_has_one_candidate():
    assert certificates.candidate_thresholds(np.full(50, 0.5)).tolist() == [0.5]


def test_the_sequence_stops_at_the_first_failure_even_if_a_laxer_one_would_pass():
    # 400 probes from the top: 200 right, then 20 wrong, then 780 right: 5 % of all would be within
    # a bound of .07
    reliability = np.linspace(1, 0, 1000)
    wrong = np.zeros(1000, dtype=bool)
    wrong[200:220] = True
    everything = np.ones(1000, dtype=bool)
    part = Probes(reliability, wrong, everything, np.full(1000, "single_copy/cpg", dtype=object))
    result, _, _ = certificates.fixed_sequence(part, part, 0.05, 0.05)
    assert certificates.upper_bound(20, 1000, 0.05) < 0.05
    fit_split = Probes(
        reliability, np.arange(1000) >= 200, everything, part.stratum
    )  # A says: best at the top 20 %
    result, tested, first = certificates.fixed_sequence(fit_split, part, 0.05, 0.05)
    assert first == result == reliability[199]
    assert tested == 2


def test_both_the_balanced_and_the_run_oriented_bound_must_hold():
    n = 1000
    run_oriented = np.arange(n) % 10 == 0
    wrong = run_oriented & (np.arange(n) % 50 == 0)  # 2 % of all, 20 % of the run-oriented
    part = Probes(np.full(n, 0.9), wrong, run_oriented, np.full(n, "single_copy/cpg", dtype=object))
    result = certified(part, part)
    assert result.balanced.bound < 0.05 < result.run.bound
    assert result.threshold is None


def test_fewer_than_100_probes_of_the_fit_split_start_nothing():
    small = probes(np.full(99, 0.9), np.zeros(99))
    large = probes(np.full(900, 0.9), np.zeros(900))
    assert certified(small, large).threshold is None
    assert certified(small, large).tested == 0
    assert certified(probes(np.full(100, 0.9), np.zeros(100)), large).threshold == 0.9


def test_a_guard_band_leaves_out_probes_just_above_the_threshold():
    fit_split = probes(np.linspace(0, 1, 1000), np.zeros(1000))
    result = certified(fit_split, fit_split, guard=0.1)
    assert result.threshold is not None
    assert result.balanced.n == (fit_split.reliability >= result.threshold + 0.1).sum()


def test_a_stratum_that_contradicts_the_pool_is_refused_and_leaves_the_counts():
    names = np.array(["good"] * 1900 + ["bad"] * 100, dtype=object)
    wrong = np.zeros(2000, dtype=bool)
    wrong[1900:1920] = True  # 20 of 100: at least 13.7 %
    pool = Probes(np.full(2000, 0.9), wrong, np.arange(2000) % 2 == 0, names)
    result = certified(pool, pool, names=("bad", "good"))
    assert result.refused == ("bad",)
    assert result.balanced == ErrorCount(1900, 0, pytest.approx(0.001575, abs=1e-5))
    assert result.covers("good")
    assert not result.covers("bad")
    assert not result.covers("unseen")


def test_ranks_by_hand():
    none = np.nan
    rel = np.array([0.97, 0.97, 0.97, 0.97, 0.85, 0.5, 0.97, none])
    cap = np.array([3, 2, 1, 2, 3, 3, 3, 3])
    high = np.array([0.95, 0.95, 0.95, 0.95, 0.95, 0.95, none, 0.95])
    medium = np.array([0.8, 0.8, 0.8, none, 0.8, 0.8, 0.8, 0.8])
    assert certificates.ranks(rel, cap, high, medium, 0.0).tolist() == [3, 2, 1, 1, 2, 1, 2, 1]
    assert certificates.ranks(rel, cap, high, medium, 0.04).tolist() == [2, 2, 1, 1, 2, 1, 2, 1]


def test_capping_never_lifts_a_rank():
    rng = np.random.default_rng(0)
    rel, high, medium = (
        rng.random(5000),
        rng.choice([0.9, np.nan], 5000),
        rng.choice([0.6, 0.95, np.nan], 5000),
    )
    by_cap = [
        certificates.ranks(rel, np.full(5000, cap), high, medium, 0.01)
        for cap in (Rank.LOW, Rank.MEDIUM, Rank.HIGH)
    ]
    assert (by_cap[0] == Rank.LOW).all()
    assert (by_cap[1] <= by_cap[2]).all()
    assert (by_cap[1] <= Rank.MEDIUM).all()


# ---- simulations with a known truth


def violations(error, alpha, n, replications, seed):
    """Share of replications whose true error above the certified threshold exceeds alpha, and share
    with a threshold."""
    rng = np.random.default_rng(seed)
    grid = np.linspace(0, 1, 20_001)
    truth = error(grid)
    mean_above = np.cumsum(truth[::-1])[::-1] / np.arange(len(grid), 0, -1)
    broken = given = 0
    for _ in range(replications):
        result, _, _ = certificates.fixed_sequence(
            drawn(rng, n, error), drawn(rng, n, error), alpha, 0.05
        )
        given += result is not None
        broken += result is not None and mean_above[np.searchsorted(grid, result)] > alpha
    return broken / replications, given / replications


@pytest.mark.parametrize(("alpha", "low", "high"), [(0.05, 0.01, 0.3), (0.20, 0.1, 0.5)])
def test_a_certificate_is_violated_in_at_most_delta_of_draws(alpha, low, high):
    broken, given = violations(lambda r: low + (high - low) * (1 - r) ** 2, alpha, 800, 120, seed=3)
    assert broken <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 120)
    assert given > 0.2  # else the test would say nothing


@pytest.mark.parametrize("error", [0.05, 0.0501, 0.06])
def test_a_flat_error_at_or_above_alpha_is_seldom_certified(error):
    _, given = violations(lambda r: np.full(len(r), error), 0.05, 800, 100, seed=4)
    assert given <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)


@pytest.mark.parametrize(("error", "at_least"), [(0.02, 0.85), (0.03, 0.6)])
def test_a_flat_low_error_is_certified_in_most_draws(error, at_least):
    _, given = violations(lambda r: np.full(len(r), error), 0.05, 2000, 50, seed=5)
    assert given > at_least


def test_a_coin_is_never_certified():
    assert violations(lambda r: np.full(len(r), 0.5), 0.20, 1000, 100, seed=6)[1] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("alpha", "low", "high"),
    [(0.05, 0.01, 0.3), (0.05, 0.04, 0.08), (0.20, 0.1, 0.5), (0.20, 0.19, 0.25)],
)
def test_a_certificate_is_violated_in_at_most_63_of_1000_draws(alpha, low, high):
    assert (
        violations(lambda r: low + (high - low) * (1 - r) ** 2, alpha, 2000, 1000, seed=7)[0]
        <= 0.063
    )


# ---- bad input: nothing is certified on nothing


@pytest.mark.bad_input
def test_no_probes_give_no_level():
    nothing = probes(np.empty(0), np.empty(0))
    result = certified(nothing, nothing)
    assert (result.threshold, result.tested, result.balanced) == (None, 0, ErrorCount(0, 0, 1.0))


@pytest.mark.bad_input
def test_no_run_oriented_probes_give_no_level():
    part = probes(np.full(1000, 0.9), np.zeros(1000), run_oriented=np.zeros(1000, dtype=bool))
    assert certified(part, part).threshold is None


@pytest.mark.bad_input
def test_the_fit_split_only_orders_and_the_certification_split_decides():
    good, bad = probes(np.full(900, 0.9), np.zeros(900)), probes(np.full(900, 0.9), np.ones(900))
    assert certified(good, bad).threshold is None
    assert certified(bad, good).threshold == 0.9


@pytest.mark.bad_input
def test_a_reliability_that_is_nan_earns_no_flag():
    nan = np.full(3, np.nan)
    assert certificates.ranks(nan, np.full(3, 3), np.zeros(3), np.zeros(3), 0.0).tolist() == [
        1,
        1,
        1,
    ]


@pytest.mark.bad_input
def test_a_stratum_of_nobody_has_no_threshold():
    part = probes(np.full(900, 0.9), np.zeros(900))
    result = certificates.thresholds(
        (certified(part, part),),
        "HIGH",
        np.array(["single_copy/cpg", "elsewhere", None], dtype=object),
    )
    assert result[0] == 0.9
    assert np.isnan(result[1:]).all()
