"""The call of an allele: whether its LLR says that it has an effect. A score is compared with a
cut-off; a larger distance from the cut-off supports the call more.

Labels in words ask whether ALT is harmful, so the score is -LLR. Measured effect sizes may have
either direction, so their score is |LLR|.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.ranking import roc_curve


def effect_score(llr: np.ndarray, by_size: bool) -> np.ndarray:
    """Score of an effect, nats (n,); higher means a larger effect. It is |LLR| where an effect may
    have either direction (`by_size`), else -LLR."""
    return np.abs(llr) if by_size else -llr


def best_cut(label: np.ndarray, score: np.ndarray) -> float:
    """The cut-off with the largest sum of sensitivity and specificity (Youden 1950), midway to the
    next lower score. Alleles of label 1 are expected above it."""
    false, true = roc_curve(label, score)
    levels = np.unique(score)[::-1]
    best = int(np.argmax((true - false)[1:]))
    return float((levels[best] + levels[min(best + 1, len(levels) - 1)]) / 2)
