"""The figures of the audit's pages as inline SVG: rows with intervals, and lines over a grid of
places.

The same numbers give the same bytes. The null is an open square and dashed, the model a filled dot,
so that colours are not needed.
"""

from __future__ import annotations

from textwrap import wrap

import numpy as np
from markupsafe import Markup, escape

from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.report import svg
from gfmtrust.report.chart import CHARACTER, FONT, Stroke, tick_labels, ticks
from gfmtrust.report.svg import INK

BLUE, GREY = "#0072b2", "#6b6b6b"
WIDTH = 360
"""Width of every figure, pixels: it is read in full size on a telephone."""
ROW, INSET = 40, 14
"""Height of a row of a row plot, with its name above its interval, and the margin of its axis,
pixels."""
LONGEST, ELLIPSIS = 50, "\N{HORIZONTAL ELLIPSIS}"
HEIGHT, LEFT, FLOOR = 240, 66, 190
"""Height of a line plot, its left edge and its floor, pixels."""
LINE, LETTERS = 16, 38
"""Height of a line of the horizontal axis's name, pixels, and the letters that it has at most."""
MARGIN = 0.06


def rows_plot(rows: list[Statistic], title: str) -> Markup:
    """One row per statistic: its name, and below it a dot with its 95 % interval and an open square
    at its null."""
    shown = [(row, row.value) for row in rows if row.value is not None]
    low, high = _range(
        [end for row, value in shown for end in (value, row.low, row.high, row.null)]
    )
    floor, content = ROW * len(shown) + 4, ""

    def at(value: float) -> float:
        return INSET + (WIDTH - 2 * INSET) * (value - low) / (high - low)

    for number, (row, value) in enumerate(shown):
        y = ROW * number + 28
        content += f'<text x="{INSET - 8}" y="{y - 14}">{escape(_cut(row.label))}</text>'
        content += f'<path d="M{INSET} {y}H{WIDTH - INSET}" {Stroke("#d8d8d8")}/>'
        if row.null is not None:
            content += _square(at(row.null), y)
        if row.low is not None and row.high is not None:
            content += f'<path d="M{at(row.low):.1f} {y}H{at(row.high):.1f}" {Stroke(BLUE, 3)}/>'
        content += f'<circle cx="{at(value):.1f}" cy="{y}" r="4" fill="{BLUE}"/>'
    values = ticks(low, high, 5)
    labels = "".join(
        f'<path d="M{at(value):.1f} {floor}v4" {Stroke()}/>'
        f'<text x="{at(value):.1f}" y="{floor + 18}" text-anchor="middle">{text}</text>'
        for value, text in zip(values, tick_labels(values), strict=True)
    )
    axis = f'<path d="M{INSET} {floor}H{WIDTH - INSET}" {Stroke()}/>'
    name = f'<text x="{WIDTH / 2:g}" y="{floor + 37}" text-anchor="middle">{escape(title)}</text>'
    drawn = f'<g font-size="{FONT}" fill="{INK}">{axis}{content}{labels}{name}</g>'
    return svg.element(WIDTH, floor + 44, drawn)


def lines_plot(rows: list[Statistic], x_label: str, y_label: str, is_share: bool) -> Markup:
    """Statistics of one series over their places, which are spaced evenly: a line with intervals,
    and a dashed line of the null."""
    shown = [row for row in rows if row.value is not None]
    middles = [row.value for row in rows if row.value is not None]
    ends = [end for row in shown for end in (row.value, row.low, row.high, row.null)]
    low, high = (0.0, 1.0) if is_share else _range(ends)
    middle = (LEFT + WIDTH) / 2
    places = np.linspace(LEFT + 16, WIDTH - 22, len(shown)) if len(shown) > 1 else [middle]

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
    texts = [f"{row.x:g}" for row in shown]
    spaced = _spaced(list(places), texts)
    for number, (x, row, value) in enumerate(zip(places, shown, middles, strict=True)):
        content += _square(x, down(row.null)) if row.null is not None else ""
        if row.low is not None and row.high is not None:
            content += (
                f'<path d="M{x:.1f} {down(row.low):.1f}V{down(row.high):.1f}" {Stroke(BLUE, 2)}/>'
            )
        content += f'<circle cx="{x:.1f}" cy="{down(value):.1f}" r="4" fill="{BLUE}"/>'
        if number in spaced:
            content += (
                f'<text x="{x:.1f}" y="{FLOOR + 18}" text-anchor="middle">{texts[number]}</text>'
            )
    values = ticks(low, high, 5)
    axis = "".join(
        f'<path d="M{LEFT} {down(value):.1f}h-4" {Stroke()}/>'
        f'<text x="{LEFT - 8}" y="{down(value) + 4.5:.1f}" text-anchor="end">{text}</text>'
        for value, text in zip(values, tick_labels(values), strict=True)
    )
    lines = [*wrap(x_label, LETTERS, max_lines=2, placeholder=ELLIPSIS), "", ""][:2]
    names = "".join(
        f'<text x="{middle:g}" y="{FLOOR + 40 + LINE * number}" text-anchor="middle">{escape(line)}</text>'
        for number, line in enumerate(lines)
    ) + (
        f'<text transform="translate(14 {FLOOR / 2 + 6:g}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>'
    )
    frame = f'<path d="M{LEFT} 6V{FLOOR}H{WIDTH}" {Stroke()}/>'
    drawn = f'<g font-size="{FONT}" fill="{INK}">{frame}{content}{axis}{names}</g>'
    return svg.element(WIDTH, HEIGHT + LINE * bool(lines[1]), drawn)


def _spaced(places: list[float], texts: list[str]) -> set[int]:
    """The texts below an axis that do not run into each other; the last is one of them."""
    chosen: list[int] = []
    for number in reversed(range(len(texts))):
        widths = (len(texts[number]) + len(texts[chosen[-1]])) / 2 + 1 if chosen else 0
        if not chosen or places[chosen[-1]] - places[number] >= widths * CHARACTER:
            chosen.append(number)
    return set(chosen)


def _square(x: float, y: float) -> str:
    return f'<path d="M{x - 4:.1f} {y - 4:.1f}h8v8h-8z" fill="#fff" stroke="{GREY}" stroke-width="1.5"/>'


def _range(ends: list[float | None]) -> tuple[float, float]:
    """The lowest and highest value with a margin."""
    finite = [end for end in ends if end is not None and np.isfinite(end)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    room = MARGIN * (high - low) or 0.5
    return low - room, high + room


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}{ELLIPSIS}"
