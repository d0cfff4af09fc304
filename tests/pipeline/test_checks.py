"""The pipeline's checks, written in Groovy, against `jsonschema` on the same schema, against the
package, and against literal messages."""

import json
import subprocess

import jsonschema
import nextflow_run
import pytest
from check_cases import BEDS, PARAMETERS

from gfmtrust.core import documents, names
from gfmtrust.core.contracts.samplesheet import Samplesheet, SheetEntry
from gfmtrust.io import bed

ROOT = nextflow_run.ROOT


def entry(row, sample, vcf, vcf_index=()):
    return SheetEntry(row, {"id": sample, "sample": sample}, tuple(vcf), tuple(vcf_index))


def tables(folder):
    """Samplesheets as READ_SHEET writes them, and what is expected: entries or errors."""
    a, b, absent = (str(folder / name) for name in ("a.vcf", "launch/b.vcf", "none.vcf"))
    remote = "https://example.org/a.vcf.gz"
    read = Samplesheet(
        "s.csv",
        (
            entry(3, "A", [a, absent]),
            entry(2, "B", [absent, b], [str(folder / "a.tbi")]),
            entry(4, "C", [remote]),
        ),
        ("s.csv: UTF-16 text; read as such",),
    )
    refused = Samplesheet(
        "s.csv", (entry(5, "A", [absent]), entry(2, "B", [a, b], [absent, str(folder)]))
    )
    return [
        (
            read,
            [[{"id": "A", "sample": "A"}, a], [{"id": "B", "sample": "B"}, b]]
            + [[{"id": "C", "sample": "C"}, remote]],
            [],
        ),
        (
            refused,
            [],
            [
                f"s.csv, row 2, column vcf_index: {absent} and {folder} not found; expected a file; correct the path",
                f"s.csv, row 5, column vcf: {absent} not found; expected a file; correct the path",
            ],
        ),
    ]


COMMIT = "0123456789abcdef0123456789abcdef01234567"
STOPS = [
    (
        ("models", "lab/tiny@main"),
        "lab/tiny@main is neither a folder nor a repository at a commit; expected a folder, or org/name@ and the 40",
    ),
    (
        ("models", f"lab/tiny@{COMMIT},other/tiny@{COMMIT}"),
        "--models: tiny twice; expected each model once",
    ),
    (("external_scores", "scores.tsv,a b=b.vcf"), "scores.tsv; expected name=file"),
    (("external_scores", "scores.tsv,a b=b.vcf"), "a b=b.vcf; expected name=file"),
    (("external_scores", "x=b.vcf,x=b.vcf"), "--external_scores: x twice"),
    (("external_scores", "x=nowhere.tsv"), "--external_scores: nowhere.tsv does not exist"),
    (
        ("fasta", "genome.fa"),
        "--fasta: genome.fa does not exist; expected a path relative to the launch directory, or absolute; genome.fa.gz does",
    ),
    (
        ("a file of a task", "cut.json"),
        "cut.json: damaged; expected the file as its task wrote",
    ),
    (
        ("a file of a task", "empty.json"),
        "empty.json: damaged; expected the file as its task",
    ),
    (
        ("a file of a task", "flipped.json"),
        "flipped.json: damaged; expected the file as its task",
    ),
    (
        ("score_store", "out/score_store"),
        "--score_store: out/score_store is the folder that this run writes",
    ),
    (("score_store", "absent"), "--score_store: absent does not exist"),
    (
        ("population_vcf", "common.vcf.gz"),
        "common.vcf.gz has no index; expected common.vcf.gz.tbi or common.vcf.gz.csi",
    ),
    (("models", f"lab/tiny@{COMMIT}"), ""),
    (("a file of a task", "sealed.json"), ""),
    (("a file of a task", "whole.json"), ""),
    (("external_scores", "x=b.vcf"), ""),
    (("fasta", "genome.fa.gz"), ""),
    (("score_store", "store"), ""),
    (("population_vcf", "indexed.vcf.gz"), ""),
]
"""A parameter and its value -> what the run stops with, '' where it goes on."""
SCHEMA = json.loads((ROOT / "nextflow_schema.json").read_text())
DEFAULTS = {
    name: entry.get("default")
    for group in SCHEMA["$defs"].values()
    for name, entry in group["properties"].items()
}
READ_BY_PRECOMPUTE = {
    "dry_run": "false", "neighbours": False, "max_n": 0.2, "shard_size": 500, "regions": "p.bed", "score_store": "s",
    "contig_map": "auto", "gpu_queue": "q", "heldout_contigs": 8, "precision": "fp16", "trace_report_suffix": "x",
}  # fmt: skip
INPUTS = [
    ({"input": "s.csv"}, []),
    ({"regions_only": True, "regions": "p.bed"}, []),
    ({}, ["--input: missing; expected a file, or --regions_only; see --help input"]),
    (
        {"regions_only": True, "input": "sheet.csv", "labels": "known.vcf"},
        [
            "--input: given with --regions_only; expected one of the two; leave one out",
            "--regions: missing; expected BED files, as --regions_only is given; see --help regions",
            "--labels: given with --regions_only; expected VCFs with the labelled alleles; leave one out",
        ],
    ),
    ({"precompute": True, **DEFAULTS, "models": "m"}, []),
    ({"precompute": True, "models": "m", **READ_BY_PRECOMPUTE}, []),
    (
        {"precompute": True, "dry_run": True, "include": "b.bed", "label_cut": 0, "seed": "1"},
        [
            *(
                f"--{name}: given to precompute.nf, which does not read it; expected what scoring in advance reads "
                "(docs/start/usage.md); leave it out"
                for name in ("dry_run", "include", "label_cut")
            ),
            "--models: missing; expected one or more for precompute.nf; the context model is not stored",
        ],
    ),
]
"""Parameters of a run -> what is wrong with its inputs."""
ROWS = [
    ([[["m", 2], "m2"], [["m", 10], "m10"], [["a", 3], "a3"]], "", [["a3", "m2", "m10"]]),
    ([], "store", [[]]),
    ([], "", []),
]
"""New rows of models and parts, and the store that was given -> what is joined, if anything."""


MODELS = [("b", 2), ("agront", 1), ("context_model", 0), ("z", None), ("a", 3)]
"""Id and order of models; None where another pipeline gives no order, which counts as 1."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    (folder / "launch").mkdir()
    for name in ("store", "out/score_store"):
        (folder / "launch" / name).mkdir(parents=True)
    vcfs = ("common.vcf.gz", "indexed.vcf.gz", "indexed.vcf.gz.csi")
    in_launch = (f"launch/{name}" for name in ("b.vcf", "genome.fa.gz", *vcfs))
    for name in ("a.vcf", "a.tbi", *in_launch):
        (folder / name).write_text("##fileformat=VCFv4.2\n")
    sealed = documents.sealed('{\n  "name": "\\u00e9.csv",\n  "row": 2\n}\n')
    texts = {"cut": '{"entries": [{"row": 2, ', "empty": "", "whole": "{}", "sealed": sealed}
    for name, text in (texts | {"flipped": sealed.replace("2\n}", "3\n}")}).items():
        (folder / "launch" / f"{name}.json").write_text(text)
    return folder


@pytest.fixture(scope="module")
def verdicts(folder):
    """What the pipeline's functions say of every case; one start of Nextflow for all."""
    paths = []
    for number, (table, _entries, _errors) in enumerate(tables(folder)):
        paths.append(str(folder / f"table{number}.json"))
        table.write(paths[-1])
    cases = {"parameters": PARAMETERS, "beds": BEDS, "tables": paths}
    cases |= {"stops": [given for given, _ in STOPS], "inputs": [given for given, _ in INPUTS]}
    cases |= {"models": [[{"id": name, "order": order}, name] for name, order in MODELS]}
    cases["rows"] = [
        [[[{"id": name, "part": part}, folder] for (name, part), folder in pairs], store]
        for pairs, store, _ in ROWS
    ]
    (folder / "cases.json").write_text(json.dumps(cases))
    ended = subprocess.run(
        [
            "nextflow",
            "run",
            str(ROOT / "tests" / "pipeline" / "check_cases.nf"),
            "--cases",
            str(folder / "cases.json"),
            "--verdicts",
            str(folder / "verdicts.json"),
        ],
        cwd=folder / "launch",
        env=nextflow_run.environment(folder),
        capture_output=True,
        text=True,
        timeout=nextflow_run.LIMIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads((folder / "verdicts.json").read_text())


def pipeline_schema():
    """The parameter schema, closed against unknown names as the pipeline closes it."""
    return json.loads((ROOT / "nextflow_schema.json").read_text()) | {
        "unevaluatedProperties": False
    }


def coerced(values):
    """Numbers and booleans where the schema asks for text only: Nextflow's command line guesses
    types, and so they come as text."""
    schema = pipeline_schema()
    definitions = {
        name: entry
        for group in schema["$defs"].values()
        for name, entry in group["properties"].items()
    }
    return {
        name: str(value)
        if definitions.get(name, {}).get("type") == "string" and not isinstance(value, str)
        else value
        for name, value in values.items()
    }


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_parameters_are_judged_as_jsonschema_judges_them(verdicts):
    schema = jsonschema.Draft202012Validator(pipeline_schema())
    # a boolean that may be text, a whole number that may be text: both engines see the value that
    # the pipeline makes of it
    expected = [schema.is_valid(spelled(coerced(values))) for values in PARAMETERS]
    result = [not errors for errors in verdicts["parameters"]]
    wrong = [
        (values, errors)
        for values, errors, one, other in zip(
            PARAMETERS, verdicts["parameters"], result, expected, strict=True
        )
        if one != other
    ]
    assert not wrong
    assert len(PARAMETERS) >= 60
    assert 15 < sum(result) < len(result) - 15


def spelled(values):
    """`probes` is text or a whole number: anything else is spelled out before it is checked."""
    probes = values.get("probes")
    return values | {"probes": str(probes).lower()} if isinstance(probes, bool | float) else values


@pytest.mark.pipeline
def test_the_context_model_comes_first_whatever_the_others_are_called(verdicts):
    assert verdicts["models"] == ["context_model", "agront", "z", "b", "a"]


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_a_bed_has_one_name_in_the_pipeline_and_in_the_package(verdicts):
    expected = [[bed.name_of(name), names.fits(bed.name_of(name))] for name in BEDS]
    assert verdicts["beds"] == expected
    assert {fits for _name, fits in expected} == {True, False}


@pytest.mark.pipeline
@pytest.mark.bad_input
@pytest.mark.parametrize("number", [0, 1])
def test_which_files_of_a_sheet_exist(verdicts, folder, number):
    """The first of the paths that is a file; a remote one is not looked for; all faults are listed."""
    table, entries, errors = tables(folder)[number]
    result = verdicts["tables"][number]
    assert result == {"errors": errors, "warnings": list(table.warnings), "entries": entries}


@pytest.mark.pipeline
@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("given", "near"), [("modles", "--models?"), ("Device", "--device?"), ("zzzzzz", None)]
)
def test_nearest_name(verdicts, given, near):
    lines = [
        line
        for values, errors in zip(PARAMETERS, verdicts["parameters"], strict=True)
        if given in values
        for line in errors
    ]
    assert len(lines) == 1
    assert lines[0].startswith(f"--{given}: unknown parameter; expected one of --help_full")
    assert (near in lines[0]) if near else ("did you mean" not in lines[0])


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_a_value_that_leads_nowhere_stops_before_any_task(verdicts):
    for (given, text), result in zip(STOPS, verdicts["stops"], strict=True):
        assert text in result if text else result == "", given


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_what_a_run_reads(verdicts):
    assert verdicts["inputs"] == [errors for _, errors in INPUTS]


@pytest.mark.pipeline
def test_stores_are_joined_where_there_is_something_to_join(verdicts):
    """Bases within N have no answer: without a store there was an empty --stores."""
    assert verdicts["rows"] == [joined for _, _, joined in ROWS]


@pytest.mark.slow
@pytest.mark.pipeline
@pytest.mark.bad_input
def test_a_vcf_of_the_sheet_that_does_not_exist_is_named(tmp_path):
    """In a whole run: the text of an error that a function raises in an operator is lost."""
    launch = nextflow_run.make_inputs(tmp_path / "launch")
    (launch / "sheet.csv").write_text("sample,vcf\na,nowhere.vcf\n")
    run = nextflow_run.run(launch, "--input", "sheet.csv", "--fasta", "genome.fa")
    assert run.code == 1
    assert "InvocationTarget" not in run.text
    absent = launch / "nowhere.vcf"
    assert f"sheet.csv, row 2, column vcf: {absent} not found; expected a file" in run.text
