"""GENERator (GenerTeam): Llama over 6-mers, vocab.txt with a token and its id on each line.

Files: tcztzy/evo.cpp at c281681 (geneb-decoder-models.json and the evidence file of the 1.2B).
Tensor names: those of transformers' LlamaForCausalLM.
"""

from __future__ import annotations

import json

from layouts import Layout
from layouts.rules import tokens_of_words, words

SPECIALS = [
    "<oov>",
    "<s>",
    "</s>",
    "<pad>",
    "<mask>",
    "<bog>",
    "<eog>",
    "<bok>",
    "<eok>",
    "<+>",
    "<->",
    "<cds>",
    "<pseudo>",
    "<tRNA>",
    "<rRNA>",
    "<ncRNA>",
    "<miscRNA>",
    "<mam>",
    "<vrt>",
    "<inv>",
    "<pln>",
    "<fng>",
    "<prt>",
    "<arc>",
    "<bct>",
    "<mit>",
    "<plt>",
    "<plm>",
    "<vir>",
    "<sp0>",
    "<sp1>",
    "<sp2>",
]
IDS = {token: number for number, token in enumerate([*SPECIALS, *words(6)])}
CONFIG = {
    "architectures": ["GENERatorForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 352,
    "max_position_embeddings": 16384,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 8,
    "num_hidden_layers": 2,
    "num_key_value_heads": 4,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-5,
    "rope_scaling": None,
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "transformers_version": "4.44.0",
    "use_cache": True,
    "vocab_size": 4128,
    "auto_map": {"AutoModelForCausalLM": "modeling_generator.GENERatorForCausalLM"},
}
ROLES = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "mask_token": "<mask>",
    "pad_token": "<pad>",
    "unk_token": "<oov>",
}
FILES = {
    "vocab.txt": "".join(f"{token} {number}\n" for token, number in IDS.items()),
    "special_tokens_map.json": json.dumps(ROLES),
    "tokenizer_config.json": json.dumps(
        {
            "add_bos_token": True,
            "add_eos_token": False,
            "bos_token": "<s>",
            "k": 6,
            "auto_map": {"AutoTokenizer": ["tokenizer.DNAKmerTokenizer", None]},
            "tokenizer_class": "DNAKmerTokenizer",
        }
    ),
}


def tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the float32 tensors."""
    width, inner, rows = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    shared = width // config["num_attention_heads"] * config["num_key_value_heads"]
    by_name = {
        "model.embed_tokens.weight": (rows, width),
        "model.norm.weight": (width,),
        "lm_head.weight": (rows, width),
    }
    for layer in range(config["num_hidden_layers"]):
        within = {
            "self_attn.q_proj": (width, width),
            "self_attn.k_proj": (shared, width),
            "self_attn.v_proj": (shared, width),
            "self_attn.o_proj": (width, width),
            "mlp.gate_proj": (inner, width),
            "mlp.up_proj": (inner, width),
            "mlp.down_proj": (width, inner),
            "input_layernorm": (width,),
            "post_attention_layernorm": (width,),
        }
        by_name |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in within.items()}
    return by_name


LAYOUTS = (
    Layout(
        "generator-eukaryote-1.2b",
        "generator",
        CONFIG,
        FILES,
        tensors,
        "tcztzy/evo.cpp at c281681: GenerTeam/GENERator-eukaryote-1.2b-base at 5e872c9",
        ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
        lambda text: tokens_of_words(text, IDS, 6),
        window_bp=120,
        full_sizes={
            "hidden_size": 2048,
            "num_hidden_layers": 26,
            "num_attention_heads": 32,
            "num_key_value_heads": 4,
            "intermediate_size": 5632,
        },
    ),
)
