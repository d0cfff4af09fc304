"""What an annotated VCF is without our keys, and whether that is its input; made with Python's gzip
and regular expressions, without the code under test."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

OUR_HEADER = re.compile(
    rb'##(?:INFO=<ID=GFM_[A-Z0-9_]+,[^\n]*Source="gfmtrust"|GFM_|gfmtrust)[^\n]*\n'
)
OUR_PAIRS = re.compile(rb"(?:^|;)GFM_STATUS=[^\t\r\n]*")
INFO = 7


def text_of(path: Path) -> bytes:
    """The text of a plain, gzip or BGZF file."""
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def difference(source: bytes, annotated: bytes) -> str:
    """The first place where the annotated text without our keys is not the source; '' where it is.

    Allowed are what docs/start/output.md states: the last line end is added, and empty lines after
    the last record are not copied.
    """
    source = re.sub(rb"(?:\r?\n)+\Z", b"\n", source)
    source = source if source.endswith(b"\n") else source + b"\n"
    before = source.split(b"\n")
    after = OUR_HEADER.sub(b"", annotated).split(b"\n")
    if len(before) != len(after):
        return f"{len(after)} lines, {len(before)} in the input"
    for number, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        if old != new and not equal_but_ours(old, new):
            return f"line {number}"
    return ""


def equal_but_ours(old: bytes, new: bytes) -> bool:
    """Whether two lines of a record are equal in all but our keys at the end of column 8."""
    old_columns, new_columns = old.split(b"\t"), new.split(b"\t")
    if len(old_columns) != len(new_columns) or len(old_columns) <= INFO:
        return False
    plain = OUR_PAIRS.sub(b"", new_columns[INFO])
    stated = old_columns[INFO]
    same_info = plain == stated or stated in (plain + b";", plain + b".", plain + b".\r")
    del old_columns[INFO], new_columns[INFO]
    return same_info and old_columns == new_columns
