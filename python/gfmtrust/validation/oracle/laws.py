"""The named laws of oracle genomes: one entry of LAWS each, and a shifted version of each,
`NAME_shifted`.

A law draws a contig and gives the true distribution of every base given all the others (and the
layout, where it has one). The law is fixed by its name; a seed draws another genome of the same
law. The shifted version has the same composition and another rule in half of its contexts, so that
what was learned or certified on the one is wrong on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.law_names import LAW_TEXTS, SHIFTED
from gfmtrust.validation.oracle import structured
from gfmtrust.validation.oracle.chains import dirichlet_rows, symmetric_chain_of, with_half_permuted
from gfmtrust.validation.oracle.genomes import draw_chain, draw_mask
from gfmtrust.validation.oracle.law import Chain
from gfmtrust.validation.oracle.truth import chain_distribution

MASKED_SHARE = 0.15
CONTIG_SHARES = (0.7, 0.3)
LEAST_BP = 10_000
CPG_LEFT = 1 / 6
"""The share of CpG that the law `few_cpg` leaves; vertebrates keep a fifth to a quarter."""

Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""(length, generator) -> codes uint8 (length,), true distribution float64 (length, 4)."""


@dataclass(frozen=True)
class NamedLaw:
    """text: a description for readers. make: (whether shifted) -> the function that draws a
    contig."""

    text: str
    make: Callable[[bool], Draw]


@dataclass(frozen=True)
class OracleContig:
    """codes: uint8 (length,), 0..3; soft_masked: bool (length,), independent of the law;
    distribution: float64 (length, 4), A,C,G,T, forward strand."""

    name: str
    codes: np.ndarray
    soft_masked: np.ndarray
    distribution: np.ndarray


def draw_contigs(name: str, length: int, seed: int) -> tuple[OracleContig, ...]:
    """Return two contigs of 70 and 30 % of `length` bases, drawn from a law of LAWS or its shifted
    version. The same arguments give the same letters.

    Raises UsageError (64) for an unknown law, fewer than LEAST_BP bases or a negative seed.
    """
    if length < LEAST_BP:
        raise UsageError(message("--length", str(length), f"{LEAST_BP} or more"))
    if seed < 0:
        raise UsageError(message("--seed", str(seed), "0 or more"))
    draw = law_of(name)
    first = round(length * CONTIG_SHARES[0])
    contigs = []
    for index, bp in enumerate((first, length - first)):
        rng = np.random.default_rng([seed, index])
        codes, distribution = draw(bp, rng)
        contigs.append(
            OracleContig(
                f"{name}{index + 1}", codes, draw_mask(bp, MASKED_SHARE, rng), distribution
            )
        )
    return tuple(contigs)


@cache
def law_of(name: str) -> Draw:
    """Return the law of that name. Raises UsageError (64) with the existing names."""
    plain = name.removesuffix(SHIFTED)
    if plain not in LAWS:
        raise UsageError(
            message("--law", name, f"{', '.join(LAWS)}, or one of these with {SHIFTED} behind it")
        )
    return LAWS[plain].make(name != plain)


def _chain(chain: Chain) -> Draw:
    def draw(length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        codes = draw_chain(chain, length, rng)
        return codes, chain_distribution(chain, codes)

    return draw


def _dirichlet(order: int, *mixture: tuple[float, float], seed: int) -> Callable[[bool], Draw]:
    """Return a law whose rows have one concentration or several, (share, concentration); see
    `chains`."""

    def make(shifted: bool) -> Draw:
        rows = dirichlet_rows(order, mixture, seed)
        return _chain(symmetric_chain_of(with_half_permuted(rows, seed + 1) if shifted else rows))

    return make


def _few_cpg(shifted: bool) -> Draw:
    return _chain(few_cpg_chain(shifted))


def few_cpg_chain(shifted: bool = False) -> Chain:
    """Return a chain in which G follows C a sixth as often as the rows say, and A or T take its
    place, as where methylated CpG have mutated long ago: a C that still precedes G is a letter that
    the law did not expect."""
    rows = dirichlet_rows(4, ((1, 0.5),), seed=41)
    if shifted:
        rows = with_half_permuted(rows, seed=42)
    after_c = np.arange(len(rows)) % 4 == 1
    rows[after_c, 2] *= CPG_LEFT
    return symmetric_chain_of(rows / rows.sum(axis=1, keepdims=True))


def _independent(shifted: bool) -> Draw:
    """Return a law without any information. In its shifted version the letters are as frequent, but
    each is followed by itself twice as often as by any other."""
    return _chain(
        symmetric_chain_of(
            np.full((4, 4), 0.2) + 0.2 * np.eye(4) if shifted else np.full((4, 4), 0.25)
        )
    )


def _structured(piece: Callable[[bool], structured.Piece]) -> Callable[[bool], Draw]:
    return lambda shifted: structured.pieces_on_background(piece(shifted))


_MAKE: dict[str, Callable[[bool], Draw]] = {
    "clear": _dirichlet(4, (1, 0.2), seed=13),
    "easy": _dirichlet(4, (1, 0.5), seed=3),
    "medium": _dirichlet(4, (0.5, 0.3), (0.5, 3), seed=1),
    "hard": _dirichlet(6, (0.1, 0.3), (0.3, 3), (0.6, 40), seed=2),
    "few_cpg": _few_cpg,
    "iid": _independent,
    "motifs": _structured(structured.motifs),
    "mutation_selection": _structured(structured.mutation_selection),
    "repeats": _structured(partial(structured.copies, (80, 300), (0, 200), 0.5, 0.9)),
    "stems": _structured(partial(structured.copies, (5, 10), (4, 10), 1.0, 0.97)),
    "codons": _structured(structured.codons),
}
LAWS = {name: NamedLaw(text, _MAKE[name]) for name, text in LAW_TEXTS.items()}
