"""Mistral over BPE tokens, causal: GenomeOcean and dense models of the same kind.

The network is transformers' own MistralForCausalLM; the auto_map of a config is not read. A mixture
of experts (model_type mixtral, as the configs of Mistral-DNA state) and a sliding window shorter
than the context are other networks and are refused.
"""

from __future__ import annotations

from torch import nn

from gfmtrust.bundle.bpe import BpeText
from gfmtrust.bundle.bpe_file import BpeFile
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models import vocabularies
from gfmtrust.models.bpe_family import bpe_text, bpe_window
from gfmtrust.models.family import Example, Family, Window
from gfmtrust.models.layers import decoder
from gfmtrust.models.layers.decoder import DecoderConfig
from gfmtrust.models.layers.folding import TokenScorer, gathered

DEFAULT_BP = 1024
BASES_PER_TOKEN = 5
"""According to the authors of GenomeOcean, 10,240 tokens cover about 51,000 bp."""


FIXED = {"model_type": ("mistral",)}
INERT = frozenset({"pad_token_id", "cls_token_id", "sliding_window"})


def _read_config(config: dict) -> DecoderConfig:
    """Raises ConfigurationError (78) for scaled rotary positions and for a sliding window shorter
    than the context."""
    settings = decoder.read(config, FIXED, INERT)
    if settings.rope["rope_type"] != "default":
        raise ConfigurationError(
            message(
                "config.json",
                f"rotary positions are {settings.rope!r}",
                "rope_type 'default' with a rope_theta",
            )
        )
    sliding = config.get("sliding_window")
    if sliding is not None and (
        type(sliding) is not int or sliding < settings.max_position_embeddings
    ):
        raise ConfigurationError(
            message(
                "config.json",
                f"sliding_window is {sliding!r}",
                f"none, or no less than the {settings.max_position_embeddings} positions",
            )
        )
    return settings


def _build(config: DecoderConfig) -> nn.Module:
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(MistralConfig(**decoder.arguments(config), sliding_window=None))


def _text(config: DecoderConfig, file: BpeFile) -> BpeText:
    return bpe_text(file, config.vocab_size, causal=True, max_tokens=config.max_position_embeddings)


def _window(config: DecoderConfig, window_bp: int | None) -> Window:
    trained = config.max_position_embeddings * BASES_PER_TOKEN
    return bpe_window(window_bp, min(DEFAULT_BP, trained // 2), trained, causal=True)


EXAMPLE = Example(
    {
        "model_type": "mistral",
        "vocab_size": 4096,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 128,
        "sliding_window": None,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "rope_theta": 10000.0,
    },
    {},
    160,
    tokenizer=vocabularies.bpe(4096),
)
FAMILY = Family(
    name="mistral",
    model_types=("mistral",),
    quantity="likelihood",
    read_config=_read_config,
    build=_build,
    text=_text,
    window=_window,
    scorer=lambda network, config, text: TokenScorer(
        network, gathered(decoder.hidden), decoder.head
    ),
    surplus=decoder.SURPLUS,
    tied=decoder.TIED,
    examples={"mistral": EXAMPLE},
)
