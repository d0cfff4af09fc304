"""One model under audit: its bundle, its reader, its session, and the session of its permuted
twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import cast

import numpy as np

from gfmtrust.audit.measure import NotRun
from gfmtrust.baseline.members import votes_of
from gfmtrust.baseline.scorer import open_scorer
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.hidden import HiddenLayer
from gfmtrust.bundle.permuted_weights import permuted_weights
from gfmtrust.core.alphabet import N
from gfmtrust.core.errors import ConfigurationError, InternalError, message
from gfmtrust.core.interfaces import Genome, LoadedScorer, Votes
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.scoring.negative_controls import OnAlphabet
from gfmtrust.scoring.options import ScoringOptions

TINY = 1e-9
"""A probability below this counts as this: 30 bits."""


@dataclass
class Subject:
    """A model that is loaded. further_passes: windows run by other sessions than `scorer`: of the
    twin, and of the hidden layer. genome_digest: of the genome that is asked about; a context model
    that was fitted to another one never saw its sites, so that all its members vote."""

    bundle: Bundle
    reader: Reader
    scorer: LoadedScorer
    options: ScoringOptions
    further_passes: int = 0
    genome_digest: str = ""
    _scores: dict[str, SiteScores] = field(default_factory=dict)

    @classmethod
    def open(cls, bundle: Bundle, options: ScoringOptions) -> Subject:
        """Load a model. Raises ConfigurationError (78) for a model without a distribution at each
        base: one of whole tokens, or a table of scores."""
        reader = reader_of(bundle)
        if not reader.has_distribution or not reader.runs_network:
            kind = "reads whole tokens" if reader.runs_network else "is a table of scores"
            raise ConfigurationError(
                message(
                    f"model {bundle.model_id}",
                    kind,
                    "a network that gives a distribution at each base",
                    "leave it out of the audit",
                )
            )
        scorer = reader.open_scorer(
            options.device, options.threads, options.batch, options.allow_long_window
        )
        return cls(bundle, reader, scorer, options)

    @property
    def name(self) -> str:
        return self.bundle.model_id

    @property
    def width(self) -> int:
        return self.bundle.window_bp

    @property
    def passes(self) -> int:
        """Windows run so far."""
        return self.scorer.passes + self.further_passes

    @cached_property
    def votes(self) -> Votes | None:
        """The members that may vote at a place; None where all may."""
        fitted_to = self.bundle.meta.get("source", {}).get("genome")
        if fitted_to and self.genome_digest and fitted_to != self.genome_digest:
            return None
        return votes_of(self.bundle)

    @cached_property
    def hidden(self) -> HiddenLayer:
        """Its last hidden layer. Raises NotRun where its graph exposes none."""
        return self._hidden(None)

    @cached_property
    def hidden_of_twin(self) -> HiddenLayer:
        """That of its permuted twin. Raises NotRun."""
        return self._hidden(permuted_weights)

    def _hidden(self, weights: Callable[[Path], dict[str, np.ndarray]] | None) -> HiddenLayer:
        if self.bundle.quantity == "counts":
            raise NotRun("the model counts words and has no embedding")
        layer = HiddenLayer.open(
            self.bundle, self.scorer.device, self.options.threads, self.scorer.batch, weights
        )
        if layer is None:
            raise NotRun(
                "the graph has no linear layer before the answer, so no embedding to compare"
            )
        return layer

    def scores(
        self, genome: Genome, places: tuple[np.ndarray, np.ndarray], views: str
    ) -> SiteScores:
        """The answers at sites in a preset of views."""
        return self.reader.score_sites(self.scorer, genome, *places, self._reading(views))

    def twin_scores(self, genome: Genome, places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """The mean distribution of the permuted twin at sites, float64 (n, 4). Raises NotRun where
        it has no finite answer."""
        options = self.options
        twin = open_scorer(
            self.reader,
            options.device,
            options.threads,
            self.scorer.batch,
            options.allow_long_window,
            permuted=True,
        )
        try:
            scores = self.reader.score_sites(
                OnAlphabet(twin), genome, *places, self._reading("default")
            )
        except InternalError as error:
            raise NotRun("the permuted twin gives no finite answer") from error
        finally:
            self.further_passes += twin.passes
        return mean_of(scores.probs)

    @contextmanager
    def another_twin(self, draw: int) -> Iterator[Subject]:
        """A twin whose weights are in the order of that draw, above 0, for questions by `at`."""
        options = self.options
        weights = partial(permuted_weights, draw=draw)
        twin = self.reader.open_scorer(
            options.device, options.threads, self.scorer.batch, options.allow_long_window, weights
        )
        try:
            yield replace(self, scorer=twin)
        finally:
            self.further_passes += twin.passes

    def at(
        self, windows: np.ndarray, index: np.ndarray, voters: np.ndarray | None = None
    ) -> np.ndarray:
        """Distributions at letters of windows, float64 (n, P, 4), mean over members.

        A masked model masks all letters of a window that are asked together, and a count model reads
        N there; a causal model reads each from the letters before it, the true ones. windows: codes
        (n, W); index: int64 (n, P); voters: bool (n, members), None where all vote.
        """
        probs, _ = self.scorer.distributions(self._asked(windows, index), index)
        if voters is not None:
            probs = np.where(voters[:, None, :, None], probs, np.nan)
        return np.nanmean(probs, axis=2)

    def site_answers(
        self, windows: np.ndarray, site: int, voters: np.ndarray | None = None
    ) -> np.ndarray:
        """Distributions at one letter of every window as the reader answers a site, float64
        (n, 4)."""
        probs = self.reader.answers(self.scorer, windows, site, np.empty(0, np.int64))[0][:, 0]
        if voters is not None:
            probs = np.where(voters[:, :, None], probs, np.nan)
        return np.nanmean(probs, axis=1)

    def _asked(self, windows: np.ndarray, index: np.ndarray) -> np.ndarray:
        if self.bundle.causal:
            return windows
        blank = windows.copy()
        np.put_along_axis(blank, index, N, axis=1)
        return blank

    def _reading(self, views: str) -> ReadingOptions:
        return ReadingOptions(views, False, self.options.max_n, self.votes)


def mean_of(probs: np.ndarray) -> np.ndarray:
    """The mean of the views that vote, float64 (n, 4); NaN where none does. probs: (n, V, 4)."""
    voting = np.isfinite(probs)
    n = voting.sum(axis=1)
    total = np.where(voting, probs, 0).sum(axis=1, dtype=np.float64)
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)


def bits(probs: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Surprisal of the real letters, bits. probs: (..., 4); real: int (...)."""
    finite = np.minimum(real, N - 1).astype(np.int64)
    p = np.take_along_axis(probs, finite[..., None], axis=-1)[..., 0]
    return np.where(real < N, -np.log2(np.maximum(p, TINY)), np.nan)


def causal_only(subject: Subject) -> bool:
    """Whether the model reads nothing to the right of the site."""
    bundle = cast(Bundle, subject.bundle)
    return bundle.causal and bundle.site_forward >= bundle.window_bp - 1
