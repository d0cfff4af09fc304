"""Vocabularies in the order their sources publish, for examples and tests: the real files are read, never made (`tokenizers`)."""

from __future__ import annotations

from itertools import product

CHARACTERS = ["[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]", *"ACGTN"]
"""Of HyenaDNA and Caduceus: ids 0 to 11, in networks of 16 rows (HazyResearch/hyena-dna, CharacterTokenizer)."""


def numbered(tokens: list[str]) -> dict[str, int]:
    """Token -> its place."""
    return {token: number for number, token in enumerate(tokens)}


def kmers(k: int = 6) -> list[str]:
    """The 4^k words in the order of Nucleotide Transformer's file: A, T, C, G."""
    return ["".join(word) for word in product("ATCG", repeat=k)]
