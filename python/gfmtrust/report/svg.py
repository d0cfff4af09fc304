"""Small figures of the report, drawn without a library: bars of flags, strips of contigs,
histograms, letters by probability.

Each figure is one `<svg>` that is hidden from screen readers; its numbers are beside it or in the
label of the element around it. No text that a user wrote is drawn; a base is one of four letters.
"""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.vocabulary import Rank

INK, FAINT = "#1a1a1a", "#767676"
BLUE = "#0072b2"
BAR, COLUMN, STACK = 160, 13, 56
"""Width of a bar, width of a base, height of a base's letters; pixels."""
CAP = 0.73
"""Height of a capital letter divided by the font size, in common sans-serif fonts (0.70 to
0.73)."""
LEAST = 0.06
"""A base below this probability has no letter, because the letter would be only a line."""


def share_bar(counts: np.ndarray) -> Markup:
    """One bar of four parts: HIGH at full height, MEDIUM lower, LOW with gaps, not scored in grey.

    counts: (4,) by Rank. A page has hundreds of these bars, so size, colours and gaps are classes
    of its style sheet.
    """
    total, x, parts = int(counts.sum()), 0.0, []
    for rank in sorted(Rank, reverse=True):
        part = BAR * int(counts[rank]) / total if total else 0.0
        if part:
            parts.append(f'<path class="b{rank.value}" d="M{round(x, 1):g} 7h{round(part, 1):g}"/>')
        x += part
    return Markup(f'<svg class="bar" aria-hidden="true">{"".join(parts)}</svg>')


def strip(bins: np.ndarray, width: int = 160, height: int = 18) -> Markup:
    """The positions of the alleles of a contig: grey bars for all scored alleles, blue bars below
    for those that are MEDIUM or HIGH. bins: (2, n_bins)."""
    scored, sure = bins
    step, half = width / bins.shape[1], height / 2
    up = "".join(
        f"M{i * step:.1f} {half}v-{max(1.0, half * n / scored.max()):.1f}h{step:.1f}v{max(1.0, half * n / scored.max()):.1f}z"
        for i, n in enumerate(scored)
        if n
    )
    down = "".join(
        f"M{i * step:.1f} {half + 1}v{half - 1:.1f}h{step:.1f}v-{half - 1:.1f}z"
        for i, n in enumerate(sure)
        if n
    )
    return element(
        width,
        height,
        f'<path d="{up}" fill="{FAINT}"/><path d="{down}" fill="{BLUE}"/>'
        f'<path d="M0 {half}H{width}" stroke="{INK}" stroke-width=".6"/>',
    )


def entropy_bars(counts: list[int], width: int = 280, height: int = 62) -> Markup:
    """Histogram of entropy from 0 to 2 bits, with a line for the uniform distribution at its right.
    counts: number of sites in the bins model_comparison.ENTROPY_EDGES."""
    floor, top, right = height - 14, max(1, *counts), width - 14
    step = (right - 6) / len(counts)
    path = "".join(
        f"M{6 + i * step:.1f} {floor}v-{(floor - 4) * n / top:.1f}h{step:.1f}V{floor}z"
        for i, n in enumerate(counts)
        if n
    )
    ticks = "".join(
        f'<path d="M{x:.1f} {floor}v3" stroke="{INK}"/><text x="{x:.1f}" y="{height - 1}" font-size="10" text-anchor="middle" '
        f'fill="{INK}">{label}</text>'
        for x, label in ((6, 0), (6 + (right - 6) / 2, 1), (right, 2))
    )
    return element(
        width,
        height,
        f'<path d="{path}" fill="#56789a"/><path d="M6 {floor}H{right}" stroke="{INK}"/>'
        f'<path d="M{right} 0V{floor}" stroke="{INK}" stroke-width="1.4" stroke-dasharray="4 3"/>{ticks}',
    )


def letters(bases: list[dict], flank: int, ref: str, alt: str) -> Markup:
    """Letters by probability around a variant: the height of a letter is the models' probability,
    the most likely base is on top, and REF is below.

    bases: `offset`, `base`, `p` (A, C, G, T). The variant's bases are framed and its ALT is written
    under REF; a dot is a base without a distribution. Colours of the letters are classes of the
    page's style sheet.
    """
    base_at = {one["offset"]: one for one in bases if abs(one["offset"]) <= flank}
    span, width = max(1, min(len(ref), flank + 1)), (2 * flank + 1) * COLUMN
    dots = "".join(
        f"M{COLUMN * (i + flank) + 5:g} {STACK - 4}h3"
        for i in range(-flank, flank + 1)
        if i not in base_at
    )
    stacks = "".join(
        _stack(one["p"], COLUMN * (offset + flank + 0.5)) for offset, one in base_at.items()
    )
    under = _row({offset + flank: one["base"] for offset, one in base_at.items()}, STACK + 13)
    below = (
        _row({flank + i: letter for i, letter in enumerate(alt)}, STACK + 27)
        if alt.isalpha() and len(alt) <= flank + 1
        else ""
    )
    return element(
        width,
        STACK + 32,
        (
            f'<rect x="{flank * COLUMN + 0.5}" y=".5" width="{span * COLUMN - 1}" height="{STACK + 31}" fill="#fff4d6" stroke="{INK}"/>'
            f'<path d="M0 {STACK + 0.5}H{width}" stroke="{FAINT}" stroke-width=".6"/><path d="{dots}" stroke="{FAINT}" stroke-width="3"/>'
            f'<g font-size="14" font-weight="700" text-anchor="middle">{stacks}</g>'
            f'<g font-size="11" text-anchor="middle" fill="{INK}">{under}<g font-weight="700">{below}</g></g>'
        ),
    )


def _stack(p: list[float], x: float) -> str:
    """The letters at one base, the least probable at the bottom; their heights add up to the height
    of the stack."""
    y, drawn = float(STACK), []
    for share, base in sorted(zip(p, BASES, strict=True)):
        tall = share * (STACK - 2)
        if share >= LEAST:
            drawn.append(
                f'<text class="{base}" transform="matrix(1 0 0 {tall / (CAP * 14):.2f} {x:g} {y:.1f})">{base}</text>'
            )
        y -= tall
    return "".join(drawn)


def _row(letters: dict[int, str], y: int) -> str:
    """Letters in one row, each in the middle of its column; a letter that is not a base is written
    as ?."""
    shown = "".join(
        letter.upper() if letter.upper() in "ACGTN" else "?" for letter in letters.values()
    )
    return (
        f'<text x="{" ".join(f"{COLUMN * (i + 0.5):g}" for i in letters)}" y="{y}">{shown}</text>'
        if shown
        else ""
    )


def element(width: float, height: float, content: str, attributes: str = "") -> Markup:
    """The `<svg>` element of a figure, in pixels. attributes: further attributes, such as the
    namespace in a separate file."""
    return Markup(
        f'<svg aria-hidden="true" {attributes}width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif">{content}</svg>'
    )
