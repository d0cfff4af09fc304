"""The functions of the steps of checks and benchmarks."""

from __future__ import annotations

import argparse
import sys

from gfmtrust.core.errors import UsageError, message


def verify(options: argparse.Namespace) -> None:
    if options.input.is_dir():
        _verify_run(options)
        return
    from gfmtrust.io.vcf import verify as step

    alone = {"--inputs": options.inputs, "--rescore": options.rescore, "--fasta": options.fasta}
    if given := [name for name, value in alone.items() if value]:
        observed = "is not a folder" if options.input.exists() else "not found"
        expected = f"the --outdir of a run, as {given[0]} is given"
        raise UsageError(message(str(options.input), observed, expected))
    if options.output is None:
        expected = "the annotated VCF after it, or the --outdir of a run alone"
        raise UsageError(message("verify", f"{options.input} alone", expected))
    _write_numbers(step.verify(options.input, options.output))


def _verify_run(options: argparse.Namespace) -> None:
    from gfmtrust.validation.finished import digests, rescore

    run = options.input
    if options.output is not None:
        raise UsageError(message("verify", f"{options.output} after a folder", "a folder alone"))
    if (options.rescore is None) != (options.fasta is None):
        raise UsageError(message("verify", "one of --rescore and --fasta", "both or neither"))
    verified = digests.verify_run(run, options.inputs)
    _write_numbers(vars(verified))
    if options.rescore is None:
        return
    from gfmtrust.scoring.options import ScoringOptions

    scoring = ScoringOptions(device=options.device, threads=options.cpus)
    again = rescore.rescore(run, options.fasta, options.rescore, options.seed, scoring)
    _write_numbers(
        {
            "rescored_alleles": again.alleles,
            "rescored_sites": again.sites,
            "rescored_models": again.models,
            "bit_by_bit": "yes" if again.bit_by_bit else "no",
            **{f"largest_{name}_difference": f"{x:.3g}" for name, x in again.largest.items()},
        }
    )


def _write_numbers(numbers: dict) -> None:
    sys.stdout.write(
        "\n".join(f"{name}\t{count}" for name, count in sorted(numbers.items())) + "\n"
    )


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
