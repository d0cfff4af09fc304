"""Windows to model inputs: one table-driven tokenizer for single bases and for k-mers, masked and
causal.

Ids come from the checkpoint's own vocabulary: of its file, or of the tokenizer class that it names.
Windows are codes 0..5 (`alphabet`); a k-mer that holds an N or lies outside the contig becomes the
N token in place, so no later token changes its phase. Not here: BPE.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from gfmtrust.bundle.vocabulary_file import (
    MAX_VOCABULARY_BYTES,
    SPECIAL_TOKENS,
    TOKENIZER_CONFIG,
    VOCABULARY_FILES,
    CharacterTokenizer,
    TokenizerConfig,
    confirm_class,
    confirm_ids,
    parse_vocabulary,
    read_tokenizer_config,
)
from gfmtrust.core.alphabet import BASES, PAD, N
from gfmtrust.core.errors import BadDataError, MissingInputError, message

LOG = logging.getLogger(__name__)
MAX_K = 8
"""4^8 table entries; no published model goes beyond 6."""
ESM_TOKENIZER = "EsmTokenizer"
"""The class of transformers that puts cls_token in front of every text, and eos_token behind it
where there is one."""
EMPTY_TOKENS = ("unk", "pad", "mask")
"""Names, without brackets, of tokens that cannot begin a text."""


@dataclass(frozen=True)
class Text:
    """How a family writes DNA: the `text` group of bundle.json.

    vocabulary: token -> id, as in the checkpoint's file. unknown: token of an N; outside: token of
    a position outside the contig. mask: token put over the scored one, '' for a model that never
    reads it. prefix, suffix: tokens round the window. causal: the token before the site answers for
    it, told the letters of its own token that stand before it; else the token over the site does,
    masked. kmer_method: 'conditional' hands the token's other letters to the graph, 'marginal'
    none; '' where k is 1 or the model is causal.
    """

    k: int
    vocabulary: dict[str, int]
    mask: str
    unknown: str
    outside: str
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    lower_case: bool = False
    causal: bool = False
    kmer_method: str = ""


@dataclass(frozen=True)
class Tokenizer:
    """Tables of one Text. ids: int64, by code (k = 1, 6 entries) or by k-mer rank A<C<G<T (4^k
    entries, then the N token)."""

    text: Text
    ids: np.ndarray
    prefix: np.ndarray
    suffix: np.ndarray
    mask_id: int | None


def words(text: Text) -> list[str]:
    """The 4^k words of A,C,G,T by rank, in the vocabulary's own case."""
    letters = BASES.lower() if text.lower_case else BASES
    return ["".join(word) for word in product(letters, repeat=text.k)]


def require_distinct_ids(vocabulary: dict[str, int]) -> None:
    """Raises BadDataError (65) where two tokens share an id."""
    token_of: dict[int, str] = {}
    for token, number in vocabulary.items():
        if token_of.setdefault(number, token) != token:
            raise BadDataError(
                message(
                    "vocabulary",
                    f"{token_of[number]!r} and {token!r} share id {number}",
                    "one token an id",
                )
            )


def build(text: Text) -> Tokenizer:
    """Tables for a Text. Raises BadDataError (65) where a word or special token is not in the
    vocabulary, or two share an id."""
    if not 1 <= text.k <= MAX_K:
        raise BadDataError(message("vocabulary", f"k is {text.k}", f"1 to {MAX_K}"))
    tokens = words(text) + ([text.unknown, text.outside] if text.k == 1 else [text.unknown])
    specials = [token for token in (text.mask, *text.prefix, *text.suffix) if token]
    absent = [token for token in tokens + specials if token not in text.vocabulary]
    if absent:
        found = f"{len(absent)} of {len(tokens)} tokens are missing, first {absent[0]!r}"
        raise BadDataError(
            message(
                "vocabulary",
                found,
                "every word and special token",
                "is it this family's vocabulary file?",
            )
        )
    require_distinct_ids(text.vocabulary)

    def id_of(names) -> np.ndarray:
        return np.array([text.vocabulary[name] for name in names], dtype=np.int64)

    mask_id = text.vocabulary[text.mask] if text.mask else None
    return Tokenizer(text, id_of(tokens), id_of(text.prefix), id_of(text.suffix), mask_id)


def feeds(tokenizer: Tokenizer, codes: np.ndarray, index: np.ndarray) -> dict[str, np.ndarray]:
    """Model inputs for windows as read.

    codes: uint8 (n, W), 0..5. index: int64 (n, P), scored positions in the window. Returns int64
    arrays: input_ids (n, L) and pos (n, P); with k-mers also offset (n, P), the letter of the token
    scored, and letters (n, P, k), the token's known letters (4 = not told: the scored letter, an N,
    every letter under 'marginal', and from the scored letter on where the model is causal). Raises
    BadDataError (65) for a code outside the alphabet (U among them), ValueError for shapes the
    model cannot read.
    """
    text = tokenizer.text
    if codes.size and codes.max() > PAD:
        expected = "A, C, G, T, N and IUPAC letters"
        raise BadDataError(
            message(
                "window", "a letter that is no DNA letter", expected, "is it RNA? write T for U"
            )
        )
    if (
        index.ndim != 2
        or len(index) != len(codes)
        or index.size
        and not (0 <= index.min() and index.max() < codes.shape[1])
    ):
        raise ValueError(
            f"index is {index.shape} for windows {codes.shape}; expected (n, P) inside the window"
        )
    if text.k == 1:
        # Nothing in a window is answered from its last letter, and where a causal window ends with
        # the site that letter is the answer.
        read = codes[:, :-1] if text.causal else codes
        tokens, token_index = tokenizer.ids[read], index
    else:
        tokens, token_index = _kmers(tokenizer, codes, index)
    pos = token_index + len(text.prefix) - (1 if text.causal else 0)
    if pos.size and pos.min() < 0:
        raise ValueError(
            "the first letter of a window has no context in a causal model without a prefix; expected an index above 0"
        )
    n = len(codes)
    around = [
        np.broadcast_to(side, (n, len(side))) for side in (tokenizer.prefix, tokenizer.suffix)
    ]
    ids = np.concatenate([around[0], tokens, around[1]], axis=1)
    made = {"input_ids": ids, "pos": pos}
    if tokenizer.mask_id is not None:
        ids[np.arange(n)[:, None], pos] = tokenizer.mask_id
    if text.k > 1:
        made |= _letters(text, codes, index)
    return made


def _kmers(
    tokenizer: Tokenizer, codes: np.ndarray, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Token ids (n, tokens) and the token of each scored letter. The last token of a causal window,
    whole or not, is not read."""
    k = tokenizer.text.k
    n, width = codes.shape
    if not tokenizer.text.causal and width % k:
        raise ValueError(f"window is {width} letters; expected whole tokens of {k}")
    n_tokens = (width - 1) // k if tokenizer.text.causal else width // k
    letters = codes[:, : n_tokens * k].reshape(n, n_tokens, k)
    rank = letters @ (4 ** np.arange(k - 1, -1, -1, dtype=np.int32))
    rank[(letters >= N).any(axis=2)] = 4**k
    return tokenizer.ids[rank], index // k


def _letters(text: Text, codes: np.ndarray, index: np.ndarray) -> dict[str, np.ndarray]:
    offset = index % text.k
    if text.kmer_method == "marginal":
        letters = np.full((*index.shape, text.k), N, dtype=np.int64)
    else:
        place = np.minimum((index - offset)[..., None] + np.arange(text.k), codes.shape[1] - 1)
        letters = np.minimum(codes[np.arange(len(codes))[:, None, None], place], N).astype(np.int64)
        # the answer never enters the graph, nor does what comes after it where the model is causal
        hidden = (
            np.arange(text.k) >= offset[..., None]
            if text.causal
            else np.arange(text.k) == offset[..., None]
        )
        letters[hidden] = N
    return {"offset": offset, "letters": letters}


class Vocabulary(NamedTuple):
    """The vocabulary of a checkpoint and where it came from.

    ids: token -> id. path, sha256: the file that was used; of a tokenizer class,
    tokenizer_config.json, which names it. source: the file's name, with the class where one holds
    the ids. start: the token that the tokenizer's class puts in front of every text, '' if not
    known.
    """

    ids: dict[str, int]
    path: Path
    sha256: str
    source: str
    start: str = ""


def read_vocabulary(
    directory: Path, classes: Mapping[str, CharacterTokenizer] = MappingProxyType({})
) -> Vocabulary:
    """The vocabulary of a checkpoint: of its file, else of the tokenizer class that
    tokenizer_config.json names.

    classes: class name -> what the class holds, of the family that reads the checkpoint. Raises
    MissingInputError (66) where there is no vocabulary file and no such class, BadDataError (65)
    where a file is not what its name says, is larger than any, or gives a token another id than a
    second one beside it does.
    """
    config = read_tokenizer_config(directory)
    paths = [directory / name for name in VOCABULARY_FILES if (directory / name).is_file()]
    if not paths:
        return _of_class(directory, config, classes)
    for path in paths:
        if path.stat().st_size > MAX_VOCABULARY_BYTES:
            raise BadDataError(
                message(
                    str(path), f"{path.stat().st_size} bytes", f"at most {MAX_VOCABULARY_BYTES}"
                )
            )
    content = paths[0].read_bytes()
    vocabulary = parse_vocabulary(paths[0], content)
    for path in paths[1:]:
        other = parse_vocabulary(path, path.read_bytes())
        if clash := next(
            (token for token, number in vocabulary.items() if other.get(token, number) != number),
            None,
        ):
            raise BadDataError(
                message(
                    str(path),
                    f"{clash!r} has id {other[clash]}",
                    f"{vocabulary[clash]} as {paths[0].name} says",
                    "keep the file that belongs to the weights",
                )
            )
    confirm_ids(directory, config, vocabulary, paths[0].name)
    start = config.role("cls_token") if config.class_name == ESM_TOKENIZER else ""
    return Vocabulary(
        vocabulary, paths[0], hashlib.sha256(content).hexdigest(), paths[0].name, start
    )


def _of_class(
    directory: Path, config: TokenizerConfig, classes: Mapping[str, CharacterTokenizer]
) -> Vocabulary:
    known = classes.get(config.class_name)
    if known is None:
        found = (
            f"no vocabulary file, and the tokenizer class is {config.class_name}"
            if config.class_name
            else "no vocabulary file"
        )
        expected = " or ".join(VOCABULARY_FILES)
        if classes:
            expected += f", or {TOKENIZER_CONFIG} with the class {' or '.join(classes)}"
        raise MissingInputError(
            message(str(directory), found, expected, "copy it from the checkpoint")
        )
    confirm_class(directory, config, known)
    path = directory / TOKENIZER_CONFIG
    LOG.info(
        "%s: no vocabulary file; token ids are those of the class %s that %s names",
        directory,
        config.class_name,
        path.name,
    )
    return Vocabulary(
        dict(known.ids),
        path,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        f"{path.name}: {config.class_name}",
    )


def require_words(vocabulary: Iterable[str], k: int) -> None:
    """Refuse (65) a vocabulary whose longest word of bases has not k letters, and say what it
    is."""
    longest = max((token for token in vocabulary if is_word(token)), key=len, default="")
    if len(longest) != k:
        found = (
            f"words of {len(longest)} letters, for example {longest!r}: a vocabulary of {len(longest)}-mers"
            if longest
            else "no words"
        )
        raise BadDataError(
            message(
                "vocabulary",
                found,
                "single bases" if k == 1 else f"words of {k} letters",
                "this family reads no others",
            )
        )


def usable(
    vocabulary: dict[str, int], n_ids: int, used: Iterable[str], k: int = 1
) -> dict[str, int]:
    """A vocabulary without the tokens that the network has no row for and that scoring never uses,
    for example `<eos>` and `<bos>` of Nucleotide Transformer v1, at 4105 and 4106 of 4,105 rows;
    one line of the log names them.

    n_ids: rows of the network. used: the special tokens that the family puts into a text. k:
    letters of its words. Raises BadDataError (65) where one of these, or a token of bases alone,
    has an id at or above n_ids, and as `require_words` does.
    """
    require_words(vocabulary, k)
    beyond = {token: number for token, number in vocabulary.items() if number >= n_ids}
    needed = [token for token in beyond if token in set(used) or is_word(token)]
    if needed:
        found = f"{needed[0]!r} has id {beyond[needed[0]]}"
        raise BadDataError(
            message(
                "vocabulary",
                found,
                f"ids below vocab_size {n_ids}",
                "is it this checkpoint's file?",
            )
        )
    if beyond:
        LOG.info(
            "vocabulary: %s at or above vocab_size %d are left out; the network has no row for them and no text uses them",
            ", ".join(f"{token} ({number})" for token, number in beyond.items()),
            n_ids,
        )
    return {token: number for token, number in vocabulary.items() if number < n_ids}


def is_word(token: str) -> bool:
    """Whether a token is made of A, C, G and T alone, in one case."""
    return bool(token) and (set(token) <= set(BASES) or set(token) <= set(BASES.lower()))


def checked(text: Text, start: str = "") -> Text:
    """The Text of a family as a checkpoint can be read with it.

    start: of the Vocabulary. A token in front of a window that stands for nothing, as a
    bos_token_id left at its default of 0 names `<unk>`, gives way to `start`. Raises BadDataError
    (65) where none is known, and as `require_words` and `build` do.
    """
    require_words(text.vocabulary, text.k)
    empty = [token for token in text.prefix if token.strip("<>[]").lower() in EMPTY_TOKENS]
    if empty and start not in text.vocabulary:
        found = f"bos_token_id names {empty[0]!r} (id {text.vocabulary.get(empty[0])}), which stands for no beginning"
        remedy = f"copy {TOKENIZER_CONFIG} and {SPECIAL_TOKENS} of the checkpoint, which say what its tokenizer puts in front"
        raise BadDataError(
            message("config.json", found, "the token in front of every text", remedy)
        )
    if empty:
        LOG.info(
            "config.json: bos_token_id names %s; %s, which the tokenizer puts in front of every text, is used",
            empty[0],
            start,
        )
        text = replace(
            text, prefix=tuple(start if token in empty else token for token in text.prefix)
        )
    build(text)
    return text
