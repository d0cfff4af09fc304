"""From windows to model inputs: one table-driven tokenizer for single bases and k-mers, masked and
causal.

Ids come from the checkpoint's own vocabulary, in its file or in the tokenizer class that it names.
Windows are codes 0..5 (`core.alphabet`). A k-mer that contains an N or lies outside the contig is
replaced by the N token, so the phase of later tokens does not change. BPE is in `bpe`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import product

import numpy as np

from gfmtrust.core.alphabet import BASES, PAD, N
from gfmtrust.core.errors import BadDataError, message

LOG = logging.getLogger(__name__)
MAX_K = 8
"""A table has 4^8 entries at this k; no published model exceeds 6."""


@dataclass(frozen=True)
class Text:
    """How a family writes DNA: the `text` group of bundle.json.

    vocabulary: token -> id, as in the checkpoint's file.
    unknown: the token of an N. outside: the token of a position outside the contig.
    mask: the token that replaces the scored one, '' for a model without one.
    prefix, suffix: the tokens before and after the window.
    causal: whether the answer for a site is read at the token before it, given those letters of its
        own token that precede it; otherwise it is read at the masked token of the site.
    kmer_method: 'conditional' gives the other letters of the token to the graph, 'marginal' none;
        '' where k is 1 or the model is causal.
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
    """The tables of one Text. ids: int64, by code (k = 1, 6 entries) or by k-mer rank A<C<G<T (4^k
    entries, then the N token)."""

    text: Text
    ids: np.ndarray
    prefix: np.ndarray
    suffix: np.ndarray
    mask_id: int | None


def words(text: Text) -> list[str]:
    """Return the 4^k words of A,C,G,T by rank, in the vocabulary's own case."""
    letters = BASES.lower() if text.lower_case else BASES
    return ["".join(word) for word in product(letters, repeat=text.k)]


def require_distinct_ids(vocabulary: dict[str, int]) -> None:
    """Raise BadDataError (65) where two tokens share an id."""
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
    """Return the tables of a Text. Raises BadDataError (65) where a word or special token is not in
    the vocabulary, or two tokens share an id."""
    if not 1 <= text.k <= MAX_K:
        raise BadDataError(message("vocabulary", f"k is {text.k}", f"1 to {MAX_K}"))
    tokens = words(text) + ([text.unknown, text.outside] if text.k == 1 else [text.unknown])
    specials = [token for token in (text.mask, *text.prefix, *text.suffix) if token]
    absent = [token for token in tokens + specials if token not in text.vocabulary]
    if absent:
        fault = f"{len(absent)} of {len(tokens)} tokens are missing, first {absent[0]!r}"
        raise BadDataError(
            message(
                "vocabulary",
                fault,
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
    """Return the model inputs for windows in reading direction.

    codes: uint8 (n, W), 0..5. index: int64 (n, P), scored positions in the window. Returns int64
    arrays: input_ids (n, L) and pos (n, P); with k-mers also offset (n, P), the scored letter of
    the token, and letters (n, P, k), the known letters of the token. A letter is 4 where it is not
    given: the scored letter, an N, every letter under 'marginal', and for a causal model every
    letter from the scored one onwards. Raises BadDataError (65) for a code outside the alphabet (U
    is one) and ValueError for shapes that the model cannot read.
    """
    text = tokenizer.text
    check_letters(codes, index)
    if text.k == 1:
        # The last letter of a causal window predicts nothing inside it, and where the window ends
        # with the site that letter is the answer itself.
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
    inputs = {"input_ids": ids, "pos": pos}
    if tokenizer.mask_id is not None:
        ids[np.arange(n)[:, None], pos] = tokenizer.mask_id
    if text.k > 1:
        inputs |= _letters(text, codes, index)
    return inputs


def check_letters(codes: np.ndarray, index: np.ndarray) -> None:
    """Raise BadDataError (65) for a code outside the alphabet (U is one) and ValueError for an index
    outside its window."""
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


def _kmers(
    tokenizer: Tokenizer, codes: np.ndarray, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return token ids (n, tokens) and the token of each scored letter. The last token of a causal
    window, complete or not, is not read."""
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
        # the answer never enters the graph, nor, for a causal model, anything after it
        hidden = (
            np.arange(text.k) >= offset[..., None]
            if text.causal
            else np.arange(text.k) == offset[..., None]
        )
        letters[hidden] = N
    return {"offset": offset, "letters": letters}
