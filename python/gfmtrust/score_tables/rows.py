"""The rows of a text table as values: columns by a layout, and INFO keys of a VCF."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import NamedTuple

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.score_tables.layout import ScoreLayout

MISSING = ("", ".", "NA", "nan", "NaN", "None")
"""What a table writes where it has no score."""
MISSING_BYTES = frozenset(text.encode() for text in MISSING)
CODES = {letter.encode(): code for code, letter in enumerate(BASES)} | {
    letter.lower().encode(): code for code, letter in enumerate(BASES)
}
SUM_TOLERANCE = 1e-3
"""Four printed probabilities may miss 1 by so much; they are divided by their sum."""
SMALLEST = 1e-35
"""The probability that stands for 0, whose logarithm is finite."""
LARGEST_LOG = 700.0
"""A logarithm above this counts as this, as its exponential is still a float64."""


class Row(NamedTuple):
    """One allele of a line; ref and alt as the table writes them; score: low is disfavoured."""

    ref: bytes
    alt: bytes
    score: float


@dataclass(frozen=True)
class RowReader:
    """Reads the alleles of lines. index: 0-based column of each role; factor: what scores are
    multiplied by; place: the name of the table in messages."""

    layout: ScoreLayout
    index: dict[str, int]
    place: str

    @property
    def has_ref(self) -> bool:
        return bool(self.layout.info) or "ref" in self.index

    def alleles(self, lines: Iterable[bytes]) -> list[Row]:
        """The alleles of lines at one position; rows without an ALT or a score are left out."""
        read = self._of_info if self.layout.info else self._of_columns
        return [row for line in lines for row in read(line.split(b"\t"), line)]

    def bases(self, lines: Sequence[bytes]) -> tuple[bytes, list[float]] | None:
        """(REF or b'', logarithms of the four probabilities) of the one line at a position; None
        where a value is missing. Raises BadDataError (65) for two lines, and for four values that
        are no probabilities."""
        if len(set(lines)) > 1:
            raise self._wrong(lines[1], "a second line for one base", "one line per base")
        fields = lines[0].split(b"\t")
        numbers = [self._number(fields, self.index[base], lines[0]) for base in BASES]
        ref = self._field(fields, self.index["ref"], lines[0]) if "ref" in self.index else b""
        if any(number is None for number in numbers):
            return None
        present = [number for number in numbers if number is not None]
        is_log = self.layout.scale != "probability"
        values = [number * self.layout.factor for number in present] if is_log else present
        law = [exp(min(value, LARGEST_LOG)) for value in values] if is_log else values
        if min(law) < 0 or abs(sum(law) - 1) > SUM_TOLERANCE:
            kind = "logarithms of probabilities" if is_log else "probabilities"
            observed = f"{kind} {present}, sum {sum(law):.4g}"
            raise self._wrong(lines[0], observed, "four probabilities from 0 to 1 with the sum 1")
        return ref, values if is_log else [log(max(value, SMALLEST)) for value in values]

    def _of_columns(self, fields: list[bytes], line: bytes) -> list[Row]:
        index = self.index
        score = self._number(fields, index["score"], line)
        if score is None:
            return []
        ref, alt = (self._field(fields, index[role], line) for role in ("ref", "alt"))
        return [] if alt in (b".", ref) else [Row(ref, alt, score * self.layout.factor)]

    def _of_info(self, fields: list[bytes], line: bytes) -> list[Row]:
        if len(fields) < 8:
            raise self._wrong(line, f"{len(fields)} columns", "a record of a VCF")
        key = self.layout.info.encode() + b"="
        value = next((one for one in fields[7].split(b";") if one.startswith(key)), None)
        if value is None or value[len(key) :] in MISSING_BYTES:
            return []
        alts, texts = fields[4].split(b","), value[len(key) :].split(b",")
        if len(texts) != len(alts):
            raise self._wrong(
                line, f"{len(texts)} values of {self.layout.info}", f"{len(alts)}, one per ALT"
            )
        numbers = [self._parsed(text, line) for text in texts]
        return [
            Row(fields[3], alt, number * self.layout.factor)
            for alt, number in zip(alts, numbers, strict=True)
            if number is not None and alt != b"."
        ]

    def _number(self, fields: list[bytes], column: int, line: bytes) -> float | None:
        return self._parsed(self._field(fields, column, line), line)

    def _field(self, fields: list[bytes], column: int, line: bytes) -> bytes:
        if column >= len(fields):
            raise self._wrong(line, f"{len(fields)} columns", f"{column + 1} at least")
        return fields[column]

    def _parsed(self, text: bytes, line: bytes) -> float | None:
        if text in MISSING_BYTES:
            return None
        try:
            number = float(text)
        except ValueError:
            raise self._wrong(line, f"a score of {_shown(text)}", "a number or '.'") from None
        return number if isfinite(number) else None

    def _wrong(self, line: bytes, observed: str, expected: str) -> BadDataError:
        return BadDataError(
            message(
                self.place,
                f"{observed} (line {_shown(line)})",
                expected,
                f"is its layout {self.layout.name}? see --external_columns",
            )
        )


def one_score_each(
    rows: Iterable[Row], where: Callable[[], str], place: str
) -> dict[tuple[bytes, bytes], float]:
    """The score of each (REF, ALT). Raises BadDataError (65) where an allele has two different
    scores; where: says at which position."""
    scores: dict[tuple[bytes, bytes], float] = {}
    for ref, alt, score in rows:
        if scores.setdefault((ref, alt), score) != score:
            raise BadDataError(
                message(
                    place,
                    f"{where()} {_shown(ref)}>{_shown(alt)} has two different scores",
                    "one score per allele",
                    "give a table with one row for each allele",
                )
            )
    return scores


def _shown(text: bytes) -> str:
    return shown(text[:80].decode("utf-8", "backslashreplace"))
