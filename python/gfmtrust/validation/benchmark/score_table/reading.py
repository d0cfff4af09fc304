"""Reads a table of scores as columns of text: TSV, CSV (gz allowed) or Parquet."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.core.errors import BadDataError, MissingInputError, message
from gfmtrust.io import tables

MISSING = frozenset({"", ".", "NA", "N/A", "n/a", "na", "NaN", "nan", "null", "None", "<NA>"})
"""Texts of a missing value."""
EXPECTED = "a table with a header: TSV, CSV (gz allowed) or Parquet"


def read_columns(path: Path) -> pd.DataFrame:
    """All columns of the table as texts (object; '' is missing), in the order of the file.

    The kind is that of the content; a text table is comma-separated where the header has a comma
    and no tab. Raises MissingInputError (66), and BadDataError (65) for an empty table, a column
    named twice, or rows of different lengths.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingInputError(message(str(path), "not found", EXPECTED))
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise BadDataError(message(path.name, "empty", EXPECTED))
    table = _parquet(path) if start == b"PAR1" else _text_table(path, start[:2] == b"\x1f\x8b")
    if not len(table):
        raise BadDataError(message(path.name, "a header without rows", "one row per allele"))
    return table


def _parquet(path: Path) -> pd.DataFrame:
    with tables.open_table(path) as file:
        _check_header(path, file.schema_arrow.names)
        # pandas' own metadata are text of another program, which pandas would parse
        table = file.read().replace_schema_metadata(None).to_pandas()
    return pd.DataFrame({name: _texts(table[name]) for name in table}, dtype=object)


def _texts(column: pd.Series) -> list[str]:
    """Values of a typed column as texts that read back as the same number; whole floats without
    a point, so that a label 1.0 is '1'."""
    texts = []
    for value in column.tolist():
        if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
            texts.append("")
        elif isinstance(value, bool):
            texts.append("1" if value else "0")
        elif isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            texts.append(str(int(value)))
        else:
            texts.append(str(value))
    return texts


def _text_table(path: Path, is_gzip: bool) -> pd.DataFrame:
    opener = gzip.open if is_gzip else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            header_line = file.readline()
            comma = "," in header_line and "\t" not in header_line
            file.seek(0)
            rows = [row for row in csv.reader(file, delimiter="," if comma else "\t") if row]
    except (UnicodeDecodeError, OSError, EOFError, zlib.error, csv.Error) as error:
        raise BadDataError(message(path.name, f"unreadable ({error})", EXPECTED)) from error
    if not rows:
        raise BadDataError(message(path.name, "no header", EXPECTED))
    header = [name.strip() for name in rows[0]]
    header[0] = header[0].removeprefix("#").strip()
    _check_header(path, header)
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise BadDataError(
                message(
                    f"{path.name} line {number}",
                    f"{len(row)} values",
                    f"{len(header)}, one per column",
                )
            )
        if not comma and any("\n" in cell for cell in row):
            raise BadDataError(
                message(
                    f"{path.name} line {number}",
                    "a field that goes on over lines, from one quotation mark to the next",
                    "one row per line",
                    "remove the quotation marks",
                )
            )
    cells = [[cell.strip() for cell in row] for row in rows[1:]]
    table = pd.DataFrame(cells, columns=pd.Index(header), dtype=object)
    return table.where(~table.isin(MISSING), "")


def _check_header(path: Path, names: list[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise BadDataError(
            message(
                path.name, f"column {repeated[0]!r} twice", "each column once", "rename one of them"
            )
        )


def numbers(column: pd.Series) -> tuple[np.ndarray, int]:
    """The texts as numbers, float64 (n,), NaN where missing; and the first row that holds no
    finite number, -1 where all do."""
    values = np.full(len(column), np.nan)
    wrong_row = -1
    for row, text in enumerate(column):
        if text == "":
            continue
        try:
            values[row] = float(text)
        except ValueError:
            pass
        if not np.isfinite(values[row]) and wrong_row < 0:
            wrong_row = row
    return values, wrong_row
