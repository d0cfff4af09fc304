"""WRITE_TRACKS: writes a folder for genome browsers: bigWig files of the region bases, the flags of
the alleles as BED, and an IGV session.

bases.parquet is streamed once; each run of neighbouring bases is written as one fixed-step block.
Bases without the value are left out, and a measure without any value has no file. Only this module
writes bigWig.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import pyBigWig

from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.disk import write_failed
from gfmtrust.io import tables
from gfmtrust.io.atomic import part_file
from gfmtrust.report.flag_track import write_flags
from gfmtrust.report.igv_session import write_session
from gfmtrust.report.track_list import BIGWIGS, assembly_name

TRACKS = {track.id: track.column for track in BIGWIGS if track.column}
"""File name without .bw -> column of bases.parquet."""
MAGIC = bytes.fromhex("26fc8f88")
"""The first and the last four bytes of a bigWig."""


def write_tracks(
    bases: Path, sites: Path, out_dir: Path, assembly: str | None = None, force: bool = False
) -> list[Path]:
    """Write every track of a run and the IGV session that opens them to `out_dir`; return all
    paths.

    assembly: IGV's name of the genome; where None, it is recognised by chromosome 1.
    """
    contigs = RunFacts.read(sites).genome
    paths = [*write_bigwigs(bases, out_dir, force), *write_flags(sites, out_dir, force)]
    present = [path.name for path in paths]
    return [
        *paths,
        write_session(
            out_dir,
            present,
            contigs,
            assembly or assembly_name(contigs),
            _first_place(bases, sites),
            force,
        ),
    ]


def _first_place(*paths: Path) -> tuple[int, int] | None:
    """(contig_index, pos) of the first row on the genome, in the first table that has one."""
    for path in paths:
        for batch in tables.batches(path, ["contig_index", "pos"]):
            for index, pos in zip(*(column.to_numpy() for column in batch.columns), strict=True):
                if index >= 0:
                    return int(index), int(pos)
    return None


def write_bigwigs(bases: Path, out_dir: Path, force: bool = False) -> list[Path]:
    """Write `<track>.bw` to `out_dir` for every track that has a value; return their paths.

    The header lists all contigs in the order and with the lengths of the genome, with or without a
    value. Raises InputOutputError (74) where the disk has no room for all of them: the library
    hangs or crashes on a full disk, so the room is compared with the size before.
    """
    contigs = RunFacts.read(bases).genome
    sizes = _sizes(bases)
    paths = [out_dir / f"{track}.bw" for track in sizes]
    out_dir.mkdir(parents=True, exist_ok=True)
    if sizes and shutil.disk_usage(out_dir).free < sum(sizes.values()):
        raise write_failed(paths[0], OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with ExitStack() as stack:
        files = {
            path.stem: stack.enter_context(
                _opened(stack.enter_context(part_file(path, force=force)), contigs)
            )
            for path in paths
        }
        for batch in tables.batches(
            bases, ["contig_index", "pos", *{TRACKS[name] for name in files}]
        ):
            contig_index, pos = (batch[name].to_numpy() for name in ("contig_index", "pos"))
            for name, file in files.items():
                for index, start, values in runs(contig_index, pos, _values(batch[TRACKS[name]])):
                    file.add(contigs[index][0], start, values)
    return paths


def runs(
    contig_index: np.ndarray, pos: np.ndarray, values: np.ndarray
) -> Iterator[tuple[int, int, np.ndarray]]:
    """(contig_index, first position, values) of each run of neighbouring bases with a value. The
    rows must be sorted; the runs are sorted too."""
    kept = np.flatnonzero(np.isfinite(values))
    contig_index, pos, values = contig_index[kept], pos[kept], values[kept]
    cuts = np.flatnonzero((np.diff(contig_index) != 0) | (np.diff(pos) != 1)) + 1
    for start, stop in zip([0, *cuts], [*cuts, len(kept)], strict=True):
        if stop > start:
            yield int(contig_index[start]), int(pos[start]), values[start:stop]


def _values(column) -> np.ndarray:
    values = column.to_numpy(zero_copy_only=False)
    return values if values.dtype.kind == "f" else np.where(values > 0, values, np.nan)


def _sizes(bases: Path) -> dict[str, int]:
    """The largest size of each track that has a value, in bytes: measured sizes are 5 bytes for a
    base in a long run, 92 for one alone, and 800 for the rest of the file."""
    n_values, n_runs = Counter[str](), Counter[str]()
    for batch in tables.batches(bases, ["contig_index", "pos", *{*TRACKS.values()}]):
        contig_index, pos = (batch[name].to_numpy() for name in ("contig_index", "pos"))
        for track, column in TRACKS.items():
            for _, _, values in runs(contig_index, pos, _values(batch[column])):
                n_values[track] += len(values)
                n_runs[track] += 1
    n_contigs = len(RunFacts.read(bases).genome)
    return {
        track: (64 << 10) + 8 * n_values[track] + 112 * n_runs[track] + 64 * n_contigs
        for track in TRACKS
        if n_values[track]
    }


@contextmanager
def _opened(path: Path, contigs: list[tuple[str, int]]) -> Iterator[_BigWig]:
    """A bigWig that is written and, at the end of a body without an error, read again: on a full
    disk the library ends without one."""
    file = _BigWig(path, contigs)
    try:
        yield file
    finally:
        file.close()
    file.check()


class _BigWig:
    """A bigWig under writing. Every method but `close` raises InputOutputError (74) where the disk
    is full."""

    def __init__(self, path: Path, contigs: list[tuple[str, int]]) -> None:
        self._path = path
        self._n_bases = 0
        self._file = pyBigWig.open(str(path), "w")
        with self._failures():
            self._file.addHeader(contigs)

    def add(self, contig: str, start: int, values: np.ndarray) -> None:
        """Append one run of neighbouring bases."""
        with self._failures():
            self._file.addEntries(contig, start, values=values.astype(np.float64), span=1, step=1)
        self._n_bases += len(values)

    def close(self) -> None:
        self._file.close()

    def check(self) -> None:
        """Read the header and the end of the closed file."""
        with self._failures(), closing(pyBigWig.open(str(self._path))) as file:
            n_bases = file.header()["nBasesCovered"]
        with open(self._path, "rb") as file:
            file.seek(-len(MAGIC), os.SEEK_END)
            end = file.read()
        if n_bases != self._n_bases or end != MAGIC:
            raise write_failed(self._path, OSError("the file is cut off"))

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # the library states only that it could not write
            raise write_failed(self._path, OSError(str(error))) from error
