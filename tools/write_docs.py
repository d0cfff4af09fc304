#!/usr/bin/env python3
"""Write the generated tables of README.md and docs/ from the code they describe.

    python tools/write_docs.py            rewrite every table that is out of date
    python tools/write_docs.py --check    change nothing; end with 1 where one is out of date

A table stands between two comment lines, `<!-- begin NAME ... -->` and `<!-- end NAME -->`; text
outside them is never touched. tests/python/test_docs.py compares the same tables.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "python"), str(Path(__file__).parent)]

# the package beside this folder
import contract_docs  # noqa: E402

from gfmtrust.cli import options as cli_options  # noqa: E402
from gfmtrust.core import errors  # noqa: E402
from gfmtrust.core.columns import INFO_KEYS, MEASURES  # noqa: E402
from gfmtrust.models import outcomes, registry  # noqa: E402

BLOCK = re.compile(r"(<!-- begin (\w+)[^>]*-->\n)(.*?)(<!-- end \2 -->)", re.DOTALL)
RETRIED = re.compile(r"exitStatus in \(([^?]*)\) \?")
NO_ERROR = {0: "Done; single records may carry a status.", 130: "Interrupted from the keyboard."}


def pages() -> list[Path]:
    """Every page that may hold a generated table."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a bar or an angle inside a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in line) + " |\n"
        for line in lines
    )


def measures() -> str:
    """A row a measure: what it is, its unit and range, which end speaks for trust, and where it is
    written."""
    rows = []
    for one in MEASURES:
        low, high = (("" if bound is None else f"{bound:g}") for bound in (one.lowest, one.highest))
        written = [f"`{one.info_id}`"] if one.info_id else []
        written += [f"BED `{one.bed_column}`"] if one.bed_column else []
        bounds = f"{low or '-∞'} to {high or '∞'}"
        rows.append(
            [
                f"`{one.name}`",
                one.description,
                one.unit or "1",
                bounds,
                one.better,
                ", ".join(written) or "–",
            ]
        )
    return table(["measure", "meaning", "unit", "range", "better", "written as"], rows)


def info_keys() -> str:
    """A row an INFO key, in the order they are written."""
    return table(
        ["key", "number", "type", "meaning"],
        [[f"`{key.id}`", key.number, key.type, key.description] for key in INFO_KEYS],
    )


def parameters() -> str:
    """A table a group of the pipeline's parameters, from nextflow_schema.json."""
    schema = json.loads((ROOT / "nextflow_schema.json").read_text())
    return "\n".join(
        f"**{group['title']}.** {group['description']}\n\n"
        + table(["parameter", "value", "default", "meaning"], _parameter_rows(group))
        for group in schema["$defs"].values()
    )


def _parameter_rows(group: dict) -> list[list[str]]:
    required = group.get("required", [])
    rows = []
    for name, one in group["properties"].items():
        kinds = one["type"] if isinstance(one["type"], list) else [one["type"]]
        value = (
            ", ".join(f"`{choice}`" for choice in one["enum"])
            if "enum" in one
            else " or ".join(kinds)
        )
        default = (
            f"`{json.dumps(one['default']).strip(chr(34))}`"
            if "default" in one
            else "**required**"
            if name in required
            else ""
        )
        rows.append([f"`--{name}`", value, default, one["description"]])
    return rows


def commands() -> str:
    """A section a subcommand, from the command line's own declaration."""
    found = next(
        action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    return "\n".join(_command(name, one) for name, one in found.choices.items())


def parser() -> argparse.ArgumentParser:
    return cli_options.parser(argparse.ArgumentParser, "")


def _command(name: str, one: argparse.ArgumentParser) -> str:
    rows = []
    for action in one._actions:
        if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        needed = action.required and action.nargs != "?"
        rows.append(
            [
                f"`{', '.join(action.option_strings) or action.dest}`",
                "yes" if needed else "",
                str(action.help),
            ]
        )
    return f"### {name}\n\n{one.description}\n\n" + table(["option", "required", "meaning"], rows)


def exit_codes() -> str:
    """A row an exit code: the class that stands for it and what the pipeline does with it."""
    retried = retried_codes()
    meanings = dict(NO_ERROR)
    for kind in errors.GfmtrustError.__subclasses__():
        meanings[kind.exit_code] = " ".join((kind.__doc__ or "").split())
    rows = [
        [
            str(code),
            text,
            "go on"
            if not code
            else "try again"
            if code in retried
            else "finish the tasks under way, then stop",
        ]
        for code, text in sorted(meanings.items())
    ]
    return table(["code", "meaning", "the pipeline"], rows)


def retried_codes() -> set[int]:
    """The exit codes that conf/base.config tries again."""
    text = RETRIED.search((ROOT / "conf" / "base.config").read_text())[1]
    codes = {
        int(code) for listed in re.findall(r"\[([\d, ]+)\]", text) for code in listed.split(",")
    }
    return codes.union(
        *(range(int(low), int(high) + 1) for low, high in re.findall(r"(\d+)\.\.(\d+)", text))
    )


def checkpoints() -> str:
    """A row a registered checkpoint: may it be downloaded, or only named."""
    with open(ROOT / "assets" / "models.csv", newline="", encoding="utf-8") as file:
        rows = [registry.Row(**cells) for cells in csv.DictReader(file)]
    return table(
        ["id", "family", "repository", "window, bp", "pinned"],
        [
            [
                f"`{row.id}`",
                f"`{row.family}`",
                row.repository,
                row.window_bp,
                "yes" if row.is_pinned else "no",
            ]
            for row in rows
        ],
    )


def conformance() -> str:
    """The recorded figures of the conformance suite."""
    found = outcomes.read()
    return outcomes.table(found) if found else "Nothing recorded yet.\n"


BLOCKS: dict[str, Callable[[], str]] = {
    "measures": measures,
    "info_keys": info_keys,
    "parameters": parameters,
    "commands": commands,
    "exit_codes": exit_codes,
    "checkpoints": checkpoints,
    "conformance": conformance,
    "contracts": lambda: contract_docs.contracts(table),
}


def rewritten(text: str) -> str:
    """A page's text with every block made anew. Raises KeyError for a block that nothing here
    writes."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n{found[4]}", text)


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument(
        "--check",
        action="store_true",
        help="change nothing; end with 1 where a table is out of date",
    )
    check = options.parse_args(arguments).check
    stale = [page for page in pages() if rewritten(page.read_text()) != page.read_text()]
    for page in stale:
        sys.stdout.write(
            f"{page.relative_to(ROOT)}: {'out of date; run python tools/write_docs.py' if check else 'written'}\n"
        )
        if not check:
            page.write_text(rewritten(page.read_text()))
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
