"""Likelihoods of alleles by models of whole tokens (BPE): two texts that differ in a few letters
are compared token by token.

    llr = log_ratios(scorer, ref, alt)            # codes uint8 (n, W) each -> nats float64 (n,)
    llr = substitutions(scorer, windows, site)    # every base at the site against REF -> (n, 4)

A changed letter may change several tokens, so both texts are tokenised anew. From the first token
that differs, a masked model has all tokens masked up to where the texts agree again and gives the
sum of their log-probabilities; a causal model gives that of the rest of the text. The sums cover
the same number of bases and are never divided by the number of tokens. Definitions:
docs/understand/scoring.md, "Models of whole tokens".
"""

from __future__ import annotations

import numpy as np

from gfmtrust.bundle import bpe, bpe_questions
from gfmtrust.core.alphabet import BASES, PAD, N, reverse_complement
from gfmtrust.core.interfaces import Scorer

LIMIT_NATS = 69.0
"""The largest |LLR|. It equals the range of a k-mer model's smallest marginal
(models.layers.folding, FLOOR), and its exponential is a float32."""


def log_ratios(
    scorer: Scorer, ref: np.ndarray, alt: np.ndarray, shifted: np.ndarray | None = None
) -> np.ndarray:
    """Return ln p(ALT) - ln p(REF) of pairs of windows, nats float64 (n,); NaN where the graph has
    no finite answer or a text is too long.

    ref, alt: codes uint8 (n, W). shifted: int (n,), for pairs whose letters after the change are
    shifted against each other (haplotypes): where the longer allele ends; 0 where the letters stay
    in place. None means 0 everywhere. Letters outside the contig in one of a pair are left out of
    both. Equal texts and equal questions are processed once.
    """
    cut: dict[bytes, bpe.Tokens] = {}
    asked: dict[tuple, int] = {}
    rows: list[bpe_questions.Ask] = []
    pairs = np.full((len(ref), 2), -1, dtype=np.int64)
    failed = np.zeros(len(ref), dtype=bool)
    ends = np.zeros(len(ref), dtype=np.int64) if shifted is None else shifted
    for row, (one, other, end) in enumerate(zip(ref, alt, ends, strict=True)):
        outside = (one == PAD) | (other == PAD)
        texts = [
            _segmented(scorer.bpe, np.where(outside, PAD, codes).astype(np.uint8), cut)
            for codes in (one, other)
        ]
        for side, (tokens, places) in enumerate(
            zip(texts, _differing(scorer.bpe, texts[0], texts[1], int(end)), strict=True)
        ):
            if not len(places):
                continue
            key = (tokens.ids.tobytes(), places.tobytes())
            if key not in asked:
                question = bpe_questions.ask(scorer.bpe, tokens, places)
                asked[key] = len(rows) if question else -1
                rows += [question] if question else []
            failed[row] |= asked[key] < 0
            pairs[row, side] = asked[key]
    sums = np.array(
        [answer.sum() for answer in scorer.token_logps(rows)] + [0.0]
    )  # the 0.0 is the sum of a text without a token to score
    return np.where(
        failed, np.nan, np.clip(sums[pairs[:, 1]] - sums[pairs[:, 0]], -LIMIT_NATS, LIMIT_NATS)
    )


def substitutions(scorer: Scorer, windows: np.ndarray, site: int) -> np.ndarray:
    """Return the LLR of each base at a letter of each window against the base there, nats float64
    (n, 4), in the order A,C,G,T of the reading direction.

    The LLR of the base there is 0. A row is all NaN where there is no base, or where one of its
    alleles has no answer.
    """
    llr = np.zeros((len(windows), len(BASES)))
    there = windows[:, site]
    row, base = np.nonzero((there[:, None] != np.arange(4)) & (there < N)[:, None])
    alt = windows[row].copy()
    alt[:, site] = base
    llr[row, base] = log_ratios(scorer, windows[row], alt)
    llr[(there >= N) | np.isnan(llr).any(axis=1)] = np.nan
    return llr


def of_bases(scorer: Scorer, windows: np.ndarray, site: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities in the form of `Session.distributions` for one letter, from the
    likelihoods of alleles: probs float64 (n, 1, 1, 4) and off_alphabet (n, 1).

    probs are exp of the LLRs, scaled to a sum of 1: only their ratios, the likelihood ratios of the
    alleles, have a meaning.
    """
    llr = substitutions(scorer, windows, site)
    p = np.exp(llr - llr.max(axis=1, keepdims=True))
    return (p / p.sum(axis=1, keepdims=True))[:, None, None], np.zeros(
        (len(windows), 1), np.float32
    )


def strand_difference(
    scorer: Scorer, windows: np.ndarray, site_forward: int, site_reverse: int
) -> np.ndarray:
    """Return |LLR of a window minus that of its reverse complement|, with the bases in the same
    order, nats (n, 4)."""
    back = substitutions(scorer, reverse_complement(windows), site_reverse)[:, ::-1]
    return np.abs(substitutions(scorer, windows, site_forward) - back)


def readable(scorer: Scorer, windows: np.ndarray) -> np.ndarray:
    """Return which windows have at most as many tokens as the network reads, bool (n,)."""
    model = scorer.bpe
    most, around = model.text.max_tokens, len(model.prefix) + len(model.suffix)
    if not most or windows.shape[1] + around <= most:
        return np.ones(len(windows), dtype=bool)
    return np.array([len(bpe.segment(model, codes).ids) <= most for codes in windows], dtype=bool)


def spread_asks(
    model: bpe.Bpe, windows: np.ndarray, every: int = 8
) -> list[bpe_questions.Ask | None]:
    """Return one question per window about many of its tokens: for a masked model every `every`-th,
    for a causal one all that have a context."""
    questions = []
    for codes in windows:
        tokens = bpe.segment(model, codes)
        places = np.flatnonzero(tokens.scored)
        places = places[places > 0] if model.text.causal else places[every // 2 :: every]
        questions.append(bpe_questions.ask(model, tokens, places) if len(places) else None)
    return questions


def _segmented(model: bpe.Bpe, codes: np.ndarray, cut: dict[bytes, bpe.Tokens]) -> bpe.Tokens:
    key = codes.tobytes()
    if key not in cut:
        cut[key] = bpe.segment(model, codes)
    return cut[key]


def _differing(
    model: bpe.Bpe, ref: bpe.Tokens, alt: bpe.Tokens, shifted: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the tokens to score in each of two texts, int64: from the first that
    differs to where the texts agree again, or to the end.

    Texts with shifted letters cannot agree again; there it is up to the first place at or after
    `shifted` where a token ends in both after the same number of bases.
    """
    shorter = min(len(ref.ids), len(alt.ids))
    same = (ref.ids[:shorter] == alt.ids[:shorter]) & (ref.ends[:shorter] == alt.ends[:shorter])
    first = shorter if same.all() else int(np.argmin(same))
    if len(ref.ids) == len(alt.ids) == first:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if model.text.causal:
        stops = len(ref.ids), len(alt.ids)
    elif not shifted:
        back = ref.ids[::-1][: shorter - first] == alt.ids[::-1][: shorter - first]
        back &= ref.ends[::-1][: shorter - first] == alt.ends[::-1][: shorter - first]
        tail = len(back) if back.all() else int(np.argmin(back))
        stops = len(ref.ids) - tail, len(alt.ids) - tail
    else:
        bodies = [
            tokens.ends[len(model.prefix) : len(tokens.ends) - len(model.suffix)]
            for tokens in (ref, alt)
        ]
        shared = np.intersect1d(bodies[0], bodies[1])
        start = ref.ends[first - 1] if first else 0
        shared = shared[shared >= max(shifted, start + 1)]
        end = shared[0] if len(shared) else bodies[0][-1]
        ref_stop, alt_stop = (
            len(model.prefix) + int(np.searchsorted(body, end)) + 1 for body in bodies
        )
        stops = ref_stop, alt_stop
    if model.text.causal:
        first = max(first, 1)  # the first token of a text without a prefix has no context
    return (
        first + np.flatnonzero(ref.scored[first : stops[0]]),
        first + np.flatnonzero(alt.scored[first : stops[1]]),
    )
