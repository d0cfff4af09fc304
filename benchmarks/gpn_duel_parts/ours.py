"""Our side, and the bare loop of the runtime."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnxruntime
import pandas as pd

from gfmtrust.bundle import tokenizers
from gfmtrust.core import measures
from gfmtrust.core.alphabet import BASES, reverse_complement
from gfmtrust.core.views import Views
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.site_scores import SiteScores

BATCH = 32
PAUSE_S = 0.5
"""Before each run: the thread pool of the run before may still spin."""


def our_scores(session, bundle, genome, places, neighbours: bool = False) -> SiteScores:
    """The scores of places (contig_index, pos), with or without the surprisal of the neighbours."""
    options = ReadingOptions(neighbours=neighbours)
    return reader_of(bundle).score_sites(session, genome, *places, options)


def our_llrs(scores: SiteScores, views, variants: pd.DataFrame) -> np.ndarray:
    """GFM_LLR of the variants, as many of each site, float64 (variants,)."""
    rows = np.repeat(np.arange(len(scores.probs)), len(variants) // len(scores.probs))
    ref, alt = ([BASES.index(letter) for letter in variants[side]] for side in ("ref", "alt"))
    n_views = len(views)
    values = measures.allele_measures(
        scores.probs[rows],
        np.full((len(rows), n_views), 1 / n_views),
        np.array(ref),
        np.array(alt),
        Views(np.zeros(n_views, int), np.array([view.strand for view in views])),
    )
    return values["llr"]


def bare_loop(bundle, genome, contig_index, pos, threads: int) -> Callable[[], None]:
    """onnxruntime alone over all windows of both strands, inputs made beforehand, the last batch as
    short as it is."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    runtime = onnxruntime.InferenceSession(
        str(bundle.graph_for("cpu")), options, providers=["CPUExecutionProvider"]
    )
    forward = np.concatenate(
        [
            genome.windows(genome.names[i], pos[[row]] - bundle.site_forward, bundle.window_bp)
            for row, i in enumerate(contig_index)
        ]
    )
    codes = np.concatenate([forward, reverse_complement(forward)])
    index = np.repeat([bundle.site_forward, bundle.site_reverse], len(pos))[:, None]
    feeds = tokenizers.feeds(tokenizers.build(bundle.text), codes, index)
    batches = [
        {name: values[start : start + BATCH] for name, values in feeds.items()}
        for start in range(0, len(codes), BATCH)
    ]

    def run() -> None:
        for batch in batches:
            runtime.run(None, batch)

    return run


def seconds(call: Callable[[], object]) -> float:
    time.sleep(PAUSE_S)
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
