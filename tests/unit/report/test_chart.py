"""Axes drawn as SVG: marks stand at the pixels that a hand calculation gives, ticks are round
numbers, and text is escaped."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from gfmtrust.core.vocabulary import Rank
from gfmtrust.report import chart as charts
from gfmtrust.report import figures, svg
from gfmtrust.report.chart import Chart, Stroke
from gfmtrust.report.numbers import AlleleNumbers, CurveBin


def tree(chart):
    return ElementTree.fromstring(svg.element(chart.width, chart.height, chart.drawn()))


def places(outline):
    return [tuple(map(float, pair)) for pair in re.findall(r"[ML]([\d.]+) ([\d.]+)", outline)]


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 60, 6, [0, 10, 20, 30, 40, 50, 60]),
        (0, 2.05, 8, [0, 0.5, 1.0, 1.5, 2.0]),
        (-13, 13, 8, [-10, -5, 0, 5, 10]),
        (0.4, 1.01, 8, [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (0, 1.25, 7, [0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]),
        (0, 4_321_000, 7, [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]),
        (0, 0.19, 8, [0, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175]),
    ],
)
def test_ticks_are_round_numbers_inside_the_axis(low, high, most, expected):
    assert charts.ticks(low, high, most) == pytest.approx(expected)


def test_ticks_of_any_axis_are_evenly_spaced_and_few():
    rng = np.random.default_rng(0)
    for low, span in zip(rng.normal(0, 50, 200), 10.0 ** rng.uniform(-4, 7, 200), strict=True):
        result_array = np.array(charts.ticks(low, low + span, 7))
        assert 2 <= len(result_array) <= 8
        assert result_array[0] >= low - 1e-6 * span
        assert result_array[-1] <= low + span * (1 + 1e-6)
        assert np.allclose(np.diff(result_array), np.diff(result_array)[0])


def test_tick_labels_have_the_decimals_that_they_need():
    assert charts.tick_labels([0, 0.5, 1.0]) == ["0.0", "0.5", "1.0"]
    assert charts.tick_labels([-1000, 0, 1000]) == ["\N{MINUS SIGN}1,000", "0", "1,000"]
    assert charts.tick_labels([0, 0.025, 0.05]) == ["0.000", "0.025", "0.050"]


def test_a_line_stands_where_its_numbers_are():
    chart = Chart((0, 10), (0, 4), "x", "y", width=400, height=200, legend=100)
    chart.line(np.array([0, 5, 10]), np.array([0, 4, 1]), Stroke("#123456", 2, "6 3"), "one")
    line = next(one for one in tree(chart).iter("path") if one.get("stroke") == "#123456")
    left, right, top, floor = chart.left, 300, charts.TOP, 200 - charts.BOTTOM
    assert places(line.get("d")) == [
        pytest.approx((x, y), abs=0.051)
        for x, y in (
            (left, floor),
            ((left + right) / 2, top),
            (right, floor - (floor - top) / 4),
        )
    ]
    assert (line.get("stroke-width"), line.get("stroke-dasharray")) == ("2", "6 3")


def test_steps_rise_and_fall_at_the_edges():
    chart = Chart((0, 2), (0, 10), "x", "y", width=400, height=254, legend=100)
    chart.steps(np.array([0.0, 1.0, 2.0]), np.array([10.0, 5.0]), Stroke("#123456"))
    line = next(one for one in tree(chart).iter("path") if one.get("stroke") == "#123456")
    (x0, *_), *_ = result = places(line.get("d"))
    assert [round((210 - y) / 20, 1) for _, y in result] == [0, 10, 10, 5, 5, 0]
    half = (300 - x0) / 2
    assert [round((x - x0) / half, 2) for x, _ in result] == [0, 0, 1, 1, 2, 2]


def test_bars_of_flags_are_stacked_without_a_gap():
    numbers = AlleleNumbers()
    for flag, count in ((Rank.HIGH, 3), (Rank.MEDIUM, 2), (Rank.LOW, 5)):
        numbers.ent[flag][7] = count
    page = ElementTree.fromstring(figures.entropy_histogram(numbers))
    bars = [one for one in page.iter("path") if one.get("stroke-width") == ".4"][:3]
    spans = [(min(ys), max(ys)) for ys in ([y for _, y in places(bar.get("d"))] for bar in bars)]
    heights = [bottom - top for top, bottom in spans]
    assert [height / heights[0] for height in heights] == pytest.approx(
        [1, 5 / 3, 10 / 3], rel=0.02
    )


def test_points_have_their_interval_and_the_limits_stand_at_one_minus_alpha():
    bins = [CurveBin(100, 0.6, 0.7, 0.6, 0.8), CurveBin(100, 0.9, 0.95, 0.9, 1.0)]
    page = ElementTree.fromstring(figures.calibration_plot(bins, {Rank.HIGH: 0.05}))
    circles = [one for one in page.iter("circle") if float(one.get("cx")) > 40][:2]
    limit = next(one for one in page.iter("path") if one.get("stroke") == figures.COLOUR[Rank.HIGH])
    (_, level), *_ = places(limit.get("d"))
    assert float(circles[1].get("cy")) == level
    assert float(circles[0].get("cy")) > level


@pytest.mark.bad_input
@pytest.mark.parametrize("label", ["<script>", 'a"&b', "x" * 200, "é\u2028"])
def test_text_of_a_user_is_escaped_and_long_text_is_cut(label):
    chart = Chart((0, 1), (0, 1), label, label)
    chart.level(0.5, Stroke(), label)
    texts = [one.text for one in tree(chart).iter("text")]
    assert label in texts
    assert any(text != label and text.startswith(label[:20]) for text in texts) == (len(label) > 34)
    assert {one.tag for one in tree(chart).iter()} <= {"svg", "g", "path", "text"}


@pytest.mark.bad_input
def test_a_chart_of_nothing_is_well_formed():
    chart = Chart((0, 1), (0, 1), "", "")
    chart.line(np.array([]), np.array([]), Stroke())
    chart.points(*[np.array([])] * 4, label="none")
    assert "nan" not in chart.drawn()
    tree(chart)
