"""HyenaDNA as LongSafari publishes it: no vocabulary file, the tokenizer is a class in the
repository's code.

Files and tensors: tcztzy/evo.cpp at c281681 (geneb-hyenadna-models.json and its converter's tensor
list, which the real files matched). Ids: tokenization_hyena.py of the repositories,
HyenaDNATokenizer. Grid and decay of the filters: HazyResearch/hyena-dna, standalone_hyenadna.py.
"""

from __future__ import annotations

import json
import math

from layouts import Layout
from layouts.rules import special

SPECIALS = ["[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]"]
IDS = {token: number for number, token in enumerate([*SPECIALS, "A", "C", "G", "T", "N"])}
ROLES = {
    "bos_token": "[BOS]",
    "cls_token": "[CLS]",
    "eos_token": "[SEP]",
    "mask_token": "[MASK]",
    "pad_token": "[PAD]",
    "sep_token": "[SEP]",
    "unk_token": "[UNK]",
}
SOURCE = "tcztzy/evo.cpp at c281681: LongSafari/hyenadna-medium-160k-seqlen-hf at 7ebf717"


def config(name: str, width: int, n_layers: int, max_seq_len: int) -> dict:
    """The published config.json."""
    module = "hyena.HyenaDNA"
    return {
        "_name_or_path": f"hyenadna-{name}-seqlen-hf",
        "activation_freq": 10,
        "architectures": ["HyenaDNAForCausalLM"],
        "auto_map": {
            "AutoConfig": "configuration_hyena.HyenaConfig",
            "AutoModel": f"modeling_{module}Model",
            "AutoModelForCausalLM": f"modeling_{module}ForCausalLM",
            "AutoModelForSequenceClassification": f"modeling_{module}ForSequenceClassification",
        },
        "d_inner": 4 * width,
        "d_model": width,
        "emb_dim": 5,
        "embed_dropout": 0.1,
        "filter_order": 64,
        "hyena_dropout": 0.0,
        "hyena_filter_dropout": 0.0,
        "hyena_order": 2,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-5,
        "max_seq_len": max_seq_len,
        "model_type": "hyenadna",
        "n_layer": n_layers,
        "num_inner_mlps": 2,
        "pad_token_id": 4,
        "pad_vocab_size_multiple": 8,
        "short_filter_order": 3,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "train_freq": True,
        "transformers_version": "4.35.0.dev0",
        "use_bias": True,
        "vocab_size": 12,
    }


def tokenizer_config(class_name: str, module: str, max_length: int) -> dict:
    """tokenizer_config.json of a character tokenizer of this kind; [RESERVED] is not listed."""
    return {
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(IDS[token]): special(token) | {"special": True}
            for token in SPECIALS
            if token != "[RESERVED]"
        },
        "auto_map": {"AutoTokenizer": [f"{module}.{class_name}", None]},
        "clean_up_tokenization_spaces": True,
        "model_max_length": max_length,
        "padding_side": "left",
        "tokenizer_class": class_name,
        **ROLES,
    }


def files(max_length: int) -> dict[str, str]:
    """The small files beside config.json."""
    return {
        "tokenizer_config.json": json.dumps(
            tokenizer_config("HyenaDNATokenizer", "tokenization_hyena", max_length)
        ),
        "special_tokens_map.json": json.dumps(
            {role: special(token) for role, token in ROLES.items()}
        ),
    }


def tokens(text: str) -> list[int]:
    """Ids of the letters, without the [SEP] that closes a text."""
    return [IDS.get(letter, IDS["[UNK]"]) for letter in text]


def tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape; the embedding has the vocabulary rounded up to 16 rows. All are float32."""
    width, inner, order, steps = (
        config["d_model"],
        config["d_inner"],
        config["filter_order"],
        config["max_seq_len"],
    )
    by_name = {
        "hyena.backbone.embeddings.word_embeddings.weight": (16, width),
        "hyena.backbone.ln_f.weight": (width,),
        "hyena.backbone.ln_f.bias": (width,),
        "lm_head.weight": (16, width),
    }
    for layer in range(config["n_layer"]):
        within = {
            "mixer.filter_fn.bias": (width,),
            "mixer.filter_fn.implicit_filter.0.weight": (order, config["emb_dim"]),
            "mixer.filter_fn.implicit_filter.0.bias": (order,),
            "mixer.filter_fn.implicit_filter.1.freq": (1, order),
            "mixer.filter_fn.implicit_filter.2.weight": (order, order),
            "mixer.filter_fn.implicit_filter.2.bias": (order,),
            "mixer.filter_fn.implicit_filter.4.weight": (order, order),
            "mixer.filter_fn.implicit_filter.4.bias": (order,),
            "mixer.filter_fn.implicit_filter.6.weight": (width, order),
            "mixer.filter_fn.modulation.deltas": (1, 1, width),
            "mixer.filter_fn.pos_emb.t": (1, steps, 1),
            "mixer.filter_fn.pos_emb.z": (1, steps, config["emb_dim"]),
            "mixer.in_proj.weight": (3 * width, width),
            "mixer.in_proj.bias": (3 * width,),
            "mixer.out_proj.weight": (width, width),
            "mixer.out_proj.bias": (width,),
            "mixer.short_filter.weight": (3 * width, 1, 3),
            "mixer.short_filter.bias": (3 * width,),
            "mlp.fc1.weight": (inner, width),
            "mlp.fc1.bias": (inner,),
            "mlp.fc2.weight": (width, inner),
            "mlp.fc2.bias": (width,),
            "norm1.weight": (width,),
            "norm1.bias": (width,),
            "norm2.weight": (width,),
            "norm2.bias": (width,),
        }
        by_name |= {
            f"hyena.backbone.layers.{layer}.{name}": shape for name, shape in within.items()
        }
    return by_name


def tables(config: dict) -> dict:
    """The place on the filters' grid, its waves and the decay of each channel, which are no random
    numbers."""
    import torch

    steps, width = config["max_seq_len"], config["d_model"]
    place = torch.linspace(0, 1, steps).reshape(1, steps, 1)
    angle = (
        2 * math.pi * torch.arange(steps).reshape(1, steps, 1) / steps * torch.linspace(1e-4, 1, 2)
    )
    decay = torch.linspace(math.log(0.01) / 1.5, math.log(0.01) / 0.3, width).reshape(1, 1, width)
    by_name = {}
    for layer in range(config["n_layer"]):
        at = f"hyena.backbone.layers.{layer}.mixer.filter_fn"
        by_name[f"{at}.pos_emb.t"] = place.clone()
        by_name[f"{at}.pos_emb.z"] = torch.cat([place, torch.cos(angle), -torch.sin(angle)], -1)
        by_name[f"{at}.modulation.deltas"] = decay.clone()
        by_name[f"{at}.implicit_filter.1.freq"] = torch.full((1, config["filter_order"]), 10.0)
    return by_name


LAYOUTS = (
    Layout(
        "hyenadna-tiny-1k",
        "hyenadna",
        config("tiny-1k", 128, 2, 1026),
        files(1026),
        tensors,
        SOURCE,
        tokens=tokens,
        window_bp=256,
        buffers=tables,
        scale=0.1,
    ),
    Layout(
        "hyenadna-medium-160k",
        "hyenadna",
        config("medium-160k", 256, 8, 160_002),
        files(160_002),
        tensors,
        SOURCE,
        tokens=tokens,
        window_bp=256,
        buffers=tables,
        scale=0.1,
        reduced={"max_seq_len": 1026},
    ),
)
