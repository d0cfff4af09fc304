"""The duel in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from gfmtrust.audit.duel.contest import CNN, RIDGE
from gfmtrust.audit.verdict import interval
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.contracts.duel import Competitor


def verdict(
    competitors: Sequence[Competitor], last: dict[str, Statistic], differences: Sequence[Statistic]
) -> tuple[str, ...]:
    """Sentences: the simple models, then each model against them and against its twin. last: the
    numbers with all training examples, by the name of the competitor."""
    difference_of = {(one.label, one.series): one for one in differences}
    standard = CNN if CNN in last else RIDGE
    simple = " and ".join(f"{name} {interval(last[name])}" for name in (CNN, RIDGE) if name in last)
    lines = [f"Simple models, trained on the labels alone: {simple}."]
    if not any(_above_null(row) for row in last.values()):
        lines.append(
            "No competitor is above the same training on permuted labels: these labels cannot be "
            "predicted across elements by any of them, so that they tell no model from another."
        )
    for bundle in dict.fromkeys(one.bundle for one in competitors if one.kind == "probe"):
        probes = [one for one in competitors if one.kind == "probe" and one.bundle == bundle]
        best = max(probes, key=lambda one: last[one.name].value or float("-inf"))
        row = difference_of.get((best.name, f"minus {standard}"))
        lines.append(
            f"{best.name} is the best of {len(probes)} probes of this model with "
            f"{interval(last[best.name])}: {_against(row, f'the {standard}')}."
        )
        twin = difference_of.get((best.name, "minus permuted weights"))
        if twin is not None:
            lines.append(
                f"The same on permuted weights of {bundle} has {interval(last[best.twin])}: the "
                f"trained weights are {_against(twin, 'the permuted ones')}."
            )
    return tuple(lines)


def _above_null(row: Statistic) -> bool:
    highest = row.null if row.null_high is None else row.null_high
    return row.low is not None and highest is not None and row.low > highest


def _against(row: Statistic | None, other: str) -> str:
    if row is None or row.low is None or row.high is None:
        return f"it cannot be compared with {other}"
    word = (
        "better than"
        if row.low > 0
        else "worse than"
        if row.high < 0
        else "not distinguishable from"
    )
    return f"{word} {other}, by {interval(row)}"
