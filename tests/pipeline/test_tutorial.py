"""The tutorial: its commands run in their order in one folder, and each prints what the page shows.

Two whole runs with models, which take as long as a tenth of the default tests.
"""

import os
import re
import shutil
import subprocess

import nextflow_run
import pytest

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed"),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (nextflow_run.ROOT / "docs" / "start" / "tutorial.md").read_text()


def steps(page):
    """(commands, [lines shown]) of each block of commands, with the block of output that follows
    it, in order."""
    items = []
    for language, block in FENCE.findall(page):
        if not language:
            items.append((block, []))
        elif language == "text":
            items[-1][1].extend(block.splitlines())
    return items


def missing(shown, printed):
    """The first line shown that is not printed, or not in this order; None where all are. A line
    shown may be the beginning of one."""
    rest = iter(printed.splitlines())
    return next((line for line in shown if not any(other.startswith(line) for other in rest)), None)


@pytest.fixture(scope="module")
def followed(tmp_path_factory, page_tools):
    """What each step printed, in a new folder, until one failed."""
    folder = tmp_path_factory.mktemp("tutorial")
    variables = nextflow_run.environment(folder, tools=page_tools) | {
        "GFMTRUST": str(nextflow_run.ROOT),
        "NXF_ANSI_LOG": "false",
    }
    variables["PYTHONPATH"] = os.pathsep.join(
        [str(nextflow_run.ROOT / "python"), os.environ.get("PYTHONPATH", "")]
    ).rstrip(os.pathsep)
    ended = []
    for commands, shown in steps(PAGE):
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", commands],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=nextflow_run.LIMIT_S,
            check=False,
        )
        ended.append((commands, shown, done))
        if done.returncode:
            break
    return folder, ended


def test_each_step_ends_well_and_prints_what_the_page_shows(followed):
    _, ended = followed
    for commands, shown, done in ended:
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        assert missing(shown, done.stdout) is None, f"{commands}\n{done.stdout}"
    assert len(ended) == len(steps(PAGE)) >= 8


def test_the_second_run_scored_nothing(followed):
    folder, _ = followed
    traces = {
        path: path.read_text()
        for path in (folder / "relaxed" / "pipeline_info").glob("execution_trace_*.txt")
    }
    traces |= {
        path: path.read_text()
        for path in (folder / "results" / "pipeline_info").glob("execution_trace_*.txt")
    }
    scored = [
        line.split("\t")[4]
        for text in traces.values()
        for line in text.splitlines()
        if "SCORE_SITES" in line
    ]
    assert sorted(scored) == ["CACHED"] * 3 + ["COMPLETED"] * 3


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("shown", "printed", "first"),
    [
        (["a", "c"], "a 1\nb\nc 2\n", None),
        (["c", "a"], "a\nb\nc\n", "a"),
        (["HIGH 324"], "HIGH 323\n", "HIGH 324"),
        (["x"], "", "x"),
    ],
)
def test_a_page_that_shows_something_else_is_found(shown, printed, first):
    assert missing(shown, printed) == first
