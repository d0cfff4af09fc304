"""Set-up: prerequisites named in one line before any work; locks whole and tied to no index."""

import re
import shutil
import subprocess
import sys

import nextflow_run
import package_imports
import pytest

ROOT = nextflow_run.ROOT
REQUIREMENTS = ROOT / "python" / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))
TOOLS = (
    "sh",
    "dirname",
    "sed",
    "head",
    "tail",
    "tr",
    "grep",
    "paste",
    "sort",
    "cat",
    "sha256sum",
    "cut",
    "id",
    "mkdir",
    "ls",
    "rm",
)


def label(path):
    return path.name


@pytest.fixture
def bare(tmp_path):
    """A copy of the set-up in an empty checkout, and a PATH of ordinary tools alone."""
    (tmp_path / "checkout").mkdir()
    shutil.copytree(
        ROOT / "dev",
        tmp_path / "checkout" / "dev",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    return tmp_path


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def setup(bare):
    return subprocess.run(
        [bare / "checkout" / "dev" / "setup.sh"],
        env={"PATH": str(bare / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("present", "line"),
    [
        ({}, "set-up: python3: none of at least 3.11"),
        ({"python3": "3.9"}, "set-up: python3: none of at least 3.11"),
        ({"python3": "ours"}, "set-up: java: none found; expected Java >= 17"),
        ({"python3": "ours", "java": "11.0.2"}, "set-up: java: 11 found; expected Java >= 17"),
        (
            {"python3": "ours", "java": "17.0.15"},
            "set-up: nextflow: none of at least 25.04 and no mvn found",
        ),
        (
            {"python3": "ours", "java": "21", "nextflow": "24.10.4"},
            "set-up: nextflow: none of at least 25.04 and no mvn found",
        ),
        (
            {"python3": "ours", "java": "17.0.15", "nextflow": "25.10.0"},
            "set-up: bedtools: not found; expected it on PATH",
        ),
    ],
)
def test_a_missing_prerequisite_is_one_line_before_any_work(bare, present, line):
    for tool, version in present.items():
        text = {
            "python3": "exit 1" if version == "3.9" else f'exec {sys.executable} "$@"',
            "java": f"echo 'openjdk version \"{version}\" 2025-04-15' >&2",
            "nextflow": f"echo '      version {version} build 1'",
        }[tool]
        script(bare / "bin" / tool, text)
    before = sorted(path.name for path in (bare / "checkout").iterdir())
    ended = setup(bare)
    assert ended.returncode == 66
    assert ended.stdout == ""
    assert ended.stderr.startswith(line)
    assert ended.stderr.count("\n") == 1
    assert sorted(path.name for path in (bare / "checkout").iterdir()) == before


@pytest.mark.parametrize("path", LOCKS, ids=label)
def test_a_lock_is_exact_hashed_and_names_no_index(path):
    text = path.read_text()
    assert "://" not in text
    assert not re.search(r"^(--?(index|extra|find|trusted)|-i )", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) == len(re.findall(r"^\S", text, re.MULTILINE))
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def versions(path):
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", LOCKS, ids=label)
def test_all_locks_agree(path):
    everything = versions(REQUIREMENTS / "dev.txt")
    # torch and the GPU runtime bring CUDA libraries of their own and are never installed together
    shared = {
        name: version
        for name, version in versions(path).items()
        if name in everything and not name.startswith("nvidia-")
    }
    assert shared == {name: everything[name] for name in shared}


def test_torch_and_the_two_runtimes_are_kept_apart():
    names = {path.stem: set(versions(path)) for path in LOCKS}
    assert "torch" not in names["score"] | names["score_gpu"] | names["multiqc"]
    assert "torch" in names["export"]
    for result in names.values():
        assert not {"onnxruntime", "onnxruntime-gpu"} <= result


def test_every_import_of_the_package_is_locked():
    locked = set(versions(REQUIREMENTS / "dev.txt"))
    imported = {
        one for extra in ("base", "cpu", "export") for one in package_imports.distributions(extra)
    }
    assert imported - locked == set()
