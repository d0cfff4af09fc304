"""The distinct record keys of one input (class Spelling, table SPELLINGS), sorted on disk. Memory
is limited to one chunk, whatever the size and order of the file."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from gfmtrust.io import tables

Spelling = tuple[int, str, int, str, str]
"""A record key: contig_index (-1: not in the genome), contig as written, pos, ref, comma-joined
alts; keys are sorted in this order."""
COLUMNS = ("contig_index", "contig", "pos", "ref", "alts")
CHUNK_ROWS = 250_000  # some 100 MB as Python tuples
CHUNK_LETTERS = 64 << 20


class SpellingSorter:
    """Receives record keys in any order and returns each distinct key once, sorted. It writes
    sorted runs to `folder`, which the caller removes."""

    def __init__(self, folder: Path, chunk_rows: int = CHUNK_ROWS) -> None:
        self._folder = folder
        self._chunk_rows = chunk_rows
        self._chunk: set[Spelling] = set()
        self._letters = 0
        self._runs: list[Path] = []

    def add(self, spelling: Spelling) -> None:
        if spelling in self._chunk:
            return
        self._chunk.add(spelling)
        self._letters += len(spelling[3]) + len(spelling[4])
        if len(self._chunk) >= self._chunk_rows or self._letters > CHUNK_LETTERS:
            self._flush()

    def _flush(self) -> None:
        run = self._folder / f"run_{len(self._runs):05d}.parquet"
        write(run, sorted(self._chunk))
        self._runs.append(run)
        self._chunk.clear()
        self._letters = 0

    def sorted(self) -> Iterator[Spelling]:
        """All distinct record keys in order; can be called once, after the last `add`."""
        runs = [_rows(run) for run in self._runs]
        last = None
        for spelling in heapq.merge(sorted(self._chunk), *runs):
            if spelling != last:
                yield spelling
            last = spelling


def write(path: Path, spellings: Iterable[Spelling]) -> None:
    """A table of `tables.SPELLINGS`, in the order given."""
    with tables.TableWriter(path, tables.SPELLINGS) as writer:
        for rows in batched(spellings, tables.ROW_GROUP):
            writer.write(table(rows))


def table(rows: list[Spelling]) -> pa.Table:
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    return pa.table(
        {name: list(columns[name]) for name in tables.SPELLINGS.names}, schema=tables.SPELLINGS
    )


def batched(spellings: Iterable[Spelling], n: int) -> Iterator[list[Spelling]]:
    """Lists of `n` record keys; the last list may be shorter."""
    rest = iter(spellings)
    while rows := list(islice(rest, n)):
        yield rows


def _rows(path: Path) -> Iterator[Spelling]:
    for batch in tables.batches(path, list(COLUMNS), 8192):
        columns = batch.to_pydict()
        yield from zip(*(columns[name] for name in COLUMNS), strict=True)
