"""Laws with a layout: pieces of one kind on either strand, between stretches of plain background;
each piece provides its own true distribution.

Pieces follow each other independently, so the distribution of a base given all the others and the
layout is that of its piece. A reader of the sequence alone must first find the pieces, so what it
can reach is a little less. `laws` states which law has which pieces.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gfmtrust.core.alphabet import reverse_complement
from gfmtrust.validation.oracle.chains import dirichlet_rows, with_half_permuted
from gfmtrust.validation.oracle.genomes import draw_chain
from gfmtrust.validation.oracle.law import COMPLEMENT, IDENTITY, TRANSITION, symmetric_chain
from gfmtrust.validation.oracle.truth import chain_distribution

Piece = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""generator -> codes uint8 (n,), true distribution float64 (n, 4), on the forward strand."""

BACKGROUND = symmetric_chain(order=2, sharpness=0.4, seed=30)
PLAIN_BP = (20, 120)


def between(rng: np.random.Generator, least: int, most: int) -> int:
    """Return a random integer; both ends are included."""
    return least + int(rng.random() * (most - least + 1))


def pieces_on_background(piece: Piece):
    """Return a law (see `laws.Draw`): background, a piece on a random strand, background, ...; the
    remainder at the end is background."""

    def draw(length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        codes, distributions, used = [], [], 0
        while True:
            drawn, distribution = piece(rng)
            if rng.random() < 0.5:
                drawn, distribution = reverse_complement(drawn), distribution[::-1, ::-1]
            plain = between(rng, *PLAIN_BP)
            fits = used + plain + len(drawn) + BACKGROUND.order <= length
            background = draw_chain(BACKGROUND, plain if fits else length - used, rng)
            codes.append(background)
            distributions.append(chain_distribution(BACKGROUND, background))
            if not fits:
                return np.concatenate(codes), np.concatenate(distributions)
            codes.append(drawn)
            distributions.append(distribution)
            used += plain + len(drawn)

    return draw


def draw_rows(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return one letter from each row of probabilities, uint8 (n,); rows float64 (n, 4)."""
    return (
        (rng.random((len(rows), 1)) >= np.cumsum(rows, axis=1)[:, :3]).sum(axis=1).astype(np.uint8)
    )


def motifs(shifted: bool) -> Piece:
    """Return pieces of two motifs of eight letters, from one of three pairs, with 2, 3 or 5 free
    letters between them; in the shifted version the motifs exchange half of their columns."""
    columns = dirichlet_rows(3, ((1, 0.15),), seed=31)[:48]
    pairs = (with_half_permuted(columns, seed=32) if shifted else columns).reshape(3, 2, 8, 4)

    def piece(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        first, second = pairs[int(rng.random() * 3)]
        rows = np.concatenate([first, np.full(((2, 3, 5)[int(rng.random() * 3)], 4), 0.25), second])
        return draw_rows(rows, rng), rows

    return piece


def copies(
    unit_bp: tuple[int, int],
    gap_bp: tuple[int, int],
    inverted: float,
    fidelity: float,
    shifted: bool,
) -> Piece:
    """Return pieces of a unit of free letters, a gap of free letters, and the unit again, inverted
    with probability `inverted`; each letter of the copy is right with probability `fidelity`. The
    shifted version copies through A<->G, C<->T, which is as uniform and as faithful."""
    turned = np.array([TRANSITION[code] for code in COMPLEMENT] if shifted else COMPLEMENT)
    straight = np.array(TRANSITION if shifted else IDENTITY)

    def piece(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        unit, gap = between(rng, *unit_bp), between(rng, *gap_bp)
        codes = (rng.random(2 * unit + gap) * 4).astype(np.uint8)
        is_inverted = rng.random() < inverted
        first = np.arange(unit)
        second = unit + gap + (first[::-1] if is_inverted else first)
        mapping = turned if is_inverted else straight
        slips = np.where(
            rng.random(unit) >= fidelity, 1 + (rng.random(unit) * 3).astype(np.int64), 0
        )
        codes[second] = (mapping[codes[first]] + slips) % 4
        rows = np.full((len(codes), 4), 0.25)
        for position, partner in (
            (first, second),
            (second, first),
        ):  # both mappings are their own inverse
            rows[position] = np.where(
                mapping[codes[partner]][:, None] == np.arange(4), fidelity, (1 - fidelity) / 3
            )
        return codes, rows

    return piece


def codons(shifted: bool) -> Piece:
    """Return pieces of 60 to 150 codons without a stop, with C or G as third letter nine times in
    ten; the shifted version reads each codon backwards."""
    letters = np.indices((4, 4, 4))
    law = (
        np.array([0.05, 0.45, 0.45, 0.05])[letters[2]]
        * np.array([0.3, 0.2, 0.35, 0.15])[letters[0]]
        / 4
    )
    for stop in ((3, 0, 0), (3, 0, 2), (3, 2, 0)):  # TAA, TAG, TGA
        law[stop] = 0
    law = (law.transpose(2, 1, 0) if shifted else law) / law.sum()
    ends = np.cumsum(law.reshape(-1))

    def piece(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        words = np.searchsorted(ends, rng.random(between(rng, 60, 150)) * ends[-1], side="right")
        a, b, c = words // 16, words // 4 % 4, words % 4
        rows = np.stack([law[:, b, c].T, law[a, :, c], law[a, b, :]], axis=1).reshape(-1, 4)
        return np.stack([a, b, c], axis=1).reshape(-1).astype(np.uint8), rows / rows.sum(
            axis=1, keepdims=True
        )

    return piece


def mutation_selection(shifted: bool) -> Piece:
    """Return pieces of sites at balance: p(x) is the product of exp(2 N s_i(x_i)) and of a mutation
    bias against CpG, which is a fifth as frequent as any other pair.

    Each piece has one of six functional profiles of 40 sites, half of which prefer a letter with 2
    N s = 3; in the shifted version the profiles exchange half of their sites. The distribution of a
    base is exp(2 N s_i(b)) times the bias with both neighbours. Source: Bulmer 1991
    (mutation-selection balance).
    """
    rng = np.random.default_rng(33)
    fitness = np.zeros((240, 4))
    selected = np.flatnonzero(rng.random(240) < 0.5)
    fitness[selected, (rng.random(len(selected)) * 4).astype(int)] = 3.0
    profiles = np.exp(with_half_permuted(fitness, seed=34) if shifted else fitness).reshape(
        6, 40, 4
    )
    pair = np.ones((4, 4))
    pair[1, 2] = 0.2

    def piece(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        site = profiles[int(rng.random() * 6)]
        after = np.ones((len(site), 4))  # what the later sites allow, letter by letter
        for i in range(len(site) - 2, -1, -1):
            after[i] = pair @ (site[i + 1] * after[i + 1])
            after[i] /= after[i].sum()
        codes: list[int] = []
        for i in range(len(site)):
            weight = site[i] * after[i] * (pair[codes[-1]] if codes else 1)
            codes.append(
                int(
                    np.searchsorted(
                        np.cumsum(weight)[:3], rng.random() * weight.sum(), side="right"
                    )
                )
            )
        drawn = np.array(codes, dtype=np.uint8)
        rows = site.copy()
        rows[1:] *= pair[drawn[:-1]]
        rows[:-1] *= pair[:, drawn[1:]].T
        return drawn, rows / rows.sum(axis=1, keepdims=True)

    return piece
