"""The classes of networks that are timed, and how one is built."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from gfmtrust import models
from gfmtrust.bundle import tokenizers

FOLDED, WHOLE, LIBRARY = "torch, folded", "torch, whole", "transformers"


@dataclass(frozen=True)
class Case:
    """A class of networks: the first of `families` in the registry stands for it, its example with
    these keys changed.

    by_length: key -> what is added to the window's tokens. bars: tokens -> least ratio to `rival`.
    """

    kind: str
    families: tuple[str, ...]
    keys: dict
    rival: str
    bars: dict[int, float]
    by_length: dict[str, int] = field(default_factory=dict)


ATTENTION = {
    "hidden_size": 512,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "intermediate_size": 2048,
}
CASES = (
    Case(
        "BERT",
        ("nt_v2", "nt_v1"),
        ATTENTION | {"max_position_embeddings": 8192},
        FOLDED,
        {512: 1.5},
    ),
    Case(
        "conv",
        ("gpn",),
        {"hidden_size": 512, "num_hidden_layers": 8, "intermediate_size": 2048},
        FOLDED,
        {512: 1.5},
    ),
    Case(
        "Hyena",
        ("hyenadna",),
        {"d_model": 256, "d_inner": 1024, "n_layer": 2, "filter_order": 64},
        WHOLE,
        {512: 0.9, 6144: 0.9},
        {"max_seq_len": 2},
    ),
    Case(
        "Mamba-1",
        ("mamba",),
        {"hidden_size": 256, "num_hidden_layers": 4},
        LIBRARY,
        {512: 1.0, 6144: 1.0},
    ),
    Case(
        "Mamba-2",
        ("mamba2",),
        {
            "hidden_size": 256,
            "num_hidden_layers": 4,
            "num_heads": 8,
            "head_dim": 64,
            "state_size": 64,
        },
        LIBRARY,
        {512: 1.0, 6144: 1.0},
    ),
    Case(
        "Llama",
        ("marindna", "generator"),
        ATTENTION | {"num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 8192},
        FOLDED,
        {512: 1.5},
    ),
    Case(
        "minGRU",
        ("recurrent",),
        {"hidden_size": 256, "state_size": 256, "num_hidden_layers": 4, "intermediate_size": 512},
        FOLDED,
        {},
    ),
)


def member(case: Case) -> models.Family | None:
    """The family that stands for a class, None where the registry has none of them."""
    named = next((name for name in case.families if name in models.FAMILIES), None)
    return models.family(named) if named else None


def loaded_case(case: Case, family: models.Family, tokens: int, extra: dict, device: str):
    """config.json, network, Text and the folded scoring module of a class at one length; weights as
    the network starts."""
    example = next(iter(family.examples.values()))
    grown = {key: tokens + more for key, more in case.by_length.items()}
    config = (
        example.config
        | case.keys
        | grown
        | {key: value for key, value in extra.items() if key in example.config}
    )
    read = family.read_config(config)
    text = family.text(read, example.vocabulary)
    torch.manual_seed(0)
    network = family.build(read).eval().requires_grad_(False)
    fold = family.cuda_scorer if device == "cuda" else None
    folded = (fold or family.scorer)(family.sized(network, tokens), read, text).eval()
    return config, network, text, folded


def feeds_of(
    text: tokenizers.Text, tokens: int, batch: int, positions: int = 1
) -> dict[str, np.ndarray]:
    """Random windows of so many tokens, letters in the middle of each scored."""
    codes = np.random.default_rng(0).integers(0, 4, (batch, tokens * text.k), dtype=np.uint8)
    return tokenizers.feeds(
        tokenizers.build(text),
        codes,
        codes.shape[1] // 2 + text.k * np.tile(np.arange(positions), (batch, 1)),
    )


def library_network(config: dict, network: torch.nn.Module) -> torch.nn.Module:
    """transformers' network of a config with the weights of ours."""
    settings = {
        key: value
        for key, value in config.items()
        if key not in ("model_type", "d_model", "n_layer", "d_inner")
    }
    theirs = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(config["model_type"], **settings)
    )
    kept = theirs.load_state_dict(network.state_dict(), strict=False)
    if kept.missing_keys or kept.unexpected_keys:
        raise SystemExit(
            f"throughput: {config['model_type']}: keys differ from transformers': {kept}"
        )
    return theirs.eval().requires_grad_(False)
