"""Spectra of substitutions for oracle genomes: how often each of the three alleles at each base is
drawn. SNVs only."""

from __future__ import annotations

import numpy as np

TRANSITION_OF = np.array([2, 3, 0, 1])  # A<->G, C<->T
A, C, G, T = range(4)


def germline(codes: np.ndarray) -> np.ndarray:
    """Return weights of a germline spectrum, float64 (n, 4), 0 for the base itself: transitions are
    four times as frequent as each transversion, and ten times as frequent again in a CpG."""
    weight = np.ones((len(codes), 4))
    rows = np.arange(len(codes))
    weight[rows, TRANSITION_OF[codes]] = 4
    left, right = _flanks(codes)
    methylated = ((codes == C) & (right == G)) | ((codes == G) & (left == C))
    weight[methylated, TRANSITION_OF[codes[methylated]]] = 40
    weight[rows, codes] = 0
    return weight


def apobec(codes: np.ndarray) -> np.ndarray:
    """Return weights of an APOBEC spectrum, float64 (n, 4), 0 for the base itself: TC to TT on
    either strand is 50 times as frequent as any other."""
    weight = np.ones((len(codes), 4))
    left, right = _flanks(codes)
    weight[(codes == C) & (left == T), T] = 50
    weight[(codes == G) & (right == A), A] = 50
    weight[np.arange(len(codes)), codes] = 0
    return weight


SPECTRA = {"germline": germline, "apobec": apobec}


def draw_snvs(
    codes: np.ndarray, spectrum: str, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return n SNVs at distinct positions of one contig: (pos int64 (n,) ascending, alt code uint8
    (n,)).

    They are drawn by weight without replacement (the smallest of exponential keys; Efraimidis and
    Spirakis 2006). Raises ValueError where the contig has fewer bases than n.
    """
    if n > len(codes):
        raise ValueError(f"n is {n}; expected at most the contig's {len(codes)} bases")
    weight = SPECTRA[spectrum](codes)
    keys = -np.log1p(-rng.random((len(codes), 4)))
    keys = np.divide(keys, weight, out=np.full_like(keys, np.inf), where=weight > 0)
    alt = keys.argmin(axis=1)
    pos = np.sort(np.argsort(keys.min(axis=1), kind="stable")[:n])
    return pos, alt[pos].astype(np.uint8)


def _flanks(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the letter before and after each; 4 beyond the ends."""
    padded = np.concatenate([[4], codes, [4]])
    return padded[:-2], padded[2:]
