"""Writes the user's VCF again with our keys in column 8 and our lines in the header; every other
byte is unchanged.

The file is written as name.part, read again and compared with the input (the records, their order,
and a digest of everything except our keys), and only then gets its name. Values are neither
computed nor formatted here: they come from the caller as bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gfmtrust.core.disk import write_failed
from gfmtrust.core.errors import BadDataError, InternalError, message
from gfmtrust.core.warning_counts import CountedWarning, WarningCounts
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.bgzf import BgzfWriter
from gfmtrust.io.tabix import CSI_FROM, write_index
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf.info_column import (
    canonical,
    statuses_of,
    with_our_keys,
    without_keys,
)
from gfmtrust.io.vcf.our_lines import KeyClash, is_ours, our_keys
from gfmtrust.io.vcf.reader import DEFAULT_LIMITS, Header, Limits, Record

Values = Callable[[Record], bytes]
"""Returns the finished text of our keys for a record that has an ALT, such as
b'GFM_STATUS=SCORED,SYMBOLIC;GFM_RANK=3,0'."""


@dataclass(frozen=True)
class WrittenVcf:
    """The checked result for one file, for the counts file and the manifest.

    digest: blake2b over all records without our keys, the same for input and output. replaced:
    records and header lines of ours that --overwrite removed first. newline_added: whether the
    input lacked its last line end. index: the file name of the index, or None.
    """

    records: int
    alts: int
    no_alt: int
    statuses: dict[str, int]
    digest: str
    header_lines: int
    replaced: int
    newline_added: bool
    sorted: bool
    index: str | None
    warnings: tuple[CountedWarning, ...] = ()


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


@dataclass
class _Counts:
    """Counts collected while writing."""

    digest: Digest
    order: Order = field(default_factory=Order)
    statuses: Counter = field(default_factory=Counter)
    no_alt: int = 0
    replaced: int = 0
    newline_added: bool = False


def annotate(
    input_path: str | Path,
    output: str | Path,
    values: Values,
    header_lines: list[str],
    overwrite: bool = False,
    force: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> WrittenVcf:
    """Write `output` (BGZF): the input with `header_lines` before #CHROM and `values(record)` in
    column 8, and otherwise unchanged.

    Records whose ALT is `.` get no key, because Number=A has no values there. A missing last line
    end is added. An index is written beside the output where the records are sorted: .csi where a
    contig or a position exceeds 2^29 - 1, otherwise .tbi. header_lines: without line ends, each
    one that `our_lines.is_ours` recognises. overwrite: remove the lines of ours and the keys that
    they declare from the input; without it such an input is refused. Keys of other programs stay,
    whatever their names. force: replace an existing output.

    Raises UsageError (64) where the output is the input, BadDataError (65) for malformed or
    annotated input and for a key of another program with the name of one of ours, InternalError
    (70) where the written file differs from what it must be, CannotWriteError (73), and
    InputOutputError (74) for damaged input or a full disk. After any of these the final name is as
    it was before.
    """
    input_path, output = Path(input_path), Path(output)
    ours = [_checked_header_line(line) for line in header_lines]
    header, records = vcf_reader.read(input_path, limits)
    removed = [line for line in header.lines if is_ours(line)]
    if removed and not overwrite:
        raise _already_annotated(f"{input_path.name} header")
    kept = [line for line in header.lines if not is_ours(line)]
    keys = our_keys(header.lines)
    clash = KeyClash(input_path, header.lines, our_keys(ours))
    counts = _Counts(Digest(keys), replaced=len(removed))
    if not kept[-1].endswith(b"\n"):  # a header without records
        kept[-1] += b"\n"
        counts.newline_added = True
    with part_file(output, inputs=(input_path,), force=force) as part:
        with synced(part) as file:
            writer = _Writer(part, BgzfWriter(file))
            writer.write([*kept[:-1], *(line + header.ending for line in ours), kept[-1]])
            writer.write_records(_spliced(records, values, keys, clash, counts))
            writer.close()
        _check_part(part, kept, counts, limits)
    return _finish(output, header, counts, len(ours))


def _checked_header_line(line: str) -> bytes:
    text = line.encode()
    if not is_ours(text) or b"\n" in text or b"\r" in text:
        raise ValueError(f"header line {line!r} is not recognisably ours: see our_lines.is_ours")
    return text


def _already_annotated(place: str) -> BadDataError:
    return BadDataError(
        message(
            place,
            "carries GFM_ keys of gfmtrust",
            "an unannotated file",
            "give --overwrite to replace exactly these",
        )
    )


def _spliced(
    records: Iterable[Record],
    values: Values,
    keys: frozenset[bytes],
    clash: KeyClash,
    counts: _Counts,
) -> Iterator[bytes]:
    """Yield the output line of every record and count the records. keys: keys of ours in the
    input, which are removed."""
    for record in records:
        clash.check(record)
        line = record.line
        info = without_keys(record.info, keys)
        if info != record.info:
            info = info or b"."
            counts.replaced += 1
        counts.digest.add(record)
        counts.order.add(record)
        if record.alts:
            text = values(record)
            counts.statuses.update(statuses_of(text, len(record.alts)))
            info = with_our_keys(info, text)
        else:
            counts.no_alt += 1
        if not line.endswith(b"\n"):
            counts.newline_added = True
            line += b"\n"
        yield line[: record.info_start] + info + line[record.info_end :]


class _Writer:
    """Writes lines; on a full disk the error states the number of records written."""

    def __init__(self, part: Path, text: BgzfWriter) -> None:
        self._part = part
        self._text = text
        self._n_records = 0

    def write(self, lines: Iterable[bytes]) -> None:
        try:
            for line in lines:
                self._text.write(line)
        except OSError as error:
            raise self._failed(error) from error

    def write_records(self, lines: Iterator[bytes]) -> None:
        for line in lines:
            self.write((line,))
            self._n_records += 1

    def close(self) -> None:
        try:
            self._text.close()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> Exception:
        return write_failed(self._part, error, f"after {self._n_records:,} records")


def _check_part(part: Path, header_before: list[bytes], counts: _Counts, limits: Limits) -> None:
    """Read the written part and compare it with the input. Raises InternalError (70) at the first
    difference."""
    header, records = vcf_reader.read(part, _roomier(limits))
    digest = Digest(our_keys(header.lines))
    n_alts = no_alt = 0
    for record in records:
        digest.add(record)
        n_alts += len(record.alts)
        no_alt += not record.alts
    promises = {
        "records": (digest.records, counts.digest.records),
        "digest without our keys": (digest.text(), counts.digest.text()),
        "header lines but ours": (
            [line for line in header.lines if not is_ours(line)],
            header_before,
        ),
        "statuses": (sum(counts.statuses.values()), n_alts),
        "records without ALT": (no_alt, counts.no_alt),
    }
    for promise, (written, read) in promises.items():
        if written != read:
            raise InternalError(
                message(
                    part.name,
                    f"{promise}: {written!r:.80}",
                    f"{read!r:.80} as in the input",
                    "please report this",
                )
            )


def _roomier(limits: Limits) -> Limits:
    # Our keys make lines longer than those of the input, by about 80 bytes per allele.
    return Limits(
        limits.max_line * 2,
        limits.max_header * 2,
        limits.max_samples,
        limits.max_ratio,
    )


def _finish(output: Path, header: Header, counts: _Counts, n_ours: int) -> WrittenVcf:
    """Index the renamed output and return the result."""
    warning_counts = WarningCounts()
    order = counts.order
    index = None
    if order.unsorted_line is not None:
        warning_counts.add(
            "not sorted; no index written; sort with bcftools sort",
            f"{output.name} line {order.unsorted_line}",
        )
    else:
        longest = max(
            [order.farthest, *(length or 0 for length in header.contig_lengths().values())]
        )
        index = write_index(output, "vcf", csi=longest > CSI_FROM, warning_counts=warning_counts)
    return WrittenVcf(
        records=counts.digest.records,
        alts=sum(counts.statuses.values()),
        no_alt=counts.no_alt,
        statuses=dict(sorted(counts.statuses.items())),
        digest=counts.digest.text(),
        header_lines=n_ours,
        replaced=counts.replaced,
        newline_added=counts.newline_added,
        sorted=order.unsorted_line is None,
        index=index,
        warnings=warning_counts.rows(),
    )
