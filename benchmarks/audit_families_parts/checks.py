"""What an audit of random weights must show: which numbers beat their null, and whether every null is
at the value that is known without any model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gfmtrust.audit.archetypes import PAIRS, PERIODS
from gfmtrust.audit.planted import ASKED, PAIR_VALUE
from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.contracts.audit import Audit, Statistic

TWO_SIDED = 0.025
GUESS = 2.0
"""Bits per letter of a guess."""
KNOWLEDGE = {
    ("league", "skill"): 1,
    ("league", "skill of the twin"): 1,
    ("context_gain", "gain of the whole window"): 1,
    ("memorisation", "difference of the two"): 1,
}
"""Numbers that weights which learned nothing must not show: (measure, label) -> 1 where more is better."""
SERIES = {
    "exact match": 1,
    "bits per letter": -1,
    "AUROC": 1,
    "behind the insertion": 1,
}
"""The same for each point of a figure: series -> 1 where more is better."""
AGREEMENT = ("strands", "shifts", "disagreement", "embeddings_of_strands", "embeddings_of_members", "static_embeddings")  # fmt: skip
"""Measures of how alike two answers are. Two random networks of one architecture read the same
letters, so that their answers may agree more often than by chance: these may beat their null."""
LOWER = (
    "other base preferred",
    "sd of the LLR",
    "sign of the LLR",
    "divergence",
    "Procrustes",
    "effective rank",
)
"""Beginnings of labels of which less is more alike."""


@dataclass(frozen=True)
class Beaten:
    """A number that beats its null."""

    measure: str
    row: Statistic
    is_agreement: bool

    def __str__(self) -> str:
        row = self.row
        return (
            f"{self.measure}: {row.label} {row.value:.3f} ({row.low:.3f} to {row.high:.3f}), "
            f"null {row.null:.3f}"
        )


def beaten(audit: Audit) -> tuple[list[Beaten], int]:
    """The numbers whose interval lies beyond their null and its range, and how many of KNOWLEDGE and
    SERIES were compared."""
    rows, compared = [], 0
    for measured in audit.measures:
        is_agreement = measured.name in AGREEMENT
        for row in measured.statistics:
            way = -1 if row.label.startswith(LOWER) else 1
            if not is_agreement:
                way = KNOWLEDGE.get((measured.name, row.label), SERIES.get(row.series, 0))
                compared += bool(way)
            if way and _beats(row, way):
                rows.append(Beaten(measured.name, row, is_agreement))
    return rows, compared


def _beats(row: Statistic, way: int) -> bool:
    ends = (row.low, row.high, row.null)
    if None in ends:
        return False
    low, high, null = ends
    if way > 0:
        return low > (null if row.null_high is None else row.null_high)
    least = null if row.null_low is None else row.null_low
    # more bits than those of a guess are no knowledge, even where the control has still more
    return high < (min(least, GUESS) if row.series == "bits per letter" else least)


@dataclass(frozen=True)
class Expected:
    """The nulls of one kind: where they must be, where they are, and how many are not there by more
    than their interval allows."""

    name: str
    value: str
    low: float
    high: float
    n: int
    elsewhere: int


def nulls(audits: Iterable[Audit]) -> list[Expected]:
    """Every kind of null whose value is known without a model."""
    kinds: dict[tuple[str, str], list[tuple[float, bool]]] = {}
    for audit in audits:
        for measured in audit.measures:
            for row in measured.statistics:
                if row.null is not None and (one := _expected(measured.name, row)):
                    kinds.setdefault(one[:2], []).append((row.null, one[2]))
    return [
        Expected(
            name,
            value,
            min(null for null, _ in rows),
            max(null for null, _ in rows),
            len(rows),
            sum(not there for _, there in rows),
        )
        for (name, value), rows in kinds.items()
    ]


def _expected(measure: str, row: Statistic) -> tuple[str, str, bool] | None:
    """The kind of a null, its known value, and whether it is there; None where none is known."""
    if row.series == "exact match":
        letters = _letters(measure, row)
        chance = 4.0**-letters
        k = round((row.null or 0.0) * row.n)
        is_there = lower_bound(k, row.n, TWO_SIDED) <= chance <= upper_bound(k, row.n, TWO_SIDED)
        kind = f"exact match of the control, letters asked: {letters}"
        return kind, f"{chance:.2g}", is_there
    if row.series == "bits per letter":
        return "bits per letter of the control", "2 or more", (row.null_high or 0.0) >= 2
    if row.label.startswith("CKA"):
        return "CKA, permuted", "0", _covers(row, 0.0)
    if "nearest neighbours shared" in row.label:
        k = int(row.label.split(" ")[0])
        chance = k / (row.n - 1)
        return "nearest neighbours shared, permuted", f"{chance:.3f}", _covers(row, chance)
    if row.label == "correlation of the LLR":
        return "correlation of the LLR of both strands, permuted", "0", _covers(row, 0.0)
    return None


def _letters(measure: str, row: Statistic) -> int:
    """Letters that are asked together."""
    if measure == "pairs":
        assert row.x in PAIRS
        return PAIR_VALUE
    if measure == "tandem":
        assert row.x in PERIODS
        return min(ASKED, int(row.x or 0))
    return ASKED // 2 if measure == "stem" else ASKED


def _covers(row: Statistic, value: float) -> bool:
    return row.null_low is not None and row.null_low <= value <= (row.null_high or 0.0)
