"""Profiles: what each sets under both parsers, who gets a GPU, and that an institution's own rules
win.

Cloud executors and Kubernetes are parsed; their rules by label are evaluated by the local executor.
None was run.
"""

import re
import shutil
from pathlib import Path

import nextflow_run
import pytest

pytestmark = pytest.mark.pipeline
ROOT = nextflow_run.ROOT
PARSERS = ("v1", "v2")
STUB = ("-stub-run", "--input", "sheet.csv", "--fasta", "genome.fa")
GPU_LABEL = "withLabel:process_gpu"
QUEUE_RULE = "{ task.accelerator && params.gpu_queue ? params.gpu_queue : params.cpu_queue }"
EXECUTORS = {
    "slurm": {("process", "executor"): "slurm", ("process", "queue"): QUEUE_RULE},
    "awsbatch": {("process", "executor"): "awsbatch", ("process", "queue"): QUEUE_RULE},
    "k8s": {("process", "executor"): "k8s"},
    "google": {("process", "executor"): "google-batch", ("params", "gpu_type"): "nvidia-tesla-t4"},
}
OTHERS = {
    "charliecloud": {("charliecloud", "enabled"): True},
    "shifter": {("shifter", "enabled"): True},
    "mamba": {
        ("conda", "enabled"): True,
        ("conda", "useMamba"): True,
        ("conda", "channels"): ["conda-forge", "bioconda"],
    },
    "arm64": {("process", "arch"): "arm64"},
    "wave": {
        ("wave", "enabled"): True,
        ("wave", "freeze"): True,
        ("wave", "strategy"): "conda,container",
    },
}
SITE = """\
process {
    withLabel: process_gpu {
        queue            = 'site_gpu'
        clusterOptions   = '--gpus=1 --account=lab'
        containerOptions = '--nv --bind /scratch'
    }
}
"""
# the executor of the profile cannot run here; what its rules came to is read from the task's script
HERE = """\
process.executor       = 'local'
process.resourceLimits = [cpus: 2, memory: '6.GB']
process.beforeScript   = { "echo gpu=${task.accelerator?.request} type=${task.accelerator?.type} queue=${task.queue}" }
"""


def site_options(folder: Path, parser: str, text: str) -> tuple[str, ...]:
    """How a site's file is given: -c; where the strict parser of Nextflow 25.04 loses the profiles
    then, -C with both included."""
    (folder / "site.config").write_text(text)
    if parser == "v1":
        return "-c", "site.config"
    (folder / "both.config").write_text(
        f"includeConfig '{ROOT}/nextflow.config'\nincludeConfig 'site.config'\n"
    )
    return "-C", "both.config"


def taken(result: dict, keys) -> dict:
    return {key: result[key[0]].get(key[1]) for key in keys}


@pytest.mark.parametrize(
    ("parser", "order"),
    [
        ("v1", "gpu,{}"),
        pytest.param("v2", "{},gpu", marks=pytest.mark.slow),
        # the executor comes last, as by the order of definition
        pytest.param("v2", "gpu,{}", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_an_executor_sets(tmp_path, parser, order, executor):
    """GPU tasks at a time are limited on one machine alone, whatever the order; v1 goes by the
    order of definition."""
    completed = nextflow_run.config(tmp_path, parser, "-profile", order.format(executor))
    assert taken(completed, EXECUTORS[executor]) == EXECUTORS[executor]
    assert completed["process"][GPU_LABEL]["maxForks"] == completed["params"]["max_gpu_forks"] == 0
    assert set(completed["process"][GPU_LABEL]) >= {"accelerator", "containerOptions"}


@pytest.mark.parametrize("parser", PARSERS)
def test_what_engines_and_package_managers_set(tmp_path, parser):
    # the strict parser asks for the nf-wave plugin, which has to be fetched
    names = [name for name in OTHERS if (parser, name) != ("v2", "wave")]
    completed = nextflow_run.config(tmp_path, parser, "-profile", ",".join(names))
    expected = {key: value for name in names for key, value in OTHERS[name].items()}
    assert taken(completed, expected) == expected
    assert GPU_LABEL not in completed["process"]


@pytest.mark.slow
@pytest.mark.parametrize("parser", ["v1", "v2"])
def test_a_site_that_knows_process_gpu_wins_unchanged(tmp_path, parser):
    given = site_options(tmp_path, parser, SITE)
    completed = nextflow_run.config(
        tmp_path, parser, "-profile", "slurm,gpu,singularity", before=given
    )["process"][GPU_LABEL]
    assert {name: completed[name] for name in ("queue", "clusterOptions", "containerOptions")} == {
        "queue": "site_gpu",
        "clusterOptions": "--gpus=1 --account=lab",
        "containerOptions": "--nv --bind /scratch",
    }
    assert "accelerator" in completed
    alone = nextflow_run.config(tmp_path, parser, "-profile", "gpu")["process"][GPU_LABEL]
    assert alone["maxForks"] == 1


def scripts(run) -> dict[str, str]:
    """Process -> the .command.run of its first task."""
    work = run.launch / "work"
    return {
        nextflow_run.process(task): next(work.glob(f"{task['hash']}*/.command.run")).read_text()
        for task in run.tasks()
    }


ON_AWS = ("awsbatch,gpu", "gpu=1 type=null queue=big", "gpu=null type=null queue=small")
ON_GOOGLE = (
    "google,gpu",
    "gpu=1 type=nvidia-tesla-t4 queue=null",
    "gpu=null type=null queue=null",
)
ENGINES = {"docker": "--gpus all", "podman": "--device nvidia.com/gpu=all", "apptainer": "--nv"}
"""Engine -> the option that shows it the GPU."""


@pytest.mark.parametrize(
    ("parser", "profiles", "gpu", "other", "engine"),
    [
        ("v1", *ON_AWS, "docker"),
        pytest.param("v2", *ON_GOOGLE, None, marks=pytest.mark.slow),
        pytest.param("v2", *ON_AWS, "podman", marks=pytest.mark.slow),
        pytest.param("v1", *ON_GOOGLE, "apptainer", marks=pytest.mark.slow),
    ],
)
def test_rules_by_label(tmp_path, stub_tools, parser, profiles, gpu, other, engine):
    """What scoring tasks get and others do not: the GPU of the executor, its queue, and the option
    of the engine."""
    launch = nextflow_run.make_inputs(tmp_path / "launch")
    given, tools = site_options(launch, parser, HERE), launch / "tools"
    shutil.copytree(stub_tools, tools)
    if engine:
        shutil.copy(Path(__file__).with_name("fake_engine.sh"), tools / engine)
        (tools / engine).chmod(0o755)
        profiles = f"{profiles},{engine}"
    queues = ("--cpu_queue", "small", "--gpu_queue", "big")
    run = nextflow_run.run(
        launch, "-profile", profiles, *STUB, *queues, before=given, parser=parser, tools=tools
    )
    assert run.code == 0, run.text
    texts = scripts(run)
    match = {process: re.search(r"echo (gpu=.*)", text).group(1) for process, text in texts.items()}
    assert match == {process: gpu if process == "SCORE_SITES" else other for process in match}
    if engine:
        shown = {process for process, text in texts.items() if ENGINES[engine] in text}
        assert shown == {"SCORE_SITES"}
