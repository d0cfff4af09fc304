"""Which header lines and INFO keys of a VCF were written by gfmtrust.

An INFO key is ours where its header line says so: `##INFO=<ID=GFM_...,Source="gfmtrust",...>`. The
name alone proves nothing, because other programs write keys that begin with GFM_ as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.io.vcf.info_column import key_in
from gfmtrust.io.vcf.reader import Record, place

OUR_KEY = re.compile(rb'##INFO=<ID=(GFM_[A-Z0-9_]+),.*,Source="gfmtrust"[,>]')
"""The header line of one of our INFO keys, of this or of another version."""
_OTHER_LINE = re.compile(rb"##(?:GFM_(?:model|calibration|null)=<|gfmtrust[A-Z])")
_DECLARED = re.compile(rb"##INFO=<ID=(GFM_[^,>]*)")


def is_ours(line: bytes) -> bool:
    """Whether a header line was written by gfmtrust, this or another version."""
    return OUR_KEY.match(line) is not None or _OTHER_LINE.match(line) is not None


def our_keys(lines: Iterable[bytes]) -> frozenset[bytes]:
    """Return the INFO keys that header lines of ours declare."""
    return frozenset(match[1] for line in lines if (match := OUR_KEY.match(line)))


def foreign_keys(lines: Iterable[bytes]) -> frozenset[bytes]:
    """Return the INFO keys that begin with GFM_ and that another program declares."""
    return frozenset(
        match[1] for line in lines if (match := _DECLARED.match(line)) and not OUR_KEY.match(line)
    )


class KeyClash:
    """Finds keys of other programs that have the name of a key that we are going to write: a record
    would have the key twice.

    path: the input; lines: its header lines; written: the keys that will be written. Raises
    BadDataError (65) where the header declares such a key, or one key as ours and as another's.
    """

    def __init__(self, path: Path, lines: Iterable[bytes], written: frozenset[bytes]) -> None:
        lines = tuple(lines)
        self._path = path
        declared = our_keys(lines)
        self._names = written - declared
        foreign = sorted((written | declared) & foreign_keys(lines))
        if foreign:
            raise self._refusal(f"{path.name} header", foreign[0])

    def check(self, record: Record) -> None:
        """Raise BadDataError (65) where a record has such a key although no header line declares
        it."""
        if key := key_in(record.info, self._names):
            raise self._refusal(place(self._path, record), key)

    @staticmethod
    def _refusal(where: str, key: bytes) -> BadDataError:
        name = shown(key)
        return BadDataError(
            message(
                where,
                f"carries the INFO key {name} of another program",
                'no key that gfmtrust writes, unless its header line has Source="gfmtrust"',
                f"remove it with bcftools annotate -x INFO/{name}, or rename it",
            )
        )
