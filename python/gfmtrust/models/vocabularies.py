"""Vocabularies in the order their sources publish: for examples and tests, and to tell the
vocabulary of a sibling from the right one.

Where a checkpoint has a vocabulary file it is read, never made (`tokenizers`); of tokenizers that
are classes in code the ids are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from gfmtrust.bundle.vocabulary import require_words
from gfmtrust.bundle.vocabulary_file import CharacterTokenizer
from gfmtrust.core.errors import BadDataError, message

CHARACTERS = ["[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]", *"ACGTN"]
"""Of HyenaDNA and Caduceus: ids 0 to 11, in networks of 16 rows (HazyResearch/hyena-dna,
CharacterTokenizer)."""


def numbered(tokens: list[str]) -> dict[str, int]:
    """Token -> its place."""
    return {token: number for number, token in enumerate(tokens)}


def kmers(k: int = 6) -> list[str]:
    """The 4^k words in the order of Nucleotide Transformer's file: A, T, C, G."""
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
"""What the classes HyenaDNATokenizer (LongSafari's tokenization_hyena.py) and CaduceusTokenizer
(tokenization_caduceus.py) hold."""


def check_kmers(
    vocabulary: dict[str, int], siblings: Mapping[str, int], model_name: str, k: int = 6
) -> None:
    """Refuse (65) a vocabulary whose k-mers are not the published ones in their order, A, T, C, G,
    from the published first id on.

    siblings: name of a model -> id of its first k-mer; own: the name among them whose weights are
    read. Vocabularies of siblings have the same tokens and may have the same length: where the
    first k-mer stands tells them apart.
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


def bpe(
    size: int,
    specials: tuple[str, ...] = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"),
    letters: str = "ACGT",
) -> dict:
    """The content of a tokenizer.json of `size` tokens: specials, letters, then drawn pairs of
    tokens, of eight letters at most.

    The published files are trained on genomes; what they agree in is here: the specials first, one
    word a text, [CLS] and [SEP] round it.
    """
    rng = np.random.default_rng(size)
    vocabulary, bases, merges = (
        numbered([*specials, *letters]),
        [letter for letter in letters if letter in "ACGT"],
        [],
    )
    while len(vocabulary) < size:
        # shorter parts are likelier, as in a trained file
        left, right = (bases[int(len(bases) * rng.random() ** 2)] for _ in range(2))
        if left + right not in vocabulary and len(left + right) <= 8:
            vocabulary[left + right] = len(vocabulary)
            bases.append(left + right)
            merges.append(f"{left} {right}")
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
