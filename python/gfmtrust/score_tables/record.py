"""The group `table` of a bundle whose scores stay in a table outside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gfmtrust.core.errors import UsageError
from gfmtrust.score_tables.layout import parse

TABLE = "table"
FIELDS = {"file": str, "bytes": int, "fingerprint": str, "layout": str, "contigs": dict}


@dataclass(frozen=True)
class RegisteredTable:
    """file: name of the table; bytes: its size; fingerprint: SHA-256 of its index and of its first
    and last mebibyte, because a table of 36 GB is not read whole for a few thousand bases; layout:
    `ScoreLayout.text` or a preset; contigs: genome's name -> name in the table."""

    file: str
    bytes: int
    fingerprint: str
    layout: str
    contigs: dict[str, str]

    @classmethod
    def from_meta(cls, meta: dict) -> RegisteredTable | None:
        """The group of a bundle.json; None where the bundle has none."""
        group = meta.get(TABLE)
        return None if group is None else cls(**{name: group[name] for name in FIELDS})

    def to_meta(self) -> dict:
        """The group, as it is written."""
        return asdict(self)


def fault(group: object) -> str:
    """What is wrong with a group `table` of a bundle.json; '' where nothing is."""
    if group is None:
        return ""
    if not isinstance(group, dict):
        return f"{group!r}"[:120]
    for name, kind in FIELDS.items():
        if type(group.get(name)) is not kind:
            return f"{name} is {group.get(name)!r}"[:120]
    try:
        parse(group["layout"])
    except UsageError as error:
        return f"layout: {error}"[:200]
    return ""
