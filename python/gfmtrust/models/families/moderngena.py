"""ModernGENA: masked BPE tokens, ModernBERT; two of every three layers attend within a local window
only.

The network is transformers' own ModernBertForMaskedLM, which computes its masks and rotary
positions for the given length.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from gfmtrust.bundle.bpe import BpeText
from gfmtrust.bundle.bpe_file import BpeFile
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models import vocabularies
from gfmtrust.models.bpe_family import bpe_text, bpe_window
from gfmtrust.models.family import Example, Family, Window, check_ids, take
from gfmtrust.models.layers.folding import TokenScorer, gathered

DEFAULT_BP = 4096
BASES_PER_TOKEN = 9
"""The mean length of a token of GENA-LM's vocabulary of 32,000, which it shares (Fishman et al.
2025)."""
GLOBAL, LOCAL = "full_attention", "sliding_attention"


@dataclass(frozen=True)
class ModernGenaConfig:
    """Fields of config.json that shape the network."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    pad_token_id: int
    cls_token_id: int
    sep_token_id: int
    global_attn_every_n_layers: int = 3
    local_attention: int = 128
    global_rope_theta: float = 160000.0
    local_rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    norm_bias: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    classifier_bias: bool = False
    decoder_bias: bool = True
    tie_word_embeddings: bool = True


FIXED = {
    "model_type": ("modernbert",),
    "hidden_activation": ("gelu",),
    "classifier_activation": ("gelu",),
    "position_embedding_type": ("absolute", "sans_pos"),
}
# layer_norm_eps and position_embedding_type are written by the training code and never read; the
# other keys concern training and speed.
INERT = frozenset(
    {
        "bos_token_id",
        "mask_token_id",
        "layer_norm_eps",
        "initializer_cutoff_factor",
        "reference_compile",
        "repad_logits_with_grad",
        "sparse_prediction",
        "sparse_pred_ignore_index",
        "deterministic_flash_attn",
        "embedding_dropout",
        "mlp_dropout",
        "classifier_pooling",
    }
)


def _plain(config: dict) -> dict:
    """Rewrite a config.json of transformers 5 with the keys of transformers 4: rope_parameters
    becomes the two thetas, layer_types the step between global layers.

    Raises ConfigurationError (78) for scaled positions, for layers in another order, and where the
    keys of both versions are present and disagree.
    """
    config = dict(config)
    rope = config.pop("rope_parameters", None)
    for kind, key in (
        ((GLOBAL, "global_rope_theta"), (LOCAL, "local_rope_theta")) if rope is not None else ()
    ):
        one = rope.get(kind) if isinstance(rope, dict) and set(rope) <= {GLOBAL, LOCAL} else None
        if (
            not isinstance(one, dict)
            or set(one) != {"rope_theta", "rope_type"}
            or one["rope_type"] != "default"
        ):
            expected = "rope_type 'default' with a rope_theta for either attention"
            raise ConfigurationError(
                message("config.json", f"rope_parameters are {rope!r}", expected)
            )
        if config.get(key) not in (None, one["rope_theta"]):
            observed = f"{key} is {config[key]!r} beside rope_parameters of {one['rope_theta']!r}"
            raise ConfigurationError(
                message("config.json", observed, "the same rotary positions in both spellings")
            )
        config[key] = one["rope_theta"]
    kinds = config.pop("layer_types", None)
    if kinds is not None:
        kinds = list(kinds) if isinstance(kinds, list) else [kinds]
        step = config.setdefault(
            "global_attn_every_n_layers",
            next((i for i in range(1, len(kinds)) if kinds[i] == GLOBAL), len(kinds)),
        )
        if kinds != [
            LOCAL if i % step else GLOBAL for i in range(config.get("num_hidden_layers", 0))
        ]:
            expected = "a global layer at every step, the first among them"
            raise ConfigurationError(message("config.json", f"layer_types are {kinds!r}", expected))
    return config


def _build(config: ModernGenaConfig) -> nn.Module:
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    values = asdict(config)
    step, thetas = (
        values.pop("global_attn_every_n_layers"),
        {GLOBAL: "global_rope_theta", LOCAL: "local_rope_theta"},
    )
    values["rope_parameters"] = {
        kind: {"rope_type": "default", "rope_theta": float(values.pop(key))}
        for kind, key in thetas.items()
    }
    values["layer_types"] = [LOCAL if i % step else GLOBAL for i in range(config.num_hidden_layers)]
    return ModernBertForMaskedLM(
        ModernBertConfig(
            **values, bos_token_id=config.cls_token_id, eos_token_id=config.sep_token_id
        )
    )


def _hidden(network: Any, input_ids: torch.Tensor) -> torch.Tensor:
    return network.model(input_ids).last_hidden_state


def _head(network: Any, rows: torch.Tensor) -> torch.Tensor:
    return network.decoder(network.head(rows))


def _text(config: ModernGenaConfig, file: BpeFile) -> BpeText:
    specials = {
        "[PAD]": config.pad_token_id,
        "[CLS]": config.cls_token_id,
        "[SEP]": config.sep_token_id,
    }
    text = bpe_text(
        file, config.vocab_size, mask="[MASK]", max_tokens=config.max_position_embeddings
    )
    check_ids(text.vocabulary, config.vocab_size, specials)
    return text


def _window(config: ModernGenaConfig, window_bp: int | None) -> Window:
    trained = config.max_position_embeddings * BASES_PER_TOKEN
    return bpe_window(window_bp, min(DEFAULT_BP, trained // 2), trained)


# The vocabulary has 2,048 tokens instead of 32,000. The local window has 17 tokens, so the traced
# text of 12 tokens fits inside it and a full one extends far beyond it.
EXAMPLE = Example(
    {
        "model_type": "modernbert",
        "architectures": ["ModernBertForMaskedLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "classifier_activation": "gelu",
        "classifier_bias": False,
        "classifier_dropout": 0.0,
        "classifier_pooling": "mean",
        "cls_token_id": 1,
        "decoder_bias": True,
        "deterministic_flash_attn": False,
        "embedding_dropout": 0.0,
        "eos_token_id": 2,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "hidden_activation": "gelu",
        "hidden_size": 32,
        "initializer_cutoff_factor": 2.0,
        "initializer_range": 0.02,
        "intermediate_size": 48,
        "layer_norm_eps": 1e-05,
        "local_attention": 16,
        "local_rope_theta": 10000.0,
        "max_position_embeddings": 512,
        "mlp_bias": False,
        "mlp_dropout": 0.0,
        "norm_bias": False,
        "norm_eps": 1e-05,
        "num_attention_heads": 4,
        "num_hidden_layers": 4,
        "pad_token_id": 3,
        "position_embedding_type": "absolute",
        "reference_compile": False,
        "sep_token_id": 2,
        "sparse_pred_ignore_index": -100,
        "sparse_prediction": False,
        "tie_word_embeddings": True,
        "vocab_size": 2048,
    },
    {},
    320,
    tokenizer=vocabularies.bpe(2048),
)
FAMILY = Family(
    name="moderngena",
    model_types=("modernbert",),
    quantity="likelihood",
    build=_build,
    text=_text,
    window=_window,
    read_config=lambda config: take(_plain(config), ModernGenaConfig, FIXED, INERT),
    scorer=lambda network, config, text: TokenScorer(network, gathered(_hidden), _head),
    tied=(("decoder.weight", "model.embeddings.tok_embeddings.weight"),),
    examples={"moderngena": EXAMPLE},
)
