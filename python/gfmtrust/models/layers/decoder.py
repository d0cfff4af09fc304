"""Causal decoders of the Llama line as transformers runs them: the keys their config.json files
share, and the two halves of a network."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import nn

from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.family import take

ROPE_KEYS = {
    "default": {"rope_type", "rope_theta"},
    "llama3": {
        "rope_type",
        "rope_theta",
        "factor",
        "low_freq_factor",
        "high_freq_factor",
        "original_max_position_embeddings",
    },
}
"""Rotary positions that are a fixed table: transformers makes it once, whatever the window."""
DEFAULT_THETA = 10000.0
FIXED = {"hidden_act": ("silu",), "attention_bias": (False,), "is_encoder_decoder": (False,)}
SURPLUS = (r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",)
TIED = (("lm_head.weight", "model.embed_tokens.weight"),)


@dataclass(frozen=True)
class DecoderConfig:
    """Fields of config.json that shape the network. rope: what transformers 5 calls
    rope_parameters."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    max_position_embeddings: int
    rope: dict
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    head_dim: int = 0
    """0: hidden_size / num_attention_heads."""
    bos_token_id: int = -1
    """-1: no token stands in front."""


def read(config: dict, fixed: dict[str, tuple], inert: frozenset[str]) -> DecoderConfig:
    """A decoder's config.json, both ways of writing its rotary positions. Raises ConfigurationError
    (78) as `take` does."""
    held = {
        key: value
        for key, value in config.items()
        if not (key in ("head_dim", "bos_token_id") and value is None)
    }
    theta, scaling, rope = (
        held.pop(key, None) for key in ("rope_theta", "rope_scaling", "rope_parameters")
    )
    is_read = theta is None and scaling is None
    if rope is None:
        is_read = isinstance(scaling, dict | None)
        rope = {
            "rope_type": "default",
            **(scaling if is_read and scaling else {}),
            "rope_theta": DEFAULT_THETA if theta is None else theta,
        }
    if (
        not is_read
        or not isinstance(rope, dict)
        or set(rope) != ROPE_KEYS.get(rope.get("rope_type"))
    ):
        expected = f"{' or '.join(ROPE_KEYS)} with keys {', '.join(sorted(ROPE_KEYS['llama3']))}, in rope_parameters or beside rope_theta"
        raise ConfigurationError(
            message("config.json", f"rotary positions are {scaling or rope!r}", expected)
        )
    return take(held | {"rope": rope}, DecoderConfig, FIXED | fixed, inert)


def arguments(config: DecoderConfig) -> dict:
    """Keywords of transformers' own config class."""
    values = asdict(config)
    values["head_dim"] = config.head_dim or config.hidden_size // config.num_attention_heads
    values["rope_parameters"] = values.pop("rope")
    values["bos_token_id"] = None if config.bos_token_id < 0 else config.bos_token_id
    return values | {"use_cache": False}


def hidden(network: nn.Module, input_ids: torch.Tensor) -> torch.Tensor:
    return network.model(input_ids, use_cache=False).last_hidden_state


def head(network: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    return network.lm_head(rows)
