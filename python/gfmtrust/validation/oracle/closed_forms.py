"""The answers of a Markov table for a sequence, in closed form and float64: the truth that every
scorer is compared with.

A sequence is codes 0..5, uint8 (length,), in reading direction; positions in it are 0-based.
Letters outside the sequence are unknown; `markov` defines what an unknown letter means.
Definitions: docs/understand/scoring.md. A code above 5 raises ValueError everywhere. Windows,
strands and views belong to the scorer and are not treated here.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.alphabet import PAD, N
from gfmtrust.validation.oracle.markov import LETTERS, MarkovTable


def log_terms(table: MarkovTable, codes: np.ndarray) -> np.ndarray:
    """Return ln p of each letter given the letters before it in the array, nats, float64 with the
    shape of codes (..., length); 0 at an unknown letter."""
    k, length = table.order, codes.shape[-1]
    padded = np.concatenate(
        [np.full((*codes.shape[:-1], k), N), _with_n(codes).astype(np.int64)], axis=-1
    )
    words = sum(
        padded[..., place : place + length] * LETTERS ** (k - place) for place in range(k + 1)
    )
    return table.log_terms.reshape(-1)[words]


def log_likelihood(table: MarkovTable, codes: np.ndarray) -> np.ndarray:
    """Return ln P(sequence) = ln pi(first k letters) + sum of ln T(letter | k before it), nats,
    float64 with the shape of codes without its last axis.

    The runs of known letters between unknown ones count independently; a sequence without a known
    letter has 0.
    """
    return log_terms(table, codes).sum(axis=-1)


def base_distribution(
    table: MarkovTable, codes: np.ndarray, index: np.ndarray, hidden: tuple[int, ...] = ()
) -> np.ndarray:
    """Return q of the base at each position given every other letter, float64 (n, 4): the answer of
    a masked model.

    index: int (n,). hidden: offsets from the position of further letters that are treated as
    unknown, such as those masked in the same pass.
    """
    k = table.order
    around = neighbourhood(codes, index, k, k)
    for offset in hidden:
        if -k <= offset <= k:
            around[:, k + offset] = N
    return _posterior(log_likelihood(table, _with_each_base(around, k)))


def causal_distribution(
    table: MarkovTable, codes: np.ndarray, index: np.ndarray, offset: np.ndarray, k_letters: int = 1
) -> np.ndarray:
    """Return q of the base at each position given the letters before it only, float64 (n, 4).

    offset: int (n,), place of each position in its token. k_letters: a model of k-mers reads the
    tokens before the position's own as units, and a token that contains an unknown letter is
    unknown as a whole; of its own token it reads the letters before the position, with unknown ones
    summed over.
    """
    reach = reach_of(table, k_letters)
    around = neighbourhood(codes, np.asarray(index) - offset, reach, k_letters - 1)
    return _next_letter(table, around, np.asarray(offset), k_letters)


def right_posterior(
    table: MarkovTable, codes: np.ndarray, index: np.ndarray, n_right: int, k_letters: int = 1
) -> np.ndarray:
    """Return q of the base at each position from the likelihoods of four sequences, summed over
    `n_right` letters from the position onwards, float64 (n, 4).

    This is the answer of a causal model that tries each base (`clm_full`). It equals
    `base_distribution` where n_right exceeds the order and every letter is known. Tokens begin at
    the position.
    """
    reach = reach_of(table, k_letters)
    tries = _with_each_base(neighbourhood(codes, index, reach, n_right - 1), reach).reshape(
        -1, reach + n_right
    )
    total = np.zeros(len(tries))
    for at in range(n_right):
        token = at // k_letters * k_letters
        q = _next_letter(
            table,
            tries[:, token : token + reach + k_letters],
            np.full(len(tries), at - token),
            k_letters,
        )
        letter = tries[:, reach + at]
        total += np.where(letter < N, np.log(q[np.arange(len(q)), np.minimum(letter, N - 1)]), 0.0)
    return _posterior(total.reshape(-1, 4))


def _next_letter(
    table: MarkovTable, around: np.ndarray, offset: np.ndarray, k_letters: int
) -> np.ndarray:
    """Return q of the letter at `offset` of the last token of each row, codes (n, reach +
    k_letters), given the letters before it; (n, 4)."""
    reach = around.shape[1] - k_letters
    before = whole_tokens(around[:, :reach], k_letters)
    words = all_words(k_letters)
    tries = np.concatenate(
        [
            np.repeat(before[:, None], len(words), axis=1),
            np.broadcast_to(words, (len(around), *words.shape)),
        ],
        axis=2,
    )
    law = _posterior(log_terms(table, tries)[..., reach:].sum(axis=-1))
    return _letter_of_token(
        law, np.where(np.arange(k_letters) < offset[:, None], around[:, reach:], N), offset
    )


def _letter_of_token(law: np.ndarray, shown_letters: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return q of one letter of a token, float64 (n, 4): the distribution of the token, (n, 4**k),
    restricted to the words with the given letters (codes (n, k), N where not given) and summed by
    the letter at `offset` (n,)."""
    words = all_words(shown_letters.shape[1])
    law = law * ((shown_letters[:, None] == N) | (shown_letters[:, None] == words)).all(axis=2)
    q = (law[..., None] * (words.T[offset][..., None] == np.arange(4))).sum(axis=1)
    return q / q.sum(axis=1, keepdims=True)


def token_law(
    table: MarkovTable,
    codes: np.ndarray,
    begin: np.ndarray,
    k_letters: int,
    hidden: tuple[int, ...] = (),
) -> np.ndarray:
    """Return P of each word of k_letters at [begin, begin + k_letters) given the tokens on either
    side, float64 (n, 4**k_letters), by rank.

    begin: int (n,), start of the token; the other tokens follow each other from there. hidden:
    offsets from this token, in tokens, of further ones that are treated as unknown.
    """
    reach = reach_of(table, k_letters)
    around = neighbourhood(codes, begin, reach, k_letters - 1 + reach)
    sides = reach // k_letters
    for offset in hidden:
        if -sides <= offset <= sides:
            around[:, (sides + offset) * k_letters :][:, :k_letters] = N
    around = whole_tokens(around, k_letters)
    tries = np.repeat(around[:, None], 4**k_letters, axis=1)
    tries[..., reach : reach + k_letters] = all_words(k_letters)
    return _posterior(log_likelihood(table, tries))


def kmer_distribution(
    table: MarkovTable,
    codes: np.ndarray,
    index: np.ndarray,
    offset: np.ndarray,
    k_letters: int,
    method: str,
    hidden: tuple[int, ...] = (),
) -> np.ndarray:
    """Return q of the base at each position from the distribution of its masked token, float64 (n,
    4).

    index, offset: int (n,), the position and its place in its token. method: 'marginal' sums over
    the token's other letters, 'conditional' takes the known ones as given. hidden: as for
    `token_law`. Raises ValueError for another method.
    """
    if method not in ("marginal", "conditional"):
        raise ValueError(f"method is {method!r}; expected 'marginal' or 'conditional'")
    law = token_law(table, codes, index - offset, k_letters, hidden)
    shown_letters = neighbourhood(codes, index - offset, 0, k_letters - 1)
    hidden_letters = (
        np.arange(k_letters) == offset[:, None] if method == "conditional" else np.True_
    )  # the answer itself is never given
    return _letter_of_token(law, np.where(hidden_letters, N, shown_letters), offset)


def entropy_bits(q: np.ndarray) -> np.ndarray:
    """Return the Shannon entropy of distributions (..., 4) -> (...), bits."""
    return -(q * np.log2(np.where(q > 0, q, 1))).sum(axis=-1)


def llr(q: np.ndarray, ref: np.ndarray, alt: np.ndarray) -> np.ndarray:
    """Return ln q(ALT) - ln q(REF), nats; q: (n, 4), ref and alt: codes (n,)."""
    rows = np.arange(len(q))
    return np.log(q[rows, alt]) - np.log(q[rows, ref])


def neighbourhood(codes: np.ndarray, index: np.ndarray, left: int, right: int) -> np.ndarray:
    """Return the codes from `left` letters before each position to `right` after it, uint8 (n, left
    + 1 + right); N where unknown."""
    at = np.asarray(index)[:, None] + np.arange(-left, right + 1)
    inside = (at >= 0) & (at < len(codes))
    return np.where(inside, _with_n(codes)[np.where(inside, at, 0)], N).astype(np.uint8)


def whole_tokens(codes: np.ndarray, k_letters: int) -> np.ndarray:
    """Return the codes (n, a multiple of k_letters) with every token that contains an unknown
    letter made unknown as a whole."""
    tokens = codes.reshape(len(codes), -1, k_letters)
    return np.where((tokens >= N).any(axis=2, keepdims=True), np.uint8(N), tokens).reshape(
        codes.shape
    )


def all_words(k_letters: int) -> np.ndarray:
    """Return the letters of every word by rank, uint8 (4**k_letters, k_letters)."""
    return (np.arange(4**k_letters)[:, None] // 4 ** np.arange(k_letters - 1, -1, -1) % 4).astype(
        np.uint8
    )


def reach_of(table: MarkovTable, k_letters: int) -> int:
    """Return the number of letters of whole tokens that a model of the table reads on each side; at
    least one token."""
    return k_letters * max(1, -(-table.order // k_letters))


def _with_n(codes: np.ndarray) -> np.ndarray:
    """Return the codes with N for every unknown letter. Raises ValueError for a code outside the
    alphabet."""
    if codes.size and codes.max() > PAD:
        raise ValueError(f"codes hold {codes.max()}; expected 0..{PAD}")
    return np.minimum(codes, N)


def _with_each_base(codes: np.ndarray, index: int) -> np.ndarray:
    """Return four copies of each sequence with A, C, G, T at one place: (n, length) -> (n, 4,
    length)."""
    tries = np.repeat(codes[:, None], 4, axis=1)
    tries[:, :, index] = np.arange(4)
    return tries


def _posterior(log_weights: np.ndarray) -> np.ndarray:
    """Return the probabilities proportional to exp(log_weights) along the last axis."""
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
