"""Texts of the GFM_* values: from a row of sites.parquet to what stands behind `GFM_REL=` in an INFO column.

Nothing written here needs percent-encoding, and nothing is ever NaN or infinite. It neither reads tables nor writes files.
"""

from __future__ import annotations

import math
import re

import numpy as np

from gfmtrust.errors import InternalError, message
from gfmtrust.measure_table import INFO_KEYS
from gfmtrust.records import Rank, Status

KEYS = tuple(key.id for key in INFO_KEYS)
"""In the order they are written; the column of sites.parquet is the key without GFM_, in lower case."""

COLUMN = {key: key.removeprefix("GFM_").lower() for key in KEYS}
MISSING = "."
SAFE_TEXT = re.compile(r"[A-Za-z0-9._&-]+")


def number_text(value: float) -> str:
    """At most four decimals, no exponent, no trailing zeros; NaN is missing.

    Six significant digits or fewer below 100, so htslib prints the same text again. Raises InternalError for an infinity.
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        raise InternalError(message("value of a GFM key", "an infinity", "a finite number or status NONFINITE"))
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def value_text(value: object) -> str:
    """The text of one value of any column; None, NaN and '' are missing."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, float | np.floating):
        return number_text(float(value))
    text = str(value)
    if not SAFE_TEXT.fullmatch(text):
        raise InternalError(message("value of a GFM key", f"{text!r}", "letters, digits and . _ & - only"))
    return text


def row_texts(columns: dict[str, np.ndarray], row: int) -> list[str]:
    """The ten texts of one allele, in key order. Raises InternalError where status and rank contradict each other."""
    status, rank = columns["status"][row], int(columns["rank"][row])
    if (status == Status.SCORED) != (rank > Rank.NOT_SCORED):
        raise InternalError(message("sites.parquet", f"status {status} with rank {rank}", "rank 0 exactly where not scored"))
    return [value_text(columns[COLUMN[key]][row]) for key in KEYS]


def info_text(rows: list[list[str]]) -> str:
    """`GFM_STATUS=..;GFM_RANK=..;...` of one record, one value per ALT in the order of the ALTs (Number=A)."""
    return ";".join(f"{key}={','.join(texts)}" for key, texts in zip(KEYS, zip(*rows, strict=True), strict=True))
