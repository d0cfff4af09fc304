"""Declared dependencies are the imported ones, in pyproject.toml and in the requirements that the
locks are made from."""

import re
import tomllib

import package_imports
import pytest
from paths import ROOT

REQUIREMENTS = ROOT / "python" / "requirements"
PROJECT = tomllib.loads((ROOT / "python" / "pyproject.toml").read_text())["project"]
NOT_IMPORTED_BY_US = {"base": {"biopython"}, "export": {"onnxscript"}}
"""pyfaidx imports biopython where a FASTA is compressed with bgzip, and lists it as no dependency;
torch.onnx.export imports onnxscript."""


def distribution(requirement: str) -> str:
    """Normalised name of a requirement, e.g. "huggingface-hub" of "huggingface_hub>=1.0"."""
    return re.match(r"[A-Za-z0-9_.-]+", requirement).group().lower().replace("_", "-")


def declared(extra: str) -> set[str]:
    lists = PROJECT["optional-dependencies"] | {"base": PROJECT["dependencies"]}
    return set(map(distribution, lists[extra]))


def named(role: str) -> set[str]:
    """Distributions that a .in file names itself, without those of the files that it includes."""
    lines = (REQUIREMENTS / f"{role}.in").read_text().splitlines()
    return {distribution(line) for line in lines if line and line[0] not in "#-"}


@pytest.mark.long
@pytest.mark.parametrize("extra", ["base", "cpu", "gpu", "export"])
def test_what_is_declared_is_what_is_imported(extra):
    beside = NOT_IMPORTED_BY_US.get(extra, set())
    assert declared(extra) == package_imports.distributions(extra) | beside


@pytest.mark.parametrize(
    ("extra", "role"),
    [("base", "base"), ("cpu", "score"), ("gpu", "score_gpu"), ("export", "export")],
)
def test_the_locks_are_made_from_the_same_names(extra, role):
    assert named(role) == declared(extra)


def test_scoring_imports_no_torch():
    scoring = package_imports.distributions("base") | package_imports.distributions("cpu")
    assert not scoring & {"torch", "transformers", "safetensors"}


def test_every_extra_is_one_that_this_test_knows():
    assert set(PROJECT["optional-dependencies"]) == {"cpu", "gpu", "export"}


def test_the_version_has_one_home():
    """nextflow.config, the images' names and nf-core's settings cannot import it; they must agree."""
    init = (ROOT / "python" / "gfmtrust" / "__init__.py").read_text()
    version = re.search(r'^__version__ = "(.+)"$', init, re.MULTILINE).group(1)
    assert PROJECT["dynamic"] == ["version"]
    copies = {
        "nextflow.config": r"^\s+version\s+= '(.+)'$",
        ".nf-core.yml": r"^  version: (.+)$",
    } | {
        str(path.relative_to(ROOT)): r"^    container 'gfmtrust/\w+:(.+)'$"
        for path in ROOT.glob("modules/local/*/*/main.nf")
    }
    wrong = {
        path: match
        for path, pattern in copies.items()
        if (match := re.findall(pattern, (ROOT / path).read_text(), re.MULTILINE)) != [version]
    }
    assert not wrong
