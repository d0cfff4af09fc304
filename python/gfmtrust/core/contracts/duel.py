"""The duel of simple supervised models with the probes of models, on the labels of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.audit import AuditedModel, Statistic
from gfmtrust.core.contracts.base import Contract, entry


@dataclass(frozen=True)
class Competitor:
    """One way of predicting the labels from sequence."""

    name: str = entry("what it is, for people; the series of its numbers")
    kind: str = entry("simple, probe, or twin")
    bundle: str = entry("id of the model that it reads through; '' for a simple model")
    twin: str = entry("name of the same competitor with permuted weights; '' where it has none")


@dataclass(frozen=True)
class LeftOut:
    """A competitor, or all of a model, that was not run."""

    name: str = entry("what was not run")
    reason: str = entry("why")


@dataclass(frozen=True)
class Published:
    """A published result to hold against."""

    model: str = entry("the published model")
    hepg2: float = entry("Pearson correlation, lentiMPRA of HepG2")
    k562: float = entry("Pearson correlation, lentiMPRA of K562")


@dataclass(frozen=True)
class Duel(Contract):
    """What simple supervised models and models' probes are worth on the same labels and folds."""

    NAME: ClassVar[str] = "duel.json"
    WRITER: ClassVar[str] = "audit duel"

    labels: str = entry("file name of the labels")
    labels_sha256: str = entry("digest of the file of the labels")
    kind: str = entry("alleles or sequences")
    score: str = entry("Pearson correlation, or AUROC for labels 0 and 1")
    examples: int = entry("labelled examples")
    elements: int = entry("elements or blocks that folds are made of")
    folds: int = entry("folds of whole elements")
    sizes: tuple[int, ...] = entry("training examples of each point of the learning curve")
    interval_mode: str = entry(
        "across_loci: elements were drawn; within_loci: examples within each of fewer than 20 elements"
    )
    left_out_labels: str = entry("labels that were not used, as a sentence")
    genome: str = entry("file name of the genome; '' without one")
    seed: int = entry("seed of all draws")
    models: tuple[AuditedModel, ...] = entry("the models")
    competitors: tuple[Competitor, ...] = entry("all competitors that were run")
    curves: tuple[Statistic, ...] = entry("score by competitor (series) and training examples (x)")
    differences: tuple[Statistic, ...] = entry("paired differences with all training examples")
    untrained: tuple[Statistic, ...] = entry("LLRs of the models against the labels, no training")
    not_run: tuple[LeftOut, ...] = entry("what was not run, with the reason")
    published: tuple[Published, ...] = entry("published results to hold against")
    published_source: str = entry("where the published results are from")
    passes: int = entry("windows that were run through models and twins")
    trainings: int = entry("trainings of ridge regressions and networks")
    seconds: float = entry("wall-clock time", "s")
    verdict: tuple[str, ...] = entry("the duel in sentences")

    def last(self, name: str) -> Statistic | None:
        """The score of a competitor with the largest training sets; None where it has none."""
        rows = [one for one in self.curves if one.series == name and one.value is not None]
        return max(rows, key=lambda one: one.x or 0.0, default=None)
