"""Statistics of a replication against the public code's numbers and closed forms; without PyTorch."""

from itertools import combinations

import gfm_golden
import numpy as np
import pytest
from scipy.stats import spearmanr

from gfmtrust.audit.replicate import contextual, distribution, static
from gfmtrust.audit.replicate.draws import Values, difference

RNG = np.random.default_rng(4)


def test_every_statistic_is_that_of_the_public_code():
    public, ours = gfm_golden.public(), gfm_golden.of_arrays()
    assert set(ours) == {name for name in public if not name.startswith("fisher")}
    for name, value in ours.items():
        assert value == pytest.approx(public[name], rel=1e-6, abs=1e-6), name


def test_uniform_answers():
    p = np.full((3, 8), 1 / 8)
    assert distribution.kl_from_uniform(p) == pytest.approx(0)
    assert distribution.entropy(p) == pytest.approx(3, abs=1e-6)
    assert distribution.js_distance(p, p) == pytest.approx(0, abs=1e-6)


def test_the_distance_of_answers_without_a_common_token_is_one():
    p, q = np.eye(2)[[0]], np.eye(2)[[1]]
    assert distribution.js_distance(p, q) == pytest.approx(1, abs=1e-6)


def test_a_cut_keeps_the_most_probable_tokens():
    p = np.array([[0.1, 0.5, 0.15, 0.25]])
    assert distribution.kept(p, 0.05).tolist() == [1]
    rest = distribution.cut_off(p, distribution.ranks(p), distribution.kept(p, 0.8))
    assert rest[0] == pytest.approx([0, 2 / 3, 0, 1 / 3])


def test_pairs_are_those_of_two_arrays_at_a_time():
    members = distribution.softmax(3 * RNG.normal(size=(3, 6, 20)))
    real, null = distribution.js_of_pairs(members, 2)
    for number, cut in enumerate(distribution.CUTS):
        rest = [
            distribution.cut_off(p, distribution.ranks(p), distribution.kept(p, cut))
            for p in members
        ]
        for pair, (a, b) in enumerate(combinations(rest, 2)):
            assert real[number, pair] == pytest.approx(distribution.js_distance(a, b))
            other = distribution.js_distance(a, np.roll(b, 2, axis=0))
            assert null[number, pair] == pytest.approx(other)


def test_jaccard_of_independent_embeddings_is_that_of_chance():
    drawn = [
        static.jaccard(
            *(static.nearest(static.cosines(RNG.normal(size=(80, 5))), 10) for _ in "ab")
        )
        for _ in range(60)
    ]
    assert np.mean(drawn) == pytest.approx(static.jaccard_by_chance(80, 10), abs=0.004)
    assert static.jaccard_by_chance(2, 1) == 1


def test_the_null_of_cka_is_its_mean_over_orders_of_the_rows():
    a, b = RNG.normal(size=(20, 6)), RNG.normal(size=(20, 9))
    gram = static.linear_gram(a), static.rbf_gram(b)
    drawn = [
        static.kernel_alignment(gram[0], gram[1][np.ix_(order, order)])[0]
        for order in (RNG.permutation(20) for _ in range(3000))
    ]
    assert static.kernel_alignment(*gram)[1] == pytest.approx(np.mean(drawn), abs=0.003)


def test_the_null_of_cka_at_the_published_size_is_three_quarters():
    a, b = RNG.normal(size=(2, 256, 768))
    value, null = static.kernel_alignment(static.linear_gram(a), static.linear_gram(b))
    assert value == pytest.approx(0.75, abs=0.01)
    assert null == pytest.approx(0.75, abs=0.01)


def test_local_spearman_is_that_of_scipy_row_by_row():
    a, b = (static.cosines(RNG.normal(size=(40, 6))) for _ in "ab")
    near = static.nearest(a, 9)
    rows = [spearmanr(a[i, near[i]], b[i, near[i]])[0] for i in range(40)]
    assert static.local_spearman(a, b, near) == pytest.approx(np.mean(rows), abs=1e-6)
    assert not (near == np.arange(40)[:, None]).any()


def test_embeddings_that_differ_by_a_rotation():
    a = RNG.normal(size=(50, 4))
    b = a @ np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    assert contextual.overlap(a, b) == 1
    assert static.procrustes_cosine(a - a.mean(axis=0), b - b.mean(axis=0)) == pytest.approx(1)
    assert contextual.alignment(a, b) > 0.1


def test_the_interval_of_a_mean_has_the_width_of_the_normal_distribution():
    values = Values(RNG.normal(size=(1, 400)))
    row = difference("x", values, Values.of([0.0]), 0.0, 1)
    assert (row.high - row.low) / 2 == pytest.approx(1.96 / 20, rel=0.15)


def test_an_interval_counts_the_spread_of_the_members():
    members = np.repeat([[0.0], [1.0], [2.0]], 50, axis=1)
    row = difference("x", Values(members), Values.of([0.0]), 0.0, 1)
    assert row.low < 0.5 < 1.5 < row.high


@pytest.mark.bad_input
def test_statistics_of_a_row_of_zeros_are_numbers():
    """The padding token of an untied network never moves from 0."""
    a = RNG.normal(size=(30, 4))
    a[1] = 0
    assert np.isfinite(static.jaccard(static.nearest(static.cosines(a), 3), static.nearest(static.cosines(a), 3))).all()  # fmt: skip


@pytest.mark.bad_input
def test_a_ratio_without_a_sum_has_no_value():
    row = difference("x", Values(np.zeros((1, 3)), np.zeros((1, 3))), Values.of([0.0]), 0.0, 1)
    assert row.value is None
