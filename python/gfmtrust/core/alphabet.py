"""Letters of DNA as small integers: A 0, C 1, G 2, T 3, N 4, PAD 5 (outside the contig).

Folding is an explicit 256-entry table: every IUPAC letter, '-' and '.' is N, case is dropped. U is
not folded (it becomes 255, an error for the caller), because a genome in RNA letters is another
file.
"""

from __future__ import annotations

import numpy as np

BASES = "ACGT"
N = 4
PAD = 5
INVALID = 255

FOLD = np.full(256, INVALID, dtype=np.uint8)
for _letters, _code in (
    ("Aa", 0),
    ("Cc", 1),
    ("Gg", 2),
    ("Tt", 3),
    ("NnRrYySsWwKkMmBbDdHhVv-.", N),
):
    for _letter in _letters:
        FOLD[ord(_letter)] = _code

COMPLEMENT = np.array([3, 2, 1, 0, N, PAD], dtype=np.uint8)
"""Complement of each code; for the four bases it is index order [3, 2, 1, 0]."""

LETTERS = np.frombuffer(b"ACGTNN", dtype=np.uint8)
"""ASCII letter of each code; PAD is written N."""


def encode(sequence: str | bytes) -> np.ndarray:
    """Codes of a sequence, uint8 (length,); 255 where the letter is not a DNA letter (such as
    U)."""
    if isinstance(sequence, str):
        sequence = sequence.encode("ascii", "replace")
    return FOLD[np.frombuffer(sequence, dtype=np.uint8)]


def decode(codes: np.ndarray) -> str:
    """Upper-case letters of codes 0..5; PAD is written N."""
    return LETTERS[codes].tobytes().decode("ascii")


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Reverse complement along the last axis; works on (length,) and (n, length)."""
    return COMPLEMENT[codes][..., ::-1]
