"""FILTER, MQ and DP of the calls of a VCF by flag: is a flag enriched in bad calls?

The bytes of columns 7 and 8 are kept for some records and then counted together, which costs about a
tenth of the time of the annotation (measured), most of it the search for the two keys of INFO; a
look at each record by itself costs twice as much.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from math import isfinite

import numpy as np

from gfmtrust.core.contracts.counts import FlagCalls
from gfmtrust.core.vocabulary import Rank
from gfmtrust.io.vcf.fields import Fields
from gfmtrust.io.vcf.reader import Record

KEYS = {key: re.compile(key + rb"([^;\n]*)") for key in (b";MQ=", b";DP=")}
"""INFO keys: root mean square of the mapping qualities, and depth over all samples."""
NO_FILTER = re.compile(rb"\n...\t\.\t", re.DOTALL)
"""The six bytes before INFO where FILTER is missing; the column before it may be `.` too."""
COUNT_EVERY = 1 << 10
"""Records whose bytes are kept before they are counted; more would need memory and save no time."""


class CallFacts:
    """Counts by flag, one call per ALT allele."""

    def __init__(self) -> None:
        self._kept: list[list[bytes]] = [[] for _ in Rank]
        self._n_kept = 0
        self._alleles, self._passed, self._failed = ([0] * len(Rank) for _ in range(3))
        self._values: list[list[Counter]] = [[Counter() for _ in KEYS] for _ in Rank]

    def add(self, record: Record, ranks: list[int]) -> None:
        """Count a record with an ALT. ranks: flag of each of its ALTs."""
        # six bytes before INFO are the end of FILTER between tabs: enough to know PASS and .
        text = record.line[record.info_start - 6 : record.info_end]
        for rank in ranks:
            self._kept[rank].append(text)
        self._n_kept += 1
        if self._n_kept >= COUNT_EVERY:
            self._count()

    def add_lines(self, fields: Fields, rows: np.ndarray, ranks: np.ndarray) -> None:
        """Count alleles. rows: the line of each (n,); ranks: its flag (n,)."""
        text = fields.text
        start, end = fields.info[0] - 6, fields.info[1]
        for rank in Rank:
            of_rank = rows[ranks == rank]
            self._kept[rank] += [
                text[a:b]
                for a, b in zip(start[of_rank].tolist(), end[of_rank].tolist(), strict=True)
            ]
        self._n_kept += len(rows)
        if self._n_kept >= COUNT_EVERY:
            self._count()

    def by_flag(self) -> dict[str, FlagCalls]:
        """The counts of the alleles that are scored, by flag."""
        self._count()
        return {
            rank.name: FlagCalls(
                self._alleles[rank],
                self._passed[rank],
                self._failed[rank],
                *(tuple(sorted(values.items())) for values in self._values[rank]),
            )
            for rank in (Rank.HIGH, Rank.MEDIUM, Rank.LOW)
        }

    def _count(self) -> None:
        self._n_kept = 0
        for rank, kept in zip(Rank, self._kept, strict=True):
            if not kept:
                continue
            joined = b"\n" + b"\n".join(kept)
            passed = joined.count(b"\n\tPASS\t")
            self._alleles[rank] += len(kept)
            self._passed[rank] += passed
            self._failed[rank] += len(kept) - passed - len(NO_FILTER.findall(joined))
            # the first key of INFO follows a tab, every other one a semicolon
            info = joined.replace(b"\t", b";")
            for values, (key, pattern) in zip(self._values[rank], KEYS.items(), strict=True):
                texts = pattern.findall(info) if key in info else []
                for text, count in Counter(texts).items():
                    value = rounded(text)
                    if value is not None:
                        values[value] += count
            kept.clear()


@lru_cache(maxsize=1 << 16)
def rounded(text: bytes) -> float | None:
    """The number that a text states, cut to a whole one, from 100 on to its first two digits; None
    where it states none or one below 0."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not isfinite(value) or value < 0:
        return None
    digits = text if text.isdigit() else b"%d" % value
    return float(int(digits[:2]) * 10 ** max(0, len(digits) - 2))
