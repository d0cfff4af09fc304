"""The figures of the audit: every text is inside, and no text runs into another."""

import re

import pytest

from gfmtrust.audit import figures
from gfmtrust.audit.table import MEASURES
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.report.chart import CHARACTER

FLANKS = [0, *(2**power for power in range(17))]


def drawn_line(places, x_label="flank (bp)"):
    rows = [Statistic(f"flank {x}", 1.5, 1.4, 1.6, 2.0, 9, x=float(x)) for x in places]
    return str(figures.lines_plot(rows, x_label, "bits per base", False))


def below_the_axis(svg):
    """Middle and width of the texts below the axis, pixels."""
    texts = re.findall(rf'<text x="([\d.]+)" y="{figures.FLOOR + 18}"[^>]*>([^<]+)<', svg)
    return [(float(x), CHARACTER * len(text), text) for x, text in texts]


@pytest.mark.parametrize("places", [FLANKS, [0, 0.25, 0.5, 0.75, 1], [4, 2, 1], [16384]])
def test_places_do_not_run_into_each_other(places):
    texts = below_the_axis(drawn_line(places))
    assert texts[-1][2] == f"{places[-1]:g}"
    for (left, width, _), (right, further, _) in zip(texts, texts[1:], strict=False):
        assert left + width / 2 < right - further / 2
    assert texts[-1][0] + texts[-1][1] / 2 <= figures.WIDTH


@pytest.mark.parametrize("label", sorted({one.x_label for one in MEASURES if one.x_label}))
def test_the_name_of_an_axis_is_inside(label):
    svg = drawn_line([1, 2], label)
    middle = (figures.LEFT + figures.WIDTH) / 2
    lines = re.findall(rf'<text x="{middle:g}" y="(\d+)"[^>]*>([^<]*)<', svg)
    assert " ".join(text for _, text in lines).strip() == label
    height = float(re.search(r'height="([\d.]+)"', svg)[1])
    for y, text in lines:
        assert len(text) * CHARACTER <= 2 * (figures.WIDTH - middle)
        assert float(y) < height or not text


def test_a_row_has_its_name_above_its_interval():
    row = Statistic("skill", 0.5, 0.4, 0.6, 0.0, 9)
    svg = str(figures.rows_plot([row], "1"))
    name = float(re.search(r'y="([\d.]+)">skill', svg)[1])
    dot = float(re.search(r'<circle [^>]*cy="([\d.]+)"', svg)[1])
    assert name < dot
