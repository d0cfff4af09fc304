"""The dependency map of a planted stem: does a letter of one arm decide its partner in the other?

e(i, j) is the largest change of the log2 odds of any letter at j when the letter at i is replaced. The
pairs of the stem are compared with the same places where the first arm is its mirror image, so that
the distance and the composition are equal. Source: Tomaz da Silva and others 2025.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gfmtrust.audit import numbers, planted
from gfmtrust.audit.archetypes import ARM, stem_points
from gfmtrust.audit.duel.scores import auroc
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.study import Study
from gfmtrust.audit.subject import TINY, Subject
from gfmtrust.core.contracts.audit import Statistic

LETTERS = 4
OUTER = 2
"""Pairs at either end of the arms that are not asked: they have a neighbour outside the stem."""


def stem_pairs(study: Study, subject: Subject) -> list[Statistic]:
    """AUROC of the dependency of stem pairs against that of equal places in the mirror control, at
    each loop."""
    rows = []
    for place, (label, loop, plant) in enumerate(stem_points(subject)):
        rng = study.rng(0xDE9, place)
        hay = planted.haystacks(study, subject.width, study.sizes.probes, rng)
        question = plant(hay, rng)
        end = planted.question_end(subject.width, subject.bundle.k)
        second = end - 1 - rng.integers(OUTER, ARM - OUTER, len(hay))
        first = 2 * end - 1 - 2 * ARM - int(loop) - second
        of_stem, of_control = (
            dependency(subject, windows, first, second)
            for windows in (question.windows, question.control)
        )
        finite = np.isfinite(of_stem) & np.isfinite(of_control)
        values = np.concatenate([of_stem[finite], of_control[finite]])
        is_stem = np.repeat([1.0, 0.0], finite.sum())
        if finite.sum() < 2:
            raise NotRun("fewer than two windows with an answer")
        area = _area(values, is_stem)
        rows.append(
            numbers.of_weights(
                f"AUROC, {label}", area, np.arange(finite.sum()), null=0.5,
                series="AUROC", x=float(loop),
            )
        )  # fmt: skip
    return rows


def dependency(
    subject: Subject, windows: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """e(first, second) of each window, bits (n,). first, second: int (n,), places."""
    index = second[:, None]
    before = _log_odds(subject.at(windows, index)[:, 0])
    largest = np.zeros(len(windows))
    rows = np.arange(len(windows))
    for step in range(1, LETTERS):
        changed = windows.copy()
        changed[rows, first] = (windows[rows, first] + step) % LETTERS
        after = _log_odds(subject.at(changed, index)[:, 0])
        largest = np.maximum(largest, np.abs(after - before).max(axis=1))
    return largest


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, TINY, 1 - TINY)
    return np.log2(p / (1 - p))


def _area(values: np.ndarray, is_stem: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda weights: float(auroc(np.tile(weights, 2)[None], values, is_stem)[0])


def passes(study: Study, subject: Subject) -> int:
    try:
        points = len(stem_points(subject))
    except NotRun:
        return 0
    return 2 * LETTERS * study.sizes.probes * points
