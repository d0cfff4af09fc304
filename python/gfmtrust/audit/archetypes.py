"""Archetypes: can the model recall, copy, fold and count? Each probe asks letters that only a planted
source determines, and asks them again where the source is another one.

Exact match stands beside likelihood: all letters asked must be the most likely ones. A masked model
answers them masked together, a causal model one after the other from the true letters before it,
which gives the same exact match as greedy decoding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gfmtrust.audit import numbers, planted
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.planted import KEY, PAIR_KEY, PAIR_VALUE, VALUE, Planted
from gfmtrust.audit.study import Study
from gfmtrust.audit.subject import Subject, bits
from gfmtrust.core.contracts.audit import Statistic

DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
GAPS = (0, 64, 256, 1024, 4096, 16384)
DISTRACTORS = (4, 2, 1)
PAIRS = (2, 4, 8, 16, 32, 64)
PERIODS = (1, 2, 3, 5, 8, 13, 21, 34, 60)
LOOPS = (4, 8, 16, 32)
KILOBASES = (1, 2, 4, 8, 16, 32, 64)
UNIT, ARM = 64, 12
COPIES = 8
LEAST_REPEAT = 24
"""Letters that a tandem repeat has where the window allows: short units have more copies."""
HORIZON_BITS = 0.5
"""Bits per letter below which a copy counts as recalled."""

Point = tuple[str, float, Callable[[np.ndarray, np.random.Generator], Planted]]
"""Label, place on the axis, and the function that plants the question in haystacks."""


def asked(study: Study, subject: Subject, number: int, points: list[Point]) -> list[Statistic]:
    """Exact match and bits per letter at each point, each with its control. number: of the probe,
    for its seed."""
    rows = []
    for place, (label, x, plant) in enumerate(points):
        rng = study.rng(0xA2C, number, place)
        hay = planted.haystacks(study, subject.width, study.sizes.probes, rng)
        question = plant(hay, rng)
        index = np.repeat(question.asked[None], len(hay), axis=0)
        real = question.windows[:, question.asked]
        right, surprisal = answered(subject, question.windows, index, real)
        other_right, other_bits = answered(subject, question.control, index, real)
        control = numbers.share("", other_right), numbers.mean_of_probes("", other_bits)
        rows += [
            numbers.share(
                f"exact match, {label}", right, null=control[0].value, null_low=control[0].low,
                null_high=control[0].high, unit="share", series="exact match", x=x,
            ),
            numbers.mean_of_probes(
                f"bits per letter, {label}", surprisal, null=control[1].value,
                null_low=control[1].low, null_high=control[1].high, unit="bits",
                series="bits per letter", x=x,
            ),
        ]  # fmt: skip
    return rows


def answered(
    subject: Subject, windows: np.ndarray, index: np.ndarray, real: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether all letters asked are the most likely ones, bool (n,), and their mean surprisal, bits
    (n,). A letter that is as likely as another is not right."""
    probs = subject.at(windows, index)
    p = np.take_along_axis(probs, real[..., None].astype(np.int64), axis=2)[..., 0]
    above = (probs >= p[..., None] - 1e-9).sum(axis=2) == 1
    return above.all(axis=1), bits(probs, real).mean(axis=1)


def _end(subject: Subject) -> int:
    return planted.question_end(subject.width, subject.bundle.k)


def _some(points: list[Point], subject: Subject, needed: int) -> list[Point]:
    if not points:
        raise NotRun(
            f"a window of {subject.width} bp is shorter than the probe, which needs {needed} bp"
        )
    return points


def depth_points(subject: Subject) -> list[Point]:
    """The needle at each depth of the haystack: 0 is the start of the window, 1 beside the
    question."""
    end, length = _end(subject), KEY + VALUE
    furthest = end - 2 * length
    points: list[Point] = [
        (
            f"depth {depth:g}",
            depth,
            lambda hay, rng, depth=depth: planted.needle(
                hay, length + round((1 - depth) * furthest), end, rng
            ),
        )
        for depth in DEPTHS
        if furthest >= 0
    ]
    return _some(points, subject, 2 * length * 8 // 7 + 1)


def distractor_points(subject: Subject) -> list[Point]:
    """The needle at the start of the window, with a distractor between it and the question."""
    end, length = _end(subject), KEY + VALUE
    distance = end - length
    points: list[Point] = [
        (
            f"distractor {mutated} letters away",
            float(mutated),
            lambda hay, rng, mutated=mutated: planted.needle(hay, distance, end, rng, mutated),
        )
        for mutated in DISTRACTORS
        if distance >= 2 * length
    ]
    return _some(points, subject, 3 * length * 8 // 7 + 1)


def unit_of(subject: Subject) -> int:
    return min(UNIT, subject.width // 4)


def copy_points(subject: Subject, how: str) -> list[Point]:
    """A unit, a gap, the unit again."""
    end, unit = _end(subject), unit_of(subject)
    gaps = sorted({0, 8, 16, 32, *GAPS})
    points: list[Point] = [
        (
            f"gap {gap} bp",
            float(gap),
            lambda hay, rng, gap=gap: planted.repeated(hay, unit, gap, end, rng, how),
        )
        for gap in gaps
        if end - 2 * unit - gap >= 0 and unit >= 2 * VALUE
    ]
    return _some(points, subject, 8 * VALUE)


def stem_points(subject: Subject) -> list[Point]:
    end = _end(subject)
    points: list[Point] = [
        (
            f"loop {loop} bp",
            float(loop),
            lambda hay, rng, loop=loop: planted.repeated(hay, ARM, loop, end, rng, "inverted"),
        )
        for loop in LOOPS
        if end - 2 * ARM - loop >= 0
    ]
    return _some(points, subject, (2 * ARM + LOOPS[0]) * 8 // 7 + 1)


def pair_points(subject: Subject) -> list[Point]:
    end, length = _end(subject), PAIR_KEY + PAIR_VALUE
    points: list[Point] = [
        (
            f"{n} pairs",
            float(n),
            lambda hay, rng, n=n: planted.pairs(hay, n, end, rng),
        )
        for n in PAIRS
        if end - length * (n + 1) >= 0
    ]
    return _some(points, subject, length * (PAIRS[0] + 1) * 8 // 7 + 1)


def tandem_points(subject: Subject) -> list[Point]:
    end = _end(subject)
    points: list[Point] = [
        (
            f"period {unit} bp",
            float(unit),
            lambda hay, rng, unit=unit: planted.tandem(
                hay, unit, min(max(COPIES, LEAST_REPEAT // unit), end // unit), end, rng
            ),
        )
        for unit in PERIODS
        if end // unit >= 2
    ]
    return _some(points, subject, 3)


def long_points(subject: Subject) -> list[Point]:
    """The needle at 1 to 64 kb."""
    end, length = _end(subject), KEY + VALUE
    points: list[Point] = [
        (
            f"distance {kb} kb",
            float(kb),
            lambda hay, rng, kb=kb: planted.needle(hay, kb * 1000, end, rng),
        )
        for kb in KILOBASES
        if end - length - kb * 1000 >= 0
    ]
    return _some(points, subject, (1000 + length) * 8 // 7 + 1)


def recall_copy(study: Study, subject: Subject) -> list[Statistic]:
    """The copy after a gap, and the recall horizon: the longest gap after which it is recalled."""
    rows = asked(study, subject, 2, copy_points(subject, "copy"))
    return [*rows, horizon([row for row in rows if row.series == "bits per letter"])]


def horizon(rows: list[Statistic]) -> Statistic:
    """The longest gap up to which every copy has fewer than HORIZON_BITS bits per letter;
    undefined where not even the shortest gap has. Its interval is that of the copies' upper and
    lower ends."""

    def longest(ends: list[float | None]) -> float | None:
        reached = None
        for row, end in zip(rows, ends, strict=True):
            if end is None or end >= HORIZON_BITS:
                break
            reached = row.x
        return reached

    low, value, high = (
        longest([getattr(row, name) for row in rows]) for name in ("high", "value", "low")
    )
    return Statistic(
        "recall horizon", value, low, high, None, sum(row.n for row in rows), unit="bp"
    )


def probe(number: int, points: Callable[[Subject], list[Point]]):
    """The function of a measure, and that of its passes, for questions that differ by one
    number."""

    def measured(study: Study, subject: Subject) -> list[Statistic]:
        return asked(study, subject, number, points(subject))

    def passes(study: Study, subject: Subject) -> int:
        try:
            return 2 * study.sizes.probes * len(points(subject))
        except NotRun:
            return 0

    return {"function": measured, "passes": passes}
