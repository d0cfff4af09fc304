"""The figures of the cohort benchmark: rates, growth, and what they come to for whole genomes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

Units = Literal["bases", "records", "alleles"]

GENOME: dict[int, dict[Units, float]] = {
    1: {"bases": 3.1e9, "records": 4.5e6, "alleles": 4.5e6},
    1000: {"bases": 3.1e9, "records": 4.5e9, "alleles": 4e7},
}
"""Assumed work of 1 and of 1,000 human genomes: 4.5 million records each (1000 Genomes, phase 3:
4.1 to 5.0 million), and 40 million distinct alleles of 1,000 (88 million in its 2,504 genomes)."""


MEASURABLE = 0.5
"""CPU seconds by which more work must cost more, so that a rate is read from the difference: what a
step costs for nothing varies by 0.2."""


@dataclass(frozen=True)
class StepCost:
    """What a step cost for n units of work: CPU seconds of all its tasks, and the largest peak of
    memory (GiB) and the most CPU seconds of one. samples: of the cohort, 0 for generated tables."""

    step: str
    samples: int
    units: Units
    n: int
    cpu_seconds: float
    peak_gib: float
    tasks: int
    longest: float

    def of(self, n: int) -> StepCost:
        """The same cost of another number of units."""
        return replace(self, n=n)


def line(costs: list[StepCost]) -> tuple[float, float]:
    """CPU seconds for nothing and for each unit, from the least and the most work of one step.

    Where the difference is below MEASURABLE, all seconds of the most work count for its units,
    which is too much: a bound, not a rate.
    """
    first, last = costs[0], costs[-1]
    seconds = last.cpu_seconds - first.cpu_seconds
    if seconds < MEASURABLE or last.n <= first.n:
        return 0.0, last.cpu_seconds / last.n
    per_unit = seconds / (last.n - first.n)
    return max(0.0, first.cpu_seconds - per_unit * first.n), per_unit


def is_bound(costs: list[StepCost]) -> bool:
    """Whether `line` gives a bound."""
    return line(costs)[1] == costs[-1].cpu_seconds / costs[-1].n


def growth(costs: list[StepCost]) -> float | None:
    """Growth exponent: slope of log CPU seconds, less those of the least work, over log work
    between the last two; None with fewer than three, or differences below MEASURABLE."""
    if len(costs) < 3:
        return None
    seconds = [cost.cpu_seconds - costs[0].cpu_seconds for cost in costs[-2:]]
    work = [cost.n - costs[0].n for cost in costs[-2:]]
    if min(seconds) < MEASURABLE or work[1] <= work[0]:
        return None
    return math.log(seconds[1] / seconds[0]) / math.log(work[1] / work[0])


def exponents(costs: list[StepCost]) -> dict[str, float]:
    """The growth exponent of each step that has one."""
    values = {step: growth(of_step) for step, of_step in by_step(costs).items()}
    return {step: value for step, value in values.items() if value is not None}


def by_step(costs: list[StepCost]) -> dict[str, list[StepCost]]:
    """The costs of each step, by work. Those of generated tables (samples 0) take the place of the
    runs' own, which are too small to tell a rate."""
    steps: dict[str, list[StepCost]] = {}
    for cost in costs:
        steps.setdefault(cost.step, []).append(cost)
    return {
        step: sorted(
            [row for row in rows if not row.samples] or rows, key=lambda row: (row.n, row.samples)
        )
        for step, rows in steps.items()
    }


def table(costs: list[StepCost]) -> str:
    """A table in Markdown: measured figures of the least and the most work, then CPU hours by
    arithmetic."""
    head = [
        "step",
        "least work, CPU s",
        "most work, CPU s",
        "CPU µs a unit",
        "peak GiB",
        "exponent",
    ]
    head += [f"{n:,} genome{'s' if n > 1 else ''}, CPU h (arithmetic)" for n in GENOME]
    rows, totals = [head, ["---"] * len(head)], dict.fromkeys(GENOME, 0.0)
    for step, of_step in by_step(costs).items():
        value, bound = growth(of_step), "at most " * is_bound(of_step)
        hours = {n: genome_hours(of_step, n) for n in GENOME}
        totals = {n: totals[n] + hours[n] for n in GENOME}
        rows.append(
            [
                f"`{step}`",
                *(
                    f"{row.cpu_seconds:.1f} ({row.n:,} {row.units})"
                    for row in (of_step[0], of_step[-1])
                ),
                f"{bound}{1e6 * line(of_step)[1]:,.2f}",
                f"{max(row.peak_gib for row in of_step):.2f}",
                "–" if value is None else f"{value:.2f}",
                *(f"{bound}{hours[n]:,.1f}" for n in GENOME),
            ]
        )
    rows.append(["all", *[""] * 5, *(f"{totals[n]:,.1f}" for n in GENOME)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def genome_hours(costs: list[StepCost], n_genomes: int) -> float:
    """CPU hours of a step for whole genomes, by `line` and GENOME; `annotate_vcf` starts once for
    each genome."""
    start, per_unit = line(costs)
    n_starts = n_genomes if costs[-1].step == "annotate_vcf" else 1
    return (start * n_starts + per_unit * GENOME[n_genomes][costs[-1].units]) / 3600
