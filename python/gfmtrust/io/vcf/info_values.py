"""The text of one GFM_* value, as it stands after `GFM_REL=` in an INFO column; `info_texts` formats
whole columns.

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

KEYS = tuple(column.vcf for column in INFO_COLUMNS)
"""The INFO keys in the order in which they are written."""

COLUMN = {column.vcf: column.name for column in INFO_COLUMNS}
"""The column of sites.parquet for each key."""

NUMBERS = tuple(column.name for column in INFO_COLUMNS if column.is_float)
"""Columns of measured numbers; the others contain words or integers."""

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
