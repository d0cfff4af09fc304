"""The corpora of a replication: training windows at random places, and held-out sequences, as tokens.

All corpora have the same number of letters, so that none has more to learn from. The last part of
each is held out. Training windows of DNA start at any letter of either strand, so that k-mers are
read in all phases; those of the text start at any token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from gfmtrust.audit.replicate import texts
from gfmtrust.audit.replicate.settings import (
    BPE,
    LETTERS_PER_TOKEN,
    SHUFFLED,
    SIX_MER,
    SPECIAL,
    TEXT,
    Settings,
)
from gfmtrust.core.alphabet import N, decode, reverse_complement
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.interfaces import Genome
from gfmtrust.scoring.negative_controls import shuffled

MOST_LETTERS = 8_000_000
MASK = SPECIAL.index("<MASK>")
FIRST = len(SPECIAL)
TRIES = 1000
PIECE = 3072
"""Letters of a piece that the byte pair encoding of DNA is learned from."""


@dataclass(frozen=True)
class Corpus:
    """One corpus as tokens. Ids below FIRST are special.

    draw: a random training window, int64 (length,). held_out: int64 (sequences, length). counts:
    of each token in the training part, int64 (vocabulary,). letters: of each token, int64
    (vocabulary,). digest: of the letters. origin: what it is, for people.
    """

    name: str
    draw: Callable[[np.random.Generator], np.ndarray]
    held_out: np.ndarray
    counts: np.ndarray
    letters: np.ndarray
    digest: str
    origin: str

    @property
    def vocabulary(self) -> int:
        return len(self.letters)

    @property
    def frequencies(self) -> np.ndarray:
        """Of each token in the training part, with one more of each, float64 (vocabulary,)."""
        return (self.counts + 1) / (self.counts + 1).sum()


def corpora(genome: Genome, text: Path | None, settings: Settings) -> dict[str, Corpus]:
    """All corpora by name. Raises BadDataError (65) for a genome or a text that is too small."""
    train, held_out = dna_parts(genome, settings)
    n = sum(map(len, train)) + sum(map(len, held_out))
    english, digest, place = texts.read(text, n)
    rng = np.random.default_rng([settings.seed, 0xD1])
    mixed_train, mixed_held_out = (
        [shuffled(run, rng) for run in part] for part in (train, held_out)
    )
    without_order = f"{getattr(genome, 'name', 'genome')}, dinucleotides shuffled"
    name = getattr(genome, "name", "genome")
    return {
        SIX_MER: _dna(SIX_MER, train, held_out, settings, name),
        BPE: _dna(BPE, train, held_out, settings, name),
        TEXT: _text(english, settings, digest, f"{place}, {len(english):,} letters"),
        SHUFFLED: _dna(SHUFFLED, mixed_train, mixed_held_out, settings, without_order),
    }


def dna_parts(genome: Genome, settings: Settings) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Stretches of known letters to train on, and those at the end that are held out, uint8 each."""
    least, n_held_out = settings.length * (LETTERS_PER_TOKEN + 2), settings.held_out_letters
    runs = known_runs(genome, least, MOST_LETTERS)
    total = sum(map(len, runs))
    if total < 2 * n_held_out:
        raise BadDataError(
            message(
                getattr(genome, "name", "genome"),
                f"{total:,} letters in stretches of at least {least:,} without N",
                f"at least {2 * n_held_out:,}",
                "take a larger genome",
            )
        )
    train, held_out, left = [], [], total - n_held_out
    for run in runs:
        cut = min(len(run), max(0, left))
        left -= len(run)
        train += [run[:cut]] if cut >= least else []
        held_out += [run[cut:]] if len(run) - cut >= least else []
    return train, held_out


def known_runs(genome: Genome, least: int, most: int) -> list[np.ndarray]:
    """Stretches of A, C, G and T in genome order, uint8 each; `most` letters in all."""
    runs, total = [], 0
    for contig in genome.names:
        codes = genome.codes(contig, 0, genome.contigs[contig])
        edges = np.flatnonzero(np.diff(np.concatenate([[False], codes < N, [False]])))
        for start, end in edges.reshape(-1, 2):
            if end - start >= least and total < most:
                runs.append(codes[start : min(end, start + most - total)])
                total += len(runs[-1])
        if total >= most:
            break
    return runs


@dataclass(frozen=True)
class DnaWindows:
    """Draws training windows of DNA; a class and no closure, because processes are sent it.

    train: stretches, uint8 each. tokens: letters to ids. letters: read for one window. length: in
    tokens.
    """

    train: list[np.ndarray]
    tokens: Callable[[np.ndarray], np.ndarray]
    letters: int
    length: int
    origin: str

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        """Ids of a window at any letter of either strand, int64 (length,)."""
        rooms = np.array([max(0, len(run) - self.letters) for run in self.train], dtype=np.float64)
        for _ in range(TRIES):
            run = self.train[rng.choice(len(rooms), p=rooms / rooms.sum())]
            start = int(rng.integers(len(run) - self.letters))
            window = run[start : start + self.letters]
            if rng.random() < 0.5:
                window = reverse_complement(window)
            ids = self.tokens(window)[: self.length]
            if len(ids) == self.length:
                return ids
        raise _too_repetitive(self.origin)


@dataclass(frozen=True)
class TextWindows:
    """Draws training windows of a text. train: ids, int64. length: in tokens."""

    train: np.ndarray
    length: int

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        """Ids of a window at any token, int64 (length,)."""
        start = int(rng.integers(len(self.train) - self.length))
        return self.train[start : start + self.length]


def _dna(
    name: str, train: list[np.ndarray], held_out: list[np.ndarray], settings: Settings, origin: str
) -> Corpus:
    length = settings.length
    if name == BPE:
        pieces = [decode(run[at : at + PIECE]) for run in train for at in range(0, len(run), PIECE)]
        tokenizer = learned(pieces, settings.vocabulary)
        words = tokenizer.get_vocab()
        sizes = np.zeros(len(words), dtype=np.int64)
        sizes[list(words.values())] = [len(word) for word in words]
        sizes[:FIRST] = 0
        tokens: Callable[[np.ndarray], np.ndarray] = partial(encoded, tokenizer)
    else:
        sizes = np.r_[np.zeros(FIRST, dtype=np.int64), np.full(4**settings.k, settings.k)]
        tokens = partial(k_mers, k=settings.k)
    letters = length * (LETTERS_PER_TOKEN + 2 if name == BPE else settings.k)
    draw = DnaWindows(train, tokens, letters, length, origin)
    rows: list[np.ndarray] = []
    for run in held_out:
        at = 0
        while at + letters <= len(run) and len(rows) < settings.sequences:
            ids = tokens(run[at : at + letters])[:length]
            at += letters if len(ids) < length else int(sizes[ids].sum())
            rows += [ids] if len(ids) == length else []
    if len(rows) < settings.sequences:
        raise _too_repetitive(origin)
    seen = np.concatenate([tokens(run) for run in train])
    counts = np.bincount(seen, minlength=len(sizes))
    digest = hashlib.sha256(b"".join(run.tobytes() for run in (*train, *held_out))).hexdigest()
    said = f"{origin}, {sum(map(len, (*train, *held_out))):,} letters"
    return Corpus(name, draw, np.stack(rows), counts, sizes, digest, said)


def k_mers(codes: np.ndarray, k: int) -> np.ndarray:
    """Ids of the k-mers side by side, int64 (len(codes) // k,)."""
    whole = codes[: len(codes) // k * k].reshape(-1, k).astype(np.int64)
    return FIRST + whole @ 4 ** np.arange(k - 1, -1, -1)


def _text(english: str, settings: Settings, digest: str, origin: str) -> Corpus:
    length, cut = settings.length, len(english) - settings.held_out_letters
    tokenizer = learned(english[:cut].split("\n"), settings.vocabulary)
    words = tokenizer.get_vocab()
    sizes = np.zeros(len(words), dtype=np.int64)
    sizes[list(words.values())] = [len(word) for word in words]
    sizes[:FIRST] = 0
    train = np.array(tokenizer.encode(english[:cut]).ids, dtype=np.int64)
    held_out = np.array(tokenizer.encode(english[cut:]).ids, dtype=np.int64)
    n = settings.sequences
    if len(held_out) < n * length or len(train) <= length:
        raise _too_repetitive(origin)

    counts = np.bincount(train, minlength=len(sizes))
    rows = held_out[: n * length].reshape(n, length)
    return Corpus(TEXT, TextWindows(train, length), rows, counts, sizes, digest, origin)


def encoded(tokenizer: Tokenizer, codes: np.ndarray) -> np.ndarray:
    """Ids of the tokens of letters of DNA, int64 (n,)."""
    return np.array(tokenizer.encode(decode(codes)).ids, dtype=np.int64)


def learned(pieces: list[str], vocabulary: int) -> Tokenizer:
    """A byte pair encoding of words, learned as in the published experiment."""
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(pieces, trainer=trainer)
    return tokenizer


def _too_repetitive(origin: str) -> BadDataError:
    return BadDataError(
        message(
            origin,
            "its tokens are too long for the held-out sequences",
            f"fewer than {LETTERS_PER_TOKEN} letters a token",
            "take another corpus",
        )
    )
