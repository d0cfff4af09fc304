"""Region bases scored many at a time: each pass masks every s-th token of a tile, s passes answer
all of its bases.

Tiles lie half a window apart from the contig's start, and what a pass masks depends on its tile
alone: a base has one value whatever regions, shards or batches asked for it. An approximation of
`scoring.score_sites`; how good it is each run measures (`stride`). Not here: models that read one
side only, and the context model, which masks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import N
from gfmtrust.core.vocabulary import Look
from gfmtrust.inputs.sites import place_key
from gfmtrust.readers.site_scores import (
    CHUNK_BASES,
    COMPLEMENT_ORDER,
    SiteScores,
    bases_at,
    cut,
    joined,
    local_surprisal,
    refuse_broken,
    score_sites,
    settle,
    window_status,
)
from gfmtrust.readers.views import columns_of, looks_of, passes_per_site, views_of, width_of

CHUNK_TILES = 64
"""Tiles worked on at once: of 512 bp 16,000 bases."""


@dataclass(frozen=True)
class Tiling:
    """Where a model's tiles lie: tile j reads `window` bases from j * step - margin on and owns
    those from j * step to (j + 1) * step.

    A base is so taken from the tile in whose middle half it lies. token: bases that are masked
    together.
    """

    window: int
    step: int
    margin: int
    token: int

    @classmethod
    def of(cls, bundle, look: Look = Look("+")) -> Tiling | None:  # noqa: B008  (immutable)
        """The tiles of a look; None where the model's bases can only be scored one by one."""
        if (
            bundle.causal or bundle.quantity != "direct" and bundle.quantity != "kmer"
        ):  # no mask, or none that bases could share
            return None
        window, token = width_of(bundle, look), bundle.k
        step = window // 2 // token * token
        return cls(window, step, (window - step) // 2 // token * token, token)

    def masked(self, stride: int) -> list[np.ndarray]:
        """Index in the window of each base that pass t masks, for t of 0 to stride - 1."""
        tokens = np.arange(self.window // self.token)
        return [
            (tokens[t::stride, None] * self.token + np.arange(self.token)).ravel()
            for t in range(stride)
        ]

    def tiles(
        self, contig_index: np.ndarray, pos: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The distinct tiles that own n bases: contig_index (m,), first position read (m,), and
        which of them is each base's (n,)."""
        key, tile = np.unique(place_key(contig_index, pos // self.step), return_inverse=True)
        return key >> 40, (key & ((1 << 40) - 1)) * self.step - self.margin, tile


def answerable(
    bundle, genome, contig_index: np.ndarray, pos: np.ndarray, max_n: float
) -> np.ndarray:
    """Which bases a tile answers, bool (n,): known letters whose tile lies inside the contig and is
    N for no more than max_n of it."""
    tiling = Tiling.of(bundle)
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
    session,
    bundle,
    genome,
    contig_index: np.ndarray,
    pos: np.ndarray,
    tiled: np.ndarray,
    stride: int,
    preset: str = "default",
    neighbours: bool = True,
    max_n: float = 0.10,
    admitted=None,
) -> SiteScores:
    """Scores of n sites in the order given: those that are `tiled`, bool (n,), from tiles, the
    others one by one."""
    alone, shared = np.flatnonzero(~tiled), np.flatnonzero(tiled)
    pieces = [
        score_sites(
            session,
            bundle,
            genome,
            contig_index[alone],
            pos[alone],
            preset,
            neighbours,
            max_n,
            admitted,
        )
    ]
    if len(shared):
        pieces.append(
            score_tiles(
                session,
                bundle,
                genome,
                contig_index[shared],
                pos[shared],
                stride,
                preset,
                neighbours,
            )
        )
    return joined(pieces, len(views_of(bundle, preset))).take(
        np.argsort(np.concatenate([alone, shared]))
    )


def score_tiles(
    session,
    bundle,
    genome,
    contig_index: np.ndarray,
    pos: np.ndarray,
    stride: int,
    preset: str = "default",
    neighbours: bool = True,
) -> SiteScores:
    """Scores of bases that are all `answerable`, in the order given, as `scoring.score_sites` gives
    them.

    stride: tokens from one masked in a pass to the next. Only passes that a base or a neighbour of
    one needs are run. Local surprisal is of the neighbours as the same tile answers them.
    """
    _, start, tile = Tiling.of(bundle).tiles(contig_index, pos)
    order = np.argsort(tile, kind="stable")
    pieces = []
    for first in range(0, len(start), CHUNK_TILES):
        rows = order[slice(*np.searchsorted(tile[order], (first, first + CHUNK_TILES)))]
        pieces.append(
            _score_chunk(
                session, bundle, genome, stride, preset, neighbours, contig_index[rows], pos[rows]
            )
        )
    scores = joined(pieces, len(views_of(bundle, preset))).take(np.argsort(order))
    refuse_broken(scores, bundle.model_id)
    return scores


def tile_passes(bundle, preset: str, contig_index: np.ndarray, pos: np.ndarray, stride: int) -> int:
    """Passes that n bases cost where all of their tiles' passes are run."""
    return (
        len(Tiling.of(bundle).tiles(contig_index, pos)[0])
        * stride
        * passes_per_site(bundle, preset, neighbours=False)
    )


def _score_chunk(
    session, bundle, genome, stride, preset, neighbours, contig_index, pos
) -> SiteScores:
    views = views_of(bundle, preset)
    reading = np.array(bundle.neighbour_offsets if neighbours else [], np.int64)
    offsets = np.unique(np.concatenate([reading, -reading]))
    probs = np.full((len(pos), len(views), 4), np.nan, np.float32)
    off = np.zeros(len(pos), np.float32)
    beside = np.zeros((len(pos), len(offsets), bundle.n_members, 4))
    n_strands = len({view.strand for view in views})
    for look in looks_of(bundle, preset):
        tiling = Tiling.of(bundle, look)
        contig, start, tile = tiling.tiles(contig_index, pos)
        columns = columns_of(views, look)
        whole = look == Look(look.strand)
        places = (pos - start[tile])[:, None] + (np.append(0, offsets) if whole else -look.shift)
        windows = cut(genome, contig, start + look.shift, tiling.window, look.strand)
        answer, mass = _answers(session, bundle, tiling, stride, look.strand, windows, tile, places)
        probs[:, columns] = answer[:, 0]
        off = np.maximum(off, mass[:, 0])
        if whole:
            beside += answer[:, 1:].astype(np.float64) / n_strands
            n_share = (windows == N).mean(axis=1, dtype=np.float32)[tile]
    status = np.full(len(pos), "", object)
    settle(probs, status, off, np.arange(len(pos)))
    return SiteScores(
        probs,
        status,
        local_surprisal(beside, genome, contig_index, pos, offsets, None),
        n_share,
        np.zeros(len(pos), np.float32),
        off,
    )


def _answers(
    session, bundle, tiling, stride, strand, windows, tile, places
) -> tuple[np.ndarray, np.ndarray]:
    """Distributions, forward strand, float32 (n, P, members, 4), and mass outside A,C,G,T, float32
    (n, P).

    windows: of the tiles, as read. places: int64 (n, P), index in its tile's window, forward; one
    outside it has NaN and 0.
    """
    inside = (places >= 0) & (places < tiling.window)
    turn = np.where(inside, places // tiling.token % stride, -1)
    answer = np.full((*places.shape, bundle.n_members, 4), np.nan, np.float32)
    mass = np.zeros(places.shape, np.float32)
    for t, index in enumerate(tiling.masked(stride)):
        base, place = np.nonzero(turn == t)
        asked = np.unique(tile[base])
        if not len(asked):
            continue
        read = index if strand == "+" else tiling.window - 1 - index
        probs, outside = session.distributions(windows[asked], np.tile(read, (len(asked), 1)))
        row, column = (
            np.searchsorted(asked, tile[base]),
            np.searchsorted(index, places[base, place]),
        )
        answer[base, place], mass[base, place] = probs[row, column], outside[row, column]
    return answer if strand == "+" else answer[..., COMPLEMENT_ORDER], mass
