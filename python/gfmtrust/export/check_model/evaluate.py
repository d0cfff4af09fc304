"""The answers of the model under check: the surprisal of many real bases of each window, from one
pass per window.

For a masked model, tokens of the middle half of a window are masked together; they are 9 to 23
tokens apart at irregular places, so that the copies of a base's context are rarely masked with it.
For a causal model, bases of the right half are scored, each from the letters before it. For a model
of whole tokens, every eighth token is scored or, if it is causal, all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.bundle import bpe, bpe_questions
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.export import sanity_check
from gfmtrust.readers import likelihoods
from gfmtrust.readers.registry import reader_of

MOST = 32
"""The largest number of bases scored in a window."""
APART = (9, 24)
"""The distance in tokens between masked tokens: at least the first number, less than the second."""
BASES = 2048
"""The smallest number of bases scored in each part of the genome; their mean surprisal has a
standard error of about 0.02 bits."""


@dataclass(frozen=True)
class Answers:
    """nats: float64 (n,), the summed surprisal of what was scored in each window; scored: bool (n,
    width), the letters it covers; evidence: the result for the sanity check."""

    nats: np.ndarray
    scored: np.ndarray
    evidence: sanity_check.Evidence


def places(bundle: Bundle) -> np.ndarray:
    """Return the letters of a window that are scored for a model of single bases or of k-mers,
    int64 (P,), each in a token of its own."""
    width, k = bundle.window_bp, bundle.k
    if bundle.causal:
        letters = np.linspace(max(1, width // 2), width - 1, MOST).astype(np.int64)
        return letters[np.unique(letters // k, return_index=True)[1]]
    n_tokens = width // k
    gaps = np.random.default_rng(0).integers(*APART, MOST)
    token = n_tokens // 4 + np.cumsum(gaps) - gaps[0]
    token = token[token < max(3 * n_tokens // 4, n_tokens // 4 + 1)]
    return token * k + np.arange(len(token)) % k


def enough_windows(bundle: Bundle) -> int:
    """Return the number of windows of a part of the genome in which BASES bases are scored."""
    return -(-BASES // (len(places(bundle)) if reader_of(bundle).has_distribution else MOST))


def answers(session: Session, bundle: Bundle, codes: np.ndarray) -> Answers:
    """Score bases of windows, uint8 (n, width). An answer that is not finite counts as one nat more
    than chance."""
    if reader_of(bundle).has_distribution:
        return _of_bases(session, bundle, codes)
    return _of_tokens(session, codes)


def _of_bases(session: Session, bundle: Bundle, codes: np.ndarray) -> Answers:
    index = places(bundle)
    evidence = sanity_check.evidence(session, codes, index)
    scored = np.zeros(codes.shape, bool)
    scored[:, index] = True
    return Answers(evidence.nll_nats * len(index), scored, evidence)


@dataclass(frozen=True)
class _Answered:
    """Takes the place of a session whose answers already exist."""

    bpe: bpe.Bpe
    answers: list[np.ndarray]

    def token_logps(self, _asked: list[bpe_questions.Ask]) -> list[np.ndarray]:
        return self.answers


def _of_tokens(session: Session, codes: np.ndarray) -> Answers:
    model = session.bpe
    questions = likelihoods.spread_asks(model, codes)
    if not (asked := [one for one in questions if one is not None]):
        raise BadDataError(
            message(
                "windows",
                f"none of {len(codes)} can be asked for a token",
                "texts that the network can read",
            )
        )
    answers = session.token_logps(asked)
    uniform = np.log(model.text.n_ids)
    nats, scored = np.zeros(len(codes)), np.zeros(codes.shape, bool)
    logps = iter(answers)
    for row, question in enumerate(questions):
        if question is None:
            continue
        values = next(logps)
        nats[row] = np.where(np.isfinite(values), -values, uniform + 1).sum()
        tokens = bpe.segment(model, codes[row])
        first = 1 if model.text.causal else 0
        for place in question.pos + first:
            scored[row, tokens.ends[place - 1] if place else 0 : tokens.ends[place]] = True
    return Answers(nats, scored, sanity_check.token_evidence(_Answered(model, answers), codes))
