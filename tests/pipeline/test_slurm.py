"""The pipeline on a real SLURM of one node: what each task was submitted with, what is tried again,
what runs without a GPU.

`make test-slurm` installs SLURM and prints a table of every task of the first run.
"""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import nextflow_run
import pytest
import slurm_node

sys.path.insert(0, str(nextflow_run.ROOT / "tests" / "helpers"))
import toy_models  # noqa: E402

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.slurm,
    pytest.mark.skipif(
        bool(slurm_node.missing()), reason="no SLURM here: make test-slurm installs it"
    ),
]
GPU_PROCESSES = {"SCORE_SITES", "CHOOSE_STRIDE"}
QUEUES = ("--cpu_queue", "cpu", "--gpu_queue", "gpu")
FAULTS = "score_sites=kill choose_stride=75 calibrate=75"
# attempts belong to the trace only where they are asked for; SLURM is asked more often than a site
# would
CONFIGURATION = """\
trace.fields = 'task_id,hash,native_id,name,status,exit,attempt,submit,complete'
executor { pollInterval = '1 sec'; queueStatInterval = '2 sec'; submitRateLimit = '20/1s' }
"""


@dataclass(frozen=True)
class Submitted:
    """One task as SLURM got it: the #SBATCH lines of its .command.run, its attempt and exit code of
    the trace."""

    process: str
    attempt: str
    status: str
    exit: str
    script: str
    messages: str

    def option(self, name: str) -> str:
        """Value of '#SBATCH -p gpu', '' where it was not given."""
        match = re.search(rf"^#SBATCH {name}[ =](\S+)", self.script, re.MULTILINE)
        return match.group(1) if match else ""

    def row(self) -> tuple[str, ...]:
        """As in the table; one CPU is what SLURM gives where none are asked for."""
        asked = (
            self.option("-p"),
            self.option("--gres"),
            self.option("-c") or "1",
            self.option("--mem"),
        )
        return (self.process, self.attempt, *asked, self.exit)


def submitted(run) -> list[Submitted]:
    """Every task of a run, in the order of submission."""
    tasks = []
    for task in sorted(run.tasks(), key=lambda one: int(one["task_id"])):
        work = next((run.launch / "work").glob(f"{task['hash']}*"))
        tasks.append(
            Submitted(
                nextflow_run.process(task),
                task["attempt"],
                task["status"],
                task["exit"],
                (work / ".command.run").read_text(),
                (work / ".command.err").read_text(),
            )
        )
    return tasks


def print_table(tasks: list[Submitted]) -> None:
    """To the terminal, under `pytest -s`."""
    rows = [
        ("process", "attempt", "partition", "--gres", "cpus", "memory", "exit"),
        *(task.row() for task in tasks),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print(
            "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        )


@pytest.fixture(scope="module")
def node():
    with slurm_node.running() as variables:
        yield variables


@pytest.fixture(scope="module")
def start(node, tmp_path_factory):
    """Starts the pipeline on the node; `faults` as faulty_gfmtrust.sh reads them, `files` of the
    launch folder by name."""

    def run(
        name: str, *options: str, faults: str = "", files: dict[str, str] | None = None, **how
    ) -> nextflow_run.Run:
        launch = tmp_path_factory.mktemp(name) / "launch"
        launch.mkdir()
        for file, text in {"slurm.config": CONFIGURATION, **(files or {})}.items():
            (launch / file).write_text(text)
        tools, done = launch / "tools", launch / "faults"
        for folder in (tools, done):
            folder.mkdir()
        shutil.copy(Path(__file__).with_name("faulty_gfmtrust.sh"), tools / "gfmtrust")
        (tools / "gfmtrust").chmod(0o755)
        extra = {
            "SLURM_CONF": node["SLURM_CONF"],
            "REAL_GFMTRUST": str(nextflow_run.ROOT / "bin" / "gfmtrust"),
            "FAULTS": faults,
            "FAULTS_DONE": str(done),
            "PYTHONPATH": str(nextflow_run.ROOT / "python"),
        }
        return nextflow_run.run(
            launch, "-c", "slurm.config", *options, extra=extra, **{"tools": tools} | how
        )

    return run


@pytest.fixture(scope="module")
def gpu_run(start, tmp_path_factory):
    """Context model and a toy, with GPUs asked for on a node whose GPU runs no CUDA; three tasks
    die once."""
    toy = toy_models.write_toy(tmp_path_factory.mktemp("bundle") / "toy")
    return start(
        "gpu",
        "-profile",
        "test,slurm,gpu",
        *QUEUES,
        "--models",
        str(toy.directory),
        "--allow_untrained",
        faults=FAULTS,
    )


@pytest.fixture(scope="module")
def tasks(gpu_run):
    return submitted(gpu_run)


def test_it_runs_and_says_what_each_task_was_submitted_with(gpu_run, tasks):
    print_table(tasks)
    assert gpu_run.code == 0, gpu_run.text
    assert (gpu_run.outdir / "report" / "gfmtrust_report.html").is_file()
    assert len({task.process for task in tasks}) >= 12
    assert {task.row()[4:6] for task in tasks} == {("1", "6144M"), ("2", "6144M")}


def test_a_gpu_is_asked_for_on_scoring_tasks_alone(tasks):
    assert {task.process for task in tasks if task.option("--gres")} == GPU_PROCESSES
    for task in tasks:
        gpu = task.process in GPU_PROCESSES
        assert task.row()[2:4] == (("gpu", "gpu:1") if gpu else ("cpu", ""))
        assert ("--gres" in task.script) == gpu


def test_scoring_tasks_wait_in_the_scheduler_not_in_nextflow(gpu_run):
    """All five of the context model were submitted before one of them was done: --max_gpu_forks is
    for one machine's GPUs."""
    scoring = [task for task in gpu_run.tasks() if "SCORE_SITES (context_model:" in task["name"]]
    first = min(task["complete"] for task in scoring if task["status"] == "COMPLETED")
    assert len({task["name"] for task in scoring if task["submit"] < first}) == 5


@pytest.mark.bad_input
def test_a_killed_task_and_a_transient_one_are_tried_again(tasks):
    failed = [(task.process, task.exit, task.attempt) for task in tasks if task.status == "FAILED"]
    assert sorted(failed) == [
        ("CALIBRATE", "75", "1"),
        ("CHOOSE_STRIDE", "75", "1"),
        ("SCORE_SITES", "137", "1"),
    ]
    again = [(task.process, task.exit) for task in tasks if task.attempt == "2"]
    assert sorted(again) == [("CALIBRATE", "0"), ("CHOOSE_STRIDE", "0"), ("SCORE_SITES", "0")]


def test_without_a_working_provider_auto_runs_on_the_cpu_and_says_so(gpu_run, tasks):
    scored = [
        task for task in tasks if task.process == "SCORE_SITES" and task.status == "COMPLETED"
    ]
    assert all(
        re.search(
            r"no working CUDA provider: running \w+ on cpu|has no graph certified for cuda: running on cpu",
            task.messages,
        )
        for task in scored
    )
    import pysam

    vcf = next((gpu_run.outdir / "annotated").rglob("*.vcf.gz"))
    with pysam.VariantFile(str(vcf)) as annotated:
        assert "##gfmtrustDevice=cpu" in str(annotated.header).splitlines()


@pytest.mark.bad_input
def test_bad_data_is_not_tried_again(start):
    """A line of three columns: CHECK_INPUTS ends with 65 by its own reading."""
    demo = nextflow_run.ROOT / "assets" / "demo"
    run = start(
        "bad",
        "-profile",
        "test,slurm",
        *QUEUES,
        "--input",
        "bad.csv",
        files={
            "bad.csv": f"sample,vcf\nA,{demo}/demo_b.vcf.gz\nB,bad.vcf\n",
            "bad.vcf": "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t10\t.\n",
        },
    )
    assert run.code == 1
    assert [(task.process, task.attempt, task.exit) for task in submitted(run)] == [
        ("CHECK_INPUTS", "1", "65")
    ]


def test_a_cpu_only_cluster_runs_it(start):
    run = start("cpu_only", "-profile", "test,slurm", "--cpu_queue", "cpu")
    assert run.code == 0, run.text
    assert {task.row()[2:4] for task in submitted(run)} == {("cpu", "")}


def test_with_device_cpu_no_gpu_is_asked_for(start, stub_tools):
    run = start(
        "device_cpu",
        "-profile",
        "test,slurm,gpu",
        "-stub-run",
        *QUEUES,
        "--device",
        "cpu",
        tools=stub_tools,
    )
    assert run.code == 0, run.text
    assert {task.row()[2:4] for task in submitted(run)} == {("cpu", "")}
