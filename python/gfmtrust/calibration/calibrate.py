"""CALIBRATE: probes with their measures become a calibration, or a frozen one is checked against
this run.

Reads the plan and each score table once; runs no model.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags, record
from gfmtrust.calibration.ensemble import Ensemble, ScoreTables
from gfmtrust.calibration.exam import examined
from gfmtrust.calibration.heldout import HeldOut
from gfmtrust.calibration.heldout_verdict import contigs_text
from gfmtrust.calibration.labelled import LabelledAlleles, label_calibrations, local_ratios
from gfmtrust.calibration.ladder import Ladder
from gfmtrust.calibration.model_ranks import RunRanks
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.own_snvs import OwnSnvs, probes_like
from gfmtrust.calibration.probe_tables import (
    RUN_SITES_KEPT,
    ClassProbes,
    PermutedAlts,
    ProbeRows,
    control_tables,
    probe_table,
    read_once,
)
from gfmtrust.calibration.record import ControlVerdict, RunCalibration
from gfmtrust.calibration.run_background import RunBackground
from gfmtrust.calibration.shift import shift_test
from gfmtrust.calibration.strata import in_one, pooled, strata
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.inputs import training
from gfmtrust.io import tables
from gfmtrust.planning.shards import HELD_OUT

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GUARD_BANDS", "LabelUse", "calibrate", "probe_table", "run_digests"]

log = logging.getLogger(__name__)

GUARD_BANDS = {"fp32": 0.002, "fp16": 0.01, "external": 0.002}
"""How far a reliability may move between devices, by the precision of the least precise model:
above the largest difference that was measured (docs/understand/benchmarks.md). 0.002 follows from
the difference of 1e-3 nat that is allowed between CPU and GPU."""


@dataclass(frozen=True)
class LabelUse:
    """How labels are used. table: the output of read_labels; llr_cut: nats, for the classes of
    variant that are flagged by labels; prior: the prior of the local likelihood ratios, None to
    compute none."""

    table: Path | None = None
    llr_cut: float | None = None
    prior: float | None = None


def calibrate(
    plan_dir: Path,
    scores: ScoreTables,
    out_dir: Path,
    options: Options,
    frozen: Path | None = None,
    labels: LabelUse = LabelUse(),  # noqa: B008  (frozen: safe)
    background_vcf: Path | None = None,
) -> RunCalibration:
    """Fit the reliability score and its certificates on the probes, or check a frozen calibration
    against this run.

    background_vcf: see `RunBackground`. Writes calibration.json, probes.scored.parquet,
    background.parquet and, with a prior, the files of `local_lr` to `out_dir`. Raises UsageError
    (64) for labels with a frozen calibration or for a prior without labels, ConfigurationError (78)
    where the frozen calibration belongs to other models, another genome or other views, and
    BadDataError (65) for a background VCF without a scored allele of the run.
    """
    _refuse_contradictions(frozen, labels)
    plan = Plan.read(plan_dir / Plan.NAME)
    ensemble, digests = scores.ensemble, run_digests(plan, scores.ensemble)
    transferred = None if frozen is None else RunCalibration.read(frozen)
    if transferred is not None:
        record.check_matches(transferred, digests)
    seed = options.seed if transferred is None else transferred.options.seed
    probes, own_snvs, ladder = ProbeRows(plan_dir, ensemble), OwnSnvs(plan_dir, ensemble), Ladder()
    alts, of_classes = PermutedAlts(plan_dir, seed), ClassProbes(plan_dir, ensemble)
    labelled = LabelledAlleles(plan_dir, ensemble, labels.table) if labels.table else None
    also = [labelled.features] if labelled else []
    background = RunBackground(plan_dir, background_vcf)
    ranks, further = RunRanks(plan_dir, ensemble), ProbeRows(plan_dir, ensemble, HELD_OUT)
    read_once(plan_dir, scores, [probes, own_snvs, ladder, alts, background, further, ranks, *also])
    by_probes = [of_classes] if transferred is None else []
    read_once(plan_dir, scores, [*by_probes, *also], ShardKind.VARIANTS)
    by_class = labelled.by_class() if labelled else {}
    overlap = labelled.overlap(by_class, [one.name for one in plan.contigs]) if labelled else ()
    if labelled and labels.prior is not None:
        local_ratios(by_class, labelled.facts, labels.prior, options.seed, out_dir)
    table = probes.table()
    if transferred is None:
        options = replace(
            options,
            guard_band=max(GUARD_BANDS[precision] for precision in digests["precision"]),
            context_only=ensemble.context_only,
            digests=digests,
            background=plan.background.name if plan.background else "",
            long_window=beyond_training(ensemble),
            scores=", ".join(ensemble.models) if ensemble.scores_alleles else "",
        )
        calibration = calibration_fit.fit(_testable(table, options), options)
        of_class = {name: _testable(rows, options) for name, rows in of_classes.tables().items()}
        calibration = replace(
            calibration,
            classes=calibration.classes | calibration_fit.fit_classes(of_class, options),
        )
        if labelled and by_class:
            calibration = replace(
                calibration,
                labels=label_calibrations(
                    by_class, options, labelled.facts["by_size"], labels.llr_cut, overlap
                ),
            )
        # the shift test compares the run's SNVs with those of this run's probes that are like them
        probed = _probed_surprisal(table, own_snvs)
        calibration = record.with_surprisal(calibration, probed)
    else:
        calibration = transferred
        # a frozen calibration answers for the genome sites that its own probes were drawn from
        probed = np.array(transferred.snv.surprisal_quantiles)
    run = own_snvs.surprisal()
    verdict = shift_test(run[:: max(1, len(run) // RUN_SITES_KEPT)], probed)
    calibration = record.with_shift(calibration, verdict, transferred is not None)
    controls = _controls(plan_dir, scores, calibration.options)
    calibration = record.with_controls(calibration, controls, alts.distance())
    if not calibration.options.scores:
        heldout = _held_out(plan, ensemble, further) if transferred is None else None
        calibration = examined(calibration, own_snvs, table, ladder.rows(), heldout)
    calibration.write(out_dir / RunCalibration.NAME)
    _write_probes(calibration, table, out_dir)
    background.write(out_dir, seed)
    for text in ranks.write(out_dir).duplicate_texts:
        log.warning("%s", text)
    return calibration


def _testable(probes: pd.DataFrame, options: Options) -> pd.DataFrame:
    """The probes as decoys can test them: a score on a scale of its own prefers no base, so that its
    sign at a decoy means nothing, and no probe has an LLR."""
    return probes.assign(llr=np.nan) if options.scores else probes


def _held_out(plan: Plan, ensemble: Ensemble, further: ProbeRows) -> HeldOut:
    """The contigs that every voting model says were held out of its training."""
    names = [one.name for one in plan.contigs]
    stated = [ensemble.metadata[model].get("training", {}) for model in ensemble.models]
    contigs = training.heldout(stated, names)
    if missing := [name for name in plan.heldout_contigs if name not in contigs]:
        log.warning(
            "held-out contigs: not every model says that it never saw %s; give the same "
            "--heldout_contigs when the models are exported or imported",
            contigs_text(tuple(missing)),
        )
    numbers = tuple(names.index(name) for name in contigs)
    table = further.table()
    rows = np.isin(table["contig_index"].to_numpy(), numbers)
    return HeldOut(contigs, numbers, table[rows].reset_index(drop=True))


def _probed_surprisal(probes: pd.DataFrame, own_snvs: OwnSnvs) -> np.ndarray:
    """Local surprisal of the probes whose cells have the shares of the run's SNVs, bits."""
    like = probes_like(own_snvs.cells(), pooled(strata(probes, ())))
    return probes["local_surprisal"].to_numpy(np.float64)[like]


def _refuse_contradictions(frozen: Path | None, labels: LabelUse) -> None:
    if frozen is not None and labels.table is not None:
        raise UsageError(
            message(
                "--labels",
                "given with --calibration",
                "one of the two: the frozen file has its own",
            )
        )
    if labels.prior is not None and labels.table is None:
        raise UsageError(
            message(
                "--local_lr",
                "given without --labels",
                "both",
                "leave it out, or give a labelled VCF",
            )
        )


def _controls(plan_dir: Path, scores: ScoreTables, options: Options) -> tuple[ControlVerdict, ...]:
    """Verdicts on the negative controls. Each control is calibrated by itself, as if it were the
    model of a run, all probes in one cell; no probe of it may then be flagged above LOW."""
    tables_of = ((kind, in_one(probes)) for kind, probes in control_tables(plan_dir, scores))
    return tuple(
        flags.control_verdict(calibration_fit.fit(probes, options), kind.label, probes)
        for kind, probes in tables_of
    )


def _write_probes(calibration: RunCalibration, table: pd.DataFrame, out_dir: Path) -> None:
    """probes.scored.parquet: the probes with their reliability, flag and reasons."""
    table = _testable(table, calibration.options)
    rank, why = flags.assign(calibration, table)
    scored = table.assign(
        rel=calibration_fit.reliability(calibration.snv, table),
        rank=rank,
        why=["&".join(codes) for codes in why],
        wrong=~(table["llr"].to_numpy() < 0),
    )
    frame = pa.Table.from_pandas(scored, preserve_index=False).replace_schema_metadata(None)
    tables.write(
        out_dir / "probes.scored.parquet",
        frame,
        pa.schema([_plain(field) for field in frame.schema]),
    )


def _plain(field: pa.Field) -> pa.Field:
    """The field with text as `string`: pandas chooses large_string or string by the number of
    shards that a column came from."""
    return field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field


def beyond_training(ensemble: Ensemble) -> str:
    """Names, separated by commas, of the voting models whose windows are longer than their training
    windows. A run can contain them only with --allow_long_window."""
    facts = ((model, ensemble.metadata[model]) for model in ensemble.models)
    return ", ".join(model for model, meta in facts if meta["window_bp"] > meta["trained_bp"])


def run_digests(plan: Plan, ensemble: Ensemble) -> dict:
    """Digests that identify what was calibrated: the genome and whether its repeats are in lower
    case, its background if it has one, the BED files that are region classes, the bundle of each
    model in order, and the set of views."""
    background = {"background": plan.background.digest} if plan.background else {}
    return {
        "genome": plan.genome_digest,
        "soft_masked": plan.soft_masked,
        **background,
        "regions": plan.region_digests,
        "bundles": {model: meta["bundle_sha256"] for model, meta in ensemble.metadata.items()},
        "views": [view for model in ensemble.models for view in ensemble.metadata[model]["views"]],
        "precision": sorted({meta["precision"] for meta in ensemble.metadata.values()}),
    }
