"""Planted defects of exports, each refused or found by a named check, and models that cannot be
scored: one line, a code, nothing left.

Those planted elsewhere are listed in ELSEWHERE, which a test holds to the files; what is here needs
an export, or a subject of the conformance suite.
"""

import ast
import json
from dataclasses import replace
from types import SimpleNamespace

import checkpoints
import numpy as np
import pytest
import toy_models
from paths import ROOT
from toy_family_text import TOY

from gfmtrust import models
from gfmtrust.bundle import session, tokenizers
from gfmtrust.bundle.session import Session
from gfmtrust.cli import main as cli
from gfmtrust.core.errors import BadDataError
from gfmtrust.export import conformance, export
from gfmtrust.export.options import ExportOptions

pytestmark = pytest.mark.torch

ELSEWHERE = {
    "a wrapper left in train mode": ("test_a_module_in_train_mode_is_refused",),
    "a length known at tracing alone": ("test_a_frozen_length_is_refused",),
    "token ids off by two": (
        "test_ids_off_by_two_are_refused",
        "test_swapped_letter_ids_fail_the_gate",
    ),
    "random weights in place of trained": (
        "test_shuffled_weights_fail_the_gate",
        "test_nothing_is_left_of_a_model_that_fails_the_gate",
    ),
    "the same answer everywhere": (
        "test_one_answer_for_all_windows_fails_even_where_it_fits_the_composition",
    ),
    "memory for not one window": ("test_out_of_memory_for_one_window_is_transient",),
}
"""Faults that are planted by tests of other modules, with the names of those tests."""


def bad_input_tests() -> set[str]:
    """Names of all test functions that are marked bad_input, read from the sources."""
    names = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                marks = [ast.unparse(decorator) for decorator in node.decorator_list]
                if any("mark.bad_input" in mark for mark in marks):
                    names.add(node.name)
    return names


def test_what_is_planted_elsewhere_is_a_refusal():
    assert {name for names in ELSEWHERE.values() for name in names} <= bad_input_tests()


BAKED = TOY.replace(
    "        return self.left(shifted[0])",
    "        known = torch.arange(32 if torch.compiler.is_exporting() else ids.shape[1])\n"
    "        return self.left(ids.index_select(1, known)).mean(1, keepdim=True) + self.left(shifted[0])",
)


@pytest.mark.bad_input
def test_a_baked_length_is_refused(tmp_path, monkeypatch):
    """A graph that kept the length it was traced at, 32: exact there, wrong at any other; no bundle
    is left."""
    from gfmtrust.models import examples

    (tmp_path / "baked_family.py").write_text(BAKED)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(models.FAMILIES, "toy", "baked_family")
    weights = examples.write(tmp_path / "weights" / "toy", models.family("toy").examples["toy"])
    fasta = conformance.write_genome(tmp_path / "random.fa")
    with pytest.raises(BadDataError, match=r"logp differs by .* from torch at input_ids \[3, 39\]"):
        export.export_model(
            str(weights),
            fasta,
            tmp_path / "bundles",
            ExportOptions(allow_untrained=True, n_windows=20),
        )
    assert not (tmp_path / "bundles").exists()


def symmetric_table(complement: list[int]) -> np.ndarray:
    """A toy model's table that answers both strands alike where `complement` is the order of the
    other strand's bases."""
    logits = np.log(np.exp(toy_models.table()))
    ids = [toy_models.ID_OF_CODE[code] for code in complement]
    other = np.arange(toy_models.N_IDS)
    other[toy_models.ID_OF_CODE[:4]] = ids
    turned = logits[np.ix_(other, other)].transpose(1, 0, 2)[..., complement]
    mean = (logits + turned) / 2
    return (mean - np.log(np.exp(mean).sum(-1, keepdims=True))).astype(np.float32)


def toy_subject(tmp_path, rows: np.ndarray, **changes) -> conformance.Subject:
    bundle = toy_models.write_toy(tmp_path / "toy", rows=rows, **changes)
    return conformance.Subject(
        "toy", models.family("gpn"), checkpoints.EXAMPLES["gpn"], bundle.directory, bundle
    )


def passes(case: conformance.Subject, check: str) -> bool:
    return all(
        conformance.Outcome("toy", check, *result).passed
        for result in conformance.CHECKS[check](case)
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("order", "is_sound"),
    [([3, 2, 1, 0], True), ([1, 0, 3, 2], False), ([2, 3, 0, 1], False), ([0, 1, 2, 3], False)],
)
def test_a_wrong_order_of_the_other_strands_columns(tmp_path, order, is_sound):
    """A network that calls itself symmetric and turns A,C,G,T into something else than T,G,C,A
    fails `strands`."""
    case = toy_subject(tmp_path, symmetric_table(order), scoring__rc_equivariant=True)
    assert passes(case, "strands") == is_sound


def subject(product) -> conformance.Subject:
    name = product.model_id
    return conformance.Subject(
        name,
        models.family(product.family),
        checkpoints.EXAMPLES[name],
        product.directory.parent / "weights" / name,
        product,
    )


@pytest.mark.bad_input
@pytest.mark.parametrize("shift", [-1, 1])
def test_a_causal_shift_off_by_one(exported, monkeypatch, shift):
    """Answers read a token late see the letter they are asked for, a token early miss the last:
    golden windows refuse the bundle, and where those were made with the same fault, `reach` finds
    it."""
    case = subject(exported("marindna"))
    assert passes(case, "reach")
    right = tokenizers.feeds

    def shifted(tokenizer, codes, index):
        product = right(tokenizer, codes, index)
        return product | {
            "pos": np.clip(product["pos"] + shift, 0, product["input_ids"].shape[1] - 1)
        }

    monkeypatch.setattr(tokenizers, "feeds", shifted)
    with pytest.raises(BadDataError, match="golden window 0: logp differs"):
        Session.open(case.bundle, "cpu")
    faulty = replace(case)
    faulty.__dict__["session"] = session.start(
        case.bundle.meta, case.bundle.graph_for("cpu"), "cpu"
    )  # no golden window is run
    assert not passes(faulty, "reach")


@pytest.mark.bad_input
def test_token_ids_off_by_two(tmp_path, monkeypatch):
    """A tokenizer whose table begins two ids early: golden windows refuse it, `round trip` reads
    other letters back."""
    case = toy_subject(tmp_path, toy_models.table())
    case.__dict__["loaded"] = SimpleNamespace(text=case.bundle.text)
    assert passes(case, "round trip")
    right = tokenizers.build
    monkeypatch.setattr(
        tokenizers, "build", lambda text: replace(right(text), ids=right(text).ids - 2)
    )
    assert not passes(case, "round trip")
    with pytest.raises(BadDataError, match="golden window 0: logp differs"):
        Session.open(case.bundle, "cpu")


def exported_by_command(capsys, weights, fasta, out, *options) -> tuple[int, str]:
    """Exit code and the last line on stderr of `gfmtrust export_model`."""
    code = cli.main(
        [
            "export_model",
            "--model",
            str(weights),
            "--fasta",
            str(fasta),
            "--out_dir",
            str(out),
            *options,
        ]
    )
    assert not out.exists() or not list(out.iterdir())
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return code, err.splitlines()[-1]


@pytest.mark.bad_input
def test_a_model_that_returns_nan(capsys, tmp_path, small_fasta):
    """Weights that are numbers and overflow: refused before anything is exported, whatever the gate
    is told."""
    from safetensors.torch import load_file, save_file

    weights = checkpoints.write(tmp_path / "weights" / "gpn", "gpn")
    tensors = load_file(weights / "model.safetensors")
    tensors["cls.decoder.weight"].fill_(3e38)
    tensors["cls.decoder.weight"][4:] *= -1
    save_file(tensors, weights / "model.safetensors")
    assert exported_by_command(
        capsys, weights, small_fasta, tmp_path / "out", "--allow_untrained"
    ) == (
        65,
        "gfmtrust: network: logp is not finite at input_ids [2, 64]; expected a number for every base; are the weights damaged, or too "
        "large for fp32?",
    )


@pytest.mark.bad_input
def test_a_model_that_returns_a_constant(capsys, tmp_path):
    """Four fixed numbers, those of a genome rich in A and T, lie below the gate's threshold; they
    are refused all the same."""
    from safetensors.torch import load_file, save_file

    weights = checkpoints.write(tmp_path / "weights" / "convnet", "convnet")
    tensors = load_file(weights / "model.safetensors")
    tensors["cls.decoder.3.weight"].zero_()
    share = np.array([0.45, 0.05, 0.05, 0.45])
    tensors["cls.decoder.3.bias"][3:] = tensors["cls.decoder.3.bias"].new_tensor(np.log(share))
    save_file(tensors, weights / "model.safetensors")
    codes = np.random.default_rng(0).choice(4, 3000, p=share)
    (tmp_path / "at.fa").write_text(">at\n" + "".join("ACGT"[code] for code in codes) + "\n")
    code, line = exported_by_command(
        capsys, weights, tmp_path / "at.fa", tmp_path / "out", "--windows", "20"
    )
    assert code == 65
    assert line.startswith(
        "gfmtrust: NLL gate: the same answer for every window; expected one that depends on the window"
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("kind", "window_bp", "code", "words"),
    [
        ("gpn", 63, 78, "window_bp: 63; expected at least 64"),
        ("nt_v1", 145, 78, "window_bp: 145; expected a multiple of 6"),
        ("recurrent", 131_073, 78, "window_bp: 131073; expected 64 to 131072"),
        (
            "gpn",
            10**13,
            75,
            "model gpn: out of memory; expected room for its weights and one window; run it on a larger machine",
        ),
    ],
)
def test_a_window_the_model_or_the_machine_cannot_take(
    capsys, tmp_path, small_fasta, kind, window_bp, code, words
):
    """10^13 letters are beyond any memory: the first of them asked for ends the export."""
    weights = checkpoints.write(tmp_path / "weights" / kind, kind)
    card = json.loads((weights / "gfmtrust.json").read_text())
    (weights / "gfmtrust.json").write_text(json.dumps(card | {"window_bp": window_bp}))
    result, line = exported_by_command(
        capsys, weights, small_fasta, tmp_path / "out", "--allow_untrained"
    )
    assert (result, words in line) == (code, True), line
