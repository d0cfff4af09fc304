"""Calibration by labels: the same score and certificates as on decoys, where right means that the
model's call agrees with the label.

The call of an allele compares its LLR with a cut-off that the fit split chose; the distance to the
cut-off replaces |LLR|. The splits share no megabase. Where there are too few labels, the decoy
calibration is used and the number needed is reported. Source: docs/understand/reliability.md,
"Labels".
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags, splits
from gfmtrust.calibration.calls import best_cut, effect_score
from gfmtrust.calibration.class_calibration import LABELS, ClassCalibration, Direction
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import of_snvs
from gfmtrust.core.vocabulary import Rank
from gfmtrust.inputs.sites import MAX_BLOCK_BP, place_key

MIN_LABELS = 200
"""Alleles of each label that are needed to certify anything at the error that MEDIUM allows."""
LIKELY_HIGH = 500
"""Alleles of each label below which HIGH is unlikely to be certified."""
ONE_SIDED = 0.9


def too_few(label: np.ndarray) -> str:
    """The reason why the labels (n,) of one class of variant are too few, with the number needed;
    '' where there are enough."""
    n_effect = int((label == 1).sum())
    n_none = len(label) - n_effect
    if min(n_effect, n_none) >= MIN_LABELS:
        return ""
    return (
        f"{n_effect:,} alleles with an effect and {n_none:,} without; a calibration needs {MIN_LABELS} of each "
        f"({LIKELY_HIGH} for HIGH to be likely)"
    )


def refusal(label: np.ndarray, block: np.ndarray) -> str:
    """The reason why these labels cannot calibrate, with the number needed; '' where they can.
    label, block: (n,)."""
    n_blocks = len(np.unique(block))
    if why_not := too_few(label):
        return why_not
    if n_blocks < splits.MIN_BLOCKS:
        return f"labels in {n_blocks} blocks of 1 Mb; a calibration needs {splits.MIN_BLOCKS}"
    if not splits.halves_balanced(int((splits.split(block, 1) == splits.FIT).sum()), len(label)):
        return "the blocks of 1 Mb cannot be split evenly; a calibration needs 40 to 60 % of the labels in half of them"
    return ""


def warnings(label: np.ndarray, region_class: np.ndarray) -> list[str]:
    """Warnings about region classes where more than nine in ten labels are equal: there, the region
    alone determines the label."""
    texts = []
    for name in sorted(set(region_class)):
        labels = label[region_class == name]
        share = max(labels.mean(), 1 - labels.mean())
        if share > ONE_SIDED:
            texts.append(
                f"region class {name}: {share:.0%} of its {len(labels):,} labels are {'1' if labels.mean() > 0.5 else '0'}"
            )
    if min((label == 1).sum(), (label == 0).sum()) < LIKELY_HIGH:
        texts.append(
            f"fewer than {LIKELY_HIGH} alleles of a label: HIGH is unlikely to be certified"
        )
    return texts


def blocks_of(table: pd.DataFrame) -> np.ndarray:
    """Block of each allele, int (n,): its megabase of its contig."""
    return np.unique(
        place_key(table["contig_index"], table["pos"] // MAX_BLOCK_BP), return_inverse=True
    )[1]


def fit(
    table: pd.DataFrame, options: Options, by_size: bool, llr_cut: float | None = None
) -> ClassCalibration:
    """The calibration of one class of variant by its labelled alleles. It has no certificates where
    `refusal` gives a reason.

    table: contig_index, pos, label and the columns of `features`; rows without an LLR are left out.
    llr_cut: nats; None means the best cut-off of the fit split.
    """
    table = table[np.isfinite(table["llr"].to_numpy(np.float64))].sort_values(
        ["contig_index", "pos"], kind="stable", ignore_index=True
    )
    block, label = blocks_of(table), table["label"].to_numpy()
    score = effect_score(table["llr"].to_numpy(np.float64), by_size)
    part = splits.split(block, options.seed)
    in_fit = part == splits.FIT
    cut = llr_cut if llr_cut is not None else best_cut(label[in_fit], score[in_fit])
    right = (score >= cut) == (label == 1)
    distance = np.abs(score - cut)
    as_probes = table.assign(
        block=block, real=0, decoy=0, run_oriented=True, llr=np.where(right, -distance, distance)
    )
    fitted = replace(
        calibration_fit.fit_class(as_probes, options), set=LABELS, cut=float(cut), by_size=by_size
    )
    return replace(fitted, directions=directions(options, fitted, table[~in_fit], ~right[~in_fit]))


def directions(
    options: Options, fitted: ClassCalibration, table: pd.DataFrame, wrong: np.ndarray
) -> tuple[Direction, ...]:
    """Wrong calls of each flag by the allele that the model prefers, on the certification
    splits."""
    rank, _ = flags.decide(of_snvs(options, fitted), table)
    llr = table["llr"].to_numpy(np.float64)
    return tuple(
        Direction(level.name, prefers, int(rows.sum()), int(wrong[rows].sum()))
        for level in (Rank.HIGH, Rank.MEDIUM, Rank.LOW)
        for prefers, side in (("ALT", llr > 0), ("REF", llr < 0))
        for rows in [(rank == level) & side]
    )
