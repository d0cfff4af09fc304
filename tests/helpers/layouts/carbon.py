"""Carbon (HuggingFaceBio): Llama with Qwen3's vocabulary and 6-mers of DNA behind it.

Keys of config.json: inferred, those of transformers' Llama; widths of Carbon-3B and its context:
its model card. Files and ids: the repository's tokenizer.py (HybridDNATokenizer) and
dna_config.json. tokenizer.json is a stand-in of Qwen3's, with one real piece: CCCCCC at 91443.
Tensor names: transformers' LlamaForCausalLM.
"""

from __future__ import annotations

import json
from itertools import product

from layouts import Layout

FIRST = 151_669
N_TEXT_PIECE = 91_443
DNA = ["<dna>", "</dna>", "<oov>", *map("".join, product("ATCG", repeat=6))]
IDS = {token: FIRST + place for place, token in enumerate(DNA)}
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": None,
    "eos_token_id": 151_643,
    "head_dim": 4,
    "hidden_act": "silu",
    "hidden_size": 16,
    "initializer_range": 0.02,
    "intermediate_size": 32,
    "max_position_embeddings": 32_768,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 1,
    "num_key_value_heads": 2,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-6,
    "rope_scaling": None,
    "rope_theta": 5_000_000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.57.0",
    "use_cache": True,
    "vocab_size": 155_776,
}
TOKENIZER = {
    "version": "1.0",
    "added_tokens": [{"id": 151_643, "content": "<|endoftext|>", "special": True}],
    "model": {"type": "BPE", "vocab": {"C": 34, "CCCCCC": N_TEXT_PIECE}, "merges": []},
}
FILES = {
    "tokenizer.json": json.dumps(TOKENIZER),
    "dna_config.json": json.dumps(
        {
            "k": 6,
            "dna_start_id": FIRST,
            "dna_vocab_size": 4107,
            "auto_dna_tags": False,
            "dna_special_tokens": ["<dna>", "</dna>", "<oov>"],
        }
    ),
    "tokenizer_config.json": json.dumps(
        {
            "auto_map": {"AutoTokenizer": ["tokenizer.HybridDNATokenizer", None]},
            "tokenizer_class": "HybridDNATokenizer",
        }
    ),
}


def tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape."""
    width, inner, rows = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    size = config["head_dim"]
    n_query, n_shared = size * config["num_attention_heads"], size * config["num_key_value_heads"]
    by_name = {
        "model.embed_tokens.weight": (rows, width),
        "model.norm.weight": (width,),
        "lm_head.weight": (rows, width),
    }
    for layer in range(config["num_hidden_layers"]):
        within = {
            "self_attn.q_proj": (n_query, width),
            "self_attn.k_proj": (n_shared, width),
            "self_attn.v_proj": (n_shared, width),
            "self_attn.o_proj": (width, n_query),
            "mlp.gate_proj": (inner, width),
            "mlp.up_proj": (inner, width),
            "mlp.down_proj": (width, inner),
            "input_layernorm": (width,),
            "post_attention_layernorm": (width,),
        }
        by_name |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in within.items()}
    return by_name


def tokens(text: str) -> list[int]:
    """Ids inside a <dna> tag: blocks of six, the last filled up with A, <oov> for a block with any
    other letter."""
    blocks = [text[at : at + 6].ljust(6, "A") for at in range(0, len(text), 6)]
    return [IDS.get(block, IDS["<oov>"]) for block in blocks]


LAYOUTS = (
    Layout(
        "carbon-3b",
        "carbon",
        CONFIG,
        FILES,
        tensors,
        "inferred: model card and tokenizer.py of HuggingFaceBio/Carbon-3B; no config.json was read",
        ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
        tokens,
        window_bp=120,
        full_sizes={
            "hidden_size": 3072,
            "num_hidden_layers": 30,
            "num_attention_heads": 32,
            "num_key_value_heads": 4,
            "head_dim": 96,
        },
    ),
)
