"""checks.json: the facts that CHECK_INPUTS collected about the genome and about every input
file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.warning_counts import CountedWarning


@dataclass(frozen=True)
class GenomeContig:
    """One sequence of the genome's FASTA."""

    name: str = entry("name in the FASTA")
    length: int = entry("length", "bp")
    md5: str = entry("MD5 of the upper-case sequence, as in SAM's M5")


@dataclass(frozen=True)
class CheckedGenome:
    """The genome of a run."""

    name: str = entry("file name of the FASTA")
    digest: str = entry("digest of all names, lengths and sequences")
    contigs: tuple[GenomeContig, ...] = entry(
        "the sequences in the order of the FASTA", factory=tuple
    )


@dataclass(frozen=True)
class Background:
    """The genome that the context model and the probes come from, where it is not the genome of the
    run."""

    name: str = entry("file name of the FASTA")
    digest: str = entry("digest of all names, lengths and sequences", default="")
    contigs: int = entry("number of sequences", default=0)
    known_bases: int = entry("bases that are A, C, G or T", "bp", default=0)
    sampled_words: int = entry("words of the genome that were searched for in it", default=0)
    shared_words: int = entry("those of them that it contains", default=0)


@dataclass(frozen=True)
class CheckedInput:
    """The facts about one VCF or BED, which is read completely before any model runs."""

    id: str = entry("name in the outputs")
    kind: str = entry("'vcf' or 'bed'")
    name: str = entry("file name")
    records: int = entry("records of a VCF, lines of a BED")
    alts: int = entry("ALT alleles of all records")
    no_alt: int = entry("records without an ALT allele")
    n_snv: int = entry("SNVs compared with the genome")
    n_snv_mismatch: int = entry("those of them whose REF is not the genome's base")
    n_ref: int = entry("records compared with the genome at the first base of REF", default=0)
    n_ref_mismatch: int = entry("those of them that differ there", default=0)
    sorted: bool = entry("whether the file is in the order of contigs and positions", default=True)
    warnings: tuple[CountedWarning, ...] = entry("counted warnings", factory=tuple)
    bytes: int = entry("size of the file", "bytes", default=0)
    sha256: str = entry("SHA-256 of the file as it was given", default="")


@dataclass(frozen=True)
class Checks(Contract):
    """The results of CHECK_INPUTS for all inputs."""

    NAME: ClassVar[str] = "checks.json"
    WRITER: ClassVar[str] = "CHECK_INPUTS"

    genome: CheckedGenome = entry("the genome")
    contig_map: dict[str, str] = entry(
        "contig name in an input -> name in the genome", factory=dict
    )
    contig_map_mode: str = entry("'none', 'auto' or 'file'", default="none")
    allow_mismatch: bool = entry(
        "whether the run goes on where contig names or the assembly do not fit", default=False
    )
    background: Background | None = entry("the other genome, if there is one", default=None)
    inputs: tuple[CheckedInput, ...] = entry("the files in the order given", factory=tuple)
    warnings: tuple[CountedWarning, ...] = entry(
        "warnings that do not concern a single input", factory=tuple
    )
