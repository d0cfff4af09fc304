"""The slow obvious twin of `oracle.closed_forms`: strings and dictionaries, whole sequences,
nothing cut short."""

import math
from itertools import product

import numpy as np

from gfmtrust.validation.oracle.markov import MarkovTable

BASES = "ACGT"


def word_law(table) -> dict[str, float]:
    words = ("".join(letters) for letters in product(BASES, repeat=table.order + 1))
    return dict(zip(words, table.word_law.tolist(), strict=True))


def run_probability(law: dict[str, float], run: str) -> float:
    """P of a run of known letters under the stationary law: the chain rule over words, short runs
    by summing words that begin so."""
    length = len(next(iter(law)))
    if len(run) <= length:
        return sum(p for word, p in law.items() if word.startswith(run))
    p = law[run[:length]]
    for start in range(1, len(run) - length + 1):
        word = run[start : start + length]
        p *= law[word] / sum(law[word[:-1] + base] for base in BASES)
    return p


def log_likelihood(table, text: str) -> float:
    law = word_law(table)
    return sum(math.log(run_probability(law, run)) for run in text.split("N") if run)


def q_masked(table, text: str, at: int) -> list[float]:
    return _normal(
        [math.exp(log_likelihood(table, text[:at] + base + text[at + 1 :])) for base in BASES]
    )


def q_causal(table, text: str, at: int) -> list[float]:
    left = text[:at].split("N")[-1]
    law = word_law(table)
    kept = left[max(0, len(left) - table.order) :]
    return _normal([run_probability(law, kept + base) for base in BASES])


def q_kmer(
    table, text: str, at: int, offset: int, k_letters: int, conditional: bool
) -> list[float]:
    """By listing every word at the token; tokens that hold an N are all N."""
    begin = at - offset
    phase = begin % k_letters
    folded = list(text)
    for start in range(phase - k_letters, len(text), k_letters):
        token = [place for place in range(start, start + k_letters) if 0 <= place < len(text)]
        if start != begin and (
            len(token) < k_letters or any(text[place] == "N" for place in token)
        ):
            for place in token:
                folded[place] = "N"
    weights = dict.fromkeys(BASES, 0.0)
    for letters in product(BASES, repeat=k_letters):
        items = [text[begin + j] for j in range(k_letters)]
        if conditional and any(
            j != offset and items[j] not in ("N", letters[j]) for j in range(k_letters)
        ):
            continue
        tried = "".join(folded[:begin]) + "".join(letters) + "".join(folded[begin + k_letters :])
        weights[letters[offset]] += math.exp(log_likelihood(table, tried))
    return _normal(list(weights.values()))


def _normal(weights: list[float]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


def draw_sequence(table: MarkovTable, length: int, seed: int) -> np.ndarray:
    """A sequence of the chain from its stationary law, codes uint8 (length,)."""
    uniform = np.random.default_rng(seed).random(length + 1)
    contexts = 4**table.order
    state = int(
        np.searchsorted(np.cumsum(table.word_law.reshape(-1, 4).sum(axis=1)), uniform[0]).clip(
            0, contexts - 1
        )
    )
    thresholds = np.cumsum(table.transitions, axis=1)[:, :3].tolist()
    start = [state // 4 ** (table.order - 1 - place) % 4 for place in range(table.order)]
    letters = start[:length]
    for draw in uniform[1 : length - len(letters) + 1].tolist():
        letter = sum(draw >= threshold for threshold in thresholds[state])
        letters.append(letter)
        state = (state * 4 + letter) % contexts
    return np.array(letters, dtype=np.uint8)


def entropy_rate(table: MarkovTable) -> float:
    """Bits per letter given the letters before it (one-sided)."""
    return float(-(table.word_law * np.log2(table.transitions.reshape(-1))).sum())
