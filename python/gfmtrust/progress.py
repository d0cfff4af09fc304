"""How far long work is: a line on stderr every half minute, plain, so that it reads as well in a log as on a terminal."""

from __future__ import annotations

import sys
import time

SECONDS = 30


class Progress:
    """Says done, rate and, where the total is known, the time left: 'gpn: 4,000 of 20,000 sites, 210 sites/s, 76 s left'.

    Call it with the number done so far, as often as is convenient; a work that ends before the first half minute says nothing.
    """

    def __init__(self, name: str, unit: str, total: int | None = None):
        self._name, self._unit, self._total = name, unit, total
        self._started = self._said = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        is_last = done == self._total and self._said > self._started
        if now - self._said < SECONDS and not is_last:
            return
        self._said = now
        rate = done / max(now - self._started, 1e-9)
        of, left = "", ""
        if self._total is not None:
            of = f" of {self._total:,}"
            left = f", {(self._total - done) / rate:,.0f} s left" if rate else ""
        sys.stderr.write(f"{self._name}: {done:,}{of} {self._unit}, {rate:,.0f} {self._unit}/s{left}\n")
        sys.stderr.flush()
