"""The copy index of a genome: for each requested site, how many other places have its flanks.

A site is (contig, position, span): 1 for a base, 0 for an insertion point, the length of REF for a
deletion or an MNV. Its flanks are the 20 letters left of the position and the 20 letters right of
position + span. A near copy is another place of the same FASTA, on either strand, whose flanks
around a gap of the same length differ in at most 2 of the 40 letters and whose position is at least
60 bp away. A place that matches on both strands counts once, on the strand with fewer mismatches.
Counts are exact up to 100. `repeat_family` is not exhaustive: it means that a place which shares a
seed of 13 letters with a flank agrees in at least 70 % of 101 letters, without gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa

from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.io import tables

FORMAT = 1
PARAMETERS = {
    "flank": 20,
    "max_mismatches": 2,
    "min_distance": 60,
    "max_copies": 100,
    "family_letters": 101,
    "family_matches": 71,
}
SCHEMA = pa.schema(
    [
        ("contig_index", pa.int64()),
        ("pos", pa.int64()),
        ("span", pa.int64()),
        ("copies", pa.int16()),
        ("copy_bases", pa.uint8()),
        ("diverged_base", pa.int8()),
        ("repeat_family", pa.bool_()),
    ]
)
VALUES = ("copies", "copy_bases", "diverged_base", "repeat_family")
POS_BITS = 40


@dataclass(frozen=True)
class CopyRows:
    """The copy facts of n sites, in the order of the request.

    copies: int16, number of near copies, 100 for 100 or more, -1 where a flank contains N or
        extends beyond the contig.
    copy_bases: uint8, letters at the near copies on the site's strand (A 1, C 2, G 4, T 8), 0
        unless the span is 1.
    diverged_base: int8, code of the letter at the nearest near copy whose letter differs from the
        site's, -1 for none.
    repeat_family: bool, no near copy, but a place of at least 70 % identity.

    Where copies is 100, the letters are those of the first 100 copies that the search found.
    """

    contig_index: np.ndarray
    pos: np.ndarray
    span: np.ndarray
    copies: np.ndarray
    copy_bases: np.ndarray
    diverged_base: np.ndarray
    repeat_family: np.ndarray

    def __len__(self) -> int:
        return len(self.pos)

    def take(self, rows: np.ndarray) -> CopyRows:
        """Return the given rows (indices or bool)."""
        return CopyRows(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


@dataclass(frozen=True)
class CopyIndex(CopyRows):
    """The same for all sites of an index: each once, sorted by (contig_index, pos, span)."""

    def lookup(self, contig_index: np.ndarray, pos: np.ndarray, span: np.ndarray) -> CopyRows:
        """Return the rows of the requested sites. Raises LookupError where the index lacks one."""
        sites = _arrays(contig_index, pos, span)
        rows = self._rows(*sites)
        if (rows < 0).any():
            first = int(np.argmax(rows < 0))
            contig, place, length = (int(column[first]) for column in sites)
            raise LookupError(
                f"{int((rows < 0).sum())} sites are not in the copy index; the first is contig "
                f"{contig}, position {place}, span {length}"
            )
        return self.take(rows)

    def holds(self, contig_index: np.ndarray, pos: np.ndarray, span: np.ndarray) -> np.ndarray:
        """Return whether the index contains each site, bool (n,)."""
        return self._rows(*_arrays(contig_index, pos, span)) >= 0

    def take(self, rows: np.ndarray) -> CopyRows:
        """Return the given rows, all columns of the index."""
        return CopyRows(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def write(self, path: str | Path, genome_digest: str) -> None:
        """Write the index as a Parquet table that names its genome."""
        columns = {name: getattr(self, name) for name in SCHEMA.names}
        tables.write(Path(path), columns, SCHEMA, _metadata(genome_digest))

    @classmethod
    def read(cls, path: str | Path, genome_digest: str) -> CopyIndex:
        """Read an index. Raises ConfigurationError (78) for one of another genome, format or
        parameters, MissingInputError (66), and BadDataError (65) for a file that is not a Parquet
        table, lacks a column or is not sorted."""
        _check(Path(path), genome_digest)
        table = tables.read_as(Path(path), SCHEMA)
        columns = {name: table[name].to_numpy() for name in SCHEMA.names}
        key, span = _key(columns["contig_index"], columns["pos"]), columns["span"]
        falls = (key[1:] < key[:-1]) | ((key[1:] == key[:-1]) & (span[1:] <= span[:-1]))
        if falls.any():
            observed = f"row {int(falls.argmax()) + 2} is not after the one before it"
            raise BadDataError(
                message(Path(path).name, observed, "sites in order, each once", "build it again")
            )
        return cls(**columns)

    def _rows(self, contig_index: np.ndarray, pos: np.ndarray, span: np.ndarray) -> np.ndarray:
        """Return the row of each site, -1 where there is none, int64 (n,)."""
        stored = _key(self.contig_index, self.pos)
        asked = _key(contig_index, pos)
        rows = np.searchsorted(stored, asked, side="left")
        last = np.searchsorted(stored, asked, side="right") - 1
        if not len(stored):
            return np.full(len(asked), -1, dtype=np.int64)
        behind = np.flatnonzero((rows < last) & (self.span[np.minimum(rows, last)] < span))
        while len(behind):  # few sites share a position, and each round tries the next length
            rows[behind] += 1
            row = rows[behind]
            behind = behind[(row < last[behind]) & (self.span[row] < span[behind])]
        is_stored = rows <= last
        is_stored[is_stored] = self.span[rows[is_stored]] == span[is_stored]
        return np.where(is_stored, rows, -1)


def build(
    genome,
    contig_index: np.ndarray,
    pos: np.ndarray,
    span: np.ndarray,
    *,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> CopyIndex:
    """Return the copy index of the requested sites, which may repeat and be in any order.

    genome: `io.genome.Genome`; contig_index refers to `genome.names`. Results do not depend on
    `threads`. progress is called with the number of letters read so far. Raises ValueError for a
    negative span and IndexError for a contig that the genome lacks.
    """
    # numba takes half a second to load, and only building needs it.
    from gfmtrust.copies.build import search_sites  # noqa: PLC0415

    sites = _unique(*_arrays(contig_index, pos, span))
    if (sites[2] < 0).any():
        raise ValueError("a span is below 0")
    if len(sites[0]) and not (0 <= sites[0][0] and sites[0][-1] < len(genome.names)):
        raise IndexError(f"a contig index is outside 0..{len(genome.names) - 1}")
    return CopyIndex(*sites, **search_sites(genome, sites, threads, progress))


def build_missing(
    genome,
    existing: CopyIndex | None,
    contig_index: np.ndarray,
    pos: np.ndarray,
    span: np.ndarray,
    *,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> CopyIndex:
    """Return an index with all sites of an existing index of the same genome and the requested
    ones; only the sites that it lacks are searched."""
    sites = _arrays(contig_index, pos, span)
    if existing is None:
        return build(genome, *sites, threads=threads, progress=progress)
    absent = ~existing.holds(*sites)
    if not absent.any():
        return existing
    asked = (column[absent] for column in sites)
    return _merged(existing, build(genome, *asked, threads=threads, progress=progress))


def _arrays(contig_index, pos, span) -> tuple[np.ndarray, ...]:
    contig_index, pos, span = np.broadcast_arrays(*np.atleast_1d(contig_index, pos, span))
    return tuple(np.asarray(column, dtype=np.int64) for column in (contig_index, pos, span))


def _key(contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
    return (contig_index << POS_BITS) + pos


def _unique(contig_index: np.ndarray, pos: np.ndarray, span: np.ndarray) -> tuple:
    order = np.lexsort((span, _key(contig_index, pos)))
    columns = [column[order] for column in (contig_index, pos, span)]
    is_new = np.ones(len(order), dtype=bool)
    if len(order):
        is_new[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return tuple(column[is_new] for column in columns)


def _merged(one: CopyIndex, other: CopyIndex) -> CopyIndex:
    columns = {
        name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in SCHEMA.names
    }
    order = np.lexsort((columns["span"], _key(columns["contig_index"], columns["pos"])))
    return CopyIndex(**{name: column[order] for name, column in columns.items()})


def _metadata(genome_digest: str) -> dict:
    return {"copy_index": FORMAT, "genome": genome_digest, "parameters": PARAMETERS}


def _check(path: Path, genome_digest: str) -> None:
    """Raise ConfigurationError (78) for a table that was not written by this version for this
    genome."""
    stored = tables.read_metadata(path)
    version = stored.get("copy_index")
    remedy = "leave out --copy_index to build a new one"
    if version is None:
        observed, expected = "no copy index", f"a copy index of format {FORMAT}"
    elif version != FORMAT:
        observed, expected = f"a copy index of format {version}", f"format {FORMAT}"
    elif stored.get("genome") != genome_digest:
        observed, expected = "the copy index of another genome", f"one of genome {genome_digest}"
    elif stored.get("parameters") != PARAMETERS:
        observed, expected = "a copy index with other parameters", f"{PARAMETERS}"
    else:
        return
    raise ConfigurationError(message(path.name, observed, expected, remedy))
