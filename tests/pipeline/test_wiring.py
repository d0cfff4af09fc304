"""Whole runs with a stand-in for gfmtrust: the command line of every step, what a change makes run
again, retries, failures."""

import re
import shutil
from argparse import ArgumentParser
from pathlib import Path

import nextflow_run
import pytest

from gfmtrust.cli import options as cli_options

pytestmark = pytest.mark.pipeline
OPTIONS = (
    "--input",
    "sheet.csv",
    "--fasta",
    "genome.fa",
    "--models",
    "models/first,models/second",
    "--regions",
    "p.bed",
)
AFTER_SCORING = {
    "CALIBRATE",
    "ANNOTATE_SITES",
    "ANNOTATE_VCF",
    "ANNOTATE_REGIONS",
    "WRITE_TRACKS",
    "REPORT",
    "MULTIQC",
}


@pytest.fixture(scope="module")
def launch(tmp_path_factory) -> Path:
    launch = nextflow_run.make_inputs(tmp_path_factory.mktemp("wiring") / "launch")
    for name in ("first", "second"):
        (launch / "models" / name).mkdir(parents=True)
        (launch / "models" / name / "config.json").write_text("{}")
    (launch / "p.bed").write_text("c1\t1\t5\n")
    return launch


@pytest.fixture(scope="module")
def start(launch, fake_tools):
    """Starts a run of the launch folder; further options come last."""

    def run(suffix: str, *options: str, fail: str = "", outdir: str = "out") -> nextflow_run.Run:
        extra = {"FAKE_LOG": str(launch / f"{suffix}.calls"), "FAKE_FAIL": fail}
        return nextflow_run.run(
            launch, *OPTIONS, *options, outdir=outdir, suffix=suffix, tools=fake_tools, extra=extra
        )

    return run


@pytest.fixture(scope="module")
def first(start):
    return start("first")


def calls(run) -> list[list[str]]:
    """Arguments of every call of the stand-in, e.g. [['check_inputs', '--fasta', ...], ...]."""
    return [
        line.split("\037")[:-1]
        for line in (run.launch / f"{run.suffix}.calls").read_text().splitlines()
    ]


def call(run, step):
    return next(arguments for arguments in calls(run) if arguments[0] == step)


def test_every_command_line_is_one_that_gfmtrust_reads(first):
    assert first.code == 0, first.text
    parsed = [
        cli_options.parser(ArgumentParser, "0").parse_args(arguments) for arguments in calls(first)
    ]
    counts = {
        step: sum(options.subcommand == step for options in parsed)
        for step in {options.subcommand for options in parsed}
    }
    assert counts == {
        "read_sheet": 1,
        "check_inputs": 1,
        "fit_context_model": 1,
        "export_model": 2,
        "plan_sites": 1,
        "choose_stride": 2,
        "score_sites": 6,
        "calibrate": 1,
        "annotate_sites": 1,
        "annotate_vcf": 2,
        "annotate_regions": 1,
        "write_tracks": 1,
        "report": 1,
    }
    # the models in the order of --models behind the context model, in every step that asks for them
    for options in parsed:
        if hasattr(options, "bundles"):
            assert [path.name for path in options.bundles] == ["context_model", "first", "second"]


def test_defaults_reach_the_tool(first):
    score = " ".join(call(first, "score_sites"))
    assert "--views default --neighbours true" in score
    assert "--device auto --max_n 0.1" in score
    assert "--alpha_high 0.05 --alpha_medium 0.2 --delta 0.05" in " ".join(
        call(first, "calibrate")
    ).replace("0.20", "0.2")
    assert "--probes auto --shard_size 20000 --max_allele 50 --seed 1" in " ".join(
        call(first, "plan_sites")
    )


def test_each_model_is_scored_with_its_own_stride(first):
    given = {
        (Path(one.bundle).name, one.stride and one.stride.name)
        for one in (
            cli_options.parser(ArgumentParser, "0").parse_args(arguments)
            for arguments in calls(first)
        )
        if one.subcommand == "score_sites"
    }
    assert given == {
        ("context_model", None),
        ("first", "first.stride.json"),
        ("second", "second.stride.json"),
    }
    assert "--region_stride 8" in " ".join(call(first, "choose_stride"))


def test_the_table_of_vcfs(first):
    work = next(task["hash"] for task in first.tasks() if "CHECK_INPUTS" in task["name"])
    table = next((first.launch / "work").glob(f"{work}*/vcfs.tsv")).read_text()
    assert table == "S1\tvcfs/1/S1.vcf\nS2\tvcfs/2/S2.vcf\n"


def test_the_end_says_what_was_found(first):
    assert "HIGH 2, MEDIUM 0, LOW 3, not scored 0" in first.text
    assert "out/report/gfmtrust_report.html" in first.text


def test_resume_runs_nothing_and_each_model_says_how_far_it_is(first, start, launch):
    """Two shards per model; those of an earlier run are done, and no part of a rate. More cores
    change nothing."""
    ends = re.findall(
        r"^(\w+): 2 of 2 shards scored, ([\d,]+ sites, [\d,]+ sites/s)$", first.text, re.MULTILINE
    )
    assert sorted(model for model, _ in ends) == ["context_model", "first", "second"]
    (launch / "cores.config").write_text(
        "process { withName: SCORE_SITES { cpus = 1; memory = '1.GB' } }\n"
    )
    resumed = start("resumed", "-resume", "-c", "cores.config")
    assert resumed.executed() == set()
    by_earlier = re.findall(
        r"^(\w+): 2 of 2 shards scored, by an earlier run$", resumed.text, re.MULTILINE
    )
    assert sorted(by_earlier) == ["context_model", "first", "second"]


@pytest.mark.slow
def test_labels_and_a_changed_alpha_score_nothing(first, start, launch):
    """A calibration of an earlier run with other limits lies in --outdir: the number of looks is what
    --looks says."""
    shutil.copytree(launch / "out" / "calibration", launch / "labelled" / "calibration")
    (launch / "known.vcf").write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
    options = ("--labels", "known.vcf", "--local_lr", "--prior", "0.1", "--alpha_high", "0.1")
    run = start("labelled", "-resume", *options, outdir="labelled")
    assert run.executed() == {"READ_LABELS", "BENCHMARK_LABELS"} | AFTER_SCORING
    words = call(run, "calibrate")
    assert "--labels labels/labels.parquet" in " ".join(words)
    assert "--llr_cut" not in words
    fit = cli_options.parser(ArgumentParser, "0").parse_args(words)
    assert (fit.local_lr, fit.prior, fit.looks, fit.alpha_high) == (True, 0.1, 1, 0.1)


def test_one_more_sample_fits_and_exports_nothing_again(first, start, launch):
    """The input check makes the genome's index anew: another path, the same bytes, by which these
    two steps are cached."""
    shutil.copy(launch / "calls" / "S1.vcf", launch / "calls" / "S3.vcf")
    (launch / "more.csv").write_text(nextflow_run.SHEET + "S3,calls/S3.vcf\n")
    run = start("more", "-resume", "--input", "more.csv", outdir="more")
    assert run.executed() == {nextflow_run.process(task) for task in first.tasks()} - {
        "FIT_CONTEXT_MODEL",
        "EXPORT_MODEL",
    }


@pytest.mark.slow
def test_a_changed_device_scores_again(first, start):
    run = start("device", "-resume", "--device", "cpu")
    assert run.executed() == {"CHOOSE_STRIDE", "SCORE_SITES"} | AFTER_SCORING
    assert all(
        "--device cpu" in " ".join(arguments)
        for arguments in calls(run)
        if arguments[0] == "score_sites"
    )


@pytest.mark.slow
def test_a_model_rebuilt_in_place_is_exported_and_scored_again(first, start, launch):
    config = launch / "models" / "second" / "config.json"
    config.write_text('{"rebuilt": 1}')
    try:
        run = start("rebuilt", "-resume")
    finally:
        config.write_text("{}")
    assert run.executed() == {"EXPORT_MODEL", "CHOOSE_STRIDE", "SCORE_SITES"} | AFTER_SCORING
    scored = [
        Path(arguments[arguments.index("--bundle") + 1]).name
        for arguments in calls(run)
        if arguments[0] == "score_sites"
    ]
    assert scored == ["second", "second"]


# From here on every run begins a session of its own: -resume takes up the last one, so these come
# last.


@pytest.fixture(scope="module")
def with_options(start, launch):
    """A run with every option, whose first task of SCORE_SITES ends with 75 once."""
    (launch / "frozen.json").write_text("{}")
    (launch / "contigs.tsv").write_text("1\tc1\n")
    (launch / "known.vcf").write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
    (launch / "around.fa").write_text(">c9\nACGT\n")
    for name in ("population.vcf.gz", "population.vcf.gz.csi"):
        (launch / name).write_bytes(b"")
    (launch / "models" / "context").mkdir()
    (launch / "models" / "context" / "bundle.json").write_text("{}")
    given = [
        "--background_fasta",
        "around.fa",
        "--allow_mismatch",
        "--allow_untrained",
        "--allow_long_window",
        "--overwrite",
        "--max_line",
        "300",
        "--include",
        "p.bed",
        "--contig_map",
        "contigs.tsv",
        "--af_key",
        "MAF",
        "--population_vcf",
        "population.vcf.gz",
    ]
    given += [
        "--calibration",
        "frozen.json",
        "--context_model",
        "models/context",
        "--views",
        "fast",
        "--neighbours",
        "false",
        "--region_stride",
        "4",
        "--max_n",
        "0.5",
    ]
    given += [
        "--probes",
        "500",
        "--title",
        "My run (2)",
        "--alpha_medium",
        "0.3",
        "--delta",
        "0.01",
        "--looks",
        "3",
    ]
    given += [
        "--labels",
        "known.vcf",
        "--label_key",
        "CLASS",
        "--label_values",
        "bad|very bad=1,good=0",
        "--llr_cut",
        "0",
        "--heldout_contigs",
        "chr8,HLA-A*01:01",
    ]
    return start("options", *given, fail="score_sites 75 once")


def test_every_option_reaches_the_tool(with_options):
    run = with_options
    assert run.code == 0, run.text
    parsed = {
        arguments[0]: cli_options.parser(ArgumentParser, "0").parse_args(arguments)
        for arguments in calls(run)
    }
    assert "fit_context_model" not in parsed
    check, plan, score, fit = (
        parsed[step] for step in ("check_inputs", "plan_sites", "score_sites", "calibrate")
    )
    assert (check.fasta.name, check.background_fasta.name, plan.fasta.name, score.fasta.name) == (
        "genome.fa",
        "around.fa",
        "joined.fa",
        "joined.fa",
    )
    assert (check.af_key, str(plan.population_vcf), str(plan.contig_map)) == (
        "MAF",
        "population/population.vcf.gz",
        "contig_map/contigs.tsv",
    )
    assert (check.allow_mismatch, check.include.name, str(check.contig_map)) == (
        True,
        "p.bed",
        "contig_map/contigs.tsv",
    )
    assert (plan.probes, plan.context_model.name, plan.include.name) == (500, "context", "p.bed")
    assert parsed["choose_stride"].region_stride == 4
    for step in ("plan_sites", "export_model"):
        assert parsed[step].heldout_contigs == ["chr8", "HLA-A*01:01"]
    assert (score.views, score.neighbours, score.max_n, score.allow_long_window) == (
        "fast",
        False,
        0.5,
        True,
    )
    assert (fit.labels, fit.llr_cut) == (
        None,
        0.0,
    )  # a frozen calibration has its own labels, or none
    assert (fit.calibration.name, fit.alpha_medium, fit.delta) == ("frozen.json", 0.3, 0.01)
    assert fit.looks == 3
    assert (parsed["export_model"].allow_untrained, parsed["annotate_vcf"].overwrite) == (
        True,
        True,
    )
    assert (check.max_line, parsed["annotate_vcf"].max_line) == (300, 300)
    assert parsed["report"].title == "My run (2)"
    read, bench = parsed["read_labels"], parsed["benchmark_labels"]
    assert (
        read.fasta.name,
        read.labels.name,
        read.label_key,
        read.label_values,
        read.label_cut,
        str(read.contig_map),
    ) == (
        "joined.fa",
        "known.vcf",
        "CLASS",
        "bad|very bad=1,good=0",
        None,
        "contig_map/contigs.tsv",
    )
    assert (bench.plan.name, bench.labels.name, bench.sites.name, bench.llr_cut) == (
        "plan",
        "labels.parquet",
        "sites.parquet",
        0.0,
    )
    assert (run.outdir / "benchmark" / "benchmark.json").is_file()


@pytest.mark.bad_input
def test_a_transient_failure_is_tried_again(with_options):
    assert with_options.code == 0, with_options.text
    scoring = [
        (task["status"], task["exit"])
        for task in with_options.tasks()
        if "SCORE_SITES" in task["name"]
    ]
    assert scoring.count(("FAILED", "75")) == 1
    assert scoring.count(("COMPLETED", "0")) == 6


@pytest.mark.slow
@pytest.mark.bad_input
def test_bad_data_is_not_tried_again(first, start):
    run = start("bad", "--seed", "3", fail="plan_sites 65 always")
    assert run.code == 1
    assert [
        (task["status"], task["exit"]) for task in run.tasks() if "PLAN_SITES" in task["name"]
    ] == [("FAILED", "65")]
    assert "gfmtrust: calls.vcf: found this; expected that; do so" in run.text
    assert re.search(
        r"stopped at PLAN_SITES .*, exit 65\n  calls.vcf: found this; expected that; do so\n  work dir ",
        run.text,
    )
    assert "the files in out are incomplete" in run.text
    assert re.search(r"gfmtrust: done", run.text) is None


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.slow
def test_a_repository_at_a_commit_is_a_value_not_a_file(start):
    """Nothing is staged for it; its bundle is named as the repository is, and it keeps its place in
    the order."""
    run = start(
        "hub", "--models", f"models/second,lab/tiny@{COMMIT}", "--dry_run", outdir="hub_out"
    )
    assert run.code == 0, run.text
    exports = [arguments for arguments in calls(run) if arguments[0] == "export_model"]
    given = {
        arguments[arguments.index("--model_id") + 1]: arguments[arguments.index("--model") + 1]
        for arguments in exports
    }
    assert given == {"second": "weights/second", "tiny": f"lab/tiny@{COMMIT}"}
    estimate = call(run, "estimate_run")
    assert [Path(name).name for name in estimate[estimate.index("--bundles") + 1 :][:3]] == [
        "context_model",
        "second",
        "tiny",
    ]
