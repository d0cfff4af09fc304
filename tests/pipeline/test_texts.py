"""What the pipeline says to a person: help with and without colours, plan, progress, the end of a
good run and of a failed one."""

import json
import os
import pty
import socket
import subprocess

import nextflow_run
import pytest

pytestmark = pytest.mark.pipeline
HERE = nextflow_run.ROOT / "tests" / "pipeline"
REPORT = """Error executing process > 'GFMTRUST:CHECK_INPUTS (genome)'

Caused by:
  Process `GFMTRUST:CHECK_INPUTS (genome)` terminated with an error exit status (65)

Command exit status:
  65

Command output:
  (empty)

Command error:
  gfmtrust: warning: INFO key XYZ not in header, 2 times, first c1:7
  gfmtrust: bad.vcf: line 1 is a record; expected ##fileformat=VCFv4.x; restore the header

Work dir:
  work/d8/28

Tip: view the complete command output
"""
KILLED = """Error executing process > 'GFMTRUST:SCORE_SITES (gpn:shard_00000)'

Caused by:
  Process `GFMTRUST:SCORE_SITES (gpn:shard_00000)` terminated with an error exit status (137)

Command exit status:
  137

Command error:
  .command.run: line 300: 47 Killed
"""
OUTDIR = "out [1]"
"""Brackets are letters of a folder's name and no pattern."""
MANIFEST = {
    "annotated": [
        {
            "kind": "vcf",
            "id": "S1",
            "ranks": {"HIGH": 1200, "MEDIUM": 40, "LOW": 5, "NOT_SCORED": 0},
        },
        {
            "kind": "vcf",
            "id": "S2.vep",
            "ranks": {"HIGH": 34, "MEDIUM": 0, "LOW": 0, "NOT_SCORED": 7},
        },
        {
            "kind": "bed",
            "id": "promoters",
            "ranks": {"HIGH": 1, "MEDIUM": 1, "LOW": 1, "NOT_SCORED": 1},
        },
    ]
}


RUN = "nextflow run . --help"
MONOCHROME = [
    (False, {}, RUN, False),
    (True, {}, RUN, True),
    ("true", {}, RUN, True),
    (False, {"NO_COLOR": "1"}, RUN, True),
    (False, {"NO_COLOR": ""}, RUN, False),
    (False, {"NXF_ANSI_LOG": "false"}, RUN, True),
    (False, {"NXF_ANSI_LOG": "true"}, RUN, False),
    (False, {}, f"{RUN} -ansi-log false", True),
    (False, {}, f"{RUN} -ansi-log=false", True),
]
"""--monochrome_logs, environment, command line -> whether colours are switched off."""
HERE_AND_NOW = {
    "run": "angry_gauss",
    "host": socket.gethostname(),
    "namespace": os.readlink("/proc/self/ns/pid") if os.path.exists("/proc/self/ns/pid") else "",
    "process": "2026-01-01T00:00:00Z",
    "start": "2026-01-01 00:00:00 UTC",
}


def written_locks(folder):
    """Results folders by name, with the lock files that another run left in them."""
    with subprocess.Popen(["true"]) as ended:
        pass
    locks = {
        "free": None,
        "killed": json.dumps(HERE_AND_NOW | {"pid": ended.pid}),
        "number_given_again": json.dumps(HERE_AND_NOW | {"pid": os.getpid()}),
        "other_host": json.dumps(HERE_AND_NOW | {"pid": ended.pid, "host": "node7.example"}),
        "other_container": json.dumps(HERE_AND_NOW | {"pid": ended.pid, "namespace": "pid:[1]"}),
        "empty": "",
        "cut": '{"run": "angry',
        "of_other_types": '{"pid": "one"}',
    }
    for name, text in locks.items():
        (folder / name).mkdir(parents=True)
        if text is not None:
            (folder / name / ".gfmtrust.lock").write_text(text)
    (folder / "file").write_text("no folder")
    return [*locks, "file/results"]


@pytest.fixture(scope="module", params=["v1", "v2"])
def printed(request, tmp_path_factory):
    """What the functions say of literal facts, under either parser."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "plan").mkdir()
    counts = {
        "sites": 9571,
        "variant_sites": 1893,
        "variants": 355,
        "region_bases": 5723,
        "probes": 2000,
        "variant_probes": 1500,
        "control_sites": 1198,
    }
    (folder / "plan" / "plan.json").write_text(json.dumps({"counts": counts}))
    for name in (
        "pipeline_info/manifest.json",
        "annotated/S1/S1.gfm.vcf.gz",
        "annotated/S2/S2.vep.gfm.vcf.gz",
        "annotated/old/old.gfm.vcf.gz",
        "regions/promoters.gfm.bed.gz",
        "regions/peaks.gfm.bed.gz",
    ):
        (folder / OUTDIR / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / OUTDIR / name).write_text(json.dumps(MANIFEST))
    counts = {"done": 12, "fresh": 9, "sites": 180_000, "halvings": 1}
    latest = {"device": "cuda", "batch": 64}
    progress = [
        [counts, latest, 51, 900],
        [counts | {"done": 50, "fresh": 50}, latest, 51, 900],
        [counts | {"fresh": 0}, latest, 12, 0],
        [counts | {"fresh": 12, "halvings": 0}, {}, 12, 0],
    ]
    cases = {
        "failures": [REPORT, KILLED, "No such variable: x\nmore", ""],
        "plan": str(folder / "plan"),
        "progress": progress,
        "outdir": str(folder / OUTDIR),
        "monochrome": [given for *given, _ in MONOCHROME],
        "locks": [str(folder / "locks" / name) for name in written_locks(folder / "locks")],
        "again": str(folder / "locks" / "again"),
    }
    (folder / "cases.json").write_text(json.dumps(cases))
    ended = subprocess.run(
        [
            "nextflow",
            "run",
            str(HERE / "text_cases.nf"),
            "--cases",
            str(folder / "cases.json"),
            "--told",
            str(folder / "told.json"),
        ],
        cwd=folder,
        env=nextflow_run.environment(folder, request.param),
        capture_output=True,
        text=True,
        timeout=nextflow_run.LIMIT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    warnings = [line for line in (ended.stdout + ended.stderr).splitlines() if "took over" in line]
    facts = {"outdir": str(folder / OUTDIR), "folder": folder / "locks", "warnings": warnings}
    return json.loads((folder / "told.json").read_text()) | facts


@pytest.mark.bad_input
def test_a_failed_task_is_told_by_its_own_line(printed):
    assert printed["failures"][0].splitlines() == [
        "gfmtrust: stopped at CHECK_INPUTS (genome), exit 65",
        "  bad.vcf: line 1 is a record; expected ##fileformat=VCFv4.x; restore the header",
        "  work dir   work/d8/28",
        "  next       remove the cause and run the same command again with -resume; the files in results are incomplete",
    ]


@pytest.mark.bad_input
def test_a_failure_without_a_line_of_ours_says_what_nextflow_says(printed):
    """A killed task, a fault in the workflow itself, and nothing at all."""
    killed, fault, nothing = (text.splitlines() for text in printed["failures"][1:])
    assert killed[:2] == [
        "gfmtrust: stopped at SCORE_SITES (gpn:shard_00000), exit 137 (killed, most often for lack of memory)",
        "  Process `GFMTRUST:SCORE_SITES (gpn:shard_00000)` terminated with an error exit status (137)",
    ]
    assert fault[:2] == ["gfmtrust: stopped", "  No such variable: x"]
    assert nothing[:2] == ["gfmtrust: stopped", "  no message; see .nextflow.log"]


def test_the_plan_is_told_before_anything_is_scored(printed):
    lines = [line.split(maxsplit=1) for line in printed["plan"].splitlines()]
    assert lines[0] == ["plan:", "9,571 sites to score, once for the whole cohort"]
    assert lines[1:5] == [
        ["of", "variants    1,893, and 355 indels and MNVs"],
        ["of", "regions     5,723 bases"],
        ["of", "probes      2,000, and 1,500 of indels and MNVs"],
        ["tasks", "2 models x 5 shards: 10 of SCORE_SITES"],
    ]
    assert lines[5][1].startswith("about 75,383 per model at 7 per site")  # 7 x (9,571 + 1,198)


def test_progress_has_rate_batch_and_time_left(printed):
    rate = "180,000 sites, 200 sites/s on cuda, batch 64, batch halved 1 time for lack of memory"
    assert printed["progress"] == [
        f"gpn: 12 of 51 shards scored (3 by an earlier run), {rate}, 65 min left",
        f"gpn: 50 of 51 shards scored, {rate}, 18 s left",
        "gpn: 12 of 12 shards scored, by an earlier run",
        "gpn: 12 of 12 shards scored, 180,000 sites, 180,000 sites/s",
    ]


def test_a_free_folder_and_one_of_a_killed_run_are_taken(printed):
    """The process of a killed run is gone, or its number belongs to another process by now."""
    assert printed["locks"][:3] == [None, None, None]
    for name in ("free", "killed", "number_given_again"):
        folder = printed["folder"] / name
        assert (folder / ".gfmtrust.lock").read_text() == printed["own"]
        assert [path.name for path in folder.iterdir()] == [".gfmtrust.lock"]
    assert len(printed["warnings"]) == 2
    assert "run angry_gauss, host" in printed["warnings"][0]
    facts = json.loads(printed["own"])
    assert (facts["run"], facts["host"]) == ("happy_euler", socket.gethostname())


@pytest.mark.bad_input
def test_the_lock_of_another_host_is_refused_and_the_file_to_remove_is_named(printed):
    for place, name in enumerate(("other_host", "other_container"), start=3):
        lock = printed["folder"] / name / ".gfmtrust.lock"
        line = printed["locks"][place]
        host = "node7.example" if name == "other_host" else socket.gethostname()
        pid = json.loads(lock.read_text())["pid"]
        assert line.startswith(f"--outdir: {lock.parent} is in use (run angry_gauss, host {host}")
        assert f"process {pid}, started 2026-01-01 00:00:00 UTC; lock file {lock})" in line
        assert line.endswith("if that run no longer exists, remove the lock file")


@pytest.mark.bad_input
def test_a_lock_file_that_is_not_whole_is_refused(printed):
    for place, name in enumerate(("empty", "cut", "of_other_types"), start=5):
        assert (
            f"lock file {printed['folder'] / name / '.gfmtrust.lock'})" in printed["locks"][place]
        )
        assert "remove the lock file" in printed["locks"][place]


@pytest.mark.bad_input
def test_a_results_folder_that_cannot_be_made_is_refused_in_one_line(printed):
    line = printed["locks"][8]
    assert line.startswith(f"--outdir: {printed['folder'] / 'file' / 'results'} cannot be written")
    assert "\n" not in line


@pytest.mark.bad_input
def test_a_second_run_is_refused_until_the_first_has_ended(printed):
    """The holder is alive: it is the very process that asks again. Another run does not release it."""
    assert printed["again"][0] is None
    assert printed["again"][1].endswith("wait until it has ended, or choose another --outdir")
    assert f"process {json.loads(printed['own'])['pid']}," in printed["again"][1]
    assert printed["left"] == [True, False]
    assert printed["remote"] is True


def test_counts_are_of_all_vcfs_and_leftovers_are_named(printed):
    assert printed["ranks"] == "HIGH 1,234, MEDIUM 40, LOW 5, not scored 7"
    assert printed["leftovers"] == [
        "  left over  old.gfm.vcf.gz, peaks.gfm.bed.gz: these files are of an earlier run, not of this one"
    ]
    assert printed["published"][:2] == [
        f"{printed['outdir']}/annotated/S1/S1.gfm.vcf.gz",
        f"{printed['outdir']}/annotated/S2/S2.vep.gfm.vcf.gz",
    ]


def on_a_terminal(folder, *options, **variables):
    """What `nextflow run . OPTIONS` prints where stdin and stdout are a terminal; it must end
    with 0."""
    us, it = pty.openpty()
    environment = nextflow_run.environment(folder) | {"TERM": "xterm"} | variables
    environment = {name: value for name, value in environment.items() if value is not None}
    command = ["nextflow", "run", str(nextflow_run.ROOT), *options]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=it, stdout=it, stderr=it
    ) as run:
        os.close(it)
        printed = b""
        while True:
            try:
                piece = os.read(us, 65536)
            except OSError:  # how Linux says that the other side is closed
                break
            if not piece:
                break
            printed += piece
    os.close(us)
    assert run.returncode == 0, printed
    return printed.decode()


def test_help_is_coloured_on_a_terminal_and_writes_nothing(tmp_path):
    text = on_a_terminal(tmp_path, "--help", NXF_ANSI_LOG=None)
    assert "\x1b[1mCalibration and flags\x1b[0m" in text
    assert "\x1b[36m--alpha_high            \x1b[0m \x1b[2mnumber [0.05]\x1b[0m" in text
    assert "Largest decoy error of HIGH." in text
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_help_is_plain_where_no_colours_are_wanted(tmp_path):
    text = on_a_terminal(tmp_path, "--help", "alpha_high", NXF_ANSI_LOG=None, NO_COLOR="1")
    assert (
        "  --alpha_high             number [0.05]\r\n      Largest decoy error of HIGH.\r\n" in text
    )


def test_what_switches_colours_off(printed):
    assert printed["monochrome"] == [switched_off for *_, switched_off in MONOCHROME]


@pytest.mark.slow
@pytest.mark.bad_input
@pytest.mark.parametrize("parser", ["v1", "v2"])
def test_help_of_no_parameter_names_the_nearest(tmp_path, parser):
    run = nextflow_run.run(tmp_path, "--help", "alpha_hihg", parser=parser)
    assert run.code == 1
    assert (
        "--alpha_hihg: unknown parameter; expected one of --help_full; did you mean --alpha_high?"
        in run.text
    )
    assert not run.outdir.exists()
