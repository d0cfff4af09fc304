"""Rules for the pipeline's sources that need no run, and Nextflow's own configuration."""

import json
import re
import runpy

import nextflow_run
import pytest

from gfmtrust import __version__
from gfmtrust.cli.options import STEPS

ROOT = nextflow_run.ROOT
SOURCES = nextflow_run.SOURCES
MODULES = sorted((ROOT / "modules").rglob("main.nf"))


def label(path):
    return str(path.relative_to(ROOT))


@pytest.mark.pipeline
def test_schema_defaults_equal_config_defaults(tmp_path):
    config = nextflow_run.config(tmp_path, "v1")["params"]
    groups = json.loads((ROOT / "nextflow_schema.json").read_text())["$defs"].values()
    schema = {
        name: entry.get("default")
        for group in groups
        for name, entry in group["properties"].items()
    }
    config.pop("trace_report_suffix")  # the time of the start
    assert schema.pop("trace_report_suffix") is None
    assert config == schema


def test_every_group_of_the_schema_is_in_force():
    schema = json.loads((ROOT / "nextflow_schema.json").read_text())
    assert [entry["$ref"] for entry in schema["allOf"]] == [
        f"#/$defs/{name}" for name in schema["$defs"]
    ]


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_values_are_quoted_in_scripts(path):
    """A value of the sheet or of a parameter stands between double quotes: Nextflow escapes file
    names, never values."""
    text = path.read_text()
    values = [
        "meta.id",
        "prefix",
        "folder",
        *re.findall(r"^    val (?!code\b)(\w+)$", text, re.MULTILINE),
    ]
    for block in re.findall(r'"""\n(.*?)"""', text, re.DOTALL):
        for value in values:
            for result in re.finditer(r"\$\{" + re.escape(value) + r"\}", block):
                line = block[block.rfind("\n", 0, result.start()) + 1 : result.start()]
                assert line.count('"') % 2 == 1, f"{value} outside quotes: {line}"
    assert "${params." not in text


@pytest.mark.parametrize("path", SOURCES, ids=label)
def test_what_must_not_stand_in_sources(path):
    text = path.read_text()
    for pattern in (
        r"\bChannel\.",
        r"nextflow\.preview",
        r"^\s*publish:",
        r"\{ *it\b",
        r"System\.exit",
        r"publishDir",
        r"plugin/",
        r"ifEmpty\(null\)",
    ):
        assert not re.search(pattern, text, re.MULTILINE), pattern
    assert len(text.splitlines()) < 300


def test_params_are_read_in_main_alone():
    assert [
        label(path)
        for path in SOURCES
        if path != ROOT / "main.nf" and re.search(r"(?<!\")\bparams\.", path.read_text())
    ] == []


@pytest.mark.parametrize("path", SOURCES, ids=label)
def test_sources_are_ascii(path):
    """Java 17 reads a script in the encoding of the locale: under LC_ALL=C any other letter stops the run."""
    assert path.read_bytes().isascii()


def test_outputs_are_assigned():
    assert [
        label(path) for path in SOURCES if re.search(r"\b[A-Z_]+\.out\b", path.read_text())
    ] == []


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_every_module_is_whole(path):
    text = path.read_text()
    name = re.search(r"^process (\w+)", text, re.MULTILINE).group(1)
    order = [
        text.index(word)
        for word in (
            "tag ",
            "label ",
            "conda ",
            "container ",
            "input:",
            "output:",
            "script:",
            "stub:",
        )
    ]
    assert order == sorted(order)
    assert name.lower() in (path.parent.name, "multiqc")
    assert ("process_gpu" in text) == (
        name in ("AUDIT", "ESTIMATE_RUN", "SCORE_SITES", "CHOOSE_STRIDE", "PRECOMPUTE")
    )
    if name != "MULTIQC":
        assert f"gfmtrust {path.parent.name} " in text
        assert "topic: versions" in text
        assert "val code" in text
    assert (path.parent / "meta.yml").is_file()
    named = re.search(r'conda "\$\{projectDir\}/([\w/.]+)"', text).group(1)
    assert (ROOT / named).is_file()


def test_a_dry_run_and_an_audit_load_models_as_scoring_does():
    """Each step that loads models may get a GPU, and is given the device and the long window."""
    config = (ROOT / "conf" / "modules.config").read_text()
    blocks = re.findall(r"with(?:Name|Label): (\w+) \{\n(.*?)\n    \}", config, re.DOTALL)
    arguments = {name.lower(): text for name, text in blocks}
    loading = [path for path in MODULES if "process_gpu" in path.read_text()]
    assert {path.parent.name for path in loading} == {
        path.parent.name
        for path in MODULES
        if path.parent.name in STEPS and "device" in STEPS[path.parent.name].shared
    }
    for path in loading:
        assert "--device ${params.device}" in arguments[path.parent.name]
        assert "--allow_long_window" in arguments[path.parent.name]


@pytest.mark.parametrize("name", ["annotate_vcf", "annotate_regions"])
def test_counts_are_named_by_the_id_whatever_the_prefix(name):
    """The step writes <id>.counts.json: with an ext.prefix, a task that looks for another name ends
    with a missing output. The stub makes the same files."""
    text = (ROOT / "modules" / "local" / "gfmtrust" / name / "main.nf").read_text()
    assert set(re.findall(r"\$\{(?:meta\.)?(\w+)\}\.counts\.json", text)) == {"id"}
    assert text.count(".counts.json") == 2


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_containers_have_a_local_tag_of_this_version(path):

    image, tag = re.search(r"container '([\w/]+):([\w.]+)'", path.read_text()).groups()
    assert tag == __version__
    assert (ROOT / "containers" / f"{image.split('/')[1]}.Dockerfile").is_file()


def test_every_selector_names_a_process():
    processes = {
        re.search(r"^process (\w+)", path.read_text(), re.MULTILINE).group(1) for path in MODULES
    }
    # the processes of precompute.nf are selected by a label of their own, so that main.nf does not warn
    selected = re.findall(
        r"with(?:Name|Label): (\w+)", (ROOT / "conf" / "modules.config").read_text()
    )
    assert sorted(name.upper() for name in selected) == sorted(processes)


def test_what_precompute_reads_is_what_its_sources_name():
    """Any other parameter is refused. CHECK_INPUTS is given no VCF, of which the two left out speak."""
    config = (ROOT / "conf" / "modules.config").read_text()
    blocks = dict(re.findall(r"with(?:Name|Label): (\w+) \{\n(.*?)\n    \}", config, re.DOTALL))
    steps = ("CHECK_INPUTS", "EXPORT_MODEL", "precompute", "join_tables", "MERGE_STORES")
    folder = ROOT / "subworkflows" / "local"
    texts = [(ROOT / "precompute.nf").read_text(), *(blocks[step] for step in steps)]
    read = {name for text in texts for name in re.findall(r"\bparams\.(\w+)", text)}
    main = (folder / "precompute_scores" / "main.nf").read_text()
    read |= set(re.findall(r"\boptions\.(\w+)", main)) - {"code"}
    groups = json.loads((ROOT / "nextflow_schema.json").read_text())["$defs"]
    always = {*groups["executor_options"]["properties"], *groups["generic_options"]["properties"]}
    source = (folder / "utils_gfmtrust_pipeline" / "run.nf").read_text()
    listed = re.search(r"def precomputeParameters\(\) \{(.*?)\n\}", source, re.DOTALL).group(1)
    assert set(re.findall(r"'(\w+)'", listed)) == read - always - {"allow_mismatch", "max_line"}


def test_one_version():

    assert f"version         = '{__version__}'" in (ROOT / "nextflow.config").read_text()


def test_environments_are_made_from_the_locks():
    for path, text in runpy.run_path(str(ROOT / "dev" / "environments.py"))[
        "environments"
    ]().items():
        assert path.read_text() == text, f"{label(path)} is stale: make lock"
