"""Calibration by labels: right means that the model's call agrees with the label.

The call of an allele compares its LLR with a cut-off that the fit split chose; the distance to the
cut-off replaces |LLR|. What a level promises is in `label_certificates`. The splits share no
megabase, and in a single locus no exon. Where there are too few labels, the decoy calibration is
used and the number needed is reported. Source: docs/understand/reliability.md, "Labels".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration import flags, label_certificates, splits
from gfmtrust.calibration import reliability as score
from gfmtrust.calibration.calls import effect_score, steady_cut
from gfmtrust.calibration.caps import caps, measure_limits
from gfmtrust.calibration.class_calibration import LABELS, ClassCalibration, Direction, SplitCounts
from gfmtrust.calibration.features import own_surprisal
from gfmtrust.calibration.label_blocks import MIN_LOCUS_BLOCKS, Blocks, blocks_of
from gfmtrust.calibration.label_cells import Calls
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import of_snvs
from gfmtrust.calibration.strata import strata
from gfmtrust.core.vocabulary import Rank

if TYPE_CHECKING:
    import pandas as pd

MIN_LABELS = 200
"""Alleles of each label that are needed to certify anything at the error that MEDIUM allows."""
LIKELY_HIGH = 1000
"""Alleles of each label below which HIGH is unlikely to be certified, also with a model of AUROC .9."""
MIN_FIT_LABELS = 40
"""Alleles of each label that the fit split and the certification splits need."""
N_SPLITS = 32
SPLIT_STEP = 7_919
"""Between the seeds of two splits, so that none is the split of a neighbouring seed of the user."""
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
        f"({LIKELY_HIGH:,} for HIGH to be likely)"
    )


def refusal(label: np.ndarray, blocks: Blocks, seed: int = 1) -> str:
    """The reason why these labels (n,) cannot calibrate, with the number needed; '' where they can.
    The alleles are in their canonical order."""
    if why_not := too_few(label):
        return why_not
    if blocks.n < blocks.needed:
        return (
            f"labels in {blocks.n} {blocks.words}; a calibration needs {splits.MIN_BLOCKS} blocks of "
            f"1 Mb, or {MIN_LOCUS_BLOCKS} exons or windows of 1 kb in all loci together"
        )
    in_fit = label_split(label, blocks, seed) == splits.FIT
    if not splits.halves_balanced(int(in_fit.sum()), len(label)):
        return (
            f"the {blocks.n} {blocks.words} cannot be split evenly; a calibration needs 40 to 60 % "
            "of the labels in half of them"
        )
    fewest = _fewest(label, in_fit)
    if fewest < MIN_FIT_LABELS:
        return (
            f"half of the {blocks.n} {blocks.words} hold {fewest} alleles of one label; a "
            f"calibration needs {MIN_FIT_LABELS} of each in either half"
        )
    return ""


def label_split(label: np.ndarray, blocks: Blocks, seed: int) -> np.ndarray:
    """The split of each labelled allele, uint8 (n,): that of the seed, or, where it leaves a half
    with too few alleles of a label, the first of up to N_SPLITS others that does not.

    Few blocks that differ in their share of effects can be enough, and yet fall apart badly. The
    choice depends on the numbers of the labels alone, never on a call, so that the errors among the
    alleles of a label are as exchangeable as before.
    """
    first = splits.split(blocks.index, seed)
    for number in range(N_SPLITS):
        part = first if not number else splits.split(blocks.index, seed + number * SPLIT_STEP)
        in_fit = part == splits.FIT
        is_even = splits.halves_balanced(int(in_fit.sum()), len(label))
        if is_even and _fewest(label, in_fit) >= MIN_FIT_LABELS:
            return part
    return first


def _fewest(label: np.ndarray, in_fit: np.ndarray) -> int:
    """The number of alleles of the rarer label in the half that has fewer of them."""
    return min(int(((label == one) & part).sum()) for one in (0, 1) for part in (in_fit, ~in_fit))


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
            f"fewer than {LIKELY_HIGH:,} alleles of a label: HIGH is unlikely to be certified"
        )
    return texts


def fit(
    table: pd.DataFrame, options: Options, by_size: bool, llr_cut: float | None = None
) -> ClassCalibration:
    """The calibration of one class of variant by its labelled alleles. It has no certificates where
    the fit split holds one label only; whether the labels are enough is asked by `refusal`.

    table: contig_index, pos, label and the columns of `features`; rows without an LLR are left out.
    llr_cut: nats; None means the cut-off of the fit split, see `steady_cut`.
    """
    n = len(table)
    table = table[np.isfinite(table["llr"].to_numpy(np.float64))].sort_values(
        ["contig_index", "pos"], kind="stable", ignore_index=True
    )
    blocks, effect = blocks_of(table), table["label"].to_numpy() == 1
    llr_score = effect_score(table["llr"].to_numpy(np.float64), by_size)
    part = label_split(table["label"].to_numpy(), blocks, options.seed)
    in_fit = part == splits.FIT
    unfitted = ClassCalibration(
        _counts(part, n, blocks.n),
        None,
        measure_limits(table, blocks.index, options),
        (),
        (),
        (),
        set=LABELS,
        by_size=by_size,
        loci=blocks.loci,
    )
    if not 0 < effect[in_fit].sum() < in_fit.sum():
        return unfitted
    cut = (
        llr_cut
        if llr_cut is not None
        else steady_cut(effect[in_fit].astype(int), llr_score[in_fit])
    )
    call = llr_score >= cut
    distances = table.assign(llr=llr_score - cut)
    reliability, ablation = _fit_score(
        distances, effect, call == effect, in_fit, blocks.index, options.seed
    )
    calls = Calls(
        score.predict(reliability, distances),
        effect,
        call,
        strata(table, ()),
        blocks.index,
        own_surprisal(table),
    )
    cap, _ = caps(unfitted.limits, table)
    fitted = replace(
        unfitted,
        reliability=reliability,
        ablation=ablation,
        cut=float(cut),
        certificates=label_certificates.certify(calls, cap, part, options),
    )
    return replace(
        fitted, directions=directions(options, fitted, table[~in_fit], calls.wrong[~in_fit])
    )


def _fit_score(
    distances: pd.DataFrame,
    effect: np.ndarray,
    right: np.ndarray,
    in_fit: np.ndarray,
    block: np.ndarray,
    seed: int,
) -> tuple[score.Reliability, tuple[score.AblationRow, ...]]:
    """The reliability of the calls, fitted with both labels at equal weight: the alleles of the
    rarer label are repeated, because otherwise a rare effect would make "no effect" look reliable
    wherever it is said."""
    rows = np.flatnonzero(in_fit)
    n_effect = int(effect[rows].sum())
    n_none = len(rows) - n_effect
    times = np.where(
        effect[rows], max(1, round(n_none / n_effect)), max(1, round(n_effect / n_none))
    )
    repeated = np.repeat(rows, times)
    reliability, ablation = score.fit(
        distances.iloc[repeated].reset_index(drop=True),
        right[repeated],
        splits.folds(block[repeated], seed, score.N_FOLDS),
        score.median_sd(distances),
    )
    return replace(reliability, n_probes=len(rows)), ablation


def _counts(part: np.ndarray, n: int, n_blocks: int) -> SplitCounts:
    fit, certify_high, certify_medium = (
        int((part == one).sum()) for one in (splits.FIT, splits.CERTIFY_HIGH, splits.CERTIFY_MEDIUM)
    )
    return SplitCounts(len(part), n - len(part), fit, certify_high, certify_medium, n_blocks)


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
