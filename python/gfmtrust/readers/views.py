"""The views of a model: strands, shifts of the window, and less of it. Which a preset takes, and
where each finds the site.

Half of the context keeps the middle of the window, or for a causal model its right end: the letters
nearest to the site. What a view is for: docs/understand/scoring.md, "Windows and views". Not here: cutting
windows (`windows`) or running them (`reader`, `tiles`, `haplotypes`).
"""

from __future__ import annotations

from gfmtrust.core.interfaces import ModelSpec
from gfmtrust.core.vocabulary import Placement, View

SHORTEST_BP = 32
"""Half of a window that would leave less is no view."""
WHOLE = (0, 0)
"""The crop of a whole window."""


def placements_of(model: ModelSpec, preset: str, half: tuple[int, int]) -> list[Placement]:
    """The placements of one model's window in their fixed order: strand + then -, whole windows by
    shift, then half of the context.

    fast: forward strand; default: both strands; thorough adds the family's shifts (W/8 either side,
    or the k-mer phases) and half of the context. half: letters left out at both ends for it, WHOLE
    where the model has none. An RC-equivariant model has one strand whatever the preset.
    """
    strands = "+" if preset == "fast" or model.rc_equivariant else "+-"
    if preset != "thorough":
        return [Placement(strand) for strand in strands]
    return [
        placement
        for strand in strands
        for placement in (
            *(Placement(strand, shift) for shift in sorted({0, *model.shifts})),
            *([Placement(strand, 0, half)] if any(half) else []),
        )
    ]


def columns_of(views: list[View], placement: Placement) -> list[int]:
    """Columns of the views with that placement: one a member."""
    return [i for i, view in enumerate(views) if view.placement == placement]


def middle_half(model: ModelSpec) -> tuple[int, int]:
    """Letters left out at the start and the end of a window, as read, so that its middle half is
    left: whole tokens. WHOLE where too little would be left."""
    crop = model.window_bp // 2 // 2 // model.k * model.k
    return _long_enough(model, (crop, crop))


def nearest_half(model: ModelSpec) -> tuple[int, int]:
    """The same of a model that reads what stands before the site: half of that is left out."""
    before = min(model.site_forward, model.site_reverse)
    return _long_enough(model, (before // 2 // model.k * model.k, 0))


def _long_enough(model: ModelSpec, crop: tuple[int, int]) -> tuple[int, int]:
    return crop if model.window_bp - sum(crop) >= SHORTEST_BP else WHOLE


def width_of(model: ModelSpec, placement: Placement) -> int:
    """Letters of the window that a view reads."""
    return model.window_bp - sum(placement.crop)


def site_index(model: ModelSpec, placement: Placement) -> int:
    """Index of the site in the window as read; shifting the window right moves the site left (right
    on the other strand)."""
    site = (
        model.site_forward - placement.shift
        if placement.strand == "+"
        else model.site_reverse + placement.shift
    )
    return site - placement.crop[0]
