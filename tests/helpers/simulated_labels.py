"""Labelled alleles of made-up models whose AUROC is known, for the tests of label certificates.
Seeded, numpy only."""

from __future__ import annotations

import numpy as np
import pandas as pd
from allele_classes import of_class
from scipy.stats import norm


def labelled(
    seed: int,
    n_effect: int,
    n_none: int,
    auroc: float = 0.5,
    n_blocks: int = 40,
    classes: tuple[str, ...] = ("single_copy",),
    block_bp: int = 1_000_000,
) -> pd.DataFrame:
    """Alleles over blocks in order of position. -LLR is normal, with a mean that is higher where
    there is an effect by as much as gives that AUROC (binormal model); .5 is a model that knows
    nothing, whose labels are in effect shuffled."""
    rng = np.random.default_rng(seed)
    n = n_effect + n_none
    label = rng.permutation(np.repeat([1, 0], [n_effect, n_none]))
    score = rng.normal(0, 1, n) + np.sqrt(2) * norm.ppf(auroc) * label
    return pd.DataFrame(
        {
            "contig_index": np.zeros(n, dtype=np.int64),
            "pos": np.sort(rng.integers(0, n_blocks * block_bp, n)),
            "label": label,
            **of_class(rng.choice(np.array(classes, dtype=object), n)),
            "llr": -score,
            "llr_sd": rng.gamma(4, 0.1, n),
            "ent": rng.uniform(0, 1.8, n),
            "dis": rng.gamma(2, 0.02, n),
            "sign_agreement": np.ones(n),
            "strand_jsd": rng.gamma(2, 0.01, n),
            "strand_llr": rng.gamma(2, 0.1, n),
            "strand_flip": np.zeros(n, dtype=bool),
            "local_surprisal": rng.normal(1.8, 0.1, n),
            "gain": rng.normal(0.3, 0.1, n),
            "gc": rng.beta(8, 10, n),
            "soft_masked": np.zeros(n, dtype=bool),
            "n_share": np.zeros(n),
            "near_edge": np.zeros(n, dtype=bool),
        }
    )
