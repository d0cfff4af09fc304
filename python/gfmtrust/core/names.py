"""One rule for every name that a result carries: the ids of VCFs and the names of BEDs.

A name becomes a file name and a word of a command line, so it has few characters and a limit that
leaves room for endings (a file name has at most 255 bytes).
"""

from __future__ import annotations

import re
from pathlib import PurePath

from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.warning_counts import shown

LONGEST = 128
"""Characters of a name: two TCGA barcodes, `_vs_` and the name of a caller have 70."""
PATTERN = f"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{LONGEST - 1}}}"
_NAME = re.compile(PATTERN)
_OTHER = re.compile(r"[^A-Za-z0-9_.-]")
BED_ENDING = re.compile(r"(?:\.bed)?(?:\.b?gz)?$", re.IGNORECASE)
VCF_ENDING = re.compile(r"(?:\.g?vcf)?(?:\.b?gz)?$", re.IGNORECASE)


def fits(name: str) -> bool:
    """Whether a result may carry that name."""
    return _NAME.fullmatch(name) is not None


def expected(name: str) -> str:
    """What the rule asks of a name that does not fit: fewer characters, or other ones."""
    if len(name) > LONGEST and _NAME.match(name[:LONGEST]) and not _OTHER.search(name):
        return f"at most {LONGEST} characters, not {len(name)}"
    return PATTERN


def check(name: str, place: str, remedy: str = "rename it") -> str:
    """The name, where it fits. place: the user's file, and its row. Raises UsageError (64)."""
    if not fits(name):
        raise UsageError(message(place, f"'{shown(name)}'", expected(name), remedy))
    return name


def of_file(path: str | PurePath, ending: re.Pattern[str]) -> str:
    """The name that a file gives: its own without the ending, other characters as `_`."""
    file_name = str(path).rstrip("/").rpartition("/")[2]
    return _OTHER.sub("_", ending.sub("", file_name, count=1))
