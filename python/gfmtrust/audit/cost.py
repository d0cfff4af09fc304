"""What a million variants cost with the model: passes, seconds, and money where a price is
given."""

from __future__ import annotations

import time

import numpy as np

from gfmtrust.audit.study import Study
from gfmtrust.audit.subject import Subject
from gfmtrust.core.contracts.audit import Statistic

REPEATS = 5
TIMED_BASES, FEWEST, MOST = 200_000, 4, 2000
"""Letters of one timing, and the windows that it has at least and at most: a timing of a few
milliseconds is that of the machine's other work."""
MILLION = 1_000_000
STUDENT = 2.776
"""97.5th percentile of Student's t with REPEATS - 1 degrees of freedom."""


def cost(study: Study, subject: Subject) -> list[Statistic]:
    """Passes and seconds per million SNVs on both strands, beside those of the context model."""
    rows = []
    of_model = per_million(subject)
    context = per_million(study.context)
    for label, measured, null in (
        ("the model", of_model, float(context.mean())),
        ("the context model", context, None),
    ):
        rows.append(_row(f"seconds, {label}", measured, null, "s"))
        if study.price_per_hour is not None:
            price = study.price_per_hour / 3600
            rows.append(
                _row(
                    f"price, {label}",
                    measured * price,
                    null and null * price,
                    "of the currency given",
                )
            )
    passes = float(subject.reader.passes_per_site("default", False) * MILLION)
    return [Statistic("passes", passes, passes, passes, None, 1, unit="windows"), *rows]


def per_million(subject: Subject) -> np.ndarray:
    """Seconds for a million SNVs, in each of REPEATS timings. The first batch is not timed, because
    it allocates."""
    windows = (
        np.random.default_rng(0)
        .integers(0, 4, (timed_windows(subject), subject.width))
        .astype(np.uint8)
    )
    site = subject.bundle.site_forward
    subject.site_answers(windows, site)
    views = subject.reader.passes_per_site("default", False) / subject.reader.passes_per_view
    seconds = []
    for _ in range(REPEATS):
        started = time.monotonic()
        subject.site_answers(windows, site)
        seconds.append((time.monotonic() - started) / timed_windows(subject) * views * MILLION)
    return np.array(seconds)


def timed_windows(subject: Subject) -> int:
    """Windows of one timing."""
    return min(MOST, max(FEWEST, TIMED_BASES // subject.width))


def _row(label: str, measured: np.ndarray, null: float | None, unit: str) -> Statistic:
    middle = float(measured.mean())
    half = STUDENT * float(measured.std(ddof=1)) / REPEATS**0.5
    return Statistic(
        label, middle, max(0.0, middle - half), middle + half, null, REPEATS, unit=unit
    )


def passes(study: Study, subject: Subject) -> int:
    return (REPEATS + 1) * timed_windows(subject) * subject.reader.passes_per_view
