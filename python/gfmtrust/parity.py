"""The parity certificate: an exported graph against the torch network it came from, at shapes it was not traced at.

References are computed before the export, on random windows with N and letters outside the contig among them. What is compared and
how strict: docs/models.md, "Parity".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from gfmtrust import tokenizers
from gfmtrust.alphabet import PAD, N
from gfmtrust.errors import BadDataError, message

BAR = 2e-5
"""Largest |difference of logp| allowed in fp32 where a family sets no other, times the standard deviation of logp where that is above 1."""

HALF_BARS = {"max_llr": 1e-2, "max_entropy_bits": 5e-3, "one_less_spearman": 7e-4}
"""Largest differences of fp16 from fp32, nats and bits, times the standard deviation of logp where that is above 1."""


@dataclass(frozen=True)
class Reference:
    """What torch answers to one set of inputs; padded: letters outside the contig at the windows' ends."""

    feeds: dict[str, np.ndarray]
    logp: np.ndarray
    off_alphabet: np.ndarray
    padded: bool


def feeds_of_shape(tokenizer: tokenizers.Tokenizer, n: int, width: int, n_positions: int, seed: int, padded: bool = False) -> dict:
    """Inputs for n random windows, about one letter in fifty an N; scored positions are distinct letters of distinct tokens."""
    rng = np.random.default_rng(seed)
    text = tokenizer.text
    codes = rng.integers(0, 4, (n, width), dtype=np.uint8)
    codes[rng.random((n, width)) < 0.02] = N
    if padded:
        codes[:, -(width // 4):] = PAD
        codes[n // 2:, : width // 5] = PAD
    n_tokens = width // text.k
    token = np.stack([rng.permutation(n_tokens)[:n_positions] for _ in range(n)])
    return tokenizers.feeds(tokenizer, codes, token * text.k + rng.integers(0, text.k, token.shape))


def references(answer: Callable[[dict], tuple[np.ndarray, np.ndarray]], tokenizer: tokenizers.Tokenizer, window) -> list[Reference]:
    """Torch's answers at four shapes: traced, another batch and length, batch 1 at the full window, a padded batch.

    answer: feeds -> logp and off_alphabet, eager torch in fp32. The first is the one to trace with.
    """
    k, traced = tokenizer.text.k, window.shortest_bp
    other = traced + 7 * k
    shapes = [(2, traced, 3, False), (3, other, 1, False), (1, window.window_bp, 4, False), (5, traced + 2 * k, 2, True)]
    made = []
    for seed, (n, width, n_positions, padded) in enumerate(shapes):
        feeds = feeds_of_shape(tokenizer, n, width, n_positions, seed, padded)
        made.append(Reference(feeds, *answer(feeds), padded))
    return made


def certify(made: list[Reference], run: Callable[[dict], dict], provider: str, bar: float = BAR) -> dict:
    """The certificate: differences at every shape, and between one batch and its windows run alone.

    run: feeds -> outputs by name. bar: of the family. Raises BadDataError (65) where a difference of logp is above the bar.
    """
    shapes, failed = [], []
    for reference in made:
        answer = run(reference.feeds)
        difference = np.abs(answer["logp"].astype(np.float64) - reference.logp)
        allowed = bar * max(1.0, float(reference.logp.std()))
        llr = np.abs(_llr(answer["logp"]) - _llr(reference.logp)).max()
        entropy = np.abs(_entropy(answer["logp"]) - _entropy(reference.logp)).max()
        shape = {"input_ids": list(reference.feeds["input_ids"].shape), "positions": reference.feeds["pos"].shape[1],
                 "padded": reference.padded, "max_logp": _rounded(difference.max()), "mean_logp": _rounded(difference.mean()),
                 "max_llr": _rounded(llr), "max_entropy_bits": _rounded(entropy), "allowed": _rounded(allowed),
                 "max_off_alphabet": _rounded(np.abs(answer["off_alphabet"] - reference.off_alphabet).max())}
        shapes.append(shape)
        if not difference.max() <= allowed:  # a NaN fails too
            failed.append(shape)
    if failed:
        found = f"logp differs by {failed[0]['max_logp']:.2g} from torch at input_ids {failed[0]['input_ids']}"
        raise BadDataError(message("exported graph", found, f"at most {failed[0]['allowed']:.2g}", "report it with the versions used"))
    together = run(made[-1].feeds)["logp"]
    alone = [run({name: values[row : row + 1] for name, values in made[-1].feeds.items()})["logp"][0] for row in range(len(together))]
    return {"provider": provider, "precision": "fp32", "reference": "torch cpu fp32", "shapes": shapes,
            "batch_invariance_max_logp": _rounded(np.abs(together - np.stack(alone)).max())}


def certify_half(full, half, cut: np.ndarray, site: int) -> dict:
    """The certificate of a fp16 graph: its LLRs and entropies at one place of windows of the genome against those of the fp32 graph.

    full, half: sessions. cut: codes uint8 (n, W). Raises BadDataError (65) where one difference is above its bar.
    """
    index = np.full((len(cut), 1), site)
    with np.errstate(divide="ignore"):
        logp, low = (np.log(session.distributions(cut, index)[0][:, 0]) for session in (full, half))
    difference = {"max_llr": np.abs(_llr(low) - _llr(logp)).max(), "max_entropy_bits": np.abs(_entropy(low) - _entropy(logp)).max(),
                  "one_less_spearman": 1 - spearmanr(_llr(low), _llr(logp), axis=None).statistic if np.ptp(_llr(logp)) else 0.0}
    scale = max(1.0, float(logp.std()))
    for name, value in difference.items():
        if not value <= HALF_BARS[name] * scale:  # a NaN fails too
            raise BadDataError(message("graph in fp16", f"{name} is {value:.2g} from fp32 over {len(cut)} windows",
                                       f"at most {HALF_BARS[name] * scale:.2g}", "export it with --precision fp32"))
    return {"provider": "CPUExecutionProvider", "precision": "fp16", "reference": "the same network in fp32", "n_windows": len(cut),
            **{name: _rounded(value) for name, value in difference.items()}}


def _rounded(value: float) -> float:
    """Two digits: enough to judge by, and the same where the last bits of a sum are not."""
    return float(f"{value:.2g}")


def _llr(logp: np.ndarray) -> np.ndarray:
    return logp.astype(np.float64)[..., 1:] - logp.astype(np.float64)[..., :1]


def _entropy(logp: np.ndarray) -> np.ndarray:
    logp = logp.astype(np.float64)
    return -(np.exp(logp) * logp).sum(-1) / np.log(2)
