"""Memory left, from made-up files of the kernel."""

import pytest

from gfmtrust.core import memory
from gfmtrust.core.errors import TransientError

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
