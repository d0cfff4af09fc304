"""The files that carry facts between steps: JSON documents, and JSON in the metadata of a Parquet
table."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gfmtrust.core.disk import is_disk_fault, writing
from gfmtrust.core.errors import BadDataError, GfmtrustError, MissingInputError, message

METADATA_KEY = b"gfmtrust"
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape of JSON that may be half of a character."""
SEAL = "content_sha256"
"""The first entry of a document: the SHA-256 of all bytes behind it, as hexadecimal digits. A flipped
bit can leave valid JSON with another number in it."""
_SEALED = re.compile(rf'\{{(\s*)"{SEAL}": "([0-9a-f]{{64}})",')


class TableFile(pq.ParquetFile):
    """A Parquet file whose faults are errors of ours that name it. The checksums of its pages are
    compared where it has them, so that a flipped bit is not read as another number.

    Every method raises BadDataError (65) for a damaged file or a column that is not there.
    """

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        with self._faults():
            super().__init__(path, page_checksum_verification=True)

    def read(self, columns: list[str] | None = None, **options: Any) -> pa.Table:
        """All rows of some columns, of all where None."""
        self._require(columns)
        with self._faults():
            return super().read(columns=columns, **options)

    def read_row_group(self, i: int, columns: list[str] | None = None, **options: Any) -> pa.Table:
        """The rows of one row group."""
        self._require(columns)
        with self._faults():
            return super().read_row_group(i, columns=columns, **options)

    def iter_batches(
        self, batch_size: int = 65_536, columns: list[str] | None = None, **options: Any
    ) -> Iterator[pa.RecordBatch]:
        """The rows in order, at most `batch_size` at a time."""
        self._require(columns)
        with self._faults():
            batches = super().iter_batches(batch_size, columns=columns, **options)
        while True:
            with self._faults():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _require(self, columns: list[str] | None) -> None:
        absent = sorted(set(columns or ()) - set(self.schema_arrow.names))
        if absent:
            raise BadDataError(
                message(
                    self.place,
                    f"no column {', '.join(absent)}",
                    "the table of its step",
                    "run its step again",
                )
            )

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            if is_disk_fault(error):  # the disk fails, and not the file
                raise
            observed = f"unreadable ({' '.join(str(error).split())[:80]})"
            raise BadDataError(
                message(self.place, observed, "a Parquet table", "run its step again")
            ) from error


def open_table(path: Path) -> TableFile:
    """A Parquet file opened for reading. Raises MissingInputError (66) or BadDataError (65) that
    names the file."""
    if not Path(path).is_file():
        raise MissingInputError(
            message(str(path), "not found", "a table of an earlier step", "run that step again")
        )
    return TableFile(path)


def read_metadata(path: Path) -> dict:
    """The JSON in the metadata of a table's schema; empty where there is none. Raises BadDataError
    (65) where it is no JSON object."""
    with open_table(path) as file:
        text = (file.schema_arrow.metadata or {}).get(METADATA_KEY, b"{}")
    observed = "no JSON object in its metadata"
    try:
        content = parsed(unsealed(text.decode()))
    except (ValueError, RecursionError) as error:
        content = None
        observed = f"{error} in its metadata" if isinstance(error, SealError) else observed
    if not isinstance(content, dict):
        raise BadDataError(
            message(str(path), observed, "the facts of its step", "run its step again")
        )
    return content


def parsed(text: str | bytes, **options: Any) -> Any:
    """The content of a JSON text; options: of `json.loads`. Raises ValueError also where a text is
    no Unicode, as with half of a character, because no page or table could hold it."""
    text = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
    content = json.loads(text, **options)
    if _HALF.search(text):
        json.dumps(content, ensure_ascii=False).encode()
    return content


class SealError(ValueError):
    """A document is not as it was written."""


def sealed(text: str) -> str:
    """The text of a JSON object with its seal as the first entry; an empty object stays as it is."""
    opening = re.match(r"\{(\s*)(?=\")", text)
    if not opening:
        return text
    rest = (opening[1] or " ") + text[opening.end() :]
    digest = hashlib.sha256(rest.encode()).hexdigest()
    return f'{{{opening[1]}"{SEAL}": "{digest}",{rest}'


def unsealed(text: str) -> str:
    """The text without its seal; a text without one stays as it is. Raises SealError where the
    bytes behind the seal are not those that were written."""
    seal = _SEALED.match(text)
    if not seal:
        return text
    rest = text[seal.end() :]
    if hashlib.sha256(rest.encode()).hexdigest() != seal[2]:
        raise SealError(f"content of another digest than its {SEAL}")
    return "{" + rest


def read_json(path: Path, error_class: type[GfmtrustError] = BadDataError) -> dict:
    """The content of a JSON file. Raises MissingInputError (66) or error_class that names the
    file."""
    if not Path(path).is_file():
        raise MissingInputError(
            message(str(path), "not found", "a file of an earlier step", "run that step again")
        )
    try:
        return parsed(unsealed(Path(path).read_bytes().decode()))
    except (ValueError, RecursionError) as error:
        raise error_class(
            message(
                str(path),
                str(error) if isinstance(error, SealError) else f"no JSON ({error})",
                "the JSON an earlier step wrote",
                "run that step again",
            )
        ) from error


def write_json(path: Path, content: dict, sort_keys: bool = True) -> None:
    """Write sealed JSON with an indent of two spaces and a final newline, through `<path>.part`."""
    text = json.dumps(content, sort_keys=sort_keys, indent=2, allow_nan=False)
    write_text(path, sealed(text + "\n"))


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
