"""The models of a run: the work of each, from the metrics of its shards, and every two by rank."""

from __future__ import annotations

from gfmtrust.bundle.facts import ModelFacts
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.contracts.shard import ShardMetrics
from gfmtrust.report.rows import number


def model_rows(
    calibration: RunCalibration,
    facts: dict[str, dict],
    metrics: list[ShardMetrics],
    models: list[ModelFacts],
) -> list[dict]:
    """One row per model, in the order of the calibration: id, sha256, family, window_bp, device,
    sites, passes, seconds, stride.

    facts: the metadata of the score tables by model, for models that are not among `models`.
    """
    of_bundles = {
        model.model_id: {"family": model.family, "window_bp": model.window_bp} for model in models
    }
    rows = []
    for model, digest in calibration.bundles.items():
        shards = [one for one in metrics if one.model == model]
        of_model = facts.get(model, {}) | of_bundles.get(model, {})
        rows.append(
            {
                "id": model,
                "sha256": digest,
                "family": of_model.get("family", ""),
                "window_bp": of_model.get("window_bp", ""),
                "device": ", ".join(sorted({f"{one.device} ({one.provider})" for one in shards})),
                "sites": sum(one.sites for one in shards),
                "passes": sum(one.passes for one in shards),
                "seconds": round(sum(one.seconds for one in shards), 1),
                "stride": _stride(shards),
            }
        )
    return rows


def _stride(shards: list[ShardMetrics]) -> str:
    """How a model's region bases were scored, with the effect on their entropy."""
    choices = [one.region_stride for one in shards if one.tiled_sites]
    if not choices:
        return "one base per pass"
    changed = ""
    if choices[0].checks:
        check = choices[0].checks[-1]
        changed = f"; entropy differs by {check.p50:.3f} bit (median), {check.p99:.3f} (99 %)"
    return f"every {choices[0].stride}th token in one pass{changed}"


def ranked(pairs: list[dict]) -> list[tuple[str, str, str, str, str]]:
    """Every two models by rank: their names, the SNVs with both scores, the Spearman correlation, and
    whether they are near-duplicates. pairs: `ModelRanks.rows`."""
    return [
        (
            one["a"],
            one["b"],
            f"{one['n']:,}",
            number(one["spearman"], ".3f"),
            "near-duplicates: they count as two models but say the same"
            if one["near_duplicate"]
            else "",
        )
        for one in pairs
    ]
