"""Fitting the context model to a genome: two passes over the letters, then the mixture on sites
their members never saw.

Memory at order 11: 14 x 67 MB of counts and as much again while letters are counted and folded into
the members' tables: 2.4 GiB measured for 100 Mb (`benchmark.context`, 2.7 Mb a CPU second). A
larger genome adds `Genome`'s cache alone, 0.5 GB: 3.1 Gb stay under 4 GiB. Numpy on one thread; the
only randomness is `seed`: which block gets which pattern and which sites the mixture is fitted on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gfmtrust.baseline import counts as counting
from gfmtrust.baseline import members as membership
from gfmtrust.baseline import mixture
from gfmtrust.baseline.evaluate import Law, evidence, orders_for
from gfmtrust.baseline.members import Members
from gfmtrust.core.alphabet import N
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.progress import Progress
from gfmtrust.inputs.reference import sources

log = logging.getLogger(__name__)

MIN_BASES = 1_000
"""Fewer bases A, C, G, T than this cannot be divided into 64 useful blocks."""
MIXTURE_SITES = 40_000
PIECE_BASES = 16_000_000
"""Number of letters that are processed at once; it is divided into whole blocks."""


@dataclass(frozen=True)
class ContextModel:
    """A fitted model: its distributions, the members that saw each block, and the number of A, C,
    G, T that were counted."""

    law: Law
    members: Members
    n_bases: int


def fit_model(
    genome, seed: int = 0, sites: int = MIXTURE_SITES, leave_out: bool = True
) -> ContextModel:
    """Fit the context model to a genome (`genome.Genome` or an object with its contigs, names and
    codes).

    Where the genome holds a background, only its contigs are counted; the other blocks are dealt to
    members all the same. sites: sites the mixture is fitted on. leave_out: off only in the test
    that shows what it prevents: every member then sees every block. Raises BadDataError (65) for a
    genome of fewer than MIN_BASES known bases.
    """
    n_bases = sum(int((codes < N).sum()) for _, _, codes in _counted_pieces(genome, PIECE_BASES, 0))
    if n_bases < MIN_BASES:
        observed = f"{n_bases} A, C, G, T in {len(genome.names)} contigs"
        remedy = "is it the right FASTA? for a few elements give their genome as --background_fasta"
        raise BadDataError(
            message("genome of the context model", observed, f"at least {MIN_BASES}", remedy)
        )
    orders = orders_for(n_bases)
    members = _deal_blocks(genome, n_bases, seed)
    counted, sample = _count(genome, members, n_bases, orders[-1], min(sites, n_bases // 2), seed)
    seen = membership.patterns() if leave_out else np.ones_like(membership.patterns())
    tables = counting.tables(counted, n_bases, seen)
    del counted  # up to 940 MB that nothing below needs
    edges, weights = mixture.fit(_evidence_of(tables, orders, members, sample))
    log.info(
        "context model of %d bases: orders to %d, %d bins of flank counts",
        n_bases,
        orders[-1],
        len(edges) + 1,
    )
    return ContextModel(Law(orders, tables, edges, weights), members, n_bases)


@dataclass(frozen=True)
class _Sample:
    """Sites of the mixture fit: contig_index, pos (n,) and windows uint8 (n, 2 reach + 1) centred
    on them."""

    contig_index: np.ndarray
    pos: np.ndarray
    windows: np.ndarray


def _pieces(genome, size: int, flank: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """(contig index, start, codes of [start - flank, start + size + flank)) over the genome, PAD
    outside the contig."""
    for index, (name, length) in enumerate(genome.contigs.items()):
        for start in range(0, length, size):
            yield index, start, genome.codes(name, start - flank, min(start + size, length) + flank)


def _counted_pieces(genome, size: int, flank: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """The pieces of those contigs that the model is counted from."""
    counted = sources(genome.names)
    return (piece for piece in _pieces(genome, size, flank) if counted[piece[0]])


def _deal_blocks(genome, n_bases: int, seed: int) -> Members:
    size = membership.block_size_for(n_bases)
    counts = membership.n_blocks(genome.contigs, size)
    occupied = np.zeros(sum(counts), dtype=bool)
    first = np.concatenate([[0], np.cumsum(counts)])
    for index, start, codes in _pieces(genome, _whole_blocks(size), 0):
        block = first[index] + start // size
        definite = np.add.reduceat(codes < N, np.arange(0, len(codes), size), dtype=np.int64)
        occupied[block : block + len(definite)] = definite > 0
    return membership.deal(genome.contigs, size, occupied, seed)


def _whole_blocks(size: int) -> int:
    return max(1, PIECE_BASES // size) * size


def _count(
    genome, members: Members, n_bases: int, reach: int, n_sites: int, seed: int
) -> tuple[counting.PatternCounts, _Sample]:
    """One pass: count every block under its pattern and cut the windows of `n_sites` known bases
    drawn without replacement."""
    ranks = np.sort(
        np.random.default_rng([seed, 1]).choice(n_bases, n_sites, replace=False, shuffle=False)
    )
    counted = counting.PatternCounts(reach + 1)
    taken, passed = [], 0
    progress = Progress("context model", "bases", n_bases)
    for index, start, flanked in _counted_pieces(genome, _whole_blocks(members.block_size), reach):
        codes = flanked[reach : len(flanked) - reach]
        for offset in range(0, len(codes), members.block_size):
            pattern = members.pattern[
                members.first_block[index] + (start + offset) // members.block_size
            ]
            if pattern >= 0:
                counted.add(codes[offset : offset + members.block_size], int(pattern))
        definite = np.flatnonzero(codes < N)
        low, high = np.searchsorted(ranks, [passed, passed + len(definite)])
        at = definite[ranks[low:high] - passed]
        passed += len(definite)
        progress(passed)
        taken.append(
            (np.full(len(at), index), start + at, flanked[at[:, None] + np.arange(2 * reach + 1)])
        )
    return counted, _Sample(*(np.concatenate(column) for column in zip(*taken, strict=True)))


def _evidence_of(
    tables: list[counting.Table], orders: tuple[int, ...], members: Members, sample: _Sample
) -> mixture.Evidence:
    """Evidence of the 4 members admitted at each sampled site."""
    admitted = members.admitted(sample.contig_index, sample.pos)
    chosen = np.argsort(~admitted, axis=1, kind="stable")[:, : membership.N_MEMBERS // 2]
    said, flanks = evidence(tables, orders, sample.windows)
    said = np.take_along_axis(said, chosen[None, :, None, :], axis=3)
    said -= said.mean(
        axis=2, keepdims=True
    )  # a constant over the bases is no evidence; without it the search is better conditioned
    return mixture.Evidence(
        said,
        np.take_along_axis(flanks, chosen, axis=1),
        sample.windows[:, sample.windows.shape[1] // 2],
    )
