"""A replication of arXiv 2604.04287 on the user's genome: what was trained, measured and concluded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.audit import Measured, Statistic
from gfmtrust.core.contracts.base import Contract, entry


@dataclass(frozen=True)
class ClaimVerdict:
    """What the replication says of one claim of the paper."""

    claim: str = entry("C1 to C5")
    text: str = entry("the claim in words")
    verdict: str = entry("replicates, does not replicate, cannot be decided, or not tested")
    reason: str = entry("why, in a sentence")
    differences: tuple[Statistic, ...] = entry(
        "differences between text and DNA, positive where they agree with the claim"
    )


@dataclass(frozen=True)
class Size:
    """One row of the table of sizes."""

    name: str = entry("what it is the size of")
    here: str = entry("in this replication")
    published: str = entry("in the paper")


@dataclass(frozen=True)
class TrainedCorpus:
    """What the members of one corpus were trained on."""

    name: str = entry("6-mer, BPE, text or shuffled")
    origin: str = entry("where its letters are from, and how many")
    digest: str = entry("SHA-256 of its letters")
    vocabulary: int = entry("tokens")
    seen: int = entry("tokens that the training part has at least 20 times")


@dataclass(frozen=True)
class Replication(Contract):
    """The paper in miniature on one genome."""

    NAME: ClassVar[str] = "replicate.json"
    WRITER: ClassVar[str] = "gfmtrust audit replicate"

    genome: str = entry("file name of the genome")
    genome_digest: str = entry("digest of the genome")
    seed: int = entry("seed of all draws")
    sizes: tuple[Size, ...] = entry("sizes of this replication and of the paper")
    corpora: tuple[TrainedCorpus, ...] = entry("the corpora")
    verdicts: tuple[ClaimVerdict, ...] = entry("one for each claim")
    measures: tuple[Measured, ...] = entry("all statistics, by claim, tied and untied")
    tokens: int = entry("tokens that each member was trained on")
    members: int = entry("members that were trained or read, all corpora together")
    cpu_seconds: float = entry("CPU time of this run; members that were read cost nothing", "s")
    seconds: float = entry("wall-clock time of this run", "s")
    peak_bytes: int = entry("most memory of this run", "bytes")
