"""The figures of the page of `benchmark scores` as inline SVG, in the style of the report.

The same numbers give the same bytes. Lines differ by dashes and marks by their shape, so that
colours are not needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from gfmtrust.report import svg
from gfmtrust.report.chart import FONT, Chart, Stroke, tick_labels, ticks
from gfmtrust.report.svg import INK
from gfmtrust.validation.benchmark.score_table.disagreement_rows import COVERAGES
from gfmtrust.validation.benchmark.score_table.ranking_rows import ALL, WITHIN

BLUE, ORANGE, GREEN, GUIDE = "#0072b2", "#a84300", "#007052", "#6b6b6b"
ROW = 30
"""Height of a row of an interval plot, pixels."""
LONGEST_NAME = 26
"""Largest number of characters of a model's name in a figure; a longer name is cut."""
STROKES = {
    "distance": Stroke(BLUE, 2.4),
    "disagreement": Stroke(ORANGE, 2.4, "2.5 3"),
    "both": Stroke(GREEN, 2.4, "8 4"),
}
SCOPES = {ALL: (BLUE, -5), WITHIN: (ORANGE, 5)}
"""Colour, and place below the middle of the row in pixels, of the figures over all alleles (a dot)
and within classes (a square)."""
QUARTILES = ("least", "second", "third", "most")


@dataclass(frozen=True)
class Axis:
    """The axis of an interval plot: lowest and highest value, ticks, the value of the dotted line,
    and a title. names, plot: width of the names and of the axis, pixels."""

    low: float
    high: float
    ticks: list[float]
    guide: float
    title: str
    names: int = 190
    plot: int = 400

    def at(self, value: float) -> float:
        return self.names + self.plot * (value - self.low) / (self.high - self.low)


def interval_plot(
    names: list[str], rows: dict[str, dict[str, dict]], statistic: str, axis: Axis
) -> Markup:
    """Values with 95 % intervals, one row per name. rows: scope -> name -> row of a table with the
    statistic."""
    floor, content = ROW * len(names) + 6, ""
    for number, name in enumerate(names):
        y = ROW * number + 20
        content += (
            f'<text x="{axis.names - 10}" y="{y + 4}" text-anchor="end">{escape(_cut(name))}</text>'
        )
        for scope, (colour, shift) in SCOPES.items():
            row = rows.get(scope, {}).get(name)
            if row and np.isfinite(row[statistic]):
                content += _interval(axis, row, statistic, y + shift, Stroke(colour, 2))
    labels = "".join(
        f'<path d="M{axis.at(value):.1f} {floor}v4" {Stroke()}/>'
        f'<text x="{axis.at(value):.1f}" y="{floor + 17}" text-anchor="middle">{text}</text>'
        for value, text in zip(axis.ticks, tick_labels(axis.ticks), strict=True)
    )
    lines = (
        f'<path d="M{axis.names} 0V{floor}H{axis.names + axis.plot}" {Stroke()}/>'
        f'<path d="M{axis.at(axis.guide):.1f} 0V{floor}" {Stroke(GUIDE, 1.3, "2 3")}/>'
    )
    middle = axis.names + axis.plot / 2
    title = f'<text x="{middle}" y="{floor + 36}" text-anchor="middle">{escape(axis.title)}</text>'
    drawn = f'<g font-size="{FONT}" fill="{INK}">{lines}{content}{labels}{title}</g>'
    return svg.element(axis.names + axis.plot + 24, floor + 42, drawn)


def _interval(axis: Axis, row: dict, statistic: str, y: float, stroke: Stroke) -> str:
    x = axis.at(row[statistic])
    mark = (
        f'<circle cx="{x:.1f}" cy="{y}" r="4.2" fill="{stroke.colour}"/>'
        if stroke.colour == BLUE
        else f'<path d="M{x - 3.8:.1f} {y - 3.8:.1f}h7.6v7.6h-7.6z" fill="{stroke.colour}"/>'
    )
    low, high = row[f"{statistic}_low"], row[f"{statistic}_high"]
    if not (np.isfinite(low) and np.isfinite(high)):
        return mark
    return f'<path d="M{axis.at(low):.1f} {y}H{axis.at(high):.1f}" {stroke}/>{mark}'


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def auroc_plot(ranking: list[dict]) -> Markup:
    """AUROC of each scorer: over all alleles, and within classes."""
    rows = {
        scope: {row["scorer"]: row for row in ranking if row["class"] == scope} for scope in SCOPES
    }
    lows = [row["auroc_low"] for of_scope in rows.values() for row in of_scope.values()]
    low = np.floor(min([0.5, *(value for value in lows if np.isfinite(value))]) * 20) / 20
    axis = Axis(low, 1.0, ticks(low, 1.0, 7), 0.5, "AUROC (dotted: chance)")
    return interval_plot(list(rows[ALL]), rows, "auroc", axis)


def quartile_plot(quartiles: list[dict], error: float) -> Markup:
    """Error of the combined calls by quartile of disagreement, and the error of all of them as a
    line. quartiles: the rows of one disagreement, over all alleles and within classes."""
    rows = {
        scope: {
            f"{QUARTILES[row['quartile'] - 1]}": row for row in quartiles if row["class"] == scope
        }
        for scope in SCOPES
    }
    highs = [row[name] for row in quartiles for name in ("error", "error_high")]
    top = max([error, *(value for value in highs if np.isfinite(value))]) * 1.08 + 0.01
    axis = Axis(0.0, top, ticks(0.0, top, 6), error, "share of wrong calls (dotted: all)", 64, 330)
    return interval_plot(list(QUARTILES), rows, "error", axis)


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
