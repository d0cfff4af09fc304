"""Merges the sorted tables of spellings of all inputs into one sorted stream.

CPU time is proportional to the number of rows, and memory to BUFFER_ROWS, however many inputs there
are: at most MERGED_AT_ONCE tables are open at a time, and more than that are first merged in groups.
"""

from __future__ import annotations

import math
import tempfile
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gfmtrust.io import tables

KEY = ["contig_index", "contig", "pos", "ref", "alts"]
COLUMNS = [*KEY, "counts"]
PLACE = KEY[:3]
Place = tuple[int, str, int]
"""contig_index, contig, pos: the order of the tables, which no frame cuts."""
BUFFER_ROWS = 1_000_000
"""Rows held over all inputs while merging: some 80 MB where all are SNVs, and up to four times as
much while a slice is sorted."""
MIN_BUFFER_ROWS = 256
FRAME_ROWS = 100_000
LONG_TEXTS = ("ref", "alts")
"""Columns that may exceed 2 GiB in a slice, the limit of Arrow's `string`."""
MERGED_AT_ONCE = 128
"""Tables that are open at a time: far below the usual limit of 1,024 open files, and few enough
that a look at each of them costs nothing beside the rows of a slice."""


def merged_spellings(paths: list[Path], work_dir: Path) -> Iterator[pd.DataFrame]:
    """Yield the distinct spellings of all inputs in the order of KEY, in frames with COLUMNS of some
    FRAME_ROWS rows; a position is never cut.

    The counts of equal spellings are summed in the order of the paths (of the groups, with more
    than MERGED_AT_ONCE paths). work_dir: holds a temporary folder while there are groups to merge.
    """
    with tempfile.TemporaryDirectory(dir=work_dir, prefix="merged_") as folder:
        for table in _merged(_at_most(paths, Path(folder))):
            for frame in _frames(table):
                yield frame.to_pandas()


def _at_most(paths: list[Path], folder: Path, level: int = 0) -> list[Path]:
    """Return the paths, or tables of groups of them in `folder`, at most MERGED_AT_ONCE."""
    if len(paths) <= MERGED_AT_ONCE:
        return paths
    n_groups = math.ceil(len(paths) / MERGED_AT_ONCE)
    bounds = [len(paths) * group // n_groups for group in range(n_groups + 1)]
    merged = []
    for group, (start, end) in enumerate(zip(bounds, bounds[1:], strict=False)):
        merged.append(folder / f"level{level}_{group:05d}.parquet")
        with tables.TableWriter(merged[-1], tables.COUNTED_SPELLINGS) as writer:
            for table in _merged(paths[start:end]):
                for frame in _frames(table):
                    writer.write(frame.select(tables.COUNTED_SPELLINGS.names))
        if level:
            for path in paths[start:end]:
                path.unlink()
    return _at_most(merged, folder, level + 1)


def _merged(paths: list[Path]) -> Iterator[pa.Table]:
    """Yield slices of the merged rows: all rows before the horizon, which is the least place up to
    which an input that goes on has been read.

    After each slice every input is read on until half of its share of the buffer is full, so that a
    slice takes at least half a share, and all halves where the inputs are alike.
    """
    share = max(MIN_BUFFER_ROWS, BUFFER_ROWS // max(1, len(paths)))
    streams = [_Stream(path, max(1, share // 2)) for path in paths]
    horizon: Place | None = None
    while streams:
        horizon = min((one.last_place() for one in streams if not one.ended), default=None)
        parts = [part for stream in streams for part in stream.take_before(horizon)]
        if parts:
            yield _summed(_sorted(pa.Table.from_batches(parts)))
        for stream in streams:
            stream.refill(horizon)
        streams = [stream for stream in streams if not stream.is_empty()]


class _Stream:
    """One sorted table of spellings, read ahead by `rows` rows or a little more."""

    def __init__(self, path: Path, rows: int):
        self._batches = tables.batches(path, COLUMNS, rows)
        self._rows = rows
        self._pending: deque[_Batch] = deque()
        self._n_pending = 0
        self.ended = False
        self.refill(None)

    def is_empty(self) -> bool:
        return self.ended and not self._pending

    def last_place(self) -> Place:
        return self._pending[-1].last_place()

    def take_before(self, horizon: Place | None) -> Iterator[pa.RecordBatch]:
        """Yield and remove the rows before the horizon (all of them if None); rows at it wait for
        what the other inputs say of this position."""
        while self._pending:
            first = self._pending[0]
            part = first.take_before(horizon)
            self._n_pending -= part.num_rows
            if part.num_rows:
                yield part
            if not first.is_empty():
                return
            self._pending.popleft()

    def refill(self, horizon: Place | None) -> None:
        """Read on until enough rows wait and the last one is beyond the horizon, so that the
        horizon moves."""
        while not self.ended and (
            self._n_pending < self._rows or (horizon is not None and self.last_place() <= horizon)
        ):
            batch = next(self._batches, None)
            if batch is None:
                self.ended = True
            elif batch.num_rows:
                self._pending.append(_Batch(batch))
                self._n_pending += batch.num_rows


class _Batch:
    """Rows of one table that have not been taken yet, with what finds a place among them."""

    def __init__(self, batch: pa.RecordBatch):
        self._rows = pa.RecordBatch.from_pydict(
            {
                name: batch[name].cast(pa.large_string()) if name in LONG_TEXTS else batch[name]
                for name in COLUMNS
            }
        )
        self._pos = self._rows["pos"].to_numpy()
        index = self._rows["contig_index"].to_numpy()
        names = self._rows["contig"].dictionary_encode()
        name = names.indices.to_numpy()
        starts = np.flatnonzero((np.diff(index) != 0) | (np.diff(name) != 0)) + 1
        self._starts = [0, *starts.tolist(), len(index)]
        self._contigs = [
            (int(index[start]), names.dictionary[int(name[start])].as_py())
            for start in self._starts[:-1]
        ]
        self._n_taken = 0

    def is_empty(self) -> bool:
        return self._n_taken == self._rows.num_rows

    def last_place(self) -> Place:
        return (*self._contigs[-1], int(self._pos[-1]))

    def take_before(self, horizon: Place | None) -> pa.RecordBatch:
        start = self._n_taken
        self._n_taken = max(start, self._n_before(horizon))
        return self._rows.slice(start, self._n_taken - start)

    def _n_before(self, horizon: Place | None) -> int:
        """Return the number of the batch's rows that are before the horizon."""
        if horizon is None:
            return self._rows.num_rows
        contig = bisect_left(self._contigs, horizon[:2])
        start = self._starts[contig]
        if contig == len(self._contigs) or self._contigs[contig] != horizon[:2]:
            return start
        on_contig = self._pos[start : self._starts[contig + 1]]
        return start + int(np.searchsorted(on_contig, horizon[2], side="left"))


def _sorted(table: pa.Table) -> pa.Table:
    """Return the rows in the order of KEY; equal ones stay in their order."""
    table = table.combine_chunks()
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in KEY])
    return table.take(order)


def _differs_from_last(table: pa.Table, columns: list[str]) -> np.ndarray:
    """Return whether a row differs from the one before it in any of the columns, bool (n,); true
    for the first row."""
    differs = np.ones(table.num_rows, bool)
    differs[1:] = False
    for name in columns:
        column = table[name]
        differs[1:] |= pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy()
    return differs


def _summed(table: pa.Table) -> pa.Table:
    """Return a sorted table with the rows of one spelling joined into one, their counts added."""
    table = table.combine_chunks()
    first = _differs_from_last(table, KEY)
    if first.all():
        return table
    counts = table["counts"].combine_chunks()
    lengths = pc.list_value_length(counts).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths[first])  # rows of one spelling have as many counts as it has ALTs
    starts = (ends - lengths[first])[np.cumsum(first) - 1]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places = np.repeat(starts, lengths) + within
    summed = np.bincount(places, weights=counts.flatten().to_numpy(), minlength=int(ends[-1]))
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    joined = table.select(KEY).filter(pa.array(first))
    return joined.append_column("counts", pa.ListArray.from_arrays(offsets, pa.array(summed)))


def _frames(table: pa.Table) -> Iterator[pa.Table]:
    """Yield the rows in pieces of FRAME_ROWS rows, or more where the position would be cut."""
    starts = np.flatnonzero(_differs_from_last(table, PLACE))
    at = np.searchsorted(starts, np.arange(FRAME_ROWS, table.num_rows, FRAME_ROWS))
    cuts = [0, *np.unique(np.append(starts, table.num_rows)[at]), table.num_rows]
    for start, end in zip(cuts, cuts[1:], strict=False):
        if end > start:
            yield table.slice(start, end - start)
