"""Alleles' likelihoods under a toy law of tokens, by strings alone: cut the text, walk along both,
add up. The twin of `likelihoods`."""

import zlib

import numpy as np

MASK = "[MASK]"


def words_of(letters: str, merges: list[tuple[str, str]]) -> list[str]:
    """Merge the pair of the lowest rank, the leftmost of equal ones, until none is left; an N
    stands alone as [UNK]."""
    rank = {pair: place for place, pair in enumerate(merges)}
    tokens = ["[UNK]" if letter == "N" else letter for letter in letters]
    while True:
        items = [
            (rank[pair], place)
            for place, pair in enumerate(zip(tokens, tokens[1:], strict=False))
            if pair in rank
        ]
        if not items:
            return tokens
        place = min(items)[1]
        tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]


def log_p(token: str, left: str, right: str) -> float:
    """A law without sense: 0 to -5 nats by the token and what is beside it."""
    return -(zlib.crc32(f"{left}|{token}|{right}".encode()) % 10_000) / 2_000


def context_log_p(tokens: list[str], start: int, stop: int, causal: bool) -> float:
    """Sum of ln p of tokens start to stop: masked together, or each after the two before it. [UNK]
    and specials count in none."""
    total = 0.0
    around = list(tokens)
    scored = [i for i in range(start, stop) if not tokens[i].startswith("[")]
    if not causal:
        for i in scored:
            around[i] = MASK
    for i in scored:
        beside = (
            (tokens[i - 2] if i > 1 else "", tokens[i - 1])
            if causal
            else (around[i - 1], around[i + 1])
        )
        total += log_p(tokens[i], *beside)
    return total


def llr(ref: str, alt: str, merges, causal: bool, shifted: int = 0) -> float:
    """ln p(alt) - ln p(ref) of two texts of equal length. shifted: where the longer allele ends, if
    one of them has another length."""
    texts = [
        ["[CLS]", *words_of(text, merges)] + ([] if causal else ["[SEP]"]) for text in (ref, alt)
    ]
    if texts[0] == texts[1]:
        return 0.0
    first = next(i for i, (one, other) in enumerate(zip(*texts, strict=False)) if one != other)
    totals = []
    if causal:
        stops = [len(tokens) for tokens in texts]
    elif shifted:
        ends = [
            np.cumsum(
                [
                    0 if token in ("[CLS]", "[SEP]") else 1 if token == "[UNK]" else len(token)
                    for token in tokens
                ]
            ).tolist()
            for tokens in texts
        ]
        inside = [set(result[1:-1]) for result in ends]
        before = ends[0][first - 1]
        place = min(end for end in inside[0] & inside[1] if end >= shifted and end > before)
        stops = [result.index(place) + 1 for result in ends]
    else:
        tail = 0
        while texts[0][-1 - tail] == texts[1][-1 - tail] and min(map(len, texts)) - tail > first:
            tail += 1
        stops = [len(tokens) - tail for tokens in texts]
    for tokens, stop in zip(texts, stops, strict=True):
        totals.append(context_log_p(tokens, first, stop, causal))
    return totals[1] - totals[0]


class ToySession:
    """What `scoring` asks of a session of whole tokens, by the law above: it sees ids, positions
    and targets, as a graph does."""

    def __init__(self, bpe):
        self.bpe, self.passes, self.asked = bpe, 0, []
        self.meta = {"scoring": {"quantity": "likelihood"}}
        self._token = {number: token for token, number in bpe.text.vocabulary.items()}

    def token_logps(self, asked):
        self.passes += len(asked)
        self.asked += asked
        return [
            np.array(
                [
                    self._one(ask, place, target)
                    for place, target in zip(ask.pos, ask.target, strict=True)
                ]
            )
            for ask in asked
        ]

    def _one(self, ask, place, target):
        tokens = [self._token[int(number)] for number in ask.input_ids]
        if self.bpe.text.causal:
            return log_p(
                self._token[int(target)], tokens[place - 1] if place else "", tokens[place]
            )
        assert tokens[place] == MASK, "a masked model must not read what it is asked for"
        return log_p(self._token[int(target)], tokens[place - 1], tokens[place + 1])
