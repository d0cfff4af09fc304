"""Blocks that disagree: false alarms on one error rate, and power where there are two."""

import numpy as np
import pytest
from scipy.stats import beta, hypergeom

from gfmtrust.calibration.homogeneity import ALIKE_P, block_agreement, err_alike


def draw(rng, error_of_block, per_block=10):
    block = np.repeat(np.arange(len(error_of_block)), per_block)
    return rng.random(len(block)) < np.asarray(error_of_block)[block], block


def test_one_error_rate_fires_seldom():
    fired = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        wrong, block = draw(rng, np.full(40, 0.1))
        surprisal = rng.random(40)[block]
        fired += not block_agreement(wrong, block, surprisal, 0.05).agrees
    assert fired <= 15  # two tests at 1 %, and the normal tail of the dispersion is a little heavy


def test_a_model_that_guesses_in_a_fifth_of_the_blocks_is_held_to_that_fifth():
    rng = np.random.default_rng(1)
    error = np.where(np.arange(50) < 10, 0.5, 0.0)
    wrong, block = draw(rng, error)
    agreement = block_agreement(wrong, block, np.where(block < 10, 1.9, 0.1), 0.05)
    assert not agreement.agrees
    assert agreement.worst_n == 100
    assert agreement.worst_errors == wrong[:100].sum()
    expected = beta.ppf(0.95, agreement.worst_errors + 1, 100 - agreement.worst_errors)
    assert agreement.bound >= expected - 1e-12


def test_blocks_that_differ_without_a_telling_surprisal_lose_sample_size():
    rng = np.random.default_rng(2)
    wrong, block = draw(rng, np.where(rng.random(60) < 0.1, 0.5, 0.0))
    agreement = block_agreement(wrong, block, np.full(len(block), np.nan), 0.05)
    assert agreement.dispersion > 2
    n, errors = len(wrong) / agreement.dispersion, wrong.sum() / agreement.dispersion
    assert agreement.bound == pytest.approx(
        max(1.0 if not agreement.worst_n else 0, beta.ppf(0.95, errors + 1, n - errors))
    )


@pytest.mark.bad_input
@pytest.mark.parametrize("n", [0, 1, 7])
def test_too_few_probes_fire_nothing(n):
    agreement = block_agreement(np.ones(n, bool), np.arange(n), np.zeros(n), 0.05)
    assert agreement.agrees
    assert (agreement.bound, agreement.too_few) == (float(n == 1), n == 1)


@pytest.mark.bad_input
def test_one_block_has_no_worst_fifth():
    wrong = np.arange(100) % 2 == 0
    agreement = block_agreement(wrong, np.zeros(100, int), np.zeros(100), 0.05)
    assert (agreement.worst_n, agreement.p_worst) == (0, 1.0)


@pytest.mark.bad_input
@pytest.mark.parametrize(("n_blocks", "bound"), [(3, 1.0), (4, 0.0)])
def test_probes_of_few_places_bound_nothing(n_blocks, bound):
    """300 right probes of one duplication are one observation."""
    block = np.arange(300) % n_blocks
    agreement = block_agreement(np.zeros(300, bool), block, np.zeros(300), 0.05)
    assert (agreement.blocks, agreement.bound, agreement.agrees) == (n_blocks, bound, True)


def table_p_value(a: int, n_a: int, b: int, n_b: int) -> float:
    """Two-sided p-value of a and b errors: the sum of all tables that are no likelier."""
    law = hypergeom.pmf(np.arange(n_a + 1), n_a + n_b, a + b, n_a)
    return float(law[law <= law[a] * (1 + 1e-7)].sum())


def test_two_kinds_err_alike_where_no_part_differs():
    """Kinds of 60 alleles in two parts of 30; the errors of the second kind differ by part."""
    kind, part = np.repeat([0, 1], 60), np.tile(np.repeat([0, 1], 30), 2)
    outcomes = []
    for first, second in [(3, 3), (3, 12), (12, 3), (9, 10), (4, 11)]:
        wrong = np.zeros(120, bool)
        for of_kind, of_part, errors in ((0, 0, 3), (0, 1, 3), (1, 0, first), (1, 1, second)):
            wrong[np.flatnonzero((kind == of_kind) & (part == of_part))[:errors]] = True
        outcomes.append(err_alike(wrong, kind == 0, kind == 1, (part == 0, part == 1)))
        expected = all(table_p_value(3, 30, n, 30) >= ALIKE_P for n in (first, second))
        assert outcomes[-1] == expected
    assert set(outcomes) == {True, False}
