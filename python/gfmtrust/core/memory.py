"""How much memory is left to this process, and the refusal of work that needs more, before it
starts.

The kernel ends a process that takes too much without a word; this is the word. Linux alone is read:
elsewhere nothing is refused.
"""

from __future__ import annotations

from pathlib import Path

from gfmtrust.core.errors import TransientError, message

PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")


def available(proc: Path = PROC, cgroup: Path = CGROUP) -> int | None:
    """Bytes a process may still take: what the machine has, or its group's limit less what is used,
    page cache given back; None if unknown.

    Source: proc(5), MemAvailable; the kernel's cgroup-v2.rst, memory.max, memory.current,
    memory.stat; cgroup-v1/memory.rst for the older names. Limits of groups further up count too.
    """
    found = [number * 1024 for number in _fields(proc / "meminfo", "MemAvailable:")]
    for folder in _groups(proc, cgroup):
        for limit, used, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, taken = _number(folder / limit), _number(folder / used)
            if most is not None and taken is not None:
                found.append(max(0, most - taken + sum(_fields(folder / "memory.stat", cache))))
    return min(found, default=None)


def require(place: str, needed: int, what: str) -> None:
    """Raise TransientError (75), which the pipeline answers with more memory, where `needed` bytes
    are not to be had."""
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


def _groups(proc: Path, cgroup: Path) -> list[Path]:
    """Folders of this process's group and of those above it, v2 or v1."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers in ("", "memory"):
            own = cgroup / controllers / name.lstrip("/")
            folders += [folder for folder in (own, *own.parents) if folder.is_relative_to(cgroup)]
    return folders


def _fields(path: Path, name: str) -> list[int]:
    """The number behind a name in a file of lines `name number ...`; nothing where there is
    none."""
    try:
        return [
            int(words[1])
            for words in map(str.split, path.read_text().splitlines())
            if words and words[0] == name
        ]
    except (OSError, ValueError, IndexError):
        return []


def _number(path: Path) -> int | None:
    """A file's one number; None where there is none or it says 'max'."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
