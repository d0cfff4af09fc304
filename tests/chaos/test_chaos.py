"""Whole runs with one fault each, then -resume: the same bytes as the untouched run, or a refusal that
names the harmed file, or a harmed result that `gfmtrust verify` names. `make chaos` makes CHAOS runs;
the number of a run is its seed."""

import contextlib
import io
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import nextflow_run
import numpy as np
import pytest
from chaos_inputs import OPTIONS, inputs

from gfmtrust.cli.main import main

pytestmark = [pytest.mark.chaos, pytest.mark.bad_input]
RUNS = int(os.environ.get("CHAOS", "100"))
N_TASKS = 12
"""Tasks of a run; a fault strikes after 1 to this many were submitted."""
LIMITED_STEPS = (
    "check_inputs",
    "plan_sites",
    "score_sites",
    "annotate_sites",
    "annotate_vcf",
    "report",
)
OUTCOMES = Path(os.environ.get("CHAOS_TABLE", "chaos.tsv"))


class Faulty:
    """A run in `launch` that is struck once. rng: draws where and when."""

    def __init__(self, launch: Path, rng: np.random.Generator) -> None:
        self.launch, self.rng = inputs(launch), rng
        self.output = launch / "struck.log"
        self.harmed = ""

    def start(self, tools: Path | None = None) -> subprocess.Popen:
        with open(self.output, "w") as log:
            return subprocess.Popen(
                nextflow_run.command(self.launch, "out", "struck", *OPTIONS),
                cwd=self.launch,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=nextflow_run.environment(self.launch, tools=tools),
                start_new_session=True,
            )

    def wait_for_tasks(self, process: subprocess.Popen) -> None:
        """Until a drawn number of tasks was submitted, and a moment more."""
        n = int(self.rng.integers(1, N_TASKS + 1))
        deadline = time.monotonic() + nextflow_run.LIMIT_S
        while self.output.read_text().count("Submitted process") < n and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(float(self.rng.random()))

    def task_processes(self) -> list[int]:
        """Numbers of the processes of tasks that run now: their folder is a work folder of ours."""
        work, numbers = self.launch / "work", []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes()
                if (folder / "cwd").resolve().is_relative_to(work) and b"gfmtrust" in words:
                    numbers.append(int(folder.name))
        return sorted(numbers)

    def kill_all(self, process: subprocess.Popen) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for number in self.task_processes():  # tasks may have sessions of their own
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def drawn_output(self) -> Path | None:
        """A file that a finished task made, other than Nextflow's own."""
        files = [
            path
            for done in (self.launch / "work").glob("*/*/.exitcode")
            if done.read_text().strip() == "0"
            for path in sorted(done.parent.rglob("*"))
            if path.is_file()
            and not path.is_symlink()
            and not path.name.startswith(".")
            and path.stat().st_size
        ]
        return files[int(self.rng.integers(len(files)))] if files else None


def kill_of_nextflow(faulty: Faulty) -> None:
    process = faulty.start()
    faulty.wait_for_tasks(process)
    faulty.kill_all(process)


def kill_of_a_task(faulty: Faulty) -> None:
    """The run itself goes on: it tries the task again, or stops."""
    process = faulty.start()
    faulty.wait_for_tasks(process)
    numbers = faulty.task_processes()
    if numbers:
        os.kill(numbers[int(faulty.rng.integers(len(numbers)))], signal.SIGKILL)
    process.wait(timeout=nextflow_run.LIMIT_S)


def interrupt(faulty: Faulty) -> None:
    process = faulty.start()
    faulty.wait_for_tasks(process)
    if process.poll() is None:
        process.send_signal([signal.SIGINT, signal.SIGTERM][int(faulty.rng.integers(2))])
    process.wait(timeout=nextflow_run.LIMIT_S)
    assert not (faulty.launch / "out" / ".gfmtrust.lock").exists()


def no_room(faulty: Faulty) -> None:
    """One step may write no file above a few KiB: its writing fails as on a full disk."""
    step = LIMITED_STEPS[int(faulty.rng.integers(len(LIMITED_STEPS)))]
    blocks = int(faulty.rng.integers(1, 40))
    tools = faulty.launch / "tools"
    tools.mkdir()
    real = nextflow_run.ROOT / "bin" / "gfmtrust"
    (tools / "gfmtrust").write_text(
        f'#!/bin/bash\n[ "$1" != {step} ] || {{ trap "" XFSZ; ulimit -f {blocks}; }}\n'
        f'exec python "{real}" "$@"\n'
    )
    (tools / "gfmtrust").chmod(0o755)
    faulty.harmed = step
    process = faulty.start(tools)
    process.wait(timeout=nextflow_run.LIMIT_S)
    text = faulty.output.read_text()
    assert process.returncode == 0 or "exit 74" in text or "exit 73" in text, text


def cut_of_a_result(faulty: Faulty) -> None:
    kill_of_nextflow(faulty)
    if path := faulty.drawn_output():
        content = path.read_bytes()
        path.write_bytes(content[: int(faulty.rng.integers(len(content)))])
        faulty.harmed = path.name


def flipped_bit(faulty: Faulty) -> None:
    """The time of the file stays, so that Nextflow does not see it."""
    kill_of_nextflow(faulty)
    if path := faulty.drawn_output():
        times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        content = bytearray(path.read_bytes())
        content[int(faulty.rng.integers(len(content)))] ^= 1 << int(faulty.rng.integers(8))
        path.write_bytes(content)
        os.utime(path, ns=times)
        faulty.harmed = path.name


FAULTS = (kill_of_nextflow, kill_of_a_task, interrupt, no_room, cut_of_a_result, flipped_bit)


def outcome(resumed, untouched: dict[str, bytes], harmed: str) -> str:
    """What the resumed run came to; empty where it is none of what is allowed."""
    if resumed.code:
        return "refused by name" if harmed and harmed in resumed.text else ""
    results = nextflow_run.contents(resumed.outdir)
    if results == untouched:
        return "same bytes"
    differing = {
        name for name in {*results, *untouched} if results.get(name) != untouched.get(name)
    }
    with contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(["verify", str(resumed.outdir)])
    named = code in (65, 66, 74) and any(Path(name).name in err.getvalue() for name in differing)
    return "named by verify" if named else ""


@pytest.mark.parametrize("number", range(1, RUNS + 1))
def test_a_run_with_one_fault(number, untouched, tmp_path):
    rng = np.random.default_rng(number)
    fault = FAULTS[(number - 1) % len(FAULTS)]
    faulty = Faulty(tmp_path / "launch", rng)
    fault(faulty)
    resumed = nextflow_run.run(faulty.launch, *OPTIONS, "-resume", suffix="resumed")
    result = outcome(resumed, untouched, faulty.harmed)
    row = [number, fault.__name__, faulty.harmed or "-", resumed.code, result or "FAULT"]
    with open(OUTCOMES, "a", encoding="utf-8") as file:
        file.write("\t".join(map(str, row)) + "\n")
    assert result, json.dumps([row, resumed.text[-3000:]], indent=1)
