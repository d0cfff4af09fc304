"""The answers of one model at many sites, and what is done with answers that are not finite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.vocabulary import Status

OFF_ALPHABET_LIMIT = 0.5
"""More probability than this outside A, C, G, T is MODEL_ERROR."""
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
        """The scores of some rows, in their order."""
        return SiteScores(*(getattr(self, field)[rows] for field in self.__dataclass_fields__))


def settle(probs: np.ndarray, status: np.ndarray, off: np.ndarray, usable: np.ndarray) -> None:
    """Failed views stay NaN; a row no view is left of, or whose mass lies outside the alphabet,
    gets its status. Changes probs and status in place."""
    finite = np.asarray(np.isfinite(probs).all(axis=2))
    probs[~finite] = np.nan
    status[usable[~finite[usable].any(axis=1)]] = Status.NONFINITE
    status[off > OFF_ALPHABET_LIMIT] = Status.MODEL_ERROR
    probs[status != ""] = np.nan


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
