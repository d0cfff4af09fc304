"""The progress of long work: a line on stderr every half minute, without control characters, so
that it is readable in a log and on a terminal."""

from __future__ import annotations

import sys
import time

SECONDS = 30


class Progress:
    """Logs the work done, the rate and, where the total is known, the time left: 'gpn: 4,000 of
    20,000 passes, 210 passes/s, 76 s left, batch 8'.

    Call it at any time with the number done so far and a note for the end of the line. Work that
    ends within the first half minute logs nothing. total: the expected total, which may be inexact;
    the time left is never negative.
    """

    def __init__(self, name: str, unit: str, total: int | None = None):
        self._name, self._unit, self._total = name, unit, total
        self._started = self._said = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        is_last = done == self._total and self._said > self._started
        if now - self._said < SECONDS and not is_last:
            return
        self._said = now
        rate = done / max(now - self._started, 1e-9)
        of, left = "", ""
        if self._total is not None:
            of = f" of {self._total:,}"
            left = f", {duration(max(0, self._total - done) / rate)} left" if rate else ""
        digits = 2 if 0 < rate < 10 else 0
        said = f"{self._name}: {done:,}{of} {self._unit}, {rate:,.{digits}f} {self._unit}/s{left}"
        sys.stderr.write(f"{said}, {note}\n" if note else f"{said}\n")
        sys.stderr.flush()


def duration(seconds: float) -> str:
    """'76 s' below two minutes, '61 min' below two hours, '3.5 h' above."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
