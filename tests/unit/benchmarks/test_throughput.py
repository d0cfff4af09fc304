"""The throughput command: its figures from known seconds, one short contest, and what it
refuses."""

import json

import numpy as np
import pytest

from gfmtrust import models

pytestmark = pytest.mark.torch
SMALL = ["--lengths", "64", "--runs", "1", "--threads", "1"]


@pytest.fixture(scope="module")
def tool():
    import throughput

    return throughput


def row(tool, **changed):
    values = {
        "kind": "conv",
        "family": "gpn",
        "precision": "fp32",
        "tokens": 512,
        "batch": 4,
        "n_parameters": 5_000_000,
        "rival": tool.cases.FOLDED,
        "bar": 1.5,
        "difference": 1e-6,
        "operators": {},
        "seconds": {
            "graph": [1.0, 9.0, 2.0],
            tool.cases.FOLDED: [3.0, 3.5, 3.0],
            tool.cases.WHOLE: [4.0, 4.0, 40.0],
        },
    }
    return tool.figures.Row(**values | changed)


def test_figures_are_of_medians(tool):
    result = row(tool)
    assert (
        result.rate("graph"),
        result.ratio(tool.cases.FOLDED),
        result.ratio(tool.cases.WHOLE),
    ) == (
        1024.0,
        1.5,
        2.0,
    )
    assert not result.missed
    assert np.isnan(result.rate(tool.cases.LIBRARY))


def test_the_table_says_what_was_measured(tool):
    lines = tool.figures.table(
        [
            row(tool),
            row(tool, bar=1.6, operators={"Conv": 0.75, "MatMul": 0.2}),
            row(
                tool,
                precision="fp16",
                bar=None,
                seconds={tool.cases.FOLDED: [2.0], tool.cases.WHOLE: [2.0]},
                difference=float("nan"),
            ),
        ]
    ).splitlines()
    assert lines[2] == (
        "| conv | `gpn` | fp32 | 4 x 512 | 5.0 | 1,024 | 1.50 | 2.00 |  | 1.5 x torch, folded | 0.0102 | 1e-06 |"
    )
    assert lines[3].split(" | ")[9] == "1.6 x torch, folded, missed"
    assert lines[4] == "| conv | `gpn` | fp16 | 4 x 512 | 5.0 |  |  |  |  |  | 0.0102 |  |"
    assert lines[-1] == "conv, fp32, 512 tokens: Conv 75 %, MatMul 20 % of the graph's time."


def test_the_classes_are_those_of_the_bars(tool):
    """Line 3 of issue 6: 1.5 for BERT, convolution and Llama at 512, 0.9 for Hyena and 1 for Mamba
    at both lengths."""
    assert {case.kind: case.bars for case in tool.cases.CASES if case.bars} == {
        "BERT": {512: 1.5},
        "conv": {512: 1.5},
        "Llama": {512: 1.5},
        "Hyena": {512: 0.9, 6144: 0.9},
        "Mamba-1": {512: 1.0, 6144: 1.0},
        "Mamba-2": {512: 1.0, 6144: 1.0},
    }
    for case in tool.cases.CASES:
        family = tool.cases.member(case)
        if family:
            example = next(iter(family.examples.values()))
            assert set(case.keys) | set(case.by_length) <= set(example.config) | {
                "num_key_value_heads",
                "head_dim",
            }, case.kind


@pytest.mark.slow
def test_a_short_contest(tool, tmp_path, capsys):
    """All contestants answer alike, the figures are written, the operators timed."""
    with pytest.raises(SystemExit) as ended:
        tool.main(
            [
                "--only",
                "conv",
                "--set",
                "hidden_size=16",
                "num_hidden_layers=2",
                "intermediate_size=16",
                "--profile",
                "--out",
                str(tmp_path / "figures.json"),
                *SMALL,
            ]
        )
    assert ended.value.code == 0
    (content,) = json.loads((tmp_path / "figures.json").read_text())
    assert (
        content["kind"],
        content["family"],
        content["batch"],
        content["tokens"],
        content["bar"],
    ) == (
        "conv",
        "gpn",
        32,
        64,
        None,
    )
    assert set(content["seconds"]) == {"graph", tool.cases.FOLDED, tool.cases.WHOLE}
    assert content["difference"] < 2e-5
    assert 0 < sum(content["operators"].values()) <= 1
    assert "conv, fp32, 64 tokens: " in capsys.readouterr().out


@pytest.mark.bad_input
@pytest.mark.parametrize("seconds", [[0.5], [float("nan")]])
def test_a_missed_bar_is_said(tool, seconds):
    assert row(tool, seconds={"graph": [1.0], tool.cases.FOLDED: seconds}).missed


@pytest.mark.bad_input
def test_a_class_without_a_family_is_skipped(tool, monkeypatch, capsys):
    # A copy without the family: deleting the entry itself would restore it at the end of the
    # registry, whose order other tests compare.
    others = {name: module for name, module in models.FAMILIES.items() if name != "gpn"}
    monkeypatch.setattr(models, "FAMILIES", others)
    with pytest.raises(SystemExit) as ended:
        tool.main(["--only", "conv", *SMALL])
    assert ended.value.code == 66
    assert (
        capsys.readouterr().err
        == "throughput: conv: no family gpn in the registry; skipped\nthroughput: no class is left\n"
    )


@pytest.mark.bad_input
def test_cuda_without_a_device(tool, monkeypatch, capsys):
    monkeypatch.setattr(tool.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as ended:
        tool.main(["--device", "cuda", *SMALL])
    assert ended.value.code == 69
    assert "expected one; use --device cpu" in capsys.readouterr().err


@pytest.mark.bad_input
def test_a_key_without_a_value(tool, capsys):
    with pytest.raises(SystemExit) as ended:
        tool.main(["--set", "hidden_size"])
    assert ended.value.code == 2
    assert "'hidden_size'; expected key=value" in capsys.readouterr().err
