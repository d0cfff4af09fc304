"""A VCF as records of raw bytes: every line is kept byte for byte, and a malformed one raises an
error with its line number.

Only this module, and the writers through it, converts the 1-based POS of VCF to 0-based positions
and back. It checks the text of lines and alleles; checks that need the genome are made elsewhere,
and nothing is written here. Source: VCF specification 4.3, section 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pysam

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.vocabulary import Status
from gfmtrust.core.warning_counts import shown
from gfmtrust.io import bgzf
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


def read(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> tuple[Header, Iterator[Record]]:
    """Return the header and the records of a VCF, plain, gzip or BGZF, in one pass; every record
    once and in order.

    Raises BadDataError (65) with the line for a file that is not a VCF or exceeds a limit,
    InputOutputError (74) for a damaged stream, and MissingInputError (66). Iterating over the
    records raises the same errors.
    """
    path = Path(path)
    lines = _text_lines(path, limits)
    header = read_header(path, lines, limits)
    return header, _records(path, header, lines, limits)


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
    if alt in _GVCF_ALLELES:
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


def check_with_htslib(path: str | Path, n_records: int) -> str | None:
    """Read the file again with pysam. Return None where it finds the same number of records,
    otherwise the difference as the text of a warning.

    A difference does not stop the run: bcftools cannot read such a file, but every record of it can
    be copied (GATK's own 1000G_phase1.indels is one). Agreement proves little, because pysam
    silently reads many broken records.
    """
    if bgzf.container(path) is bgzf.Container.GZIP:
        return None  # pysam cannot seek in plain gzip and raises NotImplementedError
    verbosity = pysam.set_verbosity(0)  # htslib writes to stderr by itself
    n_seen = 0
    try:
        with pysam.VariantFile(str(path), drop_samples=True) as file:
            for _ in file:
                n_seen += 1
    except (ValueError, OSError) as error:
        observed = f"htslib (bcftools, pysam) stops after {n_seen:,} of {n_records:,} records"
        return (
            f"{observed}: {shown(str(error))}"
            if n_seen
            else "htslib (bcftools, pysam) cannot read the header or first record"
        )
    finally:
        pysam.set_verbosity(verbosity)
    return (
        None
        if n_seen == n_records
        else f"htslib (bcftools, pysam) reads {n_seen:,} of {n_records:,} records"
    )


def _text_lines(path: Path, limits: Limits) -> Iterator[bytes]:
    """Return the lines of the file, after a check of its first bytes."""
    chunks = bgzf.read_chunks(path, limits.max_ratio)
    head = next(chunks, b"")
    while len(head) < 16 and (more := next(chunks, b"")):
        head += more
    chunks.close()
    _check_first_bytes(path, head[:16])
    remedy = "drop its long fields, or give a larger --max_line to CHECK_INPUTS and ANNOTATE_VCF"
    return bgzf.read_lines(path, limits.max_line, limits.max_ratio, remedy)


def _check_first_bytes(path: Path, head: bytes) -> None:
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


def _records(
    path: Path, header: Header, lines: Iterator[bytes], limits: Limits
) -> Iterator[Record]:
    contigs: dict[bytes, str] = {}
    blank_line_no = 0
    for line_no, line in enumerate(lines, start=len(header.lines) + 1):
        if line in BLANK:
            blank_line_no = blank_line_no or line_no
            continue
        if blank_line_no:
            raise _wrong_columns(path, blank_line_no, 1, header.n_columns)
        n_columns = line.count(b"\t") + 1
        if n_columns != header.n_columns:
            raise _wrong_columns(path, line_no, n_columns, header.n_columns)
        contig, pos_text, _, ref, alt, _, _, info, *rest = line.split(b"\t", N_FIXED)
        name = contigs.get(contig)
        if name is None:
            name = contigs[contig] = _contig_name(path, line_no, contig)
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
        yield Record(
            line_no,
            name,
            pos,
            _text(ref),
            _alleles(path, line_no, alt),
            line,
            info_start,
            info_end,
        )


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
