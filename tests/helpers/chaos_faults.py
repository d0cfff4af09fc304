"""Whole runs of Nextflow that are struck once: by a signal, a failing disk, a lack of memory, a jump
of the clock, or damage to a file. Each fault is a function of a run and of its random numbers.

Where a fault needs a run as it was when it had come so far, an untouched run is copied to its own
place and the folders of its later tasks are removed, which costs no task.
"""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import chaos_inputs
import nextflow_run
import numpy as np
from paths import ROOT

SHIM = ROOT / "tests" / "chaos" / "broken_calls.c"
N_TASKS = 12
"""Tasks of a run; a fault strikes after 1 to this many were submitted."""
STEPS = (
    *("check_inputs", "fit_context_model", "plan_sites", "score_sites", "calibrate"),
    *("annotate_sites", "annotate_vcf", "annotate_regions", "write_tracks", "report"),
)
YEAR_S = 365 * 86_400


class Faulty:
    """A run that is struck once, in the folder where the untouched run was made. rng: draws where and
    when; options: of the run; harmed: the name of the file or step that was harmed; after: what must
    be undone at the end."""

    def __init__(self, untouched: "Untouched", rng: np.random.Generator) -> None:
        self.untouched, self.rng = untouched, rng
        self.launch, self.options = untouched.launch, untouched.options
        self.tools, self.output = self.launch / chaos_inputs.TOOLS, self.launch / "struck.log"
        self.harmed = ""
        self.after = contextlib.ExitStack()

    def anew(self) -> None:
        """Let the run begin with nothing but its inputs."""
        self.untouched.restore()
        for name in ("work", "out", ".nextflow"):
            shutil.rmtree(self.launch / name)

    def until(self, n: int) -> None:
        """Let the run have come to the end of its first n tasks, and no further."""
        self.untouched.restore()
        shutil.rmtree(self.launch / "out")
        for name in self.untouched.tasks[n:]:
            for folder in (self.launch / "work").glob(f"{name}*"):
                shutil.rmtree(folder)

    def until_drawn(self) -> None:
        """Let it have come to the end of a drawn number of tasks."""
        self.until(int(self.rng.integers(1, len(self.untouched.tasks))))

    def until_step(self, step: str) -> None:
        """Let it have come to where a step is next."""
        self.until(self.untouched.steps.index(step.upper()))

    def drawn(self, values):
        """One of some values."""
        return values[int(self.rng.integers(len(values)))]

    def start(self) -> subprocess.Popen:
        with open(self.output, "w") as log:
            return subprocess.Popen(
                nextflow_run.command(self.launch, "out", "struck", *self.options, "-resume"),
                cwd=self.launch,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=nextflow_run.environment(self.launch, tools=self.tools),
                start_new_session=True,
            )

    def finish(self) -> int:
        """The exit code of a run that goes on by itself."""
        return self.start().wait(timeout=nextflow_run.LIMIT_S)

    def resume(self) -> nextflow_run.Run:
        (self.tools / "gfmtrust").unlink(missing_ok=True)
        options = (*self.options, "-resume")
        return nextflow_run.run(self.launch, *options, suffix="resumed", tools=self.tools)

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

    def before_step(self, step: str, *commands: str, limits: str = "exec") -> None:
        """Let a step run these shell commands first, in the shell that becomes it; limits: the
        command that starts it."""
        real = ROOT / "bin" / "gfmtrust"
        body = "; ".join((*commands, f'{limits} python "{real}" "$@"'))
        self.until_step(step)
        (self.tools / "gfmtrust").write_text(
            f'#!/bin/bash\n[ "$1" != {step} ] || {{ {body}; }}\nexec python "{real}" "$@"\n'
        )
        (self.tools / "gfmtrust").chmod(0o755)
        self.harmed = step

    def done_folders(self) -> list[Path]:
        """The work folders of the tasks that ended with 0."""
        codes = sorted((self.launch / "work").glob("*/*/.exitcode"))
        return [path.parent for path in codes if path.read_text().strip() == "0"]

    def drawn_output(self, pattern: str = "*") -> Path | None:
        """A file that a finished task made, other than Nextflow's own; the pattern is for its path
        below the task's folder."""
        files = [
            path
            for folder in self.done_folders()
            for path in sorted(folder.rglob(pattern))
            if path.is_file()
            and not path.is_symlink()
            and not path.name.startswith(".")
            and path.stat().st_size
        ]
        return self.drawn(files) if files else None

    def flip_a_bit(self, path: Path) -> None:
        """The time of the file stays, so that Nextflow does not see it."""
        times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        content = bytearray(path.read_bytes())
        content[int(self.rng.integers(len(content)))] ^= 1 << int(self.rng.integers(8))
        path.write_bytes(content)
        os.utime(path, ns=times)
        self.harmed = path.name


class Untouched:
    """A run without a fault: its published files, the folders and steps of its tasks in the order
    of their start, and a copy of everything, which is put back for every fault."""

    def __init__(self, folder: Path, options: tuple[str, ...], store: Path | None = None) -> None:
        self.launch, self.options, self._copy = folder / "launch", options, folder / "copy"
        chaos_inputs.inputs(self.launch, store)
        tools = self.launch / chaos_inputs.TOOLS
        run = nextflow_run.run(self.launch, *options, tools=tools)
        assert run.code == 0, run.text
        self.contents = nextflow_run.contents(run.outdir)
        rows = sorted(run.tasks(), key=lambda row: int(row["task_id"]))
        self.tasks = [row["hash"] for row in rows]
        self.steps = [nextflow_run.process(row) for row in rows]
        shutil.copytree(self.launch, self._copy, symlinks=True)

    def restore(self) -> None:
        """Put everything back; times are kept, as Nextflow looks at those of inputs."""
        shutil.rmtree(self.launch)
        shutil.copytree(self._copy, self.launch, symlinks=True)


# --- signals
# ------------------------------------------------------------------------------------------------


def kill_of_nextflow(faulty: Faulty) -> None:
    faulty.anew()
    process = faulty.start()
    faulty.wait_for_tasks(process)
    faulty.kill_all(process)


def kill_of_a_task(faulty: Faulty) -> None:
    """The run itself goes on: it tries the task again, as after the kernel's 137, or stops."""
    faulty.anew()
    process = faulty.start()
    faulty.wait_for_tasks(process)
    if numbers := faulty.task_processes():
        os.kill(faulty.drawn(numbers), signal.SIGKILL)
    process.wait(timeout=nextflow_run.LIMIT_S)


def interrupt(faulty: Faulty) -> None:
    faulty.anew()
    process = faulty.start()
    faulty.wait_for_tasks(process)
    if process.poll() is None:
        process.send_signal(faulty.drawn([signal.SIGINT, signal.SIGTERM]))
    process.wait(timeout=nextflow_run.LIMIT_S)
    assert not (faulty.launch / "out" / ".gfmtrust.lock").exists()


# --- disk and memory
# ----------------------------------------------------------------------------------------


def no_room(faulty: Faulty) -> None:
    """One step may write no file above a few KiB."""
    blocks = int(faulty.rng.integers(1, 40))
    faulty.before_step(faulty.drawn(STEPS), f'trap "" XFSZ; ulimit -f {blocks}')
    assert ended_with_disk_fault(faulty)


def failing_calls(faulty: Faulty, kind: str, number: int) -> None:
    """Reads or writes of one step fail after a drawn number of bytes."""
    after = int(faulty.rng.integers(0, 20_000 if kind == "write" else 200_000))
    shim = compiled_shim(faulty.launch)
    variables = f"CHAOS_CALLS={kind} CHAOS_ERRNO={number} CHAOS_AFTER={after}"
    folder = f"CHAOS_FOLDER='{faulty.launch}'"
    faulty.before_step(
        faulty.drawn(STEPS), f"export {variables} {folder} LD_PRELOAD='{shim}' OMP_NUM_THREADS=1"
    )
    assert ended_with_disk_fault(faulty)


def full_disk(faulty: Faulty) -> None:
    failing_calls(faulty, "write", errno.ENOSPC)


def failing_writes(faulty: Faulty) -> None:
    failing_calls(faulty, "write", errno.EIO)


def failing_reads(faulty: Faulty) -> None:
    failing_calls(faulty, "read", errno.EIO)


def small_disk(faulty: Faulty, name: str) -> None:
    """A folder of the run lies on a disk of its own that becomes full, and is enlarged after that."""
    faulty.anew()
    folder = faulty.launch / name
    folder.mkdir()
    size = int(faulty.rng.integers(64, 4_000))
    mount("-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder))
    faulty.after.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
    faulty.harmed = name
    code = faulty.finish()
    text = faulty.output.read_text()
    assert code == 0 or any(word in text for word in ("space", "exit 74", "exit 73")), text
    mount("-o", "remount,size=200m", str(folder))


def small_work_disk(faulty: Faulty) -> None:
    small_disk(faulty, "work")


def small_results_disk(faulty: Faulty) -> None:
    small_disk(faulty, "out")


def little_memory(faulty: Faulty) -> None:
    """One step may use only so much address space."""
    kib = int(faulty.rng.integers(150_000, 1_500_000))
    limits = "exec timeout --kill-after 5 90"  # libraries may try for ever to get more
    faulty.before_step(faulty.drawn(STEPS), f"ulimit -v {kib}", limits=limits)
    faulty.finish()


def ended_with_disk_fault(faulty: Faulty) -> bool:
    code, text = faulty.finish(), faulty.output.read_text()
    return code == 0 or any(word in text for word in ("exit 74", "exit 73", "status (74", "(73)"))


# --- clock
# --------------------------------------------------------------------------------------------------


def jump_of_the_clock(faulty: Faulty) -> None:
    """The clock of one step jumps by up to ten years, back or forth, while it runs."""
    shim, seconds = compiled_shim(faulty.launch), int(faulty.rng.integers(-10, 11)) * YEAR_S
    after = int(faulty.rng.integers(0, 50))
    variables = f"CHAOS_CLOCK={seconds} CHAOS_AFTER={after} LD_PRELOAD='{shim}'"
    faulty.before_step(faulty.drawn(STEPS), f"export {variables}")
    faulty.finish()


def times_of_results(faulty: Faulty) -> None:
    """What finished tasks made has times in the future or in 1970, as after a wrong clock or a copy."""
    faulty.until_drawn()
    at = faulty.drawn([1.0, time.time() + YEAR_S])
    for folder in faulty.done_folders():
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                os.utime(path, (at, at))


# --- damage
# -------------------------------------------------------------------------------------------------


def cut_of_a_result(faulty: Faulty) -> None:
    faulty.until_drawn()
    if path := faulty.drawn_output():
        content = path.read_bytes()
        path.write_bytes(content[: int(faulty.rng.integers(len(content)))])
        faulty.harmed = path.name


def bit_of_a_result(faulty: Faulty) -> None:
    faulty.until_drawn()
    if path := faulty.drawn_output():
        faulty.flip_a_bit(path)


def bit_of_a_score_table(faulty: Faulty) -> None:
    """Before the table is read."""
    faulty.until_step("calibrate")
    path = faulty.drawn_output("scores/*.parquet")
    assert path, "no table of scores was made"
    faulty.flip_a_bit(path)


def bit_of_a_bundle(faulty: Faulty) -> None:
    """Of the user's bundle, or of its copy in the work folder."""
    faulty.until_drawn()
    files = sorted((faulty.launch / "toy").iterdir())
    copies = [path for folder in faulty.done_folders() for path in folder.rglob("model.onnx")]
    faulty.flip_a_bit(faulty.drawn([*files, *(path for path in copies if not path.is_symlink())]))


def bit_of_the_store(faulty: Faulty) -> None:
    faulty.until_drawn()
    files = sorted(path for path in (faulty.launch / "store").rglob("*") if path.is_file())
    faulty.flip_a_bit(faulty.drawn(files))


def loss_of_work(faulty: Faulty) -> None:
    """The whole work folder vanishes, or that of one task."""
    faulty.until_drawn()
    work = faulty.launch / "work"
    done = faulty.done_folders()
    shutil.rmtree(faulty.drawn([work, *done, *done]), ignore_errors=True)


# --- what a fault needs
# -------------------------------------------------------------------------------------


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def compiled_shim(folder: Path) -> Path:
    """The library that breaks system calls."""
    library = folder / "broken_calls.so"
    command = [compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SHIM), "-ldl"]
    subprocess.run(command, check=True)
    return library


def compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


def lacking(fault: Callable[[Faulty], None]) -> str:
    """What a fault needs and this machine lacks; '' where it can be tried."""
    if fault in (full_disk, failing_writes, failing_reads, jump_of_the_clock) and not compiler():
        return "needs a C compiler"
    if fault in (small_work_disk, small_results_disk) and os.geteuid():
        return "needs root, to mount a small disk"
    return ""


FAULTS: tuple[Callable[[Faulty], None], ...] = (
    *(kill_of_nextflow, kill_of_a_task, interrupt, no_room, cut_of_a_result, bit_of_a_result),
    *(full_disk, failing_writes, failing_reads, small_work_disk, small_results_disk),
    *(little_memory, jump_of_the_clock, times_of_results, loss_of_work),
    *(bit_of_a_score_table, bit_of_a_bundle, bit_of_the_store),
)
NETWORK_FAULTS = (bit_of_a_bundle, bit_of_the_store)
