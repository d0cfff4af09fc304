"""The pages of the audit: one for each model, and one league of all models in a folder. Offline, in the
style of the report."""

from __future__ import annotations

from pathlib import Path

from gfmtrust.audit import figures
from gfmtrust.audit.measure import ARCHETYPES, MODEL
from gfmtrust.audit.verdict import interval
from gfmtrust.core.contracts.audit import Audit, Measured, Statistic
from gfmtrust.core.documents import write_text
from gfmtrust.core.progress import duration
from gfmtrust.core.vocabulary import CONTEXT_FAMILY
from gfmtrust.report.rendering import rendered

PAGE, LEAGUE_PAGE = "audit.html", "league.html"
NONE = "–"
TITLES = {MODEL: "What does it know?", ARCHETYPES: "Does it recall, copy and track?"}
LEAGUE_COLUMNS = (
    ("bits per base", "league", "the model"),
    ("skill", "league", "skill"),
    ("skill of the twin", "league", "skill of the twin"),
    ("near-uniform share", "entropy", "near-uniform share"),
    ("surprisal minus entropy", "calibration_gap", "surprisal minus entropy"),
    ("other base on the other strand", "strands", "other base preferred"),
    ("effective context (bp)", "context_gain", "effective context"),
    ("recall horizon (bp)", "copy", "recall horizon"),
    ("seconds per million SNVs", "cost", "seconds, the model"),
)
"""Columns of the league: title, measure, label of the statistic."""


def write(folder: Path, audit: Audit) -> None:
    """Write the page of one model."""
    write_text(folder / PAGE, html(audit))


def html(audit: Audit) -> str:
    """The page of one model. Every text is escaped; only figures are markup."""
    groups = []
    for group, title in TITLES.items():
        measures = [one for one in audit.measures if one.group == group]
        if measures:
            groups.append({"title": title, "measures": [section(one) for one in measures]})
    return rendered(
        "audit.html.j2",
        {
            "title": f"Audit of {audit.model.id}",
            "audit": audit,
            "groups": groups,
            "time": duration(audit.seconds),
            "not_run": [one for one in audit.measures if one.reason],
            "labels": {one.name: one.name.replace("_", " ") for one in audit.measures},
        },
    )


def section(measured: Measured) -> dict:
    """The variables of one measure."""
    return {
        "measure": measured,
        "rows": [cells(row, measured.unit) for row in measured.statistics],
        "figures": _figures(measured),
    }


def _figures(measured: Measured) -> list[dict]:
    rows = [row for row in measured.statistics if row.value is not None]
    series = list(dict.fromkeys(row.series for row in rows if row.series))
    if series and measured.x_label:
        return [
            _figure(
                figures.lines_plot(of_series, measured.x_label, unit, unit == "share"),
                f"{name}: {spoken(of_series)}",
                f"{name} ({unit}), with 95 % intervals; open squares: the null.",
            )
            for name in series
            for of_series in [[row for row in rows if row.series == name]]
            for unit in [of_series[0].unit or measured.unit]
        ]
    plain = [row for row in rows if not row.unit]
    if len(plain) < 2:
        return []
    caption = f"{measured.unit}, with 95 % intervals; open squares: the null."
    return [_figure(figures.rows_plot(plain, measured.unit), spoken(plain), caption)]


def _figure(drawn, alt: str, caption: str) -> dict:
    return {"svg": drawn, "alt": alt, "caption": caption[:1].upper() + caption[1:]}


def spoken(rows: list[Statistic]) -> str:
    """The numbers of a figure as text."""
    return "; ".join(f"{row.label} {row.value:.2f}" for row in rows if row.value is not None)


def cells(row: Statistic, unit: str) -> tuple[str, ...]:
    """The cells of a number in a table. unit: where the number has none of its own."""
    digits = digits_of(row)
    null = NONE
    if row.null is not None:
        ends = (
            ""
            if row.null_low is None
            else f" ({_number(row.null_low, digits)} to {_number(row.null_high, digits)})"
        )
        null = f"{_number(row.null, digits)}{ends}"
    value = NONE if row.value is None else _number(row.value, digits)
    ends = NONE if row.low is None or row.high is None else (
        f"{_number(row.low, digits)} to {_number(row.high, digits)}"
    )  # fmt: skip
    return row.label, value, ends, null, row.unit or unit, f"{row.n:,}"


def digits_of(row: Statistic) -> int:
    """Decimals of a number: none for lengths and counts, three for the others."""
    size = max((abs(end) for end in (row.value, row.high) if end is not None), default=0.0)
    return 0 if size >= 100 or row.unit == "bp" else 3


def _number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def write_league(out_dir: Path) -> None:
    """Write the page of all audits in a folder."""
    audits = [Audit.read(path) for path in sorted(out_dir.glob(f"*/{Audit.NAME}"))]
    write_text(out_dir / LEAGUE_PAGE, league_html(audits))


def league_html(audits: list[Audit]) -> str:
    """The page of the league: audits sorted by skill. Audits of another genome, or other seeds, are
    shown and named, because they were asked about other bases."""
    ordered = sorted(audits, key=_rank)
    bits = [
        Statistic(audit.model.id, row.value, row.low, row.high, row.null, row.n)
        for audit in ordered
        if (row := audit.number("league", "the model"))
    ]
    has_context = any(audit.model.family == CONTEXT_FAMILY for audit in ordered)
    simple = [
        row
        for label in ("order 0", *([] if has_context else ["context model"]))
        if ordered and (row := ordered[0].number("league", label))
    ]
    return rendered(
        "audit_league.html.j2",
        {
            "title": "League of models",
            "audits": ordered,
            "columns": [title for title, _, _ in LEAGUE_COLUMNS],
            "rows": [(audit.model.id, [_league_cell(audit, *column[1:]) for column in LEAGUE_COLUMNS])
                     for audit in ordered],
            "genomes": sorted({f"{audit.genome} ({audit.genome_digest[:12]}), seed {audit.seed}" for audit in ordered}),
            "svg": figures.rows_plot([*bits, *simple], "bits per base") if bits else "",
            "alt": "Bits per base: " + spoken([*bits, *simple]),
        },
    )  # fmt: skip


def _rank(audit: Audit) -> tuple[float, str]:
    row = audit.number("league", "skill")
    return (-(row.value or 0.0) if row else 1e9, audit.model.id)


def _league_cell(audit: Audit, measure: str, label: str) -> tuple[str, str]:
    """A number, and its interval in brackets."""
    row = audit.number(measure, label)
    value, _, ends = interval(row, min(2, digits_of(row))).partition(" ") if row else (NONE, "", "")
    return value, ends
