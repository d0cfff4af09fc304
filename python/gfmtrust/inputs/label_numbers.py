"""The measured numbers of a labelled VCF, such as the effects of a reporter assay, one per allele."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.inputs import labels
from gfmtrust.inputs.labels import KEY


@dataclass(frozen=True)
class Number:
    """The number in one INFO key is the label."""

    key: str

    def label(self, text: str) -> float | None:
        """The number; None where the text is none, or not finite."""
        try:
            value = float(text)
        except ValueError:
            return None
        return value if np.isfinite(value) else None


def labelled_alleles(
    path: Path, rule: Any, genome, contig_map: str | Path = "none"
) -> tuple[pd.DataFrame, Counter]:
    """The alleles of a VCF that have a label by the rule and fit the genome: KEY and label float64,
    sorted by KEY, one row per allele; and the alleles left out, by reason.

    rule: a Number or a `labels.Rule`. An allele with two different labels is left out. Raises
    BadDataError (65) where no allele is left.
    """
    counts, words = Counter(), Counter()
    rows = labels.fitting(
        labels.stated(Path(path), rule, genome, contig_map, counts, words), genome, counts
    )
    grouped = rows.groupby(KEY, sort=True)["label"].agg(["min", "max", "size"]).reset_index()
    same = (grouped["min"] == grouped["max"]).to_numpy()
    counts[labels.CONFLICTING] += int(grouped["size"][~same].sum())
    counts[labels.REPEATED] += int((grouped["size"][same] - 1).sum())
    kept = grouped[same].rename(columns={"min": "label"})[[*KEY, "label"]].reset_index(drop=True)
    if not len(kept):
        left_out = ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items()) if n)
        raise BadDataError(
            message(
                Path(path).name,
                f"no allele with INFO/{rule.key} that fits the genome ({left_out or 'no record'})",
                "labelled alleles of this FASTA",
                "see --label_key",
            )
        )
    return kept.assign(label=kept["label"].astype(np.float64)), counts
