"""Protocols that define what scoring needs of a genome, of a scorer and of a model.

The readers use only these protocols: a genome may be a FASTA or shuffled windows, a scorer may be
an ONNX session or permuted weights, and a model may be a bundle or a few numbers in a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

Votes = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(contig_index (n,), pos (n,)) -> bool (n, n_members): whether each member of a model may vote at
each position."""


class Genome(Protocol):
    """Sequences by contig, read as codes: 0 to 3 for A, C, G, T, then N and PAD (`core.alphabet`).
    Positions are 0-based."""

    @property
    def names(self) -> Sequence[str]:
        """The contigs in genome order; a `contig_index` is an index into it."""
        ...

    @property
    def contigs(self) -> Mapping[str, int]:
        """The length of each contig in bases."""
        ...

    def codes(self, contig: str, start: int, end: int) -> np.ndarray:
        """The letters of [start, end), uint8 (end - start,), PAD outside the contig."""
        ...

    def windows(self, contig: str, starts: np.ndarray, width: int) -> np.ndarray:
        """One window for each start, uint8 (n, width), PAD outside the contig."""
        ...


class Scorer(Protocol):
    """A loaded network that scores windows of letters."""

    @property
    def bpe(self) -> Any:
        """The tables of a model of whole tokens (`bundle.bpe.Bpe`); other models have none."""
        ...

    def distributions(self, codes: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distributions at letters of windows, on the strand that is read.

        codes: uint8 (n, W). index: int64 (n, P). Returns probs (n, P, n_members, 4), NaN where the
        output of the network is not finite, and the probability outside A, C, G, T (n, P).
        """
        ...

    def token_logps(self, asked: list) -> list[np.ndarray]:
        """ln p of the tokens of each question (`bundle.bpe_questions.Ask`), one array per question."""
        ...


class LoadedScorer(Scorer, Protocol):
    """A scorer with the figures that a shard's metrics state."""

    requested: str
    """The device that was requested."""
    device: str
    """The device that was used."""
    provider: str
    threads: int
    batch: int
    """The current number of windows per pass."""
    halvings: int
    """How often the batch was halved for lack of memory."""
    passes: int
    """Windows run since the golden windows."""
    on_passes: Callable[[int], None] | None
    """Called with `passes` after each batch."""


@runtime_checkable
class ContextScorer(Protocol):
    """A loaded context model that answers places of a text one by one, by the members that may vote
    there. An answer depends on the letters within `reach` and on nothing else."""

    @property
    def reach(self) -> int:
        """Letters read on each side of a place."""
        ...

    def log_probs(self, letters: np.ndarray, at: np.ndarray, votes: np.ndarray) -> np.ndarray:
        """ln p of A, C, G, T at places of a text, float64 (n, members, 4); NaN for a member that may
        not vote.

        letters: codes uint8 (L,). at: int64 (n,), each at least `reach` letters from both ends.
        votes: bool (n, members).
        """
        ...

    def log_ratios(
        self, letters: np.ndarray, begin: np.ndarray, lengths: np.ndarray, votes: np.ndarray
    ) -> np.ndarray:
        """The sum of ln p of the letter of ALT less that of REF over the `reach` places before and
        behind a change, float64 (n, members); NaN for a member that may not vote.

        letters: codes uint8 (L,), all known within 2 `reach` of a change. begin: int64 (n, 2), the
        first of these places in the haplotypes of REF and ALT. lengths: int64 (n, 2), letters of the
        alleles. votes: bool (n, members).
        """
        ...

    def count(self, n_passes: int) -> None:
        """Add to `LoadedScorer.passes`, and report it."""
        ...


class ModelSpec(Protocol):
    """The facts about a model that a bundle states."""

    @property
    def directory(self) -> Path:
        """The folder of the bundle."""
        ...

    @property
    def sha256(self) -> str:
        """The digest that stands for the whole bundle."""
        ...

    @property
    def model_id(self) -> str: ...

    @property
    def family(self) -> str: ...

    @property
    def quantity(self) -> str:
        """The output of the graph: 'direct', 'kmer', 'counts' or 'likelihood'."""
        ...

    @property
    def causal(self) -> bool:
        """Whether a letter is predicted only from the letters before it."""
        ...

    @property
    def k(self) -> int:
        """Letters of a token."""
        ...

    @property
    def n_members(self) -> int: ...

    @property
    def rc_equivariant(self) -> bool:
        """Whether both strands give the same answer by construction."""
        ...

    @property
    def window_bp(self) -> int: ...

    @property
    def site_forward(self) -> int:
        """Index of the site in a forward window."""
        ...

    @property
    def site_reverse(self) -> int:
        """Index of the site in a reverse complemented window, as read."""
        ...

    @property
    def shifts(self) -> Sequence[int]:
        """Window shifts of the thorough preset, in bases."""
        ...

    @property
    def neighbour_offsets(self) -> Sequence[int]:
        """Offsets of the neighbours from the site, as read; empty where the model has none."""
        ...

    @property
    def neighbours_in_same_pass(self) -> bool:
        """Whether the pass that scores the site also scores its neighbours."""
        ...

    @property
    def trained_bp(self) -> int:
        """The longest window that the model was trained on."""
        ...

    @property
    def training(self) -> Mapping[str, Sequence[str]]:
        """Assemblies and contigs that the model states it was trained on; empty where it states
        none."""
        ...

    @property
    def gate(self) -> str:
        """'passed' or 'failed': the sanity check of the export."""
        ...

    @property
    def precision(self) -> str:
        """Numeric precision of the network."""
        ...

    @property
    def opset(self) -> int:
        """ONNX operator set of the graph; 0 where there is none."""
        ...
