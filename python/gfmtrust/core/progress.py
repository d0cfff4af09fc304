"""How far long work is: a line on stderr every half minute, plain, so that it reads as well in a
log as on a terminal."""

from __future__ import annotations

import sys
import time

SECONDS = 30


class Progress:
    """Says done, rate and, where the total is known, the time left: 'gpn: 4,000 of 20,000 passes,
    210 passes/s, 76 s left, batch 8'.

    Call it with the number done so far, as often as is convenient, and a note for the end of the
    line; a work that ends before the first half minute says nothing. total: as far as it is known
    beforehand; what is left is never less than nothing.
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
        said = f"{self._name}: {done:,}{of} {self._unit}, {rate:,.0f} {self._unit}/s{left}"
        sys.stderr.write(f"{said}, {note}\n" if note else f"{said}\n")
        sys.stderr.flush()


def duration(seconds: float) -> str:
    """'76 s' below two minutes, '61 min' below two hours, '3.5 h' above."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
