"""The tokenizer.json of a BPE checkpoint: its vocabulary, its merges and everything else that
determines how DNA is split into tokens.

A file of another kind, or with a step whose effect on A, C, G, T and N is not implemented here, is
refused, because it could silently give another text than the model was trained on. Format: the
`tokenizers` library, version 1.0 of the file.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from gfmtrust.core import documents
from gfmtrust.core.errors import BadDataError, MissingInputError, message

FILE = "tokenizer.json"
SAME = {"NFC", "NFD", "NFKC", "NFKD", "Strip", "StripAccents", "Nmt"}
"""Normalizers that do not change a text of letters and digits."""
ONE_WORD = {"Whitespace", "WhitespaceSplit", "BertPreTokenizer"}
"""Pre-tokenizers for which a text of letters is one word."""


@dataclass(frozen=True)
class BpeFile:
    """The content of a tokenizer.json, with the field names of `bpe.BpeText`."""

    vocabulary: dict[str, int]
    merges: tuple[tuple[str, str], ...]
    unknown: str = ""
    fuse_unknown: bool = False
    n_run: int = 0
    n_token: str = ""
    lower_case: bool = False
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()


def read(directory: Path) -> tuple[BpeFile, Path, str]:
    """The tokenizer of a checkpoint, the file it was read from and that file's sha256.

    Raises MissingInputError (66) where there is none, BadDataError (65) for a file of another kind
    or a step that is not known here.
    """
    path = directory / FILE
    if not path.is_file():
        raise MissingInputError(
            message(
                str(path),
                "not found",
                "the tokenizer with its merges",
                "copy it from the checkpoint",
            )
        )
    content = path.read_bytes()
    try:
        tokenizer = documents.parsed(content)
    except (ValueError, RecursionError) as error:
        raise BadDataError(
            message(str(path), f"no JSON ({error})", "a tokenizer of kind BPE")
        ) from error
    if not isinstance(tokenizer, dict):
        raise BadDataError(message(str(path), type(tokenizer).__name__, "an object"))
    return parse(tokenizer, str(path)), path, hashlib.sha256(content).hexdigest()


def parse(tokenizer: dict, place: str = FILE) -> BpeFile:
    """The content of a tokenizer.json. Raises BadDataError (65), see `read`."""
    try:
        model = tokenizer["model"]
        if model.get("type") != "BPE":
            raise _wrong(
                place,
                f"a model of type {model.get('type')!r}",
                "BPE",
                "another kind cuts DNA into other tokens",
            )
        for key, expected in {
            "dropout": (None, 0, 0.0),
            "continuing_subword_prefix": (None, ""),
            "end_of_word_suffix": (None, ""),
            "byte_fallback": (None, False),
            "ignore_merges": (None, False),
        }.items():
            if model.get(key) not in expected:
                raise _wrong(place, f"model.{key} is {model[key]!r}", "none")
        vocabulary = dict(model["vocab"]) | {
            entry["content"]: entry["id"] for entry in tokenizer.get("added_tokens") or []
        }
        if not all(type(number) is int for number in vocabulary.values()):
            raise TypeError("ids are not whole numbers")
        merges = tuple(_pair(merge) for merge in model["merges"])
        # GROVER's file has a token '' and merges with an empty side ('A ' makes 'A'). They never
        # act, because no text contains an empty piece.
        vocabulary.pop("", None)
        merges = tuple(pair for pair in merges if all(pair))
        normal = _normalizer(tokenizer.get("normalizer"), place)
        _check_pre_tokenizer(tokenizer.get("pre_tokenizer"), normal.get("n_token", ""), place)
        prefix, suffix = _around(tokenizer.get("post_processor"), vocabulary, place)
        return BpeFile(
            vocabulary,
            merges,
            model.get("unk_token") or "",
            bool(model.get("fuse_unk")),
            prefix=prefix,
            suffix=suffix,
            **normal,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadDataError(
            message(
                place, f"not read ({type(error).__name__}: {error})", "a tokenizer.json of kind BPE"
            )
        ) from error


def _pair(merge: str | list) -> tuple[str, str]:
    """A merge, which is written as 'left right' or as a list. Raises ValueError for any other."""
    sides = merge.split(" ") if isinstance(merge, str) else list(merge)
    if len(sides) != 2 or not all(isinstance(side, str) for side in sides):
        raise ValueError("a merge that is no pair")
    return sides[0], sides[1]


def _normalizer(step: dict | None, place: str) -> dict:
    """The effect of a normalizer on DNA, as fields of BpeFile.

    Two effects are supported: lower case, and a run of N that is written as one letter (GENA-LM).
    """
    if step is None or step["type"] in SAME:
        return {}
    if step["type"] == "Sequence":
        effects: dict = {}
        for inner in step["normalizers"]:
            effects |= _normalizer(inner, place)
        return effects
    if step["type"] == "Lowercase":
        return {"lower_case": True}
    run = (
        re.fullmatch(r"N\{(\d+),\}", str(step.get("pattern", {}).get("Regex", "")))
        if step["type"] == "Replace"
        else None
    )
    if run and int(run[1]) and len(step["content"]) == 1 and not step["content"].isalnum():
        return {"n_run": int(run[1]), "n_token": step["content"]}
    raise _wrong(
        place, f"normalizer {step['type']} is {json.dumps(step)[:80]}", "one of known effect on DNA"
    )


def _check_pre_tokenizer(step: dict | None, n_token: str, place: str) -> None:
    """Refuse (65) a step that would cut a window into several words or change its letters."""
    if step is None or step["type"] in ONE_WORD:
        return
    if step["type"] == "Sequence":
        for inner in step["pretokenizers"]:
            _check_pre_tokenizer(inner, n_token, place)
        return
    is_plain_bytes = step["type"] == "ByteLevel" and step.get("add_prefix_space") is False
    if (
        is_plain_bytes
        or n_token
        and step["type"] == "Split"
        and step["pattern"] == {"String": n_token}
        and step["behavior"] == "Isolated"
    ):
        return
    raise _wrong(
        place,
        f"pre-tokenizer {step['type']} is {json.dumps(step)[:80]}",
        "one that leaves DNA one word",
    )


def _around(
    step: dict | None, vocabulary: dict[str, int], place: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Special tokens before and behind a text."""
    if step is None or step["type"] == "ByteLevel":
        return (), ()
    if step["type"] == "Sequence":
        sides = [_around(inner, vocabulary, place) for inner in step["processors"]]
        nonempty = [side for side in sides if side != ((), ())]
        if len(nonempty) > 1:
            raise _wrong(place, "two post-processors that add tokens", "one")
        return nonempty[0] if nonempty else ((), ())
    if step["type"] in ("BertProcessing", "RobertaProcessing"):
        pairs = step["cls"], step["sep"]
        prefix, suffix = (pairs[0][0],), (pairs[1][0],)
    elif step["type"] == "TemplateProcessing":
        names = [
            "" if "Sequence" in piece else piece["SpecialToken"]["id"] for piece in step["single"]
        ]
        if names.count("") != 1:
            raise _wrong(place, "a template without its text", "one sequence")
        prefix, suffix = tuple(names[: names.index("")]), tuple(names[names.index("") + 1 :])
        pairs = [
            (name, number)
            for name in (*prefix, *suffix)
            for number in step["special_tokens"][name]["ids"]
        ]
    else:
        raise _wrong(place, f"post-processor {step['type']}", "one that adds special tokens")
    for token, number in pairs:
        if vocabulary.get(token) != number:
            raise _wrong(
                place,
                f"{token!r} is {vocabulary.get(token)} in the vocabulary",
                f"{number} as the post-processor says",
            )
    return prefix, suffix


def _wrong(
    place: str, observed: str, expected: str, remedy: str = "this tokenizer is not supported"
) -> BadDataError:
    return BadDataError(message(place, observed, expected, remedy))
