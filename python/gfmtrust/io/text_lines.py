"""The lines of a file, compressed or not, one by one or in blocks of whole lines; the length of a
line is limited, because it is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gfmtrust.core.errors import BadDataError, GfmtrustError, message
from gfmtrust.io.bgzf import MAX_RATIO, READ_BYTES, read_chunks

SHORTER = "drop its long fields"
"""What to do about a line that is too long."""


def read_line_blocks(
    path: str | Path,
    max_line: int,
    max_ratio: float | None = MAX_RATIO,
    remedy: str = SHORTER,
) -> Iterator[bytes]:
    """Yield the text of a file in blocks of whole lines, about 1 MiB each or one longer line; only
    the last block may lack the final line end.

    remedy: the end of the message for a line that is too long. Raises BadDataError (65) for a line
    longer than `max_line` bytes, before more than that and one block are in memory, and otherwise
    as `read_chunks`. The lines before the place of an error come first.
    """
    pending: list[bytes] = []
    n_pending = n_open = n_lines = 0
    chunks = read_chunks(path, max_ratio)
    while True:
        error = None
        try:
            chunk = next(chunks, b"")
        except GfmtrustError as raised:
            chunk, error = b"", raised
        cut = chunk.rfind(b"\n")
        n_open = n_open + len(chunk) if cut < 0 else len(chunk) - cut - 1
        pending.append(chunk)
        n_pending += len(chunk)
        too_long = n_open > max_line
        if chunk and not too_long and (n_pending < READ_BYTES or n_open == n_pending):
            continue
        text = b"".join(pending)
        whole = text.rfind(b"\n") + 1 if chunk or error else len(text)
        if whole:
            yield text[:whole]
            n_lines += text.count(b"\n", 0, whole)
        if error is not None:
            raise error
        if too_long:
            raise line_too_long(path, n_lines + 1, max_line, remedy)
        if not chunk:
            return
        pending, n_pending = [text[whole:]], len(text) - whole


def read_lines(
    path: str | Path,
    max_line: int,
    max_ratio: float | None = MAX_RATIO,
    remedy: str = SHORTER,
) -> Iterator[bytes]:
    """Yield the lines of a file with their endings; the last line may have none.

    Raises BadDataError (65) for a line longer than `max_line` bytes, and otherwise as
    `read_line_blocks`.
    """
    n_lines = 0
    for block in read_line_blocks(path, max_line, max_ratio, remedy):
        for line in lines_of(block):
            n_lines += 1
            if len(line) - line.endswith(b"\n") > max_line:
                raise line_too_long(path, n_lines, max_line, remedy)
            yield line


def lines_of(block: bytes) -> Iterator[bytes]:
    """Yield the lines of a text with their endings; the last line may have none."""
    *whole, rest = block.split(b"\n")
    for line in whole:
        yield line + b"\n"
    if rest:
        yield rest


def line_too_long(
    path: str | Path, line_no: int, max_line: int, remedy: str = SHORTER
) -> BadDataError:
    """Return the error for a line of more than `max_line` bytes."""
    observed = f"line {line_no}: longer than {max_line / (1 << 20):g} MiB"
    return BadDataError(message(Path(path).name, observed, "shorter lines", remedy))
