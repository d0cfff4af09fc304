"""Writes the user's VCF again with our keys in column 8 and our lines in the header; every other
byte is unchanged.

The file is written as name.part, read again and compared with the input (the records, their order,
and a digest of everything except our keys), and only then gets its name. Values are neither
computed nor formatted here: they come from the caller as bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gfmtrust.core.disk import write_failed
from gfmtrust.core.errors import BadDataError, InternalError, message
from gfmtrust.core.warning_counts import CountedWarning, WarningCounts
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.bgzf import BgzfWriter
from gfmtrust.io.tabix import CSI_FROM, write_index
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf.copied import Digest, Order, has_plain_info
from gfmtrust.io.vcf.fields import NO_SNV, Fields
from gfmtrust.io.vcf.info_column import (
    PREFIX,
    statuses_of,
    statuses_of_one_alt,
    with_our_keys,
    without_keys,
)
from gfmtrust.io.vcf.our_lines import KeyClash, is_ours, our_keys
from gfmtrust.io.vcf.reader import DEFAULT_LIMITS, Block, Header, Limits, Record

Values = Callable[[Record], bytes]
"""Returns the finished text of our keys for a record that has an ALT, such as
b'GFM_STATUS=SCORED,SYMBOLIC;GFM_RANK=3,0'."""

BlockValues = Callable[[Block, Fields], list[bytes]]
"""Returns the same for every line of a block, b'' for a line without ALT."""


MANY_COLUMNS = 100
FEW_SAMPLES_LEVEL, MANY_SAMPLES_LEVEL = 6, 4
"""Levels of deflate up to that many columns, and beyond: with 2,500 samples, level 6 alone takes
longer than `bcftools view -Oz` in all; level 4 takes a quarter of it for a file 7 to 15 % larger."""


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


@dataclass
class _Counts:
    """Counts collected while writing. any_prefix: whether a record of the input had a key that
    begins with GFM_, ours or another's."""

    digest: Digest
    order: Order = field(default_factory=Order)
    statuses: Counter = field(default_factory=Counter)
    no_alt: int = 0
    replaced: int = 0
    newline_added: bool = False
    any_prefix: bool = False


def annotate(
    input_path: str | Path,
    output: str | Path,
    values: Values,
    header_lines: list[str],
    overwrite: bool = False,
    force: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    block_values: BlockValues | None = None,
) -> WrittenVcf:
    """Write `output` (BGZF): the input with `header_lines` before #CHROM and `values(record)` in
    column 8, and otherwise unchanged. block_values: the same as `values` for many ordinary lines at
    once, which is faster; the bytes are the same with it and without.

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
    header, blocks = vcf_reader.read_blocks(input_path, limits)
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
            level = FEW_SAMPLES_LEVEL if header.n_columns <= MANY_COLUMNS else MANY_SAMPLES_LEVEL
            writer = _Writer(part, BgzfWriter(file, level))
            writer.write([*kept[:-1], *(line + header.ending for line in ours), kept[-1]])
            for block in blocks:
                text = _spliced_lines(block, block_values, counts) if block_values else None
                if text is None:
                    records = _spliced(block.records(), values, keys, clash, counts)
                    writer.write_records((line, 1) for line in records)
                else:
                    writer.write_records([(text, text.count(b"\n"))])
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
        counts.any_prefix |= PREFIX in record.info
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


def _spliced_lines(block: Block, block_values: BlockValues, counts: _Counts) -> bytes | None:
    """Return the output of a block of ordinary lines and count the records; None, with nothing
    counted, where `_spliced` has to look at each."""
    fields = block.fields()
    if fields is None or not has_plain_info(fields):
        return None
    texts = block_values(block, fields)
    counts.statuses.update(_statuses(fields, texts))
    counts.digest.add_plain(fields)
    counts.order.add_lines(fields, block.line_no)
    counts.no_alt += int((~fields.has_alt).sum())
    start, end = (offsets.tolist() for offsets in fields.info)
    is_dot = [b - a == 1 and fields.text[a] == ord(".") for a, b in zip(start, end, strict=True)]
    pieces, copied_to = [], 0
    columns = zip(start, end, is_dot, fields.has_alt.tolist(), texts, strict=True)
    for a, b, dot, has_alt, ours in columns:
        if has_alt:
            # our keys replace a dot, and otherwise follow the user's, see `with_our_keys`
            pieces += (fields.text[copied_to : a if dot else b], b"" if dot else b";", ours)
            copied_to = b
    pieces.append(fields.text[copied_to:])
    return b"".join(pieces)


def _statuses(fields: Fields, texts: list[bytes]) -> Counter:
    """Count the statuses in the texts of a block, after the checks of `statuses_of`."""
    alleles = {}
    for row in np.flatnonzero(fields.has_alt & (fields.snv == NO_SNV)).tolist():
        n_alts = fields.text.count(b",", fields.alt[0][row], fields.alt[1][row]) + 1
        if n_alts > 1:
            alleles[row] = n_alts
    of_one = np.delete(np.arange(len(fields)), list(alleles))
    of_one = of_one[fields.has_alt[of_one]].tolist()
    statuses = statuses_of_one_alt([texts[row] for row in of_one])
    for row, n_alts in alleles.items():
        statuses.update(statuses_of(texts[row], n_alts))
    return statuses


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

    def write_records(self, texts: Iterable[tuple[bytes, int]]) -> None:
        """Write texts, each with its number of records."""
        for text, n in texts:
            self.write((text,))
            self._n_records += n

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
    header, blocks = vcf_reader.read_blocks(part, _roomier(limits))
    digest = Digest(our_keys(header.lines))
    n_alts = no_alt = 0
    for block in blocks:
        fields = block.fields()
        # where the input had such keys, some of them may not be ours
        if fields is not None and not counts.any_prefix and digest.add_annotated(fields):
            n_alts += fields.n_alts()
            no_alt += int((~fields.has_alt).sum())
            continue
        for record in block.records():
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
