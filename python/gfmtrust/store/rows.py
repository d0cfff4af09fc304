"""One row of a score store: the key, the values (float32) and a checksum over both.

Rows lie in `.npy` files (NumPy format 1.0, a packed structured type), sorted by key and each key
once. The keys are digests and thus uniformly spread, so that the statistics of row groups would
exclude nothing; rows of one size in a memory map are found by binary search in constant memory.
"""

from __future__ import annotations

import hashlib

import numpy as np

from gfmtrust.core.contracts.score_store import StoreScope

KEY_BYTES = 16
CHECKSUM_BYTES = 8


def row_type(scope: StoreScope) -> np.dtype:
    """The packed type of a row: high and low half of the key, values, checksum."""
    return np.dtype(
        [
            ("high", "<u8"),
            ("low", "<u8"),
            ("values", "<f4", (scope.n_values,)),
            ("checksum", "<u8"),
        ]
    )


def rows_of(scope: StoreScope, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rows with their checksums, sorted by key, the first of equal keys. keys: uint64 (n, 2);
    values: float32 (n, scope.n_values)."""
    rows = np.zeros(len(keys), row_type(scope))
    rows["high"], rows["low"], rows["values"] = keys[:, 0], keys[:, 1], values
    rows = sorted_rows(rows)
    is_first = np.ones(len(rows), bool)
    is_first[1:] = ~equal_keys(rows[1:], rows[:-1])
    rows = rows[is_first]
    rows["checksum"] = checksums(scope, rows)
    return rows


def sorted_rows(rows: np.ndarray) -> np.ndarray:
    """Rows in order of key; equal keys keep their order."""
    return rows[np.lexsort((rows["low"], rows["high"]))]


def equal_keys(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether the keys of two arrays of rows are equal, row by row, bool (n,)."""
    return (rows["high"] == others["high"]) & (rows["low"] == others["low"])


def checksums(scope: StoreScope, rows: np.ndarray) -> np.ndarray:
    """BLAKE2b of each row's key and values, keyed by the scope, uint64 (n,): a row that was copied
    from another scope does not fit either."""
    size, secret = rows.dtype.itemsize, scope.digest
    data = memoryview(rows.tobytes())
    digests = b"".join(
        hashlib.blake2b(
            data[start : start + size - CHECKSUM_BYTES], digest_size=CHECKSUM_BYTES, key=secret
        ).digest()
        for start in range(0, len(rows) * size, size)
    )
    return np.frombuffer(digests, "<u8")


def intact(scope: StoreScope, rows: np.ndarray) -> np.ndarray:
    """Which rows agree with their checksum, bool (n,)."""
    return rows["checksum"] == checksums(scope, rows)


def places(rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The first place in sorted rows whose key is not below each of n keys, int64 (n,).

    rows: may be a memory map; about log2(len(rows)) elements per key are read. keys: uint64 (n, 2).
    """
    low, high = np.zeros(len(keys), np.int64), np.full(len(keys), len(rows), np.int64)
    while True:
        open_rows = np.flatnonzero(low < high)
        if not len(open_rows):
            return low
        middle = (low[open_rows] + high[open_rows]) // 2
        first, second = rows["high"][middle], rows["low"][middle]
        asked = keys[open_rows]
        is_below = (first < asked[:, 0]) | ((first == asked[:, 0]) & (second < asked[:, 1]))
        low[open_rows[is_below]] = middle[is_below] + 1
        high[open_rows[~is_below]] = middle[~is_below]
