"""The benchmark's page of two figures as SVG: wrong calls among the most trusted, and how scorers
rank the labels.

Same numbers, same bytes; the style is the report's.
"""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from gfmtrust.core.ranking import roc_curve
from gfmtrust.core.risk_coverage import risk_at_coverage
from gfmtrust.report.figures import INK, SETTINGS, svg_of
from gfmtrust.validation.benchmark.labelled.alleles import Judged
from gfmtrust.validation.benchmark.labelled.questions import trust

POINTS = 100
COLOURS = ("#0072b2", "#e69f00", "#d55e00", "#56789a", "#009e73", "#6b6b6b")
STYLES = ("-", "--", ":", "-.")
FROM_ALLELES = 20
"""A risk among fewer alleles is noise that would stretch the axis."""


def curve_points(judged: Judged) -> list[dict]:
    """Coverage and share of wrong calls among so many of the most trusted, up to 100 points a
    ranking."""
    wrong = judged.table["wrong"].to_numpy(np.float64)
    rows = []
    for name, ranking in trust(judged).items():
        mine = np.isfinite(ranking)
        if not mine.any():
            continue
        risk = risk_at_coverage(wrong[mine], ranking[mine])
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


@matplotlib.rc_context(SETTINGS)
def page(judged: Judged, title: str) -> str:
    """Risk against coverage, left; ROC of the label, right."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    figure.suptitle(title)
    points = curve_points(judged)
    for i, name in enumerate(dict.fromkeys(point["ranking"] for point in points)):
        mine = [
            point for point in points if point["ranking"] == name and point["n"] >= FROM_ALLELES
        ]
        left.plot(
            [point["coverage"] for point in mine],
            [point["risk"] for point in mine],
            **_look(i),
            label=name,
        )
    left.axhline(judged.table["wrong"].mean(), color=INK, linewidth=0.8)
    left.set(
        xlabel="share of alleles, most trusted first",
        ylabel="wrong calls among them",
        xlim=(0, 1),
        ylim=(0, None),
    )
    right.plot([0, 1], [0, 1], color=INK, linewidth=0.8)
    label = judged.table["label"].to_numpy()
    for i, (name, score) in enumerate(judged.scorers.items()):
        known = np.isfinite(score)
        if 0 < label[known].sum() < known.sum():
            right.plot(*roc_curve(label[known], score[known]), **_look(i), label=name)
    right.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1))
    for axes in (left, right):
        axes.legend(fontsize=9, loc="best")
    return svg_of(figure) + "\n"


def _look(i: int) -> dict:
    return {
        "color": COLOURS[i % len(COLOURS)],
        "linestyle": STYLES[i % len(STYLES)],
        "linewidth": 1.8,
    }
