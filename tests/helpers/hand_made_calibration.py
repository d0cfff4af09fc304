"""A calibration written by hand, and alleles to flag with it."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
from allele_classes import of_class

from gfmtrust.calibration import flags
from gfmtrust.calibration.caps import Limits
from gfmtrust.calibration.certificates import Certificate, ErrorCount
from gfmtrust.calibration.class_calibration import ClassCalibration, SplitCounts
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.reliability import Reliability, Term

HIGH_AT, MEDIUM_AT = 0.9, 0.7


def certificate(
    level: str, threshold: float | None, classes=("single_copy",), refused=()
) -> Certificate:
    alpha = 0.05 if level == "HIGH" else 0.2
    return Certificate(
        level,
        classes,
        refused,
        threshold,
        alpha,
        0.05,
        ErrorCount(500, 9, 0.03),
        ErrorCount(250, 4, 0.04),
        5,
        600,
    )


def by_hand(
    high: float | None = HIGH_AT, medium: float | None = MEDIUM_AT, **changed
) -> RunCalibration:
    """Reliability is the logistic function of |LLR|; every limit is a round number."""
    score = Reliability((Term("abs_llr", 1.0, 0.0, 1.0, 0.0, 20.0),), 0.0, 0.02, 1.0, 1000, ())
    limits = Limits((1.5, 1.9), (1.0, 1.99), 0.05, 0.2, 0.3, (("single_copy", 0.5),), 0.4, 0.3)
    certificates = (certificate("HIGH", high), certificate("MEDIUM", medium))
    snv = ClassCalibration(
        SplitCounts(2000, 0, 1000, 500, 500, 40), score, limits, certificates, (), ()
    )
    return changed_calibration(RunCalibration(Options(), {"SNV": snv}), **changed)


def changed_calibration(calibration: RunCalibration, **changed) -> RunCalibration:
    """The calibration with other values of its own fields, and of those of its class SNV."""
    names = {one.name for one in fields(ClassCalibration)}
    of_class = {name: value for name, value in changed.items() if name in names}
    of_run = {name: value for name, value in changed.items() if name not in names}
    return replace(calibration, classes={"SNV": replace(calibration.snv, **of_class)}, **of_run)


def allele(rel: float = 0.95, **changed) -> dict:
    """An allele of that reliability with nothing against it."""
    return {
        "llr": -np.log(rel / (1 - rel)),
        "llr_sd": 0.1,
        "ent": 1.0,
        "dis": 0.1,
        "sign_agreement": 1.0,
        "strand_jsd": 0.0,
        "strand_llr": 0.1,
        "strand_flip": 0.0,
        "local_surprisal": 1.7,
        "gain": 0.5,
        "gc": 0.4,
        "soft_masked": False,
        "n_share": 0.0,
        "near_edge": False,
        **of_class("single_copy"),
    } | changed


def flag(result: RunCalibration, *alleles: dict) -> list[tuple[int, tuple[str, ...]]]:
    rank, why = flags.assign(result, pd.DataFrame(list(alleles)))
    return list(zip(rank.tolist(), why, strict=True))
