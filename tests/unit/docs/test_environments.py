"""conda environments of the modules: what can be said of them without a channel to resolve them
from."""

import re
import sys

import package_imports
import pytest
import yaml
from paths import ROOT

sys.path.insert(0, str(ROOT / "dev"))
import environments  # noqa: E402

FILES = sorted(ROOT.glob("containers/*.environment.yml"))


def label(path):
    return path.parent.name


def names(path):
    return {
        one.split("::")[1].split("=")[0] for one in yaml.safe_load(path.read_text())["dependencies"]
    }


@pytest.mark.parametrize("path", FILES, ids=label)
def test_it_is_what_conda_reads_as_meant(path):
    assert environments.faults(yaml.safe_load(path.read_text())) == []


def test_the_profiles_name_the_same_channels_in_the_same_order():
    lists = re.findall(r"conda\.channels\s+= \[(.*)\]", (ROOT / "nextflow.config").read_text())
    assert len(lists) == 2  # conda and mamba
    assert [re.findall(r"[\w-]+", one) for one in lists] == [environments.CHANNELS] * 2


def test_the_python_is_that_of_the_images():
    version = re.search(
        r"^FROM python:(\d+\.\d+)\.",
        (ROOT / "containers" / "score.Dockerfile").read_text(),
        re.MULTILINE,
    ).group(1)
    assert environments.PYTHON == f"conda-forge::python={version}"


@pytest.mark.parametrize("path", FILES, ids=label)
def test_torch_is_where_models_are_exported_and_bedtools_where_we_run(path):
    assert ("pytorch" in names(path)) == path.name.startswith("export.")
    assert ("bedtools" in names(path)) == (not path.name.startswith("multiqc."))
    assert ("multiqc" in names(path)) == path.name.startswith("multiqc.")


@pytest.mark.long
def test_every_import_of_the_package_is_in_the_environment_of_scoring():
    imported = package_imports.distributions("base") | package_imports.distributions("cpu")
    assert {environments.CONDA_NAMES.get(name, name) for name in imported} <= names(
        ROOT / "containers/score.environment.yml"
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channels": ["bioconda", "conda-forge"]}, "channels are ['bioconda', 'conda-forge']"),
        ({"channels": ["defaults", "conda-forge", "bioconda"]}, "channels are ['defaults'"),
        ({"add": "conda-forge::torch=2.6.0"}, "a name of PyPI; expected pytorch"),
        ({"add": "conda-forge::pysam=0.24.1"}, "channel conda-forge"),
        ({"add": "conda-forge::numpy>=2"}, "expected channel::name=version"),
        ({"add": "numpy=2.5.5"}, "expected channel::name=version"),
        ({"add": {"pip": ["onnxruntime"]}}, "expected channel::name=version"),
        ({"python": "conda-forge::python=3.12"}, "no conda-forge::python=3.11"),
    ],
)
def test_what_conda_would_refuse_or_misread_is_named(change, words):
    by_name = {
        "channels": change.get("channels", ["conda-forge", "bioconda"]),
        "dependencies": [
            change.get("python", "conda-forge::python=3.11"),
            *([change["add"]] if "add" in change else []),
        ],
    }
    result = environments.faults(by_name)
    assert len(result) == 1
    assert words in result[0]
