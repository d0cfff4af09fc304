"""Byte streams of plain, gzip and BGZF files that are never silently truncated, and a BGZF writer
whose output depends on the text alone.

A BGZF file without its end-of-file block, a stream that ends inside a block, a wrong checksum and a
decompression bomb are errors that name the byte. This module knows nothing of VCF, BED or FASTA.
Source of the format: SAM specification, section 4.1.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Generator, Iterator
from enum import StrEnum
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from gfmtrust.core.errors import (
    BadDataError,
    InputOutputError,
    MissingInputError,
    message,
)

EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
BLOCK_INPUT = 65280  # bytes of text per block, the same as bgzip
BLOCK_TEXT = 1 << 16  # bytes of text that a block has at most
HEADER_BYTES = 12  # gzip header with XLEN, before the extra field
TRAILER_BYTES = 8  # CRC32 and length, after the deflate data
READ_BYTES = 1 << 20
RATIO_SPAN = 64 << 20  # the decompression ratio is measured over this many bytes of output
MAX_RATIO = 1000
"""A VCF or BED with a higher decompression ratio is treated as a decompression bomb; the maximum of
deflate itself is 1,032."""


class Container(StrEnum):
    """The compression of a file, detected from its first bytes and never from its name."""

    PLAIN = "plain"
    GZIP = "gzip"
    BGZF = "bgzf"


def container(path: str | Path) -> Container:
    """Return the compression of a file. Raises MissingInputError (66) where it is missing or
    unreadable."""
    with open_input(path) as file:
        head = file.read(HEADER_BYTES)
        if head[:2] != b"\x1f\x8b":
            return Container.PLAIN
        return Container.BGZF if _stated_size(head, file)[0] else Container.GZIP


def open_input(path: str | Path) -> BufferedReader:
    """Open a file for reading bytes. Raises MissingInputError (66) for a missing, unreadable or
    non-regular file."""
    try:
        return open(path, "rb")
    except OSError as error:
        raise MissingInputError(
            message(str(path), error.strerror or "not found", "a file that can be read")
        ) from error


def read_chunks(
    path: str | Path, max_ratio: float | None = MAX_RATIO
) -> Generator[bytes, None, None]:
    """Return the decompressed bytes of a file, in non-empty pieces of at most 1 MiB.

    Raises InputOutputError (74) for a damaged or truncated stream, BadDataError (65) where 64 MiB
    of output exceed `max_ratio` times their input (None: no limit), and MissingInputError (66) for
    a missing file.
    """
    kind = container(path)
    path = Path(path)
    if kind is Container.PLAIN:
        return _plain_chunks(path)
    chunks = _bgzf_chunks(path) if kind is Container.BGZF else _gzip_chunks(path)
    return _guarded(path, chunks, max_ratio)


def block_starts(path: str | Path) -> Iterator[tuple[int, int]]:
    """Yield (offset in the file, offset in the text) of the start of each block of a BGZF file;
    only headers and lengths are read."""
    with open_input(path) as file:
        start = text_start = 0
        while size := block_size(file.read(HEADER_BYTES), file):
            yield start, text_start
            file.seek(start + size - 4)
            text_start += struct.unpack("<I", file.read(4))[0]
            start += size


def _plain_chunks(path: Path) -> Generator[bytes, None, None]:
    with open_input(path) as file:
        while chunk := file.read(READ_BYTES):
            yield chunk


def _guarded(
    path: Path, pieces: Iterator[tuple[bytes, int]], max_ratio: float | None
) -> Generator[bytes, None, None]:
    """Yield the bytes of (bytes, compressed bytes read so far) pairs, checking the ratio over each
    64 MiB of output."""
    n_out = out_mark = in_mark = 0
    for chunk, n_in in pieces:
        n_out += len(chunk)
        if max_ratio is not None and n_out - out_mark >= RATIO_SPAN:
            if n_out - out_mark > max_ratio * (n_in - in_mark):
                observed = (
                    f"grows more than {max_ratio:,.0f}-fold when decompressed, near byte {n_in:,}"
                )
                raise BadDataError(
                    message(path.name, observed, "a file of text", "check where it came from")
                )
            out_mark, in_mark = n_out, n_in
        if chunk:
            yield chunk


def _bgzf_chunks(path: Path) -> Iterator[tuple[bytes, int]]:
    with open_input(path) as file:
        check_end(path, file)
        file.seek(0)
        start = 0
        while head := file.read(HEADER_BYTES):
            size = block_size(head, file)
            if not size:
                raise InputOutputError(_damage(path, f"no block header at byte {start:,}"))
            extra = struct.unpack_from("<H", head, 10)[0]
            body = file.read(size - HEADER_BYTES - extra)
            yield inflate_block(path, start, body), start + size
            start += size


def block_size(head: bytes, file: BinaryIO) -> int:
    """Return the total size of the BGZF block whose first 12 bytes are `head`, reading its extra
    field; 0 where it is not a BGZF block, or states a size that its own parts exceed."""
    size, n_extra = _stated_size(head, file)
    return size if size >= HEADER_BYTES + n_extra + TRAILER_BYTES else 0


def _stated_size(head: bytes, file: BinaryIO) -> tuple[int, int]:
    """Return the size that the extra field of a block states, 0 where it states none, and the
    length of that field."""
    if len(head) < HEADER_BYTES or head[:3] != b"\x1f\x8b\x08" or not head[3] & 4:
        return 0, 0
    n_extra = struct.unpack_from("<H", head, 10)[0]  # the file may end before
    extra, at = file.read(n_extra), 0
    while at + 4 <= len(extra):
        length = struct.unpack_from("<H", extra, at + 2)[0]
        if extra[at : at + 2] == b"BC" and length == 2 and at + 6 <= len(extra):
            return struct.unpack_from("<H", extra, at + 4)[0] + 1, n_extra
        at += 4 + length
    return 0, n_extra


def inflate_block(path: Path, start: int, body: bytes) -> bytes:
    """Return the text of one block from the bytes after its extra field: deflate data, CRC32,
    length."""
    if len(body) < TRAILER_BYTES:
        raise InputOutputError(_damage(path, f"damaged block at byte {start:,}"))
    crc, length = struct.unpack_from("<II", body, len(body) - TRAILER_BYTES)
    try:
        # into one buffer of the stated length: a decompressor of pieces takes a twentieth longer
        text = zlib.decompress(body[:-TRAILER_BYTES], -15, min(length, BLOCK_TEXT))
    except zlib.error as error:
        raise InputOutputError(_damage(path, f"damaged block at byte {start:,}")) from error
    if len(text) != length or length > BLOCK_TEXT or zlib.crc32(text) != crc:
        raise InputOutputError(_damage(path, f"checksum wrong in block at byte {start:,}"))
    return text


def check_end(path: Path, file: BinaryIO) -> None:
    """Raise InputOutputError (74) for a BGZF file without its end-of-file block; the headers show
    where it was truncated."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - len(EOF_BLOCK)))
    if file.read() == EOF_BLOCK:
        return
    start = 0
    while start < size:
        file.seek(start)
        length = block_size(file.read(HEADER_BYTES), file)
        if not length or start + length > size:
            raise InputOutputError(
                _damage(path, f"compressed stream ends inside a block at byte {size:,}")
            )
        start += length
    raise InputOutputError(_damage(path, "no end-of-file block; file is cut off"))


def _gzip_chunks(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the members of a plain gzip file one after the other; zero bytes after the last one are
    padding, as in gzip(1)."""
    n_in = 0
    inflater = None
    with open_input(path) as file:
        raw = b""
        while raw or (raw := file.read(1 << 16)):
            if inflater is None:
                raw = _next_member(path, raw, n_in)
                if not raw:
                    continue
                inflater = zlib.decompressobj(31)
            before = len(raw)
            try:
                text = inflater.decompress(raw, READ_BYTES)
            except zlib.error as error:
                raise InputOutputError(
                    _damage(path, f"checksum wrong or data damaged near byte {n_in:,}")
                ) from error
            raw = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            n_in += before - len(raw)
            yield text, n_in
            while not inflater.eof and not raw and (text := _drain(inflater)):
                yield text, n_in
            if inflater.eof:
                inflater = None
    if inflater is not None:
        raise InputOutputError(
            _damage(path, f"compressed stream ends inside a block at byte {n_in:,}")
        )


def _drain(inflater) -> bytes:
    """Return text that zlib retains although it consumed all input, because its output buffer was
    full."""
    return inflater.decompress(b"", READ_BYTES)


def _next_member(path: Path, raw: bytes, at: int) -> bytes:
    if at == 0 or raw[:1] == b"\x1f":
        return raw
    if raw.strip(b"\0"):
        raise InputOutputError(_damage(path, f"bytes that are no gzip stream at byte {at:,}"))
    return b""


def _damage(path: Path, observed: str) -> str:
    return message(path.name, observed, "a whole compressed file", "copy it again")


class BgzfWriter:
    """Writes text as BGZF blocks of 65,280 bytes without a time stamp, so that equal text gives
    equal bytes.

    `close` writes the remaining text and the end-of-file block and leaves `file` open. An OSError
    of the file is passed on.
    """

    def __init__(self, file: BinaryIO, level: int = 6) -> None:
        self._file = file
        self._level = level
        self._pending = bytearray()

    def write(self, text: bytes) -> None:
        """Append text; only full blocks are written to the file."""
        self._pending += text
        while len(self._pending) >= BLOCK_INPUT:
            self._file.write(_block(bytes(self._pending[:BLOCK_INPUT]), self._level))
            del self._pending[:BLOCK_INPUT]

    def end_block(self) -> None:
        """Write what is pending, so that the next text begins a block."""
        if self._pending:
            self._file.write(_block(bytes(self._pending), self._level))
            self._pending.clear()

    def close(self) -> None:
        """Write the remaining text and the end-of-file block; the file stays open."""
        self.end_block()
        self._file.write(EOF_BLOCK)


def _block(text: bytes, level: int) -> bytes:
    """Return one BGZF block; deflate never expands 65,280 bytes beyond the 65,536 of a block."""
    deflater = zlib.compressobj(level, zlib.DEFLATED, -15)
    packed = deflater.compress(text) + deflater.flush()
    head = struct.pack("<4BIBBH2sHH", 0x1F, 0x8B, 8, 4, 0, 0, 255, 6, b"BC", 2, len(packed) + 25)
    return head + packed + struct.pack("<II", zlib.crc32(text), len(text))
