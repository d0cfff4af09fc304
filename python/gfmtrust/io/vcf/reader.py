"""A VCF as records of raw bytes: every line is kept byte for byte, and a malformed one raises an
error with its line number.

Only this module, and the writers through it, converts the 1-based POS of VCF to 0-based positions
and back. It checks the text of lines and alleles; checks that need the genome are made elsewhere,
and nothing is written here. Source: VCF specification 4.3, section 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import AnyStr, NamedTuple

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.vocabulary import Status
from gfmtrust.core.warning_counts import shown
from gfmtrust.io import bgzf, text_lines
from gfmtrust.io.vcf.fields import Fields, fields_of
from gfmtrust.io.vcf.header import (
    CONTIG,
    DEFAULT_LIMITS,
    N_FIXED,
    Header,
    Limits,
    bad_line,
    read_header,
)

_POS = re.compile(rb"[0-9]{1,18}")
_SNV = frozenset(BASES + BASES.lower())
BLANK = frozenset((b"\n", b"\r\n"))
"""Lines that may follow the last record. They are no records, and are not copied."""
SHORTER = f"{text_lines.SHORTER}, or give a larger --max_line to CHECK_INPUTS and ANNOTATE_VCF"
_GVCF_ALLELES = frozenset(("<NON_REF>", "<*>"))


class Record(NamedTuple):
    """One line of a VCF: the fields that are checked, and the line itself.

    pos is 0-based (POS 0, a telomere, is -1); alts is empty where ALT is `.`; ref and alts keep the
    case of the file; line contains all bytes with its line ending, which the last line of a file
    may lack; column 8 is line[info_start:info_end].
    """

    line_no: int
    contig: str
    pos: int
    ref: str
    alts: tuple[str, ...]
    line: bytes
    info_start: int
    info_end: int

    @property
    def info(self) -> bytes:
        """Column 8 without the line ending."""
        return self.line[self.info_start : self.info_end]


@dataclass(frozen=True)
class Block:
    """Some whole lines of a VCF below its header, as they stand in the file.

    line_no: the number of the first line; only the last block of a file may lack its line end.
    """

    text: bytes
    line_no: int
    _parser: _Parser

    def records(self) -> Iterator[Record]:
        """Yield the record of every line. Raises the errors of `read`."""
        return self._parser.records(self.text, self.line_no)

    def fields(self) -> Fields | None:
        """Return the columns of all lines at once; None where a line is not an ordinary one, so
        that `records` has to judge it."""
        return self._parser.fields(self.text)

    def record(self, fields: Fields, row: int) -> Record:
        """Return the record of one line of `fields`."""
        return self._parser.record(self.line_no + row, fields.line(row))


def read_blocks(
    path: str | Path, limits: Limits = DEFAULT_LIMITS
) -> tuple[Header, Iterator[Block]]:
    """Return the header and the lines of a VCF in blocks, plain, gzip or BGZF, in one pass.

    Raises the errors of `read`; those of a line come from `Block.records`, in the order of the
    lines where the blocks are read in their order.
    """
    path = Path(path)
    _check_first_bytes(path, limits)
    text = _HeaderLines(path, limits)
    header = read_header(path, text, limits)
    return header, _blocks(text, _Parser(path, header, limits))


def _blocks(text: _HeaderLines, parser: _Parser) -> Iterator[Block]:
    line_no = text.n_lines + 1
    for block in text.rest():
        yield Block(block, line_no, parser)
        line_no += block.count(b"\n")


def read(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> tuple[Header, Iterator[Record]]:
    """Return the header and the records of a VCF, plain, gzip or BGZF, in one pass; every record
    once and in order.

    Raises BadDataError (65) with the line for a file that is not a VCF or exceeds a limit,
    InputOutputError (74) for a damaged stream, and MissingInputError (66). Iterating over the
    records raises the same errors.
    """
    header, blocks = read_blocks(path, limits)
    return header, (record for block in blocks for record in block.records())


def read_records(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[Record]:
    """Return the records of a VCF; `read` also returns the header."""
    return read(path, limits)[1]


def format_position(pos: int) -> str:
    """Return the POS of a 0-based position. Only this function and `parse_position` add or subtract
    1."""
    return str(pos + 1)


def parse_position(text: bytes | str) -> int | None:
    """Return the 0-based position of a POS text, -1 for POS 0; None where it is not an integer >= 0
    of at most 18 digits."""
    text = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
    return int(text) - 1 if _POS.fullmatch(text) else None


def place(path: str | Path, record: Record) -> str:
    """Return `file contig:pos` of a record, for messages and counted warnings."""
    return f"{Path(path).name} {record.contig}:{format_position(record.pos)}"


def upper_case(allele: AnyStr) -> AnyStr:
    """An allele of letters in upper case; any other one as it is written, because a breakend names
    a contig, and `<DEL>` an identifier of the header."""
    return allele.upper() if allele.isalpha() else allele


def is_snv(ref: str, alt: str) -> bool:
    """Whether both alleles are one base of ACGT, in either case; an ALT equal to REF counts too."""
    return ref in _SNV and alt in _SNV


def text_status(ref: str, alt: str) -> Status | None:
    """Return the status that follows from the text of an allele alone, None where the genome is
    needed.

    GVCF_BLOCK, SYMBOLIC, SPANNING_DEL and BREAKEND come before NO_CONTIG and OUT_OF_RANGE in the
    order of precedence, AMBIGUOUS_BASE (a letter outside ACGT in REF or ALT) after them. Source:
    docs/start/output.md, "Statuses".
    """
    if alt.upper() in _GVCF_ALLELES:
        return Status.GVCF_BLOCK
    if alt.startswith("<") and alt.endswith(">"):
        return Status.SYMBOLIC
    if alt == "*":
        return Status.SPANNING_DEL
    if "[" in alt or "]" in alt or (len(alt) > 1 and (alt[0] == "." or alt[-1] == ".")):
        return Status.BREAKEND
    if set(ref) <= _SNV and set(alt) <= _SNV:
        return None
    return Status.AMBIGUOUS_BASE


class _HeaderLines:
    """The lines at the start of a file, one by one, and then the rest of it in blocks."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._max_line = path, limits.max_line
        self._blocks = text_lines.read_line_blocks(path, limits.max_line, limits.max_ratio, SHORTER)
        self._text, self._at = b"", 0
        self.n_lines = 0

    def __iter__(self) -> _HeaderLines:
        return self

    def __next__(self) -> bytes:
        if self._at == len(self._text):
            self._text, self._at = next(self._blocks), 0
        end = self._text.find(b"\n", self._at) + 1 or len(self._text)
        line, self._at = self._text[self._at : end], end
        self.n_lines += 1
        if len(line) - line.endswith(b"\n") > self._max_line:
            raise text_lines.line_too_long(self._path, self.n_lines, self._max_line, SHORTER)
        return line

    def rest(self) -> Iterator[bytes]:
        """Yield what follows the lines that were read."""
        if self._at < len(self._text):
            yield self._text[self._at :]
        yield from self._blocks


def _check_first_bytes(path: Path, limits: Limits) -> None:
    chunks = bgzf.read_chunks(path, limits.max_ratio)
    head = next(chunks, b"")
    while len(head) < 16 and (more := next(chunks, b"")):
        head += more
    chunks.close()
    if not head:
        expected = "a VCF, which begins with ##fileformat"
        raise BadDataError(message(path.name, "empty file", expected, "check the copy or download"))
    if head.startswith(b"BCF"):
        remedy = f"convert with bcftools view -Oz -o {path.stem}.vcf.gz {path.name}"
        raise BadDataError(message(path.name, "is BCF", "VCF", remedy))
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"#\0", b"\0#")):
        raise BadDataError(
            message(path.name, "is UTF-16", "UTF-8 without BOM", "convert with iconv")
        )
    if head.startswith(b"\xef\xbb\xbf"):
        raise BadDataError(
            message(
                path.name,
                "begins with a byte-order mark",
                "UTF-8 without BOM",
                "convert with iconv",
            )
        )


class _Parser:
    """Splits the lines of one file into records and remembers what a later line is judged by: the
    names of contigs that were checked, and empty lines, which no record may follow."""

    def __init__(self, path: Path, header: Header, limits: Limits) -> None:
        self._path, self._header, self._limits = path, header, limits
        self._contigs: dict[bytes, str] = {}
        self._blank_line_no = 0

    def fields(self, text: bytes) -> Fields | None:
        """See `Block.fields`."""
        if self._blank_line_no:
            return None
        return fields_of(text, self._header.n_columns, self._limits)

    def records(self, text: bytes, first_line_no: int) -> Iterator[Record]:
        """Yield the record of every line of a text."""
        for line_no, line in enumerate(text_lines.lines_of(text), start=first_line_no):
            if line in BLANK:
                self._blank_line_no = self._blank_line_no or line_no
                continue
            if self._blank_line_no:
                raise _wrong_columns(self._path, self._blank_line_no, 1, self._header.n_columns)
            yield self.record(line_no, line)

    def record(self, line_no: int, line: bytes) -> Record:
        """Return the record of one line that is not empty."""
        path, limits = self._path, self._limits
        if len(line) - line.endswith(b"\n") > limits.max_line:
            raise text_lines.line_too_long(path, line_no, limits.max_line, SHORTER)
        n_columns = line.count(b"\t") + 1
        if n_columns != self._header.n_columns and not (
            n_columns == self._header.n_columns + 1 and line.rstrip(b"\r\n").endswith(b"\t")
        ):  # GATK 3 wrote a tab after the last sample; every reader ignores it
            raise _wrong_columns(path, line_no, n_columns, self._header.n_columns)
        contig, pos_text, _, ref, alt, _, _, info, *rest = line.split(b"\t", N_FIXED)
        name = self._contigs.get(contig)
        if name is None:
            name = self._contigs[contig] = _contig_name(path, line_no, contig)
        pos = parse_position(pos_text)
        if pos is None:
            raise bad_line(
                path, line_no, f"POS is {shown(pos_text)}", "an integer >= 0", "fix the record"
            )
        if not ref or not alt:
            raise bad_line(
                path,
                line_no,
                f"{'REF' if not ref else 'ALT'} is empty",
                "bases, or . for no ALT",
                "fix the record",
            )
        info_end = len(line) - len(rest[0]) - 1 if rest else len(line.rstrip(b"\r\n"))
        info_start = len(line) - len(info) - (len(rest[0]) + 1 if rest else 0)
        alts = _alleles(path, line_no, alt)
        return Record(line_no, name, pos, _text(ref), alts, line, info_start, info_end)


def _wrong_columns(path: Path, line_no: int, n_columns: int, n_header: int) -> BadDataError:
    if n_columns < N_FIXED:
        return bad_line(path, line_no, f"{n_columns} columns", "at least 8", "is the file cut off?")
    remedy = "is the file cut off?" if n_columns < n_header else "name every sample in the header"
    return bad_line(
        path, line_no, f"{n_columns} columns; header has {n_header}", str(n_header), remedy
    )


def _contig_name(path: Path, line_no: int, contig: bytes) -> str:
    if not CONTIG.fullmatch(contig):
        observed = f"contig name '{shown(contig)}' not allowed"
        raise bad_line(
            path, line_no, observed, "the letters of VCF 4.3, section 1.6.1", "rename the contig"
        )
    return contig.decode("ascii")


def _alleles(path: Path, line_no: int, alt: bytes) -> tuple[str, ...]:
    if alt == b".":
        return ()
    alts = tuple(_text(alt).split(","))
    if "" in alts:
        raise bad_line(
            path,
            line_no,
            "an allele of ALT is empty",
            "a base or more between commas",
            "fix the record",
        )
    return alts


def _text(field: bytes) -> str:
    # Alleles are ASCII. A stray byte stays visible and makes the allele AMBIGUOUS_BASE instead of
    # stopping the run.
    return field.decode("ascii", "backslashreplace")
