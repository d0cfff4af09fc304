"""How a model looks at a site: strands, shifts of the window, and less of it. Which looks a preset
takes, and where each finds the site.

A look of half the context keeps the middle of the window, or for a causal model its right end: the
letters nearest to the site. What a view is for: docs/understand/scoring.md, "Views". Not here: cutting windows
or running them (`scoring`, `tiles`, `haplotypes`).
"""

from __future__ import annotations

import math

from gfmtrust.core.vocabulary import Look, View

PRESETS = ("fast", "default", "thorough")
PASSES_A_LIKELIHOOD = 6
"""Two texts for each of three ALTs; equal ones of REF are run once, so at most."""
SHORTEST_BP = 32
"""Half of a window that would leave less is no look."""


def looks_of(bundle, preset: str) -> list[Look]:
    """Looks of one model in their fixed order: strand + then -, whole windows by shift, then half
    of the context.

    fast: forward strand; default: both strands; thorough adds the family's shifts (W/8 either side,
    or the k-mer phases) and half of the context. An RC-equivariant model has one strand whatever
    the preset.
    """
    strands = "+" if preset == "fast" or bundle.rc_equivariant else "+-"
    if preset != "thorough":
        return [Look(strand) for strand in strands]
    half = half_context(bundle)
    return [
        look
        for strand in strands
        for look in (
            *(Look(strand, shift) for shift in sorted({0, *bundle.shifts})),
            *([Look(strand, 0, half)] if any(half) else []),
        )
    ]


def views_of(bundle, preset: str) -> list[View]:
    """Views of one model in their fixed order: members ascending, then as `looks_of`."""
    return [
        View(bundle.model_id, member, look)
        for member in range(bundle.n_members)
        for look in looks_of(bundle, preset)
    ]


def columns_of(views: list[View], look: Look) -> list[int]:
    """Columns of the views that look so: one a member."""
    return [i for i, view in enumerate(views) if view.look == look]


def half_context(bundle) -> tuple[int, int]:
    """Letters left out at the start and the end of a window, as read, for half of its context; (0,
    0) where the model has no such look.

    Whole tokens. Counts have none (their contexts are the orders), nor has a window too short to be
    halved.
    """
    if bundle.quantity == "counts":
        return 0, 0
    beside = (
        min(bundle.site_forward, bundle.site_reverse) if bundle.causal else bundle.window_bp // 2
    )
    cut = beside // 2 // bundle.k * bundle.k
    crop = (cut, 0) if bundle.causal else (cut, cut)
    return crop if bundle.window_bp - sum(crop) >= SHORTEST_BP else (0, 0)


def width_of(bundle, look: Look) -> int:
    """Letters of the window that a look reads."""
    return bundle.window_bp - sum(look.crop)


def site_index(bundle, look: Look) -> int:
    """Index of the site in the window as read; shifting the window right moves the site left (right
    on the other strand)."""
    site = (
        bundle.site_forward - look.shift if look.strand == "+" else bundle.site_reverse + look.shift
    )
    return site - look.crop[0]


def passes_per_site(bundle, preset: str, neighbours: bool) -> int:
    """Forward passes over a whole window that one site costs, rounded up: one a look, its share of
    one for half of the context, four where each base is tried, six where each of three ALTs is
    compared with REF, and one more a strand for the neighbours of masked models."""
    looks = looks_of(bundle, preset)
    each = PASSES_A_LIKELIHOOD if not bundle.has_distribution else 4 if bundle.reads_on else 1
    windows = sum(width_of(bundle, look) for look in looks) / bundle.window_bp * each
    extra = neighbours and bundle.neighbour_offsets and not bundle.neighbours_in_same_pass
    return math.ceil(windows + (len({look.strand for look in looks}) if extra else 0))
