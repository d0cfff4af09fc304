"""A call: does the LLR say that an allele has an effect? A score against a cut; how far from it
speaks for the call.

Words as labels ask whether ALT fits, so -LLR speaks for an effect; the size of an effect is of
either direction, so |LLR| does.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.ranking import roc_curve


def effect_score(llr: np.ndarray, by_size: bool) -> np.ndarray:
    """What a model says of an effect, nats (n,), higher for more: |LLR| of an effect of either
    direction, else -LLR."""
    return np.abs(llr) if by_size else -llr


def best_cut(label: np.ndarray, score: np.ndarray) -> float:
    """The cut with the largest sum of sensitivity and specificity (Youden 1950), midway to the next
    score below; label 1 is above it."""
    false, true = roc_curve(label, score)
    levels = np.unique(score)[::-1]
    best = int(np.argmax((true - false)[1:]))
    return float((levels[best] + levels[min(best + 1, len(levels) - 1)]) / 2)
