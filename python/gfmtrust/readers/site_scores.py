"""Distributions of one model at many sites: windows are cut, turned, scored and turned back.

What a score means is in docs/understand/scoring.md; the model itself is behind `session`. Output never depends
on how sites are batched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gfmtrust.bundle.session import softmax
from gfmtrust.core.alphabet import PAD, N, reverse_complement
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.vocabulary import Look, Status
from gfmtrust.inputs.reference import Fence, fence, fenced
from gfmtrust.readers import likelihoods
from gfmtrust.readers.views import columns_of, looks_of, site_index, views_of, width_of

COMPLEMENT_ORDER = [3, 2, 1, 0]
CHUNK_BASES = 4_000_000
"""Bases of window held at once: 4,000 windows of 1,000 bp, 4 MB."""
CHUNK_SITES = 10_000
"""Sites worked on at once at most: the context model's windows are 63 bp."""
MIN_REAL_BASES = 32
"""Fewer real bases than min(W/4, 32), left and right together, is OUT_OF_RANGE (docs/understand/scoring.md,
statuses)."""
OFF_ALPHABET_LIMIT = 0.5
MAX_BAD_SHARE = 0.001
"""More windows than this without a finite answer end the run: the model is broken, not the site."""


@dataclass(frozen=True)
class SiteScores:
    """One model's answer at n sites, V views; rows in the order asked for.

    probs: float32 (n, V, 4), order A,C,G,T, forward strand; a view is all NaN where it may not vote
    or failed. Of a model of whole tokens only the ratios of a row have a meaning
    (`likelihoods.of_bases`). status: (n,) '' or a Status value; a row with a status is all NaN.
    local_surprisal: float32 (n,) bits, mean over the neighbours that hold a base, site itself left
    out; NaN where not asked for. n_share, pad_share: float32 (n,), share of N among the window's
    letters inside the contig, share of the window outside it. off_alphabet: float32 (n,), largest
    probability mass a view put outside A,C,G,T.
    """

    probs: np.ndarray
    status: np.ndarray
    local_surprisal: np.ndarray
    n_share: np.ndarray
    pad_share: np.ndarray
    off_alphabet: np.ndarray

    def take(self, rows: np.ndarray) -> SiteScores:
        return SiteScores(*(getattr(self, field)[rows] for field in self.__dataclass_fields__))


def window_status(
    windows: np.ndarray, site: int, max_n: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Status from the letters of the window alone, with the two shares.

    windows: codes uint8 (n, W). Padding is counted apart and makes no status of its own unless
    hardly a base is left. Returns status (n,), n_share and pad_share float32 (n,).
    """
    width = windows.shape[1]
    pad = windows == PAD
    n_pad = pad.sum(axis=1)
    n_unknown = (windows == N).sum(axis=1)
    n_letters = width - n_pad
    n_share = np.divide(n_unknown, n_letters, out=np.zeros(len(windows)), where=n_letters > 0)
    real_beside = n_letters - n_unknown - (windows[:, site] < N)
    status = np.full(len(windows), "", dtype=object)
    status[(n_share > max_n) | (windows[:, site] == N)] = Status.AMBIGUOUS_BASE
    status[(real_beside < min(width / 4, MIN_REAL_BASES)) & (n_share <= max_n)] = (
        Status.OUT_OF_RANGE
    )
    status[pad[:, site]] = Status.OUT_OF_RANGE
    return status, n_share.astype(np.float32), (n_pad / width).astype(np.float32)


def score_sites(
    session,
    bundle,
    genome,
    contig_index: np.ndarray,
    pos: np.ndarray,
    preset: str = "default",
    neighbours: bool = True,
    max_n: float = 0.10,
    admitted: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> SiteScores:
    """Score sites in the order given; the fastest order is sorted by contig and pos.

    contig_index, pos: (n,), index into genome.names and 0-based position. admitted: function
    (contig_index, pos) -> bool (n, n_members), which members may vote at a site (the context
    model's leave-out); None admits all. Raises InternalError (70) if over 0.1 % of the windows give
    no finite answer, or every window gives the same one.
    """
    chunk = min(CHUNK_SITES, max(1, CHUNK_BASES // bundle.window_bp))
    pieces = []
    for start in range(0, len(pos), chunk):
        rows = slice(start, start + chunk)
        pieces.append(
            _score_chunk(
                session,
                bundle,
                genome,
                contig_index[rows],
                pos[rows],
                preset,
                neighbours,
                max_n,
                admitted,
            )
        )
    scores = joined(pieces, len(views_of(bundle, preset)))
    refuse_broken(scores, bundle.model_id)
    return scores


def _score_chunk(
    session, bundle, genome, contig_index, pos, preset, neighbours, max_n, admitted
) -> SiteScores:
    views = views_of(bundle, preset)
    probs = np.full((len(pos), len(views), 4), np.nan, dtype=np.float32)
    off = np.zeros(len(pos), dtype=np.float32)
    whole = _cut(genome, bundle, contig_index, pos, Look("+"))
    status, n_share, pad_share = window_status(whole, bundle.site_forward, max_n)
    if not bundle.has_distribution:
        status[(status == "") & ~likelihoods.readable(session, whole)] = Status.UNSUPPORTED
    usable = np.flatnonzero(status == "")
    reading = np.array(
        bundle.neighbour_offsets if neighbours else [], dtype=np.int64
    )  # as read: a causal model has none on its right
    forward = np.unique(
        np.concatenate(
            [reading if strand == "+" else -reading for strand in {view.strand for view in views}]
        )
    )
    beside = np.zeros((len(usable), len(forward), bundle.n_members, 4))
    n_read = np.zeros((len(forward), 1, 1))
    for look in looks_of(bundle, preset):
        strand = look.strand
        columns = columns_of(views, look)
        windows = _cut(genome, bundle, contig_index[usable], pos[usable], look)
        site = np.full((len(usable), 1), site_index(bundle, look), dtype=np.int64)
        wanted = look == Look(strand) and len(reading) > 0
        around = site + reading
        index = (
            np.concatenate([site, around], axis=1)
            if wanted and bundle.neighbours_in_same_pass
            else site
        )
        if not bundle.has_distribution:
            answer, mass = likelihoods.of_bases(session, windows, int(site_index(bundle, look)))
        else:
            answer, mass = (
                _tried(session, windows, index)
                if bundle.reads_on
                else session.distributions(windows, index)
            )
        if wanted and not bundle.neighbours_in_same_pass:
            answer = np.concatenate([answer, session.distributions(windows, around)[0]], axis=1)
        if strand == "-":
            answer = answer[..., COMPLEMENT_ORDER]
        probs[usable[:, None], columns] = answer[:, 0]
        off[usable] = np.maximum(off[usable], mass[:, 0])
        if wanted:
            columns = np.searchsorted(forward, reading if strand == "+" else -reading)
            beside[:, columns] += answer[:, 1:].astype(np.float64)
            n_read[columns] += 1
    local = np.full(len(pos), np.nan, dtype=np.float32)
    if len(forward):
        local[usable] = local_surprisal(
            beside / n_read, genome, contig_index[usable], pos[usable], forward, admitted
        )
    settle(probs, status, off, usable)
    if admitted is not None:
        votes = admitted(contig_index, pos)
        for column, view in enumerate(views):
            probs[~votes[:, view.member], column] = np.nan
    return SiteScores(probs, status, local, n_share, pad_share, off)


def _tried(session, windows: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `session.distributions`, but the site, first of each row of `index`, is judged by what a
    causal model makes of the window with each base in its place: the product of its conditionals
    from the site to the window's end. An unknown letter counts in none."""
    n, width = windows.shape
    site = int(index[0, 0]) if n else 0
    tries = np.repeat(windows, 4, axis=0)
    tries[:, site] = np.tile(np.arange(4, dtype=np.uint8), n)
    span = np.arange(site, width)
    asked = np.concatenate(
        [np.broadcast_to(span, (4 * n, len(span))), np.repeat(index[:, 1:], 4, axis=0)], axis=1
    )
    probs, mass = session.distributions(tries, asked)
    letters = tries[:, span]
    of_letter = np.take_along_axis(
        probs[:, : len(span)], np.minimum(letters, N - 1)[:, :, None, None].astype(np.int64), axis=3
    )[..., 0]
    with np.errstate(divide="ignore"):
        told = np.where((letters < N)[..., None], np.log(of_letter), 0.0).sum(axis=1)
    posterior = softmax(told.reshape(n, 4, -1).transpose(0, 2, 1))
    return (
        np.concatenate([posterior[:, None], probs[::4, len(span) :]], axis=1),
        np.concatenate([mass[::4, :1], mass[::4, len(span) :]], axis=1),
    )


def settle(probs, status, off, usable) -> None:
    """Failed views stay NaN; a row no view is left of, or whose mass lies outside the alphabet,
    gets its status."""
    finite = np.isfinite(probs).all(axis=2)
    probs[~finite] = np.nan
    status[usable[~finite[usable].any(axis=1)]] = Status.NONFINITE
    status[off > OFF_ALPHABET_LIMIT] = Status.MODEL_ERROR
    probs[status != ""] = np.nan


def _cut(genome, bundle, contig_index, pos, look: Look) -> np.ndarray:
    """Windows of sites as the model reads them, codes uint8 (n, width)."""
    width, site = width_of(bundle, look), site_index(bundle, look)
    start = pos - (site if look.strand == "+" else width - 1 - site)
    return cut(genome, contig_index, start, width, look.strand, fence(genome, contig_index, pos))


def cut(
    genome,
    contig_index: np.ndarray,
    starts: np.ndarray,
    width: int,
    strand: str = "+",
    fences: Fence | None = None,
) -> np.ndarray:
    """Windows from their first forward position on, codes uint8 (n, width), PAD beyond the fences:
    reverse complemented for strand '-'."""
    windows = np.empty((len(starts), width), dtype=np.uint8)
    for index in np.unique(contig_index):
        rows = contig_index == index
        windows[rows] = genome.windows(genome.names[index], starts[rows], width)
    windows = fenced(windows, starts, fences)
    return windows if strand == "+" else reverse_complement(windows)


def local_surprisal(beside, genome, contig_index, pos, offsets, admitted) -> np.ndarray:
    """Mean of -log2 of the real neighbours' probability under the members' mean, bits, float32
    (n,).

    beside: float64 (n, n_offsets, members, 4), mean over strands, forward strand. A member votes at
    a neighbour only where it may vote at that neighbour's own position.
    """
    total = np.zeros(len(pos))
    count = np.zeros(len(pos))
    fences = fence(genome, contig_index, pos)
    for column, offset in enumerate(offsets):
        real = bases_at(genome, contig_index, pos + offset)
        votes = (
            np.ones(beside.shape[:1] + beside.shape[2:3], bool)
            if admitted is None
            else admitted(contig_index, pos + offset)
        )
        inside = (real < N) & (True if fences is None else fences.holds(pos + offset))
        of_real = beside[np.arange(len(pos)), column, :, np.where(inside, real, 0)]
        weight = votes.sum(axis=1)
        mean = np.divide(
            (of_real * votes).sum(axis=1), weight, out=np.full(len(pos), np.nan), where=weight > 0
        )
        good = inside & np.isfinite(mean) & (mean > 0)
        total[good] -= np.log2(mean[good])
        count[good] += 1
    return np.divide(total, count, out=np.full(len(pos), np.nan), where=count > 0).astype(
        np.float32
    )


def bases_at(genome, contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """Code of the genome's letter at each position, uint8 (n,); PAD outside the contig."""
    return cut(genome, contig_index, pos, 1)[:, 0]


def joined(pieces: list[SiteScores], n_views: int) -> SiteScores:
    """The scores of several sets of sites one after the other; of none where there is no piece."""
    if not pieces:
        none = np.empty(0, np.float32)
        return SiteScores(
            np.empty((0, n_views, 4), np.float32), np.empty(0, object), none, none, none, none
        )
    return SiteScores(
        *(
            np.concatenate([getattr(piece, field) for piece in pieces])
            for field in SiteScores.__dataclass_fields__
        )
    )


def unanswered(n: int, n_views: int) -> SiteScores:
    """Scores of n sites at which a model had no answer."""
    nothing = np.full(n, np.nan, np.float32)
    none = np.zeros(n, np.float32)
    return SiteScores(
        np.full((n, n_views, 4), np.nan, np.float32),
        np.full(n, Status.MODEL_ERROR, object),
        nothing,
        none,
        none,
        none,
    )


def refuse_broken(scores: SiteScores, model: str) -> None:
    """Raises InternalError (70) where more than MAX_BAD_SHARE of the windows that were run came to
    nothing."""
    tried = (
        (scores.status == "")
        | (scores.status == Status.NONFINITE)
        | (scores.status == Status.MODEL_ERROR)
    )
    bad = tried & (scores.status != "")
    if bad.sum() > max(1, MAX_BAD_SHARE * tried.sum()):
        share = f"{100 * bad.sum() / tried.sum():.2g} % of windows"
        raise InternalError(
            message(
                f"model {model}",
                f"output is not finite or outside A,C,G,T ({share})",
                "an answer at 99.9 %",
                "export it again in fp32",
            )
        )
