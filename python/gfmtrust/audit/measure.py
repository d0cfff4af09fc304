"""What a measure of the audit is: one entry of the table and one function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfmtrust.core.contracts.audit import Measured, Statistic

if TYPE_CHECKING:
    from gfmtrust.audit.study import Study
    from gfmtrust.audit.subject import Subject

MODEL, ARCHETYPES = "model", "archetypes"
"""The groups of measures, named as the commands that run them."""


class NotRun(Exception):
    """A measure that this model or this input does not allow. Its text is the reason, for
    people."""


@dataclass(frozen=True)
class Measure:
    """An entry of the table of measures.

    name, question, unit, null, reading: for people. function: (study, model) -> statistics; raises
    NotRun. passes: (study, model) -> windows that it runs beyond the common scores of the sites.
    x_label: the horizontal axis of its figure, '' without one. is_log: whether this axis has equal
    steps for equal factors.
    """

    name: str
    group: str
    question: str
    unit: str
    null: str
    reading: str
    function: Callable[[Study, Subject], list[Statistic]]
    passes: Callable[[Study, Subject], int] = lambda study, subject: 0
    x_label: str = ""

    def of(self, study: Study, subject: Subject) -> Measured:
        """The measure of one model, with the reason where it cannot be measured."""
        reason, statistics = "", ()
        try:
            statistics = tuple(self.function(study, subject))
        except NotRun as why:
            reason = str(why)
        return Measured(
            self.name,
            self.group,
            self.question,
            self.unit,
            self.null,
            self.reading,
            self.x_label,
            reason,
            statistics,
        )
