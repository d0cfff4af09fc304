"""Probes of made-up models whose error is known, for the tests of calibration and flags. Seeded,
numpy only."""

from __future__ import annotations

import numpy as np
import pandas as pd
from allele_classes import of_class


def skilled(
    rng: np.random.Generator,
    n: int,
    spread: float = 3.0,
    n_blocks: int = 40,
    classes=("single_copy", "repeat_family"),
) -> pd.DataFrame:
    """Probes of a calibrated model: |LLR| is exponential, P(right) = sigmoid(|LLR|), so the true
    error is known."""
    size = rng.exponential(spread, n)
    right = rng.random(n) < 1 / (1 + np.exp(-size))
    return table(rng, np.where(right, -size, size), rng.random(n) < 0.5, n_blocks, classes)


def true_error(probes: pd.DataFrame) -> np.ndarray:
    """Probability of being wrong of each of `skilled`'s probes."""
    return 1 / (1 + np.exp(np.abs(probes["llr"].to_numpy())))


def useless(
    rng: np.random.Generator, n: int, kind: str, balanced: bool = True, n_blocks: int = 40
) -> pd.DataFrame:
    """Probes of a model that knows nothing of the site: 'constant' likes C, 'gc' likes G and C by
    window GC, 'noise' is random.

    The run's spectrum is lopsided: its alleles are C>T nine times in ten, else T>C. Balanced probes
    stand half at the allele's REF letter and half at its ALT letter; naive ones (not balanced)
    always at REF.
    """
    common = rng.random(n) < 0.9
    run_oriented = rng.random(n) < 0.5 if balanced else np.ones(n, dtype=bool)
    real_is_c = (
        common == run_oriented
    )  # C>T at REF: real C; at ALT: real T; the rare T>C the other way round
    gc = rng.beta(8, 10, n)
    if kind == "constant":
        prefers_c = np.full(n, 2.0)
    elif kind == "gc":
        prefers_c = 4 * (gc - 0.3)
    elif kind == "noise":
        prefers_c = rng.normal(0, 2, n)
    else:
        raise ValueError(f"kind: {kind!r}; expected constant, gc or noise")
    return table(
        rng,
        np.where(real_is_c, -prefers_c, prefers_c) + 0.0,
        run_oriented,
        n_blocks,
        ("single_copy", "repeat_family"),
        gc,
    )


def table(rng, llr, run_oriented, n_blocks, classes, gc=None) -> pd.DataFrame:
    """A table of probes with that LLR; every other feature is noise of a plausible size."""
    n = len(llr)
    real = rng.integers(0, 4, n)
    return pd.DataFrame(
        {
            "contig_index": np.zeros(n, dtype=np.int32),
            "pos": rng.permutation(10 * n)[:n].astype(np.int64),
            "block": rng.integers(0, n_blocks, n).astype(np.int32),
            "real": real.astype(np.int8),
            "decoy": ((real + rng.integers(1, 4, n)) % 4).astype(np.int8),
            "run_oriented": run_oriented,
            **of_class(rng.choice(np.array(classes, dtype=object), n)),
            "llr": llr,
            "llr_sd": rng.gamma(4, 0.1, n),
            "ent": rng.uniform(0, 2, n),
            "dis": rng.gamma(2, 0.02, n),
            "sign_agreement": rng.choice([0.2, 0.6, 1.0], n, p=[0.1, 0.2, 0.7]),
            "strand_jsd": rng.gamma(2, 0.01, n),
            "strand_llr": rng.gamma(2, 0.1, n),
            "strand_flip": rng.random(n) < 0.05,
            "local_surprisal": rng.normal(1.8, 0.1, n),
            "gain": rng.normal(0.1, 0.3, n),
            "gc": rng.beta(8, 10, n) if gc is None else gc,
            "soft_masked": rng.random(n) < 0.3,
            "n_share": np.zeros(n),
            "near_edge": rng.random(n) < 0.01,
        }
    )


def features_of(probes: pd.DataFrame) -> pd.DataFrame:
    """The probes' features alone, as annotation would see alleles."""
    return probes.drop(columns=["contig_index", "pos", "block", "real", "decoy", "run_oriented"])
