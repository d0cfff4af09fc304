"""The slow obvious twin of `oracle.closed_forms`: strings and dictionaries, whole sequences,
nothing cut short."""

import math
from itertools import product

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
        told = [text[begin + j] for j in range(k_letters)]
        if conditional and any(
            j != offset and told[j] not in ("N", letters[j]) for j in range(k_letters)
        ):
            continue
        tried = "".join(folded[:begin]) + "".join(letters) + "".join(folded[begin + k_letters :])
        weights[letters[offset]] += math.exp(log_likelihood(table, tried))
    return _normal(list(weights.values()))


def _normal(weights: list[float]) -> list[float]:
    return [weight / sum(weights) for weight in weights]
