"""Tabix indexes, .tbi and .csi, read for the virtual offsets of their windows.

pysam fetches rows through such an index, but gives no offsets; `sorted_text` needs them to decide
which compressed blocks it must not touch. Source: the tabix and CSIv1 specifications of hts-specs.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.core.errors import BadDataError, MissingInputError, message

MAGIC_TBI, MAGIC_CSI = b"TBI\x01", b"CSI\x01"
TBI_MIN_SHIFT = 14
ZERO_BASED = 0x10000
"""The bit of the format field that says that positions count from 0."""
MAX_INDEX_BYTES = 1 << 30


@dataclass(frozen=True)
class ContigWindows:
    """The windows of one contig of a sorted file.

    starts: first position of each window that is indexed, 0-based, ascending, int64 (w,); offsets:
    virtual offset from which a record that touches the window may lie, uint64 (w,), never falling;
    end: virtual offset behind the last record of the contig.
    """

    starts: np.ndarray
    offsets: np.ndarray
    end: int


@dataclass(frozen=True)
class TabixIndex:
    """contig_column, pos_column: 0-based columns of the file; zero_based: whether positions count
    from 0; skipped_lines: lines at the start of the file that are no records; comment: the letter
    that comment lines start with; contigs: in the order of the file."""

    contig_column: int
    pos_column: int
    zero_based: bool
    skipped_lines: int
    comment: str
    contigs: dict[str, ContigWindows]


def index_of(path: Path) -> Path | None:
    """The index beside a file, .tbi before .csi; None where there is none."""
    beside = (path.with_name(f"{path.name}.{ending}") for ending in ("tbi", "csi"))
    return next((index for index in beside if index.is_file()), None)


def read_index(path: Path) -> TabixIndex:
    """Read an index. Raises MissingInputError (66) where it cannot be read, BadDataError (65) where
    it is no index of tabix."""
    try:
        packed = Path(path).read_bytes()
    except OSError as error:
        raise MissingInputError(
            message(str(path), error.strerror or "not found", "an index of tabix")
        ) from error
    try:
        content = _unpacked(packed)
        if content[:4] == MAGIC_TBI:
            return _tbi(content)
        if content[:4] == MAGIC_CSI:
            return _csi(content)
    except (struct.error, IndexError, ValueError, zlib.error) as error:
        raise _no_index(path, f"cannot be read ({error})") from error
    raise _no_index(path, "neither a .tbi nor a .csi")


def _no_index(path: Path, observed: str) -> BadDataError:
    return BadDataError(
        message(Path(path).name, observed, "an index of tabix", "make it again with tabix --force")
    )


def _unpacked(packed: bytes) -> bytes:
    parts, rest, size = [], packed, 0
    while rest:
        stream = zlib.decompressobj(31)
        parts.append(stream.decompress(rest, MAX_INDEX_BYTES - size))
        size += len(parts[-1])
        if not stream.eof:
            raise ValueError("it is cut short")
        rest = stream.unused_data
    return b"".join(parts)


class _Fields:
    """The fields of an index, read one after the other."""

    def __init__(self, content: bytes, at: int):
        self._content, self._at = content, at

    def take(self, layout: str) -> tuple:
        values = struct.unpack_from(layout, self._content, self._at)
        self._at += struct.calcsize(layout)
        return values

    def bytes(self, n: int) -> bytes:
        if n < 0 or self._at + n > len(self._content):
            raise ValueError(f"{n} bytes expected")
        self._at += n
        return self._content[self._at - n : self._at]

    def numbers(self, n: int, dtype: str) -> np.ndarray:
        return np.frombuffer(self.bytes(n * np.dtype(dtype).itemsize), dtype)


def _layout(fields: _Fields) -> tuple[dict, list[str]]:
    form, contig, start, _end, comment, skipped, n_bytes = fields.take("<7i")
    names = fields.bytes(n_bytes).split(b"\0")[:-1]
    return (
        {
            "contig_column": contig - 1,
            "pos_column": start - 1,
            "zero_based": bool(form & ZERO_BASED),
            "skipped_lines": skipped,
            "comment": chr(comment) if 0 < comment < 128 else "",
        },
        [name.decode("utf-8", "backslashreplace") for name in names],
    )


def _tbi(content: bytes) -> TabixIndex:
    fields = _Fields(content, 4)
    (n_contigs,) = fields.take("<i")
    layout, names = _layout(fields)
    contigs = {}
    for name in _counted(names, n_contigs):
        (n_bins,) = fields.take("<i")
        chunks = []
        for _ in range(n_bins):
            number, n_chunks = fields.take("<Ii")
            of_bin = fields.numbers(2 * n_chunks, "<u8")
            if number < 37449:  # the pseudo-bin 37450 holds no chunks of records
                chunks.append(of_bin)
        (n_windows,) = fields.take("<i")
        offsets = fields.numbers(n_windows, "<u8")
        starts = np.arange(n_windows, dtype=np.int64) << TBI_MIN_SHIFT
        contigs[name] = _windows(starts, offsets, chunks)
    return TabixIndex(**layout, contigs=contigs)


def _csi(content: bytes) -> TabixIndex:
    fields = _Fields(content, 4)
    min_shift, depth, n_aux = fields.take("<3i")
    aux = _Fields(fields.bytes(n_aux), 0)
    layout, names = _layout(aux)
    first_leaf = ((1 << 3 * depth) - 1) // 7
    last_leaf = first_leaf + (1 << 3 * depth)
    (n_contigs,) = fields.take("<i")
    contigs = {}
    for name in _counted(names, n_contigs):
        (n_bins,) = fields.take("<i")
        leaves, chunks = [], []
        for _ in range(n_bins):
            number, offset, n_chunks = fields.take("<IQi")
            of_bin = fields.numbers(2 * n_chunks, "<u8")
            if number < last_leaf:
                chunks.append(of_bin)
                leaves.append((_first_window(number, depth, first_leaf) << min_shift, offset))
        leaves.sort()
        starts = np.array([start for start, _ in leaves], np.int64)
        offsets = np.array([offset for _, offset in leaves], np.uint64)
        contigs[name] = _windows(starts, offsets, chunks)
    return TabixIndex(**layout, contigs=contigs)


def _first_window(number: int, depth: int, first_leaf: int) -> int:
    """The first leaf below a bin."""
    while number < first_leaf:
        number = 8 * number + 1
    return number - first_leaf


def _counted(names: list[str], n: int) -> list[str]:
    if len(names) != n:
        raise ValueError(f"{len(names)} names for {n} contigs")
    return names


def _windows(starts: np.ndarray, offsets: np.ndarray, chunks: list[np.ndarray]) -> ContigWindows:
    """chunks: begin and end of each chunk of records in turn, by bin. A window before the first
    record has the offset 0 and gets that of the first record."""
    bounds = np.concatenate(chunks) if chunks else np.empty(0, np.uint64)
    if not len(bounds):
        return ContigWindows(starts[:0], offsets[:0], 0)
    first, end = bounds[0::2].min(), int(bounds[1::2].max())
    return ContigWindows(starts, np.maximum.accumulate(np.maximum(offsets, first)), end)
