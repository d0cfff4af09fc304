"""Frame-shift recovery: does the model follow the reading frame of a gene, and how soon does it follow a
shifted one?

A stop-free open reading frame whose third letters are mostly G or C; one base is inserted in its
middle. A model that tracks the frame gives more probability to G and C at the third letters of the
new frame than at the other letters. So does one random network in two, because the letters round a third
letter have another composition than those round a first one, and any filter of them answers
accordingly, in one direction or the other. The null is therefore the range of permuted twins.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gfmtrust.audit import numbers
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.study import Study
from gfmtrust.audit.subject import Subject
from gfmtrust.core.contracts.audit import Statistic

GC3 = 0.9
STOPS = (48, 50, 56)
"""Codes of TAA, TAG and TGA as numbers of base 4."""
BIN = 12
"""Letters of a bin of the distance from the insertion."""
TWINS, STUDENT = 4, 2.776
"""Permuted twins, whose mean is known to be 0, and the 97.5th percentile of Student's t with as many
degrees of freedom."""
SAME = 1e-6
"""A twin whose probabilities all differ by less is the model itself."""
LEAST_WIDTH = 8 * BIN
IS_GC = np.array([False, True, True, False])


def open_frame(rng: np.random.Generator, n: int, codons: int) -> np.ndarray:
    """Random codons without stops whose third letter is G or C in nine of ten, codes uint8 (n, 3
    codons)."""
    first, second, third = np.meshgrid(*[np.arange(4)] * 3, indexing="ij")
    weight = np.where(IS_GC[third], GC3, 1 - GC3).ravel()
    weight[list(STOPS)] = 0
    drawn = rng.choice(64, (n, codons), p=weight / weight.sum())
    letters = np.stack([one.ravel()[drawn] for one in (first, second, third)], axis=2)
    return letters.reshape(n, 3 * codons).astype(np.uint8)


def shifted(rng: np.random.Generator, n: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames with one base inserted in the middle, codes uint8 (n, width), and the phase of every
    letter behind the insertion in its new frame, int (width,); 2 is the third letter of a codon.
    The phase before the insertion is that of the old frame."""
    frames = open_frame(rng, n, width // 3 + 1)
    at = width // 2
    inserted = rng.integers(0, 4, (n, 1)).astype(np.uint8)
    windows = np.concatenate([frames[:, :at], inserted, frames[:, at : width - 1]], axis=1)
    place = np.arange(width)
    return windows, np.where(place > at, place - 1, place) % 3


def recovery(study: Study, subject: Subject) -> list[Statistic]:
    """Probability of G or C at third letters minus that at the others, before the insertion and in
    bins behind it; the null is the range of permuted twins, or the same in windows with their
    letters shuffled where there is no twin."""
    width = subject.width
    if width < LEAST_WIDTH:
        raise NotRun(
            f"a window of {width} bp is shorter than the probe, which needs {LEAST_WIDTH} bp"
        )
    n, rng = study.sizes.probes, study.rng(0xF4A)
    windows, phase = shifted(rng, n, width)
    index = asked_letters(width)
    control = rng.permuted(windows, axis=1)
    gc = _gc(subject, windows, index)
    twins = [one for one in _of_twins(subject, windows, index) if np.abs(one - gc).max() > SAME]
    shuffled = None if len(twins) == TWINS else _gc(subject, control, index)
    middle, rows = width // 2, []
    distance = index - middle
    bins = [("before the insertion", -1.0, distance < 0)] + [
        (f"{low} to {low + BIN - 1} bp behind it", float(low), (distance > low) & (distance <= low + BIN))
        for low in range(0, int(distance.max()), BIN)
    ]  # fmt: skip
    for label, x, chosen in bins:
        third = phase[index[chosen]] == 2
        if not third.any() or third.all():
            continue
        value = _difference(gc[:, chosen], third)
        if shuffled is None:
            drawn = [float(_difference(one[:, chosen], third).mean()) for one in twins]
            half = STUDENT * float(np.sqrt(np.square(drawn).mean()))
            null = (0.0, -half, half)
        else:
            row = numbers.mean_of_probes("", _difference(shuffled[:, chosen], third))
            null = (row.value, row.low, row.high)
        rows.append(
            numbers.mean_of_probes(
                label, value, null=null[0], null_low=null[1], null_high=null[2],
                series="" if x < 0 else "behind the insertion", x=None if x < 0 else x,
            )
        )  # fmt: skip
    return rows


def _of_twins(subject: Subject, windows: np.ndarray, index: np.ndarray) -> Iterator[np.ndarray]:
    """The answers of permuted twins, none of a model that counts words."""
    if subject.bundle.quantity == "counts":
        return
    for draw in range(1, TWINS + 1):
        with subject.another_twin(draw) as twin:
            gc = _gc(twin, windows, index)
        if np.isfinite(gc).all():
            yield gc


def asked_letters(width: int) -> np.ndarray:
    """Letters whose probabilities are asked, one at a time: a codon in four before the insertion,
    and all behind it as far as three quarters of the window."""
    before = [i for i in range(width // 8, width // 2 - 3) if (i // 3) % 4 == 0]
    return np.array(
        [*before, *range(width // 2 + 1, min(3 * width // 4, width // 2 + 1 + 5 * BIN))]
    )


def _gc(subject: Subject, windows: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Probability of G or C at the letters asked, (n, P). A causal model answers all in one pass; a
    masked model masks every twelfth together."""
    n, gc = len(windows), np.empty((len(windows), len(index)))
    groups = [np.arange(len(index))] if subject.bundle.causal else [
        np.arange(start, len(index), BIN) for start in range(min(BIN, len(index)))
    ]  # fmt: skip
    for group in groups:
        asked = np.repeat(index[group][None], n, axis=0)
        gc[:, group] = subject.at(windows, asked)[..., IS_GC].sum(axis=2)
    return gc


def _difference(gc: np.ndarray, third: np.ndarray) -> np.ndarray:
    return gc[:, third].mean(axis=1) - gc[:, ~third].mean(axis=1)


def passes(study: Study, subject: Subject) -> int:
    if subject.width < LEAST_WIDTH:
        return 0
    windows = 2 if subject.bundle.quantity == "counts" else 1 + TWINS
    return windows * study.sizes.probes * (1 if subject.bundle.causal else BIN)
