"""Rows of a score store made by hand, and a scorer whose answer depends on every letter that it is
given."""

import hashlib
from dataclasses import dataclass

import numpy as np

from gfmtrust.core.contracts.score_store import SITES, StoreScope
from gfmtrust.store.rows import rows_of

SCOPE = StoreScope(
    kind=SITES,
    model="toy",
    bundle_sha256="0" * 64,
    device="cpu",
    runtime="1.0",
    precision="fp32",
    views="default",
    n_views=2,
    neighbours=True,
    max_n=0.1,
    reading=1,
)


def keys(n: int, seed: int = 0) -> np.ndarray:
    """n keys, uint64 (n, 2)."""
    return np.random.default_rng(seed).integers(0, 1 << 64, (n, 2), dtype=np.uint64)


def rows(n: int, seed: int = 0, scope: StoreScope = SCOPE) -> np.ndarray:
    """Rows with the keys of that seed and random values."""
    values = np.random.default_rng(seed + 1).random((n, scope.n_values)).astype(np.float32)
    return rows_of(scope, keys(n, seed), values)


@dataclass
class WholeWindowScorer:
    """The distribution at a letter is a digest of the whole window and of the letter's index."""

    device: str = "cpu"
    passes: int = 0

    def distributions(self, codes, index):
        self.passes += len(codes)
        probs = np.empty((*index.shape, 1, 4), np.float32)
        for row, window in enumerate(codes):
            for column, at in enumerate(index[row].tolist()):
                digest = hashlib.blake2b(window.tobytes() + bytes([at % 251]), digest_size=4)
                weight = 1.0 + np.frombuffer(digest.digest(), np.uint8)
                probs[row, column, 0] = weight / weight.sum()
        return probs, np.zeros(index.shape, np.float32)


def flip(path, place: int, bit: int = 0) -> None:
    """Flip one bit of a file; a negative place counts from its end."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)
