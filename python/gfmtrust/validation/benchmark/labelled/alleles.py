"""The labelled alleles of a run with all that the benchmark needs: each model's answer, the call it
makes, and whether the label agrees.

A call needs a cut on the LLR. A class of variant that is flagged by labels has that of its
calibration, so that verdict, flags and levels refer to the same calls. Where neither that nor a cut
of the user exists, the best one of each class is taken. It is one number for all alleles of the
class, because different cuts for the halves of the genome would exploit how often each half has an
effect. Choosing it on the same labels favours the alleles near it, which are the LOW ones, never
the flag. Source: docs/understand/reliability.md, "Labels".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.calibration.calls import best_cut, effect_score
from gfmtrust.calibration.reliability import newton
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import UsageError, message
from gfmtrust.inputs import labels
from gfmtrust.inputs.sites import MAX_BLOCK_BP, place_key
from gfmtrust.inputs.variants import Variant
from gfmtrust.io import tables
from gfmtrust.validation.benchmark.labelled.models import model_llrs

COLUMNS = ["rank", "rel", "llr", "ent", "dis", "gc", "soft_masked", "region_class"]
MIN_FOR_CUT = 20
"""The number of alleles of each label that a class of variant needs for a cut of its own."""
ENSEMBLE, COMPOSITION = "ensemble", "gc_cpg"


@dataclass(frozen=True)
class Judged:
    """table: one row per labelled and scored allele: labels.KEY, label, cpg, COLUMNS, kind, block,
    fold, `score` (higher indicates an effect), cut, distance to it, wrong. scorers: name -> score
    (n,), the ensemble's first. about: name -> description of the scorer."""

    table: pd.DataFrame
    scorers: dict[str, np.ndarray]
    about: dict[str, str]
    by_size: bool

    def take(self, rows: np.ndarray) -> Judged:
        """Return the given rows, with the scores of every scorer."""
        return Judged(
            self.table.iloc[rows].reset_index(drop=True),
            {name: score[rows] for name, score in self.scorers.items()},
            self.about,
            self.by_size,
        )


def judge(
    label_table: Path, sites: Path, plan_dir: Path | None, scores: list[Path], llr_cut: float | None
) -> tuple[Judged, dict]:
    """Return the labelled alleles of sites.parquet with their calls, and the number of lost
    labelled alleles by reason.

    plan_dir, scores: as for annotate_sites, for one row per model; without them there is only the
    ensemble. llr_cut: nats, None for the best. Raises UsageError (64) for a negative cut or for
    scores without their plan, and BadDataError (65) where the run scored only one label.
    """
    if llr_cut is not None and not 0 <= llr_cut < np.inf:
        raise UsageError(message("--llr_cut", str(llr_cut), "a number of nats, at least 0"))
    if (plan_dir is None) != (not scores):
        raise UsageError(message("--plan, --scores", "one of the two", "both or neither"))
    table, lost = labels.matched(label_table, sites, COLUMNS)
    by_size = tables.read_metadata(label_table)["by_size"]
    kind = [
        Variant(*row).kind.value
        for row in zip(table["pos"], table["ref"], table["alt"], strict=True)
    ]
    block = np.unique(
        place_key(table["contig_index"], table["pos"] // MAX_BLOCK_BP), return_inverse=True
    )[1]
    table = table.assign(
        kind=kind, block=block, score=effect_score(table["llr"].to_numpy(np.float64), by_size)
    )
    table = table.assign(fold=two_folds(place_key(table["contig_index"], table["pos"]), block))
    run = RunFacts.read(sites)
    cut = np.full(len(table), llr_cut) if llr_cut is not None else cuts(table, run.label_cuts)
    score = table["score"].to_numpy()
    table = table.assign(
        cut=cut, distance=np.abs(score - cut), wrong=(score >= cut) != (table["label"] == 1)
    )
    scorers, about = {ENSEMBLE: score}, {ENSEMBLE: "mean over the models that vote"}
    if plan_dir is not None:
        for model, llr, what in model_llrs(plan_dir, scores, run.models, table[labels.KEY]):
            scorers[model], about[model] = effect_score(llr, by_size), what
    scorers[COMPOSITION] = composition(table)
    about[COMPOSITION] = "logistic on GC and CpG alone, fitted on the other half of the labels"
    return Judged(table, scorers, about, by_size), lost


def two_folds(place: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return 0 or 1, (n,): whole blocks, largest first, to the smaller fold; the two sides of the
    middle where there is only one block."""
    sizes = np.bincount(block)
    if len(sizes) == 1:
        return (place > np.median(place)).astype(int)
    fold, behind = np.zeros(len(sizes), int), 0
    for one in np.argsort(-sizes, kind="stable"):
        fold[one] = behind > 0
        behind += -sizes[one] if fold[one] else sizes[one]
    return fold[block]


def cuts(table: pd.DataFrame, of_calibration: dict[str, float]) -> np.ndarray:
    """Return the cut of each allele's class of variant, (n,): that of its calibration by labels
    (`of_calibration`, nats, by class), otherwise the best one; that of all alleles where the class
    has fewer than 20 of a label."""
    label, score, kind = (table[name].to_numpy() for name in ("label", "score", "kind"))
    cuts = np.full(len(table), best_cut(label, score))
    for name in np.unique(kind):
        of_kind = kind == name
        if name in of_calibration:
            cuts[of_kind] = of_calibration[name]
        elif min((label[of_kind] == 1).sum(), (label[of_kind] == 0).sum()) >= MIN_FOR_CUT:
            cuts[of_kind] = best_cut(label[of_kind], score[of_kind])
    return cuts


def composition(table: pd.DataFrame) -> np.ndarray:
    """Return the log odds of label 1 from GC and CpG, fitted on the other fold, without the
    intercept, which would distinguish the folds; (n,)."""
    gc, cpg, label, fold = (
        table[name].to_numpy(np.float64) for name in ("gc", "cpg", "label", "fold")
    )
    matrix = np.column_stack([np.ones(len(gc)), (gc - gc.mean()) / (gc.std() or 1.0), cpg])
    score = np.zeros(len(gc))
    for one in (0, 1):
        other = fold != one
        if 0 < label[other].sum() < other.sum():
            score[~other] = matrix[~other, 1:] @ newton(matrix[other], label[other], 1.0)[1:]
    return score
