"""The vocabulary of a checkpoint: the choice of the file that gives the ids, and the checks whether
a family can read it.

The formats of the files are in `vocabulary_file`, the tables made from a vocabulary in `tokenizers`
and `bpe`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from gfmtrust.bundle.tokenizers import Text, build
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
from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, MissingInputError, message

LOG = logging.getLogger(__name__)

ESM_TOKENIZER = "EsmTokenizer"
"""The class of transformers that puts cls_token before every text, and eos_token after it where
there is one."""
EMPTY_TOKENS = ("unk", "pad", "mask")
"""Names, without brackets, of tokens that cannot begin a text."""


class Vocabulary(NamedTuple):
    """The vocabulary of a checkpoint and its origin.

    ids: token -> id. path, sha256: the file that was used; for a tokenizer class,
    tokenizer_config.json, which names the class. source: the name of the file, with the class where
    a class holds the ids. start: the token that the tokenizer's class puts before every text, '' if
    unknown.
    """

    ids: dict[str, int]
    path: Path
    sha256: str
    source: str
    start: str = ""


def read_vocabulary(
    directory: Path, classes: Mapping[str, CharacterTokenizer] = MappingProxyType({})
) -> Vocabulary:
    """Return the vocabulary of a checkpoint, from its file or else from the tokenizer class that
    tokenizer_config.json names.

    classes: class name -> content of the class, from the family that reads the checkpoint. Raises
    MissingInputError (66) where there is neither a vocabulary file nor such a class, and
    BadDataError (65) where a file does not have the format of its name, is too large, or gives a
    token another id than a second file does.
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
    published = classes.get(config.class_name)
    if published is None:
        fault = (
            f"no vocabulary file, and the tokenizer class is {config.class_name}"
            if config.class_name
            else "no vocabulary file"
        )
        expected = " or ".join(VOCABULARY_FILES)
        if classes:
            expected += f", or {TOKENIZER_CONFIG} with the class {' or '.join(classes)}"
        raise MissingInputError(
            message(str(directory), fault, expected, "copy it from the checkpoint")
        )
    confirm_class(directory, config, published)
    path = directory / TOKENIZER_CONFIG
    LOG.info(
        "%s: no vocabulary file; token ids are those of the class %s that %s names",
        directory,
        config.class_name,
        path.name,
    )
    return Vocabulary(
        dict(published.ids),
        path,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        f"{path.name}: {config.class_name}",
    )


def require_words(vocabulary: Iterable[str], k: int) -> None:
    """Raise BadDataError (65) for a vocabulary whose longest word of bases does not have k
    letters."""
    longest = max((token for token in vocabulary if is_word(token)), key=len, default="")
    if len(longest) != k:
        fault = (
            f"words of {len(longest)} letters, for example {longest!r}: a vocabulary of {len(longest)}-mers"
            if longest
            else "no words"
        )
        raise BadDataError(
            message(
                "vocabulary",
                fault,
                "single bases" if k == 1 else f"words of {k} letters",
                "this family reads no others",
            )
        )


def usable(
    vocabulary: dict[str, int], n_ids: int, used: Iterable[str], k: int = 1
) -> dict[str, int]:
    """Return a vocabulary without the tokens that the network has no row for and that scoring never
    uses, such as `<eos>` and `<bos>` of Nucleotide Transformer v1, at 4105 and 4106 of 4,105 rows;
    one line of the log names them.

    n_ids: rows of the network. used: the special tokens that the family puts into a text. k:
    letters per word. Raises BadDataError (65) where one of these tokens, or a word of bases, has an
    id of n_ids or more, and as `require_words` does.
    """
    require_words(vocabulary, k)
    beyond = {token: number for token, number in vocabulary.items() if number >= n_ids}
    needed = [token for token in beyond if token in set(used) or is_word(token)]
    if needed:
        fault = f"{needed[0]!r} has id {beyond[needed[0]]}"
        raise BadDataError(
            message(
                "vocabulary",
                fault,
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
    """Whether a token consists of A, C, G and T alone, in one case."""
    return bool(token) and (set(token) <= set(BASES) or set(token) <= set(BASES.lower()))


def checked(text: Text, start: str = "") -> Text:
    """Return the Text of a family with a prefix that can begin a text.

    start: that of the Vocabulary. It replaces a prefix token that cannot begin a text, for example
    `<unk>` where bos_token_id has its default of 0. Raises BadDataError (65) where a replacement is
    needed and unknown, and as `require_words` and `build` do.
    """
    require_words(text.vocabulary, text.k)
    empty = [token for token in text.prefix if token.strip("<>[]").lower() in EMPTY_TOKENS]
    if empty and start not in text.vocabulary:
        fault = f"bos_token_id names {empty[0]!r} (id {text.vocabulary.get(empty[0])}), which stands for no beginning"
        remedy = f"copy {TOKENIZER_CONFIG} and {SPECIAL_TOKENS} of the checkpoint, which say what its tokenizer puts in front"
        raise BadDataError(
            message("config.json", fault, "the token in front of every text", remedy)
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
