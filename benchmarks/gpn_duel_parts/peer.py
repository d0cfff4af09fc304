"""The peer: its environment, the weights that it reads, and its timed command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from gfmtrust.models.families import gpn
from gpn_duel_parts.messages import note, stop

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".gfmtrust"
PEER = ROOT / "benchmarks" / "gpn_duel_peer.py"
REQUIREMENTS = ROOT / "python" / "requirements" / "bench.txt"
SHAPE = {"vocab_size": 7, "hidden_size": 256, "num_hidden_layers": 12, "intermediate_size": 1024}
SEED = 20
HEAD_SCALE = 3.0
"""The last layer times this: official initial weights give logits of standard deviation 0.3, a
trained model's are near 1."""
N_SPECIAL = 3
"""Tokens 0 to 2: padding, mask, unknown; the four letters follow."""
WINDOW_BP = 512
MARK = "gpn_duel "


def write_checkpoint(directory: Path, peer_python: Path) -> Path:
    """A directory that both sides read: config.json, model.safetensors with the official names,
    tokenizer.json."""
    torch.manual_seed(SEED)
    network = gpn.GpnForMaskedLM(gpn.GpnConfig(**SHAPE))
    by_name = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    by_name["cls.decoder.weight"] *= HEAD_SCALE
    by_name["cls.decoder.weight"][:N_SPECIAL] = away_from_specials(network)
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps({"model_type": "GPN", **SHAPE}))
    save_file(by_name, directory / "model.safetensors", {"format": "pt"})
    subprocess.run(
        [peer_python, PEER, "tokenizer", directory],
        check=True,
        env=peer_environment(1, directory),
        stdout=subprocess.DEVNULL,
    )
    return directory


def away_from_specials(network) -> torch.Tensor:
    """A row for special tokens that makes them improbable, as in a trained model: against the mean
    of what the last layer reads.

    With plain random weights they take a third of the mass or more, which ours refuses as
    MODEL_ERROR. LLRs do not read these rows.
    """
    with torch.no_grad():
        read = network.cls.transform(
            network.hidden(torch.randint(N_SPECIAL, SHAPE["vocab_size"], (2, WINDOW_BP)))
        ).mean((0, 1))
    return -read / read.norm()


def peer_environment(threads: int, cache: Path) -> dict[str, str]:
    """On CPU, with so many threads, with no compiled code from before."""
    ours = {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(cache),
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
    }
    return os.environ | ours


class TimedPeer:
    """The peer's command in a process that stays: `first` holds what its first, compiling
    prediction said."""

    def __init__(self, python: Path, arguments: list[str], environment: dict[str, str]):
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [python, PEER, "predict", *arguments],
            env=environment,
            text=True,
            bufsize=1,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self.first = self._said()

    def again(self) -> float:
        """Seconds of one more prediction."""
        self._process.stdin.write("again\n")
        return self._said()["seconds"]

    def close(self) -> None:
        """Let the command write its output and end."""
        self._process.communicate()
        if self._process.returncode:
            self._fail()

    def _said(self) -> dict:
        for line in self._process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
        self._process.wait()
        return self._fail()

    def _fail(self):
        self._log.seek(0)
        stop(f"the peer ended with {self._process.returncode}:\n{self._log.read()[-2000:]}")


def peer_environment_python() -> Path:
    """The Python of .gfmtrust/bench-venv, which is made from the lock where it is not there yet."""
    venv = STATE / "bench-venv"
    python, stamp = venv / "bin" / "python", venv / "made_from.txt"
    if not (stamp.is_file() and stamp.read_bytes() == REQUIREMENTS.read_bytes()):
        uv = STATE / "bootstrap" / "bin" / "uv"
        if not uv.is_file():
            stop(f"{uv.relative_to(ROOT)}: not found; expected after set-up; run `make setup`")
        note("making .gfmtrust/bench-venv (torch with its CUDA libraries: about 5 GB)")
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv], check=True
        )
        subprocess.run(
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--require-hashes",
                "--python",
                python,
                "-r",
                REQUIREMENTS,
            ],
            check=True,
        )
        stamp.write_bytes(REQUIREMENTS.read_bytes())
    return python
