"""`gfmtrust models`: what is listed of families, checkpoints and bundles, and the record of the
conformance suite."""

import json
from math import inf, nan

import pytest
import toy_models
from registry_rows import HEAD, PINNED

from gfmtrust import models
from gfmtrust.cli import main as cli
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError
from gfmtrust.models import catalogue, outcomes
from gfmtrust.models.outcomes import Outcome

pytestmark = pytest.mark.torch
RECORDED = [
    Outcome("gpn", "parity", 1.23e-6, 2e-5),
    Outcome("gpn", "time, s", 14.0, inf),
    Outcome("convnet", "parity", 4e-6, 2e-5),
    Outcome("bytenet", "parity", 3e-6, 2e-5),
    Outcome("gpn", "reach", 0.5, 1e-6, True),
    Outcome("gpn", "reach", 0.0, 0.0),
]


@pytest.fixture
def table(tmp_path):
    pinned, unpinned = (
        PINNED.replace("512,who,,", "512,who,mouse,a page"),
        "n,nt_v1,lab/n" + "," * 9 + "5994,,,\n",
    )
    (tmp_path / "models.csv").write_text(HEAD + pinned + unpinned)
    return tmp_path / "models.csv"


@pytest.fixture
def recorded(tmp_path):
    outcomes.write(RECORDED, tmp_path / "conformance.json")
    return tmp_path / "conformance.json"


def test_what_is_known_of_checkpoints_and_what_is_not(table, recorded):
    product = catalogue.catalogue(table=table, recorded=recorded)
    assert product["checkpoints"] == [
        {
            "id": "m",
            "family": "gpn",
            "kind": "masked",
            "context_bp": "512",
            "weights": "30 bytes",
            "licence": "MIT",
            "organisms": "mouse",
            "pinned": "digests",
            "layout": "checked",
            "repository": "lab/m",
        },
        {
            "id": "n",
            "family": "nt_v1",
            "kind": "masked",
            "context_bp": "5994",
            "weights": "not read",
            "licence": "not read",
            "organisms": "not read",
            "pinned": "no",
            "layout": "not checked",
            "repository": "lab/n",
        },
    ]
    assert {row["family"] for row in product["families"]} == set(models.FAMILIES)
    assert (
        next(row for row in product["families"] if row["family"] == "generator")["kind"] == "causal"
    )


def test_one_family_alone(table, recorded):
    product = catalogue.catalogue("gpn", table=table, recorded=recorded)
    assert [row["id"] for row in product["checkpoints"]] == ["m"]
    assert product["families"] == [
        {
            "family": "gpn",
            "kind": "masked",
            "reads": "single bases",
            "model_type": "GPN, ConvNet",
            "layouts": "3",
            "conformance": "6 figures, all within their bars",
        }
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (Outcome("gpn", "memory, MB", 5000, 4096), "1 of 7 figures over their bar"),
        (Outcome("gpn", "memory, MB", nan, 4096), "1 of 7 figures over their bar"),
    ],
)
def test_figures_over_their_bar_are_counted(table, recorded, more, words):
    outcomes.write([*RECORDED, more], recorded)
    assert (
        catalogue.catalogue("gpn", table=table, recorded=recorded)["families"][0]["conformance"]
        == words
    )


def test_a_family_is_recorded_with_all_its_layouts_or_not(table, tmp_path, recorded):
    outcomes.write([one for one in RECORDED if one.example == "gpn"], recorded)
    for path in (recorded, tmp_path / "absent.json"):
        assert (
            catalogue.catalogue("gpn", table=table, recorded=path)["families"][0]["conformance"]
            == "not recorded"
        )


def test_bundles_say_what_they_were_certified_for(table, tmp_path):
    (tmp_path / "models").mkdir()
    toy_models.write_toy(tmp_path / "models" / "good")
    toy_models.write_toy(tmp_path / "models" / "bad")
    (tmp_path / "models" / "bad" / "model.onnx").write_bytes(b"")
    bad, good = catalogue.catalogue("gpn", tmp_path / "models", table)["bundles"]
    assert good == {
        "bundle": "toy",
        "family": "gpn",
        "gate": "passed",
        "precision": "fp32",
        "devices": "cpu, cuda",
        "parity": "not made",
        "context_bp": "16",
        "licence": "MIT",
    }
    assert bad["bundle"] == "bad"
    assert bad["gate"].startswith("refused: ")
    assert "sha256 is" in bad["gate"]


def test_the_command_prints_columns_or_json(capsys):
    assert cli.main(["models", "--family", "gpn"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["families", "", "checkpoints"]
    at = next(line for line in lines if "context_bp" in line).index("licence")
    assert all(line[at:].startswith(("licence", "not read", "mit")) for line in lines[5:])
    assert cli.main(["models", "list", "--family", "gpn", "--json"]) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)["checkpoints"]] == [
        "gpn-brassicales",
        "gpn-animal-promoter",
    ]


def test_outcomes_come_back(recorded):
    assert outcomes.read(recorded)[0] == Outcome("gpn", "parity", 1.2e-6, 2e-5)
    assert outcomes.read(recorded)[1:] == RECORDED[1:]


def test_the_table_has_a_row_an_example_and_bold_figures_over_the_bar():
    assert outcomes.table([*RECORDED, Outcome("convnet", "reach", 3e-9, 1e-6, True)]) == (
        "| example | parity | time, s | reach |\n|---|---|---|---|\n| `gpn` | 1.2e-06 | 14 | 0.5, 0 |\n"
        "| `convnet` | 4e-06 |  | **3e-09** |\n| `bytenet` | 3e-06 |  |  |\n"
    )


def test_what_is_recorded_is_of_examples_that_exist():
    from gfmtrust.models import examples

    assert {one.example for one in outcomes.read()} <= set(examples.all_of())
    assert not [one for one in outcomes.read() if not one.passed]


@pytest.mark.bad_input
def test_an_unknown_family(table):
    with pytest.raises(ConfigurationError, match="family bert9: unknown"):
        catalogue.catalogue("bert9", table=table)


@pytest.mark.bad_input
def test_a_folder_without_bundles(table, tmp_path):
    with pytest.raises(MissingInputError, match=r"no bundles; expected folders with bundle\.json"):
        catalogue.catalogue(bundles=tmp_path / "absent", table=table)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '[{"example": "x"}]',
        "[1]",
        '[{"example": "x", "check": "y", "value": "z", "allowed": 1}]',
    ],
)
def test_a_record_that_is_none(tmp_path, content):
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(BadDataError, match="no outcomes"):
        outcomes.read(tmp_path / "c.json")


@pytest.mark.bad_input
def test_a_failed_figure_ends_the_command_after_the_table(monkeypatch, tmp_path, capsys):
    from gfmtrust.export import conformance

    monkeypatch.setattr(
        conformance,
        "outcomes",
        lambda chosen, folder: iter([Outcome(name, "parity", 1.0, 2e-5) for name in chosen]),
    )
    assert cli.main(["models", "conformance", "gpn", "--out", str(tmp_path / "c.json")]) == 65
    said = capsys.readouterr()
    assert "| `convnet` | **1** |" in said.out
    assert "gpn, parity: 1; expected at most 2e-05" in said.err
    assert len(outcomes.read(tmp_path / "c.json")) == 3
