"""Probes: sites of the user's own genome where the real base is known, each with a decoy base
beside it.

Drawn so that they look like the run's SNVs (substitution, flanks, region class, GC, local
surprisal) and so that the real base stands on the run's REF side in half of them: a model that
merely likes one letter is then right half of the time, whatever the spectrum. They are drawn cell
by cell (copy class and mutation class), because certificates are never pooled over cells. Source:
docs/understand/reliability.md, "Drawing the probes".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gfmtrust.core.alphabet import COMPLEMENT, N
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.mutation import MUTATION_CLASSES
from gfmtrust.core.vocabulary import CopyClass
from gfmtrust.inputs.sites import Surroundings
from gfmtrust.planning.site_classes import LEVELS, SiteClasses, Sites, cell_of, site_key

MIN_SNVS_FOR_SPECTRUM = 1_000
MIN_SNVS_FOR_SURPRISAL = 20
"""As few as the shift test looks at: probes that were not matched would make it fire on any
exome-like callset."""
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
"""Local surprisal of the sites in those rows, bits; NaN where unknown."""


@dataclass(frozen=True)
class Probes:
    """n probes: row of the candidate pool that each stands at, decoy base uint8, run_oriented bool
    (real base on the REF side)."""

    row: np.ndarray
    decoy: np.ndarray
    run_oriented: np.ndarray


@dataclass
class Drawing:
    """How a draw went: which spectrum was used, whether any candidate is in lower case, and how many
    alleles had to merge to a wider class."""

    spectrum: str = "run"
    matched_surprisal: bool = False
    soft_masked: bool = True
    merged: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEVELS, 0))


@dataclass(frozen=True)
class _Alleles:
    """Alleles to imitate, (n,) each, with the letters of their sites; cell: see `cell_of`."""

    real: np.ndarray
    other: np.ndarray
    left: np.ndarray
    right: np.ndarray
    region: np.ndarray
    copy: np.ndarray
    gc: np.ndarray
    cell: np.ndarray

    def take(self, rows: np.ndarray) -> _Alleles:
        return _Alleles(*(values[rows] for values in vars(self).values()))

    def joined(self, other: _Alleles) -> _Alleles:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Alleles(*(np.concatenate(pair) for pair in pairs))


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
    rng = np.random.default_rng(0)
    alleles = [_alleles_of(snvs, _usable(snvs))]
    alleles += [_against_any_letter(one, len(one.region), rng) for one in others]
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
    """Draw n probes from a pool of reference sites so that they look like the run's SNVs.

    Half of them are spread over the cells as the run's SNVs are, half by need over the cells that
    hold at least MIN_SNVS_OF_CELL of them: a rare cell is certified on probes of its own or not at
    all. The need of all cells is equal, that of near copies smaller (NEED_OF_NEAR_COPY). bases: a
    sample of the region bases, which are flagged against any other letter and so have cells that
    the SNVs may lack. Draws are i.i.d. with replacement within a cell. Raises
    BadDataError (65) where the genome has no base to draw.
    """
    around = pool.around
    if not len(around.base):
        raise BadDataError(
            message(
                "FASTA",
                "no base outside the variants and N",
                "some sequence to calibrate on",
                "give --calibration",
            )
        )
    rng = np.random.default_rng([seed, 0x9E37])
    drawing = Drawing(soft_masked=bool(around.soft_masked.any()))
    (pool, snvs, *others), copy_names = _numbered(pool, snvs, *([] if bases is None else [bases]))
    usable = _usable(snvs)
    sampled = _sampled(snvs, usable, pool, n * OVERSIZE, rng, drawing)
    is_run = len(usable) >= MIN_SNVS_FOR_SURPRISAL
    run = _alleles_of(snvs, usable) if is_run else sampled
    wanted = run.cell
    if others:
        of_bases = _against_any_letter(others[0], min(len(others[0].region), len(run.cell)), rng)
        wanted = np.concatenate([wanted, of_bases.cell])
        names, counts = np.unique(run.cell, return_counts=True)
        lacking = ~np.isin(of_bases.cell, names[counts >= MIN_SNVS_OF_CELL])
        sampled = sampled.joined(of_bases.take(np.flatnonzero(lacking)))
    edges = np.quantile(snvs.around.gc if drawing.spectrum == "run" else around.gc, QUINTILES)
    classes = SiteClasses(pool, np.searchsorted(edges, around.gc))
    parts = []
    for cell, quota in quotas(wanted, n, copy_names).items():
        of_cell = np.flatnonzero(sampled.cell == cell)
        if not len(of_cell) or not quota:
            continue
        imitated = sampled.take(of_cell[rng.integers(0, len(of_cell), quota * OVERSIZE)])
        # a cell with too few SNVs of its own is matched to all of them
        in_cell = usable[run.cell == cell] if is_run else usable[:0]
        if len(in_cell) < MIN_SNVS_FOR_SURPRISAL <= len(usable):
            in_cell = usable
        parts.append(
            _draw_cell(
                quota,
                imitated,
                classes,
                around,
                np.searchsorted(edges, imitated.gc),
                _Surprisals(surprisal_of_pool, surprisal_of_snvs(in_cell)),
                rng,
                drawing,
            )
        )
    if not parts:
        return Probes(np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, bool)), drawing
    return Probes(*(np.concatenate(columns) for columns in zip(*parts, strict=True))), drawing


def _numbered(*sites: Sites) -> tuple[list[Sites], np.ndarray]:
    """All with the places of their region and copy classes among all names, in order of name; and
    the names of the copy classes."""
    regions = np.unique(np.concatenate([np.asarray(one.region) for one in sites]))
    copies = np.unique(np.concatenate([np.asarray(one.copy) for one in sites]))
    return [
        Sites(
            one.around,
            np.searchsorted(regions, one.region),
            np.searchsorted(copies, one.copy),
            one.alt,
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


def _draw_cell(
    n: int,
    imitated: _Alleles,
    classes: SiteClasses,
    around: Surroundings,
    gc_bin: np.ndarray,
    surprisals: _Surprisals,
    rng: np.random.Generator,
    drawing: Drawing,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pool row, decoy and orientation of at most n probes of one cell."""
    run_oriented = np.arange(len(imitated.real)) % 2 == 0
    here = np.where(run_oriented, imitated.real, imitated.other)
    decoy = np.where(run_oriented, imitated.other, imitated.real)
    wanted = [
        site_key(here, imitated.left, imitated.right, imitated.copy, imitated.region, gc_bin, level)
        for level in range(len(LEVELS))
    ]
    rows = classes.draw(wanted, rng, drawing.merged)
    drawn = np.flatnonzero(rows >= 0)
    rows, here, decoy, run_oriented = rows[drawn], here[drawn], decoy[drawn], run_oriented[drawn]
    decoy = np.where(around.base[rows] == here, decoy, COMPLEMENT[decoy]).astype(np.uint8)
    keep = _thinned(n, rows, run_oriented, surprisals, drawing, rng)
    return rows[keep], decoy[keep], run_oriented[keep]


def _usable(snvs: Sites) -> np.ndarray:
    """Rows of the SNVs whose letters are all known."""
    around, alt = snvs.around, np.asarray(snvs.alt)
    return np.flatnonzero(
        (around.base < N)
        & (alt < N)
        & (around.base != alt)
        & (around.left < N)
        & (around.right < N)
    )


def _alleles_of(snvs: Sites, rows: np.ndarray) -> _Alleles:
    around, alt = snvs.around.take(rows), np.asarray(snvs.alt)[rows]
    copy = snvs.copy[rows]
    cell = cell_of(around.base, alt, around.left, around.right, copy)
    return _Alleles(
        around.base, alt, around.left, around.right, snvs.region[rows], copy, around.gc, cell
    )


def _against_any_letter(bases: Sites, n: int, rng: np.random.Generator) -> _Alleles:
    """About n region bases, each with one of the other letters; those beside an N are left out."""
    rows = rng.integers(0, len(bases.region), n)
    base = bases.around.base[rows]
    alt = ((base.astype(np.int64) + 1 + rng.integers(0, 3, n)) % 4).astype(np.uint8)
    chosen = bases.take(rows)
    with_letters = Sites(chosen.around, chosen.region, chosen.copy, alt)
    return _alleles_of(with_letters, _usable(with_letters))


def _sampled(
    snvs: Sites, usable: np.ndarray, pool: Sites, n: int, rng, drawing: Drawing
) -> _Alleles:
    """n alleles to imitate: the run's own, or with too few of them every substitution alike on the
    genome's own flanks."""
    if len(usable) >= MIN_SNVS_FOR_SPECTRUM:
        return _alleles_of(snvs, usable[rng.integers(0, len(usable), n)])
    drawing.spectrum = "default"
    rows = rng.integers(0, len(pool.region), n)
    pair = rng.integers(0, 12, n)
    real = (pair // 3).astype(np.uint8)
    other = ((real + 1 + pair % 3) % 4).astype(np.uint8)
    around, copy = pool.around.take(rows), pool.copy[rows]
    cell = cell_of(real, other, around.left, around.right, copy)
    return _Alleles(
        real, other, around.left, around.right, pool.region[rows], copy, around.gc, cell
    )


def _thinned(
    n: int, rows: np.ndarray, run_oriented: np.ndarray, surprisals: _Surprisals, drawing, rng
) -> np.ndarray:
    """Which draws to keep: at most n, half in each orientation, spread over the deciles of the
    local surprisal of the run's SNVs if the cell has enough of them.

    A draw is kept or not by a coin of its own, never drawn again, so that what is kept stays i.i.d.
    and the binomial bound exact.
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
    accepted = rng.random(len(rows)) < chance
    kept = [
        np.flatnonzero(accepted & (run_oriented == side))[:quota]
        for side, quota in ((True, n - n // 2), (False, n // 2))
    ]
    shortest = min(len(part) for part in kept)
    return np.sort(np.concatenate([part[: shortest + 1] for part in kept]))
