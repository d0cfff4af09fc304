"""One streaming pass over a FASTA: the length, checksum and offset of every contig, a check of each
letter, and the comparison with the index.

No index is needed, and one chunk is in memory at a time. The sequence itself is read by `genome`.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gfmtrust.core.alphabet import FOLD, INVALID
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.io import bgzf, text_lines

LETTERS = bytes(letter for letter in range(256) if FOLD[letter] != INVALID)
UPPER = bytes(range(256)).upper()
MAX_HEADER = 1 << 20  # bytes of a header line; a larger gap between two contigs means a wrong index
_NUMBER = re.compile(r"[0-9]{1,18}")  # an offset of a file has 63 bits
A_FASTA = "a FASTA, in which each contig begins with >name"


@dataclass(frozen=True)
class ContigSum:
    """The properties of a contig without its letters.

    offset and end are byte offsets in the decompressed file: of its first letter, and after its
    last. md5 is that of the upper-case letters without line ends, as in SAM's M5 tag.
    """

    name: str
    length: int
    md5: str
    offset: int
    end: int


@dataclass(frozen=True)
class IndexRow:
    """A line of a .fai: the length of the contig in letters, the offset of its first letter, and
    the letters and bytes per line."""

    name: str
    length: int
    offset: int
    line_bases: int
    line_bytes: int

    def last_byte(self) -> int:
        """Return the offset after the contig's last letter, without its line end."""
        if not self.length or not self.line_bases:
            return self.offset
        return (
            self.offset
            + self.length
            + (self.length - 1) // self.line_bases * (self.line_bytes - self.line_bases)
        )


def scan(path: str | Path) -> Iterator[ContigSum]:
    """Yield every contig of a FASTA (plain, gzip or BGZF) in file order.

    Raises BadDataError (65) for a letter that is not DNA (U is one), with its contig and 1-based
    position, for text before the first header, a header without a name and a file without contigs;
    InputOutputError (74) for a damaged stream.
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
    """Return the lines of a .fai. Raises BadDataError (65) for a line that is not a name and four
    integers >= 0; as in htslib, further columns are ignored."""
    rows = []
    for line_no, line in enumerate(text_lines.read_lines(path, 1 << 20), start=1):
        name, *numbers = line.decode("utf-8", "backslashreplace").rstrip("\r\n").split("\t")[:5]
        if not name or len(numbers) != 4 or not all(map(_NUMBER.fullmatch, numbers)):
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
    """Raise BadDataError (65) for an index that does not belong to this FASTA: names, order,
    lengths, offsets and line lengths must all agree. A name that the FASTA has twice is refused
    first, because htslib leaves the second contig out of the index."""
    remedy = "delete the index"
    names = Counter(contig.name for contig in contigs)
    if len(names) < len(contigs):
        observed = f"contig {shown(names.most_common(1)[0][0])} twice"
        raise BadDataError(message(fasta.name, observed, "unique names", "rename one"))
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
    """Raise BadDataError (65) for the index of another plain FASTA, judged by the text between the
    contigs alone, without reading their letters.

    Before each contig there must be its header line and nothing else; after the last one only line
    ends.
    """
    at, size = 0, fasta.stat().st_size
    after_letter = False
    with bgzf.open_input(fasta) as file:
        for row in [*rows, IndexRow("", 0, size, 0, 0)]:
            file.seek(max(0, at - 1))
            last_letter = file.read(1) if after_letter else b""
            file.seek(at)
            between = (
                file.read(row.offset - at) if 0 <= row.offset - at <= MAX_HEADER else b"too long"
            )
            if last_letter in (b"\r", b"\n") or not _is_header(between.lstrip(b"\r\n"), row.name):
                observed = f"{shown(row.name) or 'the last contig'} begins or ends elsewhere in {fasta.name}"
                raise BadDataError(
                    message(
                        index.name,
                        observed,
                        "the same place, and lines of one length",
                        "delete the index",
                    )
                )
            at = min(row.last_byte(), size + 1)  # no file can be sought beyond 63 bits
            after_letter = row.length > 0


def _is_header(text: bytes, name: str) -> bool:
    """Whether a text is exactly the header line of that contig; the empty text for an empty name.
    There is no regular expression, because compiling one per contig is slow."""
    if not name:
        return not text
    return text.startswith(b">") and text.find(b"\n") == len(text) - 1 and name_of(text) == name


def name_of(header: bytes) -> str:
    """Return the name in a header line: its first word, as in htslib also after spaces; empty where
    there is none. Bytes that are not UTF-8 are written as escapes."""
    return next(iter(header[1:].split(None, 1)), b"").decode("utf-8", "backslashreplace")


def no_name(place: str) -> BadDataError:
    """Return the error for a header without a name."""
    return BadDataError(message(place, "a header without a name", ">name", "name the contig"))


def compare_blocks(fasta: Path, index: Path) -> None:
    """Raise BadDataError (65) for a .gzi that names a block which the compressed FASTA does not
    have."""
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
    """Return the error for a letter at a 0-based position; the message counts from 1."""
    remedy = "write T for U" if letter in b"Uu" else "check the file"
    place = f"{path.name} {shown(contig)}:{pos + 1}"
    return BadDataError(
        message(place, f"letter '{shown(letter)}'", "DNA letters in lines of one length", remedy)
    )


def _pieces(path: Path) -> Iterator[tuple[bool, bytes, int]]:
    """Yield (True, header line, offset after it) and (False, piece of sequence, offset after it),
    in order.

    `>` starts a header only at the start of a line.
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
    name = name_of(header)
    if not name:
        raise no_name(f"{path.name} before byte {end:,}")
    return name


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
