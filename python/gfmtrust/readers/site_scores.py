"""The answers of one model at many sites, and the treatment of answers that are not finite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.vocabulary import Status

OFF_ALPHABET_LIMIT = 0.5
"""A site with more probability than this outside A, C, G, T has the status MODEL_ERROR."""
MAX_BAD_SHARE = 0.001
"""If a larger share of the windows has no finite answer, the run ends: then the model is broken,
not the site."""


@dataclass(frozen=True)
class SiteScores:
    """The answers of one model at n sites in V views; the rows are in the order of the request.

    probs: float32 (n, V, 4), order A,C,G,T, forward strand; a view is all NaN where it may not vote
        or failed. For a model of whole tokens only the ratios within a row have a meaning
        (`likelihoods.of_bases`).
    status: (n,), '' or a Status value; a row with a status is all NaN.
    local_surprisal: float32 (n,), bits, mean over the neighbours that have a base, without the site
        itself; NaN where it was not requested.
    n_share, pad_share: float32 (n,), the share of N among the window's letters inside the contig,
        and the share of the window outside it.
    off_alphabet: float32 (n,), the largest probability that a view gave to anything but A,C,G,T.
    """

    probs: np.ndarray
    status: np.ndarray
    local_surprisal: np.ndarray
    n_share: np.ndarray
    pad_share: np.ndarray
    off_alphabet: np.ndarray

    def take(self, rows: np.ndarray) -> SiteScores:
        """Return the scores of some rows, in the order of `rows`."""
        return SiteScores(*(getattr(self, field)[rows] for field in self.__dataclass_fields__))


def settle(probs: np.ndarray, status: np.ndarray, off: np.ndarray, usable: np.ndarray) -> None:
    """Set the status of failed rows in place: NONFINITE where no view has a finite answer,
    MODEL_ERROR where too much probability is outside the alphabet. Views that failed, and rows with
    a status, become NaN."""
    finite = np.asarray(np.isfinite(probs).all(axis=2))
    probs[~finite] = np.nan
    status[usable[~finite[usable].any(axis=1)]] = Status.NONFINITE
    status[off > OFF_ALPHABET_LIMIT] = Status.MODEL_ERROR
    probs[status != ""] = np.nan


def joined(pieces: list[SiteScores], n_views: int) -> SiteScores:
    """Return the scores of several sets of sites, concatenated; an empty result where there is no
    piece."""
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
    """Return the scores of n sites at which a model had no answer."""
    unknown = np.full(n, np.nan, np.float32)
    zero = np.zeros(n, np.float32)
    return SiteScores(
        np.full((n, n_views, 4), np.nan, np.float32),
        np.full(n, Status.MODEL_ERROR, object),
        unknown,
        zero,
        zero,
        zero,
    )


def refuse_broken(scores: SiteScores, model: str) -> None:
    """Raise InternalError (70) where more than MAX_BAD_SHARE of the windows that were run have no
    usable answer."""
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
