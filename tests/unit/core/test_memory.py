"""Memory left, from made-up files of the kernel."""

import os
import subprocess
import sys

import pytest

from gfmtrust.core import memory
from gfmtrust.core.errors import BadDataError, TransientError

GB = 10**9


@pytest.fixture
def kernel(tmp_path):
    """Function (group of the process, files: text by path) -> the two roots; the machine has
    8,000,000 kB available."""

    def write(group: str, **files: str):
        (tmp_path / "proc" / "self").mkdir(parents=True)
        (tmp_path / "proc" / "meminfo").write_text(
            "MemTotal: 9000000 kB\nMemAvailable:    8000000 kB\n"
        )
        (tmp_path / "proc" / "self" / "cgroup").write_text(group)
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "proc", tmp_path / "cgroup"

    return write


@pytest.mark.parametrize(
    ("group", "files", "left"),
    [
        ("0::/\n", {}, 8_192_000_000),
        ("0::/\n", {"memory.max": "max\n", "memory.current": "5\n"}, 8_192_000_000),
        (
            "0::/\n",
            {
                "memory.max": "3000\n",
                "memory.current": "1000\n",
                "memory.stat": "anon 7\ninactive_file 500\n",
            },
            2500,
        ),
        (
            "0::/job/task\n",
            {
                "job/memory.max": "2000\n",
                "job/memory.current": "1900\n",
                "job/task/memory.max": "900\n",
                "job/task/memory.current": "100\n",
            },
            100,
        ),
        (
            "4:memory:/job\n1:cpu:/other\n",
            {
                "memory/job/memory.limit_in_bytes": "700\n",
                "memory/job/memory.usage_in_bytes": "300\n",
            },
            400,
        ),
        ("0::/\n", {"memory.max": "100\n", "memory.current": "300\n"}, 0),
    ],
)
def test_what_is_left(kernel, group, files, left):
    assert memory.available(*kernel(group, **files)) == left


def test_elsewhere_nothing_is_known(tmp_path):
    assert memory.available(tmp_path, tmp_path) is None


def test_here_something_is_left():
    assert memory.available() > 10**8


@pytest.mark.bad_input
def test_work_that_needs_more_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 2 * GB)
    memory.require("m", 2 * GB, "for it")
    words = (
        r"^m: 2\.0 GB of memory are left; expected about 2\.1 GB for it; give the task more memory"
    )
    with pytest.raises(TransientError, match=words) as caught:
        memory.require("m", 2 * GB + GB // 10, "for it")
    assert caught.value.exit_code == 75
    monkeypatch.setattr(memory, "available", lambda: None)
    memory.require("m", 10**18, "for it")


@pytest.mark.bad_input
@pytest.mark.parametrize("text", ["", "MemAvailable:", "MemAvailable: much kB"])
def test_files_that_say_nothing(tmp_path, text):
    (tmp_path / "meminfo").write_text(text)
    assert memory.available(tmp_path, tmp_path) is None


def raised_from(error: Exception, cause: Exception | None) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("can't start new thread"),
        ImportError("libx.so: failed to map segment from shared object"),
        Exception("Failed to launch worker thread: Resource temporarily unavailable"),
        raised_from(BadDataError("x.parquet: unreadable"), MemoryError()),
    ],
)
def test_what_libraries_say_where_memory_ran_out(error):
    assert memory.is_memory_fault(error)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("invalid literal: 'out of memory'"),
        KeyError("bad_alloc"),
        BadDataError("out of memory.vcf: empty file"),
        OSError(28, "No space left on device"),
        ImportError("no module named x"),
    ],
)
def test_what_is_no_lack_of_memory(error):
    assert not memory.is_memory_fault(error)


@pytest.mark.bad_input
@pytest.mark.parametrize("limit_mib", [150])
def test_a_step_without_memory_ends_with_75_and_one_line(tmp_path, limit_mib):
    """A real limit of the system on the address space."""
    code = (
        "import resource, sys\n"
        "from gfmtrust.cli.main import main\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({limit_mib} << 20, {limit_mib} << 20))\n"
        "sys.exit(main(['fit_context_model', '--fasta', 'g.fa', '--out_dir', 'o']))\n"
    )
    (tmp_path / "g.fa").write_text(">c\n" + "ACGTTGCA" * 500 + "\n")
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    assert ended.returncode == 75, ended.stderr
    assert ended.stderr.splitlines() == [
        "gfmtrust: fit_context_model: out of memory; expected more memory; "
        "give the task or the machine more memory"
    ]
