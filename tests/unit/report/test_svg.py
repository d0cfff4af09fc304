"""The small figures: lengths and places of what is drawn, and nothing drawn that is no base."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from gfmtrust.report import svg as report_svg


def drawn(markup):
    return ElementTree.fromstring(str(markup))


def test_parts_of_a_bar_are_the_shares_best_first():
    bar = drawn(report_svg.share_bar(np.array([10, 20, 30, 40])))
    parts = {
        path.get("class"): tuple(
            map(float, re.match(r"M([\d.]+) 7h([\d.]+)$", path.get("d")).groups())
        )
        for path in bar
    }
    assert parts == {"b3": (0, 64), "b2": (64, 48), "b1": (112, 32), "b0": (144, 16)}


def test_letters_are_as_tall_as_their_probability_and_the_surest_is_on_top():
    figure = report_svg.letters(
        [{"offset": 0, "base": "A", "p": [0.6, 0.3, 0.1, 0.0]}], 2, "A", "G"
    )
    match = re.findall(
        r'<text class="(\w)" transform="matrix\(1 0 0 ([\d.]+) ([\d.]+) ([\d.]+)\)">(\w)',
        str(figure),
    )
    assert [letter for *_, letter in match] == ["G", "C", "A"]  # from the bottom up: y falls
    assert [float(y) for *_, y, _ in match] == pytest.approx([56, 50.6, 34.4])
    tall = [float(scale) for _, scale, *_ in match]
    assert (tall[2] / tall[1], tall[1] / tall[0]) == (
        pytest.approx(2, abs=0.02),
        pytest.approx(3, abs=0.06),
    )
    assert {float(x) for *_, x, _, _ in match} == {2.5 * report_svg.COLUMN}
    assert str(figure).count("h3") == 4  # dots of the bases without a distribution


def test_the_frame_spans_ref():
    figure = drawn(report_svg.letters([], 8, "ACG", "A"))
    frame = next(one for one in figure if one.tag == "rect")
    assert (float(frame.get("x")), float(frame.get("width"))) == (
        8 * report_svg.COLUMN + 0.5,
        3 * report_svg.COLUMN - 1,
    )


def test_bars_of_entropy_stand_where_their_bits_are():
    path = drawn(report_svg.entropy_bars([0] * 39 + [5]))[0]
    assert re.match(
        r"M259\.5 48v-44\.0h6\.5V48z$", path.get("d")
    )  # the last of forty stretches up to the line of 2 bits


@pytest.mark.bad_input
@pytest.mark.parametrize("alt", ["<script>", "A[chr1:5[", "*", "", "&amp;", "é", "C" * 500])
@pytest.mark.parametrize("ref", ["A", "N" * 500, '"><b>'])
def test_what_is_no_base_is_never_drawn(ref, alt):
    figure = report_svg.letters(
        [
            {"offset": 0, "base": "<", "p": [0.25] * 4},
            {"offset": 99, "base": "A", "p": [1, 0, 0, 0]},
        ],
        8,
        ref,
        alt,
    )
    tree = drawn(figure)
    assert set("".join(tree.itertext())) <= set("ACGTN?")
    assert {one.tag for one in tree.iter()} <= {"svg", "g", "rect", "path", "text"}


@pytest.mark.bad_input
def test_figures_of_nothing():
    for figure in (
        report_svg.share_bar(np.zeros(4, int)),
        report_svg.strip(np.zeros((2, 80), int)),
        report_svg.entropy_bars([0] * 40),
    ):
        assert "nan" not in str(figure)
        drawn(figure)
