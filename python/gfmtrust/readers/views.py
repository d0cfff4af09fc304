"""The views of a model: strands, shifts of the window, and half of the context. This module states
which views a preset has, and where the site is in each.

Half of the context keeps the letters nearest to the site: the middle of the window or, for a causal
model, its right end. The purpose of views is explained in docs/understand/scoring.md, "Windows and views". This
module neither cuts windows (`windows`) nor runs them (`reader`, `tiles`, `haplotypes`).
"""

from __future__ import annotations

from gfmtrust.core.interfaces import ModelSpec
from gfmtrust.core.vocabulary import Placement, View

SHORTEST_BP = 32
"""Half of a window is not a view where it would leave fewer letters."""
WHOLE = (0, 0)
"""The number of letters left out at both ends of a whole window."""


def placements_of(model: ModelSpec, preset: str, half: tuple[int, int]) -> list[Placement]:
    """Return the placements of one model's window in their fixed order: strand + then -, whole
    windows by shift, then half of the context.

    fast: forward strand; default: both strands; thorough adds the family's shifts (W/8 on either
    side, or the k-mer phases) and half of the context. half: the letters left out at both ends for
    it, WHOLE where the model has no such view. An RC-equivariant model has one strand in every
    preset.
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
    """Return the columns of the views with that placement, one per member."""
    return [i for i, view in enumerate(views) if view.placement == placement]


def middle_half(model: ModelSpec) -> tuple[int, int]:
    """Return the letters to leave out at the start and the end of a window, in reading direction,
    so that its middle half of whole tokens is left; WHOLE where too little would be left."""
    crop = model.window_bp // 2 // 2 // model.k * model.k
    return _long_enough(model, (crop, crop))


def nearest_half(model: ModelSpec) -> tuple[int, int]:
    """Return the same for a model that reads the letters before the site: half of these are left
    out."""
    before = min(model.site_forward, model.site_reverse)
    return _long_enough(model, (before // 2 // model.k * model.k, 0))


def _long_enough(model: ModelSpec, crop: tuple[int, int]) -> tuple[int, int]:
    return crop if model.window_bp - sum(crop) >= SHORTEST_BP else WHOLE


def width_of(model: ModelSpec, placement: Placement) -> int:
    """Return the number of letters of the window that a view reads."""
    return model.window_bp - sum(placement.crop)


def site_index(model: ModelSpec, placement: Placement) -> int:
    """Return the index of the site in the window, in reading direction; shifting the window to the
    right moves the site to the left (to the right on the reverse strand)."""
    site = (
        model.site_forward - placement.shift
        if placement.strand == "+"
        else model.site_reverse + placement.shift
    )
    return site - placement.crop[0]
