"""Full and broken disks: which errors of the operating system they are, and the one line that names
the folder to look at."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gfmtrust.core.errors import InputOutputError, message

DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""No room, no room for this user, a disk that fails, and a file that may not become longer."""
FEW_BYTES = 1 << 20
"""A disk with less room than this counts as full."""


def is_disk_fault(error: BaseException) -> bool:
    """Whether an error is one of DISK_FAULTS."""
    return isinstance(error, OSError) and error.errno in DISK_FAULTS


def write_failed(path: Path, error: OSError, done: str = "") -> InputOutputError:
    """Return the error for bytes that could not be written; `done` says how far writing came, such
    as 'after 12 records'."""
    folder = Path(os.path.abspath(path)).parent
    observed = f"{_text(error)} {done}".strip()
    return InputOutputError(
        message(
            Path(path).name.removesuffix(".part"),
            observed,
            f"room in {folder}",
            "free some there and run again",
        )
    )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise InputOutputError (74) with the folder of `path` where the body meets one of
    DISK_FAULTS."""
    try:
        yield
    except OSError as error:
        if is_disk_fault(error):
            raise write_failed(path, error) from error
        raise


def fault_line(error: OSError, folders: Iterable[str | Path]) -> str:
    """Return the message for one of DISK_FAULTS wherever it occurred.

    Many errors name no file: then the folders that have no room left are named, of those that a
    process writes to, or all of them where each has room again.
    """
    if error.filename:
        return str(write_failed(Path(os.fsdecode(error.filename)), error))
    distinct = list(dict.fromkeys(str(Path(os.path.abspath(folder))) for folder in folders))
    places = [folder for folder in distinct if _is_full(folder)] or distinct
    return message(
        " or ".join(places),
        _text(error),
        "room for the files of this step",
        "free some there and run again; TMPDIR names the folder for temporary files",
    )


def _is_full(folder: str) -> bool:
    try:
        free = os.statvfs(folder)
    except OSError:
        return False
    return free.f_bavail * free.f_frsize < FEW_BYTES


def _text(error: OSError) -> str:
    if error.errno is not None and error.errno in DISK_FAULTS:
        return os.strerror(error.errno).lower()  # libraries put other words around it
    return (error.strerror or str(error)).lower()
