"""The LLRs of each model of a run for given alleles, read from the score tables; no model is
run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.calibration.allele_features import allele_features
from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.core.vocabulary import CONTEXT_FAMILY


def model_llrs(
    plan_dir: Path, scores: list[Path], metadata: dict[str, dict], alleles: pd.DataFrame
) -> Iterator[tuple[str, np.ndarray, str]]:
    """Yield each model's id, its mean LLR of each allele, nats (n,), NaN where it has none, and a
    description of the model.

    metadata: model -> metadata of its score tables, in the order of the run. alleles: labels.KEY
    columns, n rows.
    """
    for model, facts in metadata.items():
        what = "word counts of the genome" if facts["family"] == CONTEXT_FAMILY else facts["family"]
        gate = facts.get("gate", "passed")
        llr = allele_features(plan_dir, ScoreTables(scores, [model]), alleles)["llr"].to_numpy(
            np.float64
        )
        yield model, llr, what if gate == "passed" else f"{what}, gate: {gate}"
