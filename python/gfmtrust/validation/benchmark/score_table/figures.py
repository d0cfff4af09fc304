"""The figures of the page of `benchmark scores` as inline SVG, in the style of the report.

The same numbers give the same bytes. Lines differ by dashes and marks by their shape, so that
colours are not needed.
"""

from __future__ import annotations

import numpy as np
from markupsafe import Markup, escape

from gfmtrust.report import svg
from gfmtrust.report.chart import FONT, Chart, Stroke
from gfmtrust.report.svg import INK
from gfmtrust.validation.benchmark.score_table.disagreement_rows import COVERAGES
from gfmtrust.validation.benchmark.score_table.ranking_rows import ALL, WITHIN

BLUE, ORANGE, GREEN, GUIDE = "#0072b2", "#a84300", "#007052", "#6b6b6b"
LABEL, PLOT, ROW = 190, 400, 30
"""Width of the names, width of the axis, height of a scorer; pixels."""
LONGEST_NAME = 26
"""Largest number of characters of a model's name in a figure; a longer name is cut."""
STROKES = {
    "distance": Stroke(BLUE, 2.4),
    "disagreement": Stroke(ORANGE, 2.4, "2.5 3"),
    "both": Stroke(GREEN, 2.4, "8 4"),
}
QUARTILES = ("least", "second", "third", "most")


def auroc_plot(ranking: list[dict]) -> Markup:
    """AUROC of each scorer with its 95 % interval: over all alleles (dot), within classes
    (square)."""
    by_scope = {
        scope: {row["scorer"]: row for row in ranking if row["class"] == scope}
        for scope in (ALL, WITHIN)
    }
    scorers = list(by_scope[ALL])
    lowest = min([0.5, *(row["auroc_low"] for row in _finite(by_scope))])
    left = np.floor(lowest * 20) / 20
    floor, content = ROW * len(scorers) + 6, ""

    def at(area: float) -> float:
        return LABEL + PLOT * (area - left) / (1 - left)

    for number, scorer in enumerate(scorers):
        y = ROW * number + 20
        content += (
            f'<text x="{LABEL - 10}" y="{y + 4}" text-anchor="end">{escape(_cut(scorer))}</text>'
        )
        for scope, colour, shift in ((ALL, BLUE, -5), (WITHIN, ORANGE, 5)):
            row = by_scope[scope].get(scorer)
            if row and np.isfinite(row["auroc"]):
                content += _interval(at, row, y + shift, Stroke(colour, 2), scope == ALL)
    steps = np.arange(round(left * 10 + 0.4999), 11) / 10
    ticks = "".join(
        f'<path d="M{at(area):.1f} {floor}v4" {Stroke()}/>'
        f'<text x="{at(area):.1f}" y="{floor + 17}" text-anchor="middle">{area:.1f}</text>'
        for area in steps
    )
    axis = (
        f'<path d="M{LABEL} 0V{floor}H{LABEL + PLOT}" {Stroke()}/>'
        f'<path d="M{at(0.5):.1f} 0V{floor}" {Stroke(GUIDE, 1.3, "2 3")}/>'
    )
    title = (
        f'<text x="{LABEL + PLOT / 2}" y="{floor + 36}" text-anchor="middle">'
        "AUROC (dotted: chance)</text>"
    )
    drawn = f'<g font-size="{FONT}" fill="{INK}">{axis}{content}{ticks}{title}</g>'
    return svg.element(LABEL + PLOT + 24, floor + 42, drawn)


def _finite(by_scope: dict[str, dict[str, dict]]) -> list[dict]:
    rows = [row for rows in by_scope.values() for row in rows.values()]
    return [row for row in rows if np.isfinite(row["auroc_low"])]


def _interval(at, row: dict, y: float, stroke: Stroke, is_dot: bool) -> str:
    x = at(row["auroc"])
    mark = (
        f'<circle cx="{x:.1f}" cy="{y}" r="4.2" fill="{stroke.colour}"/>'
        if is_dot
        else f'<path d="M{x - 3.8:.1f} {y - 3.8:.1f}h7.6v7.6h-7.6z" fill="{stroke.colour}"/>'
    )
    if not np.isfinite(row["auroc_low"]):
        return mark
    line = f"M{at(row['auroc_low']):.1f} {y}H{at(row['auroc_high']):.1f}"
    return f'<path d="{line}" {stroke}/>{mark}'


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def quartile_plot(quartiles: list[dict], scope: str, error: float) -> Markup:
    """Error of the combined calls by quartile of disagreement, with 95 % intervals, and the error of
    all of them as a line. quartiles: the four rows of one scope."""
    highs = [row["error_high"] for row in quartiles if np.isfinite(row["error_high"])]
    top = min(1.0, max([error, *highs, *(row["error"] for row in quartiles)]) * 1.15 + 0.01)
    chart = Chart((0.5, 4.5), (0, top), "quartile of disagreement (1: least)", "share of wrong calls",
                  height=270, legend=190)  # fmt: skip
    chart.level(error, Stroke(GUIDE, 1.3, "2 3"), "all alleles")
    x, y, low, high = (
        np.array(values, dtype=float)
        for values in zip(
            *(
                (row["quartile"], row["error"], row["error_low"], row["error_high"])
                for row in quartiles
                if np.isfinite(row["error_low"])
            ),
            strict=True,
        )
    )
    chart.points(x, y, low, high, f"{scope}, 95 % interval")
    return svg.element(chart.width, chart.height, chart.drawn())


def curve_plot(curve: list[dict]) -> Markup:
    """Share of wrong calls among the most trusted alleles, by coverage, one line per way to
    abstain."""
    top = max(row["error"] for row in curve)
    chart = Chart((0, 1), (0, top * 1.1 or 1.0), "coverage: share of alleles that are called",
                  "share of wrong calls", legend=170)  # fmt: skip
    for name, stroke in STROKES.items():
        rows = [row for row in curve if row["abstain_by"] == name]
        if rows:
            x, y = (np.array([row[key] for row in rows]) for key in ("coverage", "error"))
            chart.line(x, y, stroke, f"by {name}")
    return svg.element(chart.width, chart.height, chart.drawn())


def curve_text(curve: list[dict]) -> str:
    """The curves in words, for those who cannot see them: the error at half and full coverage."""
    half, full = COVERAGES[len(COVERAGES) // 2 - 1], COVERAGES[-1]
    parts = []
    for name in STROKES:
        at = {row["coverage"]: row["error"] for row in curve if row["abstain_by"] == name}
        if half in at and full in at:
            parts.append(f"by {name} {at[half]:.1%} at half coverage and {at[full]:.1%} at full")
    return "Share of wrong calls by coverage: " + "; ".join(parts)
