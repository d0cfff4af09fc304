"""The context model the slow obvious way: strings, dictionaries, one site, one member, one base at
a time."""

import math
from collections import Counter

COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A", "N": "N"}


def reverse_complement(text):
    return "".join(COMPLEMENT[letter] for letter in reversed(text))


def count(stretches, length):
    """Words of one length in each stretch and in its reverse complement."""
    counts = Counter()
    for stretch in stretches:
        for strand in (stretch, reverse_complement(stretch)):
            for start in range(len(strand) - length + 1):
                word = strand[start : start + length]
                if "N" not in word:
                    counts[word] += 1
    return counts


def blocks(contigs, size):
    """The blocks of {name: text}, contig by contig."""
    return [
        text[start : start + size]
        for text in contigs.values()
        for start in range(0, len(text), size)
    ]


def log_probs(counts, orders, alphas, edges, weights, window):
    """ln q of the four bases at the centre of a window; counts: {length: Counter};
    weights[bin][order index]."""
    site = len(window) // 2
    evidence = {base: [] for base in "ACGT"}
    for order, alpha in zip(orders, alphas, strict=True):
        left = window[max(0, site - order) : site].rpartition("N")[2]
        right = window[site + 1 : site + 1 + order].partition("N")[0]
        for base in "ACGT":
            run = left + base + right
            starts = [
                start for start in range(len(run) - order) if start <= len(left) <= start + order
            ]
            if not starts:
                evidence[base].append(evidence[base][-1])
                continue
            said = sum(
                math.log(counts[order + 1][run[start : start + order + 1]] + alpha)
                for start in starts
            )
            if order:
                said -= sum(
                    math.log(counts[order][run[start : start + order]] + 4 * alpha)
                    for start in starts[1:]
                )
            evidence[base].append(said)
    top = orders[-1]
    left, right = window[site - top : site], window[site + 1 : site + 1 + top]
    flanks = sum(counts[top + 1][left + base] + counts[top + 1][base + right] for base in "ACGT")
    row = weights[sum(flanks >= edge for edge in edges)]
    logits = [sum(w * s for w, s in zip(row, evidence[base], strict=True)) for base in "ACGT"]
    highest = max(logits)
    norm = highest + math.log(sum(math.exp(logit - highest) for logit in logits))
    return [logit - norm for logit in logits]
