"""One window as the model under check reads it: its tokens, their ids and the token of the site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.bundle import bpe, tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.alphabet import decode

SHOWN = 4
"""The number of tokens shown at each end."""


@dataclass(frozen=True)
class Reading:
    """tokens, ids: those of the whole text with prefix and suffix, before masking; site: index of
    the token that contains the site; mask: the token that replaces it, '' for a causal model;
    letters: those of the window around the site."""

    tokens: list[str]
    ids: list[int]
    site: int
    mask: str
    letters: str


def reading(bundle: Bundle, codes: np.ndarray) -> Reading:
    """Return how a window, codes uint8 (width,), is written for the model."""
    text, site = bundle.text, bundle.site_forward
    names = {number: token for token, number in text.vocabulary.items()}
    around = decode(codes[max(0, site - 5) : site + 6])
    if isinstance(text, bpe.BpeText):
        segmented = bpe.segment(bpe.build(text), codes)
        ids, at = segmented.ids.tolist(), int(np.searchsorted(segmented.ends, site, side="right"))
    else:
        table = tokenizers.build(text)
        k = text.k
        whole = codes[: len(codes) // k * k].reshape(-1, k)
        rank = whole @ (4 ** np.arange(k - 1, -1, -1, dtype=np.int64))
        if k > 1:
            rank[(whole > 3).any(axis=1)] = 4**k
        ids = [*table.prefix.tolist(), *table.ids[rank].tolist(), *table.suffix.tolist()]
        at = len(text.prefix) + site // k
    return Reading([names.get(number, "?") for number in ids], ids, at, text.mask, around)


def shown(one: Reading) -> str:
    """Return the first tokens, those at the site (the site's token as >...<) and the last, each as
    token=id."""
    n = len(one.ids)
    kept = sorted(
        {
            *range(min(SHOWN, n)),
            *range(max(0, one.site - 2), min(n, one.site + 3)),
            *range(max(0, n - SHOWN), n),
        }
    )
    words, last = [], -1
    for place in kept:
        words += ["..."] if place > last + 1 else []
        word = f"{one.tokens[place]}={one.ids[place]}"
        words.append(f">{word}<" if place == one.site else word)
        last = place
    return " ".join(words)


def unit(text: tokenizers.Text) -> str:
    """Return in words what a token is."""
    if isinstance(text, bpe.BpeText):
        return "whole tokens (byte pair encoding)"
    return "single bases" if text.k == 1 else f"{text.k}-mers"
