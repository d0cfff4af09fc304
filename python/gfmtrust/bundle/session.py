"""The answers of a bundle: windows are run through its graph in batches, with a check at opening.

    session = Session.open(bundle, device="auto", threads=task_cpus)
    probs, off_alphabet = session.distributions(codes, index)

codes uint8 (n, W) and index int64 (n, P) are windows and scored positions in reading direction;
probs float64 (n, P, n_members, 4) refer to the same strand, and `readers` turns reverse views back.
A model of whole tokens (BPE) has `token_logps` instead. The last batch is filled up, on CUDA to one
fixed shape, so that no result depends on the number of windows in a call. The golden windows are
run at every opening. There is no silent fallback.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gfmtrust.bundle import bpe, bpe_questions, golden, tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.devices import choose_device
from gfmtrust.bundle.runtime import Runtime, failures, load
from gfmtrust.bundle.schema import text_of
from gfmtrust.core.errors import (
    ConfigurationError,
    TransientError,
    message,
)

LOG = logging.getLogger(__name__)

CPU_FILL = 4
"""On CPU a short last batch is filled up to a multiple of this number, because the kernels give a
window the same bytes in any batch; filling up the whole batch cost 28 % at 100 windows in batches
of 32. CUDA chooses kernels by shape, so there the batch is always filled up completely."""
TOKENS_PER_BATCH = 4096
"""The batch where the bundle states none: 8 windows of 512 tokens; larger ones gained nothing on
CPU."""
OUT_OF_MEMORY = (
    "failed to allocate memory",
    "out of memory",
    "cuda failure 2",
    "bad_alloc",
    "bad allocation",
)
DEVICE_LOST = (
    "cuda failure 700",
    "illegal memory access",
    "device-side assert",
    "unspecified launch failure",
    "device lost",
)


@dataclass
class Session:
    """A bundle that is loaded on one device, created by `open`.

    requested, device, provider, batch, halvings, passes: for the metrics. passes counts the windows
    that were run, halvings how often memory ran out. on_passes: called with `passes` after each
    batch.
    """

    meta: dict
    graph: Path
    requested: str
    device: str
    threads: int
    batch: int
    halvings: int = 0
    passes: int = 0
    provider: str = ""
    on_passes: Callable[[int], None] | None = None
    _tokenizer: tokenizers.Tokenizer | bpe.Bpe | None = None
    _runtime: Runtime = None
    _outputs: list[str] = field(default_factory=list)
    _weights: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        bundle: Bundle,
        device: str = "auto",
        threads: int = 1,
        batch: int | None = None,
        allow_long_window: bool = False,
        weights: Callable[[Path], dict[str, np.ndarray]] | None = None,
    ) -> Session:
        """Load a bundle's graph for a device and run its golden windows. With other `weights`, a
        function of the graph, the golden windows do not apply and are not run.

        device: 'cuda' needs a working CUDA provider and a graph certified for it; 'auto' uses CUDA
        where both exist, otherwise the CPU with one warning. threads: of ONNX Runtime's own pool,
        at most the granted CPUs. batch: windows per pass; it changes no result. Raises DeviceError
        (69), ConfigurationError (78) for a window beyond the trained context unless allowed, and
        BadDataError (65) where the answers of the golden windows differ from those at export.
        """
        refuse_long_window(bundle, allow_long_window)
        used = choose_device(device, bundle)
        graph = bundle.graph_for(used)
        assert graph is not None, "choose_device returns a device that has a graph"
        session = start(
            bundle.meta,
            graph,
            used,
            threads,
            batch,
            requested=device,
            weights=weights and weights(graph),
        )
        if weights is None:
            session.check_golden()
        session.passes = 0
        return session

    def distributions(self, codes: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distributions at scored positions of windows, in reading direction.

        codes: uint8 (n, W). index: int64 (n, P). Returns probs float64 (n, P, n_members, 4), order
        A,C,G,T, where each row sums to 1 or is all NaN if the graph gave no finite answer; and
        off_alphabet float32 (n, P), the probability outside A,C,G,T. A window on which the runtime
        failed for another reason than memory has NaN and 1. Raises TransientError (75) where memory
        does not suffice for one window.
        """
        tokenizer = self._tokenizer
        assert isinstance(tokenizer, tokenizers.Tokenizer), "a model of bases"
        n, n_positions = index.shape
        probs = np.full((n, n_positions, self.meta["scoring"]["n_members"], 4), np.nan)
        off = np.zeros((n, n_positions), dtype=np.float32)
        begin = 0
        while begin < n:
            rows = slice(begin, min(begin + self.batch, n))
            logp, mass = self._run(tokenizers.feeds(tokenizer, codes[rows], index[rows]))
            if logp is None:  # out of memory: the batch was halved; continue at the same window
                continue
            probs[rows] = softmax(logp)
            off[rows] = mass
            self._count(rows.stop - begin)
            begin = rows.stop
        return probs, off

    @property
    def bpe(self) -> bpe.Bpe:
        """The tables of a model of whole tokens."""
        assert isinstance(self._tokenizer, bpe.Bpe), "a model of whole tokens"
        return self._tokenizer

    def token_logps(self, asked: list[bpe_questions.Ask]) -> list[np.ndarray]:
        """Return ln p of the requested tokens, float64 (P,) each, in the given order; NaN where the
        graph gave no finite answer.

        Rows with the same number of tokens run together and none is padded, so the answer of a row
        does not depend on the others. Raises TransientError (75) where memory does not suffice for
        one row.
        """
        answers: list[np.ndarray] = [np.empty(0)] * len(asked)
        for rows, feeds in bpe_questions.batches(asked):
            begin = 0
            while begin < len(rows):
                part = slice(begin, min(begin + self.batch, len(rows)))
                logp, _ = self._run({name: values[part] for name, values in feeds.items()})
                if logp is None:
                    continue
                for row, values in zip(rows[part], logp, strict=True):
                    answer = values[: len(asked[row].pos)].astype(np.float64)
                    answers[row] = np.where(np.isfinite(answer), answer, np.nan)
                self._count(part.stop - begin)
                begin = part.stop
        return answers

    def check_golden(self) -> None:
        """Run the golden windows, see `golden.check`."""
        golden.check(self.meta, self.device, self.provider, self.golden_answer)

    def golden_answer(self, codes: np.ndarray, index: list[int]) -> np.ndarray:
        """Return the answer of a golden window, float64: ln p at scored letters (P, members, 4), or
        of the tokens at `index` of the text (P,)."""
        if self.meta["scoring"]["quantity"] == "likelihood":
            tokens = bpe.segment(self.bpe, codes)
            question = bpe_questions.ask(self.bpe, tokens, np.array(index))
            assert question is not None, "a golden window is not longer than the model reads"
            return self.token_logps([question])[0]
        probs, _ = self.distributions(codes[None], np.array([index], dtype=np.int64))
        with np.errstate(divide="ignore"):
            return np.log(probs[0].astype(np.float64))

    def _count(self, n: int) -> None:
        self.passes += n
        if self.on_passes:
            self.on_passes(self.passes)

    def _run(self, feeds: dict[str, np.ndarray]) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return logp, (n, P, M, 4) or for tokens (n, P), and off_alphabet (n, P), of at most one
        batch; (None, None) after the batch was halved."""
        n = len(feeds["pos"])
        size = (
            self.batch if self.device == "cuda" else min(self.batch, -(-n // CPU_FILL) * CPU_FILL)
        )
        filled = np.minimum(np.arange(size), n - 1)
        feeds = {name: values[filled] for name, values in feeds.items()}
        try:
            return self._answers(feeds, n)
        except failures() as error:
            text = str(error).lower()
            if any(words in text for words in DEVICE_LOST):
                raise TransientError(
                    message(self.provider, "device lost", "a working device", "run again")
                ) from error
            if any(words in text for words in OUT_OF_MEMORY):
                self._halve(error)
                return None, None
            LOG.warning(
                "the runtime failed on a batch of %d windows (%s); trying them one by one",
                n,
                str(error).splitlines()[0],
            )
        alone = [
            self._alone({name: values[row] for name, values in feeds.items()}) for row in range(n)
        ]
        return np.stack([logp for logp, _ in alone]), np.stack([mass for _, mass in alone])

    def _alone(self, feed: dict) -> tuple[np.ndarray, np.ndarray]:
        """Return the answer of one window, run in a batch of copies of itself; NaN and a
        probability of 1 outside the alphabet where the runtime fails again."""
        copies = {
            name: np.repeat(values[None], self.batch, axis=0) for name, values in feed.items()
        }
        try:
            logp, mass = self._answers(copies, 1)
            return logp[0], mass[0]
        except failures():
            shape = (
                len(feed["pos"]),
                *(() if "target" in feed else (self.meta["scoring"]["n_members"], 4)),
            )
            return np.full(shape, np.nan, np.float32), np.ones(shape[:1], np.float32)

    def _answers(self, feeds: dict, n: int) -> tuple[np.ndarray, np.ndarray]:
        answers = dict(zip(self._outputs, self._runtime.run(self._outputs, feeds), strict=True))
        logp = answers["logp"][:n]
        mass = answers.get("off_alphabet")
        logp = logp[:, :, None] if logp.ndim == 3 else logp
        return logp, np.zeros(logp.shape[:2], np.float32) if mass is None else np.nan_to_num(
            mass[:n]
        )

    def _halve(self, error: Exception) -> None:
        """Halve the batch and start a new runtime session: after a failed allocation the old arena
        may remain broken (onnxruntime #16307)."""
        if self.batch == 1:
            remedy = "free device memory or use a larger device"
            raise TransientError(
                message(
                    self.provider, "out of memory for one window", "memory for a batch of 1", remedy
                )
            ) from error
        self.batch //= 2
        self.halvings += 1
        LOG.warning("out of memory on %s: batch halved to %d", self.provider, self.batch)
        self._runtime = None  # release the old arena before the new one is created
        self._runtime = load(self.graph, self.device, self.threads, self._weights)


def refuse_long_window(bundle: Bundle, allow_long_window: bool) -> None:
    """Raise ConfigurationError (78) for a window beyond the trained context unless it is allowed."""
    window, trained = bundle.window_bp, bundle.trained_bp
    if window > trained and not allow_long_window:
        remedy = "give --allow_long_window to score with it all the same"
        expected = f"at most {trained} bp, as trained"
        raise ConfigurationError(
            message(f"bundle {bundle.model_id}", f"window is {window} bp", expected, remedy)
        )


def start(
    meta: dict,
    graph: Path,
    device: str,
    threads: int = 1,
    batch: int | None = None,
    requested: str = "",
    weights: dict[str, np.ndarray] | None = None,
) -> Session:
    """Return a session without the golden check, for `export`, which computes the golden answers.
    Other code uses Session.open.

    weights: values by name that replace those of the graph, for a negative control.
    """
    if batch is not None and batch < 1 or threads < 1:
        raise ValueError(f"batch is {batch}, threads {threads}; expected at least 1")
    tokenizer = tables(text_of(meta))
    window = meta["window"]
    chosen = (
        batch
        or window["batch"]
        or max(1, TOKENS_PER_BATCH // max(1, window["window_bp"] // meta["text"]["k"]))
    )
    session = Session(
        meta,
        graph,
        requested or device,
        device,
        threads,
        chosen,
        _tokenizer=tokenizer,
        _weights=weights or {},
    )
    session._runtime = load(graph, device, threads, session._weights)
    session._outputs = [output.name for output in session._runtime.get_outputs()]
    session.provider = session._runtime.get_providers()[0]
    return session


def tables(text: tokenizers.Text) -> tokenizers.Tokenizer | bpe.Bpe:
    """Return the tables that turn letters into the ids of a text. Raises BadDataError (65) for a
    vocabulary that does not fit."""
    return bpe.build(text) if isinstance(text, bpe.BpeText) else tokenizers.build(text)


def softmax(logp: np.ndarray) -> np.ndarray:
    """Return probabilities along the last axis; a row with a non-finite value is all NaN. They are
    float64, because a haplotype sums eighty of their logarithms."""
    finite = np.isfinite(logp).all(axis=-1, keepdims=True)
    logp = np.where(finite, logp, 0).astype(np.float64)
    p = np.exp(logp - logp.max(axis=-1, keepdims=True))
    return np.where(finite, p / p.sum(axis=-1, keepdims=True), np.nan)
