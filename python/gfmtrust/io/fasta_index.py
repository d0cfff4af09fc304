"""The index of a FASTA: which files have one, as htslib decides it, and how it is read.

pyfaidx builds and reads an index in the charset of the locale, and its errors are not for users.
Source: `fai_build_core` in htslib's faidx.c; unlike there, a contig may have no letters, and each
must have a name of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pyfaidx

from gfmtrust.core.disk import is_disk_fault, write_failed
from gfmtrust.core.errors import BadDataError, CannotWriteError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.io import fasta as fasta_scan
from gfmtrust.io import text_lines
from gfmtrust.io.fasta import IndexRow

MAX_LINE = 1 << 40  # bytes; htslib has no limit, and a contig may be one line
ONE_LENGTH = "contigs of unique names, lines of one length"


class Faidx(pyfaidx.Faidx):
    """pyfaidx with an index that is built and read as htslib does: whatever the charset of the
    locale, and with columns of other programs after the fifth."""

    def read_fai(self) -> None:
        """Read the index. Raises BadDataError (65) for a malformed line and for a name that
        occurs twice."""
        index = Path(self.indexname)
        before = 0
        for row in fasta_scan.read_index(index):
            if row.name in self.index:
                observed = f"contig {shown(row.name)} twice"
                raise BadDataError(message(index.name, observed, "unique names", "rename one"))
            line_ends = row.line_bytes - row.line_bases
            lines = math.ceil(row.length / row.line_bases) if row.line_bases else 0
            end = row.offset + row.length + lines * line_ends
            self.index[row.name] = pyfaidx.IndexRecord(
                row.length, row.offset, row.line_bases, row.line_bytes, end, before
            )
            before = end

    def build_index(self) -> None:
        """Write the index. Raises BadDataError (65) for a FASTA without one, InputOutputError (74)
        for a damaged stream, and CannotWriteError (73)."""
        index = Path(self.indexname)
        text = "".join(
            f"{row.name}\t{row.length}\t{row.offset}\t{row.line_bases}\t{row.line_bytes}\n"
            for row in rows(Path(self.filename))
        )
        try:
            index.write_text(text, encoding="utf-8")
        except OSError as error:
            if is_disk_fault(error):
                raise write_failed(index, error) from error
            observed = f"cannot be written ({error.strerror})"
            expected = "a folder with room for the index"
            raise CannotWriteError(message(str(index), observed, expected)) from error


def rows(fasta: Path) -> Iterator[IndexRow]:
    """Yield the line of the index of every contig.

    Raises BadDataError (65) for the first line of the FASTA that has no place in an index, and
    InputOutputError (74) for a damaged stream.
    """
    names: set[str] = set()
    contig: _Lines | None = None
    line = b"\n"
    at = 0
    for line_no, line in enumerate(text_lines.read_lines(fasta, MAX_LINE, None), start=1):
        at += len(line)
        place = f"{fasta.name} line {line_no}"
        if b"\r" in line.rstrip(b"\r\n"):
            remedy = r"convert the line ends, as with tr '\r' '\n'"
            raise BadDataError(message(place, "a CR inside the line", "LF or CR LF", remedy))
        if line.startswith(b">"):
            if contig:
                yield contig.row()
            contig = _Lines(_new_name(line, names, place), at)
            names.add(contig.name)
        elif contig:
            observed = contig.add(line)
            if observed:
                remedy = "write it again, as with seqkit seq -w 60"
                raise BadDataError(message(place, observed, ONE_LENGTH, remedy))
    if contig is None or (line.startswith(b">") and not line.endswith(b"\n")):
        observed = f"ends in the header of {shown(contig.name)}" if contig else "no contig"
        raise BadDataError(message(fasta.name, observed, "letters", "check the copy or download"))
    yield contig.row()


def _new_name(header: bytes, names: set[str], place: str) -> str:
    name = fasta_scan.name_of(header)
    if not name:
        raise fasta_scan.no_name(place)
    if name in names:
        observed = f"contig {shown(name)} twice"
        raise BadDataError(message(place, observed, "unique names", "rename one"))
    return name


class _Lines:
    """The lines of one contig from byte `offset` on: all as long as the first, but for the last."""

    def __init__(self, name: str, offset: int) -> None:
        self.name = name
        self._offset = offset
        self._length = 0
        self._first: tuple[int, int] | None = None
        self._ended = ""

    def add(self, line: bytes) -> str:
        """Add the next line; returns what is wrong with it, the empty text where nothing is."""
        letters = line.rstrip(b"\r\n")
        if not letters:
            self._ended = self._ended or "an empty line"
            return ""
        if self._ended:
            return f"letters of {shown(self.name)} after {self._ended}"
        lengths = (len(letters), len(line))
        self._first = self._first or lengths
        self._length += lengths[0]
        if lengths[0] > self._first[0]:
            return f"{lengths[0]} letters of {shown(self.name)} after a line of {self._first[0]}"
        if lengths != self._first:
            self._ended = f"a line of another length than {self._first[0]}"
        return ""

    def row(self) -> IndexRow:
        """The contig's line of the index."""
        return IndexRow(self.name, self._length, self._offset, *(self._first or (0, 0)))
