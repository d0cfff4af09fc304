"""The options that every reader takes for sites and variants."""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.core.interfaces import Votes

PRESETS = ("fast", "default", "thorough")


@dataclass(frozen=True)
class ReadingOptions:
    """views: one of PRESETS. neighbours: whether the neighbours of each site are scored too, for
    the local surprisal. max_n: the largest allowed share of N among a window's letters inside the
    contig. admitted: which members may vote at a position (the context model's leave-out); None
    admits all."""

    views: str = "default"
    neighbours: bool = True
    max_n: float = 0.10
    admitted: Votes | None = None


DEFAULTS = ReadingOptions()
