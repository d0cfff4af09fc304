"""The options of the steps of scoring."""

from pathlib import Path

from gfmtrust.cli.options.shared import part, positive, step

STEPS = {
    "estimate_run": step(
        "Estimate the sites, the passes and the duration of a run by timing each bundle",
        "plan",
        "bundles",
        "device",
        "views",
        "neighbours",
        "region_stride",
        "allow_long_window",
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
            "of import_scores that does not contain its table",
        ),
        batch=dict(
            type=positive,
            help="windows per pass; chosen automatically; it does not change the results on CPU",
        ),
        score_store=dict(
            type=Path,
            help="folder with the answers of earlier runs: they are looked up, only what is missing is "
            "scored, and the new answers are added",
        ),
        new_rows=dict(
            type=Path,
            help="folder for the new answers, which leaves --score_store unchanged; merge_stores "
            "joins both [--score_store]",
        ),
    ),
    "merge_stores": step(
        "Join score stores and the new rows of runs into one store. Example: gfmtrust merge_stores "
        "--stores store --out_dir store joins the files that runs added to a store",
        stores=dict(
            type=Path,
            nargs="+",
            required=True,
            help="folders given to score_sites as --score_store or --new_rows",
        ),
        out_dir=dict(
            type=Path, required=True, help="folder of the joined store; may be one of --stores"
        ),
    ),
    "precompute": step(
        "Score every base of BED files or contigs with one bundle into a score store and a table "
        "for tabix. Example: gfmtrust precompute --fasta genome.fa --bundle results/models/gpn "
        "--regions panel.bed --score_store store --out panel.gpn.tsv.gz",
        "fasta",
        "bundle",
        "regions",
        "contig_map",
        "views",
        "device",
        "neighbours",
        "max_n",
        "allow_long_window",
        "cpus",
        contigs=dict(nargs="*", default=[], help="contigs to score whole [all, without --regions]"),
        score_store=dict(
            type=Path,
            required=True,
            help="folder of stored answers: they are not scored again, and new ones are added after "
            "each shard, so that the same command continues a stopped one",
        ),
        new_rows=dict(
            type=Path,
            help="folder for the new answers; --score_store stays unchanged [--score_store]",
        ),
        shard_size=dict(type=positive, default=20_000, help="number of bases per shard [20000]"),
        part=dict(
            type=part,
            default=(1, 1),
            metavar="I/N",
            help="score only the I-th of N equal parts; join_tables joins their tables [1/1]",
        ),
        batch=dict(
            type=positive,
            help="windows per pass; chosen automatically; it does not change the results on CPU",
        ),
        out=dict(type=Path, required=True, help="table to write, .tsv.gz (bgzip, with its index)"),
    ),
    "join_tables": step(
        "Join the tables of all parts of precompute, in their order, and index the result",
        "fasta",
        tables=dict(type=Path, nargs="+", required=True, help="tables, part 1 first"),
        out=dict(type=Path, required=True, help="table to write, .tsv.gz"),
    ),
}
