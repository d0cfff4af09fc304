"""The ranks of SNVs: GFM_PCT among the background of the run, and the ranks of its models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.calibration.ensemble import Ensemble, SiteBlock
from gfmtrust.calibration.model_ranks import ModelRanks, scores_by_model
from gfmtrust.calibration.percentile import Background
from gfmtrust.calibration.run_background import percent_at, read_background

COLUMNS = ("pct", "models_pct", "models_sd")


@dataclass(frozen=True)
class SnvRanks:
    """What SNVs are ranked among. background: None where none has a percentile; models: None where
    the models' ranks are not compared."""

    background: Background | None = None
    models: ModelRanks | None = None

    @classmethod
    def read(cls, background: Path | None, ranks: Path | None) -> SnvRanks:
        """background, ranks: background.parquet and model_ranks.parquet of calibrate."""
        return cls(
            read_background(background) if background else None,
            ModelRanks.read(ranks) if ranks else None,
        )

    def at(
        self,
        block: SiteBlock,
        ensemble: Ensemble,
        rows: np.ndarray,
        codes: tuple[np.ndarray, np.ndarray],
        llrs: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """COLUMNS of SNVs at rows (n,) of a block, NaN where there is nothing to rank among. codes:
        of REF and ALT; llrs: nats (n,)."""
        nothing = np.full(len(rows), np.nan)
        values = percent_at(self.background, block, rows, codes, llrs), nothing, nothing
        if self.models is not None and self.models.compares:
            scores = scores_by_model(block, ensemble, rows, *codes)
            values = values[0], *self.models.compared(scores)
        return dict(zip(COLUMNS, values, strict=True))
