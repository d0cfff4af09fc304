"""Draws genomes from a law: first the layout (which segment is where), then the letters of each
segment.

The same law, seed and lengths give the same bytes. Only `Generator.random` is used, so the draw
does not depend on how numpy makes other variates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core import alphabet
from gfmtrust.validation.oracle.law import Chain, Element, Law

PLAIN, NOISE, GAP = "plain", "noise", "gap"


@dataclass(frozen=True)
class Segment:
    """A stretch of one kind: 'plain', 'noise', 'gap' or an element's name; strand is '+' or '-'
    (elements only)."""

    start: int
    end: int
    kind: str
    strand: str = "+"


@dataclass(frozen=True)
class DrawnContig:
    """codes: uint8 (length,), 4 inside gaps; soft_masked: bool (length,); segments: in order,
    without gaps between them."""

    name: str
    codes: np.ndarray
    soft_masked: np.ndarray
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class DrawnGenome:
    """A genome with its layout and the law that it was drawn from, which is all that `truth`
    needs."""

    law: Law
    contigs: tuple[DrawnContig, ...]

    def contig(self, name: str) -> DrawnContig:
        """Return the contig of that name. Raises KeyError with the existing names."""
        for contig in self.contigs:
            if contig.name == name:
                return contig
        raise KeyError(f"contig {name}; the genome has {[c.name for c in self.contigs]}")

    def fasta(self, width: int = 80) -> str:
        """Return the FASTA text, with soft-masked letters in lower case."""
        return "".join(fasta_record(contig, width) for contig in self.contigs)


@dataclass(frozen=True)
class ContigPlan:
    """What to draw; where gap_bp is not 0, a gap of gap_bp letters N is placed between two
    stretches."""

    name: str
    length: int
    gap_bp: int = 0


def draw_genome(
    law: Law, plans: tuple[ContigPlan, ...], seed: int, masked_share: float = 0.15
) -> DrawnGenome:
    """Draw every contig from the law.

    masked_share: the approximate share of soft-masked bases, in runs of 100-900 bp that are
    independent of the layout. Raises ValueError for a negative seed, a share outside 0..0.9, or a
    contig too short for its gap and one stretch.
    """
    if seed < 0:
        raise ValueError(f"seed is {seed}; expected 0 or more")
    if not 0 <= masked_share <= 0.9:
        raise ValueError(f"masked_share is {masked_share}; expected 0..0.9")
    contigs = []
    for index, plan in enumerate(plans):
        rng = np.random.default_rng([seed, index])
        segments = _draw_layout(law, plan, rng)
        codes = np.concatenate([_draw_segment(law, segment, rng) for segment in segments])
        contigs.append(
            DrawnContig(plan.name, codes, draw_mask(plan.length, masked_share, rng), segments)
        )
    return DrawnGenome(law, tuple(contigs))


def _between(rng: np.random.Generator, bounds: tuple[int, int]) -> int:
    least, most = bounds
    return least + int(rng.random() * (most - least + 1))


def _draw_layout(law: Law, plan: ContigPlan, rng: np.random.Generator) -> tuple[Segment, ...]:
    """Return stretches that fill the contig; the remainder is one more plain stretch at a random
    place.

    The stretches depend on each other only through their sum, so their order is exchangeable and
    the law remains equal to its reverse complement except at the contig's ends.
    """
    room = plan.length - plan.gap_bp
    shortest = max(law.background.order, law.noise.order)
    if room < shortest:
        raise ValueError(
            f"contig {plan.name}: {room} bases without its gap; expected at least {shortest}"
        )
    stretches, used = [], 0
    while True:
        stretch = _draw_stretch(law, rng)
        length = sum(bp for _, bp, _ in stretch)
        if used + length > room - shortest:
            break
        stretches.append(stretch)
        used += length
    stretches.insert(int(rng.random() * (len(stretches) + 1)), [(PLAIN, room - used, "+")])
    if plan.gap_bp:
        stretches.insert(int(rng.random() * (len(stretches) + 1)), [(GAP, plan.gap_bp, "+")])
    return _laid_end_to_end([piece for stretch in stretches for piece in stretch])


def _draw_stretch(law: Law, rng: np.random.Generator) -> list[tuple[str, int, str]]:
    """Return the pieces (kind, bases, strand) of one stretch."""
    plain, noise, _ = law.stretch_shares
    choice = rng.random()
    if choice < plain:
        return [(PLAIN, _between(rng, law.plain_bp), "+")]
    if choice < plain + noise:
        return [(NOISE, _between(rng, law.noise_bp), "+")]
    pieces = [(PLAIN, _between(rng, law.spacer_bp), "+")]
    for _ in range(_between(rng, law.island_elements)):
        element = law.elements[
            int(np.searchsorted(np.cumsum(law.element_shares)[:-1], rng.random(), side="right"))
        ]
        pieces.append((element.name, len(element), "+" if rng.random() < 0.5 else "-"))
        pieces.append((PLAIN, _between(rng, law.spacer_bp), "+"))
    return pieces


def _laid_end_to_end(pieces: list[tuple[str, int, str]]) -> tuple[Segment, ...]:
    segments, start = [], 0
    for kind, bp, strand in pieces:
        segments.append(Segment(start, start + bp, kind, strand))
        start += bp
    return tuple(segments)


def _draw_segment(law: Law, segment: Segment, rng: np.random.Generator) -> np.ndarray:
    length = segment.end - segment.start
    if segment.kind == GAP:
        return np.full(length, alphabet.N, dtype=np.uint8)
    if segment.kind in (PLAIN, NOISE):
        return draw_chain(law.background if segment.kind == PLAIN else law.noise, length, rng)
    element = next(e for e in law.elements if e.name == segment.kind)
    codes = _draw_element(element, law.motif_fidelity, law.pair_fidelity, rng)
    return codes if segment.strand == "+" else alphabet.reverse_complement(codes)


def draw_chain(chain: Chain, length: int, rng: np.random.Generator) -> np.ndarray:
    """Return a stationary stretch of the chain, uint8 (length,). Raises ValueError for a length
    below the order."""
    if length < chain.order:
        raise ValueError(f"length is {length}; expected at least the chain's order {chain.order}")
    thresholds = chain.thresholds
    uniform = rng.random(length - chain.order + 1).tolist()
    word = min(int(np.searchsorted(np.cumsum(chain.stationary), uniform[0])), 4**chain.order - 1)
    codes = [word // 4 ** (chain.order - 1 - i) % 4 for i in range(chain.order)]
    contexts = 4**chain.order
    for u in uniform[1:]:
        a, c, g = thresholds[word]
        code = (u >= a) + (u >= c) + (u >= g)
        codes.append(code)
        word = (word * 4 + code) % contexts
    return np.array(codes, dtype=np.uint8)


def _draw_element(
    element: Element, motif_fidelity: float, pair_fidelity: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the letters of an element on the forward strand; motif letters and second letters of
    pairs sometimes change to one of the other three."""
    uniform = rng.random((3, len(element)))
    motif = element.codes != alphabet.N
    slips = np.where(
        uniform[1] >= np.where(motif, motif_fidelity, pair_fidelity),
        1 + (uniform[2] * 3).astype(np.uint8),
        0,
    )
    codes = np.where(motif, (element.codes + slips) % 4, (uniform[0] * 4).astype(np.uint8)).astype(
        np.uint8
    )
    mapping = np.array(element.mapping, dtype=np.uint8)
    for first, second in element.generations:
        codes[second] = (mapping[codes[first]] + slips[second]) % 4
    return codes


def draw_mask(length: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return the union of random runs; a run may begin before the contig, so that both ends are
    treated equally."""
    masked = np.zeros(length, dtype=bool)
    runs = int(round(-np.log1p(-share) * length / 500))  # covers 1 - exp(-runs * 500 / length)
    for _ in range(runs):
        bp = _between(rng, (100, 900))
        start = int(rng.random() * (length + bp)) - bp
        masked[max(start, 0) : max(start + bp, 0)] = True
    return masked


def fasta_record(contig, width: int = 80) -> str:
    """Return the FASTA text of a contig (name, codes, soft_masked), with soft-masked letters in
    lower case."""
    letters = np.where(
        contig.soft_masked, alphabet.LETTERS[contig.codes] | 0x20, alphabet.LETTERS[contig.codes]
    )
    text = letters.astype(np.uint8).tobytes().decode("ascii")
    lines = "\n".join(text[i : i + width] for i in range(0, len(text), width))
    return f">{contig.name}\n{lines}\n"
