"""The first eight columns of many lines of a VCF at once, as arrays of byte offsets.

Only ordinary lines are read here: `fields_of` answers None where any line of a text is not one, and
the reader of single records then judges it. So no error is raised here, and a file gives the same
records whichever way it is read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import FOLD, N
from gfmtrust.io.vcf.header import CONTIG, N_FIXED, Limits

TAB, LINE_END, DOT = 9, 10, 46
FEW_COLUMNS = 64
"""Columns up to which the tabs of all lines are located at once."""
MAX_CONTIGS = 64
"""Stretches of equal contig names in one text, more of which are read record by record."""
MAX_CONTIG_LETTERS = 64
MAX_DIGITS = 18
"""Digits of POS that an int64 holds, see `reader.parse_position`."""
NO_SNV = -1
Located = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Texts in a buffer: its bytes, and the offsets of the first byte of each and behind the last (n,)."""


@dataclass(frozen=True)
class Fields:
    """n ordinary lines. starts, ends: offsets of the first byte and of the line end (n,).

    contigs: (name, first row, stop row) of each stretch of rows on one contig. pos: 0-based (n,).
    ref, alt, info: offsets of the first byte and behind the last, (start, end) of (n,) each. snv:
    code of REF times four plus the code of ALT where both are one base, else NO_SNV (n,). has_alt:
    whether ALT is not `.` (n,).
    """

    text: bytes
    starts: np.ndarray
    ends: np.ndarray
    contigs: list[tuple[str, int, int]]
    pos: np.ndarray
    ref: tuple[np.ndarray, np.ndarray]
    alt: tuple[np.ndarray, np.ndarray]
    info: tuple[np.ndarray, np.ndarray]
    snv: np.ndarray
    has_alt: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, row: int) -> bytes:
        """Return one line with its end."""
        return self.text[self.starts[row] : self.ends[row] + 1]

    def n_alts(self) -> int:
        """Return the number of ALT alleles of all lines."""
        several = np.flatnonzero(self.has_alt & (self.snv == NO_SNV))
        start, end = (offsets[several].tolist() for offsets in self.alt)
        commas = sum(self.text.count(b",", a, b) for a, b in zip(start, end, strict=True))
        return int(self.has_alt.sum()) + commas


def fields_of(text: bytes, n_columns: int, limits: Limits) -> Fields | None:
    """Return the columns of all lines of a text; None where a line is not an ordinary one.

    Ordinary lines end in a line feed alone, have `n_columns` columns, a name that may stand for a
    contig, digits in POS, and a REF and ALT without an empty allele.
    """
    if not text.endswith(b"\n") or b"\r" in text:
        return None
    letters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(letters == LINE_END)
    starts = np.concatenate([[0], ends[:-1] + 1])
    find = _tabs_of_columns if n_columns <= FEW_COLUMNS else _tabs_of_lines
    tabs = find(text, starts, ends, n_columns)
    if tabs is None or (ends - starts).max() > limits.max_line:
        return None
    contigs = _contigs(text, letters, starts, tabs[:, 0])
    pos = _positions(letters, tabs[:, 0] + 1, tabs[:, 1])
    ref, alt = (tabs[:, 2] + 1, tabs[:, 3]), (tabs[:, 3] + 1, tabs[:, 4])
    if contigs is None or pos is None or (ref[1] <= ref[0]).any() or (alt[1] <= alt[0]).any():
        return None
    snv = snv_codes((letters, *ref), (letters, *alt))
    has_alt = (alt[1] - alt[0] > 1) | (letters[alt[0]] != DOT)
    info = tabs[:, 6] + 1, tabs[:, 7] if n_columns > N_FIXED else ends
    fields = Fields(text, starts, ends, contigs, pos, ref, alt, info, snv, has_alt)
    return fields if _alleles_are_ordinary(fields) else None


def snv_codes(ref: Located, alt: Located) -> np.ndarray:
    """Code of REF times four plus the code of ALT where both are one base, else NO_SNV, int64 (n,)."""
    ref_code, alt_code = (
        np.where(end - start == 1, FOLD[letters[start]].astype(np.int64), N)
        for letters, start, end in (ref, alt)
    )
    return np.where((ref_code < N) & (alt_code < N), ref_code * 4 + alt_code, NO_SNV)


def _tabs_of_columns(
    text: bytes, starts: np.ndarray, ends: np.ndarray, n_columns: int
) -> np.ndarray | None:
    """Offsets of all tabs, (n, n_columns - 1); None where a line has another number of them."""
    tabs = np.flatnonzero(np.frombuffer(text, np.uint8) == TAB)
    if len(tabs) != len(ends) * (n_columns - 1):
        return None
    tabs = tabs.reshape(len(ends), n_columns - 1)
    return None if (tabs[:, 0] < starts).any() or (tabs[:, -1] > ends).any() else tabs


def _tabs_of_lines(
    text: bytes, starts: np.ndarray, ends: np.ndarray, n_columns: int
) -> np.ndarray | None:
    """Offsets of the first N_FIXED tabs, (n, N_FIXED), where the tabs of a line are too many to
    write down; None where a line has another number of them."""
    tabs = np.empty((len(ends), N_FIXED), np.int64)
    for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if text.count(b"\t", start, end) != n_columns - 1:
            return None
        at = start - 1
        for column in range(N_FIXED):
            at = text.find(b"\t", at + 1)
            tabs[row, column] = at
    return tabs


def _contigs(
    text: bytes, letters: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> list[tuple[str, int, int]] | None:
    """Stretches of rows with equal names, None where a name is unusual or there are many."""
    lengths = ends - starts
    width = int(lengths.max())
    if not lengths.min() or width > MAX_CONTIG_LETTERS:
        return None
    offset = np.arange(width)
    names = letters[np.minimum(starts[:, None] + offset, len(letters) - 1)]
    differs = (names[1:] != names[:-1]) & (offset < lengths[1:, None])
    first = np.flatnonzero(differs.any(axis=1) | (lengths[1:] != lengths[:-1])) + 1
    if len(first) >= MAX_CONTIGS:
        return None
    edges = [0, *first.tolist(), len(starts)]
    stretches = []
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        name = text[starts[start] : ends[start]]
        if not CONTIG.fullmatch(name):
            return None
        stretches.append((name.decode("ascii"), start, stop))
    return stretches


def _positions(letters: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """0-based positions, None where a text is not one to MAX_DIGITS digits."""
    lengths = ends - starts
    if lengths.min() < 1 or lengths.max() > MAX_DIGITS:
        return None
    value = np.zeros(len(starts), np.int64)
    for place in range(int(lengths.max())):
        inside = place < lengths
        digit = letters[np.where(inside, starts + place, starts)].astype(np.int64) - ord("0")
        if ((digit < 0) | (digit > 9))[inside].any():
            return None
        value = np.where(inside, value * 10 + digit, value)
    return value - 1


def _alleles_are_ordinary(fields: Fields) -> bool:
    """Whether no ALT has an empty allele."""
    several = np.flatnonzero(fields.has_alt & (fields.snv == NO_SNV))
    start, end = (offsets[several].tolist() for offsets in fields.alt)
    return not any(b"" in fields.text[a:b].split(b",") for a, b in zip(start, end, strict=True))
