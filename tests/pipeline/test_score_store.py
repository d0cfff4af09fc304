"""The score store in the pipeline: an input given by name, an output beside it, and precompute.nf."""

import nextflow_run
import pytest

pytestmark = pytest.mark.pipeline


def names(run):
    return sorted(
        f"{nextflow_run.process(task)} {task['name'].split(' ', 1)[1]}" for task in run.tasks()
    )


def launch_of(folder):
    """A launch folder with two models, a BED and an empty store."""
    launch = nextflow_run.make_inputs(folder)
    for name in ("first", "second"):
        (launch / "models" / name).mkdir(parents=True)
        (launch / "models" / name / "config.json").write_text("{}")
    (launch / "panel.bed").write_text("c1\t1\t5\n")
    (launch / "store").mkdir()
    return launch


def run_of(launch, fake_tools, *options, outdir="out", suffix="first", script="main.nf"):
    resume = () if suffix == "first" else ("-resume",)
    extra = {"FAKE_LOG": str(launch / f"{suffix}.calls"), "FAKE_FAIL": ""}
    return nextflow_run.run(
        launch,
        *resume,
        *options,
        outdir=outdir,
        suffix=suffix,
        tools=fake_tools,
        extra=extra,
        script=script,
    )


@pytest.fixture(scope="module")
def launch(tmp_path_factory):
    return launch_of(tmp_path_factory.mktemp("store") / "launch")


COHORT = ("--input", "sheet.csv", "--fasta", "genome.fa", "--models", "models/first")


def calls(run):
    return [
        line.split("\037")[:-1]
        for line in (run.launch / f"{run.suffix}.calls").read_text().splitlines()
    ]


def test_a_store_is_looked_up_joined_and_published(launch, fake_tools):
    run = run_of(launch, fake_tools, *COHORT, "--score_store", "store")
    assert run.code == 0, run.text
    assert "MERGE_STORES (cohort)" in names(run)
    scored = [" ".join(one) for one in calls(run) if one[0] == "score_sites"]
    assert len(scored) == 4
    assert all("--score_store stores/store --new_rows new_rows" in one for one in scored)
    merge = next(one for one in calls(run) if one[0] == "merge_stores")
    stores = merge[merge.index("--stores") + 1 : merge.index("--out_dir")]
    assert stores == ["stores/store", *(f"rows/{number}/new_rows" for number in (1, 2, 3, 4))]
    assert (run.outdir / "score_store" / "merged.npy").is_file()
    assert list((launch / "store").iterdir()) == [], "the store that was given stays as it is"
    # a store with another file is another input
    (launch / "store" / "scope").mkdir()
    (launch / "store" / "scope" / "rows.npy").write_text("x")
    other = run_of(launch, fake_tools, *COHORT, "--score_store", "store", suffix="other")
    assert {"SCORE_SITES", "MERGE_STORES"} <= other.executed()
    assert not {"CHECK_INPUTS", "PLAN_SITES"} & other.executed()


@pytest.mark.parametrize("regions", [("--regions", "panel.bed")], ids=["regions"])
def test_precompute_runs_each_model_in_parts(tmp_path, fake_tools, regions):
    launch = launch_of(tmp_path / "launch")
    given = ("--fasta", "genome.fa", "--models", "models/first,models/second")
    given = (*given, "--precompute_parts", "3", *regions)
    run = run_of(launch, fake_tools, *given, script="precompute.nf")
    assert run.code == 0, run.text
    assert names(run) == sorted(
        [
            "CHECK_INPUTS (genome)",
            "EXPORT_MODEL (first)",
            "EXPORT_MODEL (second)",
            *(f"PRECOMPUTE ({one}:{part})" for one in ("first", "second") for part in (1, 2, 3)),
            "JOIN_TABLES (first)",
            "JOIN_TABLES (second)",
            "MERGE_STORES (cohort)",
        ]
    )
    joined = [one for one in calls(run) if one[0] == "join_tables"]
    assert sorted(one[one.index("--tables") + 1 : one.index("--out")] for one in joined) == [
        [f"parts/{part}/{name}.{part}.tsv.gz" for part in (1, 2, 3)] for name in ("first", "second")
    ]
    precomputed = [" ".join(one) for one in calls(run) if one[0] == "precompute"]
    assert all(("--regions regions/panel.bed" in one) == bool(regions) for one in precomputed)
    assert all("--score_store empty_store --new_rows new_rows" in one for one in precomputed)
    for name in ("first", "second"):
        assert (run.outdir / "precomputed" / f"{name}.tsv.gz").is_file()
        assert (run.outdir / "precomputed" / f"{name}.tsv.gz.tbi").is_file()
    assert (run.outdir / "score_store").is_dir()


@pytest.mark.slow
@pytest.mark.bad_input
def test_precompute_reads_no_vcfs_and_needs_a_model(tmp_path):
    run = nextflow_run.run(
        tmp_path, "--input", "sheet.csv", "--fasta", "genome.fa", script="precompute.nf"
    )
    assert run.code == 1
    assert "--input: given to precompute.nf" in run.text
    assert "--models: missing; expected one or more for precompute.nf" in run.text
    assert "Submitted process" not in run.text
