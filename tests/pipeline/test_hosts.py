"""Our subworkflow in other pipelines: installed from the folder that dev/nf_core_modules.py
writes, and run under both parsers."""

import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import nextflow_run
import pytest
import yaml

sys.path.insert(0, str(nextflow_run.ROOT / "dev"))
import nf_core_lint  # noqa: E402
import nf_core_modules  # noqa: E402

HOSTS = nextflow_run.ROOT / "tests" / "hosts"
NAMES = ("bare", "sarek", "raredisease")
ADDRESS = "https://github.com/gfmtrust/modules.git"
"""Where a lab would keep the folder; git is told that it lies on this machine."""
NF_CORE = nf_core_lint.command()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder of modules as a git repository."""
    folder = tmp_path_factory.mktemp("folder") / "modules"
    nf_core_modules.write(folder)
    nf_core_lint.commit(folder, "main")
    return folder


def place(folder: Path, host: Path) -> None:
    """The subworkflow and the modules that it names, where the installer puts them."""
    name = "subworkflows/gfmtrust/vcf_annotate_gfm"
    shutil.copytree(folder / name, host / name)
    for component in yaml.safe_load((folder / name / "meta.yml").read_text())["components"]:
        shutil.copytree(
            folder / "modules" / "gfmtrust" / component, host / "modules" / "gfmtrust" / component
        )


@pytest.fixture(scope="module")
def hosts(tmp_path_factory, folder) -> dict[str, Path]:
    """A copy of each host with our files placed in it; `test_the_installer_places_the_same` says
    that nf-core does just that."""
    copies = {}
    for name in NAMES:
        copies[name] = tmp_path_factory.mktemp("hosts") / name
        shutil.copytree(HOSTS / name, copies[name])
        place(folder, copies[name])
    return copies


def tree(folder: Path) -> dict[str, bytes]:
    parts = (path for part in ("modules", "subworkflows") for path in (folder / part).rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in parts if path.is_file()}


@pytest.mark.pipeline
@pytest.mark.skipif(
    NF_CORE is None, reason="no nf-core: make lint installs it; the files are placed as it would"
)
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_installer_places_the_same(tmp_path, folder, hosts, name):
    host = tmp_path / name
    shutil.copytree(HOSTS / name, host)
    (host / "modules").mkdir()
    (host / ".nf-core.yml").write_text("repository_type: pipeline\n")
    (host / "modules.json").write_text(
        json.dumps({"name": f"hosts/{name}", "homePage": "https://example.org", "repos": {}})
    )
    command = [
        NF_CORE,
        "subworkflows",
        "--git-remote",
        ADDRESS,
        "--branch",
        "main",
        "install",
        "vcf_annotate_gfm",
    ]
    ended = subprocess.run(
        command,
        cwd=host,
        env=nf_core_lint.environment(tmp_path, {ADDRESS: folder}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=nextflow_run.LIMIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert tree(host) == tree(hosts[name])
    entries = json.loads((host / "modules.json").read_text())["repos"][ADDRESS]
    assert set(entries["subworkflows"]["gfmtrust"]) == {"vcf_annotate_gfm"}
    placed = {path.parent.name for path in (host / "modules" / "gfmtrust").rglob("main.nf")}
    assert {name.rpartition("/")[2] for name in entries["modules"]["gfmtrust"]} == placed


def run_host(host: Path, parser: str, tools: Path | None, *options: str):
    return subprocess.run(
        ["nextflow", "run", str(host), *options],
        cwd=host,
        env=nextflow_run.environment(host, parser, tools),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=nextflow_run.LIMIT_S,
        check=False,
    )


def inputs(host: Path) -> None:
    """Files that a stub run stages and does not read."""
    for name in ("S1.vcf", "S2.vcf", "S1.vcf.tbi", "S2.vcf.tbi", "genome.fa", "genome.fa.fai"):
        (host / name).write_text("")
    (host / "sheet.csv").write_text(
        "patient,sample,variantcaller,vcf\nP1,S1,strelka,S1.vcf\nP1,S1,mutect2,S2.vcf\n"
    )
    (host / "models" / "gpn").mkdir(parents=True, exist_ok=True)


OPTIONS = {
    "bare": ("--vcfs", "S1.vcf,S2.vcf", "--models", "models/gpn"),
    "sarek": ("--input", "sheet.csv"),
    "raredisease": ("--vcf", "S1.vcf", "--contigs", "c1,c2,c3"),
}
ANNOTATED = {
    "bare": {
        "S1/S1.gfm.vcf.gz",
        "S1/S1.gfm.vcf.gz.tbi",
        "S2/S2.gfm.vcf.gz",
        "S2/S2.gfm.vcf.gz.tbi",
    },
    "sarek": {
        f"annotation/S1/S1.{caller}_GFM.ann.vcf.gz{end}"
        for caller in ("strelka", "mutect2")
        for end in ("", ".tbi")
    },
    "raredisease": {"S1.gfm.vcf.gz"},
}
SCORED = {"bare": 4, "sarek": 2, "raredisease": 2}
"""Stub runs plan two shards, each scored by the context model and each model."""


@pytest.mark.pipeline
@pytest.mark.parametrize(
    ("name", "parser"),
    [
        ("sarek", "v2"),
        *(
            pytest.param(name, parser, marks=pytest.mark.slow)
            for name in NAMES
            for parser in ("v1", "v2")
            if (name, parser) != ("sarek", "v2")
        ),
    ],
)
def test_a_host_runs(hosts, stub_tools, name, parser):
    inputs(hosts[name])
    shutil.rmtree(hosts[name] / "out", ignore_errors=True)
    ended = run_host(
        hosts[name], parser, stub_tools, "-stub-run", "--fasta", "genome.fa", *OPTIONS[name]
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (
        ended.stdout.count("> VCF_ANNOTATE_GFM:GFMTRUST_SCORESITES")
        + ended.stdout.count("> VCF_ANNOTATE_ALL:VCF_ANNOTATE_GFM:GFMTRUST_SCORESITES")
        == SCORED[name]
    )
    by_name = {
        str(path.relative_to(hosts[name] / "out"))
        for path in (hosts[name] / "out").rglob("*.vcf.gz*")
    }
    assert by_name - {"sites/sites.gfm.vcf.gz", "sites/sites.gfm.vcf.gz.tbi"} == ANNOTATED[name]
    if name == "raredisease":
        assert (
            zlib.decompress((hosts[name] / "out" / "S1.gfm.vcf.gz").read_bytes(), wbits=31)
            == b"3 parts\n"
        )


@pytest.mark.pipeline
@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("sheet", "line"),
    [
        (
            "P1,S1,strelka,S1.vcf\nP1,S1,strelka,S2.vcf\n",
            "VCF_ANNOTATE_GFM: id S1.strelka 2 times; expected unique",
        ),
        pytest.param(
            "P1,$(touch x),strelka,S1.vcf\n",
            "id '$(touch x).strelka'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,127}; rename it",
            marks=pytest.mark.slow,  # the rule of names is tested in test_scripts.py
        ),
        pytest.param(
            "P1,a;touch x,strelka,S1.vcf\n",
            "id 'a;touch x.strelka'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,127}; rename it",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_host_with_ids_that_cannot_be_names(hosts, stub_tools, sheet, line):
    inputs(hosts["sarek"])
    (hosts["sarek"] / "bad.csv").write_text("patient,sample,variantcaller,vcf\n" + sheet)
    ended = run_host(
        hosts["sarek"], "v2", stub_tools, "-stub-run", "--fasta", "genome.fa", "--input", "bad.csv"
    )
    assert ended.returncode == 1
    assert line in ended.stdout
    assert [path for path in hosts["sarek"].rglob("x") if path.is_file()] == []


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_a_host_without_any_vcf_runs_no_task(hosts, stub_tools):
    inputs(hosts["sarek"])
    (hosts["sarek"] / "none.csv").write_text("patient,sample,variantcaller,vcf\n")
    ended = run_host(
        hosts["sarek"], "v1", stub_tools, "-stub-run", "--fasta", "genome.fa", "--input", "none.csv"
    )
    assert ended.returncode == 0, ended.stdout
    assert "Submitted process" not in ended.stdout


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_an_option_that_there_is_not(hosts, stub_tools, tmp_path):
    shutil.copytree(hosts["bare"], tmp_path / "host")
    script = tmp_path / "host" / "main.nf"
    script.write_text(script.read_text().replace("[probes: params.probes]", "[probs: 500]"))
    inputs(tmp_path / "host")
    ended = run_host(
        tmp_path / "host", "v1", stub_tools, "-stub-run", "--fasta", "genome.fa", *OPTIONS["bare"]
    )
    assert ended.returncode == 1
    assert (
        "VCF_ANNOTATE_GFM: option probs; expected one of views, neighbours, region_stride, probes"
        in ended.stdout
    )


@pytest.mark.pipeline
@pytest.mark.slow
def test_a_host_really_runs(hosts):
    """The demo's cohort and genome in the bare host: the VCFs come back whole, with flags."""
    demo = nextflow_run.ROOT / "assets" / "demo"
    vcfs = ",".join(str(demo / name) for name in ("demo_b.vcf.gz", "demo_cohort.vcf.gz"))
    ended = run_host(
        hosts["bare"],
        "v2",
        None,
        "--vcfs",
        vcfs,
        "--fasta",
        str(demo / "genome.fa.gz"),
        "--probes",
        "2000",
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for name, scored in (("demo_b", 1347), ("demo_cohort", 2294)):
        verified = subprocess.run(
            [
                "gfmtrust",
                "verify",
                demo / f"{name}.vcf.gz",
                hosts["bare"] / "out" / name / f"{name}.gfm.vcf.gz",
            ],
            env=nextflow_run.environment(hosts["bare"]),
            capture_output=True,
            text=True,
            check=False,
        )
        assert verified.returncode == 0, verified.stderr
        assert f"SCORED\t{scored}\n" in verified.stdout


def test_defaults_of_the_subworkflow_are_those_of_the_pipeline():
    text = (nextflow_run.ROOT / "subworkflows/local/vcf_annotate_gfm/main.nf").read_text()
    written = re.search(r"values = \[(.*?)\]\n", text, re.DOTALL).group(1)
    defaults = dict(re.findall(r"(\w+): ('[^']*'|\w+)", written))
    assert defaults.pop("code") == "''"
    assert defaults.pop("title") == "'gfmtrust report'"
    assert {name for name, value in defaults.items() if value == "''"} == {
        "af_key",
        "label_values",
        "label_cut",
    }
    schema = json.loads((nextflow_run.ROOT / "nextflow_schema.json").read_text())
    parameters = {
        name: entry
        for group in schema["$defs"].values()
        for name, entry in group["properties"].items()
    }
    assert {name: value.strip("'") or "none" for name, value in defaults.items()} == {
        name: str(parameters[name].get("default")).lower()
        if not isinstance(parameters[name].get("default"), str)
        else parameters[name]["default"]
        for name in defaults
    }


def test_the_folder_holds_nothing_that_a_host_must_not_get(folder):
    scripts = [path.read_text() for path in folder.rglob("main.nf")]
    assert len(scripts) == 20
    for text in scripts:
        assert not re.search(
            r"(?<!\")\bparams\b\.|publishDir|\bcpus\s*=|\bmemory\b|https?:|modules/local",
            text.replace("no params", ""),
        )
    for path in folder.glob("modules/*/*/*"):
        assert {entry.name for entry in path.iterdir()} == {
            "main.nf",
            "meta.yml",
            "environment.yml",
            "tests",
        }


def test_the_folder_is_written_anew_and_keeps_its_history(folder, tmp_path):
    copy = tmp_path / "modules"
    shutil.copytree(folder, copy)
    (copy / "modules" / "gfmtrust" / "gfmtrust" / "gone").mkdir()
    nf_core_modules.write(copy)
    assert tree(copy) == tree(folder)
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=copy, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


@pytest.mark.bad_input
def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    command = [
        sys.executable,
        str(nextflow_run.ROOT / "dev" / "nf_core_modules.py"),
        str(tmp_path),
    ]
    ended = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 73
    assert (
        ended.stderr
        == f"modules: {tmp_path}: holds other files; expected a new folder or one that this command wrote; name another\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
