"""manifest.json: the published files of a run with their digests. The Nextflow summary reads
`annotated`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.contracts.checks import Background, CheckedGenome
from gfmtrust.core.contracts.counts import PublishedFile
from gfmtrust.core.contracts.plan import PlanCounts


@dataclass(frozen=True)
class ManifestModel:
    """A model of the run."""

    id: str = entry("model id")
    sha256: str = entry("digest of its bundle")
    family: str = entry("family of the model")
    device: str = entry("devices and providers that it ran on")


@dataclass(frozen=True)
class ManifestCalibration:
    """A summary of the calibration."""

    set: str = entry("'decoy', or 'decoy+labels' where labels certify some of the flags")
    outcome: str = entry("what was certified, in words")
    seed: int = entry("seed of the splits")
    alpha_high: float = entry("error that HIGH may have")
    alpha_medium: float = entry("error that MEDIUM may have")
    delta: float = entry("chance that a certificate is wrong")
    shift: str = entry("state of the test for shift")


@dataclass(frozen=True)
class ManifestPlan:
    """A summary of the plan."""

    seed: int = entry("seed of all draws")
    counts: PlanCounts = entry("how much there was to score")


@dataclass(frozen=True)
class UniqueAlleles:
    """All distinct alleles of the run."""

    statuses: dict[str, int] = entry("alleles by status")
    ranks: dict[str, int] = entry("alleles by flag")


@dataclass(frozen=True)
class Manifest(Contract):
    """A finished run."""

    NAME: ClassVar[str] = "manifest.json"
    WRITER: ClassVar[str] = "REPORT"

    gfmtrust: str = entry("version of gfmtrust")
    genome: CheckedGenome = entry("the genome")
    background: Background | None = entry("the other genome, if there is one")
    models: tuple[ManifestModel, ...] = entry("the models in the order given")
    calibration: ManifestCalibration = entry("the calibration in short")
    plan: ManifestPlan = entry("the plan in short")
    unique_alleles: UniqueAlleles = entry("all distinct alleles of the run")
    annotated: tuple[dict, ...] = entry("the counts of every annotated file, without warnings")
    files: tuple[PublishedFile, ...] = entry(
        "every other file that is published before it, by name"
    )
    inputs: tuple[PublishedFile, ...] = entry(
        "every VCF and BED as it was given, by name", factory=tuple
    )
    labels_verdict: tuple[str, ...] = entry(
        "what the labels of --labels say of the run; empty without them", default=()
    )
