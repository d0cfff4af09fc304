"""Sites of a context model that answers places one by one (`core.interfaces.ContextScorer`): a place
that is a site, and a neighbour of other sites, is computed once.

The answers are those of `Reader.score_sites`, because a place depends only on the letters around it
and on the members that may vote there. Not here: haplotypes (`context_haplotypes`).
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.alphabet import N
from gfmtrust.core.interfaces import ContextScorer, Genome, ModelSpec, Votes
from gfmtrust.core.vocabulary import Placement
from gfmtrust.inputs.reference import fence
from gfmtrust.inputs.sites import place_key
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.readers.windows import cut, window_status

PLACES_OF_VARIANT = 44
"""Places of two haplotypes at most: eleven on either side of the change."""


def score_chunk(
    reader: Reader,
    scorer: ContextScorer,
    genome: Genome,
    places: tuple[np.ndarray, np.ndarray],
    options: ReadingOptions,
) -> SiteScores:
    """Return the scores of sites in the form of `Reader.score_sites`. places: contig_index and pos,
    (n,) each."""
    (contig_index, pos), model = places, reader.model
    windows = reader.windows(genome, contig_index, pos, Placement("+"))
    status, n_share, pad_share = window_status(windows, model.site_forward, options.max_n)
    usable = np.flatnonzero(status == "")
    offsets = np.unique(np.array(model.neighbour_offsets if options.neighbours else [], np.int64))
    beside = windows[usable][:, model.site_forward + offsets]
    site, column = np.nonzero(beside < N)
    row = np.concatenate([usable, usable[site]])
    at = pos[row] + np.concatenate([np.zeros(len(usable), np.int64), offsets[column]])
    key, first, answer = np.unique(
        place_key(contig_index[row], at), return_index=True, return_inverse=True
    )
    votes = votes_at(options.admitted, contig_index[row[first]], at[first], model.n_members)
    log_p = answer_places(scorer, genome, contig_index[row[first]], at[first], votes)
    probs = np.full((len(pos), model.n_members, 4), np.nan, np.float32)
    probs[usable] = np.exp(log_p[answer[: len(usable)]])
    real = np.full(len(key), -1, np.int64)
    real[answer[len(usable) :]] = beside[site, column]
    surprisal = _surprisal(log_p, votes, real)
    local = np.full(len(pos), np.nan, np.float32)
    local[usable] = _mean(surprisal[answer[len(usable) :]], site, column, beside.shape)
    scorer.count(len(usable))
    return SiteScores(probs, status, local, n_share, pad_share, np.zeros(len(pos), np.float32))


def n_places(
    model: ModelSpec, places: tuple[np.ndarray, np.ndarray], n_variants: int, most: int
) -> int:
    """Return about how many places of a genome have to be answered for sites with their neighbours
    and for variants; a number above `most` where there are more sites than that.

    places: contig_index and pos of the sites, (n,) each, a place that occurs twice counting once.
    """
    contig_index, pos = places
    if len(pos) > most:
        return len(pos)
    offsets = np.unique([0, *model.neighbour_offsets])
    keys = place_key(contig_index[:, None], pos[:, None] + offsets)
    return len(np.unique(keys)) + PLACES_OF_VARIANT * n_variants


def votes_at(
    admitted: Votes | None, contig_index: np.ndarray, pos: np.ndarray, n_members: int
) -> np.ndarray:
    """Return which members may vote at places, bool (n, n_members)."""
    if admitted is None:
        return np.ones((len(pos), n_members), bool)
    return admitted(contig_index, pos)


def answer_places(
    scorer: ContextScorer,
    genome: Genome,
    contig_index: np.ndarray,
    pos: np.ndarray,
    votes: np.ndarray,
) -> np.ndarray:
    """Return ln p of the four bases at places of the genome, float64 (n, members, 4), NaN for a
    member that may not vote. Nothing beyond a fence is read."""
    reach, width = scorer.reach, 2 * scorer.reach + 1
    letters = cut(genome, contig_index, pos - reach, width, "+", fence(genome, contig_index, pos))
    return scorer.log_probs(letters.ravel(), np.arange(len(pos)) * width + reach, votes)


def _surprisal(log_p: np.ndarray, votes: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return -log2 of the mean probability of the real base by the members that vote, float64 (n,);
    NaN where nobody votes, and where `real` is -1."""
    surprisal = np.full(len(real), np.nan)
    rows = np.flatnonzero((real >= 0) & votes.any(axis=1))
    p = np.where(votes[rows], np.exp(log_p[rows, :, real[rows]]), 0.0)
    mean = p.sum(axis=1) / votes[rows].sum(axis=1)
    surprisal[rows[mean > 0]] = -np.log2(mean[mean > 0])
    return surprisal


def _mean(
    surprisal: np.ndarray, site: np.ndarray, column: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Return the mean surprisal of each site's neighbours, float32 (n,), NaN without any; added in
    the order of the offsets. surprisal, site, column: of every neighbour with a base."""
    beside = np.zeros(shape)
    counted = np.zeros(shape, bool)
    good = np.isfinite(surprisal)
    beside[site[good], column[good]] = surprisal[good]
    counted[site[good], column[good]] = True
    total = np.zeros(shape[0])
    for offset in range(shape[1]):
        total += beside[:, offset]
    count = counted.sum(axis=1)
    return np.divide(total, count, out=np.full(shape[0], np.nan), where=count > 0).astype(
        np.float32
    )
