"""CPU time and memory of calibration and annotation for growing numbers of alleles.

    python benchmarks/cohort_steps.py                                  100,000 and 300,000 alleles
    python benchmarks/cohort_steps.py --alleles 1000000 10000000       what docs/understand/benchmarks.md shows
    python benchmarks/cohort_steps.py --steps annotate_sites --work /scratch/cohort --out figures.json

Plans and score tables are generated, so that no model runs: SNVs of the given number at random
places of contigs of 100 Mb, one allele in ten an insertion, one in twenty not scored; two views of
a model and eight members of the context model. Each step runs in a process of its own. The growth
exponent is the slope of log CPU seconds over log alleles between the first and the last number.
Exit 1 where it exceeds --bar or a step needs more than --gib.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

from cohort_parts import generate
from cohort_parts.steps import STEPS


def measured(step: str, folder: Path) -> dict:
    """Run one step on a generated cohort; return CPU seconds and the peak of memory. Runs in a
    process of its own."""
    before = time.process_time()
    STEPS[step](folder)
    return {"step": step, "cpu_seconds": time.process_time() - before, "peak_gib": peak_gib()}


def peak_gib() -> float:
    """Of this process; getrusage would give the peak of the process that started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 2**20
    return float("nan")


def exponent(rows: list[dict], step: str) -> float:
    """Slope of log CPU seconds over log alleles between the first and the last number of alleles."""
    first, *_, last = [row for row in rows if row["step"] == step]
    return math.log(last["cpu_seconds"] / first["cpu_seconds"]) / math.log(
        last["alleles"] / first["alleles"]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alleles", type=int, nargs="+", default=[100_000, 300_000])
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--work", type=Path, help="folder that keeps what was generated")
    parser.add_argument("--bar", type=float, default=1.1, help="largest growth exponent")
    parser.add_argument("--gib", type=float, default=4.0, help="largest peak of memory, GiB")
    parser.add_argument("--out", type=Path, help="JSON with the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = measured_steps(options.alleles, options.steps, options.work or Path(name))
    growth = {}
    if len(set(options.alleles)) > 1:
        growth = {step: exponent(rows, step) for step in options.steps}
    for step, value in growth.items():
        print(f"{step}: grows with the number of alleles to the power {value:.2f}")
    if options.out:
        options.out.write_text(json.dumps({"runs": rows, "growth": growth}, indent=2) + "\n")
    too_slow = any(value > options.bar for value in growth.values())
    return int(too_slow or any(row["peak_gib"] > options.gib for row in rows))


def measured_steps(alleles: list[int], steps: list[str], work: Path) -> list[dict]:
    """Every step at every number of alleles, printed as it ends."""
    rows = []
    context = multiprocessing.get_context("spawn")
    for n in alleles:
        folder = work / f"alleles_{n}"
        if not (folder / generate.DONE).exists():
            with context.Pool(1) as pool:
                pool.apply(generate.cohort, (folder, n))
        for step in steps:
            with context.Pool(1) as pool:
                row = {"alleles": n, **pool.apply(measured, (step, folder))}
            row["alleles_per_cpu_second"] = n / row["cpu_seconds"]
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
