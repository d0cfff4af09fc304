"""PhyloGPN (songlab/PhyloGPN): the tokenizer is a class in code, the weights are parametrised.

Letters, names of the tensors and their order: songlab-cal/gpn at 8e3c22d, src/gpn/phylo/model.py,
which loads the file of songlab/PhyloGPN at 3556db4 in its own tests. The repository lists
model.safetensors with 333 MB.
"""

from __future__ import annotations

import json

from layouts import Layout

IDS = {letter: number for number, letter in enumerate("ACGTN-")}
CONFIG = {
    "architectures": ["PhyloGPNModel"],
    "inner_dim": 16,
    "kernel_size": 5,
    "model_type": "phylogpn",
    "num_stacks": 2,
    "outer_dim": 32,
    "stack_size": 2,
    "torch_dtype": "float32",
    "transformers_version": "4.45.0",
    "auto_map": {"AutoConfig": "phylogpn.PhyloGPNConfig", "AutoModel": "phylogpn.PhyloGPNModel"},
}
ROLES = {"pad_token": "-", "unk_token": "N"}
FILES = {
    "special_tokens_map.json": json.dumps(ROLES),
    "tokenizer_config.json": json.dumps(
        {
            **ROLES,
            "tokenizer_class": "PhyloGPNTokenizer",
            "auto_map": {"AutoTokenizer": ["phylogpn.PhyloGPNTokenizer", None]},
        }
    ),
}


def tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape; a parametrised tensor is listed under its original."""
    outer, inner, kernel = config["outer_dim"], config["inner_dim"], config["kernel_size"]

    def convolution(name: str, n_out: int, n_in: int, taps: int) -> dict:
        at = f"_model.{name}.parametrizations"
        return {f"{at}.weight.original": (n_out, n_in, taps), f"{at}.bias.original": (n_out,)}

    def norm(name: str, width: int) -> dict:
        return {f"_model.{name}.weight": (width,), f"_model.{name}.bias": (width,)}

    by_name = {"_model.embedding.parametrizations.weight.original": (len(IDS), outer)}
    for block in range(config["num_stacks"] * config["stack_size"]):
        at = f"blocks.{block}"
        by_name |= norm(f"{at}.layer_norm1", outer) | convolution(f"{at}.conv1", inner, outer, 1)
        by_name |= norm(f"{at}.layer_norm2", inner) | convolution(
            f"{at}.conv2", inner, inner, kernel
        )
        by_name |= norm(f"{at}.layer_norm3", inner) | convolution(f"{at}.conv3", outer, inner, 1)
    return by_name | norm("output_layer_norm", outer) | convolution("output_conv", 4, outer, 1)


def tokens(text: str) -> list[int]:
    """One id a letter, N for a letter that is none of the six."""
    return [IDS.get(letter, IDS["N"]) for letter in text]


LAYOUTS = (
    Layout(
        "phylogpn",
        "phylogpn",
        CONFIG,
        FILES,
        tensors,
        "songlab-cal/gpn at 8e3c22d, src/gpn/phylo/model.py; songlab/PhyloGPN at 3556db4",
        tokens=tokens,
        full_sizes={"outer_dim": 960, "inner_dim": 480, "num_stacks": 20},
    ),
)
