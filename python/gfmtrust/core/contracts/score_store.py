"""The scope of stored scores: everything beside the letters of the genome that a stored answer
depends on. A store keeps the rows of each scope in a folder of its own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.base import Contract, entry


@dataclass(frozen=True)
class StoreScope(Contract):
    """The origin of the rows in one folder of a score store. Two runs share rows only where all of
    these facts are equal."""

    NAME: ClassVar[str] = "<score store>/<scope>/scope.json"
    WRITER: ClassVar[str] = "SCORE_SITES"

    kind: str = entry("what a row answers: sites or variants")
    model: str = entry("id of the model")
    bundle_sha256: str = entry("digest that stands for the whole bundle")
    device: str = entry("device class that the network ran on: cpu or cuda")
    runtime: str = entry("version of ONNX Runtime")
    precision: str = entry("numeric precision of the network")
    views: str = entry("preset of the views: fast, default or thorough")
    n_views: int = entry("views of one answer, one per column of the score table")
    neighbours: bool = entry("the neighbours of each site were scored")
    max_n: float = entry("largest share of N in a window")
    reading: int = entry("version of the code that reads DNA; rows of another version are not used")

    @property
    def digest(self) -> bytes:
        """16 bytes (BLAKE2b) that stand for these facts and for the version of the store."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    @property
    def n_values(self) -> int:
        """Numbers of one row: the distributions and four measures of a site, or the LLRs of a
        variant."""
        return 4 * self.n_views + 4 if self.kind == SITES else self.n_views


SITES, VARIANTS = "sites", "variants"
"""The kinds of rows."""
