"""Byte pair encoding: windows to tokens of several letters, by the merges of the checkpoint's file.

    bpe = build(text)             # a BpeText, from the checkpoint (`bpe_file`) or from bundle.json
    tokens = segment(bpe, codes)  # ids with prefix and suffix, and where each token ends

A window is one word. Its letters merge in the order of the file: the lowest rank first, and of
equal ranks the leftmost. A changed letter may change all tokens around it, so there is no
distribution over four bases at a site; the model gives the probability of a token in its text
instead. Not here: the inputs of the graph (`bpe_questions`), reading the file (`bpe_file`).
"""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass

import numpy as np

from gfmtrust.bundle.tokenizers import Text, require_distinct_ids
from gfmtrust.core.alphabet import BASES, PAD
from gfmtrust.core.errors import BadDataError, message

LETTERS = BASES + "N"
UNKNOWN = -1
"""Symbol of a letter that is not in the vocabulary; it never merges."""


@dataclass(frozen=True)
class BpeText(Text):
    """A Text whose tokens are merged letters; k is 1, because the length of a window is in letters.

    merges: pairs of tokens by rank. unknown: the token of a letter that has none ('' if every letter
    has one). fuse_unknown: whether neighbouring unknown letters are one token. n_run, n_token: n_run
    or more N in a row are the one token n_token (0: no such rule). n_ids: rows of the token table of
    the network. max_tokens: the longest text, with prefix and suffix, that the model reads; 0 means
    no limit. Letters outside the contig are left out: a text starts or ends there.
    """

    merges: tuple[tuple[str, str], ...] = ()
    fuse_unknown: bool = False
    n_run: int = 0
    n_token: str = ""
    n_ids: int = 0
    max_tokens: int = 0


@dataclass(frozen=True)
class Bpe:
    """Tables of one BpeText.

    letters: symbol of A,C,G,T,N. merged: (left, right) -> (rank, token). unknown: the id that is
    written for UNKNOWN. blank: ids of tokens that do not consist of bases; their probability is
    never asked for.
    """

    text: BpeText
    letters: dict[str, int]
    merged: dict[tuple[int, int], tuple[int, int]]
    unknown: int
    prefix: list[int]
    suffix: list[int]
    mask_id: int | None
    blank: frozenset[int]


@dataclass(frozen=True)
class Tokens:
    """The text of a window.

    ids: int64 (L,), with prefix and suffix. ends: int64 (L,), the number of letters of the window up
    to the end of each token (a prefix ends where the text starts). scored: bool (L,), whether the
    token consists of bases only.
    """

    ids: np.ndarray
    ends: np.ndarray
    scored: np.ndarray


def build(text: BpeText) -> Bpe:
    """Return the tables of a BpeText.

    Raises BadDataError (65) if vocabulary and merges disagree, a special token is missing, an id is
    beyond the table of the network, two tokens share an id, or a letter has no token and there is
    none for unknown letters.
    """
    _check_vocabulary(text)
    ids = text.vocabulary
    case = str.lower if text.lower_case else str
    unknown = ids[text.unknown] if text.unknown else UNKNOWN
    letters = {letter: ids.get(case(letter), UNKNOWN) for letter in LETTERS}
    missing = [letter for letter, number in letters.items() if number == UNKNOWN]
    if missing and (not text.unknown or set(missing) & set(BASES)):
        raise BadDataError(
            message(
                "vocabulary",
                f"no token {case(missing[0])!r}",
                "A, C, G, T, and one for N or for unknown letters",
                "is it a tokenizer of DNA?",
            )
        )
    merged = {
        (ids[left], ids[right]): (rank, ids[left + right])
        for rank, (left, right) in enumerate(text.merges)
    }
    blank = {unknown, ids.get(text.n_token, UNKNOWN)} | {
        number for token, number in ids.items() if set(token.upper()) - set(BASES)
    }
    return Bpe(
        text,
        letters,
        merged,
        unknown,
        [ids[token] for token in text.prefix],
        [ids[token] for token in text.suffix],
        ids[text.mask] if text.mask else None,
        frozenset(blank),
    )


def _check_vocabulary(text: BpeText) -> None:
    ids = text.vocabulary
    specials = [
        token
        for token in (text.mask, text.unknown, text.n_token, *text.prefix, *text.suffix)
        if token
    ]
    absent = [token for token in specials if token not in ids]
    if absent:
        raise BadDataError(
            message(
                "vocabulary",
                f"no token {absent[0]!r}",
                "every special token",
                "is it this family's tokenizer?",
            )
        )
    for token, number in ids.items():
        if not 0 <= number < text.n_ids:
            raise BadDataError(
                message(
                    "vocabulary",
                    f"{token!r} has id {number}",
                    f"ids below {text.n_ids}, as the network has",
                    "is it this checkpoint's file?",
                )
            )
    require_distinct_ids(ids)
    if any(text.n_token and text.n_token in left + right for left, right in text.merges):
        raise BadDataError(
            message(
                "vocabulary",
                f"a merge with {text.n_token!r}",
                "none: it stands for a run of N and is its own word",
            )
        )
    merged = set()
    for rank, (left, right) in enumerate(text.merges):
        wrong = [token for token in (left, right, left + right) if token not in ids]
        if wrong:
            raise BadDataError(
                message(
                    "vocabulary",
                    f"merge {rank} ({left!r}, {right!r}) needs {wrong[0]!r}, which is no token",
                    "tokens for both parts and the whole of every merge",
                    "are both of one file?",
                )
            )
        merged.add(left + right)
    bases = set(BASES.lower() if text.lower_case else BASES)
    unmerged = [
        token for token in ids if len(token) > 1 and set(token) <= bases and token not in merged
    ]
    if unmerged:
        raise BadDataError(
            message(
                "vocabulary",
                f"{len(unmerged)} tokens that no merge makes, first {unmerged[0]!r}",
                "a merge for every token of several bases",
                "are both of one file?",
            )
        )


def segment(bpe: Bpe, codes: np.ndarray) -> Tokens:
    """Return the tokens of one window in reading direction, codes uint8 (W,), 0..5.

    Raises BadDataError (65) for a code outside the alphabet.
    """
    if codes.size and codes.max() > PAD:
        raise BadDataError(
            message(
                "window",
                "a letter that is no DNA letter",
                "A, C, G, T, N and IUPAC letters",
                "is it RNA? write T for U",
            )
        )
    inside = np.flatnonzero(codes != PAD)
    start = int(inside[0]) if len(inside) else 0
    symbols, lengths = _merge(bpe, *_symbols(bpe, "".join(LETTERS[code] for code in codes[inside])))
    body = [bpe.unknown if symbol == UNKNOWN else symbol for symbol in symbols]
    ends = start + np.cumsum(lengths, dtype=np.int64)
    stop = int(ends[-1]) if len(ends) else start
    ids = np.array([*bpe.prefix, *body, *bpe.suffix], dtype=np.int64)
    scored = np.array(
        [False] * len(bpe.prefix)
        + [token not in bpe.blank for token in body]
        + [False] * len(bpe.suffix),
        dtype=bool,
    )
    return Tokens(
        ids,
        np.concatenate(
            [np.full(len(bpe.prefix), start), ends, np.full(len(bpe.suffix), stop)]
        ).astype(np.int64),
        scored,
    )


def _symbols(bpe: Bpe, letters: str) -> tuple[list[int], list[int]]:
    """The symbols of a text before any merge, and the number of letters of each.

    A symbol is a letter, a run of N that has a token, or one or more unknown letters.
    """
    text = bpe.text
    pieces = re.split(f"(N{{{text.n_run},}})", letters) if text.n_run else [letters]
    symbols, lengths = [], []
    for number, piece in enumerate(pieces):
        if number % 2:  # a run
            symbols.append(text.vocabulary[text.n_token])
            lengths.append(len(piece))
            continue
        for letter in piece:
            symbol = bpe.letters[letter]
            if symbol == UNKNOWN and text.fuse_unknown and symbols and symbols[-1] == UNKNOWN:
                lengths[-1] += 1
                continue
            symbols.append(symbol)
            lengths.append(1)
    return symbols, lengths


def _merge(bpe: Bpe, symbols: list[int], lengths: list[int]) -> tuple[list[int], list[int]]:
    """Merge neighbours while a pair has a rank: the lowest rank first, and of equal ranks the leftmost.

    Both arguments are changed.
    """
    n, merged = len(symbols), bpe.merged
    after, before = list(range(1, n + 1)), list(range(-1, n - 1))
    queue = [
        (*merged[pair], place)
        for place, pair in enumerate(zip(symbols, symbols[1:], strict=False))
        if pair in merged
    ]
    queue = [(rank, place) for rank, _, place in queue]
    heapq.heapify(queue)
    while queue:
        rank, place = heapq.heappop(queue)
        beside = after[place]
        if lengths[place] == 0 or beside >= n:
            continue
        merge = merged.get((symbols[place], symbols[beside]))
        if merge is None or merge[0] != rank:  # one of the two has merged since
            continue
        symbols[place] = merge[1]
        lengths[place] += lengths[beside]
        lengths[beside] = 0
        after[place] = after[beside]
        if after[place] < n:
            before[after[place]] = place
        for left in (before[place], place):
            if left >= 0 and after[left] < n:
                new = merged.get((symbols[left], symbols[after[left]]))
                if new is not None:
                    heapq.heappush(queue, (new[0], left))
    kept = [place for place in range(n) if lengths[place]]
    return [symbols[place] for place in kept], [lengths[place] for place in kept]
