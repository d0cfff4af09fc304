"""The page of contracts, docs/extend/contracts.md, from the classes themselves: a section for each file of
facts, a table for each class in it."""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

# the package beside this folder
from gfmtrust.calibration.record import RunCalibration  # noqa: E402
from gfmtrust.core.contracts.audit import Audit  # noqa: E402
from gfmtrust.core.contracts.base import Contract  # noqa: E402
from gfmtrust.core.contracts.checks import Checks  # noqa: E402
from gfmtrust.core.contracts.counts import RegionCounts, VcfCounts  # noqa: E402
from gfmtrust.core.contracts.manifest import Manifest  # noqa: E402
from gfmtrust.core.contracts.plan import Plan  # noqa: E402
from gfmtrust.core.contracts.planned_shard import PlannedShard  # noqa: E402
from gfmtrust.core.contracts.replication import Replication  # noqa: E402
from gfmtrust.core.contracts.run import RunFacts  # noqa: E402
from gfmtrust.core.contracts.samplesheet import Samplesheet  # noqa: E402
from gfmtrust.core.contracts.score_store import StoreScope  # noqa: E402
from gfmtrust.core.contracts.shard import ShardFacts, ShardMetrics, StrideChoice  # noqa: E402
from gfmtrust.core.contracts.tracking import Tracking  # noqa: E402

CONTRACTS: tuple[type[Contract], ...] = (
    Samplesheet,
    Checks,
    Plan,
    PlannedShard,
    StrideChoice,
    ShardFacts,
    ShardMetrics,
    StoreScope,
    RunCalibration,
    RunFacts,
    VcfCounts,
    RegionCounts,
    Audit,
    Replication,
    Tracking,
    Manifest,
)
"""In the order of a run."""
WORDS = {"ClassVar[str]": "", "str": "text", "int": "integer", "float": "number", "bool": "boolean"}


def contracts(table) -> str:
    """All sections. table: function (header, rows) -> Markdown."""
    shown: set[type] = set()
    return "\n".join(_section(kind, table, shown) for kind in CONTRACTS)


def _section(kind: type[Contract], table, shown: set[type]) -> str:
    head = (
        f"## {kind.__name__}: {kind.NAME.replace('<', '&lt;')}\n\n"
        f"{_first_paragraph(kind)} Version {kind.VERSION}, written by {kind.WRITER}; "
        f"class `{kind.__module__}.{kind.__name__}`.\n\n"
    )
    parts = [head + table(HEADER, _rows(kind))]
    for inner in _records(kind):
        if inner not in shown:
            shown.add(inner)
            text = _first_paragraph(inner)
            parts.append(f"**{inner.__name__}.** {text}\n\n" + table(HEADER, _rows(inner)))
    return "\n".join(parts)


HEADER = ["field", "type", "unit", "meaning"]


def _rows(kind: type) -> list[list[str]]:
    return [
        [
            f"`{one.name}`",
            WORDS.get(str(one.type), str(one.type)),
            one.metadata.get("unit", ""),
            one.metadata.get("description", ""),
        ]
        for one in fields(kind)
    ]


def _records(kind: type) -> list[type]:
    """The classes of the fields, those inside them after each, without repeats."""
    by_name: dict[type, None] = {}
    for hint in get_type_hints(kind).values():
        for one in _classes(hint):
            by_name[one] = None
            by_name |= dict.fromkeys(_records(one))
    return list(by_name)


def _classes(hint) -> list[type]:
    if isinstance(hint, type) and is_dataclass(hint):
        return [hint]
    return [one for part in get_args(hint) for one in _classes(part)]


def _first_paragraph(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())
