"""The files that carry facts between steps: JSON documents, and JSON in the metadata of a Parquet
table."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gfmtrust.core.disk import writing
from gfmtrust.core.errors import BadDataError, GfmtrustError, MissingInputError, message

METADATA_KEY = b"gfmtrust"


def open_table(path: Path) -> pq.ParquetFile:
    """A Parquet file opened for reading. Raises MissingInputError (66) or BadDataError (65) that
    names the file."""
    if not Path(path).is_file():
        raise MissingInputError(
            message(str(path), "not found", "a table of an earlier step", "run that step again")
        )
    try:
        return pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise BadDataError(
            message(
                str(path),
                f"unreadable ({str(error)[:80]})",
                "a Parquet table",
                "run its step again",
            )
        ) from error


def read_metadata(path: Path) -> dict:
    """The JSON in the metadata of a table's schema; empty where there is none."""
    with open_table(path) as file:
        return json.loads((file.schema_arrow.metadata or {}).get(METADATA_KEY, b"{}"))


def read_json(path: Path, error_class: type[GfmtrustError] = BadDataError) -> dict:
    """The content of a JSON file. Raises MissingInputError (66) or error_class that names the
    file."""
    if not Path(path).is_file():
        raise MissingInputError(
            message(str(path), "not found", "a file of an earlier step", "run that step again")
        )
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise error_class(
            message(
                str(path),
                f"no JSON ({error})",
                "the JSON an earlier step wrote",
                "run that step again",
            )
        ) from error


def write_json(path: Path, content: dict, sort_keys: bool = True) -> None:
    """Write JSON with an indent of two spaces and a final newline, through `<path>.part`."""
    write_text(path, json.dumps(content, sort_keys=sort_keys, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, through `<path>.part`. Raises InputOutputError (74) for a full disk."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with writing(path):
            part.write_text(text, encoding="utf-8")
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def plain(value: Any) -> Any:
    """The value in plain JSON types: NumPy numbers become Python numbers and NaN becomes None, also
    inside lists and dicts."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
