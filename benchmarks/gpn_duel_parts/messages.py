"""Lines on standard error, and the exit code where something needed is absent."""

from __future__ import annotations

import sys

NOT_THERE = 66


def note(words: str) -> None:
    sys.stderr.write(f"gpn_duel: {words}\n")


def stop(line: str):
    sys.stderr.write(f"gpn_duel: {line}\n")
    raise SystemExit(NOT_THERE)
