"""An independent check of an annotated VCF against its input: nothing is lost, nothing but our keys
is changed, and every allele has one status.

It shares no code with the writer: it reads with Python's gzip, splits lines by tabs and has its own
handling of column 8. Memory use is one line of each file. It checks that values are present, not
that they are right.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError, message
from gfmtrust.core.vocabulary import Status

BGZF_END = bytes(
    [31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0, 27, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
)
STATUSES = frozenset(str(status).encode() for status in Status)
OUR_KEY = re.compile(rb'##INFO=<ID=(GFM_[A-Z0-9_]+),.*,Source="gfmtrust"[,>]')
OUR_LINE = re.compile(OUR_KEY.pattern + rb"|##GFM_(model|calibration|null)=<|##gfmtrust[A-Z]")


def verify(input_path: str | Path, output: str | Path) -> dict[str, int]:
    """Compare an annotated VCF with its input. Return the counts of records, alts, no_alt (records
    without ALT), and alleles by status.

    Keys and header lines of ours in the input itself are ignored, as --overwrite removes them. A
    key is ours where its header line has Source="gfmtrust".
    Raises BadDataError (65) with the first line that differs, InputOutputError (74) for a damaged
    or truncated file, and MissingInputError (66).
    """
    before, after = _lines(Path(input_path)), _lines(Path(output))
    name = Path(output).name
    line_no, old_keys, keys = _compare_headers(name, before, after)
    n_records = n_alts = no_alt = 0
    statuses: Counter[bytes] = Counter()
    for n, (old, new) in enumerate(zip_longest(_records(before), after), start=1):
        if old is None or new is None:
            more = "output has more" if old is None else "input has more"
            raise _differs(name, line_no + n, f"{more} records after {n - 1:,}", "as many records")
        record_statuses = _compare_record((name, line_no + n), old, new, old_keys, keys)
        n_records += 1
        n_alts += len(record_statuses)
        no_alt += not record_statuses
        statuses.update(record_statuses)
    return {
        "records": n_records,
        "alts": n_alts,
        "no_alt": no_alt,
        **{key.decode(): statuses[key] for key in sorted(statuses)},
    }


def _lines(path: Path) -> Iterator[bytes]:
    """Yield lines with their ends. A BGZF file must end with its end-of-file block, which Python's
    gzip does not require."""
    try:
        with open(path, "rb") as file:
            head = file.read(18)
            file.seek(0, 2)
            file.seek(max(0, file.tell() - len(BGZF_END)))
            if head[:4] == BGZF_END[:4] and head[12:14] == b"BC" and file.read() != BGZF_END:
                raise InputOutputError(
                    message(path.name, "no end-of-file block", "a whole BGZF file", "copy it again")
                )
        with gzip.open(path) if head[:2] == BGZF_END[:2] else open(path, "rb") as file:
            yield from file
    except FileNotFoundError as error:
        raise MissingInputError(message(str(path), "not found", "a VCF")) from error
    except (EOFError, zlib.error, OSError) as error:
        raise InputOutputError(
            message(path.name, str(error), "a readable file", "copy it again")
        ) from error


def _compare_headers(
    name: str, before: Iterator[bytes], after: Iterator[bytes]
) -> tuple[int, set[bytes], set[bytes]]:
    """Read both headers up to #CHROM; without our lines they must be equal. Return the line number
    of the output's #CHROM line and the keys of ours that each header declares."""
    old, new = list(_header(before)), list(_header(after))
    wanted = [line for line in old if not OUR_LINE.match(line)]
    kept = [line for line in new if not OUR_LINE.match(line)]
    for expected, line in zip_longest(wanted, kept, fillvalue=b""):
        if line != expected:
            raise _differs(
                name,
                new.index(line) + 1 if line else len(new),
                f"header line {line[:60]!r}",
                f"{expected[:60]!r}",
            )
    old_keys, keys = ({m[1] for m in map(OUR_KEY.match, lines) if m} for lines in (old, new))
    return len(new), old_keys, keys


def _header(lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield line if line.endswith(b"\n") else line + b"\n"
        if not line.startswith(b"##"):
            return


def _records(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines without the empty ones at the end, which the output does not have."""
    empty: list[bytes] = []
    for line in lines:
        if not line.strip(b"\r\n"):
            empty.append(line)
            continue
        yield from empty
        empty.clear()
        yield line


def _compare_record(
    place: tuple[str, int], old: bytes, new: bytes, old_keys: set[bytes], keys: set[bytes]
) -> list[bytes]:
    """Return the statuses of one record's alleles, [] where ALT is `.`; every column except the
    eighth must be equal, including the line end."""
    name, line_no = place
    if not old.endswith(b"\n"):
        old += b"\n"  # the only byte that a writer may add
    old_columns, new_columns = old.split(b"\t", 8), new.split(b"\t", 8)
    if (
        len(old_columns) < 9
        or old_columns[:7] != new_columns[:7]
        or old_columns[8:] != new_columns[8:]
    ):
        old_columns, new_columns = _equal_columns(name, line_no, old, new)
    alts = [] if old_columns[4] == b"." else old_columns[4].split(b",")
    plain = old_columns[7]
    if b"GFM_" in plain:
        parts = plain.split(b";")
        rest = [part for part in parts if part.partition(b"=")[0] not in old_keys]
        plain = b";".join(rest) or (b"." if len(rest) < len(parts) else b"")
    if not alts:
        if new_columns[7] != plain:
            expected = f"{plain[:60]!r}, as ALT is '.'"
            raise _differs(name, line_no, f"INFO {new_columns[7][:60]!r}", expected)
        return []
    return _statuses(name, line_no, _added(name, line_no, plain, new_columns[7]), len(alts), keys)


def _equal_columns(
    name: str, line_no: int, old: bytes, new: bytes
) -> tuple[list[bytes], list[bytes]]:
    """Return all columns of both lines after a comparison of each but the eighth."""
    old_columns, new_columns = _columns(old), _columns(new)
    if len(old_columns) < 9 or len(new_columns) != len(old_columns):
        raise _differs(name, line_no, f"{len(new_columns) - 1} columns", f"{len(old_columns) - 1}")
    for index, (was, is_now) in enumerate(zip(old_columns, new_columns, strict=True)):
        if index != 7 and was != is_now:
            column = "line end" if index == len(old_columns) - 1 else f"column {index + 1}"
            raise _differs(name, line_no, f"{column} is {is_now[:60]!r}", f"{was[:60]!r}")
    return old_columns, new_columns


def _columns(line: bytes) -> list[bytes]:
    """Return the columns split by tab, with the line end as the last one."""
    text = line.rstrip(b"\r\n")
    return [*text.split(b"\t"), line[len(text) :]]


def _added(name: str, line_no: int, was: bytes, is_now: bytes) -> bytes:
    """Return the text that column 8 has after that of the input: the input's text must come first,
    with a separator where one is needed."""
    start = b"" if was in (b"", b".") else was if was.endswith(b";") else was + b";"
    if not is_now.startswith(start):
        raise _differs(name, line_no, f"INFO {is_now[:60]!r}", f"{start[:60]!r} and our keys")
    return is_now[len(start) :]


def _statuses(name: str, line_no: int, added: bytes, n_alts: int, keys: set[bytes]) -> list[bytes]:
    values = {}
    for pair in added.split(b";"):
        key, _, text = pair.partition(b"=")
        texts = text.split(b",")
        if key not in keys or key in values or len(texts) != n_alts or b"" in texts:
            expected = f"a key of ours, once, with {n_alts} values"
            raise _differs(name, line_no, f"{pair[:60]!r}", expected)
        values[key] = texts
    statuses = values.get(b"GFM_STATUS", [])
    if not statuses or b"GFM_RANK" not in values or not STATUSES.issuperset(statuses):
        expected = "GFM_RANK, and GFM_STATUS with known statuses"
        raise _differs(name, line_no, f"{added[:60]!r}", expected)
    return statuses


def _differs(name: str, line_no: int, observed: str, expected: str) -> BadDataError:
    return BadDataError(
        message(f"{name} line {line_no}", observed, expected, "annotate the input again")
    )
