"""The rows of a samplesheet, and everything that is wrong with them in one exception."""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.warning_counts import shown

SHOWN_FAULTS = 20


@dataclass(frozen=True)
class SheetRow:
    """One row. number: as a spreadsheet shows it, or its place in a list, from 1; cells: column ->
    text without outer spaces, '' where it is empty."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class SheetTable:
    """All rows that hold anything. columns: in the order of the file; has_header: whether row 1
    names them."""

    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    warnings: tuple[str, ...]
    has_header: bool


class SheetFaults(UsageError):
    """Everything that is wrong with the rows. faults: one line each, *place: found; expected;
    remedy*; the text of the exception is the fault where it is the only one."""

    def __init__(self, name: str, faults: list[str]) -> None:
        self.faults = tuple(faults)
        where = "above" if len(faults) <= SHOWN_FAULTS else f"above, the first {SHOWN_FAULTS}"
        summary = message(name, f"{len(faults)} faults", "none", f"correct the lines named {where}")
        super().__init__(faults[0] if len(faults) == 1 else summary)


def refuse(name: str, faults: list[str]) -> None:
    """Raises SheetFaults (64) where there are any."""
    if faults:
        raise SheetFaults(name, faults)


def plain(text: str) -> str:
    """The text with halves of surrogate pairs spelled out: they are no characters, and no stream
    takes them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def trimmed(table: SheetTable, name: str) -> SheetTable:
    """The table with cells without outer spaces, and one warning that counts them."""
    places = [
        f"row {row.number}, column {shown(column)}"
        for row in table.rows
        for column, cell in row.cells.items()
        if cell != cell.strip() and cell.strip()
    ]
    rows = tuple(
        SheetRow(row.number, {column: cell.strip() for column, cell in row.cells.items()})
        for row in table.rows
    )
    said = [f"{name}, {places[0]}: outer spaces left out, {len(places)} times"] if places else []
    return SheetTable(table.columns, rows, (*table.warnings, *said), table.has_header)
