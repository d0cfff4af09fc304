"""The benchmark's page of two figures as SVG: wrong calls among the most trusted alleles, and the
ranking of the labels by each scorer.

Equal numbers give equal bytes; the style is that of the report.
"""

from __future__ import annotations

import numpy as np
from markupsafe import escape

from gfmtrust.core.ranking import roc_curve
from gfmtrust.core.risk_coverage import risk_at_coverage
from gfmtrust.report import svg
from gfmtrust.report.chart import FONT, Chart, Stroke, legend_width
from gfmtrust.validation.benchmark.labelled.alleles import Judged
from gfmtrust.validation.benchmark.labelled.questions import trust

POINTS = 100
COLOURS = ("#0072b2", "#e69f00", "#d55e00", "#56789a", "#009e73", "#6b6b6b")
DASHES = ("", "8 4", "2.5 3", "9 3 2.5 3")
HEIGHT, TITLE, PLOT = 390, 34, 380
"""The height of the axes with their labels, the height of the title, and the width of a plot
without its legend, in pixels."""
FROM_ALLELES = 20
"""The smallest number of alleles of a point; the risk among fewer is noise that would stretch the
axis."""


def curve_points(judged: Judged) -> list[dict]:
    """Return coverage and share of wrong calls among the most trusted alleles, up to 100 points per
    ranking."""
    wrong = judged.table["wrong"].to_numpy(np.float64)
    rows = []
    for name, ranking in trust(judged).items():
        finite = np.isfinite(ranking)
        if not finite.any():
            continue
        risk = risk_at_coverage(wrong[finite], ranking[finite])
        for at in np.unique(np.ceil(np.linspace(0, 1, POINTS + 1)[1:] * len(risk)).astype(int)):
            rows.append(
                {
                    "ranking": name,
                    "n": int(at),
                    "coverage": at / len(risk),
                    "risk": float(risk[at - 1]),
                }
            )
    return rows


def page(judged: Judged, title: str) -> str:
    """Return the page: risk against coverage on the left, ROC of the label on the right."""
    charts = [_risk_chart(judged), _roc_chart(judged)]
    width = round(sum(chart.width for chart in charts))
    heading = f'<text x="{width / 2:g}" y="22" font-size="{FONT + 2}" text-anchor="middle">{escape(title)}</text>'
    content = (
        f'<path d="M0 0H{width}V{TITLE + HEIGHT}H0z" fill="#fff"/>{heading}'
        f'<g transform="translate(0 {TITLE})">{charts[0].drawn()}</g>'
        f'<g transform="translate({charts[0].width} {TITLE})">{charts[1].drawn()}</g>'
    )
    namespace = 'xmlns="http://www.w3.org/2000/svg" '
    return svg.element(width, TITLE + HEIGHT, content, namespace) + "\n"


def _risk_chart(judged: Judged) -> Chart:
    points = [point for point in curve_points(judged) if point["n"] >= FROM_ALLELES]
    wrong = float(judged.table["wrong"].mean())
    highest = max([wrong, *(point["risk"] for point in points)])
    names = list(dict.fromkeys(trust(judged)))
    chart = _chart(
        (highest * 1.05) or 1.0,
        "share of alleles, most trusted first",
        "wrong calls among them",
        names,
    )
    chart.level(wrong, Stroke())
    for i, name in enumerate(names):
        of_ranking = [point for point in points if point["ranking"] == name]
        if of_ranking:
            x, y = (np.array([point[key] for point in of_ranking]) for key in ("coverage", "risk"))
            chart.line(x, y, _stroke(i), name)
    return chart


def _roc_chart(judged: Judged) -> Chart:
    label = judged.table["label"].to_numpy()
    chart = _chart(1.0, "false positive rate", "true positive rate", list(judged.scorers))
    chart.line(np.array([0, 1]), np.array([0, 1]), Stroke())
    for i, (name, score) in enumerate(judged.scorers.items()):
        finite = np.isfinite(score)
        if 0 < label[finite].sum() < finite.sum():
            chart.line(*roc_curve(label[finite], score[finite]), _stroke(i), name)
    return chart


def _chart(highest: float, x_label: str, y_label: str, names: list[str]) -> Chart:
    legend = legend_width(names)
    width = round(PLOT + legend)
    return Chart((0, 1), (0, highest), x_label, y_label, width, HEIGHT, legend)


def _stroke(i: int) -> Stroke:
    return Stroke(COLOURS[i % len(COLOURS)], 2.2, DASHES[i % len(DASHES)])
