"""GENERator: Llama over 6-mers, causal; each of the four bases is judged by the likelihood of the window from the site on.

The network is transformers' own LlamaForCausalLM. A window is <s>, the 6-mers before the site and a few from it on, the same on both
strands as read (`clm_full`); a window that ends with the site asks the left flank alone (`clm_cond`), as the authors' own script does:
GenerTeam/GENERator, variant_effect_prediction.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import nn

from gfmtrust.errors import ConfigurationError, message
from gfmtrust.models.family import NEIGHBOURS, Example, Family, Window, check_ids, take
from gfmtrust.models.folding import KmerScorer, gathered
from gfmtrust.models.vocabularies import kmers, numbered
from gfmtrust.tokenizers import Text

K = 6
DEFAULT_CONTEXT_BP = 6144
"""Letters of a window where none is given: what the authors' own variant script reads before the site."""
SHORTEST_TOKENS = 4
RADIUS_BP = 32
"""Letters from the site on that judge a base, up to whole tokens; an eighth of the window where that is less."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Fields of config.json that shape the network."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    max_position_embeddings: int
    bos_token_id: int
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    tie_word_embeddings: bool = False
    head_dim: int = 0
    """0: hidden_size / num_attention_heads."""


FIXED = {
    "model_type": ("llama",), "hidden_act": ("silu",), "attention_bias": (False,), "mlp_bias": (False,), "rope_scaling": (None,),
    "pretraining_tp": (1,), "is_encoder_decoder": (False,),
}
INERT = frozenset({"eos_token_id", "pad_token_id"})


def _read_config(config: dict) -> GeneratorConfig:
    config = {key: value for key, value in config.items() if not (key == "head_dim" and value is None)}
    rope = config.pop("rope_parameters", None)  # transformers 5 writes rope_theta inside it
    if rope is not None:
        if set(rope) != {"rope_theta", "rope_type"} or rope["rope_type"] != "default" or "rope_theta" in config:
            raise ConfigurationError(message("config.json", f"rope_parameters are {rope!r}", "rope_type 'default' with a rope_theta"))
        config["rope_theta"] = rope["rope_theta"]
    return take(config, GeneratorConfig, FIXED, INERT)


def _build(config: GeneratorConfig) -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    values = asdict(config)
    values["head_dim"] = config.head_dim or config.hidden_size // config.num_attention_heads
    values["rope_parameters"] = {"rope_type": "default", "rope_theta": float(values.pop("rope_theta"))}
    return LlamaForCausalLM(LlamaConfig(**values, use_cache=False))


def _text(config: GeneratorConfig, vocabulary: dict[str, int]) -> Text:
    check_ids(vocabulary, config.vocab_size, {"<s>": config.bos_token_id})
    return Text(k=K, vocabulary=vocabulary, mask="", unknown="<oov>", outside="<oov>", prefix=("<s>",), causal=True)


def _hidden(network: nn.Module, input_ids: torch.Tensor) -> torch.Tensor:
    return network.model(input_ids, use_cache=False).last_hidden_state


def _head(network: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    return network.lm_head(rows)


def _window(config: GeneratorConfig, window_bp: int | None) -> Window:
    trained = config.max_position_embeddings * K  # <s> takes one position, the last token none
    width = window_bp or min(DEFAULT_CONTEXT_BP, trained)
    if width % K > 1 or width < SHORTEST_TOKENS * K:
        expected = f"a multiple of {K}, at least {SHORTEST_TOKENS * K}; with one more for the site it reads the left flank alone"
        raise ConfigurationError(message("window_bp", f"{width}", expected))
    site = width - 1 if width % K else width - K * -(-min(RADIUS_BP, width // 8) // K)
    offsets = tuple(-K * tokens for tokens in range(NEIGHBOURS, 0, -1) if K * tokens < site)
    return Window(width, trained, site, site, (), offsets, True, SHORTEST_TOKENS * K + width % K)


EXAMPLE = Example(
    {"model_type": "llama", "vocab_size": 4128, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
     "num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 41, "bos_token_id": 1},
    numbered(["<oov>", "<s>", "</s>", "<pad>", *kmers()]), 72)
FAMILY = Family(
    name="generator", model_types=("llama",), quantity="kmer", read_config=_read_config, build=_build, text=_text, window=_window,
    scorer=lambda network, config, text: KmerScorer(network, gathered(_hidden), _head, text, config.vocab_size),
    surplus=(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",), tied=(("lm_head.weight", "model.embed_tokens.weight"),),
    examples={"generator": EXAMPLE},
)
