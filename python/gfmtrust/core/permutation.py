"""A fixed order of 2^bits places, computed place by place: whoever needs a few values of a large
permuted table does not permute the others.

    order = Permutation.of("words_12", 1 << 27)
    values[order(places)]           # the values that the permuted table has at places
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

ROUNDS = (0x85EBCA6B, 0xC2B2AE35, 0x9E3779B1)
"""Odd multipliers of each round: those of MurmurHash3's last step, and 2^32 over the golden ratio."""
MOST_BITS = 32
CHUNK_PLACES = 1 << 16
"""Places of a piece of a whole table: half a megabyte, so that each round stays in the cache."""


@dataclass(frozen=True)
class Permutation:
    """An order of the places 0 to 2^bits - 1. keys: a number that each round adds.

    Every step of a round (a sum and a product with an odd number, modulo 2^bits, and an exclusive
    or with the own upper half) can be undone, so that no place occurs twice.
    """

    bits: int
    keys: tuple[int, ...]

    @classmethod
    def of(cls, name: str, n_places: int) -> Permutation:
        """Return the order of a table by its name; equal names give equal orders. Raises ValueError
        where the number of places is no power of two up to 2^32."""
        bits = n_places.bit_length() - 1
        if n_places != 1 << max(bits, 0) or bits > MOST_BITS:
            raise ValueError(f"{n_places} places; expected a power of two up to 2^{MOST_BITS}")
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        return cls(bits, tuple(rng.integers(1 << bits, size=len(ROUNDS)).tolist()))

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Return the place that each of the given ones is taken from, uint32 of the same shape."""
        place = places.astype(np.uint32)
        mask, half = np.uint32((1 << self.bits) - 1), np.uint32((self.bits + 1) // 2)
        for key, multiplier in zip(self.keys, ROUNDS, strict=True):
            place += np.uint32(key)
            place *= np.uint32(multiplier)
            place &= mask
            place ^= place >> half
        return place

    def permuted(self, values: np.ndarray) -> np.ndarray:
        """Return all values in this order. values: (2^bits,)."""
        result = np.empty_like(values)
        for first in range(0, len(values), CHUNK_PLACES):
            places = np.arange(first, min(first + CHUNK_PLACES, len(values)), dtype=np.uint32)
            result[first : first + CHUNK_PLACES] = values[self(places)]
        return result
