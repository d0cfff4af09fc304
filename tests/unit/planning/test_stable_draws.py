"""Random numbers that belong to what they decide: uniform, independent between purposes, and the same
whatever else is drawn."""

import numpy as np
import pytest
from scipy import stats

from gfmtrust.planning import stable_draws
from gfmtrust.planning.stable_draws import Purpose


def test_the_hash_is_the_published_one():
    """The first outputs of SplitMix64 with the seeds 0 and 1234567, from its reference code."""
    golden = 0x9E3779B97F4A7C15
    first = stable_draws._mixed(np.array([golden, 1234567 + golden], np.uint64))
    assert [hex(int(word)) for word in first] == ["0xe220a8397b1dcdaf", hex(6457827717110365317)]


def test_numbers_are_uniform_and_of_their_purpose():
    keys = np.arange(50_000)
    keep, place = (
        stable_draws.uniform(1, purpose, keys) for purpose in (Purpose.KEEP, Purpose.CANDIDATE)
    )
    for numbers in (keep, place, stable_draws.uniform(2, Purpose.KEEP, keys)):
        assert stats.kstest(numbers, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(keep, place)[0, 1]) < 0.02
    assert abs(np.corrcoef(keep[1:], keep[:-1])[0, 1]) < 0.02


def test_a_number_depends_on_its_own_keys_alone():
    keys = np.arange(100)
    alone = stable_draws.uniform(1, Purpose.KEEP, keys[40], 3)
    assert stable_draws.uniform(1, Purpose.KEEP, keys, 3)[40] == alone
    assert stable_draws.uniform(1, Purpose.KEEP, 3, keys)[40] != alone
    assert stable_draws.below(7, 1, Purpose.KEEP, keys).max() < 7
    assert stable_draws.uniform(1, Purpose.KEEP, np.int64(-1)).shape == (1,)


def test_choices_follow_the_weights():
    weight = np.array([1.0, 2.0, 5.0, 12.0])
    rows = stable_draws.chosen(
        weight, np.array([9, 4, 7, 1]), 1, Purpose.INDEL_KIND, np.arange(20_000)
    )
    counts = np.bincount(rows, minlength=4)
    assert stats.chisquare(counts, 20_000 * weight / weight.sum()).pvalue > 1e-4


def test_a_new_candidate_takes_its_share_and_moves_no_other_choice():
    draws, names = np.arange(20_000), np.arange(10)
    before = stable_draws.chosen(np.ones(9), names[:9], 1, Purpose.INDEL_KIND, draws)
    after = stable_draws.chosen(np.ones(10), names, 1, Purpose.INDEL_KIND, draws)
    assert (before[after < 9] == after[after < 9]).all()
    assert (after == 9).mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.bad_input
def test_nothing_to_choose_from():
    with pytest.raises(ValueError, match="no candidate"):
        stable_draws.chosen(np.empty(0), np.empty(0, int), 1, Purpose.INDEL_KIND, np.arange(2))
