"""The header of a VCF: its lines as raw bytes, the contigs and fields that it declares, and the
limits of a record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.io import bgzf

COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


N_FIXED = 8
LINE_END = b"\r\n"


# Spreadsheets leave tabs at the end, which htslib ignores as well.
FILEFORMAT = re.compile(rb"##fileformat=VCFv[0-9][0-9.]*[ \t]*\r?\n?")


# VCF 4.3 also allows a leading '#', but then every other reader takes the record for a header line
# and loses it.
NAME = rb"[0-9A-Za-z!$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*"


CONTIG = re.compile(
    rb"%b|<%b>" % (NAME, NAME)
)  # VCF 4.3 section 1.6.1; <name> refers to an assembly file


# the first ID of a line: a description may hold another one
DECLARATION = re.compile(rb"##(INFO|FILTER|FORMAT|contig)=<(?:.*?,)??ID=([^,>]+)")


PER_ALT = re.compile(rb"[<,]Number=A[,>]")


QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')


LENGTH = re.compile(rb"[<,]length=([0-9]{1,18})[,>]")


@dataclass(frozen=True)
class Limits:
    """Limits beyond which a file is treated as damaged or hostile; in bytes unless the name says
    otherwise."""

    max_line: int = 256 << 20
    max_header: int = 64 << 20
    max_ratio: float = bgzf.MAX_RATIO

    @classmethod
    def of_line(cls, mebibytes: int) -> Limits:
        """The limits of --max_line, in MiB; a header may be as long as a line, or 64 MiB."""
        return cls(max_line=mebibytes << 20, max_header=max(cls.max_header, mebibytes << 20))


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Header:
    """All header lines with their endings, #CHROM last, and the number of columns that #CHROM
    names."""

    lines: tuple[bytes, ...]
    n_columns: int

    def declared(self, kind: str) -> set[bytes]:
        """Return the IDs of the structured lines of a kind: INFO, FILTER, FORMAT or contig."""
        matches = (DECLARATION.match(line) for line in self.lines)
        return {match[2] for match in matches if match and match[1] == kind.encode()}

    def has_value_per_alt(self, info_id: str) -> bool:
        """Whether an INFO line declares Number=A for an ID; a description that quotes such a
        declaration does not."""
        for line in self.lines:
            match = DECLARATION.match(line)
            if match and (match[1], match[2]) == (b"INFO", info_id.encode()):
                if PER_ALT.search(QUOTED.sub(b'""', line)):
                    return True
        return False

    def contig_lengths(self) -> dict[str, int | None]:
        """Return the length of each declared contig in file order, None where the header states
        none."""
        lengths = {}
        for line in self.lines:
            match = DECLARATION.match(line)
            if match and match[1] == b"contig":
                length = LENGTH.search(line)
                lengths[match[2].decode("utf-8", "backslashreplace")] = (
                    int(length[1]) if length else None
                )
        return lengths

    @property
    def ending(self) -> bytes:
        """The line ending of #CHROM, which lines inserted before it also get."""
        return b"\r\n" if self.lines[-1].endswith(b"\r\n") else b"\n"


def read_header(path: Path, lines: Iterator[bytes], limits: Limits) -> Header:
    """Read the header from the first lines of a VCF, up to #CHROM. Raises BadDataError (65) where
    line 1 is not ##fileformat, the header is longer than its limit, or #CHROM is missing or
    wrong."""
    first = next(lines)
    if not FILEFORMAT.fullmatch(first):
        observed = (
            "a record"
            if first.count(b"\t") >= N_FIXED - 1 and not first.startswith(b"#")
            else f"'{shown(first.rstrip(LINE_END))}'"
        )
        raise BadDataError(
            message(
                path.name, f"line 1 is {observed}", "##fileformat=VCFv4.x", "restore the header"
            )
        )
    header = [first]
    size = len(first)
    for line in lines:
        header.append(line)
        size += len(line)
        if size > limits.max_header:
            observed = f"header longer than {limits.max_header / (1 << 20):g} MiB"
            raise bad_line(path, len(header), observed, "a shorter header", "drop lines of it")
        if not line.startswith(b"##"):
            break
    return Header(tuple(header), header_columns(path, len(header), header[-1]))


def header_columns(path: Path, line_no: int, line: bytes) -> int:
    """Return the number of columns of the #CHROM line, which must be the line that ends the header.
    Raises BadDataError (65) otherwise."""
    names = line.rstrip(b"\r\n\t").split(
        b"\t"
    )  # this line ends in a tab in GATK's 1000G_phase1.indels
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
    return len(names)


def bad_line(path: Path, line_no: int, observed: str, expected: str, remedy: str) -> BadDataError:
    """Return the error for a line of a VCF that is wrong."""
    return BadDataError(message(path.name, f"line {line_no}: {observed}", expected, remedy))
