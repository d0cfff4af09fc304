"""Probes: sites of the user's own genome whose real base is known, each with a decoy base.

They are drawn so that they resemble the run's SNVs (substitution, flanks, region class, GC, local
surprisal) and so that the real base is on the run's REF side in half of them: a model that merely
prefers one letter is then right in half of the probes, whatever the spectrum. They are drawn cell
by cell (copy class and mutation class), because certificates are never pooled over cells. Source:
docs/understand/reliability.md, "Drawing the probes".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from gfmtrust.core.alphabet import COMPLEMENT
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.mutation import MUTATION_CLASSES
from gfmtrust.core.vocabulary import CopyClass
from gfmtrust.planning import imitated, stable_draws
from gfmtrust.planning.imitated import Alleles
from gfmtrust.planning.site_classes import LEVELS, SiteClasses, Sites, site_key
from gfmtrust.planning.stable_draws import Purpose

MIN_SNVS_FOR_SPECTRUM = 1_000
MIN_SNVS_FOR_SURPRISAL = 20
"""The smallest number of SNVs that the shift test uses. Without matching, that test would fire on
any exome-like callset."""
MIN_SNVS_OF_CELL = 30
"""SNVs of the run that a cell needs before it has its equal share of the probes: as few as the
own-allele check asks for."""
LEAST_PROBES, MOST_PROBES = 8_000, 20_000
PROBES_OF_CELL = 2_000
"""Probes that `auto` draws for each cell that may be HIGH: a quarter of them certifies a level."""
NEED_OF_NEAR_COPY = 0.25
"""Need of a near copy's cell beside that of another: it is at most MEDIUM, whose limit is four
times as wide, and a certificate needs probes in proportion to 1 / limit."""
SNVS_PER_BIN, MAX_BINS = 10, 10
OVERSIZE = 4
QUINTILES = np.array([0.2, 0.4, 0.6, 0.8])
Rows = np.ndarray
Surprisal = Callable[[Rows], np.ndarray]
"""Returns the local surprisal of the sites in those rows, bits; NaN where unknown."""


@dataclass(frozen=True)
class Probes:
    """n probes: row of each in the candidate pool, decoy base uint8, run_oriented bool (whether the
    real base is on the REF side)."""

    row: np.ndarray
    decoy: np.ndarray
    run_oriented: np.ndarray


@dataclass
class Drawing:
    """Facts about a draw: the spectrum that was used, whether the local surprisal was matched,
    whether any candidate is in lower case, and how many alleles were matched in a wider class."""

    spectrum: str = "run"
    matched_surprisal: bool = False
    soft_masked: bool = True
    merged: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEVELS, 0))


def probe_number(n_snv_sites: int, asked: str | int, need: float = 0.0) -> int:
    """`auto` is a tenth of the run's unique SNV sites or PROBES_OF_CELL for each unit of `need`
    (see `needed`), whichever is more, within 8,000 and 20,000; a number is taken as it is."""
    if asked != "auto":
        return int(asked)
    wanted = max(LEAST_PROBES, n_snv_sites // 10, round(PROBES_OF_CELL * need))
    return min(MOST_PROBES, wanted)


def needed(snvs: Sites, bases: Sites | None = None) -> float:
    """The sum of the needs of the cells that hold enough of the run's SNVs or sampled region bases
    to have an equal share of the probes."""
    (snvs, *others), copy_names = _numbered(snvs, *([] if bases is None else [bases]))
    alleles = [imitated.of_snvs(snvs, imitated.usable(snvs))]
    alleles += [imitated.against_any_letter(one, len(one.region), seed=0) for one in others]
    cells, counts = np.unique(np.concatenate([one.cell for one in alleles]), return_counts=True)
    return float(_needs(cells[counts >= MIN_SNVS_OF_CELL], copy_names).sum())


def _needs(cells: np.ndarray, copy_names: np.ndarray) -> np.ndarray:
    """Need of each cell, float64 (n,); copy_names: names of the copy classes that cells count in."""
    is_near = np.array([name == CopyClass.NEAR_COPY.value for name in copy_names], bool)
    return np.where(is_near[cells // len(MUTATION_CLASSES)], NEED_OF_NEAR_COPY, 1.0)


def draw(
    n: int,
    pool: Sites,
    snvs: Sites,
    surprisal_of_pool: Surprisal,
    surprisal_of_snvs: Surprisal,
    seed: int,
    bases: Sites | None = None,
) -> tuple[Probes, Drawing]:
    """Draw n probes from a pool of reference sites so that they resemble the run's SNVs.

    Half of them are spread over the cells as the run's SNVs are, half by need over the cells that
    hold at least MIN_SNVS_OF_CELL of them: a rare cell is certified on probes of its own or not at
    all. The need of all cells is equal, that of near copies smaller (NEED_OF_NEAR_COPY). bases: a
    sample of the region bases, which are flagged against any other letter and so have cells that
    the SNVs may lack. Sites are drawn independently and with replacement. Raises BadDataError (65)
    where the genome has no base to draw.
    """
    around = pool.around
    if not len(around.base) or (pool.is_free is not None and not pool.is_free.any()):
        raise BadDataError(
            message(
                "FASTA",
                "no base outside the variants and N",
                "some sequence to calibrate on",
                "give --calibration",
            )
        )
    drawing = Drawing(soft_masked=bool(around.soft_masked.any()))
    (pool, snvs, *others), copy_names = _numbered(pool, snvs, *([] if bases is None else [bases]))
    usable = imitated.usable(snvs)
    of_run = imitated.of_snvs(snvs, usable)
    if len(usable) < MIN_SNVS_FOR_SPECTRUM:
        drawing.spectrum = "default"
    alleles = (
        of_run if drawing.spectrum == "run" else imitated.any_substitution(pool, n * OVERSIZE, seed)
    )
    is_run = len(usable) >= MIN_SNVS_FOR_SURPRISAL
    run_cell = (of_run if is_run else alleles).cell
    wanted = run_cell
    if others:
        n_bases = min(len(others[0].region), len(run_cell))
        of_bases = imitated.against_any_letter(others[0], n_bases, seed)
        wanted = np.concatenate([wanted, of_bases.cell])
        names, counts = np.unique(run_cell, return_counts=True)
        lacking = ~np.isin(of_bases.cell, names[counts >= MIN_SNVS_OF_CELL])
        alleles = alleles.joined(of_bases.take(np.flatnonzero(lacking)))
    edges = np.quantile(snvs.around.gc if drawing.spectrum == "run" else around.gc, QUINTILES)
    source = _Source(
        SiteClasses(pool, np.searchsorted(edges, around.gc), seed), around.base, edges, seed
    )
    parts = []
    for cell, quota in quotas(wanted, n, copy_names).items():
        of_cell = np.flatnonzero(alleles.cell == cell)
        if not len(of_cell) or not quota:
            continue
        # a cell with too few SNVs of its own is matched to all SNVs
        in_cell = usable[run_cell == cell] if is_run else usable[:0]
        if len(in_cell) < MIN_SNVS_FOR_SURPRISAL <= len(usable):
            in_cell = usable
        surprisals = _Surprisals(surprisal_of_pool, surprisal_of_snvs(in_cell))
        parts.append(_draw_cell(quota, alleles.take(of_cell), source, surprisals, drawing))
    if not parts:
        return Probes(np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, bool)), drawing
    return Probes(*(np.concatenate(columns) for columns in zip(*parts, strict=True))), drawing


def _numbered(*sites: Sites) -> tuple[list[Sites], np.ndarray]:
    """All with the places of their region and copy classes among all names, in order of name; and
    the names of the copy classes."""
    regions = np.unique(np.concatenate([np.asarray(one.region) for one in sites]))
    copies = np.unique(np.concatenate([np.asarray(one.copy) for one in sites]))
    return [
        replace(
            one,
            region=np.searchsorted(regions, one.region),
            copy=np.searchsorted(copies, one.copy),
        )
        for one in sites
    ], copies


def quotas(cell: np.ndarray, n: int, copy_names: np.ndarray) -> dict[int, int]:
    """How many of n probes each cell gets, by cell in order; even numbers, so that half of each
    cell is run-oriented, the largest cell taking what is left.

    cell: of the alleles to imitate; copy_names: names of the copy classes that cells count in.
    """
    names, counts = np.unique(cell, return_counts=True)
    needs = _needs(names, copy_names) * (counts >= min(MIN_SNVS_OF_CELL, counts.max()))
    wanted = n * (0.5 * counts / counts.sum() + 0.5 * needs / needs.sum())
    numbers = 2 * np.round(wanted / 2).astype(np.int64)
    numbers[np.argmax(numbers)] += n - numbers.sum()
    return {int(name): int(number) for name, number in zip(names, numbers, strict=True)}


@dataclass(frozen=True)
class _Surprisals:
    """of_pool: function of pool rows; of_run: local surprisal of the run's SNVs of the cell, bits,
    empty where there are too few to match."""

    of_pool: Surprisal
    of_run: np.ndarray


@dataclass(frozen=True)
class _Source:
    """Where sites are drawn from: classes of the pool, the base of each of its rows, the edges of
    the GC bins, and the seed."""

    classes: SiteClasses
    base: np.ndarray
    gc_edges: np.ndarray
    seed: int


def _draw_cell(
    n: int, alleles: Alleles, source: _Source, surprisals: _Surprisals, drawing: Drawing
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pool row, decoy and orientation of at most n probes of one cell.

    The alleles are imitated in turn, in an order of their own, once in each orientation in each
    turn: one more allele in the run adds its imitations and removes as many at the end.
    """
    order = np.argsort(stable_draws.words(source.seed, Purpose.ALLELE_ORDER, alleles.name))
    turn, at = np.divmod(np.arange(n * OVERSIZE // 2).repeat(2), len(order))
    run_oriented = np.arange(len(at)) % 2 == 0
    allele = alleles.take(order[at])
    draw = stable_draws.words(source.seed, Purpose.IMITATION, allele.name, turn, run_oriented)
    here = np.where(run_oriented, allele.real, allele.other)
    decoy = np.where(run_oriented, allele.other, allele.real)
    gc_bin = np.searchsorted(source.gc_edges, allele.gc)
    wanted = [
        site_key(here, allele.left, allele.right, allele.copy, allele.region, gc_bin, level)
        for level in range(len(LEVELS))
    ]
    rows = source.classes.draw(wanted, draw, drawing.merged)
    drawn = np.flatnonzero(rows >= 0)
    rows, here, decoy, run_oriented, draw = (
        values[drawn] for values in (rows, here, decoy, run_oriented, draw)
    )
    decoy = np.where(source.base[rows] == here, decoy, COMPLEMENT[decoy]).astype(np.uint8)
    keep = _thinned(
        n,
        rows,
        run_oriented,
        surprisals,
        drawing,
        stable_draws.uniform(source.seed, Purpose.KEEP, draw),
    )
    return rows[keep], decoy[keep], run_oriented[keep]


def _thinned(
    n: int,
    rows: np.ndarray,
    run_oriented: np.ndarray,
    surprisals: _Surprisals,
    drawing: Drawing,
    number: np.ndarray,
) -> np.ndarray:
    """Return which draws to keep: at most n, half in each orientation, and distributed like the
    local surprisal of the run's SNVs if the cell has enough of them.

    Each draw is kept or discarded by an independent random number of its own (`number`, in [0, 1))
    and never drawn again, so that the kept draws stay independent.
    """
    run = surprisals.of_run[np.isfinite(surprisals.of_run)]
    chance = np.ones(len(rows))
    if len(run) >= MIN_SNVS_FOR_SURPRISAL and len(rows):
        drawing.matched_surprisal = True
        n_bins = min(MAX_BINS, len(run) // SNVS_PER_BIN)
        edges = np.quantile(run, np.arange(1, n_bins) / n_bins)
        surprisal = surprisals.of_pool(rows)
        answered = np.isfinite(surprisal)
        bins = np.searchsorted(edges, np.where(answered, surprisal, 0))
        share_run = np.bincount(np.searchsorted(edges, run), minlength=n_bins) / len(run)
        share_drawn = np.bincount(bins[answered], minlength=n_bins) / max(1, answered.sum())
        ratio = np.divide(share_run, share_drawn, out=np.zeros(n_bins), where=share_drawn > 0)
        chance = np.where(answered, ratio[bins] / max(ratio.max(), 1e-300), 0)
    accepted = number < chance
    kept = [
        np.flatnonzero(accepted & (run_oriented == side))[:quota]
        for side, quota in ((True, n - n // 2), (False, n // 2))
    ]
    shortest = min(len(part) for part in kept)
    return np.sort(np.concatenate([part[: shortest + 1] for part in kept]))
