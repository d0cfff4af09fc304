"""Texts of the GFM_* values: from a row of sites.parquet to what stands behind `GFM_REL=` in an
INFO column.

Nothing written here needs percent-encoding, and nothing is ever NaN or infinite. It neither reads
tables nor writes files.
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
"""In the order in which they are written."""

COLUMN = {column.vcf: column.name for column in INFO_COLUMNS}
"""The column of sites.parquet by key."""

NUMBERS = tuple(column.name for column in INFO_COLUMNS if column.is_float)
"""Columns that hold measured numbers; the others hold words or whole numbers."""

_DECIMALS = tuple(
    (column.name, column.decimals if column.is_float else None) for column in INFO_COLUMNS
)
"""Column and decimals of each key, None for words."""

MISSING = "."
SAFE_TEXT = re.compile(r"[A-Za-z0-9._&()-]+")


def number_text(value: float, decimals: int = 4) -> str:
    """At most four decimals, no exponent, no trailing zeros; NaN is missing.

    Six significant digits or fewer below 100, so htslib prints the same text again. Raises
    InternalError for an infinity.
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
    """A status, flag, rank or codes as they are written; None and '' are missing. Cached: a run has
    few distinct ones."""
    if word is None or word == "" or (isinstance(word, (int, np.integer)) and word < 0):
        return MISSING  # a count that is not known is -1 in the table
    text = str(word)
    if not SAFE_TEXT.fullmatch(text):
        raise InternalError(
            message("value of a GFM key", f"{text!r}", "letters, digits and . _ & ( ) - only")
        )
    return text


def row_texts(columns: dict[str, np.ndarray], row: int) -> list[str]:
    """The texts of one allele, in key order. Raises InternalError where status and rank contradict
    each other."""
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
    """`GFM_STATUS=..;GFM_RANK=..;...` of one record, one value per ALT in the order of the ALTs
    (Number=A)."""
    return ";".join(
        f"{key}={','.join(texts)}" for key, texts in zip(KEYS, zip(*rows, strict=True), strict=True)
    )
