"""FILTER, MQ and DP of the calls of a VCF by flag: is a flag enriched in bad calls?

The values are read from the bytes of each record as it is annotated. Texts are counted as they are
written and become numbers at the end, so that a record costs a few look-ups and memory stays
bounded.
"""

from __future__ import annotations

from collections import Counter
from math import isfinite, log10

from gfmtrust.core.contracts.counts import FlagCalls
from gfmtrust.core.vocabulary import Rank
from gfmtrust.io.vcf.reader import Record

KEYS = (b"MQ=", b"DP=")
"""INFO keys: root mean square of the mapping qualities, and depth over all samples."""
MOST_TEXTS = 50_000
"""Distinct texts of a key after which they are rounded, so that memory stays bounded."""
FOLD_EVERY = 1 << 14
_SEMICOLON = ord(";")


class CallFacts:
    """Counts by flag, one call per ALT allele."""

    def __init__(self) -> None:
        self._alleles = [0] * len(Rank)
        self._passed = [0] * len(Rank)
        self._failed = [0] * len(Rank)
        self._texts: list[list[dict[bytes, int]]] = [[{} for _ in KEYS] for _ in Rank]
        self._values: list[list[Counter]] = [[Counter() for _ in KEYS] for _ in Rank]
        self._until_fold = FOLD_EVERY

    def add(self, record: Record, ranks: list[int]) -> None:
        """Count a record with an ALT. ranks: flag of each of its ALTs."""
        line, start, end = record.line, record.info_start, record.info_end
        is_pass = line.endswith(b"\tPASS", 0, start - 1)
        is_filtered = not is_pass and not line.endswith(b"\t.", 0, start - 1)
        mq, dp = _value(line, b"MQ=", start, end), _value(line, b"DP=", start, end)
        for rank in ranks:
            self._alleles[rank] += 1
            if is_pass:
                self._passed[rank] += 1
            elif is_filtered:
                self._failed[rank] += 1
            of_mq, of_dp = self._texts[rank]
            if mq:
                of_mq[mq] = of_mq.get(mq, 0) + 1
            if dp:
                of_dp[dp] = of_dp.get(dp, 0) + 1
        self._until_fold -= 1
        if not self._until_fold:
            self._until_fold = FOLD_EVERY
            self._fold(MOST_TEXTS)

    def by_flag(self) -> dict[str, FlagCalls]:
        """The counts of the alleles that are scored, by flag."""
        self._fold(0)
        return {
            rank.name: FlagCalls(
                self._alleles[rank],
                self._passed[rank],
                self._failed[rank],
                *(tuple(sorted(values.items())) for values in self._values[rank]),
            )
            for rank in (Rank.HIGH, Rank.MEDIUM, Rank.LOW)
        }

    def _fold(self, most: int) -> None:
        """Turn the texts of keys with more than `most` of them into rounded numbers."""
        for texts_of, values_of in zip(self._texts, self._values, strict=True):
            for texts, values in zip(texts_of, values_of, strict=True):
                if len(texts) > most:
                    for text, count in texts.items():
                        value = rounded(text)
                        if value is not None:
                            values[value] += count
                    texts.clear()


def rounded(text: bytes) -> float | None:
    """The number that a text states, rounded to a whole one, from 100 on to two digits; None where
    it states none or one below 0."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not isfinite(value) or value < 0:
        return None
    step = 1 if value < 100 else 10 ** (int(log10(value)) - 1)
    return float(round(value / step) * step)


def _value(line: bytes, key: bytes, start: int, end: int) -> bytes:
    """The text of an INFO key, b'' where column 8, line[start:end], does not have it."""
    at = line.find(key, start, end)
    while at > start and line[at - 1] != _SEMICOLON:  # the end of a longer key
        at = line.find(key, at + 1, end)
    if at < 0:
        return b""
    stop = line.find(b";", at, end)
    return line[at + len(key) : end if stop < 0 else stop]
