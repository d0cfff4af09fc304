"""The four large figures of the report as inline SVG. The same numbers give the same bytes. No text
that a user wrote is drawn.

The colours can be distinguished by colour-blind readers, and every flag also has its own hatch or
dashes.
"""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from gfmtrust.annotate.meanings import COLOURS as COLOUR
from gfmtrust.calibration.ladder import RUNGS, LadderRow
from gfmtrust.core.vocabulary import Rank
from gfmtrust.report import svg
from gfmtrust.report.chart import FONT, Chart, Stroke
from gfmtrust.report.numbers import ENTROPY_EDGES, FLAGS, LLR_EDGES, AlleleNumbers, CurveBin
from gfmtrust.report.svg import INK

HATCH = {Rank.MEDIUM: 45, Rank.LOW: -45}
"""Angle of the hatch of a flag's bars, degrees."""
DASHES = {Rank.HIGH: "", Rank.MEDIUM: "8 4", Rank.LOW: "2.5 3"}
GUIDE = "#6b6b6b"
LADDER_COLOURS = ("#0072b2", "#009e73", "#a84300")
"""Colours of the rungs of the decoy ladder, in their order."""
BAR_ROW, BAR_LABEL = 40, 132
"""Height of a bar of the funnel with its gap, and width reserved for its label; pixels."""


def entropy_histogram(numbers: AlleleNumbers) -> Markup:
    """Scored alleles by entropy, stacked by flag, with the uniform line at 2 bits."""
    most = max(1, int(np.sum([numbers.ent[flag] for flag in FLAGS], axis=0).max()))
    chart = Chart((0, 2.05), (0, most * 1.25), "entropy (bits)", "alleles")
    low = np.zeros(len(ENTROPY_EDGES) - 1, np.int64)
    for flag in FLAGS:
        counts = numbers.ent[flag]
        fill = f"url(#hatch{flag.value})" if flag in HATCH else COLOUR[flag]
        chart.area(ENTROPY_EDGES, low, low + counts, fill, f"{flag.name} ({counts.sum():,})")
        low = low + counts
    chart.upright(2.0, Stroke(width=1.6, dash="6 3"), "uniform: 2 bits")
    return svg.element(chart.width, chart.height, _hatches() + chart.drawn())


def llr_by_flag(numbers: AlleleNumbers) -> Markup:
    """Share of each flag's alleles by LLR, one outline per flag."""
    shares = {flag: counts / counts.sum() for flag in FLAGS if (counts := numbers.llr[flag]).sum()}
    most = max((float(share.max()) for share in shares.values()), default=1.0)
    chart = Chart(
        (LLR_EDGES[0] - 1, LLR_EDGES[-1] + 1),
        (0, most * 1.05),
        "LLR (nats); left: the model prefers REF",
        "share of the flag's alleles",
    )
    chart.upright(0, Stroke())
    for flag, share in shares.items():
        stroke = Stroke(COLOUR[flag], 2.4, DASHES[flag])
        chart.steps(LLR_EDGES, share, stroke, f"{flag.name} ({numbers.llr[flag].sum():,})")
    return svg.element(chart.width, chart.height, chart.drawn())


def calibration_plot(bins: list[CurveBin], alphas: dict[Rank, float]) -> Markup:
    """Reliability against the share of probes that were right, with 95% intervals and the levels'
    limits."""
    lowest = min([0.45, *(bin_.low - 0.02 for bin_ in bins)])
    left = min([lowest, *(bin_.reliability - 0.02 for bin_ in bins)])
    chart = Chart(
        (left, 1.01), (lowest, 1.01), "reliability", "real base preferred over decoy", height=326,
        legend=180,
    )  # fmt: skip
    start = max(left, lowest)
    chart.line(np.array([start, 1]), np.array([start, 1]), Stroke(GUIDE, 1.3), "equal")
    chart.level(0.5, Stroke(GUIDE, 1.3, "2 3"), "guessing")
    for flag, alpha in alphas.items():
        stroke = Stroke(COLOUR[flag], 1.6, "6 3")
        chart.level(1 - alpha, stroke, f"{flag.name} asks for {1 - alpha:.0%}")
    names = ("reliability", "right", "low", "high")
    values = (np.array([getattr(bin_, name) for bin_ in bins]) for name in names)
    chart.points(*values, label="probes, 95% interval")
    return svg.element(chart.width, chart.height, chart.drawn())


def funnel_plot(steps: list[tuple[str, int]]) -> Markup:
    """Bars from all alleles down to HIGH; `steps`: (label, alleles), widest first."""
    colours = [COLOUR[Rank.NOT_SCORED], "#56789a", COLOUR[Rank.MEDIUM], COLOUR[Rank.HIGH]]
    width, height = 614, BAR_ROW * len(steps) + 8
    widest, bars = max([1, *(count for _, count in steps)]), ""
    for row, (label, count) in enumerate(steps):
        y, long = 8 + BAR_ROW * row, (width - BAR_LABEL - 76) * count / widest
        colour = colours[len(colours) - len(steps) + row]
        bars += (
            f'<path d="M{BAR_LABEL} {y}h{long:.1f}v{BAR_ROW - 12}h-{long:.1f}z" fill="{colour}"/>'
            f'<text x="{BAR_LABEL - 8}" y="{y + 19}" text-anchor="end">{label}</text>'
            f'<text x="{BAR_LABEL + long + 6:.1f}" y="{y + 19}">{count:,}</text>'
        )
    axis = f'<path d="M{BAR_LABEL} 0V{height}" {Stroke()}/>'
    content = f'<g font-size="{FONT}" fill="{INK}">{bars}{axis}</g>'
    return svg.element(width, height, content)


def ladder_plot(rows: tuple[LadderRow, ...]) -> Markup:
    """Error against each decoy with its 95 % interval, one line per copy class and rung, and a
    line at guessing."""
    left, right, row_height = 250, 574, 24
    height = row_height * len(rows) + 44
    floor, content = height - 34, ""

    def at(error: float) -> float:
        return left + (right - left) * error

    for number, row in enumerate(rows):
        y = row_height * number + 16
        colour = LADDER_COLOURS[RUNGS.index(row.rung)]
        name = f"{row.copy_class.replace('_', ' ')}: {row.rung}"
        content += (
            f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{name}</text>'
            f'<path d="M{at(row.low):.1f} {y}H{at(row.high):.1f}" {Stroke(colour, 2.4)}/>'
            f'<circle cx="{at(row.error):.1f}" cy="{y}" r="4.5" fill="{colour}"/>'
        )
    ticks = "".join(
        f'<path d="M{at(share):.1f} {floor}v4" {Stroke()}/>'
        f'<text x="{at(share):.1f}" y="{floor + 17}" text-anchor="middle">{share:.0%}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    axis = (
        f'<path d="M{left} 0V{floor}H{right}" fill="none" {Stroke()}/>'
        f'<path d="M{at(0.5):.1f} 0V{floor}" {Stroke(GUIDE, 1.3, "2 3")}/>'
    )
    title = f'<text x="{(left + right) / 2}" y="{height - 2}" text-anchor="middle">error (dotted: guessing)</text>'
    drawn = f'<g font-size="{FONT}" fill="{INK}">{axis}{content}{ticks}{title}</g>'
    return svg.element(right + 26, height, drawn)


def _hatches() -> str:
    """The pattern of each hatched flag: its colour under thin white lines."""
    patterns = (
        f'<pattern id="hatch{flag.value}" width="7" height="7" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate({angle})"><path d="M0 0h7v7h-7z" fill="{COLOUR[flag]}"/>'
        '<path d="M0 0V7" stroke="#fff" stroke-width="1.4"/></pattern>'
        for flag, angle in HATCH.items()
    )
    return f"<defs>{''.join(patterns)}</defs>"
