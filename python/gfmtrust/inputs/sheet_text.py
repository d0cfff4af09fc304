"""The bytes of a samplesheet as rows of text: encodings, separators, line ends, CSV, YAML, JSON.

Every value stays the text that the user wrote: no number, date or truth value is made of it. What
is changed or left out on the way is a warning line.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator

from gfmtrust.core.errors import BadDataError, UsageError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.inputs.sheet_lists import read_list
from gfmtrust.inputs.sheet_rows import SheetRow, SheetTable, plain, refuse, trimmed

LARGEST_BYTES = 10 << 20
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8", ""),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"\x1f\x8b", "a compressed file"),
)
_EXCEL_SEPARATOR = re.compile(r'"?sep=([,;|\t])"?\s*', re.IGNORECASE)


def read_table(content: bytes, name: str, known_columns: Iterable[str]) -> SheetTable:
    """The rows of a samplesheet.

    name: file name, whose ending decides between CSV, TSV, YAML and JSON. known_columns: columns
    by which the separator is recognised. Raises BadDataError (65) for a file that is no text or no
    table, UsageError (64) for a header or rows that do not fit together.
    """
    text, warnings = decoded(content, name)
    if name.lower().endswith((".yaml", ".yml", ".json")):
        return read_list(text, name, warnings)
    return _separated_table(text, name, warnings, set(known_columns))


def decoded(content: bytes, name: str) -> tuple[str, list[str]]:
    """The text of a file, and what to say of its encoding. Raises BadDataError (65)."""
    if len(content) > LARGEST_BYTES:
        raise BadDataError(message(name, "larger than 10 MiB", "a samplesheet"))
    for start, file_type in _OTHER_FILES:
        if content.startswith(start):
            remedy = "save it as 'CSV UTF-8'" if "Excel" in file_type else "decompress it"
            raise BadDataError(message(name, file_type, "CSV, TSV, YAML or JSON text", remedy))
    encoding, said, body = "utf-8", "", content
    for mark, marked, called in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            encoding, said, body = marked, called, content[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        raise _not_decoded(body, name, error, said) from error
    if "\0" in text:
        raise BadDataError(
            message(
                name,
                "not UTF-8 text (it contains NUL, as UTF-16 does without a byte-order mark)",
                "UTF-8",
                "convert it with iconv -t UTF-8",
            )
        )
    return text, [f"{name}: {said} text; read as such"] if said else []


def _not_decoded(content: bytes, name: str, error: UnicodeDecodeError, said: str) -> BadDataError:
    if said:
        return BadDataError(
            message(name, f"damaged {said} text ({error.reason})", "UTF-8", "save it again")
        )
    before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    line_no = before.count(b"\n") + 1
    observed = f"not UTF-8 text (byte 0x{content[error.start]:02X} in line {line_no})"
    try:
        content.decode("cp1252")
        remedy = (
            "if it is Windows-1252, convert it with iconv -f WINDOWS-1252 -t UTF-8, or save it "
            "as 'CSV UTF-8'"
        )
    except UnicodeDecodeError:
        remedy = "convert it with iconv -t UTF-8"
    return BadDataError(message(name, observed, "UTF-8", remedy))


def _separated_table(
    text: str, name: str, warnings: list[str], known_columns: set[str]
) -> SheetTable:
    usual = "\t" if name.lower().endswith(".tsv") else ","
    first_line = re.split(r"[\r\n]", text, maxsplit=1)[0]
    declared = _EXCEL_SEPARATOR.fullmatch(first_line)
    separator = declared[1] if declared else _separator(text, usual, known_columns)
    if separator != usual:
        called = SEPARATORS.get(separator, f"'{shown(separator)}'")
        warnings.append(f"{name}: cells are separated by {called}, not {SEPARATORS[usual]}")
    lines = list(_cells(text, separator, name))
    numbered = [
        (number, [plain(cell) for cell in cells])
        for number, cells in enumerate(lines, start=1)
        if any(cell.strip() for cell in cells) and not (declared and number == 1)
    ]
    if len(numbered) < 2:
        observed = f"{len(numbered)} rows" if not numbered else "a header without rows"
        raise UsageError(
            message(name, observed, "a header with sample,vcf and one row for each VCF", "add them")
        )
    (header_number, header), *body = numbered
    header, body, dropped = _without_empty_columns(header, body, f"{name}, row {header_number}")
    faults = [
        f"{name}, row {number}: {len(cells)} cells; expected {len(header)} as in the header; "
        "is a separator missing or not quoted?"
        for number, cells in body
        if len(cells) != len(header)
    ]
    refuse(name, faults)
    if dropped:
        warnings.append(f"{name}: empty columns without a name left out: {dropped}")
    rows = [SheetRow(number, dict(zip(header, cells, strict=True))) for number, cells in body]
    return trimmed(SheetTable(tuple(header), tuple(rows), tuple(warnings), True), name)


def _separator(text: str, usual: str, known_columns: set[str]) -> str:
    """The separator by which most known columns are found in the first line with text; the ending's
    own where they tie."""
    line = next((line for line in re.split(r"[\r\n]+", text) if line.strip()), "")

    def n_known_columns(separator: str) -> int:
        return len(known_columns & {cell.strip(' "') for cell in line.split(separator)})

    return max([usual, *(one for one in SEPARATORS if one != usual)], key=n_known_columns)


def _cells(text: str, separator: str, name: str) -> Iterator[list[str]]:
    """Cells of each line (RFC 4180): a quoted one may hold separators, quotes and line ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise BadDataError(
            message(
                f"{name}, line {reader.line_num}",
                f"no table ({error})",
                "cells whose quotes are closed",
                "correct the quotes",
            )
        ) from error


def _without_empty_columns(
    header: list[str], body: list[tuple[int, list[str]]], place: str
) -> tuple[list[str], list[tuple[int, list[str]]], int]:
    """Header and rows without the columns that have no name, as spreadsheets append them, and the
    number of those columns. Raises UsageError (64) where one has a value, or a name stands twice."""
    header = [column.strip() for column in header]
    unnamed = [index for index, column in enumerate(header) if not column]
    for index in unnamed:
        filled = [number for number, cells in body if index < len(cells) and cells[index].strip()]
        if filled:
            observed = f"column {index + 1} has no name, but row {filled[0]} has a value in it"
            raise UsageError(message(place, observed, "a name for each column", "name or empty it"))
    kept = [index for index, column in enumerate(header) if column]
    named = [header[index] for index in kept]
    for column in named:
        if named.count(column) > 1:
            raise UsageError(
                message(place, f"column {shown(column)} twice", "each column once", "remove one")
            )
    width = len(header)
    shorter = []
    for number, cells in body:
        rest = cells[width:]
        cells = cells if any(cell.strip() for cell in rest) else cells[:width]
        whole = len(cells) == width
        shorter.append((number, [cells[index] for index in kept] if whole else cells))
    return named, shorter, len(unnamed)
