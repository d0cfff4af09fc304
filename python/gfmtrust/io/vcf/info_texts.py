"""The finished texts of the GFM_* keys of many alleles at once, from the columns of sites.parquet.

Arrow formats whole columns; `info_values` says how a single value is written, and the two agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gfmtrust.core.column import Column
from gfmtrust.core.columns import INFO_COLUMNS
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.io.vcf.info_values import KEYS, MISSING, number_text, word_text

PLAIN_BELOW = 1e6
"""Arrow writes larger numbers with an exponent; single values are then formatted one by one."""


@dataclass(frozen=True)
class InfoTexts:
    """The texts of n alleles, each alone as one ALT: text i is data[offsets[i]:offsets[i + 1]]."""

    data: bytes
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def one(self, row: int) -> bytes:
        """Return the text of one allele."""
        return self.data[self.offsets[row] : self.offsets[row + 1]]

    def of(self, rows: np.ndarray) -> list[bytes]:
        """Return the texts of some alleles. rows: (m,)."""
        start, end = self.offsets[rows].tolist(), self.offsets[rows + 1].tolist()
        return [self.data[a:b] for a, b in zip(start, end, strict=True)]


def info_texts(table: pa.Table) -> InfoTexts:
    """Return the texts of all rows of a table with the columns of the INFO keys.

    Raises InternalError (70) for an infinity, a word that would break a VCF, and where status and
    rank contradict each other.
    """
    _check_status(table)
    parts: list[pa.Array | pa.Scalar] = []
    for number, (key, column) in enumerate(zip(KEYS, INFO_COLUMNS, strict=True)):
        values = table[column.name].combine_chunks()
        parts += [_scalar(f"{';' if number else ''}{key}="), _texts(values, column)]
    joined = pc.binary_join_element_wise(*parts, _scalar(""))
    _, offsets, data = joined.buffers()
    offsets = np.frombuffer(offsets, np.int32)[joined.offset : joined.offset + len(joined) + 1]
    return InfoTexts(data.to_pybytes() if data else b"", offsets)


def joined_texts(texts: list[bytes]) -> bytes:
    """Return `GFM_STATUS=..;GFM_RANK=..;...` for one record, with one value per ALT in the order of
    the ALTs (Number=A). texts: that of each ALT alone."""
    if len(texts) == 1:
        return texts[0]
    values = [[pair.partition(b"=")[2] for pair in text.split(b";")] for text in texts]
    return b";".join(
        key.encode() + b"=" + b",".join(of_alts)
        for key, of_alts in zip(KEYS, zip(*values, strict=True), strict=True)
    )


def _check_status(table: pa.Table) -> None:
    scored = pc.equal(table["status"], _scalar(Status.SCORED))
    flagged = pc.greater(table["rank"].cast(pa.int64()), _number(int(Rank.NOT_SCORED)))
    contradicts = pc.fill_null(pc.xor(scored, flagged), pc.is_null(_scalar(None)))
    if pc.any(contradicts).as_py():
        row = pc.index(contradicts, pc.is_valid(_scalar(""))).as_py()
        raise InternalError(
            message(
                "sites.parquet",
                f"status and rank are {[table[name][row].as_py() for name in ('status', 'rank')]}",
                "rank 0 exactly where not scored",
            )
        )


def _texts(values: pa.Array, column: Column) -> pa.Array:
    """Return the texts of one column, without a null."""
    if not column.is_float:
        return _word_texts(values)
    if values.type != pa.float32():
        return _one_by_one(values, column.decimals)
    numbers = values.cast(pa.float64())
    numbers = pc.if_else(pc.is_nan(numbers), pa.nulls(1, pa.float64())[0], numbers)
    largest = pc.max(pc.abs(numbers)).as_py()
    if largest is not None and largest >= PLAIN_BELOW:
        return _one_by_one(values, column.decimals)
    # a float32 times 10^4 is exact in float64, so that ties are decided as Python's format does
    rounded = pc.round(numbers, ndigits=column.decimals, round_mode="half_to_even")
    texts = pc.add(rounded, _number(0.0)).cast(pa.string())  # -0 becomes 0
    return pc.fill_null(texts, _scalar(MISSING))


def _one_by_one(values: pa.Array, decimals: int) -> pa.Array:
    return pa.array(
        [number_text(np.nan if one is None else one, decimals) for one in values.to_pylist()],
        pa.string(),
    )


def _word_texts(values: pa.Array) -> pa.Array:
    """Return the texts of words or integers: each distinct one is formatted once."""
    encoded = values.dictionary_encode()
    words = [word_text(word).encode() for word in encoded.dictionary.to_pylist()]
    indices = pc.fill_null(encoded.indices.cast(pa.int64()), _number(len(words)))
    return _strings([*words, MISSING.encode()]).take(indices)


def _strings(texts: list[bytes]) -> pa.Array:
    """Return an Arrow array of texts. In contrast to `pa.array`, this does not import pandas."""
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def _scalar(text: str | None) -> pa.Scalar:
    return pa.nulls(1, pa.string())[0] if text is None else _strings([text.encode()])[0]


def _number(value: float) -> pa.Scalar:
    number = np.array([value])
    kind = pa.int64() if number.dtype == np.int64 else pa.float64()
    return pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(number)])[0]
