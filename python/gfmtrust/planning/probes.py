"""Probes: sites of the user's genome, where the real base is known, each with a decoy base.

They are drawn so that they resemble the run's SNVs (substitution, flanks, region class, GC, local
surprisal), and so that the real base is on the run's REF side in half of them. A model that only
prefers one letter is then right half of the time, whatever the spectrum is. Source:
docs/understand/reliability.md, "Drawing the probes".
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gfmtrust.core.alphabet import COMPLEMENT, N
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.inputs.sites import Surroundings

MIN_SNVS_FOR_SPECTRUM = 1_000
MIN_SNVS_FOR_SURPRISAL = 20
"""The smallest number of sites that the shift test accepts. Probes that are not matched would make
it fire on any exome-like callset."""
SNVS_PER_BIN, MAX_BINS = 10, 10
MIN_CANDIDATES = 200
OVERSIZE = 4
QUINTILES = np.array([0.2, 0.4, 0.6, 0.8])
LEVELS = ("gc", "region", "flanks", "substitution")
"""The properties that a class with too few candidates ignores, in this order; the substitution is
never ignored."""


@dataclass(frozen=True)
class Sites:
    """Sites to draw from or to imitate, n rows. region: an integer per region class (n,); alt: code
    of ALT, uint8 (n,), only for the run's SNVs."""

    around: Surroundings
    region: np.ndarray
    alt: np.ndarray | None = None


@dataclass(frozen=True)
class Probes:
    """n probes: the row of each in the candidate pool (never -1), decoy base uint8, run_oriented
    bool (whether the real base is on the REF side)."""

    row: np.ndarray
    decoy: np.ndarray
    run_oriented: np.ndarray


@dataclass
class Drawing:
    """Record of a draw: the spectrum that was used, and the number of alleles that were drawn from
    a wider class."""

    spectrum: str = "run"
    matched_surprisal: bool = False
    merged: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEVELS, 0))


def probe_number(n_snv_sites: int, asked: str | int) -> int:
    """The number of probes. `auto` is a tenth of the run's unique SNV sites, between 4,000 and
    20,000; a number is used unchanged."""
    return min(20_000, max(4_000, n_snv_sites // 10)) if asked == "auto" else int(asked)


def folded(real, other, left, right):
    """Substitutions folded over both strands: complemented where necessary so that `real` is A or
    C. Input and output are arrays of codes."""
    turn = real >= 2
    return (
        np.where(turn, COMPLEMENT[real], real),
        np.where(turn, COMPLEMENT[other], other),
        np.where(turn, COMPLEMENT[right], left),
        np.where(turn, COMPLEMENT[left], right),
    )


def site_key(real, left, right, region, gc_bin, level: int) -> np.ndarray:
    """One integer per class of sites: strand-folded real base, flanks, region class and GC bin,
    without the properties that `level` ignores."""
    base, _, before, after = folded(real, real, left, right)
    zero = np.zeros_like(base, dtype=np.int64)
    parts = [
        base.astype(np.int64),
        before if level < 3 else zero,
        after if level < 3 else zero,
        region if level < 2 else zero,
        gc_bin if level < 1 else zero,
    ]
    key = zero
    for part, size in zip(parts, (4, 8, 8, 64, 8), strict=True):
        key = key * size + part
    return key


class _Classes:
    """Pool rows by class at each level of merging, for uniform draws within a class."""

    def __init__(self, pool: Surroundings, region: np.ndarray, gc_bin: np.ndarray):
        self._levels = []
        for level in range(len(LEVELS)):
            key = site_key(pool.base, pool.left, pool.right, region, gc_bin, level)
            order = np.argsort(key, kind="stable")
            keys, first, count = np.unique(key[order], return_index=True, return_counts=True)
            self._levels.append((order, keys, first, count))

    def draw(
        self, wanted: list[np.ndarray], rng: np.random.Generator, merged: dict[str, int]
    ) -> np.ndarray:
        """A pool row for each wanted key (one array of keys per level). A class with fewer than
        MIN_CANDIDATES rows uses the next level."""
        rows = np.full(len(wanted[0]), -1, dtype=np.int64)
        uniform = rng.random(len(rows))
        open_ = np.ones(len(rows), bool)
        last = len(self._levels) - 1
        for level, (order, keys, first, count) in enumerate(self._levels):
            slot = np.minimum(np.searchsorted(keys, wanted[level]), len(keys) - 1)
            size = np.where(keys[slot] == wanted[level], count[slot], 0)
            enough = open_ & (size >= (MIN_CANDIDATES if level < last else 1))
            rows[enough] = order[
                first[slot[enough]] + (uniform[enough] * size[enough]).astype(np.int64)
            ]
            open_ &= ~enough
            if level < last:
                merged[LEVELS[level]] += int(open_.sum())
        return rows


def draw(
    n: int,
    pool: Sites,
    snvs: Sites,
    surprisal_of_pool,
    surprisal_of_snvs,
    seed: int,
) -> tuple[Probes, Drawing]:
    """Draw n probes from a pool of reference sites so that they resemble the run's SNVs.

    surprisal_of_pool: function of pool rows -> local surprisal (bits, float); surprisal_of_snvs:
    function without arguments -> local surprisal of the run's sites (NaN where unknown). Raises
    BadDataError (65) where the genome has no base to draw. Draws are i.i.d. with replacement.
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
    drawing = Drawing()
    real, other, left, right, region, gc = _alleles(snvs, pool, n * OVERSIZE, rng, drawing)
    edges = np.quantile(snvs.around.gc if drawing.spectrum == "run" else around.gc, QUINTILES)
    classes = _Classes(around, pool.region, np.searchsorted(edges, around.gc))
    run_oriented = np.arange(len(real)) % 2 == 0
    here, decoy = np.where(run_oriented, real, other), np.where(run_oriented, other, real)
    gc_bin = np.searchsorted(edges, gc)
    wanted = [site_key(here, left, right, region, gc_bin, level) for level in range(len(LEVELS))]
    rows = classes.draw(wanted, rng, drawing.merged)
    drawn = np.flatnonzero(rows >= 0)
    rows, here, decoy, run_oriented = rows[drawn], here[drawn], decoy[drawn], run_oriented[drawn]
    decoy = np.where(around.base[rows] == here, decoy, COMPLEMENT[decoy]).astype(np.uint8)
    run = surprisal_of_snvs() if len(snvs.region) >= MIN_SNVS_FOR_SURPRISAL else np.empty(0)
    keep = _thinned(n, rows, run_oriented, surprisal_of_pool, run, drawing, rng)
    return Probes(rows[keep], decoy[keep], run_oriented[keep]), drawing


def _alleles(snvs: Sites, pool: Sites, n: int, rng, drawing: Drawing) -> tuple[np.ndarray, ...]:
    """n alleles to imitate: those of the run, or, where it has too few, all substitutions equally
    often, with flanks from the genome."""
    snv, snv_alt = snvs.around, np.asarray(snvs.alt)
    usable = np.flatnonzero(
        (snv.base < N) & (snv_alt < N) & (snv.base != snv_alt) & (snv.left < N) & (snv.right < N)
    )
    if len(usable) >= MIN_SNVS_FOR_SPECTRUM:
        pick = usable[rng.integers(0, len(usable), n)]
        return (
            snv.base[pick],
            snv_alt[pick],
            snv.left[pick],
            snv.right[pick],
            snvs.region[pick],
            snv.gc[pick],
        )
    drawing.spectrum = "default"
    pick = rng.integers(0, len(pool.region), n)
    pair = rng.integers(0, 12, n)
    real = (pair // 3).astype(np.uint8)
    other = ((real + 1 + pair % 3) % 4).astype(np.uint8)
    around = pool.around
    return real, other, around.left[pick], around.right[pick], pool.region[pick], around.gc[pick]


def _thinned(
    n: int, rows: np.ndarray, run_oriented: np.ndarray, surprisal_of_pool, run, drawing, rng
) -> np.ndarray:
    """The draws to keep: at most n, half in each orientation, spread over the run's deciles of
    local surprisal if it has enough SNVs. run: local surprisal of the run's sites, bits.

    Each draw is kept or not by an independent random number, and none is drawn again, so that the
    kept draws are i.i.d. and the binomial bound is exact.
    """
    run = run[np.isfinite(run)]
    chance = np.ones(len(rows))
    if len(run) >= MIN_SNVS_FOR_SURPRISAL:
        drawing.matched_surprisal = True
        n_bins = min(MAX_BINS, len(run) // SNVS_PER_BIN)
        edges = np.quantile(run, np.arange(1, n_bins) / n_bins)
        surprisal = surprisal_of_pool(rows)
        answered = np.isfinite(surprisal)
        bins = np.searchsorted(edges, np.where(answered, surprisal, 0))
        share_run = np.bincount(np.searchsorted(edges, run), minlength=n_bins) / len(run)
        share_drawn = np.bincount(bins[answered], minlength=n_bins) / max(1, answered.sum())
        ratio = np.divide(share_run, share_drawn, out=np.zeros(n_bins), where=share_drawn > 0)
        chance = np.where(answered, ratio[bins] / ratio.max(), 0)
    accepted = rng.random(len(rows)) < chance
    kept = [
        np.flatnonzero(accepted & (run_oriented == side))[:quota]
        for side, quota in ((True, n - n // 2), (False, n // 2))
    ]
    shortest = min(len(part) for part in kept)
    return np.sort(np.concatenate([part[: shortest + 1] for part in kept]))
