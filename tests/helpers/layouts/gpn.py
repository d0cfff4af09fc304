"""GPN (songlab): gpn-brassicales, an older convolutional network, and gpn-animal-promoter, a slim
ByteNet.

Names of the tensors: `ConvNetForMaskedLM` and `GPNForMaskedLM` of the package gpn 0.9.0a1. The
encoder, the depth and the width of gpn-animal-promoter: its training script in songlab-cal/gpn,
analysis/gpn_animal_promoter.
"""

from __future__ import annotations

import json

from layouts import Layout

IDS = {token: number for number, token in enumerate(["[PAD]", "[MASK]", "[UNK]", *"acgt"])}
SPECIALS = ("[PAD]", "[MASK]", "[UNK]")
ROLES = {"mask_token": "[MASK]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [
        {
            "id": IDS[token],
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for token in SPECIALS
    ],
    "normalizer": {"type": "Lowercase"},
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {
        "type": "BPE",
        "dropout": None,
        "unk_token": "[UNK]",
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "vocab": IDS,
        "merges": [],
    },
}
FILES = {
    "tokenizer.json": json.dumps(TOKENIZER),
    "special_tokens_map.json": json.dumps(ROLES),
    "tokenizer_config.json": json.dumps(
        {
            **ROLES,
            "clean_up_tokenization_spaces": True,
            "model_max_length": 1000000000000000019884624838656,
            "tokenizer_class": "PreTrainedTokenizerFast",
        }
    ),
}
BRASSICALES = {
    "_name_or_path": "x",
    "architectures": ["ConvNetForMaskedLM"],
    "torch_dtype": "float32",
    "aux_features_vocab_size": 5,
    "dilation_base": 2,
    "dilation_cycle": 6,
    "dilation_double_every": 1,
    "dilation_max": 32,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "kernel_size": 9,
    "model_type": "ConvNet",
    "n_aux_features": 0,
    "n_layers": 3,
    "regression_softplus": False,
    "transformers_version": "4.26.0",
    "vocab_size": 7,
}
PROMOTER = {
    "architectures": ["GPNForMaskedLM"],
    "torch_dtype": "float32",
    "add_cross_attention": False,
    "attention_probs_dropout_prob": 0.1,
    "aux_features_vocab_size": 5,
    "bias": False,
    "bos_token_id": None,
    "classification_head": "standard",
    "depthwise": False,
    "dilation_base": 2,
    "dilation_cycle": 8,
    "dilation_double_every": 1,
    "dilation_max": 9999,
    "embedding": "embedding",
    "embedding_size": 768,
    "encoder": "bytenet",
    "eos_token_id": None,
    "first_kernel_size": 9,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 2048,
    "is_decoder": False,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 1536,
    "mlm_head_transform": False,
    "model_type": "GPN",
    "n_aux_features": 0,
    "num_attention_heads": 12,
    "num_hidden_layers": 3,
    "pad_token_id": 0,
    "pos_weight": None,
    "regression_softplus": False,
    "rest_kernel_size": 5,
    "rotary_value": False,
    "slim": True,
    "tie_word_embeddings": False,
    "transformers_version": "4.45.0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 7,
}


def tokens(text: str) -> list[int]:
    """One id a letter, [UNK] for every letter but the four."""
    return [IDS.get(letter, IDS["[UNK]"]) for letter in text.lower()]


def brassicales_tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape; modules are numbered in their sequence, those without parameters among
    them."""
    width, kernel = config["hidden_size"], config["kernel_size"]
    by_name = {}

    def both(name: str, *shape: int) -> None:
        by_name.update({f"{name}.weight": shape, f"{name}.bias": shape[:1]})

    for layer in range(config["n_layers"]):
        at = f"model.encoder.{layer}"
        both(f"{at}.conv.1", width, width, kernel)
        both(f"{at}.conv.4", width)
        both(f"{at}.ffn.0", width, width)
        both(f"{at}.ffn.2", width)
    both("cls.decoder.0", width, width)
    both("cls.decoder.2", width)
    both("cls.decoder.3", config["vocab_size"], width)
    return by_name


def promoter_tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape; the network has no biases."""
    width = config["hidden_size"]
    inner = width // 2
    by_name = {"model.embeddings.word_embeddings.weight": (config["vocab_size"], width)}
    for layer in range(config["num_hidden_layers"]):
        kernel = config["rest_kernel_size"] if layer else config["first_kernel_size"]
        shapes = {
            "0": (width,),
            "2": (inner, width),
            "3": (inner,),
            "6": (inner, inner, kernel),
            "8": (inner,),
            "10": (width, inner),
        }
        by_name |= {
            f"model.encoder.layer.{layer}.layer.{number}.weight": shape
            for number, shape in shapes.items()
        }
    return by_name | {
        "model.ln_f.weight": (width,),
        "cls.decoder.weight": (config["vocab_size"], width),
    }


def _norms(shapes: dict[str, tuple[int, ...]]) -> dict:
    """The scales of the layer norms, which no name tells from a bias: 1."""
    import torch

    return {
        name: torch.ones(shape)
        for name, shape in shapes.items()
        if len(shape) == 1 and name.endswith(".weight")
    }


LAYOUTS = (
    Layout(
        "gpn-brassicales",
        "gpn",
        BRASSICALES,
        FILES,
        brassicales_tensors,
        "gpn 0.9.0a1, gpn/legacy.py; tokenizer of songlab/gpn-brassicales",
        tokens=tokens,
        window_bp=64,
        full_sizes={"hidden_size": 512, "n_layers": 25},
        buffers=lambda config: _norms(brassicales_tensors(config)),
    ),
    Layout(
        "gpn-animal-promoter",
        "gpn",
        PROMOTER,
        FILES,
        promoter_tensors,
        "gpn 0.9.0a1, gpn/model.py and gpn/modules.py; songlab-cal/gpn, analysis/gpn_animal_promoter",
        tokens=tokens,
        window_bp=64,
        full_sizes={"hidden_size": 1024, "num_hidden_layers": 64},
        buffers=lambda config: _norms(promoter_tensors(config)),
    ),
)
