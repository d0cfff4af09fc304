"""Windows with a planted question: letters that can be inferred from others in the same window, and a
matched control in which they cannot.

Fresh random letters are planted in haystacks of the user's genome, so that no model can have
memorised the answer. The question stands near the end of the window, because a causal model reads
only what precedes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.study import Study
from gfmtrust.core.alphabet import N, reverse_complement
from gfmtrust.readers.windows import cut

KEY = VALUE = 12
PAIR_KEY, PAIR_VALUE = 8, 4
ASKED = 12
"""Letters asked at most: all of them together."""
TAIL_PART = 8
"""The window goes on behind the question for its length divided by this number."""


@dataclass(frozen=True)
class Planted:
    """Windows of one question. windows, control: codes uint8 (n, W), equal at the letters asked;
    asked: int64 (P,), their indices."""

    windows: np.ndarray
    control: np.ndarray
    asked: np.ndarray


def question_end(width: int, k: int) -> int:
    """The index after the last letter asked, a whole number of tokens of k letters."""
    return (width - width // TAIL_PART) // k * k


def haystacks(study: Study, width: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Windows of the genome that contain no unknown letter, codes uint8 (n, width). Raises NotRun
    where the genome has too few."""
    genome = study.genome
    lengths = np.array([genome.contigs[name] for name in genome.names], dtype=np.int64)
    room = np.maximum(lengths - width + 1, 0)
    if not room.sum():
        raise NotRun(f"no contig is as long as a haystack of {width} bp")
    complete: list[np.ndarray] = []
    for _ in range(10):
        contig = rng.choice(len(room), n, p=room / room.sum())
        start = (rng.random(n) * room[contig]).astype(np.int64)
        order = np.argsort(contig, kind="stable")
        windows = cut(genome, contig[order], start[order], width)
        complete.extend(windows[(windows < N).all(axis=1)])
        if len(complete) >= n:
            return np.stack(complete[:n])
    raise NotRun(f"the genome has too few windows of {width} bp without N for the haystacks")


def fresh(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Random letters, codes uint8 (n, length)."""
    return rng.integers(0, 4, (n, length)).astype(np.uint8)


def needle(
    hay: np.ndarray, distance: int, end: int, rng: np.random.Generator, mutated: int = 0
) -> Planted:
    """A key and its value, and `distance` bp further the key again, whose value is asked. mutated:
    letters in which the key of a distractor differs, which stands between them with another value;
    0 for no distractor. The control has another value at the source."""
    n, length = len(hay), KEY + VALUE
    key, value = fresh(rng, n, KEY), fresh(rng, n, VALUE)
    question = end - length
    source = question - distance
    windows = hay.copy()
    if mutated:
        between = (source + question) // 2
        windows[:, between : between + KEY] = mutant(key, mutated, rng)
        windows[:, between + KEY : between + length] = fresh(rng, n, VALUE)
    windows[:, source : source + KEY] = key
    windows[:, source + KEY : source + length] = value
    windows[:, question : question + KEY] = key
    windows[:, question + KEY : end] = value
    control = windows.copy()
    control[:, source + KEY : source + length] = fresh(rng, n, VALUE)
    return Planted(windows, control, np.arange(question + KEY, end))


def mutant(key: np.ndarray, distance: int, rng: np.random.Generator) -> np.ndarray:
    """Keys that differ from the given ones in exactly `distance` letters."""
    at = np.argsort(rng.random(key.shape), axis=1)[:, :distance]
    result = key.copy()
    letters = np.take_along_axis(key, at, axis=1)
    other = (letters + rng.integers(1, 4, at.shape)) % 4
    np.put_along_axis(result, at, other.astype(np.uint8), axis=1)
    return result


def repeated(
    hay: np.ndarray, unit: int, gap: int, end: int, rng: np.random.Generator, how: str = "copy"
) -> Planted:
    """A unit of fresh letters, a gap, and the unit again: as it is ('copy') or reverse complemented
    ('inverted'). The last letters of the second are asked. The control has, for a copy, another
    unit at the source; for an inverted one its mirror, the unit reversed without complement, so
    that composition and symmetry are kept."""
    n = len(hay)
    letters = fresh(rng, n, unit)
    source = end - 2 * unit - gap
    windows = hay.copy()
    windows[:, source : source + unit] = letters
    second = letters if how == "copy" else reverse_complement(letters)
    windows[:, end - unit : end] = second
    control = windows.copy()
    control[:, source : source + unit] = fresh(rng, n, unit) if how == "copy" else second[:, ::-1]
    return Planted(windows, control, np.arange(end - min(ASKED, unit // 2), end))


def pairs(hay: np.ndarray, n_pairs: int, end: int, rng: np.random.Generator) -> Planted:
    """Keys of 8 letters with values of 4, side by side; one key, drawn evenly, is asked again. The
    control has another value at its pair."""
    n, length = len(hay), PAIR_KEY + PAIR_VALUE
    block = fresh(rng, n, n_pairs * length)
    chosen = rng.integers(0, n_pairs, n)
    rows = np.arange(n)[:, None]
    at = chosen[:, None] * length + np.arange(length)
    windows = hay.copy()
    start = end - length * (n_pairs + 1)
    windows[:, start : end - length] = block
    windows[:, end - length : end] = block[rows, at]
    control = windows.copy()
    control[rows, start + at[:, PAIR_KEY:]] = fresh(rng, n, PAIR_VALUE)
    return Planted(windows, control, np.arange(end - PAIR_VALUE, end))


def tandem(hay: np.ndarray, unit: int, copies: int, end: int, rng: np.random.Generator) -> Planted:
    """A unit of fresh letters, repeated; the last copy is asked. The control has fresh letters
    instead of the earlier copies."""
    n = len(hay)
    letters = fresh(rng, n, unit)
    windows = hay.copy()
    windows[:, end - unit * copies : end] = np.tile(letters, (1, copies))
    control = windows.copy()
    control[:, end - unit * copies : end - unit] = fresh(rng, n, unit * (copies - 1))
    return Planted(windows, control, np.arange(end - min(ASKED, unit), end))
