"""Train a checkpoint of the `recurrent` family: a masked minGRU, on the letters of a genome.

    python training/train_recurrent.py --out weights/recurrent-demo                 the demo's law, drawn afresh; a minute of one idle core
    python training/train_recurrent.py --out weights/yeast --fasta yeast.fa         any genome; --width, --layers, --steps for more
    gfmtrust export_model --model weights/recurrent-demo --fasta genome.fa --out_dir models

15 % of the letters of random windows are masked, the loss is on these alone, half of the windows
are reverse complements; an N is read and never asked for. The same options give the same weights on
the same machine. Ends with 65 where a genome holds no window, 73 where --out exists.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import train_loop
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from gfmtrust.core.alphabet import N, reverse_complement
from gfmtrust.core.errors import BadDataError, CannotWriteError, GfmtrustError, message
from gfmtrust.io.genome import Genome
from gfmtrust.models.families.recurrent import VOCABULARY, RecurrentConfig, RecurrentForMaskedLM
from gfmtrust.validation.oracle.genomes import ContigPlan, draw_genome
from gfmtrust.validation.oracle.law import demo_law

TRAINING_SEED = 2001
TRAINING_BP = 3_000_000
BATCH_LETTERS = 4096
PEAK_RATE = 0.005
WARM_UP_STEPS = 50
MASKED_SHARE = 0.15
MASK, FIRST_BASE = VOCABULARY["[MASK]"], VOCABULARY["A"]
MAX_N_SHARE = 0.1
"""A window with more N than this is drawn again."""


def fasta_letters(path: Path) -> np.ndarray:
    """All contigs one after the other, codes uint8 (n,), an N between two."""
    with Genome.open(path, path.parent) as genome:
        contigs = [
            genome.windows(name, np.zeros(1, np.int64), genome.contigs[name])[0]
            for name in genome.names
        ]
    return np.concatenate([np.append(codes, np.uint8(N)) for codes in contigs])


def draw_batch(
    codes: np.ndarray, window_bp: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids as shown int64 (windows, window_bp), the true ids, and where the loss is taken
    (bool)."""
    kept = []
    while len(kept) < max(1, BATCH_LETTERS // window_bp):
        start = rng.integers(0, len(codes) - window_bp + 1)
        window = codes[start : start + window_bp]
        if (window >= N).mean() <= MAX_N_SHARE:
            kept.append(reverse_complement(window[None])[0] if rng.random() < 0.5 else window)
    ids = np.minimum(np.stack(kept), N).astype(np.int64) + FIRST_BASE
    masked = (rng.random(ids.shape) < MASKED_SHARE) & (ids < FIRST_BASE + N)
    return (
        torch.from_numpy(np.where(masked, MASK, ids)),
        torch.from_numpy(ids),
        torch.from_numpy(masked),
    )


def train(
    codes: np.ndarray, config: RecurrentConfig, steps: int, seed: int
) -> RecurrentForMaskedLM:
    """A trained network; codes: uint8 (length,). Raises BadDataError (65) where no window of the
    width has few enough N."""
    clean = (
        np.convolve(codes >= N, np.ones(config.trained_bp), "valid")
        if len(codes) >= config.trained_bp
        else np.ones(1) * np.inf
    )
    if clean.min() > MAX_N_SHARE * config.trained_bp:
        raise BadDataError(
            message(
                "genome",
                f"no window of {config.trained_bp} bases with few N",
                "at least one",
                "give --window_bp",
            )
        )
    torch.manual_seed(seed)
    rng = np.random.default_rng([TRAINING_SEED, seed])
    network = RecurrentForMaskedLM(config)

    def loss_of_batch() -> torch.Tensor:
        shown, ids, masked = draw_batch(codes, config.trained_bp, rng)
        return cross_entropy(network(shown)[masked], ids[masked])

    train_loop.fit(network, loss_of_batch, steps, PEAK_RATE, WARM_UP_STEPS)
    return network.eval()


def save(network: RecurrentForMaskedLM, directory: Path, licence: str) -> None:
    """config.json, vocab.txt, model.safetensors and the card."""
    directory.mkdir(parents=True)
    config = {"model_type": "gfmtrust_recurrent"} | asdict(network.config)
    card = {"model_id": directory.name, "licence": licence, "window_bp": network.config.trained_bp}
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (directory / "gfmtrust.json").write_text(json.dumps(card, indent=2) + "\n")
    (directory / "vocab.txt").write_text("\n".join(sorted(VOCABULARY, key=VOCABULARY.get)) + "\n")
    save_file(network.state_dict(), directory / "model.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="new folder for the checkpoint; its name becomes the model's id",
    )
    parser.add_argument("--fasta", type=Path, help="train on this genome instead of the demo's law")
    parser.add_argument(
        "--window_bp",
        type=int,
        default=128,
        help="letters of a training window, and of a scored one [128]",
    )
    parser.add_argument(
        "--width", type=int, default=48, help="hidden size, and states a direction [48]"
    )
    parser.add_argument("--layers", type=int, default=2, help="[2]")
    parser.add_argument(
        "--steps", type=int, default=600, help="optimiser steps of 4,096 letters [600]"
    )
    parser.add_argument("--seed", type=int, default=1, help="[1]")
    parser.add_argument("--threads", type=int, default=1, help="[1]")
    parser.add_argument("--licence", default="MIT", help="SPDX name for the card [MIT]")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    config = RecurrentConfig(
        len(VOCABULARY),
        options.width,
        options.width,
        options.layers,
        2 * options.width,
        5,
        MASK,
        options.window_bp,
    )
    try:
        if options.out.exists():
            raise CannotWriteError(
                message(str(options.out), "exists", "a new folder", "remove it or choose another")
            )
        codes = (
            fasta_letters(options.fasta)
            if options.fasta
            else draw_genome(demo_law(), (ContigPlan("training", TRAINING_BP),), TRAINING_SEED)
            .contigs[0]
            .codes
        )
        save(train(codes, config, options.steps, options.seed), options.out, options.licence)
    except GfmtrustError as error:
        sys.stderr.write(f"train_recurrent: {error}\n")
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
