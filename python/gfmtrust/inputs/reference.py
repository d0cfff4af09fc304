"""A background: the genome that context model and probes come from where the user's FASTA holds a
few elements alone.

Both are put into one FASTA: the user's contigs first, under their own names and numbers, the
background's behind them under a reserved prefix, by which alone every later step tells them apart.
A model reads the background in pieces as long as the user's contigs: a probe then stands as near to
an end as an allele does. What is counted or drawn there is not here (`context_model`, `plan`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.core.alphabet import LETTERS, PAD, N, reverse_complement
from gfmtrust.core.errors import BadDataError, UsageError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.genome import Genome

PREFIX = "background:"
JOINED = "joined.fa"
LINE_BASES = 60
PIECE_BASES = 20_000 * LINE_BASES
"""Letters looked at or written together: whole lines."""
WORD_BASES = 32
"""As many as fit 64 bits; by chance alone one of them stands in a genome of 3 Gb with a chance of
3e-10."""
SAMPLED_WORDS = 100_000
SLOTS = 24
"""Bits of a hash: 16 MiB of flags keep all but a few words of the background from being looked
up."""


@dataclass(frozen=True)
class SharedWords:
    """sampled: words looked for, evenly spread over the user's contigs; shared: those that stand in
    the background on either strand; first: contig and 0-based position of the first of them, None
    without any."""

    sampled: int
    shared: int
    first: tuple[str, int] | None


def is_background(contig: str) -> bool:
    return contig.startswith(PREFIX)


def user_contigs(contigs: dict[str, int]) -> dict[str, int]:
    """The user's contigs, name -> length; they come first, so that a contig's number is the one in
    the user's FASTA."""
    return {name: length for name, length in contigs.items() if not is_background(name)}


def sources(names: Iterable[str]) -> np.ndarray:
    """Which contigs context model and probes come from: the background's where there are any, else
    all; bool (n,)."""
    in_background = np.array([is_background(name) for name in names], dtype=bool)
    return in_background if in_background.any() else ~in_background


@dataclass(frozen=True)
class Fence:
    """Around n places: first base and end of the stretch that a model may read, int64 (n,)."""

    low: np.ndarray
    high: np.ndarray

    def take(self, rows: np.ndarray) -> Fence:
        return Fence(self.low[rows], self.high[rows])

    def holds(self, pos: np.ndarray) -> np.ndarray:
        return (pos >= self.low) & (pos < self.high)


def fence(genome, contig_index: np.ndarray, pos: np.ndarray) -> Fence | None:
    """The piece of the background that each place lies in, the whole contig for the user's own;
    None for a genome without background.

    Pieces have the lengths of the user's contigs in turn, from the first base of each contig of the
    background on.
    """
    if not genome.names or not is_background(genome.names[-1]):
        return None
    lengths, behind = np.array(list(genome.contigs.values()), dtype=np.int64), sources(genome.names)
    user_lengths = lengths[~behind]
    ends = np.cumsum(user_lengths)
    if not len(ends) or not ends[-1]:
        return None
    pos, of_background, length = (
        np.asarray(pos, np.int64),
        behind[contig_index],
        lengths[contig_index],
    )
    turn = pos % ends[-1]
    piece = np.searchsorted(ends, turn, side="right")
    high = pos - turn + ends[piece]
    return Fence(
        np.where(of_background, high - user_lengths[piece], 0),
        np.where(of_background, np.minimum(high, length), length),
    )


def fenced(windows: np.ndarray, starts: np.ndarray, fences: Fence | None) -> np.ndarray:
    """Forward windows, codes uint8 (n, width), with PAD for what lies beyond each one's fence.
    starts: their first positions (n,)."""
    if fences is None:
        return windows
    at = np.asarray(starts, np.int64)[:, None] + np.arange(windows.shape[1])
    return np.where(
        (at >= fences.low[:, None]) & (at < fences.high[:, None]), windows, np.uint8(PAD)
    )


def refuse_reserved(genome: Genome) -> None:
    """Raises BadDataError (65) for a contig of the user's that would be taken for the
    background's."""
    for name in genome.names:
        if is_background(name):
            raise BadDataError(
                message(
                    genome.name,
                    f"contig {shown(name)}",
                    f"no name that begins with {PREFIX}",
                    "rename the contig",
                )
            )


def join(genome: Genome, background: Genome, path: Path) -> int:
    """Write both as one FASTA at `path`, with its index beside it; returns the number of A, C, G, T
    in the background.

    The same letters give the same bytes whatever the line length or compression: soft mask kept,
    IUPAC letters as N, lines of 60. Raises UsageError (64) where both are the same sequences,
    BadDataError (65) where the background holds no base.
    """
    if genome.digest() == background.digest():
        raise UsageError(
            message(
                f"--background_fasta {background.name}",
                f"the same sequences as {genome.name}",
                "another genome",
                "leave it out: without it context model and probes come from --fasta",
            )
        )
    rows, n_definite = [], 0
    with part_file(path, force=True) as part, synced(part) as file:
        for one, prefix in ((genome, ""), (background, PREFIX)):
            for name, length in one.contigs.items():
                file.write(f">{prefix}{name}\n".encode())
                rows.append(
                    f"{prefix}{name}\t{length}\t{file.tell()}\t{LINE_BASES}\t{LINE_BASES + 1}\n"
                )
                for start in range(0, length, PIECE_BASES):
                    end = min(start + PIECE_BASES, length)
                    codes = one.codes(name, start, end)
                    n_definite += int((codes < N).sum()) if prefix else 0
                    file.write(_lines(codes, one.soft_masked(name, start, end)))
        if not n_definite:
            raise BadDataError(
                message(
                    background.name,
                    "no A, C, G or T",
                    "a genome to count words and draw probes from",
                )
            )
    with part_file(path.with_name(path.name + ".fai"), force=True) as part, synced(part) as file:
        file.write("".join(rows).encode())
    return n_definite


def _lines(codes: np.ndarray, soft_masked: np.ndarray) -> bytes:
    letters = LETTERS[codes] + np.where(soft_masked, np.uint8(32), np.uint8(0))
    whole = len(letters) // LINE_BASES * LINE_BASES
    lines = np.full((whole // LINE_BASES, LINE_BASES + 1), ord("\n"), dtype=np.uint8)
    lines[:, :-1] = letters[:whole].reshape(-1, LINE_BASES)
    rest = letters[whole:].tobytes()
    return lines.tobytes() + (rest + b"\n" if rest else b"")


def shared_words(genome: Genome, background: Genome) -> SharedWords:
    """Do the user's sequences stand in the background? Then the context model has counted them and
    votes for itself.

    At most SAMPLED_WORDS words are held, and one contig of the background at a time.
    """
    windows, places = _sampled(genome)
    forward, reverse = _packed(windows), _packed(reverse_complement(windows))
    table = np.unique(np.concatenate([forward, reverse]))
    may_be = np.zeros(1 << SLOTS, dtype=bool)
    may_be[_slot(table)] = True
    seen = np.zeros(len(table), dtype=bool)
    for name, length in background.contigs.items():
        for start in range(0, length if len(table) else 0, PIECE_BASES):
            words = _words(
                background.codes(name, start, min(start + PIECE_BASES + WORD_BASES - 1, length))
            )
            words = words[may_be[_slot(words)]]
            at = np.minimum(np.searchsorted(table, words), len(table) - 1)
            seen[at[table[at] == words]] = True
    shared = np.flatnonzero(
        seen[np.searchsorted(table, forward)] | seen[np.searchsorted(table, reverse)]
    )
    return SharedWords(len(forward), len(shared), places[shared[0]] if len(shared) else None)


def _sampled(genome: Genome) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Windows of WORD_BASES without N, evenly spread, and where each starts."""
    n_starts = {name: max(0, length - WORD_BASES + 1) for name, length in genome.contigs.items()}
    step = max(1, -(-sum(n_starts.values()) // SAMPLED_WORDS))
    windows, places = [np.empty((0, WORD_BASES), np.uint8)], []
    for name, n in n_starts.items():
        starts = np.arange(0, n, step)
        cut = genome.windows(name, starts, WORD_BASES)
        definite = (cut < N).all(axis=1)
        windows.append(cut[definite])
        places += [(name, int(start)) for start in starts[definite]]
    return np.concatenate(windows), places


def _packed(windows: np.ndarray) -> np.ndarray:
    """Each row of WORD_BASES known letters as one number, uint64, the first letter highest."""
    words = np.zeros(len(windows), dtype=np.uint64)
    for column in windows.T:
        words = words << np.uint64(2) | column.astype(np.uint64)
    return words


def _words(codes: np.ndarray) -> np.ndarray:
    """All words without N of a stretch, as `_packed` has them: pairs, then pairs of pairs, up to 32
    letters."""
    unknown = np.concatenate([[0], np.cumsum(codes >= N)])
    words = np.where(codes < N, codes, 0).astype(np.uint64)
    size = 1
    while size < WORD_BASES:
        words = words[:-size] << np.uint64(2 * size) | words[size:]
        size *= 2
    return words[unknown[WORD_BASES:] == unknown[:-WORD_BASES]]


def _slot(words: np.ndarray) -> np.ndarray:
    """A hash of SLOTS bits (Fibonacci hashing, Knuth 1973, 6.4)."""
    return (words * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - SLOTS)).astype(np.int64)
