"""Distinct record spellings of one input with the counts of their alleles, sorted on disk: memory is
one chunk, whatever the file's size and order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import add
from pathlib import Path

import pyarrow as pa

from gfmtrust.inputs.allele_counts import Counts
from gfmtrust.io import tables

Spelling = tuple[int, str, int, str, str]
"""contig_index (-1: not in the genome), contig as spelled, pos, ref, comma-joined alts; sorted in
this order."""
CountedSpelling = tuple[int, str, int, str, str, Counts]
"""A spelling and the counts of its ALTs, summed over its records."""
COLUMNS = ("contig_index", "contig", "pos", "ref", "alts", "counts")
N_KEY = 5
CHUNK_ROWS = 250_000  # some 150 MB as Python tuples
CHUNK_LETTERS = 64 << 20
POINTER_BYTES = 8  # a count takes as much as so many letters


class SpellingSorter:
    """Takes spellings in any order and gives each distinct one once, sorted, with its counts
    summed; runs lie in `folder`, which the caller removes."""

    def __init__(self, folder: Path, chunk_rows: int = CHUNK_ROWS) -> None:
        self._folder = folder
        self._chunk_rows = chunk_rows
        self._chunk: dict[Spelling, Counts] = {}
        self._letters = 0
        self._runs: list[Path] = []

    def add(self, spelling: Spelling, counts: Counts) -> None:
        before = self._chunk.get(spelling)
        if before is not None:
            self._chunk[spelling] = tuple(map(add, before, counts))
            return
        self._chunk[spelling] = counts
        self._letters += len(spelling[3]) + len(spelling[4]) + POINTER_BYTES * len(counts)
        if len(self._chunk) >= self._chunk_rows or self._letters > CHUNK_LETTERS:
            self._flush()

    def _flush(self) -> None:
        run = self._folder / f"run_{len(self._runs):05d}.parquet"
        write(run, self._chunk_rows_sorted())
        self._runs.append(run)
        self._chunk.clear()
        self._letters = 0

    def _chunk_rows_sorted(self) -> Iterator[CountedSpelling]:
        for spelling in sorted(self._chunk):
            yield *spelling, self._chunk[spelling]

    def sorted(self) -> Iterator[CountedSpelling]:
        """All distinct spellings in order; to be drawn once, after the last `add`."""
        if not self._runs:
            yield from self._chunk_rows_sorted()
            return
        last: CountedSpelling | None = None
        for row in heapq.merge(self._chunk_rows_sorted(), *map(_rows, self._runs)):
            if last is not None and row[:N_KEY] == last[:N_KEY]:
                last = (*last[:N_KEY], tuple(map(add, last[N_KEY], row[N_KEY])))
                continue
            if last is not None:
                yield last
            last = row
        if last is not None:
            yield last


def write(path: Path, spellings: Iterable[CountedSpelling]) -> None:
    """A table of `tables.COUNTED_SPELLINGS`, in the order given."""
    with tables.TableWriter(path, tables.COUNTED_SPELLINGS) as writer:
        for rows in batched(spellings, tables.ROW_GROUP):
            writer.write(table(rows))


def table(rows: list[CountedSpelling]) -> pa.Table:
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    return pa.table(
        {name: list(columns[name]) for name in tables.COUNTED_SPELLINGS.names},
        schema=tables.COUNTED_SPELLINGS,
    )


def batched(spellings: Iterable[CountedSpelling], n: int) -> Iterator[list[CountedSpelling]]:
    """Lists of `n` spellings, the last one shorter."""
    rest = iter(spellings)
    while rows := list(islice(rest, n)):
        yield rows


def _rows(path: Path) -> Iterator[CountedSpelling]:
    for batch in tables.batches(path, list(COLUMNS), 8192):
        columns = batch.to_pydict()
        columns["counts"] = map(tuple, columns["counts"])
        yield from zip(*(columns[name] for name in COLUMNS), strict=True)
