"""The lines of a sorted, BGZF-compressed and tabix-indexed text file at given positions.

A genome-wide table of scores holds billions of lines, and a run asks for a few thousand bases of
it. htslib decompresses and passes over every line from the start of an index window of 16 kb,
about 50,000 lines where each base has three; this module finds the one block that holds the
position by the first lines of the blocks in between, which costs a few hundred decompressed bytes
each. Source of the format: SAM specification, section 4.1.
"""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gfmtrust.core.errors import BadDataError, InputOutputError, message
from gfmtrust.io.bgzf import EOF_BLOCK, HEADER_BYTES, block_size, inflate_block, open_input
from gfmtrust.io.tabix_index import ContigWindows, TabixIndex

HEAD_BYTES = 1024
"""Decompressed bytes of a block in which its first two lines usually end."""
TRAILER_BYTES = 8
"""CRC32 and length, behind the deflate data of a block."""
LARGEST_BLOCK = 1 << 16
AFTER = 1 << 62
"""Stands for the position of a line of a later contig."""


class SortedText:
    """Random access to the lines of a file by position. Positions are 0-based.

    Raises BadDataError (65) where the index does not fit the file, and InputOutputError (74) for a
    damaged block.
    """

    def __init__(self, path: Path, index: TabixIndex):
        self.path, self._index = Path(path), index
        self._file = open_input(path)
        self._size = os.fstat(self._file.fileno()).st_size

    def __enter__(self) -> SortedText:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def lines(self, contig: str, positions: np.ndarray) -> Iterator[tuple[int, list[bytes]]]:
        """(i, lines) for each position that has lines, without line ends, in the order of the file.

        contig: as the file spells it; positions: int64 (n,), ascending.
        """
        windows = self._index.contigs.get(contig)
        if windows is None or not len(windows.starts):
            return
        column = np.searchsorted(windows.starts, positions, "right") - 1
        asked = zip(column.tolist(), positions.tolist(), range(len(positions)), strict=True)
        for window, group in groupby(asked, key=lambda one: one[0]):
            if window < 0:
                continue
            section, is_whole = self._section(contig, windows, window), False
            for _, pos, i in group:
                lines = section.lines(pos)
                if section.ran_out and not is_whole:
                    section, is_whole = self._whole(contig, windows, window, section), True
                    lines = section.lines(pos)
                if lines:
                    yield i, lines

    @property
    def size(self) -> int:
        """Bytes of the compressed file."""
        return self._size

    def _section(self, contig: str, windows: ContigWindows, window: int) -> _Section:
        """The blocks from the start of a window to the first record that touches a later one."""
        after = int(np.searchsorted(windows.offsets, windows.offsets[window], "right"))
        return self._until(contig, windows, window, after)

    def _whole(
        self, contig: str, windows: ContigWindows, window: int, section: _Section
    ) -> _Section:
        """The section of a window to where its lines have ended: a record that reaches into a later
        window may have lines of this one behind it."""
        after = first = int(np.searchsorted(windows.offsets, windows.offsets[window], "right"))
        while after < len(windows.offsets):
            offset = int(windows.offsets[after])
            pos = _Section(self, contig, offset, offset).first_position()
            if pos is not None and pos >= windows.starts[window + 1]:
                break
            after = int(np.searchsorted(windows.offsets, offset, "right"))
        return section if after == first else self._until(contig, windows, window, after)

    def _until(self, contig: str, windows: ContigWindows, window: int, after: int) -> _Section:
        end = int(windows.offsets[after]) if after < len(windows.offsets) else windows.end
        return _Section(self, contig, int(windows.offsets[window]), end)

    def first_position(self, contig: str, window: int) -> int | None:
        """The position of the first line from the start of a window of the index on; None where the
        contig has no line there."""
        section = self._section(contig, self._index.contigs[contig], window)
        return section.first_position()

    def block_bytes(self, start: int, end: int) -> bytes:
        """The compressed bytes from one offset to another and the whole block that starts there."""
        wanted = min(end + LARGEST_BLOCK, self._size) - start
        return _read(self._file, start, max(wanted, 0))

    def key(self, contig: str) -> Key:
        """How lines of a contig are recognised."""
        index = self._index
        return Key(contig, index.contig_column, index.pos_column, index.zero_based)


class Key:
    """Recognises lines by contig and position. columns are 0-based."""

    def __init__(self, contig: str, contig_column: int, pos_column: int, zero_based: bool):
        self._contig = contig.encode()
        self._columns = contig_column, pos_column
        self._add = 0 if zero_based else 1
        self._is_plain = self._columns == (0, 1)

    def text(self, pos: int) -> bytes:
        """What every line at a 0-based position holds, with the line end before it."""
        number = b"%d" % (pos + self._add)
        if self._is_plain:
            return b"\n%s\t%s\t" % (self._contig, number)
        return b"%s%s" % (b"\t" if self._columns[1] else b"\n", number)

    def position(self, line: bytes) -> int | None:
        """The 0-based position of a line of the contig, None for a line of another contig. Raises
        ValueError for a line that has no position."""
        fields = line.split(b"\t", max(self._columns) + 1)
        if len(fields) <= max(self._columns):
            raise ValueError("too few columns")
        if fields[self._columns[0]] != self._contig:
            return None
        return int(fields[self._columns[1]]) - self._add


class _Section:
    """Consecutive blocks of a file that hold the lines of a stretch of one contig. ran_out: whether
    the last search went on to the end of the blocks, so that lines may lie behind them."""

    ran_out = False

    def __init__(self, file: SortedText, contig: str, start: int, end: int):
        self._file, self._key = file, file.key(contig)
        self._start, self._within = start >> 16, start & 0xFFFF
        self._bytes = file.block_bytes(self._start, end >> 16)
        self._blocks = self._chain((end >> 16) - self._start)
        self._begins: dict[int, bytes] = {}
        self._heads: dict[int, int] = {}
        self._leads: dict[int, bytes] = {}
        self._texts: dict[int, bytes] = {}

    def _chain(self, last: int) -> list[tuple[int, int, int]]:
        """(start, start of the deflate data, stop) of each block within the bytes, up to the one
        that starts at `last`."""
        file, blocks, at = BytesIO(self._bytes), [], 0
        while at <= last and at < len(self._bytes):
            size = block_size(file.read(HEADER_BYTES), file)
            if not size:
                raise self._misfit(f"no block at byte {self._start + at:,}")
            if at + size > len(self._bytes):
                raise self._misfit(f"it ends inside the block at byte {self._start + at:,}")
            blocks.append((at, file.tell(), at + size))
            at = file.seek(at + size)
        return blocks

    def _misfit(self, observed: str) -> BadDataError:
        name = self._file.path.name
        return BadDataError(
            message(
                name,
                f"the index does not fit the file: {observed}",
                f"an index made of this {name}",
                f"sort it by contig and position, bgzip it, and run tabix --force on {name}",
            )
        )

    def lines(self, pos: int) -> list[bytes]:
        """The lines at a 0-based position; [] where there are none."""
        # the last block whose first whole line lies before the position
        block = bisect_right(range(1, len(self._blocks)), pos - 1, key=self._head)
        lines_there: list[bytes] = []
        self.ran_out = False
        while block < len(self._blocks):
            lines, may_go_on = self._in_block(block, pos)
            lines_there += lines
            block += 1
            if not may_go_on:
                return lines_there
            if block < len(self._blocks) and self._head(block) > pos:
                self.ran_out = self._head(block) == AFTER
                return lines_there
        self.ran_out = True
        return lines_there

    def first_position(self) -> int | None:
        """The position of the first line of the section, None where it is of another contig."""
        if not self._blocks:
            raise self._misfit(f"no block at byte {self._start:,}")
        lines = self._text(0)[1:]
        return self._position(lines.partition(b"\n")[0])

    def _in_block(self, block: int, pos: int) -> tuple[list[bytes], bool]:
        """The lines at a position among the whole lines of a block, and whether the next block may
        hold more of them."""
        text = self._text(block)
        at = self._find(text, pos)
        if at < 0:
            return [], True
        lines_there: list[bytes] = []
        start = at + 1
        while (stop := text.find(b"\n", start)) >= 0:
            line = text[start:stop].rstrip(b"\r")
            if self._position(line) != pos:
                return lines_there, False
            lines_there.append(line)
            start = stop + 1
        return lines_there, True

    def _find(self, text: bytes, pos: int) -> int:
        """Offset of the line end before the first line at the position, -1 where there is none."""
        wanted = self._key.text(pos)
        at = text.find(wanted)
        while at >= 0:
            start = at if wanted[:1] == b"\n" else text.rfind(b"\n", 0, at)
            stop = text.find(b"\n", start + 1)
            if self._position(text[start + 1 : stop]) == pos:
                return start
            at = text.find(wanted, at + 1)
        return -1

    def _position(self, line: bytes) -> int | None:
        if not line:
            return None
        try:
            return self._key.position(line)
        except ValueError:
            raise self._misfit(f"a line is {line[:60]!r}") from None

    def _text(self, block: int) -> bytes:
        """The lines that start in a block, and the line that starts where the next block does, each
        whole, after a line end."""
        if block not in self._texts:
            first = self._within if block == 0 else len(self._lead(block))
            inflated = memoryview(self._inflated(block))
            # where a line goes on through the whole block, no line starts in it
            behind = self._lead(block + 1) if first <= len(inflated) else b""
            text = b"".join((b"\n", inflated[first:], behind))  # one copy
            if len(self._texts) > 1:
                self._texts.pop(next(iter(self._texts)))
            self._texts[block] = self._whole_lines(text)
        return self._texts[block]

    def _whole_lines(self, text: bytes) -> bytes:
        """A text up to its last line end. The last line of a file may lack one; another line that
        does is cut by the end of the section, and lies behind its records."""
        if text.endswith(b"\n"):
            return text
        if self._start + self._blocks[-1][-1] + len(EOF_BLOCK) >= self._file.size:
            return text + b"\n"
        return text[: text.rfind(b"\n") + 1]

    def _lead(self, block: int) -> bytes:
        """The text from the start of a block to the end of the line that is there, over several
        blocks where the line is that long."""
        if block >= len(self._blocks):
            return b""
        if block not in self._leads:
            text = self._begin(block)
            at = text.find(b"\n")
            if at < 0:
                text = self._inflated(block)
                at = text.find(b"\n")
            self._leads[block] = text[: at + 1] if at >= 0 else text + self._lead(block + 1)
        return self._leads[block]

    def _head(self, block: int) -> int:
        """The position of the first line after the lead of a block."""
        if block not in self._heads:
            self._heads[block] = self._read_head(block)
        return self._heads[block]

    def _read_head(self, block: int) -> int:
        skipped = len(self._lead(block))
        rest = self._begin(block)[skipped:]
        if b"\n" not in rest:
            inflated = self._inflated(block)
            behind = self._lead(block + 1) if skipped <= len(inflated) else b""
            rest = inflated[skipped:] + behind
        if not rest.strip(b"\n"):
            return self._head(block + 1) if block + 1 < len(self._blocks) else AFTER
        pos = self._position(rest.partition(b"\n")[0])
        return AFTER if pos is None else pos

    def _begin(self, block: int) -> bytes:
        """The first HEAD_BYTES of the text of a block, unchecked."""
        if block not in self._begins:
            _, body, stop = self._blocks[block]
            raw = self._bytes[body : min(stop - TRAILER_BYTES, body + 2 * HEAD_BYTES)]
            try:
                self._begins[block] = zlib.decompressobj(-15).decompress(raw, HEAD_BYTES)
            except zlib.error:
                self._begins[block] = self._inflated(block)  # which names the damaged block
        return self._begins[block]

    def _inflated(self, block: int) -> bytes:
        start, body, stop = self._blocks[block]
        return inflate_block(self._file.path, self._start + start, self._bytes[body:stop])


def _read(file: BinaryIO, start: int, n: int) -> bytes:
    try:
        return os.pread(file.fileno(), n, start)
    except OSError as error:
        raise InputOutputError(
            message(str(file.name), error.strerror or "cannot be read", "a file that can be read")
        ) from error
