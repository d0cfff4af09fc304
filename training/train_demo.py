"""Train the five demo models of assets/demo/models: small GPN networks, same data, different seeds.

    python training/train_demo.py --out assets/demo/models            all five; about 20 minutes of one idle core
    python training/train_demo.py --out assets/demo/models --only 3   one of them

The training genome is drawn afresh from the demo's law with another seed; no base of the demo
genome is read. Masked language model: 15 % of the letters of random 128-bp windows are masked, the
loss is on these alone, half of the windows are reverse complements.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import train_loop
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from gfmtrust.core import alphabet
from gfmtrust.models.families import gpn
from gfmtrust.models.layers import gpn_networks
from gfmtrust.validation.oracle.genomes import ContigPlan, draw_genome
from gfmtrust.validation.oracle.law import demo_law

TRAINING_SEED = 1001
TRAINING_BP = 3_000_000
WINDOW_BP = 128
BATCH = 32
STEPS = 1_800
PEAK_RATE = 0.006
WARM_UP_STEPS = 100
MASKED_SHARE = 0.15
CUT_SHARE = 0.05  # windows that lose one end, as at a contig's end or a gap
VOCABULARY = ("[PAD]", "[MASK]", "[UNK]", "a", "c", "g", "t")
MASK, UNKNOWN, FIRST_BASE = 1, 2, 3
CONFIG = gpn.GpnConfig(
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=4,
    first_kernel_size=5,
    rest_kernel_size=5,
    bias=True,
    initializer_range=0.15,
)


class VectorGelu(torch.autograd.Function):
    """gelu with its derivative kept: the backward pass of torch's own is not vectorised on CPU and
    was a third of a step."""

    @staticmethod
    def forward(ctx, x):
        share = torch.erf(x * 0.5**0.5).add_(1).mul_(0.5)
        ctx.save_for_backward(share + x * torch.exp(-0.5 * x * x) * (2 * np.pi) ** -0.5)
        return x * share

    @staticmethod
    def backward(ctx, gradient):
        (slope,) = ctx.saved_tensors
        return gradient * slope


def draw_batch(
    codes: np.ndarray, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Masked token ids int64 (BATCH, WINDOW_BP), the true ids, and where the loss is taken
    (bool)."""
    starts = rng.integers(0, len(codes) - WINDOW_BP, BATCH)
    windows = codes[starts[:, None] + np.arange(WINDOW_BP)]
    turned = rng.random(BATCH) < 0.5
    windows[turned] = alphabet.reverse_complement(windows[turned])
    ids = windows.astype(np.int64) + FIRST_BASE
    masked = rng.random(ids.shape) < MASKED_SHARE
    shown = np.where(masked, MASK, ids)
    for row in np.flatnonzero(rng.random(BATCH) < CUT_SHARE):
        lost = (
            slice(0, rng.integers(1, 60))
            if rng.random() < 0.5
            else slice(WINDOW_BP - rng.integers(1, 60), WINDOW_BP)
        )
        shown[row, lost], masked[row, lost] = UNKNOWN, False
    return torch.from_numpy(shown), torch.from_numpy(ids), torch.from_numpy(masked)


def train(codes: np.ndarray, seed: int, steps: int) -> gpn.GpnForMaskedLM:
    """A trained network; codes: uint8 (length,), 0..3. The same seed gives the same weights on the
    same machine."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([TRAINING_SEED, seed])
    network = gpn.GpnForMaskedLM(CONFIG)

    def loss_of_batch() -> torch.Tensor:
        shown, ids, masked = draw_batch(codes, rng)
        return cross_entropy(network.head(network.hidden(shown)[masked]), ids[masked])

    train_loop.fit(network, loss_of_batch, steps, PEAK_RATE, WARM_UP_STEPS, f"seed {seed}")
    return network.eval()


def save(network: gpn.GpnForMaskedLM, directory: Path) -> None:
    """config.json, vocab.txt, model.safetensors and the card with the context the model was trained
    on."""
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["GPNForMaskedLM"],
        "model_type": "GPN",
        "encoder": "convnet",
    } | asdict(network.config)
    card = {
        "model_id": directory.name,
        "licence": "MIT",
        "window_bp": WINDOW_BP,
        "trained_bp": WINDOW_BP,
    }
    (directory / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (directory / "gfmtrust.json").write_text(json.dumps(card, indent=2) + "\n")
    (directory / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    save_file(network.state_dict(), directory / "model.safetensors")
    (directory / "model.safetensors").chmod(
        0o644
    )  # the writer makes it readable by its owner alone


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for gpn-demo-1 .. gpn-demo-5"
    )
    parser.add_argument("--only", type=int, choices=range(1, 6), help="train this one alone")
    parser.add_argument(
        "--steps", type=int, default=STEPS, help=f"optimiser steps a model [{STEPS}]"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    gpn_networks.gelu = VectorGelu.apply
    codes = (
        draw_genome(demo_law(), (ContigPlan("training", TRAINING_BP),), TRAINING_SEED)
        .contigs[0]
        .codes
    )
    for seed in [options.only] if options.only else range(1, 6):
        save(train(codes, seed, options.steps), options.out / f"gpn-demo-{seed}")


if __name__ == "__main__":
    main()
