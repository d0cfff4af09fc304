"""MERGE_STORE: joins score stores and the new rows of runs into one store, one file per scope.

Each key is kept once. Two different rows of one key contradict each other: neither is kept, and the
next run scores the site again. Rows whose checksum does not fit are left out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.core.contracts.score_store import StoreScope
from gfmtrust.core.errors import MissingInputError, message
from gfmtrust.store import files
from gfmtrust.store.rows import equal_keys, intact, places, row_type, sorted_rows

log = logging.getLogger(__name__)

PART_BYTES = 256 << 20
"""Rows that are sorted in memory at once; the keys are spread evenly, so that a part of their range
is a part of the rows."""


@dataclass
class MergeCounts:
    """rows: written; repeated: equal to another row; conflicting: keys with two different rows;
    damaged: rows whose checksum does not fit; unreadable: files."""

    rows: int = 0
    repeated: int = 0
    conflicting: int = 0
    damaged: int = 0
    unreadable: int = 0


def merge_stores(stores: list[Path], out: Path) -> MergeCounts:
    """Join the stores into `out`, which may be one of them: its earlier files are then removed
    after the new one is written, and files that others write meanwhile stay.

    Raises MissingInputError (66) for a store that is no folder, BadDataError (65) for one that a
    newer gfmtrust wrote, InputOutputError (74) where the disk is full.
    """
    counts, row_files = MergeCounts(), dict[StoreScope, list[Path]]()
    for store in stores:
        if not store.is_dir():
            raise MissingInputError(message(str(store), "no folder", "the folder of a score store"))
        for folder, scope in files.scopes(store):
            if scope is not None and folder.name == scope.digest.hex():
                row_files.setdefault(scope, []).extend(files.row_files(store, scope))
            else:
                log.warning("%s: rows of an older version or damaged; left out", folder)
    out.mkdir(parents=True, exist_ok=True)
    for scope, paths in row_files.items():
        maps = [files.opened(path, scope) for path in paths]
        opened = [rows for rows in maps if rows is not None]
        counts.unreadable += len(maps) - len(opened)
        if not opened:
            continue
        merged, n_rows = files.write_rows(out, scope, merged_parts(scope, opened, counts))
        counts.rows += n_rows
        for path in paths:
            if path.parent.resolve() == merged.parent.resolve() and path.name != merged.name:
                path.unlink(missing_ok=True)
    log.info(
        "score store %s: %s rows, %s repeated, %d contradictory and %d damaged ones left out, "
        "%d unreadable files",
        out.name,
        f"{counts.rows:,}",
        f"{counts.repeated:,}",
        counts.conflicting,
        counts.damaged,
        counts.unreadable,
    )
    return counts


def merged_parts(
    scope: StoreScope, maps: list[np.ndarray], counts: MergeCounts
) -> Iterator[np.ndarray]:
    """The rows of sorted files in order of key, each key once, in parts that fit the memory. The
    numbers are added to `counts`."""
    total = sum(map(len, maps)) * row_type(scope).itemsize
    n_parts = max(1, -(-total // PART_BYTES))
    edges = [number * (1 << 64) // n_parts for number in range(1, n_parts)]
    keys = np.array([(edge, 0) for edge in edges], np.uint64).reshape(-1, 2)
    ends = [np.concatenate([[0], places(rows, keys), [len(rows)]]) for rows in maps]
    for number in range(n_parts):
        pieces = [rows[of[number] : of[number + 1]] for rows, of in zip(maps, ends, strict=True)]
        yield _one_per_key(scope, np.concatenate(pieces), counts)


def _one_per_key(scope: StoreScope, rows: np.ndarray, counts: MergeCounts) -> np.ndarray:
    good = intact(scope, rows)
    counts.damaged += int((~good).sum())
    rows = sorted_rows(rows[good])
    if not len(rows):
        return rows
    is_same_key = equal_keys(rows[1:], rows[:-1])
    group = np.concatenate([[0], np.cumsum(~is_same_key)])
    differs = is_same_key & (rows["checksum"][1:] != rows["checksum"][:-1])
    conflicting = np.unique(group[1:][differs])
    is_first = np.concatenate([[True], ~is_same_key])
    kept = is_first & ~np.isin(group, conflicting)
    counts.conflicting += len(conflicting)
    counts.repeated += int((~is_first & ~np.isin(group, conflicting)).sum())
    return rows[kept]
