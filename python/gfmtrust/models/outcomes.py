"""The outcomes of the conformance suite: one figure per example and check, kept in
models/data/conformance.json and shown as a table. Nothing is run here."""

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
    """One check of one example: the figure, and the largest (or, with at_least, the smallest)
    allowed value."""

    example: str
    check: str
    value: float
    allowed: float
    at_least: bool = False

    @property
    def passed(self) -> bool:
        """Whether the figure keeps its limit."""
        return (
            self.value >= self.allowed if self.at_least else self.value <= self.allowed
        )  # NaN never passes


def table(results: list[Outcome]) -> str:
    """Return the outcomes as a Markdown table with one row per example and one column per check. A
    figure that fails is bold; several figures of one check share a cell."""
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
    """Write outcomes as JSON, one per line; figures have two significant digits, and an infinite
    bar is null."""
    rows = [
        {
            **asdict(one),
            "value": float(f"{one.value:.2g}") if isfinite(one.value) else str(one.value),
            "allowed": one.allowed if isfinite(one.allowed) else None,
        }
        for one in results
    ]
    with part_file(path, force=force) as part:
        part.write_text(
            "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8"
        )


def read(path: Path = RECORDED) -> list[Outcome]:
    """Return the outcomes that `write` wrote, [] where the file is missing. Raises BadDataError
    (65) for a file of another content."""
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
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
