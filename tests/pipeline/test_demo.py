"""Real runs on the demo cohort (-profile test): what comes back, byte by byte; nothing runs twice;
a killed run ends the same; and docs/start/output.md tells of every published file, column and key."""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import chaos_inputs
import nextflow_run
import output_page
import pyarrow.parquet as pq
import pyBigWig
import pytest

from gfmtrust.annotate.regions import COLUMNS
from gfmtrust.core import documents

pytestmark = pytest.mark.pipeline
DEMO = nextflow_run.ROOT / "assets" / "demo"
SAMPLES = (
    dict(line.split(",")[:2] for line in (DEMO / "samplesheet.csv").read_text().split()[1:])
    if DEMO.is_dir()
    else {}
)
KILL_WHEN = "Submitted process > GFMTRUST:VCF_ANNOTATE_GFM:SCORE_SITES"


def lines(path):
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def records(path):
    return [line for line in lines(path) if not line.startswith("#")]


def without_our_keys(line):
    """The record without GFM_ keys, and without a final `;` of INFO, whose place they take; without
    the writer's code."""
    columns = line.split("\t")
    kept = [key for key in columns[7].rstrip(";").split(";") if not key.startswith("GFM_")]
    columns[7] = ";".join(kept) or "."
    return "\t".join(columns)


def test_it_ends_well(demo_run):
    assert demo_run.code == 0, demo_run.text
    assert {task["status"] for task in demo_run.tasks()} == {"COMPLETED"}
    assert "ERROR" not in demo_run.log()
    assert "gfmtrust: done" in demo_run.text


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_record_comes_back_as_it_was(demo_run, sample):
    given = records(DEMO / SAMPLES[sample])
    rows = records(demo_run.outdir / "annotated" / sample / f"{sample}.gfm.vcf.gz")
    assert [without_our_keys(line) for line in rows] == [without_our_keys(line) for line in given]
    header = [line for line in lines(DEMO / SAMPLES[sample]) if line.startswith("#")]
    annotated = [
        line
        for line in lines(demo_run.outdir / "annotated" / sample / f"{sample}.gfm.vcf.gz")
        if line.startswith("#")
    ]
    assert [line for line in annotated if line in header] == header


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_alt_has_one_status(demo_run, sample):
    n_alts = n_statuses = 0
    for line in records(demo_run.outdir / "annotated" / sample / f"{sample}.gfm.vcf.gz"):
        columns = line.split("\t")
        n_alts += 0 if columns[4] == "." else len(columns[4].split(","))
        status = [
            key.removeprefix("GFM_STATUS=")
            for key in columns[7].split(";")
            if key.startswith("GFM_STATUS=")
        ]
        n_statuses += sum(len(value.split(",")) for value in status)
    assert n_statuses == n_alts > 0


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
@pytest.mark.parametrize("sample", SAMPLES)
def test_bcftools_reads_what_it_read_before(demo_run, sample):
    """bcftools gives up on an INFO key that no header line declares (demo_b has one): the same
    then, before and after."""
    annotated = demo_run.outdir / "annotated" / sample / f"{sample}.gfm.vcf.gz"
    before, after = (split_by_bcftools(path) for path in (DEMO / SAMPLES[sample], annotated))
    assert after.returncode == before.returncode, after.stderr
    assert "GFM_RANK=" in after.stdout
    if before.returncode == 0:
        assert after.stdout.count("\n") > before.stdout.count(
            "\n"
        )  # header lines of ours, no record fewer


def split_by_bcftools(path):
    return subprocess.run(
        ["bcftools", "norm", "-m-", str(path)], capture_output=True, text=True, check=False
    )


def test_regions_come_back_line_by_line(demo_run):
    given = [
        line for line in (DEMO / "regions.bed").read_text().splitlines() if not line.startswith("#")
    ]
    rows = records(demo_run.outdir / "regions" / "regions.gfm.bed.gz")
    assert len(rows) == len(given)
    for one, other in zip(rows, given, strict=True):
        assert one.startswith(other + "\t")


def test_regions_alone_need_no_vcf(regions_run):
    assert regions_run.code == 0, regions_run.text
    assert not {"ANNOTATE_VCF", "CHOOSE_STRIDE"} & {
        nextflow_run.process(task) for task in regions_run.tasks()
    }
    given = (regions_run.launch / "r.bed").read_text().splitlines()
    rows = records(regions_run.outdir / "regions" / "r.gfm.bed.gz")
    assert given
    assert [line.rsplit("\t", len(COLUMNS))[0] for line in rows] == given
    assert "  regions    HIGH" in regions_run.text
    assert (regions_run.outdir / "report" / "gfmtrust_report.html").is_file()
    assert not (regions_run.outdir / "annotated").exists()


def test_the_permissions_of_results_follow_the_umask(regions_run):
    """No file or folder of a run under umask 077 can be read by others."""
    assert regions_run.code == 0, regions_run.text
    paths = [regions_run.outdir, *regions_run.outdir.rglob("*")]
    assert len(paths) > 10
    assert [path for path in paths if path.stat().st_mode & 0o077] == []


def test_means_and_tracks_of_a_region_are_those_of_its_bases(demo_run):
    bases = pq.read_table(demo_run.outdir / "scores" / "bases.parquet").to_pandas()
    with pyBigWig.open(str(demo_run.outdir / "tracks" / "entropy.bw")) as track:
        for line in records(demo_run.outdir / "regions" / "regions.gfm.bed.gz"):
            contig, start, end, *_ = line.split("\t")
            row = dict(zip(COLUMNS, line.split("\t")[-len(COLUMNS) :], strict=True))
            selected = bases[
                (bases["contig"] == contig)
                & (bases["pos"] >= int(start))
                & (bases["pos"] < int(end))
            ]
            entropy = selected.loc[selected["status"] == "SCORED", "ent"].astype(float)
            assert int(row["scored_bases"]) == len(entropy)
            if len(entropy):
                assert float(row["entropy"]) == pytest.approx(
                    entropy.mean(), abs=5.1e-5
                )  # four decimals are written
                assert track.stats(contig, int(start), int(end), exact=True) == [
                    pytest.approx(entropy.mean(), abs=1e-6)
                ]


@pytest.mark.slow
def test_resume_runs_nothing(demo_run):
    again = nextflow_run.run(demo_run.launch, "-profile", "test", "-resume", suffix="again")
    assert again.code == 0, again.text
    assert again.executed() == set()


@contextmanager
def started(launch, until, *options, tools=None):
    """A run in `launch` that has printed `until`; it and its tasks are killed without warning at the
    end, where it has not ended by then."""
    output = launch / "started.log"
    with open(output, "w") as log:
        process = subprocess.Popen(
            nextflow_run.command(launch, "out", "started", *options),
            cwd=launch,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=nextflow_run.environment(launch, tools=tools),
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + nextflow_run.LIMIT_S
        while until not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
@pytest.mark.bad_input
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_second_run_into_the_same_folder_is_refused(tmp_path, end):
    """The first run goes on, and leaves no lock when it is interrupted; a third one may start."""
    lock = tmp_path / "out" / ".gfmtrust.lock"
    (tmp_path / "second").mkdir()
    with started(tmp_path, "Submitted process", "-profile", "test") as first:
        second = nextflow_run.run(
            tmp_path / "second", "-profile", "test", outdir=str(tmp_path / "out"), suffix="second"
        )
        assert second.code == 1
        assert f"process {first.pid}, started" in second.text
        assert str(lock) in second.text
        assert second.text.count("--outdir: ") == 1
        assert not (tmp_path / "out" / "pipeline_info" / "params_second.json").exists()
        assert first.poll() is None
        assert lock.exists()
        first.send_signal(end)
        first.wait(timeout=nextflow_run.LIMIT_S)
    assert not lock.exists()


@pytest.mark.bad_input
def test_a_killed_run_ends_the_same_after_resuming(regions_run, tmp_path):
    """Nextflow and all its tasks are killed without warning while sites are scored."""
    assert regions_run.code == 0, regions_run.text
    launch = chaos_inputs.inputs(tmp_path / "launch")
    tools, lock = launch / chaos_inputs.TOOLS, launch / "out" / ".gfmtrust.lock"
    options = chaos_inputs.REGIONS_ALONE
    with started(launch, KILL_WHEN, *options, tools=tools) as killed:
        assert json.loads(lock.read_text())["pid"] == killed.pid
    resumed = nextflow_run.run(launch, *options, "-resume", suffix="resumed", tools=tools)
    assert resumed.code == 0, resumed.text
    assert not resumed.executed() & {"CHECK_INPUTS", "FIT_CONTEXT_MODEL", "PLAN_SITES"}
    assert f"took over the lock file {lock} of a run that was killed" in resumed.text
    assert not lock.exists()
    assert nextflow_run.contents(resumed.outdir) == nextflow_run.contents(regions_run.outdir)


@pytest.mark.bad_input
def test_one_headerless_vcf_among_good_ones(demo_run, tmp_path):
    """CHECK_INPUTS ends with 65 and its own line before any model runs; nothing is published as if it
    were complete."""
    (tmp_path / "bad.vcf").write_text("demo1\t100\t.\tA\tC\t.\t.\t.\n")
    (tmp_path / "good.vcf.gz").symlink_to(DEMO / SAMPLES["demo_b"])
    (tmp_path / "sheet.csv").write_text("sample,vcf\ngood,good.vcf.gz\nbad,bad.vcf\n")
    run = nextflow_run.run(tmp_path, "-profile", "test", "--input", "sheet.csv")
    assert run.code == 1
    assert not (run.outdir / ".gfmtrust.lock").exists()
    assert {(nextflow_run.process(task), task["exit"]) for task in run.tasks()} == {
        ("READ_SHEET", "0"),
        ("CHECK_INPUTS", "65"),
    }
    assert "bad.vcf" in run.text
    assert (
        "gfmtrust: stopped at CHECK_INPUTS (genome), exit 65\n  bad.vcf: line 1 is a record; expected ##fileformat"
        in run.text
    )
    assert not (run.outdir / "annotated").exists()


# --- docs/start/output.md
# -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def published(demo_run):
    assert demo_run.code == 0, demo_run.text
    return sorted(
        str(path.relative_to(demo_run.outdir))
        for path in demo_run.outdir.rglob("*")
        if path.is_file()
    )


def test_every_file_is_told_of_and_is_there(published):
    assert output_page.unlike(published, output_page.FILES) == ([], [])
    regions = {name: when for name, when in output_page.FILES.items() if when == "with `--regions`"}
    assert (
        output_page.unlike(published, dict.fromkeys(regions, ""))[1] == []
    )  # the demo has regions


@pytest.mark.bad_input
def test_a_file_that_is_not_told_of_is_found(published):
    without = {name: when for name, when in output_page.FILES.items() if name != "scores/loci.json"}
    assert output_page.unlike(published, without) == (["scores/loci.json"], [])
    assert output_page.unlike([], {"a/<id>.txt": "", "b": "with labels"}) == ([], ["a/<id>.txt"])


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("scores/sites.parquet", "`sites.parquet`, one row"),
        ("scores/bases.parquet", "`bases.parquet`, one row"),
        ("calibration/probes.scored.parquet", "`probes.scored.parquet`, one row"),
    ],
)
def test_columns_are_those_of_the_page(demo_run, name, heading):
    columns = [
        column.strip().strip("`")
        for row in output_page.table(heading)
        for column in row[0].split(",")
    ]
    assert sorted(columns) == sorted(pq.read_schema(demo_run.outdir / name).names)


def test_the_bed_has_the_columns_that_its_comment_and_the_page_name(demo_run):
    written = lines(demo_run.outdir / "regions" / "regions.gfm.bed.gz")
    named = (
        next(line for line in written if line.startswith("#gfmtrust columns"))
        .split(": ")[1]
        .split()
    )
    assert (
        named
        == list(COLUMNS)
        == [
            row[0].strip("`")
            for row in output_page.table("A comment line of ours names the columns")
        ]
    )
    given = {
        len(line.split("\t"))
        for line in (DEMO / "regions.bed").read_text().splitlines()
        if "\t" in line
    }
    assert {len(line.split("\t")) for line in written if not line.startswith("#")} == {
        n + len(named) for n in given
    }


def test_counts_have_the_keys_of_the_page(demo_run):
    match = set(
        re.findall(
            r"`(\w+)`",
            output_page.PAGE.split("Each `<id>.counts.json` contains")[1].split("\n\n")[0],
        )
    )
    content = [documents.read_json(path) for path in demo_run.outdir.glob("*/**/*.counts.json")]
    assert {one["kind"] for one in content} == {"vcf", "bed"}
    assert {key for one in content for key in one} == match
