"""plan.json: the plan of PLAN_SITES, and the rules by which the probes were drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.contracts.checks import Background


@dataclass(frozen=True)
class PlannedContig:
    """A contig of the user's genome."""

    name: str = entry("name in the FASTA")
    length: int = entry("length", "bp")


@dataclass(frozen=True)
class PlanCounts:
    """The number of sites and variants to score. The Nextflow progress lines read these names."""

    spellings: int = entry("distinct records over all inputs", default=0)
    alleles: int = entry("distinct single alleles over all inputs", default=0)
    allele_status: dict[str, int] = entry("alleles by status before scoring", factory=dict)
    snv_sites: int = entry("sites of SNVs that are to be scored", default=0)
    variant_sites: int = entry("sites to score for a SNV", default=0)
    probe_sites: int = entry("sites to score for a probe", default=0)
    region_bases: int = entry("sites to score for a region", "bp", default=0)
    sites: int = entry("sites to score, each once", default=0)
    shards: int = entry("shards of sites", default=0)
    control_sites: int = entry("sites of the negative controls, over all of them", default=0)
    variants: int = entry("variants of the run that are not SNVs", default=0)
    variant_probes: int = entry("probes of their classes", default=0)
    probes: int = entry("probes of SNVs", default=0)
    heldout_probes: int = entry("further probes of SNVs on the held-out contigs", default=0)


@dataclass(frozen=True)
class Plan(Contract):
    """The plan of a run."""

    NAME: ClassVar[str] = "plan.json"
    WRITER: ClassVar[str] = "PLAN_SITES"

    counts: PlanCounts = entry("how much there is to score")
    seed: int = entry("seed of all draws")
    genome_digest: str = entry("digest of the genome")
    contigs: tuple[PlannedContig, ...] = entry("contigs of the genome, in order")
    shard_size: int = entry("sites of a shard", default=0)
    block_bp: int = entry("length of a calibration block", "bp", default=0)
    usable_bp: int = entry("bases that a probe could be drawn from", "bp", default=0)
    spectrum: str = entry(
        "'run' or 'default': the substitutions that the probes imitate", default="run"
    )
    matched_surprisal: bool = entry(
        "whether the probes are spread over the run's local surprisal", default=False
    )
    merged: dict[str, int] = entry(
        "number of probes for which each property was ignored", factory=dict
    )
    soft_masked: bool = entry(
        "whether any candidate for a probe is in lower case; where none is, repeats are known from "
        "the copy index alone",
        default=True,
    )
    substitutions: dict[str, int] = entry("SNVs of the run by substitution", factory=dict)
    regions: tuple[str, ...] = entry("names of the BED files", factory=tuple)
    region_classes: tuple[str, ...] = entry("those that are region classes", factory=tuple)
    region_digests: dict[str, str] = entry(
        "digest of the bases of each region class, by its name", factory=dict
    )
    background: Background | None = entry("the genome that the probes come from", default=None)
    heldout_contigs: tuple[str, ...] = entry(
        "held-out contigs, on which further probes were drawn", factory=tuple
    )
    contig_map: dict[str, str] = entry(
        "contig name in an input -> name in the genome", factory=dict
    )
    allow_mismatch: bool = entry(
        "whether names or the assembly were allowed to differ", default=False
    )
