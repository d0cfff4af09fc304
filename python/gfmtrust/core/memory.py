"""Measures the memory that is available to this process, and refuses work that needs more before it
starts.

The kernel ends a process that uses too much memory without a message; this module gives the
message. It supports only Linux; on other systems nothing is refused.
"""

from __future__ import annotations

import errno
from pathlib import Path

from gfmtrust.core.errors import GfmtrustError, TransientError, message

PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
NO_MEMORY = (
    "cannot allocate memory",
    "failed to allocate memory",
    "failed to map segment from shared object",
    "bad_alloc",
    "can't start new thread",
    "failed to launch worker thread",
    "out of memory",
)
"""What libraries say, in errors of many classes, where the operating system gives them no memory; a
library cannot be loaded then either, and a thread gets no stack."""


def available(proc: Path = PROC, cgroup: Path = CGROUP) -> int | None:
    """Bytes that this process can still allocate: the available memory of the machine, or the limit
    of its group minus the memory in use without the page cache; None if unknown.

    Source: proc(5), MemAvailable; the kernel's cgroup-v2.rst, memory.max, memory.current,
    memory.stat; cgroup-v1/memory.rst for the older names. The limits of the groups above also
    count.
    """
    amounts = [number * 1024 for number in _fields(proc / "meminfo", "MemAvailable:")]
    for folder in _groups(proc, cgroup):
        for limit, used, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, taken = _number(folder / limit), _number(folder / used)
            if most is not None and taken is not None:
                amounts.append(max(0, most - taken + sum(_fields(folder / "memory.stat", cache))))
    return min(amounts, default=None)


def require(place: str, needed: int, what: str) -> None:
    """Raise TransientError (75), after which the pipeline retries with more memory, where `needed`
    bytes are not available."""
    left = available()
    if left is not None and needed > left:
        raise TransientError(
            message(
                place,
                f"{left / 1e9:.1f} GB of memory are left",
                f"about {needed / 1e9:.1f} GB {what}",
                "give the task more memory or take a smaller model",
            )
        )


def is_memory_fault(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, says that memory ran out."""
    while error is not None:
        if isinstance(error, MemoryError) or (
            isinstance(error, OSError) and error.errno == errno.ENOMEM
        ):
            return True
        if not isinstance(error, (GfmtrustError, ValueError, LookupError)):  # may quote a file
            text = str(error).lower()
            if any(words in text for words in NO_MEMORY):
                return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def exhausted(step: str) -> TransientError:
    """Return the error of a step whose memory ran out, after which the pipeline retries with
    more."""
    return TransientError(
        message(step, "out of memory", "more memory", "give the task or the machine more memory")
    )


def _groups(proc: Path, cgroup: Path) -> list[Path]:
    """Folders of the group of this process and of the groups above it, v2 or v1."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers in ("", "memory"):
            group = cgroup / controllers / name.lstrip("/")
            folders += [
                folder for folder in (group, *group.parents) if folder.is_relative_to(cgroup)
            ]
    return folders


def _fields(path: Path, name: str) -> list[int]:
    """The numbers after a name in a file of lines `name number ...`; empty where there is none."""
    try:
        return [
            int(words[1])
            for words in map(str.split, path.read_text(encoding="utf-8").splitlines())
            if words and words[0] == name
        ]
    except (OSError, ValueError, IndexError):
        return []


def _number(path: Path) -> int | None:
    """The only number in a file; None where there is none or the file contains 'max'."""
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
