"""DNABERT-2: config.json without a model_type, weights in .bin or in safetensors.

Files: tcztzy/evo.cpp at c281681, zhihan1996/DNABERT-2-117M at 7bce263 (.bin) and a3d38b3
(safetensors).
"""

from __future__ import annotations

from dataclasses import replace

from layouts import Layout
from layouts.bert_rules import EVO, TIED, Shapes, dense, embeddings, head, norm
from layouts.bpe_rules import rule, tokenizer, written

TOKENIZER = tokenizer(4096)
AUTO = {
    "AutoConfig": "configuration_bert.BertConfig",
    "AutoModel": "bert_layers.BertModel",
    "AutoModelForMaskedLM": "bert_layers.BertForMaskedLM",
    "AutoModelForSequenceClassification": "bert_layers.BertForSequenceClassification",
}
CONFIG = {
    "_name_or_path": "zhihan1996/DNABERT-2-117M",
    "alibi_starting_size": 512,
    "attention_probs_dropout_prob": 0.0,
    "auto_map": AUTO,
    "classifier_dropout": None,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 48,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "num_attention_heads": 12,
    "num_hidden_layers": 2,
    "position_embedding_type": "absolute",
    "torch_dtype": "float32",
    "transformers_version": "4.28.0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 4096,
}
GENERATION = '{"_from_model_config": true, "pad_token_id": 0, "transformers_version": "4.28.0"}'


def tensors(config: dict) -> Shapes:
    """Name -> shape: fused queries, keys and values, a gated feed-forward, no positions."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    result = embeddings(config, positions=False)
    for layer in range(config["num_hidden_layers"]):
        at = f"bert.encoder.layer.{layer}"
        result |= dense(f"{at}.attention.self.Wqkv", 3 * width, width)
        result |= dense(f"{at}.attention.output.dense", width, width)
        result |= norm(f"{at}.attention.output.LayerNorm", width)
        result |= dense(f"{at}.mlp.gated_layers", 2 * inner, width, bias=False)
        result |= dense(f"{at}.mlp.wo", width, inner) | norm(f"{at}.mlp.layernorm", width)
    return result | head(config, second_bias=False)


BIN = Layout(
    "dnabert2-117m",
    "dnabert2",
    CONFIG,
    {
        "tokenizer.json": written(TOKENIZER),
        "tokenizer_config.json": (
            '{"tokenizer_class": "PreTrainedTokenizerFast", "cls_token": "[CLS]"}'
        ),
        "generation_config.json": GENERATION,
    },
    tensors,
    f"{EVO}: zhihan1996/DNABERT-2-117M at 7bce263",
    ("pytorch_model.bin",),
    rule(TOKENIZER, 1, 2),
    {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072},
    window_bp=160,
    stand_in=("tokenizer.json",),
    equal=TIED,
)
LAYOUTS = (
    BIN,
    replace(
        BIN,
        id="dnabert2-117m-safetensors",
        weights=("model.safetensors",),
        source=f"{EVO}: zhihan1996/DNABERT-2-117M at a3d38b3",
    ),
)
