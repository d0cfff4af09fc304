"""What a cohort costs, step by step: cohorts of growing numbers of samples are generated and every
step of a run with the context model is called as a task calls it, each in a process of its own.

    python benchmarks/cohort_run.py                                    1, 20 and 100 samples of 2,000 records on 2 Mb: minutes
    python benchmarks/cohort_run.py --records 10000 --megabases 100    closer to a genome: hours
    python benchmarks/cohort_run.py --samples 1 5 --out figures.json

Calibration and annotation are fast, so that their rates come from generated tables of --alleles
(see cohort_steps.py). Prints CPU seconds, rate and peak memory of every step, the growth exponent,
and an extrapolation to one genome and to 1,000. What is measured and what is arithmetic is said in
the table: the cost of a step is taken to be what it costs for nothing, plus a cost per unit of its
work, both from the least and the most work. The records, alleles and bases of a genome are
assumptions, see GENOME. Exit 1 where a step grows with its work to a power above --bar.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import cohort_steps
from cohort_parts import samples, tasks
from cohort_parts.figures import StepCost, Units, exponents, table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 20, 100])
    parser.add_argument("--records", type=int, default=2_000, help="records of each sample")
    parser.add_argument("--megabases", type=float, default=2, help="length of the genome")
    parser.add_argument("--probes", type=int, default=600, help="probes of SNVs")
    parser.add_argument("--annotated", type=int, default=3, help="VCFs that are annotated of each")
    parser.add_argument(
        "--alleles", type=int, nargs="+", default=[20_000, 100_000, 300_000], help="of tables"
    )
    parser.add_argument("--bar", type=float, default=1.2, help="largest growth exponent")
    parser.add_argument("--work", type=Path, help="folder for what is generated and made")
    parser.add_argument("--out", type=Path, help="JSON with the figures")
    options = parser.parse_args()
    if len(set(options.samples)) < 2:
        parser.error("--samples: one number; expected two or more, as growth is measured")
    with tempfile.TemporaryDirectory() as name:
        costs = measured(options, options.work or Path(name))
    sys.stdout.write(table(costs) + "\n")
    growth = exponents(costs)
    if options.out:
        figures = {"steps": [vars(cost) for cost in costs], "growth": growth}
        options.out.write_text(json.dumps(figures, indent=2) + "\n")
    return int(any(value > options.bar for value in growth.values()))


def measured(options: argparse.Namespace, folder: Path) -> list[StepCost]:
    """The cost of every step at every number of samples, printed as each ends."""
    folder.mkdir(parents=True, exist_ok=True)
    length = int(options.megabases * 1e6)
    samples.write_genome(folder / "small.fa", length // 4)
    letters = samples.write_genome(folder / "genome.fa", length)
    costs = [tasks.fit_cost(folder / name) for name in ("small.fa", "genome.fa")]
    pool = samples.Pool.drawn(letters, max(options.samples) * options.records)
    for number in range(max(options.samples)):
        samples.write_sample(folder / f"s{number:04d}.vcf", pool, options.records, number)
    for n_samples in options.samples:
        vcfs = {f"s{number:04d}": folder / f"s{number:04d}.vcf" for number in range(n_samples)}
        work = folder / f"cohort_{n_samples}"
        for cost in tasks.run_steps(
            work, folder / "genome.fa", vcfs, options.probes, options.annotated
        ):
            costs.append(cost)
            print(json.dumps(vars(cost)), flush=True)
    return [*costs, *of_tables(options.alleles, folder)]


def of_tables(alleles: list[int], folder: Path) -> list[StepCost]:
    """The cost of the steps after scoring for generated tables."""
    units: dict[str, Units] = {"annotate_vcf": "records"}
    return [
        StepCost(
            row["step"],
            0,
            units.get(row["step"], "alleles"),
            row["alleles"],
            row["cpu_seconds"],
            row["peak_gib"],
            1,
            row["cpu_seconds"],
        )
        for row in cohort_steps.measured_steps(alleles, list(cohort_steps.STEPS), folder)
    ]


if __name__ == "__main__":
    sys.exit(main())
