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

from gfmtrust.core.columns import INFO_KEYS
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.vocabulary import Rank, Status

KEYS = tuple(key.id for key in INFO_KEYS)
"""In the order they are written; the column of sites.parquet is the key without GFM_, in lower
case."""

COLUMN = {key: key.removeprefix("GFM_").lower() for key in KEYS}
WORDS = tuple(COLUMN[key.id] for key in INFO_KEYS if key.type != "Float")
NUMBERS = tuple(COLUMN[key.id] for key in INFO_KEYS if key.type == "Float")
"""Columns that hold words (or whole numbers) and columns that hold floats; KEYS has all words
first."""

MISSING = "."
SAFE_TEXT = re.compile(r"[A-Za-z0-9._&-]+")


def number_text(value: float) -> str:
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
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@lru_cache(maxsize=4096)
def word_text(word: object) -> str:
    """A status, flag, rank or codes as they are written; None and '' are missing. Cached: a run has
    few distinct ones."""
    if word is None or word == "":
        return MISSING
    text = str(word)
    if not SAFE_TEXT.fullmatch(text):
        raise InternalError(
            message("value of a GFM key", f"{text!r}", "letters, digits and . _ & - only")
        )
    return text


def row_texts(columns: dict[str, np.ndarray], row: int) -> list[str]:
    """The ten texts of one allele, in key order. Raises InternalError where status and rank
    contradict each other."""
    words = [columns[name][row] for name in WORDS]
    if (columns["status"][row] == Status.SCORED) != (columns["rank"][row] > Rank.NOT_SCORED):
        raise InternalError(
            message(
                "sites.parquet",
                f"status and rank are {words[:2]}",
                "rank 0 exactly where not scored",
            )
        )
    return [*map(word_text, words), *(number_text(columns[name][row]) for name in NUMBERS)]


def info_text(rows: list[list[str]]) -> str:
    """`GFM_STATUS=..;GFM_RANK=..;...` of one record, one value per ALT in the order of the ALTs
    (Number=A)."""
    return ";".join(
        f"{key}={','.join(texts)}" for key, texts in zip(KEYS, zip(*rows, strict=True), strict=True)
    )
