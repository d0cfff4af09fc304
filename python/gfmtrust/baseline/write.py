"""The context model as a bundle: fit to a FASTA, write graph, members.json and bundle.json."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx

from gfmtrust.baseline import graph
from gfmtrust.baseline.evaluate import Law
from gfmtrust.baseline.fit import ContextModel, fit_model
from gfmtrust.baseline.members import MEMBERS_FILE, N_MEMBERS
from gfmtrust.bundle import bundle, graph_contract
from gfmtrust.core.alphabet import BASES, PAD, N, reverse_complement
from gfmtrust.core.errors import CannotWriteError, message
from gfmtrust.io.genome import Genome

log = logging.getLogger(__name__)

WINDOW = 63
"""Bases: the neighbours at 20 on either side still have their 11 letters of flank."""
NEIGHBOURS = [-20, -15, -10, -5, 5, 10, 15, 20]
BATCH = 64
MODEL_ID = "context_model"
GOLDEN_SEED = 20


def fit_context_model(fasta: str | Path, out_dir: str | Path, seed: int = 0) -> bundle.Bundle:
    """Fit the context model to a FASTA and write its bundle to `out_dir`, a new directory.

    Raises MissingInputError (66) and BadDataError (65) for the FASTA, BadDataError for one with
    hardly a known base, CannotWriteError (73) where `out_dir` exists. The same FASTA and seed give
    the same bytes.
    """
    out_dir = Path(out_dir)
    if out_dir.exists():  # before the work, not after it
        raise CannotWriteError(
            message(str(out_dir), "exists", "a new directory", "remove it or choose another")
        )
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir.parent, prefix=f".{out_dir.name}.") as folder:
        with Genome.open(fasta, folder) as genome:
            return write_bundle(
                fit_model(genome, seed), out_dir, {"genome": genome.digest(), "seed": seed}
            )


def write_bundle(model: ContextModel, out_dir: Path, source: dict) -> bundle.Bundle:
    """Write a fitted model; `source` says what it was fitted on. Raises CannotWriteError (73) where
    `out_dir` exists."""
    out_dir = Path(out_dir)
    with tempfile.TemporaryDirectory(dir=out_dir.parent, prefix=f".{out_dir.name}.") as folder:
        graph_path, members_path = (
            Path(folder) / graph_contract.GRAPH_FILE,
            Path(folder) / MEMBERS_FILE,
        )
        onnx.save_model(graph.build(model.law), graph_path)
        model.members.write(members_path)
        meta = bundle_meta(
            model,
            source | {"n_bases": model.n_bases, "orders": list(model.law.orders)},
            onnx.__version__,
        )
        return bundle.write(out_dir, meta, graph_path, (members_path,))


def bundle_meta(model: ContextModel, source: dict, onnx_version: str) -> dict:
    """The groups of bundle.json (see `bundle.FIELDS`)."""
    vocabulary = {letter: code for code, letter in enumerate(BASES + "N")}
    cells = sum(table.cells.size for table in model.law.tables)
    site = WINDOW // 2
    return {
        "identity": {
            "model_id": MODEL_ID,
            "family": "context_model",
            "repository": "",
            "revision": "",
            "licence": "MIT",
            "licence_url": "",
            "n_parameters": int(cells + model.law.weights.size),
            "citation": "gfmtrust",
        },
        "text": {
            "k": 1,
            "vocabulary": vocabulary,
            "mask": "",
            "unknown": "N",
            "outside": "N",
            "prefix": [],
            "suffix": [],
            "lower_case": False,
            "vocabulary_sha256": "",
        },
        "scoring": {
            "causal": False,
            "quantity": "counts",
            "kmer_method": "",
            "n_members": N_MEMBERS,
            "rc_equivariant": True,
            "neighbour_offsets": NEIGHBOURS,
            "neighbours_in_same_pass": True,
        },
        "window": {
            "window_bp": WINDOW,
            "trained_bp": WINDOW,
            "site_forward": site,
            "site_reverse": WINDOW - 1 - site,
            "shifts": [],
            "batch": BATCH,
        },
        "source": source,
        # The gate asks whether a model beats this one: it passes by definition, and its honest
        # weakness is for the certificates to find.
        "proof": {"gate": "passed", "reference": "numpy float32", "onnx": onnx_version},
        "golden": golden(model.law),
    }


def golden(law: Law) -> list[dict]:
    """Windows with the answer of `Law.log_probs`, not of the graph: known letters, the same
    reversed, one with N, one at a contig's end."""
    rng = np.random.default_rng(GOLDEN_SEED)
    plain = rng.integers(0, 4, WINDOW).astype(np.uint8)
    with_n, at_end = plain.copy(), plain.copy()
    with_n[rng.choice(WINDOW, 6, replace=False)] = N
    at_end[: WINDOW // 2 - 3] = PAD
    index = [WINDOW // 2, *(WINDOW // 2 + np.array(NEIGHBOURS)[[0, -1]]).tolist()]
    return [
        _golden(law, codes, index) for codes in (plain, reverse_complement(plain), with_n, at_end)
    ]


def _golden(law: Law, codes: np.ndarray, index: list[int]) -> dict:
    padding = np.full(law.reach, PAD, dtype=np.uint8)
    padded = np.concatenate([padding, codes, padding])
    windows = padded[np.array(index)[:, None] + np.arange(2 * law.reach + 1)]
    return {
        "codes": "".join(map(str, codes)),
        "index": index,
        "logp": np.round(law.log_probs(windows).astype(float), 6).tolist(),
    }
