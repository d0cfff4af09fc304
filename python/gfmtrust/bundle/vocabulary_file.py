"""The files that state the id of each token: vocab.txt, vocab.json, tokenizer.json, and the
configuration of the tokenizer.

vocab.txt is read line by line. Either every line is one token, whose id is the number of its line
(Nucleotide Transformer, GPN), or every line is a token and its id (GENERator).
tokenizer_config.json and special_tokens_map.json contain no vocabulary of their own, but their
statements about a token must agree with it. Byte pair encodings are read in `bpe_file`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gfmtrust.core import documents
from gfmtrust.core.errors import BadDataError, message

VOCABULARY_FILES = ("vocab.txt", "vocab.json", "tokenizer.json")
TOKENIZER_CONFIG, SPECIAL_TOKENS = "tokenizer_config.json", "special_tokens_map.json"
MAX_VOCABULARY_BYTES = 64 << 20
MAX_CONFIG_BYTES = 4 << 20
"""The limit for tokenizer_config.json and special_tokens_map.json; published ones stay below 200
kB."""
BYTE_ORDER_MARK = "\ufeff"
ROLES = ("bos_token", "eos_token", "sep_token", "cls_token", "pad_token", "mask_token", "unk_token")


@dataclass(frozen=True)
class CharacterTokenizer:
    """A published tokenizer class that is defined in code and contains its vocabulary.

    ids: token -> id. roles: transformers' name of each special token, for example "pad_token" ->
    "[PAD]".
    """

    ids: dict[str, int]
    roles: dict[str, str]

    @property
    def characters(self) -> list[str]:
        """The single letters, sorted by id."""
        return sorted(
            (token for token in self.ids if len(token) == 1), key=lambda token: self.ids[token]
        )


@dataclass(frozen=True)
class TokenizerConfig:
    """The content of tokenizer_config.json and special_tokens_map.json; every field is empty where
    both files are missing.

    class_name: without its module. ids: token -> id, from added_tokens_decoder. roles: file name ->
    role -> token. characters: the letters that a character tokenizer was made with, None where the
    file does not state them.
    """

    class_name: str = ""
    ids: dict[str, int] = field(default_factory=dict)
    roles: dict[str, dict[str, str]] = field(default_factory=dict)
    characters: list[str] | None = None

    def role(self, name: str) -> str:
        """Return the token of a role, '' where no file names one."""
        return next((roles[name] for roles in self.roles.values() if name in roles), "")


def parse_vocabulary(path: Path, content: bytes) -> dict[str, int]:
    """Return token -> id of one of VOCABULARY_FILES.

    Raises BadDataError (65) for a file of another format or without tokens, and for one that gives
    two tokens one id or contains a token twice.
    """
    try:
        tokens = _lines(content) if path.suffix == ".txt" else _object(path.name, content)
        return _unique(tokens)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadDataError(
            message(str(path), f"no vocabulary ({error})", "tokens with their ids")
        ) from error


def _lines(content: bytes) -> list[tuple[str, int]]:
    text = content.decode()
    if text.startswith(BYTE_ORDER_MARK):
        raise ValueError("a byte order mark in front of the first token; save it as plain UTF-8")
    lines = [line.split() for line in text.replace("\r\n", "\n").rstrip().split("\n")]
    n_fields = len(lines[0])
    if n_fields not in (0, 1, 2):
        raise ValueError(f"line 1 has {n_fields} fields, one or two are read")
    for number, fields in enumerate(lines, 1):
        if len(fields) != n_fields:
            raise ValueError(f"line {number} has {len(fields)} fields and line 1 has {n_fields}")
        if n_fields == 2 and not (fields[1].isascii() and fields[1].isdecimal()):
            raise ValueError(f"line {number}: {fields[1]!r} is no id")
    if n_fields == 2:
        return [(token, int(number)) for token, number in lines]
    return [(fields[0], number) for number, fields in enumerate(lines) if fields]


def _object(name: str, content: bytes) -> list[tuple[str, int]]:
    ids = documents.parsed(content, object_pairs_hook=_without_doubles)
    if name == "tokenizer.json":
        added = {entry["content"]: entry["id"] for entry in ids.get("added_tokens", [])}
        ids = dict(ids["model"]["vocab"]) | added
    if not isinstance(ids, dict) or not all(
        type(number) is int and number >= 0 for number in ids.values()
    ):
        raise ValueError("ids are not whole numbers")
    return list(ids.items())


def _without_doubles(pairs: list[tuple]) -> dict:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        double = next(name for place, name in enumerate(names) if name in names[:place])
        raise ValueError(f"{double!r} twice")
    return dict(pairs)


def _unique(tokens: Iterable[tuple[str, int]]) -> dict[str, int]:
    ids: dict[str, int] = {}
    token_of: dict[int, str] = {}
    for token, number in tokens:
        if token in ids:
            raise ValueError(f"a token twice: {token!r} has ids {ids[token]} and {number}")
        if number in token_of:
            raise ValueError(f"{token_of[number]!r} and {token!r} share id {number}")
        ids[token], token_of[number] = number, token
    if not ids:
        raise ValueError("not one token")
    return ids


def read_tokenizer_config(directory: Path) -> TokenizerConfig:
    """Return the content of the tokenizer's configuration. Raises BadDataError (65) for a file that
    is not a JSON object or is too large, that names two tokenizer classes, or in which a token is
    not text."""
    config, roles = _json_object(directory / TOKENIZER_CONFIG), {}
    for name, values in (
        (TOKENIZER_CONFIG, config),
        (SPECIAL_TOKENS, _json_object(directory / SPECIAL_TOKENS)),
    ):
        roles[name] = {
            role: _token(directory / name, role, values[role])
            for role in ROLES
            if values.get(role) is not None
        }
    return TokenizerConfig(
        _class_name(directory / TOKENIZER_CONFIG, config),
        _added_tokens(directory / TOKENIZER_CONFIG, config),
        roles,
        config.get("characters"),
    )


def _json_object(path: Path) -> dict:
    if not path.is_file():
        return {}
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise BadDataError(
            message(str(path), f"{path.stat().st_size} bytes", f"at most {MAX_CONFIG_BYTES}")
        )
    try:
        content = documents.parsed(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadDataError(
            message(str(path), f"no JSON ({error})", "an object", "copy the file again")
        ) from error
    if not isinstance(content, dict):
        raise BadDataError(message(str(path), type(content).__name__, "an object"))
    return content


def _token(path: Path, role: str, value: object) -> str:
    token = value.get("content") if isinstance(value, dict) else value
    if not isinstance(token, str):
        raise BadDataError(
            message(
                str(path), f"{role} is {value!r}"[:120], "a token, or an object with its content"
            )
        )
    return token


def _class_name(path: Path, config: dict) -> str:
    """Return the class that tokenizer_class and auto_map name, which must be the same;
    'module.Name' and 'repository--module.Name' both give 'Name'."""
    by_map = config.get("auto_map")
    by_map = by_map.get("AutoTokenizer") if isinstance(by_map, dict) else None
    named = [
        by_map[0] if isinstance(by_map, list) and by_map else by_map,
        config.get("tokenizer_class"),
    ]
    names = {str(name).rpartition(".")[2] for name in named if name}
    if len(names) > 1:
        classes = (
            f"auto_map names {str(named[0]).rpartition('.')[2]} and tokenizer_class {named[1]}"
        )
        raise BadDataError(
            message(
                str(path),
                classes,
                "one tokenizer class",
                "keep the file that belongs to the weights",
            )
        )
    return next(iter(names), "")


def _added_tokens(path: Path, config: dict) -> dict[str, int]:
    entries = config.get("added_tokens_decoder", {})
    try:
        return {
            _token(path, f"token {number}", entry): int(number) for number, entry in entries.items()
        }
    except (AttributeError, ValueError) as error:
        raise BadDataError(
            message(str(path), "added_tokens_decoder cannot be read", "id -> token")
        ) from error


def confirm_class(directory: Path, config: TokenizerConfig, published: CharacterTokenizer) -> None:
    """Raise BadDataError (65) where the tokenizer's configuration contradicts the class that it
    names in an id, a special token or the letters."""

    def contradiction(name: str, observed: str, expected: str) -> BadDataError:
        return BadDataError(
            message(
                str(directory / name),
                observed,
                f"{expected}, as {config.class_name} has it",
                "keep the file that belongs to the weights",
            )
        )

    for token, number in config.ids.items():
        if published.ids.get(token) != number:
            expected = published.ids.get(token)
            raise contradiction(
                TOKENIZER_CONFIG,
                f"{token!r} has id {number}",
                f"{expected}" if expected is not None else "no such token",
            )
    for name, roles in config.roles.items():
        for role, token in roles.items():
            if token != published.roles.get(role, token) or token not in published.ids:
                raise contradiction(name, f"{role} is {token!r}", repr(published.roles.get(role)))
    if config.characters is not None and config.characters != published.characters:
        raise contradiction(
            TOKENIZER_CONFIG,
            f"characters are {config.characters!r}"[:120],
            repr(published.characters),
        )


def confirm_ids(directory: Path, config: TokenizerConfig, ids: dict[str, int], name: str) -> None:
    """Raise BadDataError (65) where the tokenizer's configuration gives a token of the vocabulary
    file `name` another id."""
    for token, number in config.ids.items():
        if ids.get(token, number) != number:
            raise BadDataError(
                message(
                    str(directory / TOKENIZER_CONFIG),
                    f"{token!r} has id {number}",
                    f"{ids[token]} as {name} says",
                    "keep the file that belongs to the weights",
                )
            )
