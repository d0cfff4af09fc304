"""The checks of the conformance suite that differ for a model of whole tokens, which gives no
distribution over four letters at a site.

Each check takes a `conformance.Subject`. The independent implementation here tokenises the text
again with a slow tokenizer of its own that works on strings, runs the whole torch network on one
text at a time, and adds the sums of both alleles by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from gfmtrust.bundle import bpe, bpe_questions
from gfmtrust.core.alphabet import reverse_complement
from gfmtrust.readers import likelihoods

EXACT = 0.0
SEEN = 1e-6
BASES = "ACGT"


def words_of(letters: str, merges: list[tuple[str, str]]) -> list[str]:
    """Return the tokens of a text of bases, as strings: merge the pair of the lowest rank, the
    leftmost of equal ones, until no pair is left."""
    rank = {pair: place for place, pair in enumerate(merges)}
    tokens = list(letters)
    while True:
        pairs = [
            (rank[pair], place)
            for place, pair in enumerate(zip(tokens, tokens[1:], strict=False))
            if pair in rank
        ]
        if not pairs:
            return tokens
        place = min(pairs)[1]
        tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]


def plain_torch(case) -> Iterator[tuple[float, float]]:
    """Compare the LLRs of the three other bases at the site with those of the whole torch network,
    run on one text at a time."""
    ours = case.logp(case.windows)
    theirs = np.stack(
        [_by_hand(case, "".join(BASES[code] for code in window)) for window in case.windows]
    )
    # a sum over several tokens may differ by as many bars
    longest = max(
        len(question.pos)
        for question in likelihoods.spread_asks(case.session.bpe, case.windows, every=1)
        if question is not None
    )
    yield (
        float(np.abs(ours - theirs).max()) / max(1.0, float(ours.std())) / longest,
        case.family.bar,
    )


def round_trip(case) -> Iterator[tuple[float, float]]:
    """Count the letters of a window that change or move when its tokens are looked up in the
    vocabulary in reverse, on each strand."""
    text = case.loaded.text
    token_of = {number: token for token, number in text.vocabulary.items()}
    wrong = 0
    for codes in (*case.windows, *reverse_complement(case.windows)):
        tokens, start = bpe.segment(case.session.bpe, codes), 0
        letters = "".join(BASES[code] for code in codes)
        for number, end in list(zip(tokens.ids, tokens.ends, strict=True))[
            len(text.prefix) : len(tokens.ids) - len(text.suffix)
        ]:
            wrong += token_of[int(number)].upper() != letters[start:end]
            start = int(end)
        wrong += start != len(letters)
    yield wrong, EXACT


def reach(case) -> Iterator[tuple]:
    """The LLR of a against b where b is present must equal that of b against a where a is present,
    negated; in a causal model no token may depend on a later one; and the letters on both sides
    must be read."""
    at = case.bundle.site_forward
    before = case.logp(case.windows)
    there = case.windows[:, at]
    rows = np.arange(len(there))
    worst = 0.0
    for step in range(1, 4):
        codes = case.windows.copy()
        codes[:, at] = (there + step) % 4
        worst = max(
            worst, float(np.abs(before[rows, codes[:, at]] + case.logp(codes)[rows, there]).max())
        )
    if case.bundle.causal:
        worst = max(worst, _leak(case))
    yield worst, EXACT

    def change(place: int) -> float:
        codes = case.windows.copy()
        codes[:, place] = (codes[:, place] + 1) % 4
        return float(np.abs(case.logp(codes) - before).max())

    yield min(change(at - 1), change(at + 1)), SEEN, True


def _leak(case) -> float:
    """Return the largest change of ln p of a causal model's tokens when every token from theirs
    onwards is replaced and the length of the text is kept."""
    model = case.session.bpe
    letters_ids = sorted(set(model.text.vocabulary.values()) - model.blank)
    rows, changed = [], []
    for codes in case.windows:
        ids = bpe.segment(model, codes).ids
        half = len(ids) // 2
        others = ids.copy()
        others[half + 1 :] = letters_ids[0]
        for text, into in ((ids, rows), (others, changed)):
            into.append(bpe_questions.Ask(text, np.array([half]), ids[half + 1 : half + 2]))
    return float(
        np.abs(
            np.array(case.session.token_logps(rows)) - np.array(case.session.token_logps(changed))
        ).max()
    )


def _by_hand(case, window: str) -> np.ndarray:
    """Return the LLR of each base at the site against the one there, float64 (4,)."""
    at = case.bundle.site_forward
    llrs = np.zeros(4)
    for base in range(4):
        other = window[:at] + BASES[base] + window[at + 1 :]
        if other != window:
            llrs[base] = _of_pair(case, window, other)
    return llrs


def _of_pair(case, ref: str, alt: str) -> float:
    text = case.loaded.text
    case_of = str.lower if text.lower_case else str
    merges = list(text.merges)
    pair = [
        [*text.prefix, *words_of(case_of(letters), merges), *text.suffix] for letters in (ref, alt)
    ]
    start = next(
        place for place, (one, other) in enumerate(zip(*pair, strict=False)) if one != other
    )
    tail = 0
    while (
        not text.causal
        and pair[0][-1 - tail] == pair[1][-1 - tail]
        and min(map(len, pair)) - tail > start
    ):
        tail += 1
    totals = []
    for tokens in pair:
        scored = range(start, len(tokens) - tail)
        fed = [
            text.mask if place in scored and not text.causal else token
            for place, token in enumerate(tokens)
        ]
        with torch.no_grad():
            output = case.loaded.network(torch.tensor([[text.vocabulary[token] for token in fed]]))
        logp = (
            (output if isinstance(output, torch.Tensor) else output.logits)[0]
            .double()
            .log_softmax(-1)
            .numpy()
        )
        totals.append(
            sum(logp[place - int(text.causal), text.vocabulary[tokens[place]]] for place in scored)
        )
    return totals[1] - totals[0]


CHECKS = {"plain torch": plain_torch, "round trip": round_trip, "reach": reach}
"""These replace the checks of the same name."""
