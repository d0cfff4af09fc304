"""Simulated tables of scores whose structure is known, and the files that hold them."""

from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.validation.benchmark.score_table.options import ScoreTableOptions

MODELS = ("good", "twin", "flipped", "weak", "noise")


def simulated(seed=1, n=400, n_blocks=60, strength=1.6):
    """Alleles over blocks of 1 Mb with five models: `twin` nearly equals `good`, `flipped` has the
    other direction, `weak` is noisier, and `noise` knows nothing. The class is drawn apart from all
    else, and `text` is no score."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    latent = strength * (label - 0.5) + rng.normal(size=n)
    good = latent + 0.3 * rng.normal(size=n)
    pos = rng.choice(n_blocks * 1_000_000, n, replace=False) + 1
    return pd.DataFrame(
        {
            "chrom": "7",
            "pos": pos,
            "ref": "A",
            "alt": rng.choice(list("CGT"), n),
            "label": label,
            "kind": rng.choice(["missense", "splice", "UTR"], n),
            "text": "word",
            "good": good,
            "twin": np.exp(good + 0.02 * rng.normal(size=n)),
            "flipped": -(latent + 0.6 * rng.normal(size=n)),
            "weak": 1e-6 * (latent + 2.5 * rng.normal(size=n)),
            "noise": rng.normal(size=n),
        }
    )


def written(folder: Path, table: pd.DataFrame, name="scores.tsv.gz") -> Path:
    """The table as a file of the kind that its name says."""
    path = Path(folder) / name
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="," if ".csv" in name else "\t", index=False, na_rep="NA")
    return path


def options(path: Path, **changes) -> ScoreTableOptions:
    """Options with few draws, so that a test is fast."""
    settings = {"class_column": "kind", "draws": 25, "scores": MODELS}
    return ScoreTableOptions(path, **(settings | changes))
