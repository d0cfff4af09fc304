"""Insertions and deletions in tandem tracts, as each strand reads them.

A change of one copy in a tract of many can be written at each of them, and the two haplotypes have
the same letters up to the end of the tract. The span that is scored would lie within it wherever the
tract is longer than the span, and the LLR would be 0 whatever the model has learned. A change that
can be moved farther than the span reaches is therefore read where its haplotypes first differ. This
module chooses the place; the likelihoods are computed in `haplotypes` and `context_haplotypes`.
Definitions: docs/understand/scoring.md, "Insertions, deletions and complex alleles".
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.alphabet import encode
from gfmtrust.core.interfaces import Genome
from gfmtrust.inputs.reference import Fence, fenced
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.windows import cut

LOOK_BP = 4_096
"""The number of letters that are read at a time to the end of a long tract."""


def as_read(
    genome: Genome,
    contig_index: np.ndarray,
    variants: list[Variant],
    strand: str,
    radius: int,
    fences: Fence | None,
) -> list[Variant]:
    """Return the variants as a strand reads them, in the given order: an insertion or deletion that
    can be moved by more than `radius` bases in reading direction is moved as far as it can be.

    All others are returned unchanged, so that only changes in tracts longer than the radius are
    read elsewhere. fences: of each variant; nothing beyond them is read.
    """
    read = list(variants)
    for row in _in_long_tracts(genome, contig_index, variants, strand, radius, fences).tolist():
        contig = genome.names[int(contig_index[row])]
        beyond = fences and fences.take(np.array([row]))
        read[row] = _moved(variants[row], strand, _steps(genome, contig, read[row], strand, beyond))
    return read


def anchors(
    genome: Genome,
    contig_index: np.ndarray,
    variants: list[Variant],
    strand: str,
    fences: Fence | None,
) -> np.ndarray:
    """Return the base at which a strand meets each variant, int64 (n,): the first letter of REF in
    reading direction, or the one behind an insertion, which may also stand at the very end."""
    if strand == "+":
        lengths = np.array([genome.contigs[name] for name in genome.names], dtype=np.int64)
        last = (fences.high if fences else lengths[contig_index]) - 1
        return np.minimum(np.array([variant.pos for variant in variants], dtype=np.int64), last)
    ends = np.array([variant.pos + len(variant.ref) for variant in variants], dtype=np.int64)
    return np.maximum(ends - 1, fences.low if fences else 0)


def ends_of(spellings: list[list[Variant]]) -> list[np.ndarray]:
    """Return the positions of the first changed base and of the base behind the change, int64 (n,)
    each, in every spelling of n variants."""
    return [
        np.array([place(variant) for variant in variants], dtype=np.int64)
        for variants in spellings
        for place in (lambda v: v.pos, lambda v: v.pos + len(v.ref))
    ]


def _in_long_tracts(
    genome: Genome,
    contig_index: np.ndarray,
    variants: list[Variant],
    strand: str,
    radius: int,
    fences: Fence | None,
) -> np.ndarray:
    """Return the rows of the insertions and deletions that more than `radius` letters of the genome
    repeat, int64."""
    rows = np.flatnonzero([not variant.ref or not variant.alt for variant in variants])
    if not len(rows):
        return rows
    start, end = ends_of([[variants[row] for row in rows]])
    width, step = radius + 1, np.arange(radius + 1)
    starts = end if strand == "+" else start - width
    beyond = fences and fences.take(rows)
    letters = cut(genome, contig_index[rows], starts, width, "+", beyond)
    units = encode("".join(variants[row].ref or variants[row].alt for row in rows))
    length = np.array([variants[row].length for row in rows], dtype=np.int64)[:, None]
    first = np.cumsum(length)[:, None] - length
    if strand == "+":
        wanted = units[first + step % length]
    else:
        letters = letters[:, ::-1]
        wanted = units[first + length - 1 - step % length]
    return rows[(letters == wanted).all(axis=1)]


def _steps(genome: Genome, contig: str, variant: Variant, strand: str, fences: Fence | None) -> int:
    """Return the number of bases by which an insertion or deletion can be moved in reading
    direction, because the genome repeats it."""
    unit = encode(variant.ref or variant.alt)[:: 1 if strand == "+" else -1]
    steps = 0
    while True:
        if strand == "+":
            start = variant.pos + len(variant.ref) + steps
        else:
            start = variant.pos - steps - LOOK_BP
        codes = genome.codes(contig, start, start + LOOK_BP)
        letters = fenced(codes[None], np.array([start]), fences)[0]
        if strand == "-":
            letters = letters[::-1]
        differs = letters != unit[(steps + np.arange(LOOK_BP)) % len(unit)]
        if differs.any():
            return steps + int(np.argmax(differs))
        steps += LOOK_BP


def _moved(variant: Variant, strand: str, steps: int) -> Variant:
    """Return the same change written `steps` bases farther in reading direction."""
    distance = steps if strand == "+" else -steps
    turn = distance % variant.length
    ref, alt = (text[turn:] + text[:turn] for text in (variant.ref, variant.alt))
    return Variant(variant.pos + distance, ref, alt)
