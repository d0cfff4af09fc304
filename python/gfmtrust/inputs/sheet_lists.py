"""A samplesheet as a list of rows in JSON or YAML. A value stays the text that the user wrote: 001
is no number, and yes no truth value."""

from __future__ import annotations

import yaml

from gfmtrust.core import documents
from gfmtrust.core.errors import BadDataError, UsageError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.inputs.sheet_rows import SheetRow, SheetTable, plain, refuse, trimmed

_YAML_EMPTY = {"", "~", "null", "Null", "NULL"}


def read_list(text: str, name: str, warnings: list[str]) -> SheetTable:
    """The rows of a JSON or YAML list, by the ending of `name`.

    Raises BadDataError (65) for a text that is no list of rows, UsageError (64) for a column that
    stands twice and a cell that is no single value.
    """
    pairs = _json_rows(text, name) if name.lower().endswith(".json") else _yaml_rows(text, name)
    faults, rows = [], []
    for number, cells in enumerate(pairs, start=1):
        row: dict[str, str] = {}
        for column, cell in cells:
            if column in row:
                faults.append(
                    f"{name}, row {number}: column {shown(column)} twice; expected it once; remove one"
                )
            if cell is None:
                faults.append(
                    f"{name}, row {number}, column {shown(column)}: a list or an object; "
                    "expected one text; write it as text"
                )
            row[column] = cell or ""
        rows.append(SheetRow(number, row))
    refuse(name, faults)
    if not rows:
        raise UsageError(message(name, "0 rows", "a list with one entry for each VCF", "add them"))
    columns = tuple(dict.fromkeys(column for row in rows for column in row.cells))
    return trimmed(SheetTable(columns, tuple(rows), tuple(warnings), False), name)


Pairs = list[tuple[str, str | None]]
"""Column and text of the cells of one row; None where a cell is no single value."""


def _json_rows(text: str, name: str) -> list[Pairs]:
    try:
        content = documents.parsed(
            text,
            object_pairs_hook=tuple,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
    except (ValueError, RecursionError) as error:
        raise _no_list(name, shown(str(error) or "nested too deeply")) from error
    if not isinstance(content, list) or not all(isinstance(row, tuple) for row in content):
        raise _no_list(name, "no list of rows")
    return [[(plain(column), _json_text(cell)) for column, cell in row] for row in content]


def _json_text(cell: object) -> str | None:
    if isinstance(cell, bool):
        return str(cell).lower()
    if cell is None:
        return ""
    return plain(cell) if isinstance(cell, str) else None


def _yaml_rows(text: str, name: str) -> list[Pairs]:
    """Rows of the node tree: a scalar's text is never resolved to a number, date or truth value."""
    try:
        tree = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error) or "nested too deeply"
        place = f"{name}, line {mark.line + 1}" if mark else name
        raise _no_list(place, shown(problem)) from error
    if not isinstance(tree, yaml.SequenceNode) or not all(
        isinstance(row, yaml.MappingNode) for row in tree.value
    ):
        raise _no_list(name, "no list of rows")
    return [
        [(_yaml_text(column) or "", _yaml_text(cell)) for column, cell in row.value]
        for row in tree.value
    ]


def _yaml_text(node: object) -> str | None:
    if not isinstance(node, yaml.ScalarNode):
        return None
    is_empty = node.style is None and node.value in _YAML_EMPTY
    return "" if is_empty else plain(node.value)


def _no_list(place: str, observed: str) -> BadDataError:
    expected = "a list of rows, [{sample: ..., vcf: ...}, ...]"
    return BadDataError(message(place, observed, expected, "correct it"))
