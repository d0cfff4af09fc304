"""Byte pair encoding by its published rule in plain code, and tokenizer.json files of a stand-in.

The published vocabularies are trained and cannot be written down from facts. A stand-in has the
published structure (specials and letters with their ids, steps before and after the merges) around
drawn merges, and the real file is read in the tests that have it. Source of the rule: Sennrich et
al. 2016 and the `tokenizers` library's description of its BPE model.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable

from gfmtrust.models import vocabularies

SPECIALS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
N_RUN = re.compile("(N{10,})")
"""GENA-LM writes ten N or more as one '-'."""
NOTE = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def tokenizer(
    size: int,
    specials: tuple[str, ...] = SPECIALS,
    letters: str = "ACGT",
    merges: Iterable[str] = (),
    pair_end: bool = True,
) -> dict:
    """The content of a tokenizer.json: specials, letters, drawn merges of A, C, G and T, then the
    `merges` given. pair_end: a second text has its own [SEP]."""
    merges = tuple(merges)
    content = vocabularies.bpe(size - len(merges), specials, letters)
    ids = content["model"]["vocab"]
    for merge in merges:
        ids["".join(merge.split(" "))] = len(ids)
        content["model"]["merges"].append(merge)
    if pair_end:
        content["post_processor"]["pair"] = [
            *content["post_processor"]["single"],
            {"Sequence": {"id": "B", "type_id": 1}},
            {"SpecialToken": {"id": "[SEP]", "type_id": 1}},
        ]
    return content


@functools.cache
def gena_tokenizer(size: int) -> dict:
    """GENA-LM's and ModernGENA's: '-' for a run of N, IUPAC letters, merges with N."""
    content = tokenizer(size, (*SPECIALS, "-"), "ABCGKMNRSTWY", ["T N", "A N", "N N", "N C"])
    content["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": "N{10,}"}, "content": "-"},
        ],
    }
    content["pre_tokenizer"] = {
        "type": "Split",
        "pattern": {"String": "-"},
        "behavior": "Isolated",
        "invert": False,
    }
    content["post_processor"] = {
        "type": "BertProcessing",
        "sep": ["[SEP]", 2],
        "cls": ["[CLS]", 1],
    }
    content["decoder"] = {"type": "BPEDecoder", "suffix": " "}
    return content


def structure(content: dict) -> dict:
    """A tokenizer.json without its trained part: of the vocabulary specials, single letters and the
    empty piece, of the merges those with an empty side."""
    model = dict(content["model"])
    model["vocab"] = {
        token: number
        for token, number in model["vocab"].items()
        if len(token) < 2 or token.startswith("[")
    }
    model["merges"] = [merge for merge in model["merges"] if "" in merge.split(" ")]
    return content | {"model": model}


def rule(content: dict, first: int, last: int, dash: bool = False) -> Callable[[str], list[int]]:
    """Token ids of a text by the merges of a tokenizer.json, between two special ids.

    dash: ten N or more in a row are one '-'.
    """
    model = content["model"]
    ids, unknown = model["vocab"], model["vocab"][model["unk_token"]]
    rank = {tuple(merge.split(" ")): place for place, merge in enumerate(model["merges"])}

    def word(text: str) -> list[int]:
        tokens = list(text)
        while True:
            pairs = enumerate(zip(tokens, tokens[1:], strict=False))
            items = [(rank[pair], place) for place, pair in pairs if pair in rank]
            if not items:
                return [ids.get(token, unknown) for token in tokens]
            place = min(items)[1]
            tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]

    def tokens_of(text: str) -> list[int]:
        parts = N_RUN.split(text) if dash else [text]
        body = [
            number
            for place, part in enumerate(parts)
            for number in ([ids["-"]] if place % 2 else word(part))
        ]
        return [first, *body, last]

    return tokens_of


def written(content: dict) -> str:
    """As a file."""
    return json.dumps(content)
