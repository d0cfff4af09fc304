"""ModernGENA: ModernBERT over GENA-LM's tokens, with more rows than tokens.

The config is supposed, from transformers' own ModernBertConfig and the AIRI-Institute/GENA_LM
repository at 4a88463, which says that the tokenizer is GENA-LM's. Tensor names: transformers'
ModernBertForMaskedLM, whose first layer has no norm before its attention.
"""

from __future__ import annotations

from layouts import Layout
from layouts.bert_rules import Shapes
from layouts.bpe_rules import gena_tokenizer, rule, written

TOKENIZER = gena_tokenizer(32_000)
CONFIG = {
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
    "global_rope_theta": 10000.0,
    "hidden_activation": "gelu",
    "hidden_size": 32,
    "initializer_cutoff_factor": 2.0,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "layer_norm_eps": 1e-05,
    "local_attention": 128,
    "local_rope_theta": 10000.0,
    "max_position_embeddings": 1024,
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
    "vocab_size": 32_768,
    "torch_dtype": "float32",
    "transformers_version": "4.48.0",
}


def tensors(config: dict) -> Shapes:
    """Name -> shape: no bias but the decoder's."""
    width, inner, rows = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    by_name = {
        "model.embeddings.tok_embeddings.weight": (rows, width),
        "model.embeddings.norm.weight": (width,),
    }
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        if layer:
            by_name[f"{at}.attn_norm.weight"] = (width,)
        by_name |= {
            f"{at}.attn.Wqkv.weight": (3 * width, width),
            f"{at}.attn.Wo.weight": (width, width),
            f"{at}.mlp_norm.weight": (width,),
            f"{at}.mlp.Wi.weight": (2 * inner, width),
            f"{at}.mlp.Wo.weight": (width, inner),
        }
    return by_name | {
        "model.final_norm.weight": (width,),
        "head.dense.weight": (width, width),
        "head.norm.weight": (width,),
        "decoder.weight": (rows, width),
        "decoder.bias": (rows,),
    }


LAYOUTS = (
    Layout(
        "moderngena-base",
        "moderngena",
        CONFIG,
        {"tokenizer.json": written(TOKENIZER)},
        tensors,
        "supposed, after AIRI-Institute/GENA_LM at 4a88463 and transformers' ModernBertConfig",
        tokens=rule(TOKENIZER, 1, 2, dash=True),
        full_sizes={
            "hidden_size": 768,
            "num_hidden_layers": 22,
            "num_attention_heads": 12,
            "intermediate_size": 1152,
        },
        window_bp=320,
        reduced={"num_hidden_layers": 2},  # one with attention over all letters, one with near ones
        scale=0.1,
        stand_in=("tokenizer.json",),
        equal={"decoder.weight": "model.embeddings.tok_embeddings.weight"},
    ),
)
