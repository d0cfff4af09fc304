"""Column 8 of a VCF line: our keys put in, taken out, and the form in which two such columns can be compared. Pure functions of bytes."""

from __future__ import annotations

import re

from gfmtrust.errors import InternalError, message
from gfmtrust.records import Status

PREFIX = b"GFM_"
OUR_HEADER = re.compile(rb"##(GFM_|gfmtrust|INFO=<ID=GFM_)")
"""A header line that is ours. A user's line never begins so, or the input is taken for annotated."""
_PAIR = re.compile(rb"(GFM_[A-Z0-9_]+)=([!-:<-~]+)")
_STATUSES = frozenset(status.value.encode() for status in Status)


def has_our_keys(info: bytes) -> bool:
    """Whether a column 8 carries a key of ours."""
    return PREFIX in info and any(part.startswith(PREFIX) for part in info.split(b";"))


def without_our_keys(info: bytes) -> bytes:
    """Column 8 without our keys, all else byte for byte; empty where nothing else stood there."""
    if PREFIX not in info:
        return info
    return b";".join(part for part in info.split(b";") if not part.startswith(PREFIX))


def with_our_keys(info: bytes, ours: bytes) -> bytes:
    """Column 8 with our keys at its end: they replace `.` or nothing, and a trailing `;` is not doubled."""
    if info in (b"", b"."):
        return ours
    return info + ours if info.endswith(b";") else info + b";" + ours


def canonical(info: bytes) -> bytes:
    """The form in which columns 8 are compared: without our keys, then without trailing `;`, then `.` where nothing is left.

    Stripping alone cannot tell `AC=1` from `AC=1;`, nor `.` from an empty column.
    """
    return without_our_keys(info).rstrip(b";") or b"."


def statuses_of(ours: bytes, n_alts: int) -> list[str]:
    """The status of each ALT in a finished text of our keys, after a check of its form.

    Raises InternalError where a pair is malformed, a key comes twice, a key has not `n_alts` values, a status is unknown, or
    GFM_STATUS or GFM_RANK is missing: readers would count such a record wrongly.
    """
    found: dict[bytes, list[bytes]] = {}
    for pair in ours.split(b";"):
        match = _PAIR.fullmatch(pair)
        if not match or match[1] in found:
            raise InternalError(message("values of a record", repr(pair), "KEY=values, each key once"))
        found[match[1]] = match[2].split(b",")
        if len(found[match[1]]) != n_alts or b"" in found[match[1]]:
            raise InternalError(message("values of a record", repr(pair), f"{n_alts} values, one per ALT"))
    if not {b"GFM_STATUS", b"GFM_RANK"} <= found.keys() or not _STATUSES.issuperset(found[b"GFM_STATUS"]):
        raise InternalError(message("values of a record", repr(ours), "GFM_RANK, and GFM_STATUS with known statuses"))
    return [status.decode() for status in found[b"GFM_STATUS"]]
