"""Normalised variants: trimmed, shifted left against the genome, and classified by what they
change.

Only scores use this representation; the user's records are not changed. Source: Tan, Abecasis and
Kang 2015 (normalisation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import N, decode
from gfmtrust.core.vocabulary import VariantClass

LOOK_LEFT_BP = 256
"""Number of letters of the genome that are read at a time while an indel is shifted left."""


@dataclass(frozen=True)
class Variant:
    """The changed letters only: ref is at [pos, pos + len(ref)) of its contig; one of ref and alt
    may be empty."""

    pos: int
    ref: str
    alt: str

    @property
    def kind(self) -> VariantClass:
        if len(self.ref) == len(self.alt):
            return VariantClass.SNV if len(self.ref) == 1 else VariantClass.MNV
        if self.ref and self.alt:
            return VariantClass.COMPLEX
        return VariantClass.DEL if self.ref else VariantClass.INS

    @property
    def length(self) -> int:
        """Bases of the longer allele."""
        return max(len(self.ref), len(self.alt))

    def sites(self, contig_length: int) -> np.ndarray:
        """Positions whose distributions describe the variant, ascending, int64: the substituted
        bases, the deleted or replaced ones, or those on either side of an insertion (one at a
        contig's end)."""
        if self.kind in (VariantClass.SNV, VariantClass.MNV):
            differ = [
                i
                for i, (one, other) in enumerate(zip(self.ref, self.alt, strict=True))
                if one != other
            ] or [0]
            return self.pos + np.array(differ, dtype=np.int64)
        if self.ref:
            return np.arange(self.pos, self.pos + len(self.ref), dtype=np.int64)
        return np.array(
            [pos for pos in (self.pos - 1, self.pos) if 0 <= pos < contig_length], dtype=np.int64
        )


def normalised(genome, contig: str, pos: int, ref: str, alt: str) -> Variant:
    """The variant of an allele as written: the common suffix and prefix are removed, then an indel
    is shifted as far left as the genome repeats.

    ref, alt: upper-case letters A, C, G, T, ref equal to the genome at pos (0-based). REF equal to
    ALT gives the first base twice. Two representations of one change give the same variant, and so
    do single alleles of a multi-allelic record.
    """
    if ref == alt:
        return Variant(pos, ref[0], ref[0])
    end = 0
    while end < min(len(ref), len(alt)) and ref[len(ref) - 1 - end] == alt[len(alt) - 1 - end]:
        end += 1
    ref, alt = ref[: len(ref) - end], alt[: len(alt) - end]
    start = 0
    while start < min(len(ref), len(alt)) and ref[start] == alt[start]:
        start += 1
    ref, alt, pos = ref[start:], alt[start:], pos + start
    if ref and alt:
        return Variant(pos, ref, alt)
    moved = _steps_left(genome, contig, pos, ref or alt)
    turn = -moved % len(ref or alt)
    turned = (ref or alt)[turn:] + (ref or alt)[:turn]
    return Variant(pos - moved, turned if ref else "", turned if alt else "")


def _steps_left(genome, contig: str, pos: int, unit: str) -> int:
    """The number of bases before pos over which the letters continue to repeat `unit` backwards."""
    moved = 0
    while moved < pos:
        first = max(0, pos - moved - LOOK_LEFT_BP)
        codes = genome.codes(contig, first, pos - moved)
        for letter, definite in zip(decode(codes)[::-1], (codes < N)[::-1], strict=True):
            if not definite or letter != unit[-1 - moved % len(unit)]:
                return moved
            moved += 1
    return moved
