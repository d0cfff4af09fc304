"""The options of the steps of scoring."""

from pathlib import Path

from gfmtrust.cli.options.shared import positive, step

STEPS = {
    "estimate_run": step(
        "Estimate the sites, the passes and the duration of a run by timing each bundle",
        "plan",
        "bundles",
        "device",
        "views",
        "neighbours",
        "region_stride",
        "cpus",
        out=dict(type=Path, required=True, help="JSON file to write"),
    ),
    "choose_stride": step(
        "Measure the difference between region bases scored together and separately, and "
        "choose the stride of a model",
        "fasta",
        "plan",
        "bundle",
        "views",
        "device",
        "region_stride",
        "max_n",
        "allow_long_window",
        "cpus",
        out=dict(type=Path, required=True, help="JSON file to write"),
    ),
    "score_sites": step(
        "Score one shard with one bundle: scores/<model>.<shard>.parquet and its metrics",
        "fasta",
        "bundle",
        "views",
        "device",
        "neighbours",
        "max_n",
        "allow_long_window",
        "cpus",
        "out_dir",
        shard=dict(type=Path, required=True, help="shard written by plan_sites"),
        stride=dict(
            type=Path,
            help="JSON written by choose_stride for this bundle; without it every base is scored "
            "separately",
        ),
        score_table=dict(
            type=Path,
            help="table of scores that the bundle names, with its index beside it; only for a bundle "
            "of import_scores whose table stays outside it",
        ),
        batch=dict(
            type=positive,
            help="windows per pass; chosen automatically; it does not change the results on CPU",
        ),
    ),
}
