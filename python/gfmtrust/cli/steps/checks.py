"""The functions of the steps of checks and benchmarks."""

from __future__ import annotations

import argparse
import sys


def verify(options: argparse.Namespace) -> None:
    from gfmtrust.io.vcf import verify as step

    counts = step.verify(options.input, options.output)
    sys.stdout.write("\n".join(f"{name}\t{count}" for name, count in sorted(counts.items())) + "\n")


def compare(options: argparse.Namespace) -> None:
    from gfmtrust.annotate import compare as step
    from gfmtrust.annotate.comparison_text import text
    from gfmtrust.io import tables

    comparison = step.compare(options.a, options.b)
    sys.stdout.write(text(comparison))
    if options.out:
        tables.write_json(options.out, comparison.as_dict())
    step.check(comparison, options.max_flags, options.max_llr)


def oracle(options: argparse.Namespace) -> None:
    from gfmtrust.validation import oracle as step

    if options.law:
        step.write_oracle(options.law, options.length, options.seed, options.out_dir)
    else:
        step.write_demo(options.out_dir, seed=options.seed)


def selfcheck(options: argparse.Namespace) -> None:
    from gfmtrust.validation.oracle import selfcheck as step

    for line in step.run(options.device, options.threads):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def benchmark(options: argparse.Namespace) -> None:
    from gfmtrust.validation import benchmark as step

    step.run(
        options.name,
        step.BenchmarkOptions(
            run_dir=options.run,
            fasta=options.fasta,
            regions=options.regions,
            vcf=options.vcf,
            n=options.n,
            out=options.out,
            bundles=options.bundles,
            spectrum=options.spectrum,
            out_dir=options.out_dir,
            scores=step.score_table_options(vars(options)) if options.table else None,
        ),
    )


def benchmark_labels(options: argparse.Namespace) -> None:
    from gfmtrust.validation.benchmark.labelled import benchmark_labels as step

    step(
        options.labels,
        options.sites,
        options.out_dir,
        options.plan,
        options.scores,
        options.llr_cut,
        options.seed,
    )
