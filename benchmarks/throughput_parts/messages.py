"""Lines on standard error, and exit codes."""

from __future__ import annotations

import sys

NOTHING_LEFT, NO_DEVICE = 66, 69


def note(words: str) -> None:
    sys.stderr.write(f"throughput: {words}\n")


def stop(line: str, code: int):
    note(line)
    raise SystemExit(code)
