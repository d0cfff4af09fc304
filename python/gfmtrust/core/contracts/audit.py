"""The audit of one model on one genome: what was measured, with its null and its interval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.errors import ConfigurationError, message


@dataclass(frozen=True)
class Statistic:
    """One number of an audit, with its 95 % interval and its null."""

    label: str = entry("what the number is, for people")
    value: float | None = entry("the number; none where it is undefined")
    low: float | None = entry("lower end of the 95 % interval")
    high: float | None = entry("upper end of the 95 % interval")
    null: float | None = entry("the number where the model knows nothing of what is asked")
    n: int = entry("sites, windows or probes that it is computed from")
    null_low: float | None = entry("lower end of the null's 95 % range", default=None)
    null_high: float | None = entry("upper end of the null's 95 % range", default=None)
    unit: str = entry("unit, where it is not that of the measure", default="")
    series: str = entry("line of the figure that the number belongs to", default="")
    x: float | None = entry("place of the number on the figure's horizontal axis", default=None)


@dataclass(frozen=True)
class Measured:
    """One measure of an audit."""

    name: str = entry("name of the measure")
    group: str = entry("model or archetypes: the command that measures it")
    question: str = entry("the question that it answers")
    unit: str = entry("unit of its numbers")
    null: str = entry("what the null is")
    reading: str = entry("how to read the numbers")
    x_label: str = entry("horizontal axis of its figure; '' where it has none")
    reason: str = entry("why it was not run; '' where it was")
    statistics: tuple[Statistic, ...] = entry("the numbers; none where it was not run")


@dataclass(frozen=True)
class AuditedModel:
    """The model that an audit is about."""

    id: str = entry("id of the model")
    family: str = entry("family of the model")
    bundle_sha256: str = entry("digest that stands for the whole bundle")
    window_bp: int = entry("letters that the model reads around a site", "bp")
    n_parameters: int = entry("parameters of the network")


@dataclass(frozen=True)
class Audit(Contract):
    """What one model knows about one genome."""

    NAME: ClassVar[str] = "audit.json"
    WRITER: ClassVar[str] = "AUDIT"

    model: AuditedModel = entry("the model")
    members: tuple[str, ...] = entry("ids of all models that were audited together")
    genome: str = entry("file name of the genome")
    genome_digest: str = entry("digest of the genome")
    seed: int = entry("seed of all draws")
    device: str = entry("device that the network ran on")
    passes: int = entry("windows that were run through this model and its permuted twin")
    seconds: float = entry("wall-clock time of the audit of this model", "s")
    measures: tuple[Measured, ...] = entry("the measures in the order of the table of measures")
    verdict: tuple[str, ...] = entry(
        "the audit in sentences; a run's report quotes the first three"
    )

    def require(self, path: Path, bundle_sha256: str, genome_digest: str | None = None) -> None:
        """Raise ConfigurationError (78) where this audit is about another bundle, or another
        genome. path: of its file; genome_digest: None where any genome is accepted."""
        for what, seen, expected in (
            ("bundle", self.model.bundle_sha256, bundle_sha256),
            ("genome", self.genome_digest, genome_digest),
        ):
            if expected is not None and seen != expected:
                raise ConfigurationError(
                    message(
                        str(path),
                        f"audit of {what} {seen[:12]}",
                        f"{what} {expected[:12]}",
                        "audit this one in another folder, or remove the file",
                    )
                )

    def measure(self, name: str) -> Measured | None:
        """The measure of that name; None where the audit has none."""
        return next((one for one in self.measures if one.name == name), None)

    def number(self, name: str, label: str) -> Statistic | None:
        """One number by the name of its measure and its label; None where the audit has none."""
        measured = self.measure(name)
        rows = measured.statistics if measured else ()
        return next((row for row in rows if row.label == label and row.value is not None), None)
