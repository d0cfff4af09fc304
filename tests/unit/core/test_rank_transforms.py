"""Ranks, their disagreement and their correlation against SciPy, pandas and plain loops."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from gfmtrust.core.ranking import (
    auroc,
    auroc_null_error,
    correlation,
    mid_ranks,
    rank_disagreement,
    ranks_among,
)


def scores(seed, n=60, models=4, missing=0.1):
    """Scores with ties and missing values, (n, models)."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 15, (n, models)) / 3
    values[rng.random((n, models)) < missing] = np.nan
    return values


@pytest.mark.parametrize("seed", range(4))
def test_mid_ranks_are_scipys(seed):
    values = scores(seed)
    ranks = mid_ranks(values)
    for column in range(values.shape[1]):
        present = np.isfinite(values[:, column])
        expected = (rankdata(values[present, column]) - 0.5) / present.sum()
        np.testing.assert_allclose(ranks[present, column], expected, atol=1e-12)
        assert np.isnan(ranks[~present, column]).all()
        assert ranks[present, column].mean() == pytest.approx(0.5)
        np.testing.assert_array_equal(ranks[:, column], mid_ranks(values[:, column]))


def test_ranks_among_a_reference_count_the_values_below():
    rng = np.random.default_rng(1)
    reference, values = rng.integers(0, 9, 40).astype(float), rng.integers(-2, 12, 25).astype(float)
    expected = [
        (sum(r < v for r in reference) + 0.5 * sum(r == v for r in reference)) / len(reference)
        for v in values
    ]
    np.testing.assert_allclose(ranks_among(values, reference), expected)


def test_ranks_do_not_depend_on_an_increasing_scale():
    values = scores(5)
    np.testing.assert_array_equal(mid_ranks(values), mid_ranks(np.exp(3 * values) - 8))


@pytest.mark.parametrize("seed", range(3))
def test_disagreement_is_the_sd_of_the_ranks_present(seed):
    ranks = mid_ranks(scores(seed, missing=0.5))
    expected = pd.DataFrame(ranks).std(axis=1, ddof=0).where(np.isfinite(ranks).sum(axis=1) > 1)
    np.testing.assert_allclose(rank_disagreement(ranks), expected, atol=1e-12)


def test_disagreement_of_models_that_agree_is_0_and_at_most_one_half():
    assert rank_disagreement(np.array([[0.3, 0.3, 0.3], [0.0, 1.0, np.nan]])).tolist() == [0, 0.5]


@pytest.mark.parametrize("seed", range(3))
def test_correlation_of_ranks_is_spearmans(seed):
    values = scores(seed, missing=0)
    ranks = mid_ranks(values)
    weights = np.random.default_rng(seed).integers(0, 3, len(values))
    for a, b in itertools.combinations(range(values.shape[1]), 2):
        expected = spearmanr(values[:, a], values[:, b]).statistic
        assert correlation(ranks[:, a], ranks[:, b]) == pytest.approx(expected)
        repeated = np.repeat(values[:, a], weights), np.repeat(values[:, b], weights)
        assert correlation(values[:, a], values[:, b], weights) == pytest.approx(
            np.corrcoef(*repeated)[0, 1]
        )


def test_null_error_is_that_of_all_orders():
    n_ones, n_zeros = 3, 4
    orders = [
        auroc(np.isin(np.arange(7), ones), np.arange(7.0))
        for ones in itertools.combinations(range(7), n_ones)
    ]
    assert auroc_null_error(n_ones, n_zeros) == pytest.approx(np.std(orders))


@pytest.mark.bad_input
def test_missing_and_constant_columns_have_no_number():
    assert np.isnan(mid_ranks(np.full(3, np.nan))).all()
    assert mid_ranks(np.full(4, 7.0)).tolist() == [0.5] * 4
    assert mid_ranks(np.empty((0, 2))).shape == (0, 2)
    assert np.isnan(rank_disagreement(np.array([[0.4, np.nan], [np.nan, np.nan]]))).all()
    assert np.isnan(correlation(np.ones(4), np.arange(4.0)))
    assert np.isnan(correlation(np.arange(4.0), np.arange(4.0), np.zeros(4)))
    assert auroc_null_error(0, 9) == np.inf


@pytest.mark.bad_input
def test_a_rank_among_nothing_is_refused():
    assert np.isnan(ranks_among(np.array([np.nan]), np.empty(0))).all()
    with pytest.raises(ValueError, match="reference"):
        ranks_among(np.array([1.0]), np.empty(0))
