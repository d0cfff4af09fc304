"""Random numbers that belong to the thing that they decide about, not to its place in a sequence.

A generator gives the n-th number to the n-th question, so that one more allele in a run changes
every number after it, and with them every probe. Here a number is a hash of the seed, of what it
decides and of the thing itself. A run with a few more alleles therefore draws the same probes but
for a few, and their scores are found in the score store. Source of the hash: the finalizer of
SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_CHUNK_CELLS = 4_000_000
"""Cells of a table of draws by candidates that `chosen` holds at a time: 32 MB each."""


class Purpose(IntEnum):
    """What a number decides, so that two decisions about one thing are independent."""

    SNV_OF_RUN = 1
    ALLELE_ORDER = 2
    IMITATION = 3
    CANDIDATE = 4
    SITE_OF_CLASS = 5
    KEEP = 6
    REGION_BASE = 7
    REGION_LETTER = 8
    DEFAULT_FLANK = 9
    DEFAULT_LETTERS = 10
    INDEL_PLACE = 11
    INDEL_KIND = 12
    INDEL_LETTERS = 13
    MNV_KIND = 14
    MNV_PLACE = 15
    CONTROL = 16


def _mixed(values: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 of uint64 values; the sums and products wrap."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def words(seed: int, purpose: Purpose, *keys: np.ndarray | int) -> np.ndarray:
    """One uint64 for each row of the keys, which broadcast. keys: integers of any kind, whose bits
    are read as uint64."""
    start = np.array([seed % 2**64, int(purpose)], np.uint64)
    with np.errstate(over="ignore"):
        state = _mixed(_mixed(start[:1] + _GOLDEN) + start[1:] + _GOLDEN)
        for key in keys:
            state = _mixed(state ^ _mixed(np.asarray(key).astype(np.uint64) + _GOLDEN))
    return state


def uniform(seed: int, purpose: Purpose, *keys: np.ndarray | int) -> np.ndarray:
    """One number in [0, 1) for each row of the keys, float64."""
    return (words(seed, purpose, *keys) >> np.uint64(11)) * 2.0**-53


def below(limit: np.ndarray | int, seed: int, purpose: Purpose, *keys: np.ndarray | int):
    """One integer in [0, limit) for each row of the keys, int64."""
    return (uniform(seed, purpose, *keys) * limit).astype(np.int64)


def chosen(
    weight: np.ndarray, name: np.ndarray, seed: int, purpose: Purpose, draw: np.ndarray
) -> np.ndarray:
    """Row of one candidate for each draw, with probability in proportion to its weight, int64 (d,).

    weight: float64 (n,) above 0; name: integers that stay the same in another run, (n,); draw:
    integers of the draws, (d,). Every candidate has an exponential waiting time of rate `weight`,
    and the first one wins, so that the choice of a draw changes only where the weights do (weighted
    rendezvous hashing, Thaler and Ravishankar 1998). No row for no candidate: raises ValueError.
    """
    if not len(weight):
        raise ValueError("no candidate to choose from")
    step = max(1, _CHUNK_CELLS // len(weight))
    rows = np.empty(len(draw), np.int64)
    for start in range(0, len(draw), step):
        part = draw[start : start + step, None]
        waiting = -np.log1p(-uniform(seed, purpose, part, name[None, :])) / weight
        rows[start : start + step] = np.argmin(waiting, axis=1)
    return rows
