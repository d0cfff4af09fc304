"""READ_SHEET: the samplesheet of a run, read, checked against its schema, and given unique ids.

The schema (assets/schema_input.json) states the columns and what a cell may be. Files are not
opened: a cell becomes the paths where its file may be, because the step may run on a machine, or in
a container, that does not have them.
"""

from __future__ import annotations

import difflib
import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jsonschema

from gfmtrust.core import names
from gfmtrust.core.contracts.samplesheet import Samplesheet, SheetEntry
from gfmtrust.core.errors import BadDataError, MissingInputError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.inputs.sheet_rows import SHOWN_FAULTS, SheetFaults, SheetRow, SheetTable, refuse
from gfmtrust.inputs.sheet_text import LARGEST_BYTES, read_table

log = logging.getLogger(__name__)
REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://.*")
N_PLACES = 5
"""Rows that a message about one id names."""


@dataclass(frozen=True)
class SheetSchema:
    """The schema of a samplesheet: a list of rows, each an object of texts.

    content: the JSON Schema. Beside the standard it has, for each column, `errorMessage` (what is
    expected, and the remedy), `meta` (the cell goes on with the VCF) and `exists` (it names a file).
    """

    content: dict

    @classmethod
    def read(cls, path: Path) -> SheetSchema:
        """Raises MissingInputError (66), or BadDataError (65) for a file that is no JSON Schema."""
        if not path.is_file():
            raise MissingInputError(
                message(str(path), "not found", "the schema of the samplesheet")
            )
        try:
            content = json.loads(path.read_text("utf-8"))
            jsonschema.Draft202012Validator.check_schema(content)
        except (ValueError, jsonschema.SchemaError) as error:
            observed = str(error).splitlines()[0]
            raise BadDataError(message(path.name, shown(observed), "a JSON Schema")) from error
        return cls(content)

    @property
    def columns(self) -> dict[str, dict]:
        return self.content["items"]["properties"]

    @property
    def required(self) -> list[str]:
        return self.content["items"].get("required", [])


def read_sheet(
    sheet: Path, schema: Path, out: Path, folders: list[str], check_files: bool = False
) -> Samplesheet:
    """Read and check a samplesheet and write it as JSON; returns what was written.

    folders: paths or addresses against which a relative path of a cell is taken, in this order.
    check_files: also refuse a row whose local file is in none of them. What was changed or left out
    is logged. Raises the errors of `samplesheet_of`, after every fault has been logged, and
    MissingInputError (66) for a sheet, or a file of a row, that does not exist.
    """
    if not sheet.is_file():
        raise MissingInputError(message(str(sheet), "not found", "a samplesheet", "check the path"))
    with open(sheet, "rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    try:
        samplesheet = samplesheet_of(content, sheet.name, SheetSchema.read(schema), folders)
    except SheetFaults as error:
        if len(error.faults) > 1:
            for line in error.faults[:SHOWN_FAULTS]:
                log.error("%s", line)
        raise
    for line in samplesheet.warnings:
        log.warning("warning: %s", line)
    if check_files:
        _refuse_absent(samplesheet)
    samplesheet.write(out)
    return samplesheet


def samplesheet_of(
    content: bytes, name: str, schema: SheetSchema, folders: list[str]
) -> Samplesheet:
    """The entries of a samplesheet in the order of their ids: the order of rows changes no result.

    Raises BadDataError (65) for a file that is no text or no table, and SheetFaults (64) with all
    faults of the rows, or of the ids if the rows have none.
    """
    name = shown(name)
    table = read_table(content, name, schema.columns)
    refuse(name, [*_header_faults(table, schema, name)])
    refuse(name, [*_row_faults(table, schema, name)])
    ids, renamed = unique_ids(table.rows, name)
    refuse(name, [*_id_faults(table.rows, ids, name)])
    unused = [
        f"{name}: column {shown(column)} is not used; expected {', '.join(schema.columns)}"
        for column in table.columns
        if column not in schema.columns
    ]
    entries = [_entry(row, one, schema, folders) for row, one in zip(table.rows, ids, strict=True)]
    return Samplesheet(
        name,
        tuple(sorted(entries, key=lambda entry: entry.meta["id"])),
        (*table.warnings, *unused, *renamed),
    )


def _header_faults(table: SheetTable, schema: SheetSchema, name: str) -> Iterator[str]:
    """Required columns that no row has; in a list each row is its own header."""
    if not table.has_header:
        return
    for column in schema.required:
        if column not in table.columns:
            near = difflib.get_close_matches(
                column, [other.lower() for other in table.columns], n=1, cutoff=0.6
            )
            meant = next((other for other in table.columns if near == [other.lower()]), None)
            remedy = f"rename {shown(meant)}?" if meant else "add it"
            yield message(
                f"{name}, row 1", f"no column {column}", " and ".join(schema.required), remedy
            )


def _row_faults(table: SheetTable, schema: SheetSchema, name: str) -> Iterator[str]:
    """What the schema does not allow, one line per cell, in the order of rows and columns."""
    given = [{column: cell for column, cell in row.cells.items() if cell} for row in table.rows]
    errors = jsonschema.Draft202012Validator(schema.content).iter_errors(given)
    order = list(schema.columns)
    faults = []
    for error in errors:
        index, *column = error.absolute_path
        row = table.rows[index]
        if column:
            expected = error.schema.get("errorMessage") or f"expected {error.validator_value}"
            where = f"{name}, row {row.number}, column {column[0]}"
            fault = (
                index,
                order.index(column[0]),
                f"{where}: '{shown(error.instance)}'; {expected}",
            )
            faults.append(fault)
    for index, row in enumerate(given):
        for column in schema.required:
            if column not in row:
                where, cells = f"{name}, row {table.rows[index].number}", table.rows[index].cells
                line = (
                    message(f"{where}, column {column}", "empty cell", "a value", "fill it in")
                    if column in cells
                    else message(where, f"no {column}", " and ".join(schema.required), "add it")
                )
                faults.append((index, order.index(column), line))
    # a cell that breaks two keywords of the schema has one message
    yield from dict.fromkeys(line for _index, _column, line in sorted(faults))


def unique_ids(rows: tuple[SheetRow, ...], name: str) -> tuple[list[str], list[str]]:
    """The id of each row, and a warning for each that is made of its file's name.

    An id is `<sample>`, `<sample>.<vcf_id>` or `<sample>.<variantcaller>`. Rows that share one, and
    have no vcf_id, get what tells their files apart behind it: sarek lists two VCFs of Strelka for
    a pair, `T_vs_N.strelka.somatic_indels.vcf.gz` and `T_vs_N.strelka.somatic_snvs.vcf.gz`.
    """
    ids = [_row_id(row.cells) for row in rows]
    shared: dict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(ids):
        shared[one].append(index)
    warnings = []
    for one, indexes in shared.items():
        plain = [index for index in indexes if not rows[index].cells.get("vcf_id")]
        if len(indexes) == 1 or not plain:
            continue
        for index in plain:
            ids[index] = _id_with_file(one, rows[index].cells)
        if len({ids[index] for index in plain}) == len(plain):
            named = _listed([f"row {rows[index].number} is {ids[index]}" for index in plain])
            warnings.append(
                f"{name}, {_places([rows[index] for index in indexes])}: id {one} "
                f"{_times(len(indexes))}; by the file names {named}"
            )
        else:
            for index in plain:
                ids[index] = one
    return ids, warnings


def _row_id(cells: dict[str, str]) -> str:
    suffix = cells.get("vcf_id") or cells.get("variantcaller")
    return f"{cells['sample']}.{suffix}" if suffix else cells["sample"]


def _id_with_file(one: str, cells: dict[str, str]) -> str:
    """The id with the part of the file's name that it does not hold; the id alone where there is
    none. Depends on the row alone, so that a further file changes no name."""
    stem = names.of_file(cells["vcf"], names.VCF_ENDING)
    for start in (one, cells["sample"]):
        if stem == start:
            return one
        if stem.startswith(start) and stem[len(start)] in "._-":
            return f"{one}.{stem[len(start) + 1 :]}"
    return f"{one}.{stem}"


def _id_faults(rows: tuple[SheetRow, ...], ids: list[str], name: str) -> Iterator[str]:
    """Ids that two rows share, and ids that cannot name a file."""
    shared: dict[str, list[SheetRow]] = defaultdict(list)
    for row, one in zip(rows, ids, strict=True):
        shared[one].append(row)
        if not names.fits(one):
            place = f"{name}, row {row.number}, id"
            remedy = "shorten sample, variantcaller or vcf_id"
            yield message(place, f"'{shown(one)}'", names.expected(one), remedy)
    for one, same in shared.items():
        if len(same) > 1:
            has_vcf_id = any(row.cells.get("vcf_id") for row in same)
            remedy = "change a vcf_id" if has_vcf_id else "add a vcf_id column"
            observed = f"id {one} {_times(len(same))}"
            yield message(f"{name}, {_places(same)}", observed, "unique ids", remedy)


def _times(number: int) -> str:
    return "twice" if number == 2 else f"{number} times"


def _places(rows: list[SheetRow]) -> str:
    return "rows " + _listed([str(row.number) for row in rows])


def _listed(words: list[str]) -> str:
    if len(words) == 2:
        return " and ".join(words)
    return ", ".join([*words[:N_PLACES], *(["..."] if len(words) > N_PLACES else [])])


def _entry(row: SheetRow, one: str, schema: SheetSchema, folders: list[str]) -> SheetEntry:
    carried = {
        column: row.cells[column]
        for column, definition in schema.columns.items()
        if definition.get("meta") and row.cells.get(column)
    }
    vcf, index = (
        _candidates(row.cells.get(column, ""), folders) for column in ("vcf", "vcf_index")
    )
    return SheetEntry(row.number, {"id": one} | carried, vcf, index)


def _candidates(cell: str, folders: list[str]) -> tuple[str, ...]:
    """Where the file of a cell may be: the cell itself if it is absolute or remote, else in each
    folder; none for an empty cell."""
    if not cell:
        return ()
    if cell.startswith("/") or REMOTE.fullmatch(cell):
        return (cell,)
    relative = re.sub(r"^(\./+)+", "", cell)
    return tuple(dict.fromkeys(f"{folder.rstrip('/')}/{relative}" for folder in folders))


def _refuse_absent(sheet: Samplesheet) -> None:
    """Raises MissingInputError (66) naming the first row whose local file does not exist; a remote
    one is left to what reads it."""
    for entry in sorted(sheet.entries, key=lambda entry: entry.row):
        for column, paths in (("vcf", entry.vcf), ("vcf_index", entry.vcf_index)):
            if paths and not any(REMOTE.fullmatch(path) or Path(path).is_file() for path in paths):
                place = f"{sheet.name}, row {entry.row}, column {column}"
                observed = f"{shown(' and '.join(paths))} not found"
                raise MissingInputError(message(place, observed, "a file", "correct the path"))
