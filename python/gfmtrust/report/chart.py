"""Axes of a plot as SVG: ticks, lines, histograms, points with intervals, and a legend beside them.

    chart = Chart((0, 2), (0, 60), "entropy (bits)", "alleles")
    chart.area(edges, floor, top, fill="#0072b2", label="HIGH (291)")
    svg.element(chart.width, chart.height, chart.drawn())

Data coordinates are converted to pixels and rounded to a tenth, so equal numbers give equal bytes.
Every text is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from math import ceil, floor, log10

import numpy as np
from markupsafe import escape

from gfmtrust.report.svg import INK

FONT, SMALL = 13, 12
"""Font sizes of the axes and of the legend, pixels."""
CHARACTER = 7.3
"""Mean width of a digit or letter of size FONT, pixels; only margins depend on it."""
TOP, BOTTOM = 10, 44
SWATCH = 28
LEGEND_ROW = 18
LONGEST_LABEL = 34
"""Largest number of characters of a legend entry; a longer entry is cut."""


@dataclass(frozen=True)
class Stroke:
    """How a line is drawn: colour, width in pixels, and dashes in the syntax of SVG ('' is
    solid)."""

    colour: str = INK
    width: float = 1.0
    dash: str = ""

    def __str__(self) -> str:
        dash = f' stroke-dasharray="{self.dash}"' if self.dash else ""
        return f'fill="none" stroke="{self.colour}" stroke-width="{self.width:g}"{dash}'


@dataclass
class Chart:
    """One pair of axes under construction.

    x, y: lowest and highest value that the axes show. legend: pixels to the right of the plot that
    are kept for the legend.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    x_label: str
    y_label: str
    width: int = 614
    height: int = 280
    legend: float = 150
    _marks: list[str] = field(default_factory=list)
    _entries: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._x_ticks = ticks(*self.x, max(2, round((self.width - self.legend) / 55)))
        self._y_ticks = ticks(*self.y, max(2, round(self.height / 38)))
        longest = max(len(text) for text in tick_labels(self._y_ticks))
        self.left = 34 + CHARACTER * longest
        self.right, self.floor = self.width - self.legend, self.height - BOTTOM

    def line(self, x: np.ndarray, y: np.ndarray, stroke: Stroke, label: str = "") -> None:
        """A line through points."""
        self._path(self._polyline(x, y), stroke, label)

    def level(self, y: float, stroke: Stroke, label: str = "") -> None:
        """A horizontal line across the whole plot."""
        self._path(f"M{self.left:.1f} {self._down(y)}H{self.right:.1f}", stroke, label)

    def upright(self, x: float, stroke: Stroke, text: str = "") -> None:
        """A vertical line across the whole plot, with a text to the left of its top."""
        self._path(f"M{self._across(x)} {TOP}V{self.floor}", stroke)
        if text:
            self._marks.append(
                f'<text x="{self._across(x, -5)}" y="{TOP + 12}" text-anchor="end">{escape(text)}</text>'
            )

    def steps(self, edges: np.ndarray, values: np.ndarray, stroke: Stroke, label: str = "") -> None:
        """The outline of a histogram. edges: (n + 1,). values: (n,)."""
        self._path(
            self._polyline(np.repeat(edges, 2), np.r_[0, np.repeat(values, 2), 0]), stroke, label
        )

    def area(
        self, edges: np.ndarray, low: np.ndarray, high: np.ndarray, fill: str, label: str = ""
    ) -> None:
        """The bars of a histogram from `low` to `high`, (n,) each. fill: a colour, or `url(#id)` of
        a pattern."""
        x = np.repeat(edges, 2)[1:-1]
        outline = self._polyline(
            np.r_[x, x[::-1]], np.r_[np.repeat(high, 2), np.repeat(low, 2)[::-1]]
        )
        style = f'fill="{fill}" stroke="#fff" stroke-width=".4"'
        self._marks.append(f'<path d="{outline}z" {style}/>')
        self._entries.append((label, f'<path d="M0 -9h{SWATCH}v9h-{SWATCH}z" {style}/>'))

    def points(
        self, x: np.ndarray, y: np.ndarray, low: np.ndarray, high: np.ndarray, label: str
    ) -> None:
        """Points, each with an interval; all arrays are (n,)."""
        bars, dots = "", ""
        for one, middle, bottom, top in zip(x, y, low, high, strict=True):
            bars += (
                f"M{self._across(one)} {self._down(bottom)}V{self._down(top)}"
                f"M{self._across(one, -4)} {self._down(top)}h8M{self._across(one, -4)} {self._down(bottom)}h8"
            )
            dots += f'<circle cx="{self._across(one)}" cy="{self._down(middle)}" r="4"/>'
        stroke = Stroke(width=1.5)
        self._marks.append(f'<path d="{bars}" {stroke}/>{dots}')
        self._entries.append(
            (
                label,
                f'<path d="M14 -12V2M10 -12h8M10 2h8" {stroke}/><circle cx="14" cy="-5" r="4"/>',
            )
        )

    def drawn(self) -> str:
        """Everything as SVG content, `width` by `height` pixels."""
        middle = (self.left + self.right) / 2, (TOP + self.floor) / 2
        return (
            f'<g font-size="{FONT}" fill="{INK}">{"".join(self._marks)}'
            f'<path d="M{self.left:.1f} {TOP}V{self.floor}H{self.right:.1f}{self._tick_marks()}" {Stroke()}/>'
            f"{self._tick_texts()}"
            f'<text x="{middle[0]:.1f}" y="{self.height - 6}" text-anchor="middle">{escape(self.x_label)}</text>'
            f'<text transform="translate(14 {middle[1]:.1f}) rotate(-90)" text-anchor="middle">{escape(self.y_label)}</text>'
            f"{self._legend()}</g>"
        )

    def _path(self, outline: str, stroke: Stroke, label: str = "") -> None:
        self._marks.append(f'<path d="{outline}" {stroke}/>')
        if label:
            self._entries.append((label, f'<path d="M0 -4h{SWATCH}" {stroke}/>'))

    def _polyline(self, x: np.ndarray, y: np.ndarray) -> str:
        places = (f"{self._across(a)} {self._down(b)}" for a, b in zip(x, y, strict=True))
        apart = [
            place for place, _ in groupby(places)
        ]  # neighbours may fall on one tenth of a pixel
        return "M" + "L".join(apart) if apart else ""

    def _across(self, x: float, further: float = 0) -> str:
        low, high = self.x
        place = self.left + (self.right - self.left) * (x - low) / (high - low)
        return f"{place + further:.1f}"

    def _down(self, y: float, further: float = 0) -> str:
        low, high = self.y
        return f"{self.floor - (self.floor - TOP) * (y - low) / (high - low) + further:.1f}"

    def _tick_marks(self) -> str:
        return "".join(f"M{self._across(x)} {self.floor}v4" for x in self._x_ticks) + "".join(
            f"M{self.left:.1f} {self._down(y)}h-4" for y in self._y_ticks
        )

    def _tick_texts(self) -> str:
        below = "".join(
            f'<text x="{self._across(x)}" y="{self.floor + 18}" text-anchor="middle">{text}</text>'
            for x, text in zip(self._x_ticks, tick_labels(self._x_ticks), strict=True)
        )
        beside = "".join(
            f'<text x="{self.left - 8:.1f}" y="{self._down(y, 4.5)}" text-anchor="end">{text}</text>'
            for y, text in zip(self._y_ticks, tick_labels(self._y_ticks), strict=True)
        )
        return below + beside

    def _legend(self) -> str:
        rows = (
            f'<g transform="translate({self.right + 14:.1f} {TOP + 12 + LEGEND_ROW * row})">{swatch}'
            f'<text x="{SWATCH + 8}" y="0">{escape(_cut(label))}</text></g>'
            for row, (label, swatch) in enumerate(self._entries)
        )
        return f'<g font-size="{SMALL}">{"".join(rows)}</g>'


def legend_width(labels: list[str]) -> float:
    """Pixels that a legend of these labels needs."""
    longest = max((len(_cut(label)) for label in labels), default=0)
    return 24 + SWATCH + CHARACTER * SMALL / FONT * longest


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from `low` to `high`, at most about `most` of them: multiples of 1, 2, 2.5 or 5
    times a power of ten. Needs low < high."""
    least = (high - low) / most
    power = 10.0 ** floor(log10(least))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= least * (1 - 1e-9))
    return [
        number * step for number in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)
    ]


def tick_labels(values: list[float]) -> list[str]:
    """The ticks as text, all with the number of decimals of the tick that needs most."""
    decimals = max(
        (next((n for n in range(6) if abs(round(value, n) - value) < 1e-9), 6) for value in values),
        default=0,
    )
    return [f"{value:,.{decimals}f}".replace("-", "\N{MINUS SIGN}") for value in values]


def _cut(label: str) -> str:
    return (
        label
        if len(label) <= LONGEST_LABEL
        else label[: LONGEST_LABEL - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )
