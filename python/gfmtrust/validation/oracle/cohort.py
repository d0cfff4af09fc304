"""Draws a cohort's variants on an oracle genome: a germline-like spectrum, then every awkward kind
of record, planted.

This module creates rows only; `writing` makes VCF text of them. Positions are 0-based. Linkage,
phase and realistic frequencies are not simulated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gfmtrust.core import alphabet
from gfmtrust.validation.oracle.genomes import DrawnContig, DrawnGenome

N_SAMPLES = 3
TRANSITION_OF = np.array([2, 3, 0, 1])  # A<->G, C<->T
TRANSITION_WEIGHT = 4.0  # one transition against two transversions of weight 1: Ts/Tv about 2
CPG_WEIGHT = 5.0  # how much more often a CpG's C>T (or G>A) is drawn
EDGE_BP = 150  # drawn variants keep away from contig ends and gaps; those near them are planted
SPACING_BP = 12  # drawn variants stand at least this far apart


@dataclass(frozen=True)
class Row:
    """One VCF record: pos is 0-based; genotypes: a pair of allele indices per sample, -1 for
    missing; kind: the reason why it exists."""

    contig: str
    pos: int
    ref: str
    alts: tuple[str, ...]
    kind: str
    genotypes: tuple[tuple[int, int], ...]
    id: str = "."
    qual: str = "50"
    filter: str = "PASS"
    info: str | None = None  # None stands for AC, AF, AN and DP of the genotypes
    depths: tuple[int, ...] = field(default=(30, 30, 30))


def draw_cohort(genome: DrawnGenome, n_snv: int, seed: int) -> list[Row]:
    """Return SNVs, indels, MNVs and multi-allelic records, sorted by contig and pos.

    n_snv: number of bi-allelic SNVs over all contigs, in proportion to length; there are in
    addition a sixth as many indels, a fiftieth as many MNVs and a thirtieth as many multi-allelic
    records. Raises ValueError where the genome has no room for them SPACING_BP apart, or n_snv is
    below 1.
    """
    if n_snv < 1:
        raise ValueError(f"n_snv is {n_snv}; expected 1 or more")
    rng = np.random.default_rng([seed, 1])
    kinds = ["snv"] * n_snv + ["deletion"] * (n_snv // 12) + ["insertion"] * (n_snv // 12)
    kinds += (
        ["mnv"] * (n_snv // 50) + ["multiallelic"] * (n_snv // 40) + ["mixed"] * (n_snv // 120 + 1)
    )
    order = np.argsort(rng.random(len(kinds)), kind="stable")
    sites = _draw_sites(genome, len(kinds), rng)
    rows = [
        _drawn_row(genome.contig(name), pos, kinds[k], rng)
        for (name, pos), k in zip(sites, order, strict=True)
    ]
    return sorted_rows(genome, rows)


def sorted_rows(genome: DrawnGenome, rows: list[Row]) -> list[Row]:
    """Return the rows by contig (order of the genome, unknown contigs last) and pos; equal ones
    keep their order."""
    order = {contig.name: i for i, contig in enumerate(genome.contigs)}
    return sorted(rows, key=lambda row: (order.get(row.contig, len(order)), row.pos))


def _draw_sites(genome: DrawnGenome, n: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """Return n distinct (contig, pos) at least SPACING_BP apart, with CpG sites more often: the
    smallest of random keys are taken greedily."""
    names, positions, keys = [], [], []
    for contig in genome.contigs:
        weight = _site_weights(contig)
        usable = np.flatnonzero(weight)
        names += [contig.name] * len(usable)
        positions.append(usable)
        keys.append(
            -np.log(rng.random(len(usable))) / weight[usable]
        )  # the smallest keys are a weighted draw without replacement
    positions, keys = np.concatenate(positions), np.concatenate(keys)
    taken: dict[tuple[str, int], int] = {}
    for index in np.argsort(keys, kind="stable"):
        name, pos = names[index], int(positions[index])
        cell = pos // SPACING_BP
        near = [taken.get((name, c)) for c in (cell - 1, cell, cell + 1)]
        if all(other is None or abs(other - pos) >= SPACING_BP for other in near):
            taken[name, cell] = pos
        if len(taken) == n:
            return [(contig, pos) for (contig, _), pos in taken.items()]
    raise ValueError(f"the genome has room for {len(taken)} variants; expected {n}")


def _site_weights(contig: DrawnContig) -> np.ndarray:
    """Return how often each position is drawn, float64 (length,); 0 within EDGE_BP of an end or an
    N."""
    codes = contig.codes
    weight = np.ones(len(codes))
    weight[is_cpg(codes)] = (TRANSITION_WEIGHT * CPG_WEIGHT + 2) / (TRANSITION_WEIGHT + 2)
    unusable = np.concatenate([[-1], np.flatnonzero(codes > 3), [len(codes)]])
    after = np.searchsorted(unusable, np.arange(len(codes)), side="right")
    distance = np.minimum(
        np.arange(len(codes)) - unusable[after - 1],
        unusable[after.clip(max=len(unusable) - 1)] - np.arange(len(codes)),
    )
    weight[distance <= EDGE_BP] = 0
    return weight


def is_cpg(codes: np.ndarray) -> np.ndarray:
    """Return true at both letters of each CG, bool (length,)."""
    pair = (codes[:-1] == 1) & (codes[1:] == 2)
    return np.concatenate([pair, [False]]) | np.concatenate([[False], pair])


def _drawn_row(contig: DrawnContig, pos: int, kind: str, rng: np.random.Generator) -> Row:
    ref, alts = _DRAW[kind](contig.codes, pos, rng)
    genotypes = _genotypes(len(alts), rng)
    depths = tuple(int(20 + 25 * u) for u in rng.random(N_SAMPLES))
    return Row(
        contig.name,
        pos,
        ref,
        alts,
        kind,
        genotypes,
        qual=f"{30 + 970 * rng.random():.2f}",
        depths=depths,
    )


def _alt_letter(
    codes: np.ndarray, pos: int, rng: np.random.Generator, but: tuple[int, ...] = ()
) -> int:
    weights = np.ones(4)
    weights[TRANSITION_OF[codes[pos]]] = TRANSITION_WEIGHT * (
        CPG_WEIGHT if is_cpg(codes[pos - 1 : pos + 2])[1] else 1
    )
    weights[[codes[pos], *but]] = 0
    return int(np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(), side="right"))


def _snv(codes, pos, rng):
    return alphabet.decode(codes[pos : pos + 1]), (alphabet.BASES[_alt_letter(codes, pos, rng)],)


def _multiallelic(codes, pos, rng):
    first = _alt_letter(codes, pos, rng)
    second = _alt_letter(codes, pos, rng, but=(first,))
    return alphabet.decode(codes[pos : pos + 1]), (alphabet.BASES[first], alphabet.BASES[second])


def _mixed(codes, pos, rng):
    """Return an SNV and an insertion in one record."""
    ref, (snv,) = _snv(codes, pos, rng)
    return ref, (snv, ref + _letters(1 + int(3 * rng.random()), rng))


def _deletion(codes, pos, rng):
    bp = _indel_length(rng)
    return alphabet.decode(codes[pos : pos + 1 + bp]), (alphabet.decode(codes[pos : pos + 1]),)


def _insertion(codes, pos, rng):
    ref = alphabet.decode(codes[pos : pos + 1])
    return ref, (ref + _letters(_indel_length(rng), rng),)


def _mnv(codes, pos, rng):
    bp = 2 + int(2 * rng.random())
    changed = [alphabet.BASES[_alt_letter(codes, pos + i, rng)] for i in range(bp)]
    return alphabet.decode(codes[pos : pos + bp]), ("".join(changed),)


_DRAW = {
    "snv": _snv,
    "multiallelic": _multiallelic,
    "mixed": _mixed,
    "deletion": _deletion,
    "insertion": _insertion,
    "mnv": _mnv,
}


def _letters(bp: int, rng: np.random.Generator) -> str:
    return "".join(alphabet.BASES[int(4 * u)] for u in rng.random(bp))


def _indel_length(rng: np.random.Generator) -> int:
    """Return a length of 1 to 9 bases, short ones more often."""
    return 1 + int(9 * rng.random() ** 3)


def _genotypes(n_alts: int, rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """Return genotypes with each ALT on at least one of the haplotypes; the number of carriers is
    distributed as 1/count, as under neutrality."""
    haplotypes = np.zeros(2 * N_SAMPLES, dtype=int)
    order = np.argsort(rng.random(2 * N_SAMPLES), kind="stable")
    for alt in range(n_alts):
        most = (2 * N_SAMPLES - 1) // n_alts
        shares = np.cumsum(1 / np.arange(1, most + 1))
        count = 1 + int(np.searchsorted(shares / shares[-1], rng.random(), side="right"))
        haplotypes[order[:count]] = alt + 1
        order = order[count:]
    return tuple((int(min(pair)), int(max(pair))) for pair in haplotypes.reshape(N_SAMPLES, 2))
