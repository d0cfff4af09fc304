"""ESTIMATE_RUN: estimates the unique sites, passes and hours of a run by timing each bundle on a
few windows. No site is scored."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from gfmtrust.baseline.scorer import open_scorer
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.contracts.plan import Plan, PlanCounts
from gfmtrust.core.progress import duration
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.io import tables
from gfmtrust.planning.shards import planned_shards
from gfmtrust.readers.options import PRESETS, ReadingOptions
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.tiles import tile_passes
from gfmtrust.scoring.options import ScoringOptions
from gfmtrust.scoring.stride import EXACT, only_region, strides

TIMED_WINDOWS = 64


def estimate_run(
    plan_dir: Path,
    bundles: list[Path],
    out: Path,
    region_stride: int,
    options: ScoringOptions,
) -> str:
    """Time TIMED_WINDOWS random windows per bundle; write the figures to `out` and return them as a
    table for the terminal.

    Bases that are scored only for their region count as scored from tiles of `region_stride`, where
    the model has tiles and tiles cost less. Hours are for one task at a time with `options.threads`
    threads; a run scores several shards at once where resources allow.
    """
    counts = Plan.read(plan_dir / Plan.NAME).counts
    shards = [only_region(path) for path in planned_shards(plan_dir, ShardKind.SITES).values()]
    rows = []
    for path in bundles:
        bundle = Bundle.open(path, verify="sizes")
        reader = reader_of(bundle)
        if not reader.runs_network:  # its scores already exist
            continue
        # at the rate of large shards, of which a long run consists
        session = open_scorer(
            reader,
            options.device,
            options.threads,
            allow_long_window=options.allow_long_window,
            n_places=counts.sites,
        )
        windows = (
            np.random.default_rng(0)
            .integers(0, 4, (TIMED_WINDOWS, bundle.window_bp))
            .astype(np.uint8)
        )
        # the first pass includes the time of allocation
        reader.letter_scores(session, windows[:8], bundle.site_forward)
        before, started = session.passes, time.monotonic()
        reader.letter_scores(session, windows, bundle.site_forward)
        rate = (session.passes - before) / max(time.monotonic() - started, 1e-6)
        alone = reader.passes_per_site(options.views, options.neighbours)
        of_variant = 2 * alone + reader.passes_per_variant(options.views)
        reading = options.reading(options.neighbours)
        passes = planned_passes(reader, shards, counts.sites, reading, region_stride)
        passes += (
            counts.control_sites * alone + (counts.variants + counts.variant_probes) * of_variant
        )
        cost = {preset: reader.passes_per_site(preset, options.neighbours) for preset in PRESETS}
        rows.append(
            {
                "model": bundle.model_id,
                "passes_per_site": cost,
                "device": session.device,
                "passes": passes,
                "calibration_passes": calibration_passes(counts, alone, of_variant),
                "passes_per_s": round(rate, 2),
                "hours": round(passes / rate / 3600, 4),
            }
        )
    sums = {name: sum(row[name] for row in rows) for name in ("passes", "calibration_passes")}
    total = {
        "sites": counts.sites,
        "shards": counts.shards,
        "probes": counts.probes,
        **sums,
        "hours": round(sum(row["hours"] for row in rows), 4),
        "models": rows,
    }
    tables.write_json(out, total)
    lines = [
        f"unique sites\t{counts.sites:,}",
        f"of these variant sites\t{counts.variant_sites:,}",
        f"region bases\t{counts.region_bases:,}",
        f"indels and MNVs\t{counts.variants:,}",
        f"probes\t{counts.probes:,} and {counts.variant_probes:,} of indels and MNVs",
        f"negative controls\t{counts.control_sites:,} sites",
    ]
    lines += [
        f"{row['model']} ({row['device']})\t{row['passes']:,} passes, {row['passes_per_s']:,.0f} per second, "
        f"{duration(3600 * row['hours'])}; "
        f"passes per site: {', '.join(f'{preset} {n}' for preset, n in row['passes_per_site'].items())}"
        for row in rows
    ]
    share = total["calibration_passes"] / max(1, total["passes"])
    lines += [
        f"all models\t{total['passes']:,} passes, {duration(3600 * total['hours'])}; {100 * share:.0f} % of passes for calibration "
        "and nulls"
    ]
    return "\n".join(lines) + "\n"


def calibration_passes(counts: PlanCounts, alone: int, of_variant: int) -> int:
    """Passes that the probes and the negative controls cost with one model. alone: passes per site;
    of_variant: passes per indel or MNV."""
    return (counts.probe_sites + counts.control_sites) * alone + counts.variant_probes * of_variant


def planned_passes(
    reader: Reader,
    shards: list[tuple[np.ndarray, np.ndarray]],
    n_sites: int,
    options: ReadingOptions,
    stride: int,
) -> int:
    """Forward passes of a run with one model. shards: (contig_index, pos) of the bases of each
    shard that are scored only for their region."""
    alone = reader.passes_per_site(options.views, options.neighbours)
    tiling = reader.tiling()
    if stride == EXACT or tiling is None or not strides(stride, tiling):
        return n_sites * alone
    n_tiled = sum(len(pos) for _, pos in shards)
    return (n_sites - n_tiled) * alone + sum(
        tile_passes(reader, options.views, contig_index, pos, stride)
        for contig_index, pos in shards
    )
