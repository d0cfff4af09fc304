"""The page of the test of tracking, offline, in the style of the audit's pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from markupsafe import Markup

from gfmtrust.audit.page import NONE
from gfmtrust.audit.verdict import interval
from gfmtrust.core.contracts.tracking import TrackedGroup, Tracking
from gfmtrust.core.documents import write_text
from gfmtrust.core.progress import duration
from gfmtrust.report import svg
from gfmtrust.report.chart import Chart, Stroke
from gfmtrust.report.rendering import rendered

PAGE = "tracking.html"
NOT_RANKED = "not ranked"
BLUE, GREY = "#0072b2", "#6b6b6b"
WIDTH, HEIGHT, RIGHT = 264, 200, 12
"""Size of a figure and the room to the right of its axis, pixels."""


def write(folder: Path, facts: Tracking) -> None:
    """Write the page beside tracking.json."""
    write_text(folder / PAGE, html(facts))


def html(facts: Tracking) -> str:
    """The page. Every text is escaped; only figures are markup."""
    groups = [
        _group(name, [row for row in facts.rows if row.group == name], name in facts.not_ranked)
        for name in dict.fromkeys(row.group for row in facts.rows)
    ]
    return rendered(
        "tracking.html.j2",
        {
            "title": "Which architectures can follow a state?",
            "facts": facts,
            "groups": groups,
            "time": duration(sum(row.seconds for row in facts.rows)),
            "trained": max((row.trained_length for row in facts.rows), default=0),
        },
    )


def _group(name: str, rows: list[TrackedGroup], is_not_ranked: bool) -> dict:
    return {
        "name": name,
        "is_not_ranked": is_not_ranked,
        "letters": [f"{one.x:g}" for one in rows[0].statistics],
        "chance": _number(rows[0].statistics[0].null),
        "figures": [
            {"name": row.network, "svg": curve_plot(row), "alt": spoken(row)}
            for row in rows
            if row.curve
        ],
        "rows": [
            (
                row.network,
                NOT_RANKED if is_not_ranked else row.verdict,
                row.truth or NONE,
                *(interval(one) for one in row.statistics),
                f"{row.steps:,}",
                duration(row.seconds),
            )
            for row in rows
        ],
    }


def curve_plot(row: TrackedGroup) -> Markup:
    """The share of right answers by letter, with the intervals at the letters of the table; dashed:
    chance; the upright line: the longest word of the training."""
    letters = np.arange(1, len(row.curve) + 1)
    chart = Chart(
        (0, len(row.curve)), (0, 1), "letter of the word", "share right", WIDTH, HEIGHT, RIGHT
    )
    if row.statistics and row.statistics[0].null is not None:
        chart.level(row.statistics[0].null, Stroke(GREY, 1.5, "5 4"))
    chart.upright(row.trained_length, Stroke(GREY, 1.5))
    chart.line(letters, np.array(row.curve), Stroke(BLUE, 2))
    for one in row.statistics:
        if None not in (one.x, one.low, one.high):
            chart.line(np.array([one.x, one.x]), np.array([one.low, one.high]), Stroke(BLUE, 4))
    return svg.element(WIDTH, HEIGHT, chart.drawn())


def spoken(row: TrackedGroup) -> str:
    """The numbers of a figure as text."""
    numbers = "; ".join(f"letter {one.x:g} {_number(one.value)}" for one in row.statistics)
    return f"{row.network} on {row.group}, share of right answers: {numbers}"


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"
