"""Similarities of representations against closed forms."""

import numpy as np
import pytest

from gfmtrust.audit import similarity

RNG = np.random.default_rng(7)


def rotation(d):
    return np.linalg.qr(np.random.default_rng(d).normal(size=(d, d)))[0]


def test_a_rotation_and_a_scale_change_nothing():
    a = RNG.normal(size=(60, 5)) * [5, 3, 2, 1, 1]
    b = 3 * a @ rotation(5) + 7
    assert similarity.debiased_cka(a, b) == pytest.approx(1)
    assert similarity.procrustes(a, b) == pytest.approx(0, abs=1e-9)
    assert similarity.mutual_neighbours(a, b, 5) == 1


def test_biased_cka_of_independent_noise_is_three_quarters_at_256_by_768():
    """For n < d the biased CKA of Gaussian noise is about d / (d + n): 768 / 1024."""
    a, b = RNG.normal(size=(2, 256, 768))
    assert similarity.biased_cka(a, b) == pytest.approx(768 / 1024, abs=0.01)
    assert similarity.debiased_cka(a, b) == pytest.approx(0, abs=0.02)


def naive_hsic(k, m):
    """The unbiased estimate of Song and others 2012, equation 5, term by term."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    one = np.ones(n)
    total = np.trace(k @ m) + one @ k @ one * (one @ m @ one) / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))


def test_debiased_cka_is_the_ratio_of_unbiased_estimates():
    a, b = RNG.normal(size=(30, 4)), RNG.normal(size=(30, 6))
    b[:, 0] = a[:, 1]
    grams = a @ a.T, b @ b.T
    expected = naive_hsic(*grams) / np.sqrt(
        naive_hsic(grams[0], grams[0]) * naive_hsic(grams[1], grams[1])
    )
    assert similarity.debiased_cka(a, b) == pytest.approx(expected)


def test_procrustes_is_that_of_scipy():
    from scipy.spatial import procrustes

    a, b = RNG.normal(size=(2, 40, 6))
    assert similarity.procrustes(a, b) == pytest.approx(procrustes(a, b)[2])


def test_shared_neighbours_of_noise_are_those_of_chance():
    shared = [similarity.mutual_neighbours(*RNG.normal(size=(2, 101, 8)), 10) for _ in range(40)]
    assert np.mean(shared) == pytest.approx(10 / 100, abs=0.01)


def test_the_effective_rank_counts_equal_directions():
    a = np.concatenate([np.eye(4), -np.eye(4)])
    assert similarity.effective_rank(np.pad(a, ((0, 0), (0, 3)))) == pytest.approx(4)
    assert similarity.effective_rank(np.outer(np.arange(5.0), [1, 2])) == pytest.approx(1)


@pytest.mark.bad_input
def test_a_representation_that_does_not_vary_has_no_similarity():
    a, b = np.ones((20, 3)), RNG.normal(size=(20, 3))
    assert np.isnan(similarity.debiased_cka(a, b))
    assert np.isnan(similarity.procrustes(a, b))
    assert similarity.effective_rank(a) == 0
