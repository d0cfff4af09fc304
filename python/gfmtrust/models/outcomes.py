"""What the conformance suite found: one figure per example and check, kept in
models/data/conformance.json and shown as a table. Runs nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import inf, isfinite
from pathlib import Path

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.io.atomic import part_file
from gfmtrust.models import package_data

RECORDED = package_data.path("conformance.json")


@dataclass(frozen=True)
class Outcome:
    """One check of one example: the figure and the most (or, where `at_least`, the least) it may
    be."""

    example: str
    check: str
    value: float
    allowed: float
    at_least: bool = False

    @property
    def passed(self) -> bool:
        return (
            self.value >= self.allowed if self.at_least else self.value <= self.allowed
        )  # NaN passes neither


def table(results: list[Outcome]) -> str:
    """One row per example, one column per check, as Markdown; a figure over its bar is bold,
    several of one check stand in one cell."""
    checks = list(dict.fromkeys(one.check for one in results))
    lines = ["| example | " + " | ".join(checks) + " |", "|---" * (len(checks) + 1) + "|"]
    for name in dict.fromkeys(one.example for one in results):
        cells = [
            ", ".join(_cell(one) for one in results if (one.example, one.check) == (name, check))
            for check in checks
        ]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(one: Outcome) -> str:
    figure = f"{one.value:.2g}" if one.value < 100 else f"{one.value:.0f}"
    return figure if one.passed else f"**{figure}**"


def write(results: list[Outcome], path: Path, force: bool = True) -> None:
    """Write outcomes as JSON, one per line; figures to two digits, a bar of infinity as null."""
    rows = [
        {
            **asdict(one),
            "value": float(f"{one.value:.2g}") if isfinite(one.value) else str(one.value),
            "allowed": one.allowed if isfinite(one.allowed) else None,
        }
        for one in results
    ]
    with part_file(path, force=force) as part:
        part.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


def read(path: Path = RECORDED) -> list[Outcome]:
    """Outcomes kept by `write`; none where there is no file. Raises BadDataError (65) for another
    file."""
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text())
        return [
            Outcome(
                **{
                    **row,
                    "value": float(row["value"]),
                    "allowed": inf if row["allowed"] is None else row["allowed"],
                }
            )
            for row in rows
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise BadDataError(
            message(
                str(path), f"no outcomes ({error})", "what gfmtrust models conformance --out wrote"
            )
        ) from error
