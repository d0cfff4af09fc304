"""Orders of places that are computed place by place: that each is one, and that it looks drawn."""

import numpy as np
import pytest

from gfmtrust.core.permutation import Permutation


@pytest.mark.parametrize("bits", [*range(19)])
def test_every_place_occurs_once(bits):
    places = Permutation.of("words_9", 1 << bits)(np.arange(1 << bits))
    assert np.array_equal(np.sort(places), np.arange(1 << bits))


def test_places_above_2_to_the_31_are_told_apart():
    places = np.arange((1 << 32) - 70_000, 1 << 32, dtype=np.int64)
    assert len(np.unique(Permutation.of("w", 1 << 32)(places))) == len(places)


def test_a_few_places_are_those_of_the_whole_table():
    order, values = Permutation.of("words_8", 1 << 19), np.arange(1 << 19, dtype=np.float32)
    asked = np.random.default_rng(1).integers(0, 1 << 19, (40, 3))
    assert np.array_equal(order.permuted(values)[asked], values[order(asked)])


def test_names_have_different_orders_and_the_same_one_in_every_process():
    places = np.arange(1 << 12)
    orders = [Permutation.of(f"words_{number}", 1 << 12)(places) for number in range(6)]
    assert all((one == other).mean() < 0.01 for one in orders[:3] for other in orders[3:])
    assert orders[0][:3].tolist() == Permutation.of("words_0", 1 << 12)(places)[:3].tolist()


@pytest.mark.parametrize("bits", [9, 16, 19, 21])
def test_neighbours_and_rows_of_eight_are_spread(bits):
    """The correlations of a rising sequence with itself one, eight and 32 places on are those of a
    drawn order: normal with a standard deviation of 1 / sqrt(n)."""
    n = 1 << bits
    order = Permutation.of("words_10", n)(np.arange(n)).astype(float)
    for distance in (1, 8, 32):
        correlation = np.corrcoef(order[:-distance], order[distance:])[0, 1]
        assert abs(correlation) < 4.5 / np.sqrt(n), (distance, correlation * np.sqrt(n))
    assert abs(np.corrcoef(order, np.arange(n))[0, 1]) < 4.5 / np.sqrt(n)


@pytest.mark.bad_input
@pytest.mark.parametrize("n_places", [0, 3, 24, 1 << 33])
def test_another_number_of_places_is_refused(n_places):
    with pytest.raises(ValueError, match=f"^{n_places} places; expected a power of two"):
        Permutation.of("w", n_places)
