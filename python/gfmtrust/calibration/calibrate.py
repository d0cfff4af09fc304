"""CALIBRATE: probes with their measures become a calibration, or a frozen one is checked against
this run.

Reads the plan and the score tables; runs no model.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import ks_2samp

from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags, label_calibration, local_lr
from gfmtrust.calibration.allele_features import allele_features
from gfmtrust.calibration.ensemble import Ensemble, ScoreTables, SiteBlock, blocks
from gfmtrust.calibration.features import features, surprisal_of, variant_features
from gfmtrust.core.alphabet import encode
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.errors import BadDataError, UsageError, message
from gfmtrust.core.measures import llr, view_llr, view_weights
from gfmtrust.core.vocabulary import CONTEXT_FAMILY, NEGATIVE_CONTROLS, ShardKind, Status
from gfmtrust.inputs import labels, training
from gfmtrust.inputs.sites import place_key
from gfmtrust.inputs.variants import Variant
from gfmtrust.io import tables
from gfmtrust.planning.shards import PROBE, VARIANT, planned_shards

log = logging.getLogger(__name__)

GUARD_BANDS = {"fp32": 0.002, "fp16": 0.01, "external": 0.002}
"""How far a reliability may move between devices, by the precision of the least precise model:
above the largest difference measured (docs/benchmarks.md); 0.002 is what the 1e-3 nat allowed
between CPU and GPU come to."""
RUN_SITES_KEPT = 20_000
"""Run sites whose local surprisal the shift gate looks at; every n-th where there are more."""


def probe_table(plan_dir: Path, scores: ScoreTables) -> tuple[pd.DataFrame, np.ndarray]:
    """Every probe with its measures (REF = real base, ALT = decoy), and the local surprisal of the
    run's variant sites.

    The table has the columns of probes.parquet, those of `features`, `status`, and bits per base of
    ensemble and context model (`surprisal`, `context_site_surprisal`).
    """
    probes = tables.read(plan_dir / "probes.parquet").to_pandas()
    place = place_key(probes["contig_index"], probes["pos"])
    parts, run_surprisal = [], []
    for block in blocks(plan_dir, scores):
        use = block.site["use"].to_numpy()
        run_surprisal.append(block.context_surprisal[use & VARIANT > 0])
        parts.append(_probes_of(block, scores.ensemble, probes, place, np.flatnonzero(use & PROBE)))
    return pd.concat(parts, ignore_index=True), np.concatenate(run_surprisal)


def null_tables(plan_dir: Path, scores: ScoreTables) -> dict[str, pd.DataFrame]:
    """The probes of each null control that was scored, as `probe_table` has those of the run."""
    probes = tables.read(plan_dir / "probes.parquet").to_pandas()
    place = place_key(probes["contig_index"], probes["pos"])
    return {
        kind.label: pd.concat(
            [
                _probes_of(block, scores.ensemble, probes, place, np.arange(len(block.site)))
                for block in blocks(plan_dir, scores, kind)
            ],
            ignore_index=True,
        )
        for kind in NEGATIVE_CONTROLS
        if planned_shards(plan_dir, kind)
    }


def alt_distance(plan_dir: Path, scores: ScoreTables, seed: int) -> float | None:
    """Kolmogorov-Smirnov distance of the LLRs of the run's SNVs from those with the ALTs permuted
    among SNVs of one REF; None without any.

    About 0: the models do not tell observed alleles from arbitrary ones. Of every n-th SNV where
    there are more than RUN_SITES_KEPT.
    """
    snvs = _snvs(plan_dir)
    place = place_key(snvs["contig_index"], snvs["pos"])
    ref, alt = (encode("".join(snvs[name])).astype(np.int64) for name in ("ref", "alt"))
    permuted, rng = alt.copy(), np.random.default_rng([seed, 0xA17])
    for base in np.unique(ref):
        rows = np.flatnonzero(ref == base)
        permuted[rows] = alt[rng.permutation(rows)]
    found = []
    for block in blocks(plan_dir, scores):
        here = place_key(block.site["contig_index"], block.site["pos"])
        mine = np.flatnonzero(np.isin(place, here))
        row = np.searchsorted(here, place[mine])
        found.append(
            [
                llr(view_llr(block.probs[row], ref[mine], letters[mine]), block.weights[row])
                for letters in (alt, permuted)
            ]
        )
    real, arbitrary = (
        (values[np.isfinite(values)] for values in np.concatenate(found, axis=1))
        if found
        else ([], [])
    )
    return float(ks_2samp(real, arbitrary, method="asymp").statistic) if len(real) else None


def _snvs(plan_dir: Path) -> pd.DataFrame:
    """contig_index, pos, ref and alt of the run's SNVs that are to be scored, in genome order,
    thinned evenly to RUN_SITES_KEPT."""
    columns = ["contig_index", "pos", "ref", "alt", "status", "var_pos"]
    alleles = tables.read(plan_dir / "alleles.parquet", columns).to_pandas()
    snvs = alleles[
        (alleles["status"] == Status.SCORED)
        & (alleles["var_pos"] < 0)
        & (alleles["ref"] != alleles["alt"])
    ]
    return snvs.iloc[:: max(1, len(snvs) // RUN_SITES_KEPT)]


def kind_tables(plan_dir: Path, scores: ScoreTables) -> dict[str, pd.DataFrame]:
    """The probes of each kind of variant in variants.parquet, with the columns that
    `calibration.fit` needs; real and decoy are the id."""
    variants = tables.read(plan_dir / "variants.parquet").to_pandas()
    parts = [
        variant_features(block, scores.ensemble)
        for block in blocks(plan_dir, scores, ShardKind.VARIANTS)
    ]
    if not parts:
        return {}
    measured = pd.concat(parts, ignore_index=True)
    told = variants.iloc[measured["variant"]][
        ["contig_index", "pos", "kind", "use", "run_oriented", "block"]
    ].reset_index(drop=True)
    table = pd.concat(
        [told, measured.assign(real=measured["variant"], decoy=measured["variant"])], axis=1
    )
    table = table[(table["use"] & PROBE) > 0]
    return {
        str(kind): rows.reset_index(drop=True) for kind, rows in table.groupby("kind", sort=True)
    }


def _probes_of(
    block: SiteBlock, ensemble: Ensemble, probes: pd.DataFrame, place: np.ndarray, rows: np.ndarray
) -> pd.DataFrame:
    """The probes that stand at the given rows of a block, in the order of probes.parquet."""
    here = place_key(block.site["contig_index"], block.site["pos"])[rows]
    low, high = np.searchsorted(place, here, "left"), np.searchsorted(place, here, "right")
    row = np.repeat(rows, high - low)
    mine = probes.iloc[
        np.concatenate(
            [np.arange(a, b) for a, b in zip(low, high, strict=True)] or [np.empty(0, int)]
        )
    ]
    real, decoy = mine["real"].to_numpy(np.int64), mine["decoy"].to_numpy(np.int64)
    measured = features(block, ensemble, row, real, decoy)
    kept = mine[["contig_index", "pos", "real", "decoy", "run_oriented", "block"]].reset_index(
        drop=True
    )
    context = block.context_probs[row]
    alike = view_weights(context, np.zeros(context.shape[1], int))
    bits = {
        "surprisal": surprisal_of(block.probs[row], block.told_weights[row], real),
        "context_site_surprisal": surprisal_of(context, alike, real),
        "status": block.status[row],
    }
    return pd.concat([kept, measured, pd.DataFrame(bits)], axis=1)


def labelled_kinds(
    plan_dir: Path, scores: ScoreTables, label_table: Path
) -> tuple[dict[str, pd.DataFrame], dict]:
    """The labelled alleles that have an LLR, by class of variant: labels.KEY, label and the columns
    of `features`; the table's metadata."""
    found, _ = labels.matched(label_table, plan_dir / "alleles.parquet", [])
    measured = allele_features(plan_dir, scores, found)
    table = pd.concat(
        [
            found[[*labels.KEY, "label"]],
            measured[[name for name in measured if name not in labels.KEY]],
        ],
        axis=1,
    )
    table = table[np.isfinite(table["llr"].to_numpy(np.float64))]
    kind = np.array(
        [
            Variant(*row).kind.value
            for row in zip(table["pos"], table["ref"], table["alt"], strict=True)
        ],
        dtype=object,
    )
    return {str(name): table[kind == name] for name in np.unique(kind)}, tables.read_metadata(
        label_table
    )


def label_calibrations(
    kinds: dict[str, pd.DataFrame],
    options: calibration_fit.Options,
    by_size: bool,
    llr_cut: float | None,
) -> tuple[dict[str, calibration_fit.Calibration], tuple[tuple[str, str], ...]]:
    """A calibration by labels for each class of variant that has enough; the others, in the log
    too, with the number needed."""
    fitted, refused = {}, []
    for name, mine in kinds.items():
        label = mine["label"].to_numpy()
        if why_not := label_calibration.refusal(label, label_calibration.blocks_of(mine)):
            log.warning("labels: %s: %s; the decoy calibration stays", name, why_not)
            refused.append((name, why_not))
            continue
        for text in label_calibration.warnings(label, mine["region_class"].to_numpy(object)):
            log.warning("labels: %s: %s", name, text)
        fitted[name] = label_calibration.fit(mine, options, by_size, llr_cut)
    return fitted, tuple(refused)


def local_ratios(
    kinds: dict[str, pd.DataFrame], metadata: dict, prior: float, seed: int, out_dir: Path
) -> None:
    """Write the local likelihood ratios of the classes of variant that have labels enough.

    Raises UsageError (64) for a prior out of range, BadDataError (65) where no class has enough,
    with the number needed.
    """
    local_lr.strengths(prior)
    refused = {
        name: why_not
        for name, mine in kinds.items()
        if (why_not := label_calibration.too_few(mine["label"].to_numpy()))
    }
    if refused.keys() == kinds.keys():
        found = (
            "; ".join(f"{name}: {why_not}" for name, why_not in refused.items())
            or "no labelled allele has an LLR"
        )
        raise BadDataError(
            message(metadata["name"], found, "labels enough for --local_lr", "leave it out")
        )
    enough = {name: mine for name, mine in kinds.items() if name not in refused}
    local_lr.write(enough, refused, metadata["by_size"], prior, seed, out_dir)


def calibrate(
    plan_dir: Path,
    scores: ScoreTables,
    out_dir: Path,
    options,
    frozen: Path | None = None,
    label_table: Path | None = None,
    llr_cut: float | None = None,
    prior: float | None = None,
) -> calibration_fit.Calibration:
    """Fit the reliability score and its certificates on the probes, or check a frozen calibration
    against this run.

    options: calibration.Options. label_table: of read_labels, llr_cut: nats, for classes of variant
    that are flagged by labels; prior: of local likelihood ratios, None for none. Writes
    calibration.json, probes.scored.parquet and, with a prior, those of `local_lr` below `out_dir`.
    Raises UsageError (64) for labels with a frozen calibration or a prior without labels,
    ConfigurationError (78) where the frozen one is of other models, another genome or other views.
    """
    if frozen is not None and label_table is not None:
        raise UsageError(
            message(
                "--labels",
                "given with --calibration",
                "one of the two: the frozen file has its own",
            )
        )
    if prior is not None and label_table is None:
        raise UsageError(
            message(
                "--local_lr",
                "given without --labels",
                "both",
                "leave it out, or give a labelled VCF",
            )
        )
    plan = Plan.read(plan_dir / Plan.NAME)
    kinds, told = (
        labelled_kinds(plan_dir, scores, label_table) if label_table is not None else ({}, {})
    )
    if kinds:
        found = np.concatenate([mine["contig_index"].to_numpy(np.int64) for mine in kinds.values()])
        overlaps = training.of_models(
            scores.ensemble.metadata,
            [contig.name for contig in plan.contigs],
            found,
            CONTEXT_FAMILY,
        )
        log.warning("labels: %s", training.line(overlaps))
    if prior is not None:
        local_ratios(kinds, told, prior, options.seed, out_dir)
    table, run_surprisal = probe_table(plan_dir, scores)
    digests = run_digests(plan, scores.ensemble)
    if frozen is None:
        options = replace(
            options,
            guard_band=max(GUARD_BANDS[precision] for precision in digests["precision"]),
            context_only=scores.ensemble.context_only,
            digests=digests,
            background=plan.background.name if plan.background else "",
            long_window=beyond_training(scores.ensemble),
        )
        by_labels, refused = (
            label_calibrations(kinds, options, told["by_size"], llr_cut) if kinds else ({}, ())
        )
        fitted = replace(
            calibration_fit.fit(table, options),
            kinds=calibration_fit.fit_kinds(kind_tables(plan_dir, scores), options),
            labelled=by_labels,
            label_refusals=refused,
            label_overlap=overlaps if kinds else (),
        )
    else:
        fitted = calibration_fit.Calibration.from_json(frozen.read_text())
        calibration_fit.check_matches(fitted, digests)
    step = max(1, len(run_surprisal) // RUN_SITES_KEPT)
    # a frozen calibration answers for the genome sites its own probes were drawn from, not for this
    # run's probes
    probed = (
        table["local_surprisal"].to_numpy(np.float64)
        if frozen is None
        else np.array(fitted.surprisal_quantiles)
    )
    verdict = calibration_fit.shift_gate(run_surprisal[::step], probed)
    fitted = calibration_fit.with_shift(fitted, verdict, transferred=frozen is not None)
    # each null is calibrated by itself: in a run of its own it would be the model, and then it must
    # earn nothing
    nulls = tuple(
        flags.null_verdict(calibration_fit.fit(probes, fitted.options), name, probes)
        for name, probes in null_tables(plan_dir, scores).items()
    )
    fitted = calibration_fit.with_nulls(
        fitted, nulls, alt_distance(plan_dir, scores, fitted.options.seed)
    )
    tables.write_text(out_dir / "calibration.json", fitted.to_json())
    rank, why = flags.assign(fitted, table)
    scored = table.assign(
        rel=calibration_fit.reliability(fitted, table),
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
    return fitted


def _plain(field: pa.Field) -> pa.Field:
    """Text as string: pandas says large_string or string by how many shards a column came from."""
    return field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field


def beyond_training(ensemble: Ensemble) -> str:
    """Voting models whose windows are longer than they were trained on, by commas; a run has them
    with --allow_long_window alone."""
    told = ((model, ensemble.metadata[model]) for model in ensemble.models)
    return ", ".join(model for model, meta in told if meta["window_bp"] > meta["trained_bp"])


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
