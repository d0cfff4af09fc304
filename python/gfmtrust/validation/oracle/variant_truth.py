"""The answers that an oracle must give for insertions, deletions and complex alleles: sums over
whole haplotypes in reading direction, in float64."""

from __future__ import annotations

import numpy as np

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.alphabet import N, decode, encode, reverse_complement
from gfmtrust.core.vocabulary import View
from gfmtrust.inputs.variants import Variant
from gfmtrust.validation.oracle.markov_bundle import Oracle

RADIUS_BP = 32
LONGEST_BP = 8
"""Longer changes would bring the span too close to the ends of the shortest window."""


def some_variants(codes: np.ndarray, n: int, seed: int) -> list[Variant]:
    """Return indels and complex alleles of one contig, codes uint8 (length,): first those at both
    ends, then n at random places away from N."""
    rng = np.random.default_rng(seed)
    length = len(codes)
    variants = [
        Variant(0, decode(codes[:2]), ""),
        Variant(0, "", "GA"),
        Variant(length - 3, decode(codes[-3:]), ""),
        Variant(length, "", "TC"),
    ]
    while len(variants) < n + 4:
        lost, gained = (int(value) for value in rng.integers(0, LONGEST_BP + 1, 2))
        pos = int(rng.integers(0, length - lost + 1))
        if lost != gained and (codes[max(0, pos - 1) : pos + lost + 1] < N).all():
            variants.append(
                Variant(
                    pos,
                    decode(codes[pos : pos + lost]),
                    decode(rng.integers(0, 4, gained).astype(np.uint8)),
                )
            )
    return variants


def true_llrs(
    oracle: Oracle, opened: Bundle, codes: np.ndarray, variant: Variant, views: list[View]
) -> np.ndarray:
    """ln p(ALT haplotype) - ln p(REF haplotype) of each view, nats, float64 (V,); docs/understand/scoring.md,
    "Insertions, deletions and complex alleles"."""
    changed = np.concatenate(
        [codes[: variant.pos], encode(variant.alt), codes[variant.pos + len(variant.ref) :]]
    )
    return np.array([_llr(oracle, opened, codes, changed, variant, view) for view in views])


def _llr(
    oracle: Oracle,
    opened: Bundle,
    codes: np.ndarray,
    changed: np.ndarray,
    variant: Variant,
    view: View,
) -> float:
    strand, shift, crop = view.placement
    width = opened.window_bp - sum(crop)
    if strand == "+":
        start, site, read = variant.pos, opened.site_forward - shift - crop[0], (codes, changed)
    else:
        start, site = (
            len(codes) - variant.pos - len(variant.ref),
            opened.site_reverse + shift - crop[0],
        )
        read = (reverse_complement(codes), reverse_complement(changed))
    radius = min(RADIUS_BP, width // 8)
    shortest = min(len(one) for one in read)
    differs = np.flatnonzero(read[0][start:shortest] != read[1][start:shortest])
    same = int(differs[0]) if len(differs) else shortest - start
    is_indel = min(len(variant.ref), len(variant.alt)) == 0
    if is_indel and same > radius:  # in a longer tandem tract, where the haplotypes first differ
        start += same
    first, last = start - radius, start + variant.length + radius
    if (
        oracle.is_causal
    ):  # to the window's end, in whole tokens from the site onwards, at least the radius
        k = oracle.k_letters
        right = max(width // k * k - site // k * k, -(-(last - start) // k) * k)
        first, last, site = start, start + right, 0
    place = np.arange(max(first, 0), max(0, min(last, *(len(one) for one in read))))
    place = place[(read[0][place] < N) & (read[1][place] < N)]
    if not len(place):
        return 0.0
    offset = (site + place - start) % oracle.k_letters
    ref, alt = (
        np.log(oracle.distribution(one, place, offset)[np.arange(len(place)), one[place]]).sum()
        for one in read
    )
    return float(alt - ref)
