"""Looks up rows of one scope in a score store."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from gfmtrust.core.contracts.score_store import StoreScope
from gfmtrust.core.errors import MissingInputError, message
from gfmtrust.store import files
from gfmtrust.store.rows import intact, places, row_type

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lookup:
    """The rows of n keys. rows: structured (n,), zeros where nothing is stored; is_found: bool
    (n,); damaged: rows whose checksum does not fit; conflicting: keys with two different rows."""

    rows: np.ndarray
    is_found: np.ndarray
    damaged: int
    conflicting: int


@dataclass(frozen=True)
class StoredRows:
    """The rows of one scope, as memory maps of its files."""

    scope: StoreScope
    maps: tuple[np.ndarray, ...]

    @classmethod
    def open(cls, store: Path, scope: StoreScope) -> StoredRows:
        """Open the files of a scope; what else the store has is counted in the log.

        Raises MissingInputError (66) where the store is no folder, BadDataError (65) where a newer
        gfmtrust wrote a part of it.
        """
        if store.exists() and not store.is_dir():
            raise MissingInputError(message(str(store), "no folder", "the folder of a score store"))
        others = Counter(
            _difference(scope, facts)
            for folder, facts in files.scopes(store)
            if folder != files.scope_folder(store, scope)
        )
        maps = [files.opened(path, scope) for path in files.row_files(store, scope)]
        opened = tuple(rows for rows in maps if rows is not None)
        of_others = ", ".join(f"{name} {n}" for name, n in sorted(others.items()) if name)
        log.info(
            "score store %s: %s rows of %s for %s in %d files%s",
            store.name,
            f"{sum(map(len, opened)):,}",
            scope.kind,
            scope.model,
            len(opened),
            f"; sets of rows not used: {of_others}" if of_others else "",
        )
        return cls(scope, opened)

    def find(self, keys: np.ndarray) -> Lookup:
        """The rows of n keys, uint64 (n, 2). A damaged row counts as absent, and so does a key that
        has two different rows."""
        rows = np.zeros(len(keys), row_type(self.scope))
        is_found, is_conflict = np.zeros(len(keys), bool), np.zeros(len(keys), bool)
        damaged = 0
        for stored in self.maps:
            at = places(stored, keys)
            inside = np.flatnonzero(at < len(stored))
            candidates = stored[at[inside]]
            hit = (candidates["high"] == keys[inside, 0]) & (candidates["low"] == keys[inside, 1])
            inside, candidates = inside[hit], candidates[hit]
            good = intact(self.scope, candidates)
            damaged += int((~good).sum())
            inside, candidates = inside[good], candidates[good]
            is_conflict[inside] |= is_found[inside] & (
                rows["checksum"][inside] != candidates["checksum"]
            )
            rows[inside], is_found[inside] = candidates, True
        return Lookup(rows, is_found & ~is_conflict, damaged, int(is_conflict.sum()))


def _difference(scope: StoreScope, other: StoreScope | None) -> str:
    """The first fact in which another scope of the store differs, '' where it is the other kind of
    the same."""
    if other is None:
        return "older or unreadable"
    same_kind = replace(other, kind=scope.kind)
    return next(
        (
            f"another {one.name}"
            for one in fields(scope)
            if getattr(same_kind, one.name) != getattr(scope, one.name)
        ),
        "",
    )
