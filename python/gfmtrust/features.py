"""The features a flag is decided on, of any alleles at scored sites: the same function for probes, variants and region bases.

Local surprisal is the context model's throughout: probes are matched to the run by it before any other model has run.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gfmtrust.ensemble import Ensemble, SiteBlock
from gfmtrust.measures import allele_measures, mean_distribution, surprisal


def features(block: SiteBlock, ensemble: Ensemble, rows: np.ndarray, ref: np.ndarray, alt: np.ndarray) -> pd.DataFrame:
    """One row an allele: its measures and what is known of its site.

    rows: (n,) rows of the block; ref, alt: (n,) codes 0..3. Measures are NaN where the site was not scored.
    """
    measured = allele_measures(block.probs[rows], block.weights[rows], ensemble.view_models, ensemble.view_strands, ref, alt,
                               ensemble.view_equivariant)
    site = block.site.iloc[rows]
    return pd.DataFrame({
        **measured,
        "local_surprisal": block.context_surprisal[rows],
        "gain": block.gain[rows],
        "gc": site["gc"].to_numpy(np.float64),
        "soft_masked": site["soft_masked"].to_numpy(bool),
        "n_share": block.n_share[rows].astype(np.float64),
        "near_edge": block.pad_share[rows] > 0,
        "region_class": site["region_class"].to_numpy(object),
    })


def surprisal_of(probs: np.ndarray, weights: np.ndarray, base: np.ndarray) -> np.ndarray:
    """-log2 of the weighted mean probability of the genome's base, bits, float64 (n,); NaN where no view voted.

    probs: (n, V, 4), weights: (n, V), base: codes (n,), 4 and above give NaN.
    """
    known = (base < 4) & (weights.sum(axis=1) > 0)
    bits = surprisal(mean_distribution(probs, weights), np.where(known, base, 0).astype(np.int64))
    return np.where(known, bits, np.nan)
