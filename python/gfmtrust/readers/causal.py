"""Causal models of single bases and of k-mers, which predict each letter from the letters before
it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.bundle.session import softmax
from gfmtrust.core.alphabet import N
from gfmtrust.core.interfaces import Scorer
from gfmtrust.core.vocabulary import Placement
from gfmtrust.readers.haplotypes import Span
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.views import nearest_half, site_index, width_of


@dataclass(frozen=True)
class CausalReader(Reader):
    """The reader of causal models. Where the window continues beyond the site, each base is tried
    at the site and scored by the likelihood of the right flank given it."""

    @property
    def reads_on(self) -> bool:
        """Whether windows continue beyond the site."""
        return self.model.site_forward < self.model.window_bp - 1

    @property
    def passes_per_view(self) -> int:
        return 4 if self.reads_on else 1

    def half_context(self) -> tuple[int, int]:
        return nearest_half(self.model)

    def site_pass(
        self, scorer: Scorer, windows: np.ndarray, site: int, index: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        if self.reads_on:
            return tried(scorer, windows, site, index[:, 1:])
        return scorer.distributions(windows, index)

    def span(self, placement: Placement, length: int) -> Span:
        """Return all letters from the first changed base to the end of the window, in one round. At
        least `radius` letters follow the change: for a longer change the site moves to the left, by
        whole tokens."""
        width, site, k = (
            width_of(self.model, placement),
            site_index(self.model, placement),
            self.model.k,
        )
        width -= width % k
        site = min(site - site % k, width - k * -(-(length + self.radius(placement)) // k))
        return Span(width, site, ((0, np.arange(site, width)),))


def tried(
    scorer: Scorer, windows: np.ndarray, site: int, beside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distributions at the site of a causal model: each base is placed there and
    weighted by the likelihood of the window from the site to its end, the product of the model's
    conditionals. An unknown letter is not counted.

    windows: codes uint8 (n, W). beside: int64 (n, P), letters before the site that are answered by
    their conditionals. Returns probs (n, 1 + P, members, 4) and the probability outside A, C, G, T
    (n, 1 + P), the site first.
    """
    n, width = windows.shape
    trials = np.repeat(windows, 4, axis=0)
    trials[:, site] = np.tile(np.arange(4, dtype=np.uint8), n)
    span = np.arange(site, width)
    asked = np.concatenate(
        [np.broadcast_to(span, (4 * n, len(span))), np.repeat(beside, 4, axis=0)], axis=1
    )
    probs, mass = scorer.distributions(trials, asked)
    letters = trials[:, span]
    of_letter = np.take_along_axis(
        probs[:, : len(span)], np.minimum(letters, N - 1)[:, :, None, None].astype(np.int64), axis=3
    )[..., 0]
    with np.errstate(divide="ignore"):
        log_p = np.where((letters < N)[..., None], np.log(of_letter), 0.0).sum(axis=1)
    posterior = softmax(log_p.reshape(n, 4, log_p.shape[1]).transpose(0, 2, 1))
    return (
        np.concatenate([posterior[:, None], probs[::4, len(span) :]], axis=1),
        np.concatenate([mass[::4, :1], mass[::4, len(span) :]], axis=1),
    )
