"""WRITE_TRACKS: writes a folder for genome browsers: bigWig files of the region bases, the flags of
the alleles as BED, and an IGV session.

bases.parquet is streamed once; each run of neighbouring bases is written as one fixed-step block.
Bases without the value are left out, and a measure without any value has no file. Only this module
writes bigWig.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pyBigWig

from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.io import tables
from gfmtrust.io.atomic import part_file, write_failed
from gfmtrust.report.flag_track import write_flags
from gfmtrust.report.igv_session import write_session
from gfmtrust.report.track_list import BIGWIGS, assembly_name

TRACKS = {track.id: track.column for track in BIGWIGS if track.column}
"""File name without .bw -> column of bases.parquet."""


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
    value.
    """
    contigs = RunFacts.read(bases).genome
    paths = [
        out_dir / f"{track}.bw" for track, column in TRACKS.items() if _has_value(bases, column)
    ]
    out_dir.mkdir(parents=True, exist_ok=True)
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
                    _add(file, contigs[index][0], start, values, out_dir / f"{name}.bw")
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


def _has_value(bases: Path, column: str) -> bool:
    return any(
        np.isfinite(_values(batch[column])).any() for batch in tables.batches(bases, [column])
    )


def _opened(path: Path, contigs: list[tuple[str, int]]) -> closing:
    file = pyBigWig.open(str(path), "w")
    file.addHeader(contigs)
    return closing(file)


def _add(file, contig: str, start: int, values: np.ndarray, path: Path) -> None:
    try:
        file.addEntries(contig, start, values=values.astype(np.float64), span=1, step=1)
    except RuntimeError as error:  # the library states only that it could not write
        raise write_failed(path, OSError(str(error))) from error
