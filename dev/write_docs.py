#!/usr/bin/env python3
"""Write the generated tables of README.md and docs/ from the code they describe, and the recorded
facts of the model families.

    python dev/write_docs.py            rewrite every table that is out of date
    python dev/write_docs.py --check    change nothing; end with 1 where one is out of date

A table stands between two comment lines, `<!-- begin NAME ... -->` and `<!-- end NAME -->`; text
outside them is never touched. tests/unit/docs/test_docs.py compares the same tables. The facts of
the families are written where torch is installed, since a family's file imports it.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "gfmtrust"
sys.path[:0] = [str(ROOT / "python"), str(Path(__file__).parent)]

# the package and the helper beside this file
import contract_docs  # noqa: E402

from gfmtrust import LARGE_LIBRARIES, PACKAGES  # noqa: E402
from gfmtrust.audit import table as audit_table  # noqa: E402
from gfmtrust.calibration.features import FEATURE_NAMES  # noqa: E402
from gfmtrust.calibration.fit import PROBE_KEYS  # noqa: E402
from gfmtrust.cli import options as cli_options  # noqa: E402
from gfmtrust.core import errors  # noqa: E402
from gfmtrust.core.column import Column  # noqa: E402
from gfmtrust.core.columns import (  # noqa: E402
    BED_COLUMNS,
    INFO_KEYS,
    MEASURES,
    PREDICTORS,
    column_of,
)
from gfmtrust.io import tables  # noqa: E402
from gfmtrust.models import family_facts, outcomes, registry  # noqa: E402

BLOCK = re.compile(r"(<!-- begin (\w+)[^>]*-->\n)(.*?)(<!-- end \2 -->)", re.DOTALL)
PLACEHOLDER = re.compile(r"[\w/.]*<\w+>[\w/.<>]*\w")
"""A file name with a part such as <model>, which a reader of Markdown would take for HTML."""
RETRIED = re.compile(r"exitStatus in \(([^?]*)\) \?")
NO_ERROR = {0: "Done; single records may carry a status.", 130: "Interrupted from the keyboard."}


def pages() -> list[Path]:
    """Every page that may hold a generated table."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a bar or an angle inside a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in line) + " |\n"
        for line in lines
    )


def packages() -> str:
    """A row per package, in the order in which one may import another, with the sentence that its
    `__init__` opens with and the large libraries that it may import."""
    rows = []
    for name in PACKAGES:
        for init in sorted((PACKAGE / name).rglob("__init__.py")):
            folder = init.parent.relative_to(PACKAGE).as_posix()
            libraries = LARGE_LIBRARIES.get(folder, LARGE_LIBRARIES.get(name, ()))
            rows.append([f"`{folder}/`", _first_sentences(init), ", ".join(libraries) or "none"])
    return table(["package", "what it does", "large libraries"], rows)


def _first_sentences(module: Path) -> str:
    """The first paragraph of a module's docstring, on one line."""
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def measures() -> str:
    """A row a measure: what it is, its unit and range, which end speaks for trust, where it is
    written, and whether the reliability is computed from it."""
    header = ["measure", "meaning", "unit", "range", "better", "written as", "predictor"]
    return table(header, [_measure_row(column) for column in MEASURES])


def _measure_row(column: Column) -> list[str]:
    low, high = (("" if bound is None else f"{bound:g}") for bound in column.bounds)
    written = [f"`{column.vcf}`"] if column.vcf else []
    written += [f"BED `{column.bed_name}`"] if column.bed else []
    return [
        f"`{column.name}`",
        column.description,
        column.unit or "1",
        f"{low or '-∞'} to {high or '∞'}",
        column.better,
        ", ".join(written) or "–",
        "yes" if column.predictor else "",
    ]


def info_keys() -> str:
    """A row an INFO key, in the order they are written."""
    return table(
        ["key", "number", "type", "meaning"],
        [[f"`{key.id}`", key.number, key.type, key.description] for key in INFO_KEYS],
    )


def bed_columns() -> str:
    """A row a column that is appended to a BED, in order."""
    rows = []
    for column in BED_COLUMNS:
        is_mean = column.over_bases == "mean"
        text = (
            f"Mean over the scored bases. {column.description}" if is_mean else column.description
        )
        rows.append([f"`{column.bed_name}`", column.unit or "–", text])
    return table(["column", "unit", "meaning"], rows)


def sites_columns() -> str:
    return _schema_table(tables.SITES)


def bases_columns() -> str:
    return _schema_table(tables.REGION_BASES)


def probe_columns() -> str:
    """A row a column of probes.scored.parquet, in order."""
    names = (
        *PROBE_KEYS,
        *FEATURE_NAMES,
        "surprisal",
        "context_site_surprisal",
        "status",
        "rel",
        "rank",
        "why",
        "wrong",
    )
    return table(
        ["column", "meaning"], [[f"`{name}`", column_of(name).description] for name in names]
    )


def _schema_table(schema: pa.Schema) -> str:
    """A row a column of a Parquet table, in order."""
    return table(
        ["column", "type", "meaning"],
        [
            [f"`{field.name}`", str(field.type), column_of(field.name).description]
            for field in schema
        ],
    )


def predictors() -> str:
    """The predictors of the reliability, in order."""
    return ", ".join(f"`{name}`" for name in PREDICTORS) + "\n"


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
    subcommands = next(
        action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    return "\n".join(_command(name, one) for name, one in subcommands.choices.items())


def parser() -> argparse.ArgumentParser:
    return cli_options.parser(argparse.ArgumentParser, "")


def _command(name: str, one: argparse.ArgumentParser) -> str:
    rows = []
    for action in one._actions:
        if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        needed = action.required and action.nargs not in ("?", "*")
        rows.append(
            [
                f"`{', '.join(action.option_strings) or action.dest}`",
                "yes" if needed else "",
                str(action.help),
            ]
        )
    text = PLACEHOLDER.sub(r"`\g<0>`", str(one.description))
    return f"### {name}\n\n{text}\n\n" + table(["option", "required", "meaning"], rows)


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
    """A row a registered checkpoint: how far it is pinned, and where the layout of its files was
    read."""
    rows = registry.read_rows().values()
    header = [
        "id",
        "family",
        "repository",
        "window, bp",
        "pinned",
        "licence",
        "layout checked (source)",
        "weights run",
    ]
    return table(
        header,
        [
            [
                f"`{row.id}`",
                f"`{row.family}`",
                row.repository,
                row.window_bp,
                row.pinned,
                row.licence or "not read",
                row.layout_source or "no",
                "no",
            ]
            for row in rows
        ],
    )


def conformance() -> str:
    """The recorded figures of the conformance suite."""
    recorded = outcomes.read()
    return outcomes.table(recorded) if recorded else "Nothing recorded yet.\n"


def audit_measures() -> str:
    """A row for each measure of the audit, from its table."""
    return table(
        ["measure", "question", "unit", "null", "how to read it"],
        [
            [f"`{one.name}`", one.question, one.unit, one.null, one.reading]
            for one in audit_table.MEASURES
        ],
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "packages": packages,
    "measures": measures,
    "info_keys": info_keys,
    "bed_columns": bed_columns,
    "sites_columns": sites_columns,
    "bases_columns": bases_columns,
    "probe_columns": probe_columns,
    "predictors": predictors,
    "parameters": parameters,
    "commands": commands,
    "exit_codes": exit_codes,
    "checkpoints": checkpoints,
    "conformance": conformance,
    "audit_measures": audit_measures,
    "contracts": lambda: contract_docs.contracts(table),
}


def rewritten(text: str) -> str:
    """A page's text with every block made anew. Raises KeyError for a block that nothing here
    writes."""
    return BLOCK.sub(lambda block: f"{block[1]}\n{BLOCKS[block[2]]()}\n{block[4]}", text)


def documents() -> dict[Path, str]:
    """Path -> text of everything that is generated here, as it should be."""
    texts = {page: rewritten(page.read_text()) for page in pages()}
    if importlib.util.find_spec("torch") is not None:
        texts[family_facts.RECORDED] = family_facts.as_text()
    return texts


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument(
        "--check",
        action="store_true",
        help="change nothing; end with 1 where a table is out of date",
    )
    check = options.parse_args(arguments).check
    stale = {
        page: text
        for page, text in documents().items()
        if not page.exists() or page.read_text() != text
    }
    for page, text in stale.items():
        sys.stdout.write(
            f"{os.path.relpath(page, ROOT)}: {'out of date; run python dev/write_docs.py' if check else 'written'}\n"
        )
        if not check:
            page.write_text(text)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
