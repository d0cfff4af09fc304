"""The wiring, by stub runs: which tasks there are, how files and names reach them, what is
published where."""

import shutil

import nextflow_run
import pytest

pytestmark = pytest.mark.pipeline


def names(run):
    return sorted(
        task["name"].split(" ")[0].split(":")[-1] + " " + task["name"].split(" ", 1)[1]
        for task in run.tasks()
    )


def test_every_task_of_a_run_with_odd_names(odd_stub):
    assert odd_stub.code == 0, odd_stub.text
    assert names(odd_stub) == sorted(
        [
            "READ_SHEET (sheet.csv)",
            "CHECK_INPUTS (ge nome[1]')",
            "FIT_CONTEXT_MODEL (ge nome[1]')",
            "EXPORT_MODEL (weights)",
            "EXPORT_MODEL (b)",
            "PLAN_SITES (ge nome[1]')",
            "CHOOSE_STRIDE (weights)",
            "CHOOSE_STRIDE (b)",
            *(
                f"SCORE_SITES ({model}:shard_0000{shard})"
                for model in ("context_model", "weights", "b")
                for shard in (0, 1)
            ),
            "CALIBRATE (cohort)",
            "ANNOTATE_SITES (cohort)",
            "ANNOTATE_VCF (S1)",
            "ANNOTATE_VCF (S2)",
            "ANNOTATE_REGIONS (b)",
            "ANNOTATE_REGIONS (my_regions_1_)",
            "WRITE_TRACKS (cohort)",
            "REPORT (cohort)",
            "MULTIQC (cohort)",
        ]
    )
    assert "ERROR" not in odd_stub.log()


def test_results_lie_where_the_design_says(odd_stub):
    published = set(nextflow_run.contents(odd_stub.outdir))
    assert published >= {
        "annotated/S1/S1.gfm.vcf.gz",
        "annotated/S1/S1.gfm.vcf.gz.tbi",
        "annotated/S2/S2.gfm.vcf.gz",
        "regions/b.gfm.bed.gz",
        "regions/my_regions_1_.gfm.bed.gz",
        "tracks/entropy.bw",
        "tracks/flags.bed.gz",
        "tracks/igv_session.xml",
        "scores/sites.gfm.vcf.gz",
        "scores/sites.parquet",
        "scores/columns.txt",
        "scores/header.hdr",
        "scores/legend.json",
        "annotated/legend.json",
        "models/b/model.onnx",
        "models/weights/bundle.json",
        "models/context_model/bundle.json",
        "calibration/calibration.json",
    }
    for name in (
        "report/gfmtrust_report.html",
        "multiqc/multiqc_report.html",
        "pipeline_info/manifest.json",
        "pipeline_info/params_first.json",
    ):
        assert (odd_stub.outdir / name).is_file(), name
    versions = (odd_stub.outdir / "pipeline_info" / "software_mqc_versions.yml").read_text()
    assert "SCORE_SITES:\n  gfmtrust: 0.0.0\n" in versions


@pytest.mark.slow
@pytest.mark.bad_input
def test_parameters_of_an_institution_are_accepted_with_one_warning(odd_stub, tmp_path):
    """A name that no such configuration has still stops."""
    warnings = [line for line in odd_stub.text.splitlines() if "ignores it" in line]
    assert len(warnings) == 1
    names = ("igenomes_base", "max_cpus", "max_memory", "max_time")
    assert all(f"params.{name}" in warnings[0] for name in names)
    launch = nextflow_run.make_inputs(tmp_path / "launch")
    (launch / "institution.config").write_text(nextflow_run.INSTITUTION + "params.max_memroy = 1\n")
    options = ("--input", "sheet.csv", "--fasta", "genome.fa", "-stub", "-c", "institution.config")
    mistyped = nextflow_run.run(launch, *options, "--max_memory", "6.GB")
    assert mistyped.code == 1
    assert "--max_memory: unknown parameter" in mistyped.text
    assert "--max_memroy: unknown parameter" in mistyped.text
    assert "--max_cpus: unknown parameter" not in mistyped.text


def test_labels_audit_and_scores_from_elsewhere(tmp_path, stub_tools):
    """Labels add two tasks and a folder, an audit adds one of each; scores from elsewhere are a
    model among others."""
    launch = nextflow_run.make_inputs(tmp_path / "launch")
    (launch / "evo 2.tsv").write_text("chrom\tpos\tA\tC\tG\tT\n")
    given = ("--input", "sheet.csv", "--fasta", "genome.fa", "--external_scores", "evo2=evo 2.tsv")
    given += ("--labels", "calls/S1.vcf", "--label_key", "EFFECT", "--label_cut", "0.3", "--audit")
    run = nextflow_run.run(launch, "-stub-run", *given, tools=stub_tools, parser="v2")
    assert run.code == 0, run.text
    tasks, published = set(names(run)), set(nextflow_run.contents(run.outdir))
    assert {"READ_LABELS (cohort)", "BENCHMARK_LABELS (cohort)", "IMPORT_SCORES (evo2)"} <= tasks
    assert "AUDIT (cohort)" in tasks
    assert any(name.startswith("SCORE_SITES (evo2:") for name in tasks)
    assert {"benchmark/benchmark.json", "benchmark/benchmark.svg"} <= published
    assert {"benchmark/verdict.txt", "models/evo2/bundle.json", "audit/league.html"} <= published


def test_strict_parser_dry_run_of_a_sarek_sheet(tmp_path, stub_tools):
    sheet = (
        "patient,sample,variantcaller,vcf\nP1,S1,strelka,calls/S1.vcf\nP1,S1,mutect2,calls/S2.vcf\n"
    )
    launch = nextflow_run.make_inputs(tmp_path / "launch", sheet)
    run = nextflow_run.run(
        launch,
        "-stub-run",
        "--input",
        "sheet.csv",
        "--fasta",
        "genome.fa",
        "--dry_run",
        "--background_fasta",
        "genome.fa",
        parser="v2",
        tools=stub_tools,
    )
    assert run.code == 0, run.text
    assert {nextflow_run.process(task) for task in run.tasks()} == {
        "READ_SHEET",
        "CHECK_INPUTS",
        "FIT_CONTEXT_MODEL",
        "PLAN_SITES",
        "ESTIMATE_RUN",
        "LIST_SITES",
    }
    assert "estimate: stub" in run.text
    assert not (run.outdir / "annotated").exists()


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 100])
def test_many_rows_are_scored_once(tmp_path, stub_tools, n):
    samples = tuple(f"S{number:03d}" for number in range(n))
    launch = nextflow_run.make_inputs(
        tmp_path / "launch",
        "sample,vcf\n" + "".join(f"{sample},calls/{sample}.vcf\n" for sample in samples),
        samples,
    )
    shutil.copy(nextflow_run.ROOT / "tests" / "pipeline" / "many_forks.config", launch)
    run = nextflow_run.run(
        launch,
        "-stub-run",
        "-c",
        "many_forks.config",
        "--input",
        "sheet.csv",
        "--fasta",
        "genome.fa",
        "-profile",
        "debug",
        tools=stub_tools,
    )
    assert run.code == 0, run.text
    assert run.log().count("Submitted process > GFMTRUST:VCF_ANNOTATE_GFM:ANNOTATE_VCF") == n
    assert run.log().count("Submitted process > GFMTRUST:VCF_ANNOTATE_GFM:SCORE_SITES") == 2
    assert len(list((run.outdir / "annotated").glob("*/*.gfm.vcf.gz"))) == n


@pytest.mark.bad_input
@pytest.mark.parametrize("parser", [pytest.param("v1", marks=pytest.mark.slow), "v2"])
def test_bad_parameters_stop_before_any_task(tmp_path, parser):
    run = nextflow_run.run(
        tmp_path,
        "--modles",
        "x",
        "--device",
        "gpu",
        "--shard_size",
        "3",
        "--alpha_high",
        "x",
        "--local_lr",
        "--calibration",
        "frozen.json",
        "--prior",
        "1",
        "--max_gpu_forks=-1",
        "--slurm_queue=cpu",
        parser=parser,
    )
    assert run.code == 1
    for line in (
        "--modles: unknown parameter; expected one of --help_full; did you mean --models?",
        "--input: missing; expected a file, or --regions_only; see --help input",
        "--device: 'gpu'; expected one of auto, cpu, cuda",
        "--shard_size: '3'; expected at least 100",
        "--alpha_high: 'x'; expected a number",
        # local likelihood ratios need labels that are read
        "--local_lr: given without --labels; expected both; give a labelled VCF or leave it out",
        "--local_lr: given with --calibration; expected one of the two; run it without the frozen calibration",
        "--prior: '1'; expected less than 0.8995",
        "--max_gpu_forks: '-1'; expected at least 0",
        "--slurm_queue: unknown parameter",
    ):
        assert line in run.text
    assert "Submitted process" not in run.text
    assert (
        "at line" not in run.text
    )  # no pointer into our scripts: it is the user's command line that is wrong
