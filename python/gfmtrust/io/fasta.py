"""One streaming pass over a FASTA: length, checksum and place of every contig, each letter looked
at, the index compared.

Needs no index and holds one chunk at a time. It gives no sequence: that is `genome`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gfmtrust.core.alphabet import FOLD, INVALID
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.io import bgzf

LETTERS = bytes(letter for letter in range(256) if FOLD[letter] != INVALID)
UPPER = bytes(range(256)).upper()
MAX_HEADER = 1 << 20  # bytes of a header line; more between two contigs means a wrong index
A_FASTA = "a FASTA, in which each contig begins with >name"


@dataclass(frozen=True)
class ContigSum:
    """What a contig is, without its letters.

    offset and end are bytes of the decompressed file: its first letter, and the one after its last.
    md5 is over the upper-case letters without line ends, as SAM's M5 tag has it.
    """

    name: str
    length: int
    md5: str
    offset: int
    end: int


@dataclass(frozen=True)
class IndexRow:
    """A line of a .fai: letters in the contig, byte of its first, letters and bytes in a line."""

    name: str
    length: int
    offset: int
    line_bases: int
    line_bytes: int

    def last_byte(self) -> int:
        """The byte after the contig's last letter, its line end not counted."""
        if not self.length or not self.line_bases:
            return self.offset
        return (
            self.offset
            + self.length
            + (self.length - 1) // self.line_bases * (self.line_bytes - self.line_bases)
        )


def scan(path: str | Path) -> Iterator[ContigSum]:
    """Every contig of a FASTA (plain, gzip or BGZF), in the order of the file.

    Raises BadDataError (65) for a letter that is not of DNA (U among them), with its contig and
    1-based position, text before the first header, a header without a name and a file without
    contigs; InputOutputError (74) for a damaged stream.
    """
    path = Path(path)
    contig = None
    for is_header, text, end in _pieces(path):
        if is_header:
            if contig is not None:
                yield contig.sum()
            contig = _Contig(path, _name(path, text, end), end, end)
        elif contig is not None:
            contig.feed(text, end)
        elif text.strip():
            raise BadDataError(
                message(path.name, f"'{shown(text.strip())}' before the first contig", A_FASTA)
            )
    if contig is None:
        raise BadDataError(message(path.name, "no contig", A_FASTA, "check the copy or download"))
    yield contig.sum()


def read_index(path: str | Path) -> list[IndexRow]:
    """The lines of a .fai. Raises BadDataError (65) where a line is not five columns of which four
    are integers >= 0."""
    rows = []
    for line_no, line in enumerate(bgzf.read_lines(path, 1 << 20), start=1):
        name, *numbers = line.decode("utf-8", "backslashreplace").rstrip("\r\n").split("\t")
        if len(numbers) != 4 or not all(
            number.isascii() and number.isdigit() for number in numbers
        ):
            observed = f"line {line_no} is '{shown(line.strip())}'"
            raise BadDataError(
                message(
                    Path(path).name,
                    observed,
                    "name, length, offset, bases, bytes",
                    "delete the index",
                )
            )
        rows.append(IndexRow(name, *map(int, numbers)))
    return rows


def compare_index(fasta: Path, index: Path, rows: list[IndexRow], contigs: list[ContigSum]) -> None:
    """Refuse (65) an index that is not of this FASTA: names, order, lengths, offsets and line
    lengths must all fit."""
    remedy = "delete the index"
    for row, contig in zip(rows, contigs, strict=False):
        if row.name != contig.name:
            observed = f"contig {shown(row.name)}; {fasta.name} has {shown(contig.name)}"
            raise BadDataError(message(index.name, observed, "the same", remedy))
        if row.length != contig.length:
            observed = f"{shown(row.name)} length {row.length}; {fasta.name} has {contig.length}"
            raise BadDataError(message(index.name, observed, "the same", remedy))
        if row.offset != contig.offset or row.last_byte() != contig.end:
            observed = f"{shown(row.name)} lies elsewhere in {fasta.name}"
            raise BadDataError(
                message(index.name, observed, "the same place, and lines of one length", remedy)
            )
    if len(rows) != len(contigs):
        raise BadDataError(
            message(
                index.name,
                f"{len(rows):,} contigs; {fasta.name} has {len(contigs):,}",
                "the same",
                remedy,
            )
        )


def compare_places(fasta: Path, index: Path, rows: list[IndexRow]) -> None:
    """Refuse (65) the index of another plain FASTA by what stands between its contigs, without
    reading their letters.

    Before each contig there must be its header line and nothing else, after the last one line ends
    only.
    """
    at = 0
    after_letter = False
    with bgzf.open_input(fasta) as file:
        for row in [*rows, IndexRow("", 0, fasta.stat().st_size, 0, 0)]:
            file.seek(max(0, at - 1))
            last_letter = file.read(1) if after_letter else b""
            file.seek(at)
            between = (
                file.read(row.offset - at) if 0 <= row.offset - at <= MAX_HEADER else b"too long"
            )
            if last_letter in (b"\r", b"\n") or not _is_header(
                between.lstrip(b"\r\n"), row.name.encode()
            ):
                observed = f"{shown(row.name) or 'the last contig'} begins or ends elsewhere in {fasta.name}"
                raise BadDataError(
                    message(
                        index.name,
                        observed,
                        "the same place, and lines of one length",
                        "delete the index",
                    )
                )
            at = row.last_byte()
            after_letter = row.length > 0


def _is_header(text: bytes, name: bytes) -> bool:
    """Whether a text is the header line of that contig and nothing else; the empty text for no
    name. No regex: one per contig is slow."""
    if not name:
        return not text
    begin, after = text[: len(name) + 1], text[len(name) + 1 :]
    return (
        begin == b">" + name
        and after[:1] in (b" ", b"\t", b"\r", b"\n")
        and after.find(b"\n") == len(after) - 1
    )


def compare_blocks(fasta: Path, index: Path) -> None:
    """Refuse (65) a .gzi that names a block which the compressed FASTA does not have."""
    raw = index.read_bytes()
    entries = struct.iter_unpack("<QQ", raw[8:]) if len(raw) % 16 == 8 else [(1, 0)]
    if not set(entries) <= set(bgzf.block_starts(fasta)):
        raise BadDataError(
            message(
                index.name,
                f"blocks that are not in {fasta.name}",
                "the same blocks",
                "delete the index",
            )
        )


def bad_letter(path: Path, contig: str, pos: int, letter: bytes) -> BadDataError:
    """The error for a letter at a 0-based position; people count from 1."""
    remedy = "write T for U" if letter in b"Uu" else "check the file"
    place = f"{path.name} {shown(contig)}:{pos + 1}"
    return BadDataError(
        message(place, f"letter '{shown(letter)}'", "DNA letters in lines of one length", remedy)
    )


def _pieces(path: Path) -> Iterator[tuple[bool, bytes, int]]:
    """(True, header line, byte after it) and (False, piece of sequence, byte after it), in order.

    `>` begins a header at the start of a line only.
    """
    header: bytes | None = None
    last = b"\n"
    at = 0
    for chunk in bgzf.read_chunks(path, max_ratio=None):
        start = 0
        while start < len(chunk):
            if header is None and last == b"\n" and chunk.startswith(b">", start):
                header = b""
            if header is None:
                stop = chunk.find(b"\n>", start) + 1 or len(chunk)
                yield False, chunk[start:stop], at + stop
            else:
                stop = chunk.find(b"\n", start) + 1 or len(chunk)
                header += chunk[start:stop]
                if header.endswith(b"\n"):
                    yield True, header, at + stop
                    header = None
            last = chunk[stop - 1 : stop]
            start = stop
        at += len(chunk)
    if header is not None:
        yield True, header, at


def _name(path: Path, header: bytes, end: int) -> str:
    words = header[1:].split()
    if not words or header[1:2].isspace():
        raise BadDataError(
            message(
                path.name,
                f"a header without a name before byte {end:,}",
                ">name",
                "name the contig",
            )
        )
    return words[0].decode("utf-8", "backslashreplace")


@dataclass
class _Contig:
    """The contig being read."""

    path: Path
    name: str
    offset: int
    end: int
    length: int = 0
    md5: hashlib._Hash = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))

    def feed(self, text: bytes, end: int) -> None:
        letters = text.translate(UPPER, b"\r\n")
        if letters.translate(None, LETTERS):
            index = next(i for i, letter in enumerate(letters) if FOLD[letter] == INVALID)
            raise bad_letter(self.path, self.name, self.length + index, letters[index : index + 1])
        self.md5.update(letters)
        self.length += len(letters)
        if letters:
            self.end = end - (len(text) - len(text.rstrip(b"\r\n")))

    def sum(self) -> ContigSum:
        return ContigSum(self.name, self.length, self.md5.hexdigest(), self.offset, self.end)
