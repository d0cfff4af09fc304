"""One window as the model under check reads it: its tokens, their ids and the token that holds the
site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.bundle import bpe, tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.alphabet import decode

SHOWN = 4
"""Tokens shown at each end and on each side of the site."""


@dataclass(frozen=True)
class Reading:
    """tokens, ids: of the whole text, prefix and suffix among them, before anything is masked;
    site: place of the token that holds the site; mask: the token written over it, '' where the
    model is causal; letters: those of the window round the site."""

    tokens: list[str]
    ids: list[int]
    site: int
    mask: str
    letters: str


def reading(bundle: Bundle, codes: np.ndarray) -> Reading:
    """How a window, codes uint8 (width,), is written for the model."""
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
    """The first tokens, those at the site (marked with >...<) and the last, each as token=id."""
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
    """What a token is, in words."""
    if isinstance(text, bpe.BpeText):
        return "whole tokens (byte pair encoding)"
    return "single bases" if text.k == 1 else f"{text.k}-mers"
