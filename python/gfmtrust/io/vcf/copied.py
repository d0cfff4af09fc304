"""What must be equal between a VCF and its annotated copy: the digest of the records without our
keys, and their order.

Both are taken of single records or of many ordinary lines at once, with the same result.
"""

from __future__ import annotations

import hashlib

import numpy as np

from gfmtrust.io.vcf.fields import Fields
from gfmtrust.io.vcf.info_column import PREFIX, canonical
from gfmtrust.io.vcf.reader import Record

SEMICOLON = ord(";")


class Digest:
    """A running digest of records in order, without our keys; a missing last line end is counted as
    present. keys: the keys that header lines of ours declare in that file."""

    def __init__(self, keys: frozenset[bytes]) -> None:
        self._keys = keys
        self._hash = hashlib.blake2b(digest_size=32)
        self.records = 0

    def add(self, record: Record) -> None:
        """Add one record."""
        line = record.line
        rest = line[record.info_end :].removesuffix(b"\n")
        self._hash.update(
            b"".join((line[: record.info_start], canonical(record.info, self._keys), rest, b"\n"))
        )
        self.records += 1

    def add_plain(self, fields: Fields) -> None:
        """Add lines that have no key of ours and an INFO in its canonical form, see
        `has_plain_info`: their bytes are what `add` takes of each."""
        self._hash.update(fields.text)
        self.records += len(fields)

    def add_annotated(self, fields: Fields) -> bool:
        """Add lines with our keys at the end of INFO, or with none; return False, with nothing
        added, where one has another form. Every key that begins with GFM_ must be ours: the caller
        knows that no line of the input had one."""
        pieces = _without_our_tails(fields)
        if pieces is None:
            return False
        self._hash.update(b"".join(pieces))
        self.records += len(fields)
        return True

    def text(self) -> str:
        """Return the digest of the records so far, as hexadecimal BLAKE2b of 32 bytes."""
        return self._hash.hexdigest()


class Order:
    """Checks whether records are sorted: each contig in one run, with non-decreasing positions.
    `unsorted_line` is the first line that is not."""

    def __init__(self) -> None:
        self.unsorted_line: int | None = None
        self.farthest = 0
        self._done: set[str] = set()
        self._contig: str | None = None
        self._pos = -1

    def add(self, record: Record) -> None:
        """Compare one record with those before it."""
        if record.contig != self._contig:
            if record.contig in self._done and self.unsorted_line is None:
                self.unsorted_line = record.line_no
            if self._contig is not None:
                self._done.add(self._contig)
            self._contig, self._pos = record.contig, -1
        elif record.pos < self._pos and self.unsorted_line is None:
            self.unsorted_line = record.line_no
        self._pos = record.pos
        self.farthest = max(self.farthest, record.pos + len(record.ref))

    def add_lines(self, fields: Fields, first_line_no: int) -> None:
        """Compare many records with those before them, as `add` does with each."""
        for contig, start, stop in fields.contigs:
            if contig != self._contig:
                if contig in self._done and self.unsorted_line is None:
                    self.unsorted_line = first_line_no + start
                if self._contig is not None:
                    self._done.add(self._contig)
                self._contig, self._pos = contig, -1
            pos = fields.pos[start:stop]
            falls = np.flatnonzero(np.diff(pos, prepend=self._pos) < 0)
            if len(falls) and self.unsorted_line is None:
                self.unsorted_line = first_line_no + start + int(falls[0])
            self._pos = int(pos[-1])
        lengths = fields.ref[1] - fields.ref[0]
        self.farthest = max(self.farthest, int((fields.pos + lengths).max()))


def has_plain_info(fields: Fields) -> bool:
    """Whether no line has a key that begins with GFM_, and every INFO is as `canonical` gives it."""
    if PREFIX in fields.text:
        return False
    start, end = fields.info
    letters = np.frombuffer(fields.text, np.uint8)
    return bool(((end > start) & (letters[end - 1] != SEMICOLON)).all())


def _without_our_tails(fields: Fields) -> list[bytes] | None:
    """The bytes of the lines without our keys, in pieces; None where a key of the user follows one
    of ours, or INFO is not in its canonical form then."""
    text, pieces, copied_to = fields.text, [], 0
    for start, end in zip(fields.info[0].tolist(), fields.info[1].tolist(), strict=True):
        first = text.find(PREFIX, start, end)
        own_end = end if first < 0 else first - 1
        if first == start:
            pieces += (text[copied_to:start], b".")
        elif own_end <= start or text[own_end - 1] == SEMICOLON:
            return None
        elif first > 0:
            if text[own_end] != SEMICOLON:
                return None
            pieces.append(text[copied_to:own_end])
        if first >= 0:
            if text.count(b";", first, end) != text.count(b";" + PREFIX, first, end):
                return None
            copied_to = end
    pieces.append(text[copied_to:])
    return pieces
