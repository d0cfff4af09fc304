"""Counted warnings: one line per kind with a count and the first place, never one line per
record."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
SHOWN = 200
"""Characters of a user's text that an error or a warning shows."""


@dataclass(frozen=True)
class CountedWarning:
    """One kind of warning. text: without a place; count: how often; first: the first place."""

    text: str
    count: int
    first: str

    @property
    def line(self) -> str:
        """*text, 1,204 times, first chr1:10583*."""
        return f"{self.text}, {self.count:,} times, first {self.first}"


class WarningCounts:
    """Warnings in the order in which their kinds first occurred."""

    def __init__(self) -> None:
        self._kinds: dict[str, list] = {}  # text -> [count, first place]

    def add(self, text: str, place: str, count: int = 1) -> None:
        """Count `text` once more (or `count` times more); the place of the first is kept."""
        kind = self._kinds.get(text)
        if kind is None:
            self._kinds[text] = [count, place]
        else:
            kind[0] += count

    def __len__(self) -> int:
        return len(self._kinds)

    def __contains__(self, text: str) -> bool:
        return text in self._kinds

    def rows(self) -> tuple[CountedWarning, ...]:
        """One for each kind, as `checks.json` holds them."""
        return tuple(
            CountedWarning(text, count, place) for text, (count, place) in self._kinds.items()
        )

    def lines(self) -> list[str]:
        """One readable line per kind: *text, 1,204 records, first chr1:10583*."""
        return [warning.line for warning in self.rows()]


def shown(text: str | bytes) -> str:
    """A user's text fit for one line of a log: control characters as \\xNN, cut at 200
    characters."""
    if isinstance(text, bytes):
        text = text[: SHOWN + 1].decode("utf-8", "backslashreplace")
    text = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
