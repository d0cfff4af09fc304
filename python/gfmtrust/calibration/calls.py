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


def steady_cut(label: np.ndarray, score: np.ndarray) -> float:
    """The middle of the cut-offs whose sum of sensitivity and specificity is the largest, or less
    by at most one standard error. Single alleles decide on the largest alone; chance moves the
    middle of all that are as good much less."""
    false, true = roc_curve(label, score)
    total = (true - false)[1:]
    n_effect = int((label == 1).sum())
    best = int(np.argmax(total))
    sensitivity, fall_out = true[best + 1], false[best + 1]
    error = np.sqrt(
        sensitivity * (1 - sensitivity) / n_effect
        + fall_out * (1 - fall_out) / (len(label) - n_effect)
    )
    levels = np.unique(score)[::-1]
    as_good = np.flatnonzero(total >= total[best] - error)
    return float((levels[as_good[0]] + levels[min(as_good[-1] + 1, len(levels) - 1)]) / 2)
