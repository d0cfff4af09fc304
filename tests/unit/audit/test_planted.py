"""Planted questions: the source determines the letters asked, and the control does not."""

import numpy as np
import pytest

from gfmtrust.audit import archetypes, context_gain, frame, planted
from gfmtrust.core.alphabet import decode
from gfmtrust.core.contracts.audit import Statistic

WIDTH, END = 128, 112
N = 50


def hay(seed=0):
    return planted.fresh(np.random.default_rng(seed), N, WIDTH)


def texts(windows):
    return [decode(window) for window in windows]


def reversed_complement(text):
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("distance", [24, 40, 88])
def test_the_key_of_a_needle_stands_twice_and_its_value_behind_both(distance):
    question = planted.needle(hay(), distance, END, rng())
    for text, control in zip(texts(question.windows), texts(question.control), strict=True):
        asked = text[END - 24 : END]
        assert text[END - 24 - distance : END - distance] == asked
        assert control[END - 24 : END] == asked
        assert control[END - 24 - distance : END - 12 - distance] == asked[:12]
        assert control[END - 12 - distance : END - distance] != asked[12:]
    assert question.asked.tolist() == list(range(END - 12, END))


@pytest.mark.parametrize("mutated", [1, 2, 4])
def test_a_distractor_differs_in_as_many_letters_as_it_says(mutated):
    key = hay()[:, :12]
    other = planted.mutant(key, mutated, rng())
    assert ((key != other).sum(axis=1) == mutated).all()


def test_a_copy_and_an_inverted_copy():
    for how in ("copy", "inverted"):
        question = planted.repeated(hay(), 30, 10, END, rng(), how)
        for text, control in zip(texts(question.windows), texts(question.control), strict=True):
            first, second = text[END - 70 : END - 40], text[END - 30 : END]
            assert second == (first if how == "copy" else reversed_complement(first))
            if how == "inverted":
                assert control[END - 70 : END - 40] == second[::-1]


def test_one_of_the_pairs_is_asked():
    question = planted.pairs(hay(), 4, END, rng())
    for text, control in zip(texts(question.windows), texts(question.control), strict=True):
        pairs = [text[END - 60 + 12 * i : END - 48 + 12 * i] for i in range(4)]
        assert text[END - 12 : END] in pairs
        keys = [control[END - 60 + 12 * i : END - 52 + 12 * i] for i in range(4)]
        assert text[END - 12 : END - 4] in keys


def test_a_tandem_repeat_has_its_period():
    question = planted.tandem(hay(), 7, 5, END, rng())
    assert (question.windows[:, END - 35 : END - 7] == question.windows[:, END - 28 : END]).all()
    assert (question.control[:, END - 7 : END] == question.windows[:, END - 7 : END]).all()


def test_an_open_frame_has_no_stop_and_its_third_letters_are_gc():
    codons = frame.open_frame(rng(), 200, 30).reshape(-1, 3)
    assert not {"TAA", "TAG", "TGA"} & {decode(codon) for codon in codons}
    assert np.isin(codons[:, 2], (1, 2)).mean() == pytest.approx(0.9, abs=0.02)


def test_the_phase_behind_an_insertion_is_that_of_the_shifted_frame():
    windows, phase = frame.shifted(rng(), 400, 96)
    is_gc = np.isin(windows, (1, 2))
    third = phase == 2
    third[48] = False
    assert is_gc[:, third].mean() == pytest.approx(0.9, abs=0.02)


def test_shortened_windows_keep_the_flank_and_the_composition():
    windows = hay()
    keys = rng().random(windows.shape)
    short = context_gain.shortened(windows, 60, 5, keys)
    assert (short[:, 55:66] == windows[:, 55:66]).all()
    assert (np.sort(short, axis=1) == np.sort(windows, axis=1)).all()
    assert (short != windows).any(axis=1).all()


def test_one_letter_in_a_hundred_is_changed_and_never_the_site():
    windows = planted.fresh(rng(), N, 400)
    changed = context_gain.changed_letters(windows, 200, rng(), None)
    assert ((changed != windows).sum(axis=1) == 4).all()
    assert (changed[:, 200] == windows[:, 200]).all()


def row(x, value, low, high):
    return Statistic("", value, low, high, 2.0, 10, x=x)


def test_the_horizon_is_the_last_gap_before_the_first_failure():
    rows = [row(0, 0.1, 0, 0.2), row(64, 0.4, 0.3, 0.6), row(256, 1.5, 1, 2), row(1024, 0.2, 0, 1)]
    horizon = archetypes.horizon(rows)
    assert (horizon.value, horizon.low, horizon.high) == (64, 0, 64)
    assert archetypes.horizon(rows[2:]).value is None
