"""The steps of a run with the context model, called as the tasks of the pipeline call them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cohort_parts.figures import StepCost, Units
from gfmtrust.core.contracts.plan import Plan


def run_steps(
    work: Path, fasta: Path, vcfs: dict[str, Path], probes: int, n_annotated: int
) -> Iterator[StepCost]:
    """Run every step after `fit_cost` for these VCFs by id; yield the cost of each.

    Only the first n_annotated VCFs are annotated, and their cost is that of a file.
    """
    work.mkdir(parents=True, exist_ok=True)
    (work / "vcfs.tsv").write_text("".join(f"{name}\t{path}\n" for name, path in vcfs.items()))
    n_records = sum(_n_records(path) for path in vcfs.values())
    model, plan, scores = fasta.with_suffix(".model"), work / "plan", work / "scores"
    genome = ("--fasta", fasta)

    def cost(step: str, units: Units, n: int, calls: list[tuple]) -> StepCost:
        seconds = peak = longest = 0.0
        for arguments in calls:
            used, gib = call(work, step, *arguments)
            seconds, peak, longest = seconds + used, max(peak, gib), max(longest, used)
        return StepCost(step, len(vcfs), units, n, seconds, peak, len(calls), longest)

    inputs = ("--vcfs", work / "vcfs.tsv", "--contig_map", "none", "--out_dir", work / "checked")
    yield cost("check_inputs", "records", n_records, [(*genome, *inputs)])
    inputs = ("--checked", work / "checked", "--context_model", model, "--probes", probes)
    planned = cost("plan_sites", "alleles", 0, [(*genome, *inputs, "--out_dir", plan)])
    counts = Plan.read(plan / Plan.NAME).counts
    yield planned.of(counts.alleles)
    shards = sorted((plan / "shards").glob("*.parquet"))
    output = ("--bundle", model, "--out_dir", scores)
    yield cost(
        "score_sites",
        "alleles",
        counts.alleles,
        [(*genome, *output, "--shard", shard) for shard in shards],
    )
    tables = ("--plan", plan, "--scores", scores, "--models", model)
    fitted = work / "calibration"
    yield cost("calibrate", "alleles", counts.alleles, [(*tables, "--out_dir", fitted)])
    calibration = ("--calibration", fitted / "calibration.json")
    background = ("--background", fitted / "background.parquet")
    yield cost(
        "annotate_sites",
        "alleles",
        counts.alleles,
        [(*tables, *calibration, *background, "--out_dir", work / "sites")],
    )
    some = dict(list(vcfs.items())[:n_annotated])
    annotated = cost(
        "annotate_vcf",
        "records",
        sum(_n_records(path) for path in some.values()),
        [
            (
                *("--vcf", path, "--id", name, *calibration, "--force"),
                *("--sites", work / "sites" / "sites.parquet"),
                *("--out", work / f"{name}.gfm.vcf.gz"),
            )
            for name, path in some.items()
        ],
    )
    yield annotated


def fit_cost(fasta: Path) -> StepCost:
    """Fit the context model of a genome, beside it; return the cost."""
    output = ("--out_dir", fasta.with_suffix(".model"))
    used, gib = call(fasta.parent, "fit_context_model", "--fasta", fasta, *output)
    return StepCost("fit_context_model", 1, "bases", fasta.stat().st_size, used, gib, 1, used)


def _n_records(vcf: Path) -> int:
    with open(vcf) as file:
        return sum(not line.startswith("#") for line in file)


def call(folder: Path, step: str, *arguments: object) -> tuple[float, float]:
    """Run one step; return its CPU seconds, with those of its children, and its peak of memory in
    GiB. Raises RuntimeError with the end of its log where it fails."""
    started = time.monotonic()
    exit_code, cpu, peak = ended(folder, step, *arguments)
    if exit_code:
        lines = (folder / f"{step}.log").read_text().splitlines()[-3:]
        seconds = time.monotonic() - started
        raise RuntimeError(f"{step}: exit {exit_code} after {seconds:.0f} s: {lines}")
    return cpu, peak


def ended(folder: Path, step: str, *arguments: object) -> tuple[int, float, float]:
    """Run one step; return its exit code, its CPU seconds, and its peak of memory in GiB."""
    command = [sys.executable, "-m", "gfmtrust.cli", step, *map(str, arguments)]
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    with open(folder / f"{step}.log", "wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, cwd=folder, env=environment, text=True
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20
