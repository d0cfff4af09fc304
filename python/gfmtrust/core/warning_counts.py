"""Counts warnings: one line per kind, with a count and the first place, never one line per
record."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gfmtrust.core.contracts.base import entry

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that end a line, command a terminal, turn the direction of a text or are half of
one."""
SHOWN = 200
"""Largest number of characters of a user's text in an error or a warning."""


@dataclass(frozen=True)
class CountedWarning:
    """One kind of warning."""

    text: str = entry("the warning without a place")
    count: int = entry("number of occurrences")
    first: str = entry("place of the first one")

    @property
    def line(self) -> str:
        """*text, 1,204 times, first chr1:10583*."""
        return f"{self.text}, {self.count:,} times, first {self.first}"


class WarningCounts:
    """The counts of warnings, in the order in which their kinds first occurred."""

    def __init__(self) -> None:
        self._kinds: dict[str, list] = {}  # text -> [count, first place]

    def add(self, text: str, place: str, count: int = 1) -> None:
        """Count `text` once more (or `count` times more); the place of the first occurrence is
        kept."""
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
        """One `CountedWarning` per kind, as in `checks.json`."""
        return tuple(
            CountedWarning(text, count, place) for text, (count, place) in self._kinds.items()
        )

    def lines(self) -> list[str]:
        """One readable line per kind: *text, 1,204 records, first chr1:10583*."""
        return [warning.line for warning in self.rows()]


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def shown(text: str | bytes) -> str:
    """A user's text made safe for one line of a log: control characters are written as \\xNN or
    \\uNNNN, and the text is cut at 200 characters."""
    if isinstance(text, bytes):
        text = text[: SHOWN + 1].decode("utf-8", "backslashreplace")
    text = _CONTROL.sub(_escaped, text)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
