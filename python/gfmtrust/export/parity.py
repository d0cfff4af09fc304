"""The parity certificate: an exported graph is compared with its torch network at shapes that it
was not traced at.

The references are computed before the export, on random windows that include N and letters outside
the contig. What is compared and how strictly: docs/understand/models.md, "Export".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from gfmtrust.bundle import bpe, bpe_questions, tokenizers
from gfmtrust.bundle.graph_contract import GRAPH_FILE
from gfmtrust.core.alphabet import PAD, N
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.models.family import BAR

FP16_BARS = {"max_llr": 1e-2, "max_entropy_bits": 5e-3}
"""The largest allowed differences of fp16 from fp32, in nats and bits; they are multiplied by the
standard deviation of logp where that exceeds 1."""
RANK_BARS = {
    "one_less_spearman": 7e-4,
    "top_1_percent_missed": 0.012,
    "top_5_percent_missed": 0.007,
}
"""How far fp16 may reorder the LLRs. Among the most negative ones a single difference is always
allowed, because few windows give few places."""


@dataclass(frozen=True)
class Reference:
    """Torch's answers to one set of inputs. padded: whether the ends of the windows lie outside the
    contig."""

    feeds: dict[str, np.ndarray]
    logp: np.ndarray
    off_alphabet: np.ndarray
    padded: bool


def feeds_of_shape(
    tokenizer: tokenizers.Tokenizer,
    n: int,
    width: int,
    n_positions: int,
    seed: int,
    padded: bool = False,
) -> dict:
    """Return the inputs for n random windows, in which about one letter in fifty is an N; the
    scored positions are distinct letters of distinct tokens."""
    rng = np.random.default_rng(seed)
    text = tokenizer.text
    codes = rng.integers(0, 4, (n, width), dtype=np.uint8)
    codes[rng.random((n, width)) < 0.02] = N
    if padded:
        codes[:, -(width // 4) :] = PAD
        codes[n // 2 :, : width // 5] = PAD
    n_tokens = width // text.k
    first = (
        1 if text.causal and not text.prefix else 0
    )  # the first token of a causal window has no context
    token = first + np.stack([rng.permutation(n_tokens - first)[:n_positions] for _ in range(n)])
    return tokenizers.feeds(tokenizer, codes, token * text.k + rng.integers(0, text.k, token.shape))


def longest_but_window(window, k: int) -> int:
    """Return the length in letters of the longest window of the certificate except the full one."""
    return window.shortest_bp + 7 * k


def references(
    answer: Callable[[dict], tuple[np.ndarray, np.ndarray]], tokenizer: tokenizers.Tokenizer, window
) -> list[Reference]:
    """Return torch's answers at four shapes: traced, another batch and length, batch 1 at the full
    window, and a padded batch.

    answer: feeds -> logp and off_alphabet, eager torch in fp32. The first shape is the one to trace
    with.
    """
    k, traced = tokenizer.text.k, window.shortest_bp
    other = longest_but_window(window, k)
    shapes = [
        (2, traced, 3, False),
        (3, other, 1, False),
        (1, window.window_bp, 4, False),
        (5, traced + 2 * k, 2, True),
    ]
    answers = []
    for seed, (n, width, n_positions, padded) in enumerate(shapes):
        feeds = feeds_of_shape(tokenizer, n, width, n_positions, seed, padded)
        answers.append(Reference(feeds, *answer(feeds), padded))
    return answers


def references_of_tokens(
    answer: Callable[[dict], tuple[np.ndarray, np.ndarray]], model: bpe.Bpe, window
) -> list[Reference]:
    """Return the same for a model of whole tokens: traced, another batch and length, batch 1 at the
    full window, and a batch with unknown letters.

    The texts are random tokens of exactly one length, so there is no padding to test. The full
    length is that of a window of random letters.
    """
    full = len(
        bpe.segment(
            model, np.random.default_rng(0).integers(0, 4, window.window_bp, dtype=np.uint8)
        ).ids
    )
    traced = max(12, full // 8)
    shapes = [
        (2, traced, 3, False),
        (3, traced + 7, 1, False),
        (1, full, 4, False),
        (5, traced + 2, 2, True),
    ]
    answers = []
    for seed, shape in enumerate(shapes):
        feeds = bpe_questions.feeds_of_shape(model, *shape[:3], seed=seed, with_blank=shape[3])
        answers.append(Reference(feeds, *answer(feeds), False))
    return answers


def certify(
    answers: list[Reference],
    run: Callable[[dict], dict],
    provider: str,
    bar: float = BAR,
    graph: str = GRAPH_FILE,
) -> dict:
    """Return the certificate: the differences at every shape, and between one batch and its windows
    run alone.

    run: feeds -> outputs by name. bar: that of the family. graph: its file in the bundle. Raises
    BadDataError (65) where a difference of logp exceeds the bar.
    """
    shapes, failed = [], []
    for reference in answers:
        answer = run(reference.feeds)
        difference = np.abs(answer["logp"].astype(np.float64) - reference.logp)
        allowed = bar * max(1.0, float(reference.logp.std()))
        shape = {
            "input_ids": list(reference.feeds["input_ids"].shape),
            "positions": reference.feeds["pos"].shape[1],
            "padded": reference.padded,
            "max_logp": _rounded(difference.max()),
            "mean_logp": _rounded(difference.mean()),
            "allowed": _rounded(allowed),
        } | _derived(answer, reference)
        shapes.append(shape)
        if not difference.max() <= allowed:  # NaN fails too
            failed.append(shape)
    if failed:
        observed = f"logp differs by {failed[0]['max_logp']:.2g} from torch at input_ids {failed[0]['input_ids']}"
        raise BadDataError(
            message(
                "exported graph",
                observed,
                f"at most {failed[0]['allowed']:.2g}",
                "report it with the versions used",
            )
        )
    together = run(answers[-1].feeds)["logp"]
    alone = [
        run({name: values[row : row + 1] for name, values in answers[-1].feeds.items()})["logp"][0]
        for row in range(len(together))
    ]
    return {
        "graph": graph,
        "provider": provider,
        "precision": "fp32",
        "reference": "torch cpu fp32",
        "bar": bar,
        "shapes": shapes,
        "batch_invariance_max_logp": _rounded(np.abs(together - np.stack(alone)).max()),
    }


def _derived(answer: dict, reference: Reference) -> dict:
    """Return the differences of quantities derived from logp: of the LLR and the entropy at a site,
    or of the sum over the tokens of a row, which is an allele's likelihood."""
    if "target" in reference.feeds:
        ours, theirs = (
            logp.sum(axis=1, dtype=np.float64) for logp in (answer["logp"], reference.logp)
        )
        return {"max_sum": _rounded(np.abs(ours - theirs).max())}
    return {
        "max_llr": _rounded(np.abs(_llr(answer["logp"]) - _llr(reference.logp)).max()),
        "max_entropy_bits": _rounded(
            np.abs(_entropy(answer["logp"]) - _entropy(reference.logp)).max()
        ),
        "max_off_alphabet": _rounded(np.abs(answer["off_alphabet"] - reference.off_alphabet).max()),
    }


def certify_fp16(full, low, cut: np.ndarray, site: int, graph: str = GRAPH_FILE) -> dict:
    """Return the certificate of a graph in fp16: its LLRs and entropies at one place of windows of
    the genome, compared with those of fp32.

    full, low: sessions. cut: codes uint8 (n, W). Raises BadDataError (65) where a difference
    exceeds its bar of FP16_BARS or RANK_BARS, or an answer is not finite.
    """
    index = np.full((len(cut), 1), site)
    with np.errstate(divide="ignore"):
        logp, lower = (
            np.log(session.distributions(cut, index)[0][:, 0]) for session in (full, low)
        )
    llr, other = _llr(logp), _llr(lower)
    apart = np.abs(other - llr)
    missed = {
        name: _missed(llr, other, share)
        for name, share in (("top_1_percent_missed", 0.01), ("top_5_percent_missed", 0.05))
    }
    differences = {
        "max_llr": apart.max(),
        "mean_llr": apart.mean(),
        "max_entropy_bits": np.abs(_entropy(lower) - _entropy(logp)).max(),
        "one_less_spearman": 1 - spearmanr(other, llr, axis=None).statistic if np.ptp(llr) else 0.0,
        **{name: n / of for name, (n, of) in missed.items()},
    }
    scale = max(1.0, float(logp.std()))
    bars = {name: bar * scale for name, bar in FP16_BARS.items()} | {
        name: max(bar, 1 / missed[name][1]) if name in missed else bar
        for name, bar in RANK_BARS.items()
    }
    for name, bar in bars.items():
        if not differences[name] <= bar:  # NaN fails too
            raise BadDataError(
                message(
                    "graph in fp16",
                    f"{name} is {differences[name]:.2g} from fp32 over {len(cut)} windows",
                    f"at most {bar:.2g}",
                    "export it with --precision fp32",
                )
            )
    return {
        "graph": graph,
        "provider": low.provider,
        "precision": "fp16",
        "reference": "the same network in fp32",
        "n_windows": len(cut),
        **{name: _rounded(value) for name, value in differences.items()},
    }


def _missed(llr: np.ndarray, other: np.ndarray, share: float) -> tuple[int, int]:
    """Return how many of the most negative `share` of `llr` are not among the same number of
    `other`, and that number."""
    n = -(-llr.size * share // 1)
    top, top_of_other = (
        set(np.argsort(values, axis=None, kind="stable")[: int(n)].tolist())
        for values in (llr, other)
    )
    return len(top - top_of_other), int(n)


def _rounded(value: float) -> float:
    """Round to two significant digits: enough for a judgement, and independent of the last bits of
    a sum."""
    return float(f"{value:.2g}")


def _llr(logp: np.ndarray) -> np.ndarray:
    return logp.astype(np.float64)[..., 1:] - logp.astype(np.float64)[..., :1]


def _entropy(logp: np.ndarray) -> np.ndarray:
    logp = logp.astype(np.float64)
    return -(np.exp(logp) * logp).sum(-1) / np.log(2)
