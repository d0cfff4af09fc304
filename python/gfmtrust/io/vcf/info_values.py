"""The texts of the GFM_* values: from a row of sites.parquet to the text after `GFM_REL=` in an
INFO column.

No value needs percent-encoding, and none is ever NaN or infinite. This module neither reads tables
nor writes files.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

import numpy as np

from gfmtrust.core.columns import INFO_COLUMNS
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.vocabulary import Rank, Status

KEYS = tuple(column.vcf for column in INFO_COLUMNS)
"""The INFO keys in the order in which they are written."""

COLUMN = {column.vcf: column.name for column in INFO_COLUMNS}
"""The column of sites.parquet for each key."""

NUMBERS = tuple(column.name for column in INFO_COLUMNS if column.is_float)
"""Columns of measured numbers; the others contain words or integers."""

_DECIMALS = tuple(
    (column.name, column.decimals if column.is_float else None) for column in INFO_COLUMNS
)
"""The column and the decimals of each key, None for words."""

MISSING = "."
SAFE_TEXT = re.compile(r"[A-Za-z0-9._&()-]+")


def number_text(value: float, decimals: int = 4) -> str:
    """Return a number with at most `decimals` decimals (default 4), without an exponent or trailing
    zeros; NaN is missing.

    Values below 100 have at most six significant digits, so htslib prints the same text again.
    Raises InternalError (70) for an infinity.
    """
    if not math.isfinite(value):
        if math.isnan(value):
            return MISSING
        raise InternalError(
            message("value of a GFM key", "an infinity", "a finite number or status NONFINITE")
        )
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@lru_cache(maxsize=4096)
def word_text(word: object) -> str:
    """Return the text of a status, flag, rank or code; None and '' are missing. The result is
    cached, because a run has few distinct ones."""
    if word is None or word == "" or (isinstance(word, (int, np.integer)) and word < 0):
        return MISSING  # an unknown count is -1 in the table
    text = str(word)
    if not SAFE_TEXT.fullmatch(text):
        raise InternalError(
            message("value of a GFM key", f"{text!r}", "letters, digits and . _ & ( ) - only")
        )
    return text


def row_texts(columns: dict[str, np.ndarray], row: int) -> list[str]:
    """Return the texts of one allele in the order of KEYS. Raises InternalError (70) where status
    and rank contradict each other."""
    status, rank = columns["status"][row], columns["rank"][row]
    if (status == Status.SCORED) != (rank > Rank.NOT_SCORED):
        raise InternalError(
            message(
                "sites.parquet",
                f"status and rank are {[status, rank]}",
                "rank 0 exactly where not scored",
            )
        )
    return [
        word_text(columns[name][row])
        if decimals is None
        else number_text(columns[name][row], decimals)
        for name, decimals in _DECIMALS
    ]


def info_text(rows: list[list[str]]) -> str:
    """Return `GFM_STATUS=..;GFM_RANK=..;...` for one record, with one value per ALT in the order of
    the ALTs (Number=A)."""
    return ";".join(
        f"{key}={','.join(texts)}" for key, texts in zip(KEYS, zip(*rows, strict=True), strict=True)
    )
