"""The golden windows of a bundle: a few inputs with the answers at export. They are run again at
every opening (`session`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gfmtrust.bundle import bpe
from gfmtrust.core.alphabet import N, reverse_complement
from gfmtrust.core.errors import BadDataError, message

DIGITS = 6
GOLDEN_BARS = {"fp32": 2e-5, "fp16": 1e-2}
"""Parity bars for logits of standard deviation 1 (docs/understand/models.md). A golden window may
differ by the bar times its largest |logp|."""


def windows(session, cut: np.ndarray, window) -> list[dict]:
    """Return five windows with the expected logp (positions, members, 4): plain, reverse, with an
    N, with neighbours, at the shortest length.

    For a causal model every letter from the site onwards is requested, as in scoring. cut: codes
    uint8 (n, W) of the user's genome. The windows pass through tokenizer and graph like any other.
    """
    first, last = cut[0], cut[-1]
    site = window.site_forward
    with_n = first.copy()
    with_n[max(0, site - 7)] = N
    asked = list(range(site, window.window_bp)) if session.meta["scoring"]["causal"] else [site]
    around = [site, *(site + offset for offset in window.neighbour_offsets)]
    is_last = window.site_forward == window.window_bp - 1  # a causal window ends with its site
    short_site = window.shortest_bp - 1 if is_last else window.shortest_bp // 2
    chosen = [
        ("plain", first, asked),
        ("reverse", reverse_complement(last), [window.site_reverse]),
        ("with N", with_n, [site]),
        ("neighbours", last, around),
        ("shortest", first[: window.shortest_bp], [short_site]),
    ]
    return [_golden(session, name, codes, index) for name, codes, index in chosen]


def of_tokens(session, cut: np.ndarray, window) -> list[dict]:
    """Return the same for a model of whole tokens; `index` holds the tokens that are requested
    together, as places in the text with prefix and suffix."""
    site, reverse = window.site_forward, window.site_reverse
    with_n = cut[0].copy()
    with_n[max(0, site - 7)] = N
    spread = np.linspace(0, window.window_bp - 1, 8)[1:-1].astype(int)
    chosen = [
        ("plain", cut[0], [site]),
        ("reverse", reverse_complement(cut[-1]), [reverse]),
        ("with N", with_n, [site]),
        ("spread", cut[-1], spread),
        ("shortest", cut[0][: window.shortest_bp], [window.shortest_bp // 2]),
    ]
    golden = []
    for name, codes, letters in chosen:
        tokens = bpe.segment(session.bpe, codes)
        places = np.unique(np.searchsorted(tokens.ends, letters, side="right"))
        golden.append(
            _golden(session, name, codes, [int(place) for place in places if tokens.scored[place]])
        )
    return golden


def _golden(session, name: str, codes: np.ndarray, index: list[int]) -> dict:
    logp = session.golden_answer(codes, index)
    return {
        "name": name,
        "codes": "".join(map(str, codes.tolist())),
        "index": index,
        "logp": np.round(logp, DIGITS).tolist(),
    }


def check(
    meta: dict, device: str, provider: str, answer: Callable[[np.ndarray, list[int]], np.ndarray]
) -> None:
    """Compare the answers of the golden windows with those at export.

    answer: the answer of one window, see `Session.golden_answer`. Raises BadDataError (65) where an
    answer differs by more than the parity bar.
    """
    precision = meta["graphs"][device]["precision"]
    certified = (
        one.get("bar", 0)
        for one in meta["proof"].get("parity", [])
        if one["precision"] == precision
    )
    bar = max([GOLDEN_BARS[precision], *certified])
    for number, window in enumerate(meta["golden"]):
        codes = np.frombuffer(window["codes"].encode(), dtype=np.uint8)[None] - ord("0")
        expected = np.array(window["logp"], dtype=np.float64)
        difference = np.abs(answer(codes[0], window["index"]) - expected).max()
        if not difference <= bar * max(1.0, np.abs(expected).max()):  # NaN is a difference too
            place = f"bundle {meta['identity']['model_id']}, golden window {number}"
            raise BadDataError(
                message(
                    place,
                    f"logp differs by {difference:.2g} on {provider}",
                    "the values stored at export",
                    "export it again with this onnxruntime",
                )
            )
