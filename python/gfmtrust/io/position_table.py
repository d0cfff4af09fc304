"""Access to the rows of a position table (sites.parquet, bases.parquet) by contig and position,
without loading the whole table.

A first pass over two columns records which row group contains which range of which contig. Row
groups are decoded on demand, and the least recently used one is dropped once CACHE_ROWS rows are in
memory. Sorted queries decode each group once; unsorted ones give the same answers. The meaning of
the other columns does not matter here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gfmtrust.core.errors import BadDataError, InternalError, message
from gfmtrust.io import tables

CACHE_ROWS = 2_000_000
"""The number of decoded rows in memory, about 100 bytes each: 200 MB however large the cohort
is."""


@dataclass(frozen=True)
class Stretch:
    """A run of rows of one contig inside one row group: rows [start, stop) with ascending positions
    from first to last."""

    group: int
    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of one row group: `columns[name][start:stop]`; the columns are shared, not
    copied."""

    columns: dict[str, np.ndarray]
    start: int
    stop: int

    def column(self, name: str) -> np.ndarray:
        """Return the values of one column in these rows, without a copy."""
        return self.columns[name][self.start : self.stop]


def contig_runs(contig: pa.Array) -> list[tuple[str, int, int]]:
    """Return (contig, start, stop) of each run of equal names, in row order."""
    encoded = contig.dictionary_encode()
    codes = integers(encoded.indices)
    if not codes.size:
        return []
    edges = np.flatnonzero(np.diff(codes)) + 1
    starts, stops = np.r_[0, edges], np.r_[edges, codes.size]
    return [
        (encoded.dictionary[int(codes[start])].as_py(), int(start), int(stop))
        for start, stop in zip(starts, stops, strict=True)
    ]


def as_numpy(column: pa.ChunkedArray) -> np.ndarray:
    """Return numbers with NaN for null, or text as an object array that shares one string per
    distinct value, with None for null."""
    if not pa.types.is_string(column.type):
        return column.to_numpy()
    encoded = column.combine_chunks().dictionary_encode()
    distinct = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    return distinct[np.where(is_null(encoded.indices), -1, integers(encoded.indices))]


def integers(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return a column of integers; what stands at a null is undefined. In contrast to the methods
    of Arrow, this does not import pandas, which takes 0.2 s."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = np.frombuffer(array.buffers()[1] or b"", array.type.to_pandas_dtype())
    return values[array.offset : array.offset + len(array)]


def is_null(array: pa.Array) -> np.ndarray:
    """Return which values of an array are null, bool (n,), see `integers`."""
    return integers(pc.is_null(array).cast(pa.uint8())).view(bool)


def decoded(table: pa.Table) -> dict[str, np.ndarray]:
    """Return each column as `as_numpy` does."""
    return {name: as_numpy(table[name]) for name in table.column_names}


class PositionTable:
    """Random access to the rows of a table that has the columns contig, pos and the requested ones.

    decode: makes the columns of a row group from its table, by name, `pos` among them. schema: the
    types that these columns must have, None where any will do. Raises BadDataError (65) where a
    column is missing or of another type, and InternalError (70) where the rows of a contig are not
    sorted by pos.
    """

    def __init__(
        self,
        path: Path,
        columns: list[str],
        cache_rows: int = CACHE_ROWS,
        decode: Callable[[pa.Table], dict[str, Any]] = decoded,
        schema: pa.Schema | None = None,
    ):
        self.path = Path(path)
        self._file = tables.open_table(self.path)
        self._columns = ["pos", *columns]
        absent = sorted({"contig", *self._columns} - set(self._file.schema_arrow.names))
        if absent:
            self._file.close()
            raise BadDataError(
                message(
                    self.path.name,
                    f"no column {', '.join(absent)}",
                    "the table annotate_sites writes",
                    "run annotate_sites again",
                )
            )
        self._check_types(schema)
        self._cache_rows, self._decode = cache_rows, decode
        self._cache: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._stretches = _index_groups(self._file, self.path.name)
        self._lasts = {
            contig: [stretch.last for stretch in runs] for contig, runs in self._stretches.items()
        }
        self.groups_read = 0

    def __enter__(self) -> PositionTable:
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    def _check_types(self, schema: pa.Schema | None) -> None:
        if schema is None:
            return
        stored = self._file.schema_arrow
        for name in ("contig", *self._columns):
            if stored.field(name).type != schema.field(name).type:
                self._file.close()
                observed = f"column {name} is {stored.field(name).type}"
                expected = f"{schema.field(name).type}, as annotate_sites writes it"
                raise BadDataError(message(self.path.name, observed, expected))

    def contigs(self) -> list[str]:
        """Return the names in the order of their first row."""
        return list(self._stretches)

    def rows(self, contig: str, start: int, stop: int) -> list[Rows]:
        """Return the rows with start <= pos < stop in order, one piece per row group; [] where
        there are none."""
        pieces = []
        for stretch in self.stretches(contig, start, stop):
            columns = self.columns(stretch)
            low, high = np.searchsorted(columns["pos"][stretch.start : stretch.stop], (start, stop))
            if high > low:
                pieces.append(Rows(columns, stretch.start + int(low), stretch.start + int(high)))
        return pieces

    def stretches(self, contig: str, start: int, stop: int) -> Iterator[Stretch]:
        """Yield the stretches that may have rows with start <= pos < stop, in order."""
        runs = self._stretches.get(contig, [])
        for index in range(bisect_left(self._lasts.get(contig, []), start), len(runs)):
            if runs[index].first >= stop:
                return
            yield runs[index]

    def columns(self, stretch: Stretch) -> dict[str, Any]:
        """Return the decoded columns of the row group of a stretch."""
        return self._group(stretch.group)

    def _group(self, group: int) -> dict[str, Any]:
        if group not in self._cache:
            table = self._file.read_row_group(group, columns=self._columns)
            self._cache[group] = self._decode(table)
            self.groups_read += 1
            while (
                len(self._cache) > 1
                and sum(len(columns["pos"]) for columns in self._cache.values()) > self._cache_rows
            ):
                self._cache.popitem(last=False)
        self._cache.move_to_end(group)
        return self._cache[group]


def _index_groups(file: pq.ParquetFile, name: str) -> dict[str, list[Stretch]]:
    """Return the stretches of each contig, in row order and with ascending positions."""
    stretches: dict[str, list[Stretch]] = {}
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=["contig", "pos"]).combine_chunks()
        pos = integers(table["pos"])
        for contig, start, stop in contig_runs(table["contig"].combine_chunks()):
            runs = stretches.setdefault(contig, [])
            stretch = Stretch(group, start, stop, int(pos[start]), int(pos[stop - 1]))
            if np.any(np.diff(pos[start:stop]) < 0) or (runs and stretch.first < runs[-1].last):
                raise InternalError(
                    message(name, f"positions of {contig!r} fall", "a table sorted by contig, pos")
                )
            runs.append(stretch)
    return stretches
