"""Checkpoints with random weights in the files of a published one: config.json, vocabulary,
model.safetensors. Nothing is downloaded.

The conformance suite and the tests run every family on them. Such a model has learned nothing, so
it must fail the sanity check.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from gfmtrust import models
from gfmtrust.bundle import bpe_file
from gfmtrust.models.family import Example, Family

LICENCE = "MIT"
"""The licence of random weights, which are nobody's work."""


def all_of(names: list[str] | None = None) -> dict[str, tuple[Family, Example]]:
    """Return example name -> (its family, the example), for the named families or for all in the
    registry."""
    families = [models.family(name) for name in (names or models.FAMILIES)]
    return {
        name: (family, example) for family in families for name, example in family.examples.items()
    }


def network(example: Example, seed: int = 0) -> torch.nn.Module:
    """Return a random network of the example's config in eval mode, without gradients; its dense
    weights are multiplied by the example's scale."""
    family = models.family_of(example.config)
    torch.manual_seed(seed)
    example_network = family.build(family.read_config(example.config)).eval().requires_grad_(False)
    for module in example_network.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight.mul_(example.scale)
    return example_network


def write(directory: Path, example: Example, seed: int = 0, **card) -> Path:
    """Write the checkpoint directory of an example and return it: random weights of a seed, the
    vocabulary, and a card with window and licence. Tied tensors are written once, as in published
    files."""
    from safetensors.torch import save_file

    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(example.config), encoding="utf-8")
    if example.tokenizer is not None:
        (directory / bpe_file.FILE).write_text(json.dumps(example.tokenizer), encoding="utf-8")
    else:
        (directory / "vocab.txt").write_text(
            "\n".join(sorted(example.vocabulary, key=lambda token: example.vocabulary[token]))
            + "\n",
            encoding="utf-8",
        )
    state, distinct = network(example, seed).state_dict(), {}
    tied = {one for one, _ in models.family_of(example.config).ties(state)}
    for name, tensor in state.items():
        if not (
            name in tied
            and any(tensor.data_ptr() == other.data_ptr() for other in distinct.values())
        ):
            distinct[name] = tensor
    save_file(
        {name: tensor.clone().contiguous() for name, tensor in distinct.items()},
        directory / "model.safetensors",
    )
    (directory / "gfmtrust.json").write_text(
        json.dumps({"window_bp": example.window_bp, "licence": LICENCE, **card}), encoding="utf-8"
    )
    return directory
