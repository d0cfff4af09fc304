"""The run's own SNVs from features written by hand, for the exam of a calibration."""

import numpy as np
import pandas as pd

from gfmtrust.calibration.own_snvs import OwnSnvs


class OwnSnvsByHand(OwnSnvs):
    """SNVs with those features (a row each, as `hand_made_calibration.allele`), ALT frequency `af`
    (NaN unknown) and called alleles `an` behind it (0: stated)."""

    def __init__(self, rows: list[dict], af=np.nan, an=0):
        self.alleles = pd.DataFrame(
            {"af": np.broadcast_to(af, len(rows)), "an": np.broadcast_to(an, len(rows))}
        )
        self._table = pd.DataFrame(rows) if rows else pd.DataFrame({"llr": pd.Series(dtype=float)})
