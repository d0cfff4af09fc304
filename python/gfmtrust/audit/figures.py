"""The figures of the audit's pages as inline SVG: rows with intervals, and lines over a grid of
places.

The same numbers give the same bytes. The null is an open square and dashed, the model a filled dot,
so that colours are not needed.
"""

from __future__ import annotations

import numpy as np
from markupsafe import Markup, escape

from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.report import svg
from gfmtrust.report.chart import FONT, Stroke, tick_labels, ticks
from gfmtrust.report.svg import INK

BLUE, GREY = "#0072b2", "#6b6b6b"
ROW = 26
NAMES, PLOT = 300, 340
"""Widths of the names and of the axis of a row plot, pixels."""
LONGEST = 44
WIDTH, HEIGHT, LEFT, FLOOR = 560, 240, 66, 190
"""Size of a line plot, its left edge and its floor, pixels."""
MARGIN = 0.06


def rows_plot(rows: list[Statistic], title: str) -> Markup:
    """One row per statistic: a dot with its 95 % interval, and an open square at its null."""
    shown = [(row, row.value) for row in rows if row.value is not None]
    low, high = _range(
        [end for row, value in shown for end in (value, row.low, row.high, row.null)]
    )
    floor, content = ROW * len(shown) + 8, ""

    def at(value: float) -> float:
        return NAMES + PLOT * (value - low) / (high - low)

    for number, (row, value) in enumerate(shown):
        y = ROW * number + 18
        content += (
            f'<text x="{NAMES - 10}" y="{y + 4}" text-anchor="end">{escape(_cut(row.label))}</text>'
        )
        if row.null is not None:
            content += _square(at(row.null), y)
        if row.low is not None and row.high is not None:
            content += f'<path d="M{at(row.low):.1f} {y}H{at(row.high):.1f}" {Stroke(BLUE, 2)}/>'
        content += f'<circle cx="{at(value):.1f}" cy="{y}" r="4" fill="{BLUE}"/>'
    values = ticks(low, high, 6)
    labels = "".join(
        f'<path d="M{at(value):.1f} {floor}v4" {Stroke()}/>'
        f'<text x="{at(value):.1f}" y="{floor + 18}" text-anchor="middle">{text}</text>'
        for value, text in zip(values, tick_labels(values), strict=True)
    )
    lines = f'<path d="M{NAMES} 0V{floor}H{NAMES + PLOT}" {Stroke()}/>'
    name = (
        f'<text x="{NAMES + PLOT / 2}" y="{floor + 37}" text-anchor="middle">{escape(title)}</text>'
    )
    drawn = f'<g font-size="{FONT}" fill="{INK}">{lines}{content}{labels}{name}</g>'
    return svg.element(NAMES + PLOT + 24, floor + 44, drawn)


def lines_plot(rows: list[Statistic], x_label: str, y_label: str, is_share: bool) -> Markup:
    """Statistics of one series over their places, which are spaced evenly: a line with intervals,
    and a dashed line of the null."""
    shown = [row for row in rows if row.value is not None]
    middles = [row.value for row in rows if row.value is not None]
    ends = [end for row in shown for end in (row.value, row.low, row.high, row.null)]
    low, high = (0.0, 1.0) if is_share else _range(ends)
    places = np.linspace(LEFT + 24, WIDTH - 24, len(shown)) if len(shown) > 1 else [WIDTH / 2]

    def down(value: float) -> float:
        return FLOOR - (FLOOR - 12) * (value - low) / (high - low)

    content = ""
    for field, stroke in (("null", Stroke(GREY, 1.5, "5 4")), ("value", Stroke(BLUE, 2))):
        points = [
            f"{x:.1f} {down(getattr(row, field)):.1f}"
            for x, row in zip(places, shown, strict=True)
            if getattr(row, field) is not None
        ]
        content += f'<path d="M{"L".join(points)}" {stroke}/>' if points else ""
    for x, row, middle in zip(places, shown, middles, strict=True):
        content += _square(x, down(row.null)) if row.null is not None else ""
        if row.low is not None and row.high is not None:
            content += (
                f'<path d="M{x:.1f} {down(row.low):.1f}V{down(row.high):.1f}" {Stroke(BLUE, 2)}/>'
            )
        content += f'<circle cx="{x:.1f}" cy="{down(middle):.1f}" r="4" fill="{BLUE}"/>'
        content += f'<text x="{x:.1f}" y="{FLOOR + 18}" text-anchor="middle">{row.x:g}</text>'
    values = ticks(low, high, 5)
    axis = "".join(
        f'<path d="M{LEFT} {down(value):.1f}h-4" {Stroke()}/>'
        f'<text x="{LEFT - 8}" y="{down(value) + 4.5:.1f}" text-anchor="end">{text}</text>'
        for value, text in zip(values, tick_labels(values), strict=True)
    )
    names = (
        f'<text x="{(LEFT + WIDTH) / 2}" y="{FLOOR + 40}" text-anchor="middle">{escape(x_label)}</text>'
        f'<text transform="translate(14 {FLOOR / 2 + 6}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>'
    )
    frame = f'<path d="M{LEFT} 6V{FLOOR}H{WIDTH}" {Stroke()}/>'
    return svg.element(
        WIDTH + 20, HEIGHT, f'<g font-size="{FONT}" fill="{INK}">{frame}{content}{axis}{names}</g>'
    )


def _square(x: float, y: float) -> str:
    return f'<path d="M{x - 4:.1f} {y - 4:.1f}h8v8h-8z" fill="#fff" stroke="{GREY}" stroke-width="1.5"/>'


def _range(ends: list[float | None]) -> tuple[float, float]:
    """The lowest and highest value with a margin."""
    finite = [end for end in ends if end is not None and np.isfinite(end)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    room = MARGIN * (high - low) or 0.5
    return low - room, high + room


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
