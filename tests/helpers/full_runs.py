"""Whole runs of one model on an oracle genome, step by step as the pipeline calls them, and the
flags that come out."""

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import useless
from step_calls import call

from gfmtrust.io import tables
from gfmtrust.validation.oracle import write_oracle
from gfmtrust.validation.oracle.dataset import GENOME

LAW, GENOME_BP, PROBES, VARIANTS = "easy", 300_000, 2_000, 300
MODELS = (*useless.KINDS, "order_0", "order_1")
"""Random weights, constant, G and C alone, letters alone, flanks alone."""


def genome(folder: Path, seed: int) -> Path:
    """Folder of an oracle genome of that seed with its context model, made on first use."""
    if not folder.exists():
        write_oracle(LAW, GENOME_BP, seed, folder)
        call(
            "fit_context_model",
            "--fasta",
            folder / GENOME,
            "--out_dir",
            folder / "context_model",
            "--seed",
            seed,
        )
    return folder


def bundle(oracle: Path, kind: str, seed: int) -> Path:
    """A model that knows nothing of the genome in `oracle`; `random` has weights of its own for
    every seed."""
    from gfmtrust.export.export import export_model
    from gfmtrust.export.options import ExportOptions

    built = oracle / "bundles" / kind
    if not built.exists():
        if kind.startswith("order_"):
            useless.write_counted(oracle / GENOME, int(kind.removeprefix("order_")), built)
        else:
            weights = useless.write(oracle / "weights" / kind, kind, seed)
            export_model(
                str(weights),
                oracle / GENOME,
                built.parent,
                ExportOptions(model_id=kind, allow_untrained=True, n_windows=40),
            )
    return built


def variants(vcf: Path, seed: int, out: Path) -> Path:
    """VARIANTS records of a VCF, drawn without replacement."""
    lines = gzip.open(vcf, "rt").readlines()
    head, records = (
        [line for line in lines if line.startswith("#") == is_head] for is_head in (True, False)
    )
    kept = np.sort(np.random.default_rng(seed).choice(len(records), VARIANTS, replace=False))
    out.write_text("".join(head + [records[row] for row in kept]))
    return out


def flags_of(folder: Path, oracle: Path, model: Path, spectrum: str, seed: int) -> Counter:
    """How many of the run's variants get HIGH, MEDIUM, LOW, or None where not scored; every step
    has this seed."""
    folder.mkdir(parents=True)
    vcf = variants(oracle / f"{spectrum}.vcf.gz", seed, folder / "a.vcf")
    (folder / "vcfs.tsv").write_text(f"a\t{vcf}\n")
    common, context = ("--fasta", oracle / GENOME), oracle / "context_model"
    call("check_inputs", *common, "--vcfs", folder / "vcfs.tsv", "--out_dir", folder / "checked")
    call(
        "plan_sites",
        *common,
        "--checked",
        folder / "checked",
        "--context_model",
        context,
        "--probes",
        PROBES,
        "--seed",
        seed,
        "--out_dir",
        folder / "plan",
    )
    for shard in sorted((folder / "plan" / "shards").glob("*.parquet")):
        for one in (model, context):
            call(
                "score_sites",
                *common,
                "--bundle",
                one,
                "--shard",
                shard,
                "--out_dir",
                folder / "scores",
            )
    stated = ("--plan", folder / "plan", "--scores", folder / "scores", "--models", model, context)
    call("calibrate", *stated, "--seed", seed, "--out_dir", folder / "calibration")
    call(
        "annotate_sites",
        *stated,
        "--calibration",
        folder / "calibration" / "calibration.json",
        "--out_dir",
        folder / "sites",
    )
    return Counter(tables.read(folder / "sites" / "sites.parquet")["conf"].to_pylist())
