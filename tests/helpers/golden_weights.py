"""Weights that any network of the same parameter names gets alike, and the logits that official
implementations gave with them.

A file golden/<name>.npz holds: config (JSON), seed, ids (batch, length), logits of the official
code (batch, length, vocabulary), source. It was made outside this repository: the official network
built from the config, `fill`ed with the seed by the official parameter names, run on the ids in
float32 on CPU. Nothing of the official code is here.
"""

import json
from pathlib import Path

import numpy as np
from paths import ROOT

GOLDEN = ROOT / "tests" / "data" / "golden"


def value(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """float32: tables and matrices normal with a variance of 2 over their inputs, scales about 1,
    biases about 0; by name alone, whatever else a network holds."""
    drawn = np.random.default_rng([seed, *name.encode()]).standard_normal(shape)
    if len(shape) > 1:
        return (drawn * (1.0 if "embedding" in name else np.sqrt(2 / np.prod(shape[1:])))).astype(
            np.float32
        )
    return (0.2 * drawn + (1.0 if name.endswith("weight") else 0.0)).astype(np.float32)


def fill(network, seed: int):
    """The network itself, eval, each parameter by the first name it has."""
    import torch

    network.eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        parameter.copy_(torch.from_numpy(value(name, tuple(parameter.shape), seed)))
    return network


def load(name: str) -> dict:
    """config, seed, ids and logits of golden/<name>.npz."""
    with np.load(GOLDEN / f"{name}.npz") as array:
        return {
            "config": json.loads(str(array["config"])),
            "seed": int(array["seed"]),
            "ids": array["ids"],
            "logits": array["logits"],
        }


def save(
    path: Path, config: dict, seed: int, ids: np.ndarray, logits: np.ndarray, source: str
) -> None:
    """What `load` reads, with where the official code came from."""
    np.savez_compressed(
        path,
        config=json.dumps(config),
        seed=seed,
        ids=ids,
        logits=logits.astype(np.float32),
        source=source,
    )
