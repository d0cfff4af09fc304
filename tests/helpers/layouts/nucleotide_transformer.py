"""Nucleotide Transformer v1 and v2 as InstaDeep publishes them: 6-mers behind one CLS.

Files and their sizes: tcztzy/evo.cpp at c281681 (evidence files of 2.5b, v2-50m and v2-100m,
geneb-esm-models.json). Tensor names: those of transformers' EsmForMaskedLM, and of modeling_esm.py
in the v2 repositories, whose feed-forward has no bias and a gate; v2 keeps a table of learned
positions that its rotary network does not read. The vocabulary of v1 lists `<eos> <bos>` behind the
letters, v2 in front of the 6-mers.
"""

from __future__ import annotations

import json

from layouts import Layout
from layouts.rules import tokens_of_words, words

V1_TOKENS = ["<unk>", "<pad>", "<mask>", "<cls>", *words(6), *"ATCGN", "<eos>", "<bos>"]
V2_TOKENS = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *words(6), *"ATCGN"]
V1_IDS, V2_IDS = (
    {token: number for number, token in enumerate(tokens)} for tokens in (V1_TOKENS, V2_TOKENS)
)
SOURCE = (
    "tcztzy/evo.cpp at c281681: InstaDeepAI/nucleotide-transformer-2.5b-multi-species at b746b12"
)
INFERRED = "inferred from InstaDeepAI/nucleotide-transformer-2.5b-multi-species at b746b12"
V2_SOURCE = (
    "tcztzy/evo.cpp at c281681: InstaDeepAI/nucleotide-transformer-v2-50m-multi-species at 81b29e5"
)


def v1_config(transformers: str) -> dict:
    """The published config.json, at reduced width."""
    return {
        "architectures": ["EsmForMaskedLM"],
        "attention_probs_dropout_prob": 0.0,
        "emb_layer_norm_before": False,
        "esmfold_config": None,
        "hidden_dropout_prob": 0.0,
        "hidden_size": 40,
        "initializer_range": 0.02,
        "intermediate_size": 64,
        "is_folding_model": False,
        "layer_norm_eps": 1e-12,
        "mask_token_id": 2,
        "max_position_embeddings": 1002,
        "model_type": "esm",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "pad_token_id": 1,
        "position_embedding_type": "absolute",
        "tie_word_embeddings": False,
        "token_dropout": True,
        "torch_dtype": "float32",
        "transformers_version": transformers,
        "use_cache": False,
        "vocab_list": None,
        "vocab_size": 4105,
    }


def v2_config() -> dict:
    """The published config.json, at reduced width: no model_type."""
    kinds = ("MaskedLM", "TokenClassification", "SequenceClassification")
    shared = {key: value for key, value in v1_config("4.32.0.dev0").items() if key != "model_type"}
    return shared | {
        "add_bias_fnn": False,
        "architectures": [f"EsmFor{kind}" for kind in kinds],
        "hidden_size": 64,
        "auto_map": {"AutoConfig": "esm_config.EsmConfig"}
        | {f"AutoModelFor{kind}": f"modeling_esm.EsmFor{kind}" for kind in kinds},
        "max_position_embeddings": 2050,
        "num_attention_heads": 16,
        "position_embedding_type": "rotary",
        "token_dropout": False,
        "vocab_size": 4107,
    }


def files(tokens: list[str], max_length: int) -> dict[str, str]:
    """The small files beside config.json."""
    return {
        "vocab.txt": "\n".join(tokens),
        "tokenizer_config.json": json.dumps(
            {
                "clean_up_tokenization_spaces": True,
                "model_max_length": max_length,
                "tokenizer_class": "EsmTokenizer",
            }
        ),
        "special_tokens_map.json": json.dumps(
            {f"{name}_token": f"<{name}>" for name in ("cls", "mask", "pad", "unk")}
        ),
    }


def tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the network's float32 tensors."""
    width, inner, rows = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    gated = config["position_embedding_type"] == "rotary"

    def dense(name: str, n_out: int, n_in: int, bias: bool = True) -> dict:
        return {f"{name}.weight": (n_out, n_in)} | ({f"{name}.bias": (n_out,)} if bias else {})

    def norm(name: str) -> dict:
        return {f"{name}.weight": (width,), f"{name}.bias": (width,)}

    by_name = {
        "esm.embeddings.word_embeddings.weight": (rows, width),
        "esm.embeddings.position_embeddings.weight": (config["max_position_embeddings"], width),
    }
    for layer in range(config["num_hidden_layers"]):
        at = f"esm.encoder.layer.{layer}"
        for name in ("query", "key", "value"):
            by_name |= dense(f"{at}.attention.self.{name}", width, width)
        by_name |= (
            dense(f"{at}.attention.output.dense", width, width)
            | norm(f"{at}.attention.LayerNorm")
            | norm(f"{at}.LayerNorm")
        )
        by_name |= dense(f"{at}.intermediate.dense", inner * (2 if gated else 1), width, not gated)
        by_name |= dense(f"{at}.output.dense", width, inner, not gated)
        if gated:
            by_name[f"{at}.attention.self.rotary_embeddings.inv_freq"] = (
                width // config["num_attention_heads"] // 2,
            )
    by_name |= norm("esm.encoder.emb_layer_norm_after")
    by_name |= dense(
        "esm.contact_head.regression",
        1,
        config["num_hidden_layers"] * config["num_attention_heads"],
    )
    by_name |= (
        dense("lm_head.dense", width, width)
        | norm("lm_head.layer_norm")
        | dense("lm_head.decoder", rows, width, bias=False)
    )
    return by_name | {"lm_head.bias": (rows,)}


def tables(config: dict) -> dict:
    """Positions in v1, the frequencies of rotary positions in v2."""
    import torch

    if config["position_embedding_type"] == "absolute":
        return {
            "esm.embeddings.position_ids": torch.arange(
                config["max_position_embeddings"]
            ).unsqueeze(0)
        }
    size = config["hidden_size"] // config["num_attention_heads"]
    rates = 1 / 10000 ** (torch.arange(0, size, 2).float() / size)
    return {
        f"esm.encoder.layer.{layer}.attention.self.rotary_embeddings.inv_freq": rates.clone()
        for layer in range(config["num_hidden_layers"])
    }


SHARDS = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")
LAYOUTS = (
    Layout(
        "nt_v1-2.5b-multi-species",
        "nt_v1",
        v1_config("4.29.0.dev0"),
        files(V1_TOKENS, 1000),
        tensors,
        SOURCE,
        SHARDS,
        lambda text: tokens_of_words(text, V1_IDS, 6),
        window_bp=120,
        buffers=tables,
        full_sizes={
            "hidden_size": 2560,
            "num_hidden_layers": 32,
            "num_attention_heads": 20,
            "intermediate_size": 10_240,
        },
    ),
    Layout(
        "nt_v1-500m-human-ref",
        "nt_v1",
        v1_config("4.27.0.dev0"),
        files(V1_TOKENS, 1000),
        tensors,
        INFERRED,
        ("pytorch_model.bin",),
        lambda text: tokens_of_words(text, V1_IDS, 6),
        window_bp=120,
        buffers=tables,
    ),
    Layout(
        "nt_v2-50m-multi-species",
        "nt_v2",
        v2_config(),
        files(V2_TOKENS, 2048),
        tensors,
        V2_SOURCE,
        tokens=lambda text: tokens_of_words(text, V2_IDS, 6),
        window_bp=120,
        buffers=tables,
        full_sizes={
            "hidden_size": 512,
            "num_hidden_layers": 12,
            "num_attention_heads": 16,
            "intermediate_size": 2048,
        },
    ),
)
