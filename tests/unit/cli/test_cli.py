"""The command line: every subcommand has help, every refusal is one line and the documented
code."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gfmtrust.cli import main as cli
from gfmtrust.cli import options as cli_options
from gfmtrust.cli.options.shared import truth
from gfmtrust.cli.steps import STEPS as FUNCTIONS
from gfmtrust.core import errors
from gfmtrust.core.law_names import LAW_TEXTS

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
STEPS = [
    "check_inputs",
    "fit_context_model",
    "export_model",
    "copy_index",
    "plan_sites",
    "estimate_run",
    "read_labels",
    "score_sites",
    "calibrate",
    "annotate_sites",
    "annotate_vcf",
    "annotate_regions",
    "report",
    "audit",
    "verify",
    "oracle",
    "selfcheck",
    "models",
    "benchmark",
    "benchmark_labels",
]


def run(capsys, *arguments):
    code = cli.main(list(arguments))
    return code, *capsys.readouterr()


@pytest.mark.parametrize("step", STEPS)
def test_each_step_explains_itself_and_has_its_function(capsys, step):
    code, out, _ = run(capsys, step, "--help")
    assert code == 0
    assert "exit codes" in out
    assert callable(FUNCTIONS[step])
    undocumented = re.findall(r"^  --?\w+[^\n]*\n(?=  -)", out, flags=re.M)
    assert all(len(line.split()) > 1 for line in undocumented)


def test_every_step_has_a_function_and_options():
    assert set(FUNCTIONS) == set(cli_options.STEPS)
    for step, function in FUNCTIONS.items():
        assert function.__name__ == step


def test_help_lists_every_step(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert [step for step in STEPS if step not in out] == []


def test_help_of_oracle_names_every_law(capsys):
    """A name counts as a whole word, since `easy` also stands in an example elsewhere."""
    _, out, _ = run(capsys, "oracle", "--help")
    listed = " ".join(out.split()).partition("distribution of the genome: ")[2].partition(";")[0]
    assert listed.split(", ") == list(LAW_TEXTS)


def test_help_is_instant_because_nothing_heavy_is_imported():
    heavy = (
        "import sys, gfmtrust.cli.main as c; c.main(['--help'])\n"
        "print([m for m in ('numpy', 'torch', 'onnxruntime', 'pandas', 'pysam') if m in sys.modules])"
    )
    started = time.monotonic()
    out = subprocess.run(
        [sys.executable, "-c", heavy], capture_output=True, text=True, check=True, env=ENVIRONMENT
    ).stdout
    assert out.endswith("[]\n"), out[-200:]
    assert (
        time.monotonic() - started < 20
    )  # loaded machines are slow; what counts is the list above


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["compar"],
            "gfmtrust: step compar: unknown; expected one of gfmtrust --help; did you mean compare?",
        ),
        (["zzz"], "gfmtrust: step zzz: unknown; expected one of gfmtrust --help"),
        (
            ["verify"],
            "gfmtrust: verify: the following arguments are required: input; expected the options of gfmtrust verify --help",
        ),
        (
            [],
            "gfmtrust: command line: the following arguments are required: step; expected the options of gfmtrust --help",
        ),
    ],
)
def test_a_wrong_command_line_is_told_with_the_way_out(capsys, arguments, line):
    assert run(capsys, *arguments)[2] == f"{line}\n"


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no_such_step"],
        ["score_sites"],
        ["calibrate", "--delta", "2"],
        ["plan_sites", "--shard_size", "0"],
        ["plan_sites", "--probes", "many"],
        ["score_sites", "--device", "tpu"],
        ["score_sites", "--neighbours", "maybe"],
        ["fit_context_model", "--fasta", "x", "--out_dir", "y", "--typo", "1"],
        ["models", "list", "nosuchmodel"],
        ["models", "pin", "gpn-brassicales", "hyenadna-tiny-1k"],
    ],
)
def test_a_wrong_command_line_is_64_and_one_line(capsys, arguments):
    code, _, err = run(capsys, *arguments)
    assert code == 64
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["plan_sites", "--seed", "-1"], "argument --seed: '-1' is not an integer from 0 to"),
        (["calibrate", "--seed", "2147483648"], "is not an integer from 0 to 2,147,483,647"),
        (["oracle", "--seed", "1.5"], "argument --seed: '1.5' is not an integer from 0 to"),
        (["plan_sites", "--probes", "0"], "'0' is neither auto nor a positive integer"),
        (["plan_sites", "--shard_size", "²"], "'²' is not a positive integer"),
        (["calibrate", "--llr_cut", "nan"], "argument --llr_cut: nan is negative or not finite"),
    ],
)
def test_a_number_out_of_range_is_named_before_the_step_begins(capsys, arguments, fault):
    """No generator takes a negative seed, and no probe cannot be drawn: both ended with 70."""
    code, _, err = run(capsys, *arguments)
    assert (code, err.count("\n")) == (64, 1)
    assert fault in err


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "kind",
    [
        k
        for k in vars(errors).values()
        if isinstance(k, type) and issubclass(k, errors.GfmtrustError)
    ],
)
def test_every_error_ends_with_its_code_and_without_a_traceback(capsys, monkeypatch, kind):
    def fail(_options):
        raise kind("place: found; expected other")

    monkeypatch.setitem(FUNCTIONS, "models", fail)
    code, _, err = run(capsys, "models")
    assert code == kind.exit_code
    assert err == "gfmtrust: place: found; expected other\n"
    assert "Traceback" in run(capsys, "--debug", "models")[2]


@pytest.mark.bad_input
def test_an_unforeseen_error_is_70_and_shows_where(capsys, monkeypatch):
    monkeypatch.setitem(FUNCTIONS, "models", lambda _options: 1 / 0)
    code, _, err = run(capsys, "models")
    assert code == 70
    assert "ZeroDivisionError" in err
    assert "bug in gfmtrust" in err


@pytest.mark.bad_input
def test_a_full_disk_is_74(capsys, monkeypatch):
    def fail(_options):
        raise OSError(28, "No space left on device", "x.parquet")

    monkeypatch.setitem(FUNCTIONS, "models", fail)
    code, _, err = run(capsys, "models")
    assert code == 74
    assert err.startswith("gfmtrust: x.parquet: no space left")


@pytest.mark.bad_input
def test_sigterm_is_143(tmp_path):
    script = (
        "import time, gfmtrust.cli.main as c\nc.STEPS['models'] = lambda o: (print('up', flush=True), time.sleep(60))\n"
        "raise SystemExit(c.main(['models']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        up = process.stdout.readline()
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert up == "up\n"
    assert process.returncode == 143
    assert err.count("\n") == 1


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_truth(text, value):
    assert truth(text) is value


def test_the_help_of_export_teaches(capsys):
    """The three forms of a model, the gate, the precisions, what an untrained one means, and a line
    to type."""
    assert cli.main(["export_model", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "folder of weights or a bundle",
        "org/name@ and the 40 hex digits of a commit",
        "a registered name (gfmtrust models)",
        "must be below 1.376 nats per base",
        "fp16 is compared with fp32 at export",
        "gate: failed in the bundle",
        "gfmtrust export_model --model weights/gpn --fasta GRCh38.fa --out_dir models",
    ):
        assert words in said


@pytest.mark.bad_input
@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_a_precision_that_was_removed_is_refused_before_anything_is_read(capsys, precision):
    assert (
        cli.main(
            [
                "export_model",
                "--model",
                "absent",
                "--fasta",
                "absent.fa",
                "--out_dir",
                "out",
                "--precision",
                precision,
            ]
        )
        == 64
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        f"argument --precision: invalid choice: '{precision}' (choose from 'fp32', 'fp16')" in line
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("torch", 78, "package torch: not installed; expected the extra `export`"),
        ("onnxruntime.capi", 78, "pip install 'gfmtrust[cpu]'"),
        ("gfmtrust.nowhere", 70, "this is a bug in gfmtrust"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(capsys, monkeypatch, name, code, words):
    def fail(_options):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setitem(FUNCTIONS, "models", fail)
    result, _, err = run(capsys, "models")
    assert result == code
    assert words in err
