"""A file that appears under its final name either complete or not at all: it is written as
name.part, synced, checked and renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gfmtrust.core.disk import write_failed
from gfmtrust.core.errors import CannotWriteError, UsageError, message

INDEX_ENDINGS = (".tbi", ".csi")


@contextmanager
def part_file(
    output: str | Path, inputs: tuple[Path, ...] = (), force: bool = False
) -> Iterator[Path]:
    """Give the path `output`.part; rename it to `output` when the body ends without an error,
    otherwise remove it.

    Indexes of an earlier file of that name are removed with it, so that no index outlives its file.
    Raises UsageError (64) where the output or the part is one of `inputs`, also through a link, and
    CannotWriteError (73) where the output exists and `force` is off, or its folder cannot be
    written.
    """
    output = Path(output)
    part = output.with_name(output.name + ".part")
    indexes = [output.with_name(output.name + ending) for ending in INDEX_ENDINGS]
    _refuse_inputs(output, [output, part, *indexes], inputs)
    _refuse_existing(output, force)
    done = False
    try:
        yield part
        for index in indexes:
            index.unlink(missing_ok=True)
        os.replace(part, output)
        done = True
    finally:
        if not done:
            part.unlink(missing_ok=True)


@contextmanager
def synced(part: Path) -> Iterator:
    """Open `part` for writing bytes; on leaving, it is flushed to the disk itself.

    Raises CannotWriteError (73) where it cannot be opened and InputOutputError (74) where the disk
    has no room for the last bytes.
    """
    try:
        file = open(part, "wb")  # noqa: SIM115 (closed below, in both ways out)
    except OSError as error:
        observed = f"cannot be written ({error.strerror})"
        raise CannotWriteError(
            message(str(part), observed, "a folder with write permission")
        ) from error
    try:
        yield file
        try:
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise write_failed(part, error) from error
    finally:
        _close_quietly(file)


def _close_quietly(file) -> None:
    # Closing a file whose flush failed flushes it again; that second failure would hide the first
    # error.
    try:
        file.close()
    except OSError:
        if not file.closed:
            raise


def _refuse_inputs(output: Path, written: list[Path], inputs: tuple[Path, ...]) -> None:
    for path in written:
        for source in inputs:
            if path.exists() and Path(source).exists() and os.path.samefile(path, source):
                raise UsageError(message(str(output), "output is the input", "another path"))


def _refuse_existing(output: Path, force: bool) -> None:
    if output.is_dir():
        raise CannotWriteError(message(str(output), "is a folder", "the path of a file"))
    if os.path.lexists(output) and not force:
        raise CannotWriteError(
            message(str(output), "exists", "a new path", "give --force to replace it")
        )
