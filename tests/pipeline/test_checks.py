"""The pipeline's checks, written in Groovy, against `jsonschema` on the same schemas, and against
literal messages."""

import csv
import json
import subprocess

import jsonschema
import nextflow_run
import pytest
from check_cases import CELLS, PARAMETERS, ROWS, SHEETS

ROOT = nextflow_run.ROOT


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What the pipeline's functions say of every case; one start of Nextflow for all."""
    folder = tmp_path_factory.mktemp("cases")
    for name in ("a.vcf", "b.vcf", "a.tbi", "b.csi"):
        (folder / name).write_text("##fileformat=VCFv4.2\n")
    for name, (text, _errors, _ids) in SHEETS.items():
        (folder / name).write_bytes(text.encode())
    for number, row in enumerate(ROWS):
        with open(folder / f"row{number}.csv", "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([row.keys(), row.values()])
    sheets = [*SHEETS, *(f"row{number}.csv" for number in range(len(ROWS)))]
    (folder / "cases.json").write_text(
        json.dumps(
            {
                "parameters": PARAMETERS,
                "cells": CELLS,
                "sheets": [str(folder / name) for name in sheets],
            }
        )
    )
    (folder / "elsewhere").mkdir()
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
        cwd=folder / "elsewhere",
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
    items = [not errors for errors in verdicts["parameters"]]
    wrong = [
        (values, errors)
        for values, errors, one, other in zip(
            PARAMETERS, verdicts["parameters"], items, expected, strict=True
        )
        if one != other
    ]
    assert not wrong
    assert len(PARAMETERS) >= 60
    assert 15 < sum(items) < len(items) - 15


def spelled(values):
    """`probes` is text or a whole number: anything else is spelled out before it is checked."""
    probes = values.get("probes")
    return values | {"probes": str(probes).lower()} if isinstance(probes, bool | float) else values


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_cells_are_judged_as_jsonschema_judges_them(verdicts):
    columns = json.loads((ROOT / "assets" / "schema_input.json").read_text())["items"]["properties"]
    wrong = [
        (cell, errors)
        for cell, errors in zip(CELLS, verdicts["cells"], strict=True)
        if bool(errors)
        == jsonschema.Draft202012Validator(columns[cell["column"]]).is_valid(cell["value"])
    ]
    assert not wrong


@pytest.mark.pipeline
@pytest.mark.bad_input
@pytest.mark.parametrize("name", SHEETS)
def test_samplesheets(verdicts, name):
    _text, errors, ids = SHEETS[name]
    sheet = verdicts["sheets"][list(SHEETS).index(name)]
    assert sheet["errors"] == errors
    assert [meta["id"] for meta, _vcf in sheet["entries"]] == ids


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_rows_are_judged_as_jsonschema_judges_them(verdicts):
    """And each message names the row, the column, the value and what is allowed."""
    schema = jsonschema.Draft202012Validator(
        json.loads((ROOT / "assets" / "schema_input.json").read_text())
    )
    optional = {"vcf_index", "patient", "status"}
    result = verdicts["sheets"][len(SHEETS) :]
    expected = [
        schema.is_valid(
            [{name: cell for name, cell in row.items() if cell or name not in optional}]
        )
        for row in ROWS
    ]
    wrong = [
        (row, sheet["errors"])
        for row, sheet, one in zip(ROWS, result, expected, strict=True)
        if bool(sheet["errors"]) == one
    ]
    assert not wrong
    assert len(ROWS) >= 60
    assert 15 < sum(expected) < len(ROWS) - 15
    for number, (row, sheet) in enumerate(zip(ROWS, result, strict=True)):
        for line in sheet["errors"]:
            shown = {name: cell.replace("\t", "\\x09") for name, cell in row.items()}
            named = [
                name
                for name, cell in shown.items()
                if line.startswith(f"row{number}.csv row 2, column {name}: '{cell}'; expected ")
            ]
            assert named or line.startswith(
                (
                    f"row{number}.csv row 2: no column ",
                    f"row{number}.csv row 2, column sample: empty cell",
                )
            )


@pytest.mark.pipeline
def test_what_a_row_carries(verdicts):
    sheet = verdicts["sheets"][list(SHEETS).index("sarek.csv")]
    meta, vcf = sheet["entries"][0]
    assert meta == {"id": "A.mutect2", "sample": "A", "variantcaller": "mutect2", "patient": "P"}
    assert vcf.endswith("/b.vcf")


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_unknown_columns_are_a_warning(verdicts):
    sheet = verdicts["sheets"][list(SHEETS).index("plain.csv")]
    assert sheet["warnings"] == []
    sheet = verdicts["sheets"][list(SHEETS).index("no_vcf.csv")]
    assert sheet["entries"] == []


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


INSTITUTION = """
params {
    config_profile_description = 'The cluster of an example university'
    max_memory    = 128.GB
    max_cpus      = 16
    max_time      = 240.h
    igenomes_base = '/data/igenomes'
}
"""


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_parameters_of_an_institution_are_accepted_with_one_warning(tmp_path):
    """As the configurations of nf-core/configs are written; a name that no such configuration has still stops."""
    launch = nextflow_run.make_inputs(tmp_path / "launch")
    (launch / "institution.config").write_text(INSTITUTION)
    options = ("--input", "sheet.csv", "--fasta", "genome.fa", "-stub", "-c", "institution.config")
    run = nextflow_run.run(launch, *options)
    assert run.code == 0, run.text
    warnings = [line for line in run.text.splitlines() if "ignores it" in line]
    assert len(warnings) == 1
    names = ("igenomes_base", "max_cpus", "max_memory", "max_time")
    assert all(f"params.{name}" in warnings[0] for name in names)
    typed = nextflow_run.run(launch, *options, "--max_memory", "6.GB", suffix="typed")
    assert typed.code == 1
    assert "--max_memory: unknown parameter" in typed.text
    (launch / "institution.config").write_text("params.max_memroy = 1\n")
    mistyped = nextflow_run.run(launch, *options, suffix="mistyped")
    assert mistyped.code == 1
    assert "--max_memroy: unknown parameter" in mistyped.text
