"""The page of a duel: offline, in the style of the audit's page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gfmtrust.audit import figures
from gfmtrust.audit.duel.contest import CNN, RIDGE
from gfmtrust.audit.page import cells, spoken
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.contracts.duel import Duel
from gfmtrust.core.documents import write_text
from gfmtrust.core.progress import duration
from gfmtrust.report.rendering import rendered

PAGE = "duel.html"


def write(folder: Path, duel: Duel) -> None:
    """Write the page beside duel.json."""
    write_text(folder / PAGE, html(duel))


def html(duel: Duel) -> str:
    """The page. Every text is escaped; only figures are markup."""
    last = sorted(
        (replace(row, label=one.name) for one in duel.competitors if (row := duel.last(one.name))),
        key=lambda row: -(row.value or 0.0),
    )
    groups = [
        (series, [one for one in duel.differences if one.series == series])
        for series in dict.fromkeys(one.series for one in duel.differences)
    ]
    return rendered(
        "duel.html.j2",
        {
            "title": f"Duel on {duel.labels}",
            "duel": duel,
            "time": duration(duel.seconds),
            "league": _rows(duel.score, last),
            "curves": [_curve(duel, name) for name in _shown(duel)],
            "differences": [
                {
                    "title": title[:1].upper() + title[1:],
                    **_rows(f"difference of the {duel.score}", rows),
                }
                for title, rows in groups
            ],
            "untrained": _rows(duel.score, list(duel.untrained)) if duel.untrained else None,
            "table": [cells(row, duel.score) for row in duel.curves],
        },
    )


def _rows(unit: str, rows: list[Statistic]) -> dict:
    return {
        "svg": figures.rows_plot(rows, unit),
        "alt": spoken(rows),
        "rows": [cells(row, unit) for row in rows],
    }


def _shown(duel: Duel) -> list[str]:
    """The competitors whose learning curve is drawn: the simple ones, and the best of each model."""
    names = [name for name in (CNN, RIDGE) if duel.last(name)]
    for model in duel.models:
        probes = [
            one.name for one in duel.competitors if (one.kind, one.bundle) == ("probe", model.id)
        ]
        if probes:
            names.append(
                max(probes, key=lambda name: getattr(duel.last(name), "value", None) or -2.0)
            )
    return names


def _curve(duel: Duel, name: str) -> dict:
    rows = [one for one in duel.curves if one.series == name]
    svg = figures.lines_plot(rows, "training examples", duel.score, False)
    return {"name": name, "svg": svg, "alt": f"{name}: {spoken(rows)}"}
