"""The report's figures as inline SVG: same numbers, same bytes. No date, no random id, no text that
a user wrote.

Colours are safe for the colour-blind, and every flag is told apart by hatch or marker too.
"""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from gfmtrust.core.vocabulary import Rank
from gfmtrust.report.numbers import ENTROPY_EDGES, FLAGS, LLR_EDGES, AlleleNumbers, CurveBin

COLOUR = {
    Rank.HIGH: "#0072b2",
    Rank.MEDIUM: "#e69f00",
    Rank.LOW: "#d55e00",
    Rank.NOT_SCORED: "#969696",
}
HATCH = {Rank.HIGH: "", Rank.MEDIUM: "///", Rank.LOW: "\\\\\\", Rank.NOT_SCORED: ""}
INK = "#1a1a1a"
# DejaVu Sans comes with matplotlib, so text is measured alike on every machine
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "gfmtrust",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "legend.frameon": False,
    "hatch.linewidth": 0.5,
    "path.simplify": False,
}
UNREFERENCED_ID = re.compile(r' id="[^"]*_[^"]*"')
"""matplotlib numbers its groups alike in every figure; ids that something refers to are hashes
without an underscore."""
FONT = re.compile(r"font-family: [^;\"]*")


@matplotlib.rc_context(SETTINGS)
def entropy_histogram(numbers: AlleleNumbers) -> str:
    """Scored alleles by entropy, stacked by flag, with the uniform line at 2 bits."""
    figure, axes = _axes(6.4, 2.9)
    _stacked(axes, ENTROPY_EDGES, numbers.ent)
    axes.axvline(2.0, color=INK, linestyle="--", linewidth=1.2)
    axes.annotate(
        "uniform: 2 bits",
        (2.0, 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(-4, 0),
        textcoords="offset points",
        ha="right",
        va="top",
    )
    axes.set(xlabel="entropy (bits)", ylabel="alleles", xlim=(0, 2.05))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    figure.legend(loc="outside right upper", fontsize=9)
    return svg_of(figure)


@matplotlib.rc_context(SETTINGS)
def llr_by_flag(numbers: AlleleNumbers) -> str:
    """Share of each flag's alleles by LLR, one outline a flag."""
    figure, axes = _axes(6.4, 2.9)
    for flag, style in zip(FLAGS, ("-", "--", ":"), strict=True):
        counts = numbers.llr[flag]
        if counts.sum():
            share, label = counts / counts.sum(), f"{flag.name} ({counts.sum():,})"
            axes.stairs(
                share, LLR_EDGES, color=COLOUR[flag], linestyle=style, linewidth=2, label=label
            )
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(xlabel="LLR (nats); left: the model prefers REF", ylabel="share of the flag's alleles")
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside right upper", fontsize=9)
    return svg_of(figure)


@matplotlib.rc_context(SETTINGS)
def calibration_plot(bins: list[CurveBin], alphas: dict[Rank, float]) -> str:
    """Reliability against the share of probes that were right, with 95% intervals and the levels'
    limits."""
    figure, axes = _axes(6.4, 3.4)
    lowest = min([0.45, *(bin_.low - 0.02 for bin_ in bins)])
    left = min([lowest, *(bin_.reliability - 0.02 for bin_ in bins)])
    axes.plot([0, 1], [0, 1], color="#6b6b6b", linewidth=1, label="equal")
    axes.axhline(0.5, color="#6b6b6b", linewidth=1, linestyle=":", label="guessing")
    for flag, alpha in alphas.items():
        axes.axhline(
            1 - alpha,
            color=COLOUR[flag],
            linewidth=1.2,
            linestyle="--",
            label=f"{flag.name} asks for {1 - alpha:.0%}",
        )
    x, y = (np.array([getattr(bin_, name) for bin_ in bins]) for name in ("reliability", "right"))
    errors = (
        np.array([[bin_.right - bin_.low, bin_.high - bin_.right] for bin_ in bins]).T
        if bins
        else None
    )
    axes.errorbar(
        x,
        y,
        yerr=errors,
        fmt="o",
        color=INK,
        markersize=5,
        capsize=3,
        linewidth=1.2,
        label="probes, 95% interval",
    )
    axes.set(
        xlabel="reliability",
        ylabel="real base preferred over decoy",
        xlim=(left, 1.01),
        ylim=(lowest, 1.01),
    )
    figure.legend(loc="outside right upper", fontsize=9)
    return svg_of(figure)


@matplotlib.rc_context(SETTINGS)
def funnel_plot(steps: list[tuple[str, int]]) -> str:
    """Bars from all alleles down to HIGH; `steps`: (label, alleles), widest first."""
    figure, axes = _axes(6.4, 0.42 * len(steps) + 0.4)
    colours = [COLOUR[Rank.NOT_SCORED], "#56789a", COLOUR[Rank.MEDIUM], COLOUR[Rank.HIGH]]
    labels, counts = [label for label, _ in steps], [count for _, count in steps]
    bars = axes.barh(
        labels[::-1], counts[::-1], color=colours[len(colours) - len(steps) :][::-1], height=0.65
    )
    axes.bar_label(bars, [f"{count:,}" for count in counts[::-1]], padding=4)
    axes.set(xlim=(0, max([1, *counts]) * 1.18))
    axes.spines[["bottom"]].set_visible(False)
    axes.set_xticks([])
    return svg_of(figure)


def _stacked(axes, edges: np.ndarray, counts: dict[Rank, np.ndarray]) -> None:
    floor = np.zeros(len(edges) - 1, np.int64)
    for flag in FLAGS:
        axes.stairs(
            floor + counts[flag],
            edges,
            baseline=floor,
            fill=True,
            facecolor=COLOUR[flag],
            hatch=HATCH[flag],
            edgecolor="white",
            linewidth=0.3,
            label=f"{flag.name} ({counts[flag].sum():,})",
        )
        floor = floor + counts[flag]
    axes.set_ylim(0, max(1, int(floor.max())) * 1.25)


def _axes(width: float, height: float):
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def svg_of(figure: Figure) -> str:
    """The `<svg>` element alone: no prolog, no metadata, no id that two figures could share."""
    text = io.StringIO()
    FigureCanvasSVG(figure).print_svg(
        text, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = FONT.sub("font-family: sans-serif", UNREFERENCED_ID.sub("", svg))
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
