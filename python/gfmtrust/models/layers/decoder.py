"""Causal decoders of the Llama kind as transformers runs them: the keys that their config.json
files share, and the two halves of a network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.models.family import take
from gfmtrust.models.layers import blocked_attention

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
"""The rules for rotary positions that amount to a fixed table, independent of the window's
length."""
ROPE_SPELLINGS = ("rope_theta", "rope_scaling", "rope_parameters")
DEFAULT_THETA = 10000.0
FIXED = {
    "hidden_act": ("silu",),
    "attention_bias": (False,),
    "mlp_bias": (False,),
    "no_bias": (True,),
    "pretraining_tp": (1,),
    "is_decoder": (False, True),
    "is_causal": (True,),
}
"""no_bias is written by Levanter's exports. is_decoder is read by encoder classes alone; a causal
model is a decoder with either value."""
SURPLUS = (r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",)
TIED = (("lm_head.weight", "model.embed_tokens.weight"),)


NO_PREFIX = ("[UNK]", "<unk>", "<oov>", "[PAD]", "<pad>", "[MASK]", "<mask>")
"""Tokens that never begin a text. A bos_token_id that names one of them is the default of a config
class, and the network was not trained with it."""


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
    """0 stands for hidden_size / num_attention_heads."""
    bos_token_id: int = -1
    """-1 stands for no prefix token."""


def read(config: dict, fixed: dict[str, tuple], inert: frozenset[str]) -> DecoderConfig:
    """Read the config.json of a decoder, with rotary positions in any of their notations. Raises
    ConfigurationError (78) as `take` does, and as `rotary` does."""
    settings = {
        key: value
        for key, value in config.items()
        if not (key in ("head_dim", "bos_token_id") and value is None)
    }
    rope = rotary({key: settings.pop(key, None) for key in ROPE_SPELLINGS})
    return take(settings | {"rope": rope}, DecoderConfig, FIXED | fixed, inert)


def rotary(spellings: dict) -> dict:
    """Return the rotary positions as transformers 5 writes them in rope_parameters, from every
    notation of a config.json.

    spellings: the values of ROPE_SPELLINGS; None means not stated. transformers 4 writes rope_theta
    and rope_scaling, transformers 5 writes rope_parameters, and some exports write both; `type` is
    the old name of `rope_type`. Raises ConfigurationError (78) where two notations disagree, and
    for a rule that is not in ROPE_KEYS.
    """
    theta, scaling, parameters = (spellings.get(key) for key in ROPE_SPELLINGS)
    rules = [_rule(value) for value in (scaling, parameters) if value is not None]
    thetas = [rule.pop("rope_theta") for rule in rules if "rope_theta" in rule] + (
        [theta] if theta is not None else []
    )
    for values, what in ((thetas, "rope_theta"), (rules, "rope_type and its numbers")):
        if any(value != values[0] for value in values):
            stated = ", ".join(
                f"{key} {value!r}" for key, value in spellings.items() if value is not None
            )
            raise ConfigurationError(
                message(
                    "config.json",
                    f"two spellings of the rotary positions disagree ({stated})",
                    f"the same {what} in both",
                )
            )
    rope = {
        "rope_type": "default",
        **(rules[0] if rules else {}),
        "rope_theta": thetas[0] if thetas else DEFAULT_THETA,
    }
    numbers = [value for key, value in rope.items() if key != "rope_type"]
    if set(rope) != ROPE_KEYS.get(str(rope["rope_type"])) or not all(
        type(value) in (int, float) and value > 0 for value in numbers
    ):
        expected = f"{' or '.join(ROPE_KEYS)} with keys {', '.join(sorted(ROPE_KEYS['llama3']))}, in rope_parameters or beside rope_theta"
        raise ConfigurationError(message("config.json", f"rotary positions are {rope!r}", expected))
    return rope


def _rule(value: object) -> dict:
    """Return rope_scaling or rope_parameters as a dict with rope_type. A partial_rotary_factor of 1
    is dropped, because it means the whole head."""
    if not isinstance(value, dict):
        raise ConfigurationError(
            message("config.json", f"rotary positions are {value!r}", "an object with a rope_type")
        )
    rule = dict(value)
    old_name = rule.pop("type", None)
    kind = rule.setdefault("rope_type", old_name or "default")
    if old_name not in (None, kind):
        raise ConfigurationError(
            message(
                "config.json",
                f"rope_type {kind!r} beside type {old_name!r}",
                "the same rule in both",
            )
        )
    if rule.get("partial_rotary_factor") in (1, None):
        rule.pop("partial_rotary_factor", None)
    return rule


def arguments(config: DecoderConfig) -> dict:
    """Return the keyword arguments of transformers' own config class. A network of many positions
    computes its attention in blocks."""
    values = asdict(config)
    values["head_dim"] = config.head_dim or config.hidden_size // config.num_attention_heads
    values["rope_parameters"] = values.pop("rope")
    values["bos_token_id"] = None if config.bos_token_id < 0 else config.bos_token_id
    if config.max_position_embeddings >= blocked_attention.LONG_TOKENS:
        values["attn_implementation"] = blocked_attention.registered()
    return values | {"use_cache": False}


def prefix(vocabulary: dict[str, int], bos_token_id: int) -> tuple[str, ...]:
    """Return the token in front of a text, () where bos_token_id is negative. Raises BadDataError
    (65) where no token has that id, and where it is the token for unknown, padded or masked
    letters."""
    if bos_token_id < 0:
        return ()
    token = next((token for token, number in vocabulary.items() if number == bos_token_id), None)
    if token is None:
        raise BadDataError(
            message(
                "vocabulary",
                f"no token with id {bos_token_id}",
                "bos_token_id as config.json says",
                "is it this checkpoint's file?",
            )
        )
    if token in NO_PREFIX:
        raise BadDataError(
            message(
                "vocabulary",
                f"bos_token_id {bos_token_id} names {token!r}",
                "a token that begins a text",
                "set bos_token_id to null in config.json if the network was trained without one",
            )
        )
    return (token,)


def hidden(network: Any, input_ids: torch.Tensor) -> torch.Tensor:
    """Return the rows of a decoder of transformers after its last norm, (batch, length, width)."""
    return network.model(input_ids, use_cache=False).last_hidden_state


def head(network: Any, rows: torch.Tensor) -> torch.Tensor:
    """Return the logits of rows of `hidden`, over the whole vocabulary."""
    return network.lm_head(rows)
