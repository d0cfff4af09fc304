"""BED files: every line is kept unchanged, its interval is read, and our columns are appended; also
merged interval sets.

BED positions are already 0-based and half-open. Lines without an interval (track, browser, # and
empty lines) are copied. Columns after the third belong to the user and are never checked. Source:
BED v1 specification (GA4GH), sections 1.3 to 1.5.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.core import names
from gfmtrust.core.disk import write_failed
from gfmtrust.core.errors import BadDataError, InternalError, message
from gfmtrust.core.warning_counts import CountedWarning, WarningCounts, shown
from gfmtrust.io import bgzf, text_lines
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.intervals import IntervalSet
from gfmtrust.io.tabix import CSI_FROM, write_index

if TYPE_CHECKING:
    import pandas as pd

MAX_LINE = 1 << 20
N_FIXED = 3
HEADER_PREFIX = "#gfmtrust"
_CARRIED = re.compile(rb"#|(track|browser)([ \t\r\n]|$)|[\r\n]*$")
_NUMBER = re.compile(rb"[0-9]{1,18}")
_NAME = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class BedFile:
    """A BED file as it was read.

    lines: all lines with their endings. intervals: DataFrame of contig (str), start, end (int64,
    0-based, half-open) and line_no (1-based, so lines[line_no - 1]), one row per interval line in
    file order. n_columns: the number of columns of an interval line, 0 where there is none.
    """

    name: str
    lines: tuple[bytes, ...]
    intervals: pd.DataFrame
    n_columns: int


def read(path: str | Path, max_line: int = MAX_LINE) -> BedFile:
    """Read a BED file, plain, gzip or BGZF. Lines in any order, and repeated, overlapping or empty
    intervals are all kept.

    Raises BadDataError (65) with the line for fewer than 3 tab-separated columns, a start or end
    that is not an integer >= 0, an end before its start, and a line with another number of columns
    than the first; MissingInputError (66); InputOutputError (74).
    """
    import pandas as pd

    path = Path(path)
    lines = tuple(text_lines.read_lines(path, max_line))
    if lines and lines[0].startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise BadDataError(
            message(
                path.name,
                "begins with a byte-order mark",
                "UTF-8 without BOM",
                "convert with iconv",
            )
        )
    contigs: list[str] = []
    names: dict[str, str] = {}  # one string per contig, whatever the number of lines
    numbers = array("q")
    n_columns = 0
    for line_no, line in enumerate(lines, start=1):
        if _CARRIED.match(line):
            continue
        fields = line.rstrip(b"\r\n").split(b"\t")
        contig, start, end = _interval(path, line_no, fields)
        n_columns = n_columns or len(fields)
        if len(fields) != n_columns:
            raise _bad_line(
                path,
                line_no,
                f"{len(fields)} columns; lines before have {n_columns}",
                str(n_columns),
            )
        contigs.append(names.setdefault(contig, contig))
        numbers.extend((start, end, line_no))
    table = np.frombuffer(numbers, dtype=np.int64).reshape(-1, 3)
    columns = {"contig": contigs, "start": table[:, 0], "end": table[:, 1], "line_no": table[:, 2]}
    return BedFile(path.name, lines, pd.DataFrame(columns), n_columns)


def name_of(path: str | Path) -> str:
    """Return the name that a BED's outputs carry: its file name without .bed, .gz and .bgz in any
    case, with `_` for every character that a name may not contain."""
    return names.of_file(path, names.BED_ENDING)


def intervals(path: str | Path, contig_map: Mapping[str, str] | None = None) -> IntervalSet:
    """Return the interval set of a BED file; contig names that are keys of `contig_map` are
    translated."""
    return IntervalSet.of(read(path).intervals, contig_map)


def _interval(path: Path, line_no: int, fields: list[bytes]) -> tuple[str, int, int]:
    if len(fields) < N_FIXED:
        raise _bad_line(
            path,
            line_no,
            f"{len(fields)} columns",
            "at least 3, by tabs",
            "put tabs between columns",
        )
    contig = fields[0].decode("utf-8", "backslashreplace")
    if not _NAME.fullmatch(contig):
        raise _bad_line(
            path,
            line_no,
            f"contig name '{shown(contig)}' not allowed",
            "printable ASCII without spaces",
            "rename the contig",
        )
    for what, text in (("start", fields[1]), ("end", fields[2])):
        if not _NUMBER.fullmatch(text):
            raise _bad_line(path, line_no, f"{what} is '{shown(text)}'", "an integer >= 0")
    start, end = int(fields[1]), int(fields[2])
    if end < start:
        raise _bad_line(path, line_no, f"end {end} before start {start}", "start <= end")
    return contig, start, end


def _bad_line(
    path: Path, line_no: int, observed: str, expected: str, remedy: str = "fix the line"
) -> BadDataError:
    return BadDataError(message(path.name, f"line {line_no}: {observed}", expected, remedy))


@dataclass(frozen=True)
class WrittenBed:
    """The checked result of one annotated BED: counts of its lines, the name of its index, and
    counted warnings."""

    intervals: int
    carried: int
    sorted: bool
    newline_added: bool
    index: str | None
    warnings: tuple[CountedWarning, ...] = ()


def write(
    bed: BedFile,
    output: str | Path,
    columns: list[str],
    values: Iterable[list[str]],
    header_lines: tuple[str, ...] = (),
    inputs: tuple[Path, ...] = (),
    force: bool = False,
) -> WrittenBed:
    """Write `output` (BGZF): every line of `bed` in order and unchanged, with our columns appended
    to the interval lines.

    columns: names of the new columns; they are written in a line '#gfmtrust columns 5-7: a b c'.
    values: one list of texts per interval, in the order of bed.intervals, consumed one at a time.
    header_lines: further lines of ours, each starting with #gfmtrust; ours are placed just before
    the first interval, after the user's track and comment lines. inputs: paths that the output must
    not be. The part is read again and compared before it gets its name; then a .tbi, or a .csi
    beyond 2^29 - 1, is written where the intervals are sorted. Raises BadDataError (65) where the
    input was already written by us, InternalError (70) where the values do not fit the intervals,
    and otherwise as `atomic.part_file`.
    """
    output = Path(output)
    ours = _our_lines(bed, columns, header_lines)
    with part_file(output, inputs=inputs, force=force) as part:
        with synced(part) as file:
            writer = bgzf.BgzfWriter(file)
            try:
                for line in _annotated(bed, ours, values, len(columns)):
                    writer.write(line)
                writer.close()
            except OSError as error:
                raise write_failed(part, error) from error
        _check_part(part, bed, ours, len(columns))
    warning_counts = WarningCounts()
    is_sorted = check_sorted(bed, warning_counts)
    index = _write_index(output, bed, len(ours), warning_counts) if is_sorted else None
    newline_added = bool(bed.lines) and not bed.lines[-1].endswith(b"\n")
    return WrittenBed(
        len(bed.intervals),
        len(bed.lines) - len(bed.intervals),
        is_sorted,
        newline_added,
        index,
        warning_counts.rows(),
    )


def _our_lines(bed: BedFile, columns: list[str], header_lines: tuple[str, ...]) -> list[bytes]:
    if any(line.startswith(HEADER_PREFIX.encode()) for line in bed.lines):
        raise BadDataError(
            message(
                bed.name,
                f"carries {HEADER_PREFIX} lines",
                "a file not yet annotated",
                "give the original file",
            )
        )
    if not all(line.startswith(HEADER_PREFIX) and "\n" not in line for line in header_lines):
        raise ValueError(f"every header line must begin {HEADER_PREFIX}: {header_lines!r}")
    first = (bed.n_columns or N_FIXED) + 1
    named = f"{HEADER_PREFIX} columns {first}-{first + len(columns) - 1}: {' '.join(columns)}"
    return [line.encode() + b"\n" for line in (*header_lines, named)]


def _annotated(
    bed: BedFile, ours: list[bytes], values: Iterable[list[str]], n_columns: int
) -> Iterator[bytes]:
    rows = iter(values)
    wanting = _interval_lines(bed)
    first = _first_interval(bed)
    for line_no, line in enumerate(bed.lines, start=1):
        if line_no == first:
            yield from ours
        text = line.rstrip(b"\r\n")
        ending = line[len(text) :]
        if wanting[line_no]:
            text += b"".join(b"\t" + value.encode() for value in _row(bed, rows, n_columns))
        yield text + (ending if ending.endswith(b"\n") else ending + b"\n")
    if not len(bed.intervals):
        yield from ours
    if next(rows, None) is not None:
        raise InternalError(
            message(bed.name, "more rows of values than intervals", f"{len(bed.intervals)} rows")
        )


def _interval_lines(bed: BedFile) -> bytes:
    """Return 1 at the number of each interval line and 0 at all other indices, including 0."""
    marks = np.zeros(len(bed.lines) + 1, np.uint8)
    marks[bed.intervals["line_no"]] = 1
    return marks.tobytes()


def _first_interval(bed: BedFile) -> int:
    return int(bed.intervals["line_no"].min()) if len(bed.intervals) else len(bed.lines) + 1


def _row(bed: BedFile, rows: Iterator[list[str]], n_columns: int) -> list[str]:
    row = next(rows, [])
    if len(row) != n_columns:
        observed = f"a row of {len(row)} values"
        raise InternalError(
            message(
                bed.name,
                observed,
                f"{len(bed.intervals)} rows with a value for each of {n_columns} columns",
            )
        )
    return row


def _check_part(part: Path, bed: BedFile, ours: list[bytes], new_tabs: int) -> None:
    """Read the written part: without our lines and the last columns it must equal the input. Raises
    InternalError (70) otherwise."""
    n_ours = 0
    n_lines = 0
    wanting = _interval_lines(bed)
    for line in text_lines.read_lines(part, MAX_LINE * 2):
        if n_ours < len(ours) and line == ours[n_ours]:
            n_ours += 1
            continue
        n_lines += 1
        text = line.rstrip(b"\r\n")
        plain = (
            text.rsplit(b"\t", new_tabs)[0] if n_lines < len(wanting) and wanting[n_lines] else text
        )
        before = bed.lines[n_lines - 1] if n_lines <= len(bed.lines) else b""
        if plain + line[len(text) :] != (before if before.endswith(b"\n") else before + b"\n"):
            observed = f"line {n_lines} is {shown(line)}"
            raise InternalError(
                message(
                    part.name, observed, f"{shown(before)} and our columns", "please report this"
                )
            )
    if n_lines != len(bed.lines) or n_ours != len(ours):
        raise InternalError(
            message(
                part.name,
                f"{n_lines} lines",
                f"{len(bed.lines)} as in the input",
                "please report this",
            )
        )


def check_sorted(bed: BedFile, warning_counts: WarningCounts) -> bool:
    """Whether the intervals are in the order that an index needs; a warning is counted where they
    are not."""
    contig = bed.intervals["contig"].to_numpy(object)
    start = bed.intervals["start"].to_numpy(np.int64)
    runs = np.flatnonzero(contig[1:] != contig[:-1])
    falling = np.flatnonzero((contig[1:] == contig[:-1]) & (start[1:] < start[:-1]))
    again = len(runs) + 1 > len(set(contig.tolist())) if len(contig) else False
    if not len(falling) and not again:
        return True
    line_no = int(bed.intervals["line_no"].iloc[int(falling[0]) + 1]) if len(falling) else 1
    warning_counts.add(
        "not sorted; no index written; sort with bedtools sort", f"{bed.name} line {line_no}"
    )
    return False


def _write_index(
    output: Path, bed: BedFile, n_ours: int, warning_counts: WarningCounts
) -> str | None:
    """Write the index of a sorted BED. htslib can skip track, browser and empty lines at its start,
    but none between intervals."""
    first = _first_interval(bed)
    is_interval = _interval_lines(bed)
    odd = [
        n
        for n, line in enumerate(bed.lines, start=1)
        if not is_interval[n] and not line.startswith(b"#")
    ]
    if odd and odd[-1] > first:
        warning_counts.add(
            "track, browser or empty line between intervals; no index written",
            f"{bed.name} line {odd[-1]}",
        )
        return None
    longest = int(bed.intervals["end"].max()) if len(bed.intervals) else 0
    return write_index(
        output,
        "bed",
        longest > CSI_FROM,
        warning_counts,
        skipped_lines=first - 1 + n_ours if odd else 0,
    )
