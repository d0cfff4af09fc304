"""CALIBRATE: probes with their measures become a calibration, or a frozen one is checked against
this run.

Reads the plan and each score table once; runs no model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags, record
from gfmtrust.calibration.ensemble import Ensemble, ScoreTables
from gfmtrust.calibration.labelled import LabelledAlleles, label_calibrations, local_ratios
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.probe_tables import (
    RUN_SITES_KEPT,
    ClassProbes,
    PermutedAlts,
    ProbeRows,
    RunSurprisal,
    control_tables,
    probe_table,
    read_once,
)
from gfmtrust.calibration.record import ControlVerdict, RunCalibration
from gfmtrust.calibration.run_background import RunBackground
from gfmtrust.calibration.shift import shift_gate
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.io import tables

__all__ = ["GUARD_BANDS", "LabelUse", "calibrate", "probe_table", "run_digests"]

GUARD_BANDS = {"fp32": 0.002, "fp16": 0.01, "external": 0.002}
"""How far a reliability may move between devices, by the precision of the least precise model:
above the largest difference measured (docs/understand/benchmarks.md); 0.002 is what the 1e-3 nat allowed
between CPU and GPU come to."""


@dataclass(frozen=True)
class LabelUse:
    """What labels are used for. table: of read_labels; llr_cut: nats, for classes of variant that
    are flagged by labels; prior: of local likelihood ratios, None for none."""

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

    background_vcf: of `RunBackground`. Writes calibration.json, probes.scored.parquet,
    background.parquet and, with a prior, those of `local_lr` below `out_dir`. Raises UsageError
    (64) for labels with a frozen calibration or a prior without labels, ConfigurationError (78)
    where the frozen one is of other models, another genome or other views, BadDataError (65) for a
    background VCF without a scored allele of the run.
    """
    _refuse_contradictions(frozen, labels)
    plan = Plan.read(plan_dir / Plan.NAME)
    ensemble, digests = scores.ensemble, run_digests(plan, scores.ensemble)
    transferred = None if frozen is None else RunCalibration.read(frozen)
    if transferred is not None:
        record.check_matches(transferred, digests)
    seed = options.seed if transferred is None else transferred.options.seed
    probes, surprisal = ProbeRows(plan_dir, ensemble), RunSurprisal()
    alts, of_classes = PermutedAlts(plan_dir, seed), ClassProbes(plan_dir, ensemble)
    labelled = LabelledAlleles(plan_dir, ensemble, labels.table) if labels.table else None
    also = [labelled.features] if labelled else []
    background = RunBackground(plan_dir, background_vcf)
    read_once(plan_dir, scores, [probes, surprisal, alts, background, *also])
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
        )
        calibration = calibration_fit.fit(table, options)
        calibration = replace(
            calibration,
            classes=calibration.classes | calibration_fit.fit_classes(of_classes.tables(), options),
        )
        if labelled and by_class:
            calibration = replace(
                calibration,
                labels=label_calibrations(
                    by_class, options, labelled.facts["by_size"], labels.llr_cut, overlap
                ),
            )
        # the shift test compares the run's sites with this run's probes
        probed = table["local_surprisal"].to_numpy(np.float64)
    else:
        calibration = transferred
        # a frozen calibration answers for the genome sites that its own probes were drawn from
        probed = np.array(transferred.snv.surprisal_quantiles)
    run = surprisal.values()
    verdict = shift_gate(run[:: max(1, len(run) // RUN_SITES_KEPT)], probed)
    calibration = record.with_shift(calibration, verdict, transferred is not None)
    controls = _controls(plan_dir, scores, calibration.options)
    calibration = record.with_controls(calibration, controls, alts.distance())
    calibration.write(out_dir / RunCalibration.NAME)
    _write_probes(calibration, table, out_dir)
    background.write(out_dir, seed)
    return calibration


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
    """Each negative control is calibrated by itself: in a run of its own it would be the model, and
    then it must earn nothing."""
    return tuple(
        flags.control_verdict(calibration_fit.fit(probes, options), kind.label, probes)
        for kind, probes in control_tables(plan_dir, scores)
    )


def _write_probes(calibration: RunCalibration, table: pd.DataFrame, out_dir: Path) -> None:
    """probes.scored.parquet: the probes with their reliability, flag and reasons."""
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
    """Text as string: pandas says large_string or string by how many shards a column came from."""
    return field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field


def beyond_training(ensemble: Ensemble) -> str:
    """Voting models whose windows are longer than they were trained on, by commas; a run has them
    with --allow_long_window alone."""
    facts = ((model, ensemble.metadata[model]) for model in ensemble.models)
    return ", ".join(model for model, meta in facts if meta["window_bp"] > meta["trained_bp"])


def run_digests(plan: Plan, ensemble: Ensemble) -> dict:
    """What a calibration is of: the genome, its background if it has one, each model's bundle in
    order, and the view set."""
    background = {"background": plan.background.digest} if plan.background else {}
    return {
        "genome": plan.genome_digest,
        **background,
        "bundles": {model: meta["bundle_sha256"] for model, meta in ensemble.metadata.items()},
        "views": [view for model in ensemble.models for view in ensemble.metadata[model]["views"]],
        "precision": sorted({meta["precision"] for meta in ensemble.metadata.values()}),
    }
