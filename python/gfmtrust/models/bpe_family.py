"""What the families of byte pair encoding share: the text from a tokenizer.json, and the window
they read. No torch here."""

from __future__ import annotations

from gfmtrust.bundle.bpe import LETTERS, BpeText, build
from gfmtrust.bundle.bpe_file import BpeFile
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.models.family import Window

SHORTEST_BP = 64
ROW_PADDING = 1024
"""Rows without a token are padding to a round number, as ModernGENA's 32,768 for 32,000 tokens;
more are another checkpoint's."""
RADIUS_BP = 32
"""Letters behind the site that a causal model judges an allele by, beside the tokens the change
itself alters; an eighth of the window where that is less."""


def bpe_text(
    file: BpeFile, n_ids: int, causal: bool = False, mask: str = "", max_tokens: int = 0
) -> BpeText:
    """How a BPE family writes DNA, from its tokenizer.json. n_ids: rows of the network's table of
    tokens; max_tokens: positions it has.

    A causal text has no suffix: nothing is read off behind its last base. Tokens at or above n_ids
    that no DNA text holds are left out. Raises BadDataError (65) for a vocabulary that cannot be
    this network's: far fewer tokens than rows, or what `bpe.build` refuses.
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
    """The vocabulary without tokens at or above n_ids that are never written: no special of the
    text and no letters of DNA."""
    specials = {file.unknown, file.n_token, mask, *file.prefix, *file.suffix}
    return {
        token: number
        for token, number in file.vocabulary.items()
        if number < n_ids or token in specials or not set(token.upper()) - set(LETTERS)
    }


def bpe_window(
    window_bp: int | None, default_bp: int, trained_bp: int, causal: bool = False
) -> Window:
    """A window in bases, whatever number of tokens it comes to; no neighbours, which have no
    distribution either.

    trained_bp: bases of the longest text at the vocabulary's usual length of a token; a text of
    more tokens than the network reads gets no answer. Masked: the site in the middle. Causal:
    RADIUS_BP before the end.
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
