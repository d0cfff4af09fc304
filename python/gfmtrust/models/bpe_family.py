"""Parts that the families with byte pair encoding share: the text from a tokenizer.json, and the
window. This module does not import torch."""

from __future__ import annotations

from gfmtrust.bundle.bpe import LETTERS, BpeText, build
from gfmtrust.bundle.bpe_file import BpeFile
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.models.family import Window

SHORTEST_BP = 64
ROW_PADDING = 1024
"""Rows without a token pad the table to a round number, such as ModernGENA's 32,768 rows for 32,000
tokens; with as many as this the vocabulary belongs to another checkpoint."""
RADIUS_BP = 32
"""The number of letters after the site by which a causal model scores an allele, in addition to the
tokens that the allele itself changes; an eighth of the window where that is smaller."""


def bpe_text(
    file: BpeFile, n_ids: int, causal: bool = False, mask: str = "", max_tokens: int = 0
) -> BpeText:
    """Return how a BPE family writes DNA, from its tokenizer.json. n_ids: rows of the network's
    token table; max_tokens: the number of positions it has.

    A causal text has no suffix, because no answer is read after its last base. Tokens with ids of
    n_ids or more that no DNA text contains are dropped. Raises BadDataError (65) for a vocabulary
    that cannot belong to this network: it has far fewer tokens than rows, or `bpe.build` refuses
    it.
    """
    text = BpeText(
        k=1,
        vocabulary=_readable(file, n_ids, mask),
        mask=mask,
        unknown=file.unknown,
        outside="",
        prefix=file.prefix,
        suffix=() if causal else file.suffix,
        lower_case=file.lower_case,
        causal=causal,
        merges=file.merges,
        fuse_unknown=file.fuse_unknown,
        n_run=file.n_run,
        n_token=file.n_token,
        n_ids=n_ids,
        max_tokens=max_tokens,
    )
    if n_ids - len(text.vocabulary) >= ROW_PADDING:
        raise BadDataError(
            message(
                "vocabulary",
                f"{len(text.vocabulary)} tokens for {n_ids} rows",
                "a token for each row but its padding",
                "is it this checkpoint's tokenizer.json?",
            )
        )
    build(text)
    return text


def _readable(file: BpeFile, n_ids: int, mask: str) -> dict[str, int]:
    """Return the vocabulary without the tokens with ids of n_ids or more that are never written:
    those that are neither special tokens of the text nor words of DNA letters."""
    specials = {file.unknown, file.n_token, mask, *file.prefix, *file.suffix}
    return {
        token: number
        for token, number in file.vocabulary.items()
        if number < n_ids or token in specials or not set(token.upper()) - set(LETTERS)
    }


def bpe_window(
    window_bp: int | None, default_bp: int, trained_bp: int, causal: bool = False
) -> Window:
    """Return a window in bases, for any number of tokens. It has no neighbours, because a neighbour
    has no distribution over bases either.

    trained_bp: length in bases of the longest text at the vocabulary's mean token length; a text
    with more tokens than the network reads gets no answer. The site of a masked model is in the
    middle, that of a causal model RADIUS_BP before the end. Raises ConfigurationError (78) for a
    window that is too short.
    """
    width = window_bp or default_bp
    if width < SHORTEST_BP:
        raise ConfigurationError(message("window_bp", f"{width}", f"at least {SHORTEST_BP}"))
    if causal:
        site = width - 1 - min(RADIUS_BP, width // 8)
        return Window(width, trained_bp, site, site, (), (), False, SHORTEST_BP)
    return Window(
        width,
        trained_bp,
        width // 2,
        width - 1 - width // 2,
        (-(width // 8), 0, width // 8),
        (),
        False,
        SHORTEST_BP,
    )
