"""GROVER: a stock BERT in a .bin file; vocabulary and merges with an empty piece, and no N.

Files: tcztzy/evo.cpp at c281681, PoetschLab/GROVER at 6b22311. The published config.json is 523
bytes longer than what is known of it.
"""

from __future__ import annotations

from layouts import Layout
from layouts.bert_rules import (
    EVO,
    TIED,
    TIED_BIAS,
    Shapes,
    attention,
    dense,
    embeddings,
    feed_forward,
    head,
    norm,
)
from layouts.bpe_rules import rule, tokenizer, written

CONFIG = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "classifier_dropout": None,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 48,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "torch_dtype": "float32",
    "transformers_version": "4.24.0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 609,
}


def _tokenizer() -> dict:
    content = tokenizer(609, ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))
    model = content["model"]
    model["merges"] = [f"{letter} " for letter in "ACGT"] + model["merges"]
    model["vocab"][""] = 609
    kinds = list(model)
    kinds.insert(kinds.index("vocab"), "byte_fallback")
    content["model"] = {kind: model.get(kind, False) for kind in kinds}
    return content


TOKENIZER = _tokenizer()


def tensors(config: dict) -> Shapes:
    """Name -> shape: a pooler beside the head of masked tokens."""
    width = config["hidden_size"]
    result = embeddings(config, positions=True)
    for layer in range(config["num_hidden_layers"]):
        at = f"bert.encoder.layer.{layer}"
        result |= attention(at, width) | norm(f"{at}.attention.output.LayerNorm", width)
        result |= feed_forward(at, config) | norm(f"{at}.output.LayerNorm", width)
    return result | head(config, second_bias=True) | dense("bert.pooler.dense", width, width)


LAYOUTS = (
    Layout(
        "grover",
        "grover",
        CONFIG,
        {
            "tokenizer.json": written(TOKENIZER),
            "vocab.txt": "\n".join(TOKENIZER["model"]["vocab"]),
        },
        tensors,
        f"{EVO}: PoetschLab/GROVER at 6b22311",
        ("pytorch_model.bin",),
        rule(TOKENIZER, 2, 3),
        {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072},
        window_bp=160,
        stand_in=("tokenizer.json", "vocab.txt"),
        equal=TIED | TIED_BIAS,
    ),
)
