"""The facts about one scored shard: the metadata of its score table, the metrics beside it, and the
stride of its region bases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.contracts.planned_shard import PlannedShard


@dataclass(frozen=True)
class ShardFacts(Contract):
    """The origin of a score table. It is stored in its metadata, because its file name has no
    meaning."""

    NAME: ClassVar[str] = "<model>.<shard>.parquet (table metadata)"
    WRITER: ClassVar[str] = "SCORE_SITES"

    shard: PlannedShard = entry("the shard that was scored")
    model: str = entry("id of the model")
    family: str = entry("family of the model")
    bundle_sha256: str = entry("digest that stands for the whole bundle")
    quantity: str = entry("output of the model: direct, kmer, counts or likelihood")
    views: tuple[tuple[str, int, str, int, tuple[int, int]], ...] = entry(
        "one entry per column of `probs`: model, member, strand, shift, letters left out at both ends"
    )
    rc_equivariant: bool = entry("both strands give the same answer by construction")
    precision: str = entry("numeric precision of the network")
    device: str = entry("device that the network ran on")
    window_bp: int = entry("letters that the model reads around a site", "bp")
    trained_bp: int = entry("longest window that the model was trained on", "bp")
    training: dict[str, tuple[str, ...]] = entry(
        "assemblies and contigs that the model states it was trained on, and contigs that were held "
        "out; empty where it states none"
    )
    gate: str = entry("passed or failed: the sanity check of the export")
    neighbours: bool = entry("the neighbours of each site were scored")
    opset: int = entry("ONNX operator set of the graph; 0 where there is none")


@dataclass(frozen=True)
class StrideCheck:
    """The difference between bases scored from tiles of one stride and the same bases scored one by
    one."""

    stride: int = entry("tokens from one masked token to the next")
    bases: int = entry("bases compared")
    p50: float = entry("median difference of the entropy", "bits")
    p99: float = entry("99th percentile of the difference of the entropy", "bits")


@dataclass(frozen=True)
class StrideChoice(Contract):
    """How the region bases of a model are scored in this run."""

    NAME: ClassVar[str] = "<model>.stride.json"
    WRITER: ClassVar[str] = "CHOOSE_STRIDE"

    model: str = entry("id of the model")
    asked: int = entry("the stride of --region_stride")
    stride: int = entry("the stride that is used; 1 scores every base on its own")
    checks: tuple[StrideCheck, ...] = entry("one per stride tried", default=())


@dataclass(frozen=True)
class ShardMetrics(Contract):
    """The resources that scoring one shard with one model used."""

    NAME: ClassVar[str] = "<model>.<shard>.metrics.json"
    WRITER: ClassVar[str] = "SCORE_SITES"

    model: str = entry("id of the model")
    shard: str = entry("name of the shard, for people")
    sites: int = entry("sites scored")
    requested_device: str = entry("device asked for")
    device: str = entry("device used")
    provider: str = entry("execution provider of ONNX Runtime, or `compiled law`")
    threads: int = entry("threads of the runtime")
    batch: int = entry("windows of one pass at the end")
    halvings: int = entry("times that the batch was halved for lack of memory")
    passes: int = entry("windows run")
    region_stride: StrideChoice = entry("how region bases were scored")
    tiled_sites: int = entry("sites scored from tiles")
    seconds: float = entry("wall-clock time of scoring", "s")
    sites_per_s: float = entry("sites scored per second", "1/s")
    peak_memory_mb: int = entry("peak memory of the process", "MiB")
    stored_sites: int = entry("sites whose answer was in the score store", default=0)
    stored_variants: int = entry("haplotypes whose answer was in the score store", default=0)
    dropped_rows: int = entry(
        "rows of the score store that were not used: damaged, or two different ones for one key",
        default=0,
    )
