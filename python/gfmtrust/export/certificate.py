"""The certificates of a checkpoint on its way into a bundle: its graphs agree with torch, its
weights predict the genome better than chance, and its strands agree where they must.

    meta, cuda_graph = Proof(loaded, window, meta, folder, options).of(genome)

No graph is certified without being run: see `parity` (against torch), `sanity_check` (against the
genome) and `golden` (for every opening).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gfmtrust.bundle import bpe, devices, golden, graph_contract, runtime, session
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.core.progress import Progress
from gfmtrust.export import parity, sanity_check
from gfmtrust.export.options import ExportOptions
from gfmtrust.io.genome import Genome
from gfmtrust.models.graph import answerer, export_graph

FULL = "fp32"
SYMMETRY_BARS = {FULL: 1e-4, "fp16": 1e-2}
"""The largest allowed difference between the strands of a network that is symmetric by
construction; it is not zero because the sums are computed in another order."""


@dataclass(frozen=True)
class Questions:
    """The functions that differ between kinds of models.

    references: (answer, tokenizer, window) -> torch's answers.
    evidence: (session, windows, scored letters of a window) -> sanity_check.Evidence.
    symmetry: (session, windows, site, site of the reverse strand) -> dict.
    golden: (session, windows, window) -> the golden windows.
    precisions: the precisions for which there is a bar.
    """

    references: Callable
    evidence: Callable
    symmetry: Callable
    golden: Callable
    precisions: tuple[str, ...]


OF_BASES = Questions(
    parity.references,
    sanity_check.evidence,
    sanity_check.strand_symmetry,
    golden.windows,
    (FULL, "fp16"),
)
OF_TOKENS = Questions(
    parity.references_of_tokens,
    sanity_check.token_evidence,
    sanity_check.token_symmetry,
    golden.of_tokens,
    (FULL,),
)


class Proof:
    """The certification of one checkpoint: graphs are written to `folder`, certificates are
    collected, and `meta` (the groups of bundle.json) is completed.

    loaded: models.checkpoint.Checkpoint; window: models.family.Window. Raises ConfigurationError
    (78) for a precision without a bar.
    """

    def __init__(self, loaded, window, meta: dict, folder: Path, options: ExportOptions):
        self.loaded, self.window, self.meta, self.options = loaded, window, meta, options
        self.graph, self.cuda_graph = (
            folder / graph_contract.GRAPH_FILE,
            folder / graph_contract.CUDA_GRAPH_FILE,
        )
        self.questions = OF_TOKENS if isinstance(loaded.text, bpe.BpeText) else OF_BASES
        if options.precision not in self.questions.precisions:
            raise ConfigurationError(
                message(
                    "--precision",
                    f"{options.precision} for a model of whole tokens",
                    FULL,
                    "no bar of its likelihoods is known",
                )
            )
        family, text = loaded.family, loaded.text
        network = family.sized(
            loaded.network, max(window.window_bp, parity.longest_but_window(window, text.k))
        )
        self.scorer = family.scorer(network, loaded.config, text).eval()
        self.cuda_scorer = (
            family.cuda_scorer and family.cuda_scorer(network, loaded.config, text).eval()
        )
        # CUDA's graph is certified on CUDA where that works, otherwise on the CPU by its results
        self.cuda_device = "cuda" if self.cuda_scorer and devices.cuda_works() else "cpu"
        self.methods = ("marginal", "conditional") if text.k > 1 and not text.causal else ("",)
        self.traced: dict[str, np.ndarray] = {}
        self.certificates: list[dict] = []

    def of(self, genome: Genome) -> tuple[dict, Path | None]:
        """Return the groups of the bundle with all certificates, and the path of CUDA's graph where
        it has its own. Raises the errors of `export.export_model`."""
        window, options = self.window, self.options
        self._write_full()
        cut = sanity_check.windows(genome, window.window_bp, self._n_windows())
        evidence, running = self._best_method(cut)
        if options.precision != FULL:
            running = self._write_fp16(running, cut)
            evidence = self._evidence(running, cut)
        judged = sanity_check.judge(evidence, cut, genome.digest(), options.allow_untrained)
        symmetry = self.questions.symmetry(running, cut, window.site_forward, window.site_reverse)
        self._check_symmetry(symmetry)
        versions = {
            package: version(package)
            for package in ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
        }
        self.meta["proof"] = {
            **judged,
            "parity": self.certificates,
            "strand_symmetry": symmetry,
            "versions": versions,
        }
        self.meta["golden"] = self.questions.golden(running, cut, window)
        return self.meta, self.cuda_graph if self.cuda_scorer else None

    def _write_full(self) -> None:
        """Write the graphs in fp32 and certify each against torch's answers."""
        references = [
            reference
            for method in self.methods
            for reference in self.questions.references(
                answerer(self.scorer),
                session.tables(replace(self.loaded.text, kmer_method=method)),
                self.window,
            )
        ]
        self.traced, bar, threads = (
            references[0].feeds,
            self.loaded.family.bar,
            self.options.threads,
        )
        export_graph(self.scorer, self.traced, self.graph)
        self.certificates.append(
            parity.certify(
                references, runtime.runner(self.graph, threads), runtime.PROVIDERS["cpu"], bar
            )
        )
        if self.cuda_scorer:
            export_graph(self.cuda_scorer, self.traced, self.cuda_graph)
            self.certificates.append(
                parity.certify(
                    references,
                    runtime.runner(self.cuda_graph, threads, self.cuda_device),
                    runtime.PROVIDERS[self.cuda_device],
                    bar,
                    self.cuda_graph.name,
                )
            )

    def _write_fp16(self, full: session.Session, cut: np.ndarray) -> session.Session:
        """Write the graphs in fp16, certify each against fp32, and return the session of the CPU's
        graph."""
        site = self.window.site_forward
        export_graph(self.scorer.halved(), self.traced, self.graph)
        running = self._started(self.graph, "cpu")
        self.certificates.append(parity.certify_fp16(full, running, cut, site))
        if self.cuda_scorer:
            half = self._started(
                export_graph(self.cuda_scorer.halved(), self.traced, self.cuda_graph),
                self.cuda_device,
            )
            self.certificates.append(
                parity.certify_fp16(full, half, cut, site, self.cuda_graph.name)
            )
        return running

    def _best_method(self, cut: np.ndarray) -> tuple[sanity_check.Evidence, session.Session]:
        """Return the sanity check's evidence and its session. Where there are two k-mer methods,
        both score the same bases, and the better one is kept and recorded in `meta` with both
        surprisals, in bits per base."""
        running = self._started(self.graph, "cpu")
        marginal = self._evidence(running, cut)
        if len(self.methods) == 1:
            return marginal, running
        scoring = self.meta["scoring"]
        scoring["kmer_method"] = "conditional"
        other = self._started(self.graph, "cpu")
        conditional = self._evidence(other, cut)
        bits = {"marginal": marginal.mean / np.log(2), "conditional": conditional.mean / np.log(2)}
        scoring["kmer_surprisal_bits"] = {
            method: round(float(value), 6) for method, value in bits.items()
        }
        if sanity_check.conditional_is_better(marginal, conditional):
            return conditional, other
        scoring["kmer_method"] = "marginal"
        return marginal, running

    def _started(self, graph: Path, device: str) -> session.Session:
        running = session.start(self.meta, graph, device, self.options.threads)
        running.on_passes = Progress(f"{self.meta['identity']['model_id']}, export", "windows")
        return running

    def _evidence(self, running: session.Session, cut: np.ndarray) -> sanity_check.Evidence:
        site = self.window.site_forward
        return self.questions.evidence(
            running,
            cut,
            np.array(sorted({site, *(site + offset for offset in self.window.neighbour_offsets)})),
        )

    def _n_windows(self) -> int:
        """Return the number of windows. The choice of a k-mer method needs 10,000 bases where the
        sanity check needs 1,000 windows, and 9 bases are scored in each window."""
        return (
            self.options.n_windows
            if len(self.methods) == 1
            else -(-self.options.n_windows * 10 // 9)
        )

    def _check_symmetry(self, symmetry: dict) -> None:
        """Raise BadDataError (65) where the strands of a network that is symmetric by construction
        differ."""
        if (
            self.meta["scoring"]["rc_equivariant"]
            and not symmetry["max_logp"] <= SYMMETRY_BARS[self.options.precision]
        ):
            observed = f"logp of the two strands differs by {symmetry['max_logp']:.2g}"
            place = f"model {self.meta['identity']['model_id']}"
            raise BadDataError(
                message(
                    place,
                    observed,
                    "the same on both, as its network is built to give",
                    "report it with config.json",
                )
            )
