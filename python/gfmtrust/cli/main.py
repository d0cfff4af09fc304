"""The `gfmtrust` command: one function a subcommand, each a library call; the only place that maps
errors to exit codes.

Subcommands, options, pipeline parameters and processes share their words. A subcommand imports what
it needs, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
import difflib
import errno
import json
import logging
import os
import re
import signal
import sys
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gfmtrust import __version__
from gfmtrust.cli import options as cli_options
from gfmtrust.core.errors import BadDataError, GfmtrustError, Terminated, UsageError, message

if TYPE_CHECKING:
    from gfmtrust.scoring.options import ScoringOptions

log = logging.getLogger("gfmtrust")
INTERNAL = 70
INPUT_OUTPUT = 74
CONFIGURATION = 78
INTERRUPTED = 130
EXTRAS = {
    "onnxruntime": "cpu",
    **dict.fromkeys(
        ("torch", "transformers", "safetensors", "onnxscript", "huggingface_hub"), "export"
    ),
}
"""Top-level module -> the extra of this package that brings it, where a plain installation lacks
it."""


def check_inputs(options: argparse.Namespace) -> None:
    from gfmtrust.inputs import check

    vcfs = check.read_sheet(options.vcfs) if options.vcfs else []
    check.check_inputs(
        options.fasta,
        vcfs,
        options.regions,
        options.include,
        options.out_dir,
        check.CheckOptions(
            contig_map=options.contig_map,
            allow_mismatch=options.allow_mismatch,
            processes=options.cpus,
            background_fasta=options.background_fasta,
        ),
    )


def fit_context_model(options: argparse.Namespace) -> None:
    from gfmtrust import baseline

    baseline.fit_context_model(options.fasta, options.out_dir, seed=options.seed)


def export_model(options: argparse.Namespace) -> None:
    from gfmtrust.export import export

    export.export_model(
        options.model,
        options.fasta,
        options.out_dir,
        model_id=options.model_id,
        allow_untrained=options.allow_untrained,
        n_windows=options.windows,
        precision=options.precision,
    )


def plan_sites(options: argparse.Namespace) -> None:
    from gfmtrust.baseline.surprisal import context_surprisal
    from gfmtrust.core.contracts.checks import Checks
    from gfmtrust.io.genome import Genome
    from gfmtrust.planning import bed_files, plan

    genome = Genome.open(options.fasta)
    checks = Checks.read(options.checked / Checks.NAME)
    planned = plan.plan_sites(
        genome,
        sorted((options.checked / "spellings").glob("*.parquet")),
        bed_files.regions(options.regions, checks.contig_map),
        bed_files.include(options.include, checks.contig_map),
        context_surprisal(options.context_model, genome, options.cpus),
        options.out_dir,
        checks,
        plan.PlanOptions(options.probes, options.shard_size, options.seed, options.max_allele),
    )
    counts = planned.counts
    log.info(
        "%d unique sites in %d shards: %d variant sites, %d region bases, %d probes",
        counts.sites,
        counts.shards,
        counts.variant_sites,
        counts.region_bases,
        counts.probes,
    )


def _scoring_options(options: argparse.Namespace) -> ScoringOptions:
    """The options of scoring that the step has; the others keep their defaults."""
    from gfmtrust.scoring.options import ScoringOptions

    given = vars(options) | {"threads": options.cpus}
    names = ("views", "neighbours", "max_n", "device", "threads", "batch", "allow_long_window")
    return ScoringOptions(**{name: given[name] for name in names if name in given})


def estimate_run(options: argparse.Namespace) -> None:
    from gfmtrust.scoring import estimate

    sys.stdout.write(
        estimate.estimate_run(
            options.plan,
            options.bundles,
            options.out,
            options.region_stride,
            _scoring_options(options),
        )
    )


def choose_stride(options: argparse.Namespace) -> None:
    from gfmtrust.scoring import stride

    choice = stride.choose_stride(
        options.fasta,
        options.plan,
        options.bundle,
        options.out,
        options.region_stride,
        _scoring_options(options),
    )
    for check in choice.checks:
        log.info(
            "stride %d: entropy differs by %.3f bit at the median, %.3f at the 99th percentile of %d bases",
            check.stride,
            check.p50,
            check.p99,
            check.bases,
        )
    log.info("%s: stride %d", choice.model, choice.stride)


def read_labels(options: argparse.Namespace) -> None:
    from gfmtrust.inputs import labels
    from gfmtrust.io.genome import Genome

    rule = labels.rule_of(options.label_key, options.label_values, options.label_cut)
    labels.read_labels(
        options.labels, rule, Genome.open(options.fasta), options.out, options.contig_map
    )


def list_sites(options: argparse.Namespace) -> None:
    from gfmtrust.planning import site_list

    log.info("%d records", site_list.list_sites(options.plan, options.fasta, options.out))


def import_scores(options: argparse.Namespace) -> None:
    from gfmtrust.export import import_scores as step

    step.import_scores(
        options.scores,
        options.model_id,
        options.fasta,
        options.out_dir,
        options.external_key,
        options.contig_map,
        options.licence,
    )


def score_sites(options: argparse.Namespace) -> None:
    from gfmtrust.core.contracts.shard import StrideChoice
    from gfmtrust.scoring import shard

    stride = StrideChoice.read(options.stride) if options.stride else None
    shard.score_file(
        options.fasta,
        options.bundle,
        options.shard,
        options.out_dir,
        replace(_scoring_options(options), stride=stride),
    )


def calibrate(options: argparse.Namespace) -> None:
    from gfmtrust.bundle.facts import model_order
    from gfmtrust.calibration import calibrate as step
    from gfmtrust.calibration.ensemble import ScoreTables
    from gfmtrust.calibration.options import Options

    scores = ScoreTables(options.scores, model_order(options.models))
    fitted = step.calibrate(
        options.plan,
        scores,
        options.out_dir,
        Options(
            alpha_high=options.alpha_high,
            alpha_medium=options.alpha_medium,
            delta=options.delta,
            seed=options.seed,
            looks=options.looks,
        ),
        options.calibration,
        step.LabelUse(options.labels, options.llr_cut, options.prior if options.local_lr else None),
    )
    log.info("%s", fitted.outcome)


def annotate_sites(options: argparse.Namespace) -> None:
    from gfmtrust.annotate import alleles as annotate_alleles
    from gfmtrust.annotate import sites_vcf
    from gfmtrust.bundle.facts import model_order
    from gfmtrust.calibration.ensemble import ScoreTables
    from gfmtrust.calibration.record import RunCalibration
    from gfmtrust.report import loci

    fitted = RunCalibration.read(options.calibration)
    scores = ScoreTables(options.scores, model_order(options.models))
    counts = annotate_alleles.annotate_sites(options.plan, scores, fitted, options.out_dir)
    log.info("alleles: %s", ", ".join(f"{name} {count}" for name, count in counts.items()))
    loci.write_loci(options.plan, scores, options.out_dir)
    sites_vcf.write_sites_vcf(
        options.out_dir / "sites.parquet",
        options.plan / "spellings.parquet",
        options.calibration,
        options.out_dir,
    )


def annotate_vcf(options: argparse.Namespace) -> None:
    from gfmtrust.annotate import vcf as step

    step.annotate_vcf(
        options.vcf,
        options.id,
        options.sites,
        options.calibration,
        options.out,
        overwrite=options.overwrite,
        force=options.force,
    )


def annotate_regions(options: argparse.Namespace) -> None:
    from gfmtrust.annotate import regions as step

    step.annotate_regions(
        options.bed,
        options.name,
        options.bases,
        options.calibration,
        options.out,
        force=options.force,
    )


def write_tracks(options: argparse.Namespace) -> None:
    from gfmtrust.report import tracks

    paths = tracks.write_tracks(
        options.bases, options.sites, options.out_dir, options.assembly, force=options.force
    )
    log.info("tracks: %s", ", ".join(path.name for path in paths))


def report(options: argparse.Namespace) -> None:
    from gfmtrust.report import report as step

    files = step.RunFiles(
        options.checked,
        options.plan,
        options.calibration,
        options.sites,
        options.counts,
        options.metrics,
        options.models,
        options.benchmark,
    )
    step.report(files, options.out_dir, title=options.title)


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


def models(options: argparse.Namespace) -> None:
    from gfmtrust.models import catalogue, registry

    if options.action == "pin":
        registry.pin(options.names[0] if options.names else None)
    elif options.action == "conformance":
        _conformance(options)
    elif options.action == "check":
        _check_model(options)
    else:
        tables = catalogue.catalogue(options.family, options.bundles)
        sys.stdout.write(
            json.dumps(tables, indent=1) + "\n" if options.json else catalogue.text(tables)
        )


def _check_model(options: argparse.Namespace) -> None:
    """Check one model; one that reads no DNA ends with 65 after the result is printed, unless
    untrained ones are allowed."""
    from gfmtrust.export import check_model
    from gfmtrust.io import tables

    if len(options.names) != 1:
        raise UsageError(
            message(
                "models check",
                f"{len(options.names)} names",
                "one model",
                "see gfmtrust models --help",
            )
        )
    found = check_model.check_model(
        options.names[0], options.fasta, options.out_dir, options.windows, options.cpus
    )
    content = check_model.content(found)
    sys.stdout.write(
        json.dumps(content, indent=1) + "\n" if options.json == "-" else check_model.text(found)
    )
    if options.json not in (None, "-"):
        tables.write_json(Path(options.json), content)
    if not found.passed and not options.allow_untrained:
        place, (measured, expected) = (
            f"model {found.identity['model_id']}",
            check_model.failure(found),
        )
        raise BadDataError(
            message(
                place,
                measured,
                expected,
                "weights untrained or misread? --allow_untrained ends with 0 all the same",
            )
        )


def _conformance(options: argparse.Namespace) -> None:
    """Run the suite over the families named, all by default; a figure over its bar ends with 65,
    after the table."""
    from gfmtrust.export import conformance
    from gfmtrust.models import examples, outcomes

    with tempfile.TemporaryDirectory() as scratch:
        found = []
        for name, example in examples.all_of(options.names).items():
            log.info("%s", name)
            found += conformance.outcomes({name: example}, Path(scratch) / name)
    if options.out:
        outcomes.write(found, options.out)
    sys.stdout.write(outcomes.table(found))
    if failed := [one for one in found if not one.passed]:
        one = failed[0]
        expected = f"{'at least' if one.at_least else 'at most'} {one.allowed:.2g}"
        raise BadDataError(message(f"{one.example}, {one.check}", f"{one.value:.2g}", expected))


def benchmark(options: argparse.Namespace) -> None:
    from gfmtrust.validation import benchmark as step

    step.run(
        options.name,
        options.run,
        options.fasta,
        options.regions,
        options.vcf,
        options.n,
        options.out,
        options.bundles,
        options.spectrum,
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


class Parser(argparse.ArgumentParser):
    """argparse with our exit code and one-line form for a wrong command line."""

    def error(self, text: str):
        unknown = re.match(r"argument step: invalid choice: '([^']*)'", text)
        if not unknown:
            raise UsageError(
                message(
                    self.prog.removeprefix("gfmtrust ") if " " in self.prog else "command line",
                    text,
                    f"the options of {self.prog} --help",
                )
            )
        near = difflib.get_close_matches(
            unknown[1], re.findall(r"'(\w+)'", text[unknown.end() :]), 1
        )
        raise UsageError(
            message(
                f"step {unknown[1]}",
                "unknown",
                "one of gfmtrust --help",
                f"did you mean {near[0]}?" if near else "",
            )
        )


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit code documented in docs/start/usage.md. Never raises."""
    signal.signal(signal.SIGTERM, _terminated)
    debug = False
    try:
        options = cli_options.parser(Parser, __version__).parse_args(arguments)
        debug = options.debug
        logging.basicConfig(
            level=logging.DEBUG if debug else logging.INFO,
            format="gfmtrust: %(message)s",
            stream=sys.stderr,
        )
        globals()[options.subcommand](options)
        return 0
    except GfmtrustError as error:
        return _end(error, error.exit_code, debug)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        return _end(_not_installed(error, extra), CONFIGURATION, debug) if extra else _bug()
    except KeyboardInterrupt as error:
        return _end(error, INTERRUPTED, debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            return _end(
                GfmtrustError(
                    message(
                        str(error.filename or "output"),
                        error.strerror or str(error),
                        "room and a sound disk",
                        "free some space and run again",
                    )
                ),
                INPUT_OUTPUT,
                debug,
            )
        return _bug()
    except SystemExit as ended:  # argparse ends --help and --version this way
        return int(ended.code or 0)
    except (
        Exception
    ):  # whatever is not foreseen is a bug of ours and the one case that shows a traceback
        return _bug()


def _not_installed(error: ModuleNotFoundError, extra: str) -> GfmtrustError:
    expected = f"the extra `{extra}` for this step"
    remedy = f"pip install 'gfmtrust[{extra}]'"
    return GfmtrustError(message(f"package {error.name}", "not installed", expected, remedy))


def _terminated(_signal, _frame) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated("terminated: temporaries are removed")


def _end(error: BaseException, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    sys.stderr.write("gfmtrust: " + (str(error).replace("\n", " ") or type(error).__name__) + "\n")
    return code


def _bug() -> int:
    traceback.print_exc(file=sys.stderr)
    sys.stderr.write("gfmtrust: this is a bug in gfmtrust, please report it with the lines above\n")
    return INTERNAL


if __name__ == "__main__":
    sys.exit(main())
