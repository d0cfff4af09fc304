"""Byte pair encoding: windows to tokens of several letters, by the merges of the checkpoint's own
file.

    bpe = build(text)                       # a Text of kind "bpe", from the checkpoint (`bpe_file`)
    or from bundle.json tokens = segment(bpe, codes)            # ids with prefix and suffix, and
    where each token ends in the window asked = ask(bpe, tokens, places)        # what a graph is
    fed to tell the probability of the tokens at some places

A window is one word: letters merge in the order of the file, the lowest rank first and of equal
ones the leftmost. A changed letter may change every token round it, so there is no distribution
over four bases at a site; what is told is a token's probability in its text. Not here: which tokens
a change of letters asks for (`likelihoods`), reading the file (`bpe_file`).
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gfmtrust.bundle.tokenizers import Text, require_distinct_ids
from gfmtrust.core.alphabet import BASES, PAD
from gfmtrust.core.errors import BadDataError, message

LETTERS = BASES + "N"
UNKNOWN = -1
"""Symbol of a letter the vocabulary does not have; it never merges."""


@dataclass(frozen=True)
class BpeText(Text):
    """A Text whose tokens are merged letters; k is 1, for a window is counted in letters.

    merges: pairs of tokens by rank. unknown: token of a letter without one of its own ('' where
    every letter has one); fuse_unknown: neighbouring unknown letters are one token. n_run, n_token:
    so many N or more in a row are that one token (0: no such rule). n_ids: rows of the network's
    table of tokens. max_tokens: the longest text it reads, prefix and suffix counted; 0 is no
    limit. A letter outside the contig is not written at all: a text starts or ends there.
    """

    merges: tuple[tuple[str, str], ...] = ()
    fuse_unknown: bool = False
    n_run: int = 0
    n_token: str = ""
    n_ids: int = 0
    max_tokens: int = 0


@dataclass(frozen=True)
class Bpe:
    """Tables of one BpeText. letters: symbol of A,C,G,T,N; merged: (left, right) -> (rank, token);
    unknown: id written for UNKNOWN.

    blank: ids that tell of no base, which are never asked for.
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
    """A window's text. ids: int64 (L,), prefix and suffix among them; ends: int64 (L,), letters of
    the window up to each token's end (a prefix ends where the text starts); scored: bool (L,),
    whether the token tells of bases alone."""

    ids: np.ndarray
    ends: np.ndarray
    scored: np.ndarray


@dataclass(frozen=True)
class Ask:
    """One row for the graph, all int64: input_ids (L,), pos (P,) and target (P,): ln p of target[i]
    is read off at pos[i]."""

    input_ids: np.ndarray
    pos: np.ndarray
    target: np.ndarray


def build(text: BpeText) -> Bpe:
    """Tables of a BpeText. Raises BadDataError (65) where vocabulary and merges disagree, a special
    token is missing, an id is beyond the network's, two tokens share one, or a letter has no token
    and there is none for unknown ones."""
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
    made = set()
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
        made.add(left + right)
    bases = set(BASES.lower() if text.lower_case else BASES)
    unmade = [
        token for token in ids if len(token) > 1 and set(token) <= bases and token not in made
    ]
    if unmade:
        raise BadDataError(
            message(
                "vocabulary",
                f"{len(unmade)} tokens that no merge makes, first {unmade[0]!r}",
                "a merge for every token of several bases",
                "are both of one file?",
            )
        )


def segment(bpe: Bpe, codes: np.ndarray) -> Tokens:
    """Tokens of one window as read, codes uint8 (W,), 0..5. Raises BadDataError (65) for a code
    outside the alphabet."""
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
    """First symbols of a text and how many letters each stands for: a letter, a run of N with its
    own token, or unknown letters."""
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
    """Merge neighbours while a pair has a rank: the lowest rank first, of equal ones the leftmost.
    Changes its arguments."""
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
        found = merged.get((symbols[place], symbols[beside]))
        if found is None or found[0] != rank:  # one of the two has merged since
            continue
        symbols[place] = found[1]
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


def ask(bpe: Bpe, tokens: Tokens, places: np.ndarray) -> Ask | None:
    """What the graph is asked for the tokens at `places` (index into tokens.ids), all together;
    None where the text is too long.

    A masked model reads the text with a mask over each of them; a causal one reads the tokens
    before each, and none after the last.
    """
    places = np.asarray(places, dtype=np.int64)
    if bpe.text.max_tokens and len(tokens.ids) > bpe.text.max_tokens:
        return None
    if bpe.text.causal:
        return Ask(tokens.ids[: places.max()], places - 1, tokens.ids[places])
    ids = tokens.ids.copy()
    ids[places] = bpe.mask_id
    return Ask(ids, places, tokens.ids[places])


def batches(asked: list[Ask]) -> Iterator[tuple[list[int], dict[str, np.ndarray]]]:
    """Rows that can be run together, as feeds: texts of exactly as many tokens, so that none is
    padded and no mask is needed.

    The number of places asked for is filled up to a power of two with the row's own last one,
    whatever the company: the shape a row runs in depends on the row alone.
    """
    groups: dict[tuple[int, int], list[int]] = {}
    for row, one in enumerate(asked):
        groups.setdefault((len(one.input_ids), _filled(len(one.pos))), []).append(row)
    for (_, width), rows in sorted(groups.items()):
        take = [np.minimum(np.arange(width), len(asked[row].pos) - 1) for row in rows]
        yield (
            rows,
            {
                "input_ids": np.stack([asked[row].input_ids for row in rows]),
                "pos": np.stack(
                    [asked[row].pos[index] for row, index in zip(rows, take, strict=True)]
                ),
                "target": np.stack(
                    [asked[row].target[index] for row, index in zip(rows, take, strict=True)]
                ),
            },
        )


def feeds_of_shape(
    bpe: Bpe, n: int, length: int, n_positions: int, seed: int, with_blank: bool = False
) -> dict[str, np.ndarray]:
    """Inputs of n random texts of exactly `length` tokens, random targets at distinct places;
    with_blank: some tokens tell of no base."""
    rng = np.random.default_rng(seed)
    told = np.array(sorted(set(bpe.text.vocabulary.values()) - bpe.blank))
    body = length - len(bpe.prefix) - len(bpe.suffix)
    ids = np.concatenate(
        [np.tile(bpe.prefix, (n, 1)), rng.choice(told, (n, body)), np.tile(bpe.suffix, (n, 1))],
        axis=1,
    ).astype(np.int64)
    place = len(bpe.prefix) + np.stack([rng.permutation(body)[:n_positions] for _ in range(n)])
    if with_blank:
        blanks = np.array(sorted(bpe.blank & set(bpe.text.vocabulary.values())))
        ids[rng.random(ids.shape) < 0.1] = rng.choice(blanks)
    if bpe.mask_id is not None:
        ids[np.arange(n)[:, None], place] = bpe.mask_id
    return {
        "input_ids": ids,
        "pos": place.astype(np.int64),
        "target": rng.choice(told, place.shape).astype(np.int64),
    }


def _filled(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()
