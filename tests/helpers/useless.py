"""Models that know nothing of a genome, as checkpoint directories of the GPN family: none may earn
a flag.

random: random weights. constant: the same four probabilities everywhere. gc_only: the share of G
and C of 63 bp round the site, and nothing else. Beside these, bundles that know as many flanking
letters as their order, counted from the genome itself: 0 none, 1 one either side.
"""

import json
from pathlib import Path

import checkpoints
import numpy as np

from gfmtrust.core.alphabet import N
from gfmtrust.io.genome import Genome
from gfmtrust.validation.oracle.law import word_reverse_complements
from gfmtrust.validation.oracle.markov import MarkovTable
from gfmtrust.validation.oracle.markov_bundle import Oracle, Reading, write_bundle

KINDS = ("random", "constant", "gc_only")
SMALL = {
    "bias": True,
    "mlm_head_transform": False,
    "num_hidden_layers": 1,
    "hidden_size": 12,
    "first_kernel_size": 63,
}
OFF_ALPHABET = -30.0
"""Logit of the special tokens; random weights alone would put a third of the mass on them, which is
refused."""
LETTERS = {"a": 3, "c": 4, "g": 5, "t": 6}
LETTER_LOGITS = (0.4, -0.3, -0.1, 0.2)
GC_SLOPE = 1.5
FIRST_CHANNEL = 8
"""First of two channels that hold by how much G and C are more, and less, than half."""


def write(directory: Path, kind: str, seed: int = 0) -> Path:
    """A checkpoint directory with window 96."""
    import torch
    from safetensors.torch import save_file

    from gfmtrust import models

    config = checkpoints.GPN_CONFIG | ({"bias": True} if kind == "random" else SMALL)
    if kind == "random":
        torch.manual_seed(seed)
    family = models.family_of(config)
    network = family.build(family.read_config(config))
    weights = network.state_dict()
    if kind == "random":
        for tensor in weights.values():
            if tensor.dim() == 2:
                tensor *= checkpoints.WEIGHT_SCALE
    else:
        for name, tensor in weights.items():
            if not ("ln_f.weight" in name or name.endswith("0.weight")):  # the layer norms stay
                tensor.zero_()
        weights["cls.decoder.bias"][3:] = torch.tensor(LETTER_LOGITS)
    if kind == "gc_only":
        _gc_of_the_window(weights)
    weights["cls.decoder.weight"][:3] = 0
    weights["cls.decoder.bias"][:3] = OFF_ALPHABET
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "vocab.txt").write_text("\n".join(checkpoints.vocabulary_tokens("gpn")) + "\n")
    save_file(
        {name: tensor.clone().contiguous() for name, tensor in weights.items()},
        directory / "model.safetensors",
    )
    (directory / "gfmtrust.json").write_text(
        json.dumps({"window_bp": checkpoints.WINDOW_BP["gpn"]})
    )
    return directory


def _gc_of_the_window(weights) -> None:
    """The one convolution sums G and C against A and T, both halves of the sign pass the
    activation, the last layer reads them."""
    layer = "model.encoder.layer.0.conv"
    for letter, token in LETTERS.items():
        sign = 1.0 if letter in "cg" else -1.0
        weights[f"{layer}.2.weight"][FIRST_CHANNEL, token] = sign / 63
        weights[f"{layer}.2.weight"][FIRST_CHANNEL + 1, token] = -sign / 63
    for channel in (FIRST_CHANNEL, FIRST_CHANNEL + 1):
        weights[f"{layer}.5.weight"][channel, channel] = 1.0
    for letter, token in LETTERS.items():
        sign = GC_SLOPE if letter in "cg" else -GC_SLOPE
        weights["cls.decoder.weight"][token, FIRST_CHANNEL] = sign
        weights["cls.decoder.weight"][token, FIRST_CHANNEL + 1] = -sign


def write_counted(fasta: Path, order: int, directory: Path) -> Path:
    """The bundle of `counted_table`."""
    write_bundle(Oracle(counted_table(fasta, order), Reading.MASKED), directory, gate="failed")
    return directory


def counted_table(fasta: Path, order: int) -> MarkovTable:
    """The chain of that order whose words are as frequent as in the genome, both strands."""
    counts = np.ones(4 ** (order + 1))
    opened = Genome.open(fasta)
    for name, length in opened.contigs.items():
        codes = opened.codes(name, 0, length).astype(np.int64)
        codes = np.concatenate(
            [codes, codes[:order]]
        )  # closed to a ring, so that first and last letters of words are as frequent
        assert (codes < N).all()
        words = sum(codes[i : len(codes) - order + i] * 4 ** (order - i) for i in range(order + 1))
        counts += np.bincount(words, minlength=len(counts))
    counts += counts[word_reverse_complements(order + 1)]
    return MarkovTable(order, counts / counts.sum())
