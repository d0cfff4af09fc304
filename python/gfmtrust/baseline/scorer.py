"""The context model opened for scoring: the compiled law where its graph is the one that `graph`
writes, else ONNX Runtime.

    scorer = open_scorer(reader, "cpu", threads=2)

Both answer the same questions (`core.interfaces.Scorer`). The compiled law also answers single
positions by the members that may vote there (`core.interfaces.ContextScorer`), which is how sites,
neighbours and haplotypes share their work.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from gfmtrust.baseline import written_graph
from gfmtrust.baseline.answered import Answered
from gfmtrust.baseline.array_law import ArrayLaw
from gfmtrust.baseline.lookup import Lookup
from gfmtrust.baseline.members import N_MEMBERS
from gfmtrust.baseline.permuted_law import permuted_counts, permuted_law
from gfmtrust.bundle import golden, tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.devices import choose_device
from gfmtrust.bundle.permuted_weights import permuted_weights
from gfmtrust.bundle.session import refuse_long_window
from gfmtrust.core.alphabet import BASES, PAD
from gfmtrust.core.interfaces import LoadedScorer
from gfmtrust.core.permutation import Permutation
from gfmtrust.core.vocabulary import CONTEXT_FAMILY
from gfmtrust.readers.reader import Reader

PROVIDER = "compiled law"
"""Named in the metrics where ONNX Runtime names its execution provider."""
VOCABULARY = {letter: code for code, letter in enumerate(BASES + "N")}
ROWS_PER_THREAD = 2_000
"""Fewer windows than this are not worth a second thread."""
FEW_PLACES = 40_000
"""Places of a task that are computed in numpy at most. It takes 15 to 25 microseconds for a place and
the machine code 2 to 3, but numba and the machine code take 0.9 CPU seconds to load."""


@dataclass
class CompiledLaw:
    """A context model that is evaluated by the compiled law, or for few places by the same law in
    numpy; a `LoadedScorer` and a `ContextScorer`."""

    lookup: Lookup
    arrays: ArrayLaw
    answered: Answered
    requested: str
    threads: int
    batch: int
    device: str = "cpu"
    provider: str = PROVIDER
    halvings: int = 0
    passes: int = 0
    on_passes: Callable[[int], None] | None = None
    few_places: int = FEW_PLACES

    @property
    def reach(self) -> int:
        return self.lookup.reach

    @property
    def bpe(self) -> object:
        raise AttributeError("the context model reads letters")

    def token_logps(self, asked: list) -> list[np.ndarray]:
        raise AttributeError("the context model reads letters")

    def log_probs(self, letters: np.ndarray, at: np.ndarray, votes: np.ndarray) -> np.ndarray:
        """See `core.interfaces.ContextScorer`. Raises ValueError for a place without its flanks."""
        if len(at) and not self.reach <= at.min() <= at.max() < len(letters) - self.reach:
            raise ValueError(f"a place is within {self.reach} letters of an end of the text")
        answered = self.answered.find(letters, at, votes)
        is_new = answered < 0
        if is_new.all():
            return self._computed(letters, at, votes)
        log_p = self.answered.log_p[answered]
        log_p[is_new] = self._computed(letters, at[is_new], votes[is_new])
        return log_p

    def _computed(self, letters: np.ndarray, at: np.ndarray, votes: np.ndarray) -> np.ndarray:
        if self._are_few(len(at)):
            return self.arrays.log_probs(letters, at, votes)
        return self._by_threads(
            len(at),
            ROWS_PER_THREAD,
            lambda rows: self.lookup.log_probs(letters, at[rows], votes[rows]),
        )

    def _are_few(self, n_places: int) -> bool:
        """Whether numpy computes these places too. The answers are the same bytes. The bytes of a
        permuted table are found by numpy alone."""
        self.few_places -= n_places
        return self.few_places >= 0 or bool(self.arrays.orders)

    def log_ratios(
        self, letters: np.ndarray, begin: np.ndarray, lengths: np.ndarray, votes: np.ndarray
    ) -> np.ndarray:
        """See `core.interfaces.ContextScorer`. The answers at the places of REF are remembered."""
        parts: list[tuple[slice, np.ndarray]] = []
        law = self.arrays if self._are_few(4 * self.reach * len(begin)) else self.lookup

        def answer(rows: slice) -> np.ndarray:
            ratios, beside = law.log_ratios(letters, begin[rows], lengths[rows], votes[rows])
            parts.append((rows, beside))
            return ratios

        ratios = self._by_threads(len(begin), ROWS_PER_THREAD // 32, answer)
        step = np.arange(2 * self.reach)
        for rows, beside in parts:
            behind = np.where(step < self.reach, 0, lengths[rows, :1])
            at = (begin[rows, :1] + behind + step).ravel()
            of_place = np.repeat(votes[rows], len(step), axis=0)
            self.answered.add(letters, at, of_place, beside.reshape(len(at), *beside.shape[2:]))
        return ratios

    def _by_threads(self, n: int, least: int, answer: Callable[[slice], np.ndarray]) -> np.ndarray:
        """The answers of n rows, computed by as many threads as have at least `least` of them."""
        n_parts = max(1, min(self.threads, n // least))
        ends = [n * part // n_parts for part in range(n_parts + 1)]
        slices = [slice(first, end) for first, end in zip(ends[:-1], ends[1:], strict=True)]
        if n_parts == 1:
            return answer(slices[0])
        with ThreadPoolExecutor(n_parts) as pool:
            return np.concatenate(list(pool.map(answer, slices)))

    def distributions(self, codes: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `core.interfaces.Scorer`: all members, letters beyond a window unknown. Raises
        BadDataError (65) for a code outside the alphabet."""
        tokenizers.check_letters(codes, index)
        n, width = codes.shape
        padded = np.full((n, width + 2 * self.reach), PAD, np.uint8)
        padded[:, self.reach : self.reach + width] = codes
        at = index + self.reach + np.arange(n)[:, None] * padded.shape[1]
        votes = np.ones((index.size, N_MEMBERS), bool)
        log_p = self.log_probs(padded.ravel(), at.ravel().astype(np.int64), votes)
        self.count(n)
        return np.exp(log_p).reshape(*index.shape, N_MEMBERS, 4), np.zeros(index.shape, np.float32)

    def count(self, n_passes: int) -> None:
        self.passes += n_passes
        if self.on_passes:
            self.on_passes(self.passes)


def open_scorer(
    reader: Reader,
    device: str = "auto",
    threads: int = 1,
    batch: int | None = None,
    allow_long_window: bool = False,
    permuted: bool = False,
    n_places: int = 0,
) -> LoadedScorer:
    """Return the model of a reader loaded on a device, see `Session.open`, which opens every model
    but a context model on the CPU whose graph is our own.

    permuted: with the weights of a negative control (`bundle.permuted_weights`); of the tables of
    the compiled law only those values are permuted that are asked for. n_places: how many places the
    task will ask for; above FEW_PLACES, a context model loads its machine code at once. Raises as
    `Session.open` does.
    """
    bundle = reader.model
    if isinstance(bundle, Bundle) and _may_be_compiled(bundle):
        compiled = _compiled_law(bundle, device, (threads, batch), allow_long_window, permuted)
        if compiled is not None:
            compiled.few_places = FEW_PLACES if n_places <= FEW_PLACES else 0
            return compiled
    weights = permuted_counts if bundle.family == CONTEXT_FAMILY else permuted_weights
    return reader.open_scorer(
        device, threads, batch, allow_long_window, weights if permuted else None
    )


def _may_be_compiled(bundle: Bundle) -> bool:
    """Whether bundle.json states what the compiled law assumes: letters as they are, eight
    members."""
    text, scoring = bundle.meta["text"], bundle.meta["scoring"]
    return (
        bundle.family == CONTEXT_FAMILY
        and bundle.quantity == "counts"
        and bundle.n_members == N_MEMBERS
        and not scoring["causal"]
        and text["k"] == 1
        and text["vocabulary"] == VOCABULARY
        and text["unknown"] == text["outside"] == "N"
        and not (text["mask"] or text["prefix"] or text["suffix"])
    )


def _compiled_law(
    bundle: Bundle,
    device: str,
    sizes: tuple[int, int | None],
    allow_long_window: bool,
    permuted: bool,
) -> CompiledLaw | None:
    """The compiled law of a bundle; None where ONNX Runtime has to run the graph. sizes: threads and
    batch. The golden windows are answered by the weights of the bundle alone."""
    threads, batch = sizes
    if batch is not None and batch < 1 or threads < 1:
        raise ValueError(f"batch is {batch}, threads {threads}; expected at least 1")
    refuse_long_window(bundle, allow_long_window)
    graph = bundle.graph_for("cpu")
    if graph is None or choose_device(device, bundle) != "cpu":
        return None
    written = written_graph.read(graph)
    if written is None:
        return None
    orders: dict[int, Permutation] = {}
    if permuted:
        written, orders = permuted_law(written)
    lookup = Lookup.of(written.law, written.scale)
    compiled = CompiledLaw(
        lookup,
        ArrayLaw(lookup, orders),
        Answered.nothing(lookup.reach, N_MEMBERS),
        device,
        threads,
        batch or bundle.meta["window"]["batch"],
    )

    def answer(codes: np.ndarray, index: list[int]) -> np.ndarray:
        return np.log(compiled.distributions(codes[None], np.array([index], dtype=np.int64))[0][0])

    if not permuted:
        golden.check(bundle.meta, "cpu", PROVIDER, answer)
        compiled.passes = 0
    return compiled
