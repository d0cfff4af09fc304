"""GENA-LM's BERT with the norm first: both tied tensors and the table of positions in one file.

Files: tcztzy/evo.cpp at c281681, AIRI-Institute/gena-lm-bert-large-t2t at f997a8a.
"""

from __future__ import annotations

from layouts import Layout
from layouts.bert_rules import (
    EVO,
    TIED,
    TIED_BIAS,
    Shapes,
    attention,
    embeddings,
    feed_forward,
    head,
    norm,
)
from layouts.bpe_rules import gena_tokenizer, rule, written

TOKENIZER = gena_tokenizer(32_000)
CONFIG = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "auto_map": {"AutoModel": "modeling_bert.BertForMaskedLM"},
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 48,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 2,
    "pad_token_id": 3,
    "position_embedding_type": "absolute",
    "pre_layer_norm": True,
    "transformers_version": "4.6.0.dev0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 32_000,
}


def tensors(config: dict) -> Shapes:
    """Name -> shape: a norm before each branch and one after the last layer."""
    width = config["hidden_size"]
    result = embeddings(config, positions=True)
    for layer in range(config["num_hidden_layers"]):
        at = f"bert.encoder.layer.{layer}"
        result |= norm(f"{at}.pre_attention_ln", width) | attention(at, width)
        result |= norm(f"{at}.post_attention_ln", width) | feed_forward(at, config)
    return result | norm("bert.encoder.last_layer_ln", width) | head(config, second_bias=True)


def tables(config: dict) -> dict:
    """The positions as an index."""
    import torch

    return {
        "bert.embeddings.position_ids": torch.arange(config["max_position_embeddings"]).unsqueeze(0)
    }


LAYOUTS = (
    Layout(
        "gena_bert-large-t2t",
        "gena_bert",
        CONFIG,
        {
            "tokenizer.json": written(TOKENIZER),
            "tokenizer_config.json": '{"tokenizer_class": "PreTrainedTokenizerFast"}',
        },
        tensors,
        f"{EVO}: AIRI-Institute/gena-lm-bert-large-t2t at f997a8a",
        tokens=rule(TOKENIZER, 1, 2, dash=True),
        full_sizes={
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        },
        window_bp=160,
        buffers=tables,
        stand_in=("tokenizer.json",),
        equal=TIED | TIED_BIAS,
    ),
)
