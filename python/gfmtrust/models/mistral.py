"""Mistral over byte pair tokens, causal: GenomeOcean, and dense models of that kind.

The network is transformers' own MistralForCausalLM; the auto_map of a config is not read. A mixture of experts (model_type mixtral, as the
configs of Mistral-DNA say) and a sliding window shorter than the context are other networks and refused.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import nn

from gfmtrust.bpe import BpeText
from gfmtrust.bpe_file import BpeFile
from gfmtrust.errors import ConfigurationError, message
from gfmtrust.models import vocabularies
from gfmtrust.models.bpe_family import bpe_text, bpe_window
from gfmtrust.models.family import Example, Family, Window, take
from gfmtrust.models.folding import TokenScorer, gathered

DEFAULT_BP = 1024
BASES_PER_TOKEN = 5
"""GenomeOcean's authors: 10,240 tokens are about 51,000 bp."""


@dataclass(frozen=True)
class MistralNetwork:
    """Fields of config.json that shape the network."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    max_position_embeddings: int
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    tie_word_embeddings: bool = False
    head_dim: int = 0
    """0: hidden_size / num_attention_heads."""


FIXED = {"model_type": ("mistral",), "hidden_act": ("silu",), "is_encoder_decoder": (False,), "rope_scaling": (None,),
         "attention_bias": (False,)}
INERT = frozenset({"bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "sliding_window"})


def _read_config(config: dict) -> MistralNetwork:
    config = {key: value for key, value in config.items() if not (key == "head_dim" and value is None)}
    rope = config.pop("rope_parameters", None)  # transformers 5 writes rope_theta inside it
    if rope is not None:
        if set(rope) != {"rope_theta", "rope_type"} or rope["rope_type"] != "default" or "rope_theta" in config:
            raise ConfigurationError(message("config.json", f"rope_parameters are {rope!r}", "rope_type 'default' with a rope_theta"))
        config["rope_theta"] = rope["rope_theta"]
    made = take(config, MistralNetwork, FIXED, INERT)
    sliding = config.get("sliding_window")
    if sliding is not None and (type(sliding) is not int or sliding < made.max_position_embeddings):
        raise ConfigurationError(message("config.json", f"sliding_window is {sliding!r}",
                                         f"none, or no less than the {made.max_position_embeddings} positions"))
    return made


def _build(config: MistralNetwork) -> nn.Module:
    from transformers import MistralConfig, MistralForCausalLM

    values = asdict(config)
    values["head_dim"] = config.head_dim or config.hidden_size // config.num_attention_heads
    values["rope_parameters"] = {"rope_type": "default", "rope_theta": float(values.pop("rope_theta"))}
    return MistralForCausalLM(MistralConfig(**values, sliding_window=None, use_cache=False))


def _text(config: MistralNetwork, file: BpeFile) -> BpeText:
    return bpe_text(file, config.vocab_size, causal=True, max_tokens=config.max_position_embeddings)


def _hidden(network: nn.Module, input_ids: torch.Tensor) -> torch.Tensor:
    return network.model(input_ids, use_cache=False).last_hidden_state


def _head(network: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    return network.lm_head(rows)


def _window(config: MistralNetwork, window_bp: int | None) -> Window:
    trained = config.max_position_embeddings * BASES_PER_TOKEN
    return bpe_window(window_bp, min(DEFAULT_BP, trained // 2), trained, causal=True)


EXAMPLE = Example(
    {"model_type": "mistral", "vocab_size": 4096, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
     "num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 128, "sliding_window": None, "bos_token_id": 1,
     "eos_token_id": 2, "rope_theta": 10000.0},
    {}, 160, tokenizer=vocabularies.bpe(4096))
FAMILY = Family(
    name="mistral", model_types=("mistral",), quantity="likelihood", read_config=_read_config, build=_build, text=_text, window=_window,
    scorer=lambda network, config, text: TokenScorer(network, gathered(_hidden), _head),
    surplus=(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",), tied=(("lm_head.weight", "model.embed_tokens.weight"),),
    examples={"mistral": EXAMPLE},
)
