"""Checkpoints of random weights that answer with bases.

A random head gives its probability to all tokens alike, special ones included, and an audit refuses
such answers. Here the head is turned towards the words of DNA; all else stays random.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from gfmtrust.bundle.tokenizers import words
from gfmtrust.models import checkpoint, examples
from gfmtrust.models.family import Example

BIASES = {
    "gpn": "cls.decoder.bias",
    "bytenet": "cls.decoder.bias",
    "convnet": "cls.decoder.3.bias",
    "ntv3": "core.lm_head.head.bias",
    "recurrent": "decoder.bias",
}
"""Layout -> the bias of its head."""
MODEL = ("model.embed_tokens.weight", "lm_head.weight", "model.norm.weight")
MAMBA = ("backbone.embeddings.weight", "lm_head.weight", "backbone.norm_f.weight")
CADUCEUS = "caduceus.backbone.embeddings.word_embeddings"
STRANDS = (f"{CADUCEUS}.embedding.weight", "lm_head.lm_head.weight", "caduceus.backbone.norm_f.weight")  # fmt: skip
AXES = {
    "carbon": MODEL,
    "marindna": MODEL,
    "marindna_llama": MODEL,
    "mamba": MAMBA,
    "mamba2": MAMBA,
    "hyenadna": (
        "hyena.backbone.embeddings.word_embeddings.weight",
        "lm_head.weight",
        "hyena.backbone.ln_f.weight",
    ),
    "caduceus": (f"{CADUCEUS}.weight", "lm_head.weight", "caduceus.backbone.norm_f.weight"),
    "caduceus_ps": STRANDS,
    "caduceus_ps_unfused": (*STRANDS[:2], "caduceus.backbone.norm_f.submodule.weight"),
    "plantcaduceus": STRANDS,
}
"""Layout -> embedding, head and last norm of one whose head has no bias; a tied matrix has one of the
two names in the file. The heads of the other layouts have hardly a token that is no word of DNA."""
AXIS = [0, -1]
"""Channels that say whether a token is a word of DNA. Networks that read both strands reverse their
channels, so that they are a pair."""
AGAINST = -20.0
APART = 3.0
"""Size of the axis by that of all other channels together."""


def write(folder: Path, name: str, example: Example, seed: int) -> Path:
    """Write the checkpoint of a layout and return its folder."""
    if BIASES.get(name) == BIASES["gpn"]:
        example = replace(example, config={**example.config, "bias": True})
    folder = examples.write(folder, example, seed, model_id=folder.name)
    if name in BIASES or name in AXES:
        _turn(folder, name)
    return folder


def _turn(folder: Path, name: str) -> None:
    text = checkpoint.load(folder).text
    path = folder / "model.safetensors"
    tensors = {key: np.array(one) for key, one in load_file(path).items()}
    ids = [text.vocabulary[word] for word in words(text)]
    if name in BIASES:
        bias = np.full_like(tensors[BIASES[name]], AGAINST)
        bias[ids] = 0
        tensors[BIASES[name]] = bias
    else:
        _axis(tensors, AXES[name], ids, 1.0 if text.causal else -1.0)
    save_file(tensors, path)


def _axis(
    tensors: dict[str, np.ndarray], names: tuple[str, str, str], ids: list[int], sign: float
) -> None:
    """Set one axis of embedding and head apart: words of DNA lie on one side and all other tokens on
    the other, and the last norm keeps or turns the sign. sign: 1 where the hidden values that
    answer stand on a word, -1 where they stand on a mask."""
    embedding, head, norm = names
    for name in (embedding, head):
        if name not in tensors:
            continue
        matrix = tensors[name]
        size = APART * float(matrix.std()) * matrix.shape[1] ** 0.5
        if name == head and embedding in tensors:
            size *= APART**2  # of an untied head, which changes nothing between the words of DNA
        matrix[:, AXIS] = -sign * size
        matrix[np.ix_(ids, AXIS)] = sign * size
    tensors[norm][AXIS] = sign * np.abs(tensors[norm]).mean()
