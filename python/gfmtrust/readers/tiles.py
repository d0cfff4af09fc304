"""Bases of regions scored many at a time: each pass masks every s-th token of a tile, so that s
passes answer all of its bases.

Tiles start every half window from the start of the contig, and the tokens that a pass masks depend
on the tile alone: a base has one value whatever regions, shards or batches include it. This
approximates `Reader.score_sites`; each run measures how well (`scoring.stride`). Only masked models
have tiles (`Reader.tiling`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.core.alphabet import N
from gfmtrust.core.interfaces import Genome, Scorer
from gfmtrust.core.vocabulary import Placement
from gfmtrust.inputs.sites import place_key
from gfmtrust.readers.neighbours import local_surprisal
from gfmtrust.readers.options import DEFAULTS, ReadingOptions
from gfmtrust.readers.site_scores import SiteScores, joined, refuse_broken, settle
from gfmtrust.readers.views import columns_of
from gfmtrust.readers.windows import (
    CHUNK_BASES,
    COMPLEMENT_ORDER,
    bases_at,
    cut,
    window_shares,
    window_status,
)

if TYPE_CHECKING:
    from gfmtrust.readers.reader import Reader

CHUNK_TILES = 64
"""The number of tiles processed at once; 16,000 bases for tiles of 512 bp."""


@dataclass(frozen=True)
class Tiling:
    """The layout of a model's tiles: tile j reads `window` bases from j * step - margin onwards and
    owns the bases from j * step to (j + 1) * step.

    Each base is thus taken from the tile in whose middle half it is. token: the number of bases
    that are masked together.
    """

    window: int
    step: int
    margin: int
    token: int

    @classmethod
    def of(cls, window: int, token: int) -> Tiling:
        """Return the layout for windows and tokens of the given numbers of letters."""
        step = window // 2 // token * token
        return cls(window, step, (window - step) // 2 // token * token, token)

    def masked(self, stride: int) -> list[np.ndarray]:
        """Return, for each of the `stride` passes, the index in the window of each base that it
        masks."""
        tokens = np.arange(self.window // self.token)
        return [
            (tokens[t::stride, None] * self.token + np.arange(self.token)).ravel()
            for t in range(stride)
        ]

    def tiles(
        self, contig_index: np.ndarray, pos: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the distinct tiles that own n bases: contig_index (m,), the first position read
        (m,), and the index of each base's tile (n,)."""
        key, tile = np.unique(place_key(contig_index, pos // self.step), return_inverse=True)
        return key >> 40, (key & ((1 << 40) - 1)) * self.step - self.margin, tile


def answerable(
    reader: Reader, genome: Genome, contig_index: np.ndarray, pos: np.ndarray, max_n: float
) -> np.ndarray:
    """Return which bases a tile can answer, bool (n,): known letters whose tile lies inside the
    contig and has a share of N of at most max_n."""
    tiling = reader.tiling()
    if tiling is None or not len(pos):
        return np.zeros(len(pos), bool)
    contig, start, tile = tiling.tiles(contig_index, pos)
    clean = np.zeros(len(start), bool)
    chunk = max(1, CHUNK_BASES // tiling.window)
    for first in range(0, len(start), chunk):
        rows = slice(first, first + chunk)
        _, n_share, pad_share = window_status(
            cut(genome, contig[rows], start[rows], tiling.window), tiling.margin, max_n
        )
        clean[rows] = (n_share <= max_n) & (pad_share == 0)
    return clean[tile] & (bases_at(genome, contig_index, pos) < N)


def score_rows(
    reader: Reader,
    scorer: Scorer,
    genome: Genome,
    places: tuple[np.ndarray, np.ndarray],
    tiled: np.ndarray,
    stride: int,
    options: ReadingOptions = DEFAULTS,
    score_alone: Callable[[np.ndarray, np.ndarray], SiteScores] | None = None,
) -> SiteScores:
    """Scores of n sites in the order given: those that are `tiled`, bool (n,), from tiles, the
    others one by one. places: contig_index and pos, (n,) each. score_alone: a function of such
    places that scores them one by one; None for the reader's own."""
    contig_index, pos = places
    alone, shared = np.flatnonzero(~tiled), np.flatnonzero(tiled)
    if score_alone is None:
        pieces = [reader.score_sites(scorer, genome, contig_index[alone], pos[alone], options)]
    else:
        pieces = [score_alone(contig_index[alone], pos[alone])]
    if len(shared):
        places = contig_index[shared], pos[shared]
        pieces.append(score_tiles(reader, scorer, genome, places, stride, options))
    return joined(pieces, len(reader.views(options.views))).take(
        np.argsort(np.concatenate([alone, shared]))
    )


def score_tiles(
    reader: Reader,
    scorer: Scorer,
    genome: Genome,
    places: tuple[np.ndarray, np.ndarray],
    stride: int,
    options: ReadingOptions = DEFAULTS,
) -> SiteScores:
    """Return the scores of bases that are all `answerable`, in the given order and in the form of
    `Reader.score_sites`.

    places: contig_index and pos, (n,) each. stride: the distance in tokens between masked tokens of
    a pass. Only the passes that a base or one of its neighbours needs are run. The local surprisal
    is that of the neighbours as the same tile answers them. All members vote.
    """
    contig_index, pos = places
    _, start, tile = _tiling(reader).tiles(contig_index, pos)
    order = np.argsort(tile, kind="stable")
    pieces = []
    for first in range(0, len(start), CHUNK_TILES):
        rows = order[slice(*np.searchsorted(tile[order], (first, first + CHUNK_TILES)))]
        chunk = contig_index[rows], pos[rows]
        pieces.append(_score_chunk(reader, scorer, genome, chunk, stride, options))
    scores = joined(pieces, len(reader.views(options.views))).take(np.argsort(order))
    refuse_broken(scores, reader.model.model_id)
    return scores


def tile_passes(
    reader: Reader, preset: str, contig_index: np.ndarray, pos: np.ndarray, stride: int
) -> int:
    """Return the number of passes for n bases if all passes of their tiles are run."""
    return (
        len(_tiling(reader).tiles(contig_index, pos)[0])
        * stride
        * reader.passes_per_site(preset, neighbours=False)
    )


def _tiling(reader: Reader, placement: Placement = Placement("+")) -> Tiling:  # noqa: B008  (immutable)
    tiling = reader.tiling(placement)
    if tiling is None:
        raise ValueError(f"{reader.model.model_id} has no tiles")
    return tiling


def _score_chunk(
    reader: Reader,
    scorer: Scorer,
    genome: Genome,
    places: tuple[np.ndarray, np.ndarray],
    stride: int,
    options: ReadingOptions,
) -> SiteScores:
    (contig_index, pos), model = places, reader.model
    views = reader.views(options.views)
    as_read = np.array(model.neighbour_offsets if options.neighbours else [], np.int64)
    offsets = np.unique(np.concatenate([as_read, -as_read]))
    probs = np.full((len(pos), len(views), 4), np.nan, np.float32)
    off = np.zeros(len(pos), np.float32)
    n_share = pad_share = np.zeros(len(pos), np.float32)
    beside = np.zeros((len(pos), len(offsets), model.n_members, 4))
    n_strands = len({view.strand for view in views})
    for placement in reader.placements(options.views):
        tiling = _tiling(reader, placement)
        contig, start, tile = tiling.tiles(contig_index, pos)
        columns = columns_of(views, placement)
        is_whole = placement == Placement(placement.strand)
        letters = (pos - start[tile])[:, None] + (
            np.append(0, offsets) if is_whole else -placement.shift
        )
        windows = cut(genome, contig, start + placement.shift, tiling.window, placement.strand)
        tiles = _Tiles(tiling, stride, placement.strand, windows)
        answer, mass = tiles.answers(scorer, tile, letters, model.n_members)
        probs[:, columns] = answer[:, 0]
        off = np.maximum(off, mass[:, 0])
        if is_whole:
            beside += answer[:, 1:].astype(np.float64) / n_strands
        if not any(placement.crop):
            of_view = window_shares(windows)
            n_share = np.maximum(n_share, of_view[0][tile])
            pad_share = np.maximum(pad_share, of_view[1][tile])
    status = np.full(len(pos), "", object)
    settle(probs, status, off, np.arange(len(pos)))
    return SiteScores(
        probs,
        status,
        local_surprisal(beside, genome, contig_index, pos, offsets, None),
        n_share.astype(np.float32),
        pad_share.astype(np.float32),
        off,
    )


@dataclass(frozen=True)
class _Tiles:
    """The tiles of one view. windows: codes uint8 (m, W), in reading direction."""

    tiling: Tiling
    stride: int
    strand: str
    windows: np.ndarray

    def answers(
        self, scorer: Scorer, tile: np.ndarray, letters: np.ndarray, n_members: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return distributions on the forward strand, float32 (n, P, members, 4), and the
        probability outside A,C,G,T, float32 (n, P).

        tile: (n,), the row of `windows` of each base. letters: int64 (n, P), index in the tile's
        window on the forward strand; one outside it has NaN and 0.
        """
        inside = (letters >= 0) & (letters < self.tiling.window)
        turn = np.where(inside, letters // self.tiling.token % self.stride, -1)
        answer = np.full((*letters.shape, n_members, 4), np.nan, np.float32)
        mass = np.zeros(letters.shape, np.float32)
        for t, index in enumerate(self.tiling.masked(self.stride)):
            base, place = np.nonzero(turn == t)
            asked = np.unique(tile[base])
            if not len(asked):
                continue
            read = index if self.strand == "+" else self.tiling.window - 1 - index
            probs, outside = scorer.distributions(
                self.windows[asked], np.tile(read, (len(asked), 1))
            )
            row, column = (
                np.searchsorted(asked, tile[base]),
                np.searchsorted(index, letters[base, place]),
            )
            answer[base, place], mass[base, place] = probs[row, column], outside[row, column]
        return answer if self.strand == "+" else answer[..., COMPLEMENT_ORDER], mass
