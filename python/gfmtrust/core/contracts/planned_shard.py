"""The identity of a shard of the plan. It is stored in the metadata of the shard and of its score
tables, so that file names have no meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.vocabulary import ShardKind


@dataclass(frozen=True, order=True)
class PlannedShard(Contract):
    """One shard of the plan; ordered by kind, then by number, which is genome order."""

    NAME: ClassVar[str] = "plan/shards/*.parquet (table metadata)"
    WRITER: ClassVar[str] = "PLAN_SITES"

    kind: ShardKind = entry("what the rows are and how they are scored")
    number: int = entry("place among the shards of the kind, from 0")
