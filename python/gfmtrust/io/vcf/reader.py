"""VCF as records of raw bytes: what is read is kept byte for byte, and a malformed line stops with
its number.

Only this module (and the writers through it) turns the 1-based POS of VCF into 0-based positions
and back. It judges the text of lines and alleles; what needs the genome is judged elsewhere, and
nothing here writes. Source: VCF specification 4.3, section 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pysam

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.vocabulary import Status
from gfmtrust.core.warning_counts import shown
from gfmtrust.io import bgzf

COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
N_FIXED = 8
_FILEFORMAT = re.compile(rb"##fileformat=VCFv[0-9][0-9.]*\r?\n?")
_POS = re.compile(rb"[0-9]{1,18}")
# VCF 4.3 allows '#' in front too, but then every other reader takes the record for a header line
# and loses it.
_NAME = rb"[0-9A-Za-z!$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*"
_CONTIG = re.compile(
    rb"%b|<%b>" % (_NAME, _NAME)
)  # VCF 4.3 section 1.6.1; <name> points into an assembly file
_DECLARATION = re.compile(rb"##(INFO|FILTER|FORMAT|contig)=<(?:.*,)?ID=([^,>]+)")
_LENGTH = re.compile(rb"[<,]length=([0-9]{1,18})[,>]")
_SNV = frozenset(BASES + BASES.lower())
_GVCF_ALLELES = frozenset(("<NON_REF>", "<*>"))


@dataclass(frozen=True)
class Limits:
    """Where a file is taken for damaged or hostile; bytes unless the name says otherwise."""

    max_line: int = 16 << 20
    max_header: int = 64 << 20
    max_alts: int = 10_000
    max_samples: int = 100_000
    max_ratio: float = bgzf.MAX_RATIO


DEFAULT_LIMITS = Limits()


class Record(NamedTuple):
    """One line of a VCF: the fields we judge, and the line itself.

    pos is 0-based (POS 0, a telomere, is -1); alts is empty where ALT is `.`; ref and alts keep the
    case of the file; line holds all bytes with its line ending (the last of a file may have none);
    column 8 is line[info_start:info_end].
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
        """Column 8, no part of the line ending."""
        return self.line[self.info_start : self.info_end]


@dataclass(frozen=True)
class Header:
    """All header lines with their endings, #CHROM last, and how many columns that one names."""

    lines: tuple[bytes, ...]
    n_columns: int

    def declared(self, kind: str) -> set[bytes]:
        """IDs of the structured lines of a kind: INFO, FILTER, FORMAT or contig."""
        matches = (_DECLARATION.match(line) for line in self.lines)
        return {match[2] for match in matches if match and match[1] == kind.encode()}

    def contig_lengths(self) -> dict[str, int | None]:
        """Length of each declared contig, None where the header gives none; order of the file."""
        lengths = {}
        for line in self.lines:
            match = _DECLARATION.match(line)
            if match and match[1] == b"contig":
                length = _LENGTH.search(line)
                lengths[match[2].decode("utf-8", "backslashreplace")] = (
                    int(length[1]) if length else None
                )
        return lengths

    @property
    def ending(self) -> bytes:
        """The line ending of #CHROM, which lines put before it take over."""
        return b"\r\n" if self.lines[-1].endswith(b"\r\n") else b"\n"


def read(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> tuple[Header, Iterator[Record]]:
    """Header and records of a VCF, plain, gzip or BGZF, in one pass; every record once and in
    order.

    Raises BadDataError (65) for what is no VCF or breaks a limit, with the line; InputOutputError
    (74) for a damaged stream; MissingInputError (66). The records raise the same as they are drawn.
    """
    path = Path(path)
    lines = _text_lines(path, limits)
    header = _read_header(path, lines, limits)
    return header, _records(path, header, lines, limits)


def read_records(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[Record]:
    """The records of a VCF; as `read`, which also gives the header."""
    return read(path, limits)[1]


def format_position(pos: int) -> str:
    """POS of a 0-based position. With `parse_position` the only place that adds or takes 1."""
    return str(pos + 1)


def parse_position(text: bytes | str) -> int | None:
    """0-based position of a POS text, -1 for POS 0; None where it is no integer >= 0 of at most 18
    digits."""
    text = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
    return int(text) - 1 if _POS.fullmatch(text) else None


def place(path: str | Path, record: Record) -> str:
    """`file contig:pos` of a record, for messages and counted warnings."""
    return f"{Path(path).name} {record.contig}:{format_position(record.pos)}"


def is_snv(ref: str, alt: str) -> bool:
    """Whether both alleles are one base of ACGT, in either case; ALT equal to REF counts."""
    return ref in _SNV and alt in _SNV


def text_status(ref: str, alt: str) -> Status | None:
    """The status that the text of an allele alone decides, None where it takes the genome to say.

    GVCF_BLOCK, SYMBOLIC, SPANNING_DEL and BREAKEND come before NO_CONTIG and OUT_OF_RANGE in the
    order of precedence, AMBIGUOUS_BASE (a letter outside ACGT in REF or ALT) after them. Source:
    docs/understand/scoring.md, section 5.
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
    """Read the file once more with pysam: None where it sees as many records, else what it saw, in
    words for a warning.

    Its no stops nothing: bcftools cannot read such a file, but every record of it can be carried
    over (GATK's own 1000G_phase1.indels is one). Its yes proves little: pysam reads many broken
    records in silence.
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
        found = f"htslib (bcftools, pysam) stops after {n_seen:,} of {n_records:,} records"
        return (
            f"{found}: {shown(str(error))}"
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
    """Lines of the file, after a look at its first bytes."""
    chunks = bgzf.read_chunks(path, limits.max_ratio)
    head = next(chunks, b"")
    while len(head) < 16 and (more := next(chunks, b"")):
        head += more
    chunks.close()
    _check_first_bytes(path, head[:16])
    return bgzf.read_lines(path, limits.max_line, limits.max_ratio)


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


def _read_header(path: Path, lines: Iterator[bytes], limits: Limits) -> Header:
    first = next(lines)
    if not _FILEFORMAT.fullmatch(first):
        found = (
            "a record"
            if first.count(b"\t") >= N_FIXED - 1 and not first.startswith(b"#")
            else f"'{shown(first.strip())}'"
        )
        raise BadDataError(
            message(path.name, f"line 1 is {found}", "##fileformat=VCFv4.x", "restore the header")
        )
    header = [first]
    size = len(first)
    for line in lines:
        header.append(line)
        size += len(line)
        if size > limits.max_header:
            found = f"header longer than {limits.max_header / (1 << 20):g} MiB"
            raise _bad_line(path, len(header), found, "a shorter header", "see --max_header")
        if not line.startswith(b"##"):
            break
    return Header(tuple(header), _header_columns(path, len(header), header[-1], limits))


def _header_columns(path: Path, line_no: int, line: bytes, limits: Limits) -> int:
    """Number of columns of the #CHROM line, which must be the one that ends the header."""
    names = line.rstrip(b"\r\n\t").split(
        b"\t"
    )  # GATK's 1000G_phase1.indels ends this line in a tab
    if b"\t".join(names[:N_FIXED]) != COLUMNS or (
        len(names) > N_FIXED and names[N_FIXED] != b"FORMAT"
    ):
        expected = "#CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO[, FORMAT, samples], by tabs"
        raise BadDataError(
            message(
                path.name,
                f"line {line_no} is '{shown(line.strip())}'",
                expected,
                "restore the header",
            )
        )
    if len(names) > N_FIXED + 1 + limits.max_samples:
        found = f"{len(names) - N_FIXED - 1:,} sample columns"
        raise _bad_line(
            path, line_no, found, f"at most {limits.max_samples:,}", "see --max_samples"
        )
    return len(names)


def _records(
    path: Path, header: Header, lines: Iterator[bytes], limits: Limits
) -> Iterator[Record]:
    contigs: dict[bytes, str] = {}
    for line_no, line in enumerate(lines, start=len(header.lines) + 1):
        n_columns = line.count(b"\t") + 1
        if n_columns != header.n_columns:
            raise _wrong_columns(path, line_no, n_columns, header.n_columns)
        contig, pos_text, _, ref, alt, _, _, info, *rest = line.split(b"\t", N_FIXED)
        name = contigs.get(contig)
        if name is None:
            name = contigs[contig] = _contig_name(path, line_no, contig)
        pos = parse_position(pos_text)
        if pos is None:
            raise _bad_line(
                path, line_no, f"POS is {shown(pos_text)}", "an integer >= 0", "fix the record"
            )
        if not ref or not alt:
            raise _bad_line(
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
            _alleles(path, line_no, alt, limits),
            line,
            info_start,
            info_end,
        )


def _bad_line(path: Path, line_no: int, found: str, expected: str, remedy: str) -> BadDataError:
    return BadDataError(message(path.name, f"line {line_no}: {found}", expected, remedy))


def _wrong_columns(path: Path, line_no: int, n_columns: int, n_header: int) -> BadDataError:
    if n_columns < N_FIXED:
        return _bad_line(
            path, line_no, f"{n_columns} columns", "at least 8", "is the file cut off?"
        )
    remedy = "is the file cut off?" if n_columns < n_header else "name every sample in the header"
    return _bad_line(
        path, line_no, f"{n_columns} columns; header has {n_header}", str(n_header), remedy
    )


def _contig_name(path: Path, line_no: int, contig: bytes) -> str:
    if not _CONTIG.fullmatch(contig):
        found = f"contig name '{shown(contig)}' not allowed"
        raise _bad_line(
            path, line_no, found, "the letters of VCF 4.3, section 1.6.1", "rename the contig"
        )
    return contig.decode("ascii")


def _alleles(path: Path, line_no: int, alt: bytes, limits: Limits) -> tuple[str, ...]:
    if alt == b".":
        return ()
    alts = tuple(_text(alt).split(","))
    if len(alts) > limits.max_alts:
        raise _bad_line(
            path, line_no, f"{len(alts):,} ALTs", f"at most {limits.max_alts:,}", "see --max_alts"
        )
    if "" in alts:
        raise _bad_line(
            path,
            line_no,
            "an allele of ALT is empty",
            "a base or more between commas",
            "fix the record",
        )
    return alts


def _text(field: bytes) -> str:
    # Alleles are ASCII; a stray byte stays visible and makes the allele AMBIGUOUS_BASE instead of
    # stopping the run.
    return field.decode("ascii", "backslashreplace")
