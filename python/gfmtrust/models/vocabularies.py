"""Vocabularies in the order of their published sources, for examples and tests, and to distinguish
a vocabulary from those of related models.

Where a checkpoint has a vocabulary file, that file is read (`bundle.vocabulary_file`); the ids of
tokenizers that are classes of code are stated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from gfmtrust.bundle.vocabulary import require_words
from gfmtrust.bundle.vocabulary_file import CharacterTokenizer
from gfmtrust.core.errors import BadDataError, message

CHARACTERS = ["[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]", *"ACGTN"]
"""The vocabulary of HyenaDNA and Caduceus: ids 0 to 11, in networks of 16 rows
(HazyResearch/hyena-dna, CharacterTokenizer)."""


def numbered(tokens: list[str]) -> dict[str, int]:
    """Return token -> its index."""
    return {token: number for number, token in enumerate(tokens)}


def kmers(k: int = 6) -> list[str]:
    """Return the 4^k words in the order of Nucleotide Transformer's file: A, T, C, G."""
    return ["".join(word) for word in product("ATCG", repeat=k)]


CHARACTER_TOKENIZER = CharacterTokenizer(
    numbered(CHARACTERS),
    {
        "bos_token": "[BOS]",
        "eos_token": "[SEP]",
        "sep_token": "[SEP]",
        "cls_token": "[CLS]",
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
        "unk_token": "[UNK]",
    },
)
"""The vocabulary and special tokens of the classes HyenaDNATokenizer (LongSafari's
tokenization_hyena.py) and CaduceusTokenizer (tokenization_caduceus.py)."""


def check_kmers(
    vocabulary: dict[str, int], siblings: Mapping[str, int], model_name: str, k: int = 6
) -> None:
    """Check that the k-mers of a vocabulary have consecutive ids in the published order, A, T, C,
    G, from the published first id. Raises BadDataError (65) otherwise.

    siblings: name of a model -> id of its first k-mer; model_name: the one whose weights are read.
    The vocabularies of related models have the same tokens and may have the same length; the id of
    the first k-mer distinguishes them.
    """
    require_words(vocabulary, k)
    first = vocabulary.get("A" * k, 0)
    for number, word in enumerate(kmers(k), first):
        if vocabulary.get(word) != number:
            observed = (
                f"{word!r} has id {vocabulary[word]}"
                if word in vocabulary
                else f"{word!r} is missing"
            )
            expected = f"{number}: {k}-mers one after the other in the order A, T, C, G"
            raise BadDataError(
                message("vocabulary", observed, expected, "is it this checkpoint's file?")
            )
    if first != siblings[model_name]:
        other = next(
            (name for name, number in siblings.items() if number == first), "another model"
        )
        observed = f"the first {k}-mer has id {first}, as in the vocabulary of {other}"
        expected = f"{siblings[model_name]}, as in that of {model_name}"
        raise BadDataError(
            message("vocabulary", observed, expected, "copy the vocabulary file of these weights")
        )


DRAWN_TOGETHER = 512
"""Pairs of a drawn vocabulary that are looked at together; it does not change the vocabulary."""
MAX_TOKEN_LETTERS = 8
"""Letters of a drawn token at most."""


def _drawn_merges(size: int, vocabulary: dict[str, int], bases: list[str]) -> list[str]:
    """Add random pairs of tokens with at most eight letters to the vocabulary until it has `size`
    tokens, and return the pairs as merges. bases: the tokens that may be paired.

    Shorter parts are drawn more often, as in a trained file. Nearly all draws of a large vocabulary
    are too long or known already, so that many are looked at together.
    """
    rng = np.random.default_rng(size)
    parts, merges = list(bases), []
    lengths = np.zeros(size, np.int64)
    lengths[: len(parts)] = [len(part) for part in parts]
    draws = np.empty((0, 2))
    while len(vocabulary) < size:
        if not len(draws):
            draws = rng.random((DRAWN_TOGETHER, 2)) ** 2
        index = (len(parts) * draws).astype(np.int64)
        is_short = lengths[index[:, 0]] + lengths[index[:, 1]] <= MAX_TOKEN_LETTERS
        for row in np.flatnonzero(is_short).tolist():
            left, right = (parts[number] for number in index[row].tolist())
            if left + right not in vocabulary:
                vocabulary[left + right] = len(vocabulary)
                lengths[len(parts)] = len(left + right)
                parts.append(left + right)
                merges.append(f"{left} {right}")
                draws = draws[row + 1 :]
                break
        else:
            draws = draws[:0]
    return merges


def bpe(
    size: int,
    specials: tuple[str, ...] = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"),
    letters: str = "ACGT",
) -> dict:
    """Return the content of a tokenizer.json of `size` tokens: special tokens, letters, then random
    pairs of tokens with at most eight letters.

    It has what the published files, which are trained on genomes, have in common: the special
    tokens come first, a text is one word, and [CLS] and [SEP] enclose it.
    """
    vocabulary = numbered([*specials, *letters])
    merges = _drawn_merges(size, vocabulary, [letter for letter in letters if letter in "ACGT"])
    around = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ]
    specials_by_token = {
        token: {"id": token, "ids": [vocabulary[token]], "tokens": [token]}
        for token in ("[CLS]", "[SEP]")
    }
    added = [
        {
            "id": vocabulary[token],
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for token in specials
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": around,
            "pair": around,
            "special_tokens": specials_by_token,
        },
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "[UNK]",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "vocab": vocabulary,
            "merges": merges,
        },
    }
