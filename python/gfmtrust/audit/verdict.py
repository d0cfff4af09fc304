"""The audit in sentences. The first three are quoted by the report of a run."""

from __future__ import annotations

from collections.abc import Iterable

from gfmtrust.core.contracts.audit import Measured, Statistic

WORSE, SAME, COUNTS = 0.0, 0.1, 1.0


def verdict(measures: Iterable[Measured]) -> tuple[str, ...]:
    """Sentences about what was measured, most important first."""
    number = {
        (one.name, row.label): row
        for one in measures
        for row in one.statistics
        if row.value is not None
    }
    lines = [
        _skill(number.get(("league", "skill"))),
        _uniform(number),
        _context(number.get(("context_gain", "effective context")), number),
        _recall(number),
        _tandem(number),
        _twin(number.get(("league", "skill of the twin"))),
        _agreement(number),
    ]
    return tuple(line for line in lines if line)


def interval(row: Statistic, digits: int = 2) -> str:
    """'1.20 (1.10 to 1.30)'."""
    if row.value is None:
        return "no value"
    value = f"{row.value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")
    if row.low is None or row.high is None:
        return value
    ends = (f"{end:,.{digits}f}".replace("-", "\N{MINUS SIGN}") for end in (row.low, row.high))
    return f"{value} ({' to '.join(ends)})"


def _skill(row: Statistic | None) -> str:
    if row is None or row.low is None or row.high is None:
        return ""
    if row.low > COUNTS:
        meaning = "it predicts bases better than counts of this genome"
    elif row.high < WORSE:
        meaning = "it predicts bases worse than their composition alone"
    elif row.high < SAME:
        meaning = "it knows little more than the composition"
    elif row.high < COUNTS:
        meaning = "it knows something of the sequence, but less than counts of this genome"
    else:
        meaning = "it cannot be told from counts of this genome"
    return f"Skill {interval(row)}: {meaning}."


def _uniform(number: dict) -> str:
    share = number.get(("entropy", "near-uniform share"))
    gap = number.get(("calibration_gap", "surprisal minus entropy"))
    if share is None:
        return ""
    text = f"Nearly uniform at {interval(share)} of the bases"
    if gap is None or gap.low is None or gap.high is None:
        return f"{text}."
    sure = "too sure" if gap.low > 0 else "not sure enough" if gap.high < 0 else "as sure as right"
    return f"{text}; {sure}: surprisal minus entropy is {interval(gap, 3)} bits."


def _context(row: Statistic | None, number: dict) -> str:
    if ("context_gain", "gain of the whole window") not in number:
        return ""
    if row is None:
        return "Its context gives no gain."
    return f"Effective context {interval(row, 0)} bp on either side."


def _recall(number: dict) -> str:
    if not any(name == "copy" for name, _ in number):
        return ""
    row = number.get(("copy", "recall horizon"))
    if row:
        far = f"Copies are recalled up to a gap of {row.value:,.0f} bp"
    else:
        far = "No copy is recalled, after any gap"
    needles = [
        one for (name, label), one in number.items()
        if name == "needle" and label.startswith("exact match")
    ]  # fmt: skip
    best = max((one.value for one in needles), default=None)
    needle = "" if best is None else f"; a needle is found exactly in {best:.0%} at its best depth"
    return f"{far}{needle}."


def _tandem(number: dict) -> str:
    rows = [
        row for (name, _), row in number.items() if name == "tandem" and row.series == "exact match"
    ]
    if not rows:
        return ""
    tracked = [
        f"{row.x:g}"
        for row in rows
        if None not in (row.low, row.null_high) and row.low > row.null_high
    ]
    if not tracked:
        return "Tandem repeats are continued no better than by chance, at any period."
    if tracked == ["1"]:
        return (
            "Tandem repeats are continued better than by chance at period 1 bp alone, which repeats "
            "the last letter, as networks of random weights may."
        )
    places = f"period{'s' if len(tracked) > 1 else ''} {', '.join(tracked)} bp"
    return f"Tandem repeats are continued better than by chance at {places}."


def _twin(row: Statistic | None) -> str:
    if row is None or row.low is None or row.low <= 0:
        return ""
    return (
        f"The permuted twin has a skill of {interval(row)}, above 0: part of the skill comes from "
        "the architecture, not from what was learned."
    )


def _agreement(number: dict) -> str:
    rows = [
        row for (name, label), row in number.items()
        if name == "disagreement" and label.startswith("same first choice")
    ]  # fmt: skip
    if not rows:
        return ""
    shares = dict.fromkeys(f"{row.value:.0%}" for row in sorted(rows, key=lambda row: row.value))
    ends = list(shares)[:1] + list(shares)[1:][-1:]
    return (
        f"Other members prefer the same base at {' to '.join(ends)} of the bases "
        f"(by chance {rows[0].null:.0%})."
    )
