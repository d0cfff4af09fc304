"""The package as a wheel in an environment of its own, with what scoring needs and no checkout."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import consumer_run
import package_imports
import pytest
from fake_genome import genome_letters
from paths import ROOT

from gfmtrust import __version__, models
from gfmtrust.models import registry
from gfmtrust.validation.oracle import selfcheck

pytestmark = pytest.mark.long
HELP = """
import contextlib, sys
from gfmtrust.cli.main import main
for step in sys.argv[1:]:
    with contextlib.suppress(SystemExit):
        main([step, "--help"])
"""
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


def run(command, folder: Path, **more) -> str:
    """Standard output of a command that sees neither the checkout nor this process's settings."""
    process = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={"PATH": sysconfig.get_path("scripts") + ":/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        **more,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    return process.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built without a network from a copy of python/."""
    pytest.importorskip("setuptools", reason="builds a wheel; it is in the requirements for tests")
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        ROOT / "python",
        folder / "python",
        ignore=shutil.ignore_patterns("__pycache__", "requirements", "build", "*.egg-info"),
    )
    out = run([sys.executable, "-c", BUILD, folder], folder / "python")
    return folder / out.split()[-1]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """bin/ of an environment with the wheel and the dependencies of this one, less the extra
    `export`, which fails as where it was never installed."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, symlinks=True)
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    run([folder / "bin" / "python", *install, wheel], folder)
    site = Path(
        run(
            [folder / "bin" / "python", "-c", "import site; print(site.getsitepackages()[0])"],
            folder,
        ).strip()
    )
    absent = package_imports.distributions("export") - {"pyyaml", "tqdm", "huggingface-hub"}
    for name in absent:
        (site / f"{name}.py").write_text(f"raise ModuleNotFoundError('absent', name='{name}')\n")
    # a plain path: the .pth files in that folder, one of which may name the checkout, are not read
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_the_wheel_holds_the_package_its_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = ROOT / "python" / "gfmtrust"
    expected = {
        str(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    assert names == expected


def test_every_step_explains_itself_outside_the_checkout(installed, tmp_path):
    home = "import gfmtrust; print(gfmtrust.__file__)"
    assert str(ROOT) not in run([installed / "python", "-c", home], tmp_path)
    assert run([installed / "gfmtrust", "--version"], tmp_path).strip() == __version__
    steps = re.findall(r"^    (\w+)", run([installed / "gfmtrust", "--help"], tmp_path), re.M)
    assert len(steps) >= 20
    # in one process: to start a process for each took a quarter of a minute
    pages = run([installed / "python", "-c", HELP, *steps], tmp_path)
    for step in steps:
        assert f"usage: gfmtrust {step}" in pages


def test_the_catalogue_is_complete_without_torch(installed, tmp_path):
    tables = json.loads(run([installed / "gfmtrust", "models", "--json"], tmp_path))
    assert {row["family"] for row in tables["families"]} == set(models.FAMILIES)
    assert [row["id"] for row in tables["checkpoints"]] == list(registry.read_rows())


def test_the_self_check_passes(installed, tmp_path):
    lines = run([installed / "gfmtrust", "selfcheck", "--device", "cpu"], tmp_path).splitlines()
    assert len(lines) == len(selfcheck.oracles()) + 1
    assert all(line.endswith(", pass") for line in lines[:-1])
    assert lines[-1].startswith("selfcheck passed on cpu (CPUExecutionProvider): 22 models, ")
    assert any(line.startswith("masked order 3: ") for line in lines)
    assert lines[-1].split(", largest")[0] in (ROOT / "docs" / "start" / "usage.md").read_text()


def test_a_context_model_is_fitted(installed, tmp_path):
    (tmp_path / "genome.fa").write_text(f">chr1\n{genome_letters(3, 20_000)}\n")
    fit = ["fit_context_model", "--fasta", "genome.fa", "--out_dir", "context_model"]
    run([installed / "gfmtrust", *fit], tmp_path)
    meta = json.loads((tmp_path / "context_model" / "bundle.json").read_text())
    assert meta["proof"]["gate"] == "passed"


def test_tracks_are_those_of_the_checkout(installed, tmp_path):
    results = consumer_run.make(tmp_path)
    tables = [f"--{name}={results / 'scores' / f'{name}.parquet'}" for name in ("bases", "sites")]
    run([installed / "gfmtrust", "write_tracks", *tables, "--out_dir", "tracks"], tmp_path)
    expected = {path.name: path.read_bytes() for path in (results / "tracks").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "tracks").iterdir()} == expected


@pytest.mark.bad_input
def test_a_step_that_needs_torch_says_so(installed, tmp_path):
    """An installation without the extra `export` refuses to export in one line."""
    (tmp_path / "genome.fa").write_text(">chr1\nACGT\n")
    (tmp_path / "weights").mkdir()
    command = ["export_model", "--model", "weights", "--fasta", "genome.fa", "--out_dir", "out"]
    process = subprocess.run(
        [installed / "gfmtrust", *command],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 78
    assert process.stderr == (
        "gfmtrust: package torch: not installed; expected the extra `export` for this step; "
        "pip install 'gfmtrust[export]'\n"
    )
