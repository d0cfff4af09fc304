"""The minGRU family: states against a slow loop, what each direction reads, the training command,
and the longest window."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import checkpoints
import numpy as np
import pytest
from paths import ROOT

from gfmtrust import models
from gfmtrust.core.errors import ConfigurationError
from gfmtrust.export import export
from gfmtrust.export.options import ExportOptions

pytestmark = pytest.mark.torch
TOOL = ROOT / "training" / "train_recurrent.py"
LENGTHS = (1, 2, 31, 32, 33, 64, 65, 300, 2048, 6144)
MOTIF = "ACGTTAGCCATG"


def step_by_step(keep, taken) -> np.ndarray:
    """The recurrence as it is written, in float64."""
    state = np.zeros((keep.shape[0], keep.shape[2]))
    built = []
    for at in range(keep.shape[1]):
        state = keep[:, at].astype(np.float64) * state + taken[:, at]
        built.append(state)
    return np.stack(built, 1)


def gates(length: int, openness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """keep and taken of a minGRU whose gates sit round sigmoid(openness): (2, length, 16),
    float32."""
    rng = np.random.default_rng([seed, length])
    opened = 1 / (1 + np.exp(-(openness + rng.normal(size=(2, length, 16)))))
    return (1 - opened).astype(np.float32), (opened * rng.normal(size=opened.shape)).astype(
        np.float32
    )


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("openness", [0.0, -6.0, 6.0])
def test_doubling_gives_the_states_of_the_loop(length, openness):
    """Half open, almost shut (a memory of some 250 letters), almost open (products underflow at
    once)."""
    import torch

    from gfmtrust.models.families import recurrent

    keep, taken = gates(length, openness)
    result = recurrent.states(torch.from_numpy(keep), torch.from_numpy(taken)).numpy()
    assert result.shape == taken.shape
    np.testing.assert_allclose(result, step_by_step(keep, taken), atol=5e-6)


def test_a_state_reaches_over_all_chunks():
    """Nothing is forgotten: the first letter's 1 is there at the last of 131,072, and a shut gate
    ends it."""
    import torch

    from gfmtrust.models.families import recurrent

    keep, taken = torch.ones(1, recurrent.LONGEST_BP, 2), torch.zeros(1, recurrent.LONGEST_BP, 2)
    taken[0, 0] = 1
    keep[0, 90_000, 1] = 0
    result = recurrent.states(keep, taken)[0]
    assert (result[:, 0] == 1).all()
    assert (result[:90_000, 1] == 1).all()
    assert (result[90_000:, 1] == 0).all()


def test_rows_alone_are_rows_of_the_whole():
    """`hidden_at` reckons the last block at the scored letters alone; `forward` reckons it
    everywhere."""
    import torch

    network = checkpoints.network("recurrent")
    ids = torch.randint(1, 6, (3, 150), generator=torch.Generator().manual_seed(0))
    pos = torch.tensor([[0, 70], [149, 3], [64, 63]])
    alone = network.head(network.hidden_at(ids, pos))
    whole = network(ids).gather(1, pos.unsqueeze(-1).expand(-1, -1, 6))
    torch.testing.assert_close(alone, whole, atol=2e-6, rtol=0)


def test_every_letter_is_read_from_both_sides():
    """Five letters off, beyond the convolution of one block: only a state of that direction carries
    them."""
    import torch

    network = checkpoints.network("recurrent")
    ids = torch.randint(1, 5, (1, 200), generator=torch.Generator().manual_seed(1))
    before = network(ids)[0, 100]
    for place in (95, 105):
        changed = ids.clone()
        changed[0, place] = changed[0, place] % 4 + 1
        assert (network(changed)[0, 100] - before).abs().max() > 1e-4


def test_a_graph_without_loops_serves_both_devices(exported):
    """An operator that CUDA has no kernel for, or runs one at a time, is not in it."""
    built = exported("recurrent")
    used = {operator.rpartition(":")[2] for operator in built.meta["graphs"]["cpu"]["operators"]}
    assert "Conv" in used
    assert used & {"Scan", "Loop", "If", "DFT", "CumSum"} == set()
    assert built.graph_for("cuda") == built.graph_for("cpu")


def trained(out: Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, TOOL, "--out", out, "--threads", "1", *options],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / "python"), "OMP_NUM_THREADS": "1", "PATH": ""},
    )


@pytest.mark.slow
def test_a_trained_checkpoint_passes_the_gate(tmp_path):
    """From a FASTA to a bundle that knows the FASTA: a genome that repeats one motif leaves hardly
    a question."""
    fasta = tmp_path / "genome.fa"
    fasta.write_text(">chr1\n" + MOTIF * 200 + "\n>chr2\n" + "N" * 300 + MOTIF * 40 + "\n")
    done = trained(
        tmp_path / "weights" / "motif",
        "--fasta",
        str(fasta),
        "--window_bp",
        "64",
        "--width",
        "16",
        "--layers",
        "1",
        "--steps",
        "60",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in (tmp_path / "weights" / "motif").iterdir()} == {
        "config.json",
        "gfmtrust.json",
        "vocab.txt",
        "model.safetensors",
    }
    built = export.export_model(
        tmp_path / "weights" / "motif", fasta, tmp_path / "models", ExportOptions(n_windows=40)
    )
    assert (built.gate, built.model_id, built.window_bp, built.family) == (
        "passed",
        "motif",
        64,
        "recurrent",
    )
    assert built.meta["proof"]["nll_nats"] < 1.2
    assert (
        json.loads((tmp_path / "weights" / "motif" / "config.json").read_text())["trained_bp"] == 64
    )


@pytest.mark.slow
def test_the_longest_window(tmp_path):
    """131,072 letters of a reduced network: at most 4 GiB and 5 minutes."""
    from gfmtrust.export import conformance
    from gfmtrust.export.resource_use import footprint
    from gfmtrust.models import examples
    from gfmtrust.models.families import recurrent

    width = recurrent.LONGEST_BP
    fasta = tmp_path / "genome.fa"
    fasta.write_text(
        ">r\n"
        + "".join("ACGT"[code] for code in np.random.default_rng(0).integers(0, 4, width + 500))
        + "\n"
    )
    example = replace(
        checkpoints.EXAMPLES["recurrent"],
        config=checkpoints.CONFIGS["recurrent"] | {"trained_bp": width},
        window_bp=width,
    )
    weights = examples.write(tmp_path / "weights" / "long", example)
    built = export.export_model(
        weights, fasta, tmp_path / "models", ExportOptions(allow_untrained=True, n_windows=2)
    )
    cost = footprint(built, 2)
    assert cost["megabytes"] <= conformance.MEMORY_LIMIT_MB
    assert cost["seconds"] <= 300


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kernel_size": 4}, "kernel_size is 4; expected an odd number"),
        ({"trained_bp": 200_000}, "trained_bp is 200000; expected 64 to 131072"),
        ({"bidirectional": False}, "unknown key 'bidirectional'"),
        ({"state_size": "32"}, "state_size is '32'"),
        ({"mask_token_id": None}, "mask_token_id is None"),
    ],
)
def test_configs_of_another_network(change, words):
    with pytest.raises(ConfigurationError, match=words):
        models.family("recurrent").read_config(checkpoints.CONFIGS["recurrent"] | change)


@pytest.mark.bad_input
@pytest.mark.parametrize("width", [63, 131_073])
def test_windows_the_states_do_not_reach_over(width):
    family = models.family("recurrent")
    with pytest.raises(ConfigurationError, match=f"window_bp: {width}; expected 64 to 131072"):
        family.window(family.read_config(checkpoints.CONFIGS["recurrent"]), width)


@pytest.mark.bad_input
def test_a_genome_without_a_window_trains_nothing(tmp_path):
    (tmp_path / "n.fa").write_text(">chr1\nACGT\n>chr2\n" + "N" * 200 + "\n")
    done = trained(tmp_path / "out", "--fasta", str(tmp_path / "n.fa"))
    assert done.returncode == 65
    assert (
        done.stderr
        == "train_recurrent: genome: no window of 128 bases with few N; expected at least one; give --window_bp\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.bad_input
def test_a_checkpoint_is_not_written_over(tmp_path):
    (tmp_path / "out").mkdir()
    done = trained(tmp_path / "out")
    assert (done.returncode, list((tmp_path / "out").iterdir())) == (73, [])
