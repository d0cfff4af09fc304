"""The options of a scoring task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gfmtrust.core.contracts.shard import StrideChoice
from gfmtrust.core.interfaces import Votes
from gfmtrust.readers.options import ReadingOptions


@dataclass(frozen=True)
class ScoringOptions:
    """views: 'fast', 'default' or 'thorough'. neighbours: score the neighbours of each site too.
    max_n: largest share of N in a window. device: 'auto', 'cpu' or 'cuda'. threads: number of CPUs.
    batch: windows per pass, None for the value of the bundle; it does not change any result.
    allow_long_window: accept a window that is longer than the trained context. stride: how region
    bases are scored; None scores every base separately. score_table: the table outside a bundle of
    scores from elsewhere. score_store: folder of earlier answers that
    are looked up; new_rows: folder for the answers that it lacked, None for the store itself.
    """

    views: str = "default"
    neighbours: bool = True
    max_n: float = 0.10
    device: str = "auto"
    threads: int = 1
    batch: int | None = None
    allow_long_window: bool = False
    stride: StrideChoice | None = None
    score_table: Path | None = None
    score_store: Path | None = None
    new_rows: Path | None = None

    def reading(self, neighbours: bool, admitted: Votes | None = None) -> ReadingOptions:
        """The options that a reader needs. neighbours: the value of `Reader.reads_neighbours`;
        admitted: the members that may vote."""
        return ReadingOptions(self.views, neighbours, self.max_n, admitted)
