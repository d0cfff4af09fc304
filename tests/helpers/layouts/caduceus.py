"""Caduceus (kuleshov-group) and PlantCaduceus: Mamba-1 in both directions.

Files and tensors: tcztzy/evo.cpp at c281681 (geneb-mamba-models.json and its converter's tensor
list, which the real files matched): a safetensors file holds a tied tensor once, a .bin file under
each of its names.
"""

from __future__ import annotations

import json

from layouts import Layout
from layouts.hyenadna import ROLES, tokenizer_config, tokens
from layouts.rules import state_space_start

SOURCE = "tcztzy/evo.cpp at c281681: kuleshov-group/caduceus-ps_seqlen-131k_d_model-256_n_layer-16 at d89eeb8"
PH_SOURCE = "inferred from that of -PS; tensors as in kuleshov-group/caduceus-ph_seqlen-1k_d_model-256_n_layer-4_lr-8e-3 at 9865108"
PLANT_SOURCE = "tcztzy/evo.cpp at c281681: kuleshov-group/PlantCaduceus_l32 at e624c13"
PAIRS = {7: 10, 8: 9, 9: 8, 10: 7}
PLANT_PAIRS = {3: 6, 4: 5, 5: 4, 6: 3}
PLANT_IDS = {"[PAD]": 0, "[MASK]": 1, "[UNK]": 2, "a": 3, "c": 4, "g": 5, "t": 6}


def config(n_layers: int, rows: int, pairs: dict[int, int], **other) -> dict:
    """The published config.json."""
    module = "modeling_caduceus.Caduceus"
    return {
        "architectures": ["CaduceusForMaskedLM"],
        "auto_map": {
            "AutoConfig": "configuration_caduceus.CaduceusConfig",
            "AutoModel": module,
            "AutoModelForMaskedLM": f"{module}ForMaskedLM",
            "AutoModelForSequenceClassification": f"{module}ForSequenceClassification",
        },
        "bidirectional": True,
        "bidirectional_strategy": "add",
        "bidirectional_weight_tie": True,
        "complement_map": {str(number): pairs.get(number, number) for number in range(rows)},
        "d_model": 256,
        "fused_add_norm": True,
        "initializer_cfg": {
            "initializer_range": 0.02,
            "n_residuals_per_layer": 1,
            "rescale_prenorm_residual": True,
        },
        "model_type": "caduceus",
        "n_layer": n_layers,
        "norm_epsilon": 1e-5,
        "pad_vocab_size_multiple": 8,
        "rcps": True,
        "residual_in_fp32": False,
        "rms_norm": True,
        "ssm_cfg": {
            "bias": False,
            "conv_bias": True,
            "d_conv": 4,
            "d_state": 16,
            "dt_init": "random",
            "dt_init_floor": 1e-4,
            "dt_max": 0.1,
            "dt_min": 0.001,
            "dt_rank": "auto",
            "dt_scale": 1.0,
            "expand": 2,
            "use_fast_path": True,
        },
        "torch_dtype": "float32",
        "transformers_version": "4.38.1",
        "vocab_size": rows,
    } | other


def tensors(config: dict, is_bin: bool = False) -> dict[str, tuple[int, ...]]:
    """Name -> shape, without the complement tables (`tables`)."""
    width, inner, states = config["d_model"], 2 * config["d_model"], 16
    rank = -(-width // 16)
    deep = ".submodule" if config["rcps"] else ""
    backbone = "caduceus.backbone."
    embedding = (
        f"{backbone}embeddings.word_embeddings{'.embedding' if config['rcps'] else ''}.weight"
    )
    by_name = {embedding: (config["vocab_size"], width), f"{backbone}norm_f.weight": (width,)}
    of_direction = {
        "conv1d.weight": (inner, 1, 4),
        "conv1d.bias": (inner,),
        "x_proj.weight": (rank + 2 * states, inner),
        "dt_proj.weight": (inner, rank),
        "dt_proj.bias": (inner,),
        "A_log": (inner, states),
        "D": (inner,),
    }
    shared = {"in_proj.weight": (2 * inner, width), "out_proj.weight": (width, inner)}
    for layer in range(config["n_layer"]):
        at = f"{backbone}layers.{layer}"
        by_name[f"{at}.norm.weight"] = (width,)
        for direction in ("mamba_fwd", "mamba_rev"):
            selected = of_direction | shared if direction == "mamba_fwd" or is_bin else of_direction
            by_name |= {
                f"{at}.mixer{deep}.{direction}.{name}": shape for name, shape in selected.items()
            }
    if is_bin:
        by_name["lm_head.lm_head.weight" if config["rcps"] else "lm_head.weight"] = (
            config["vocab_size"],
            width,
        )
    return by_name


def tables(config: dict) -> dict:
    """Complement tables, which a network that reads both strands holds twice; the mixers as
    `state_space_start`."""
    import torch

    width, result, shapes = config["d_model"], {}, tensors(config)
    deep = ".submodule" if config["rcps"] else ""
    for layer in range(config["n_layer"]):
        for seed, direction in enumerate(("mamba_fwd", "mamba_rev")):
            at = f"caduceus.backbone.layers.{layer}.mixer{deep}.{direction}"
            start = state_space_start(at, 2 * width, 16, width, -(-width // 16), 2 * layer + seed)
            result |= {name: value for name, value in start.items() if name in shapes}
    if config["rcps"]:
        table = torch.tensor(
            [config["complement_map"][str(number)] for number in range(config["vocab_size"])]
        )
        result["caduceus.backbone.embeddings.word_embeddings.complement_map"] = table
        result["lm_head.complement_map"] = table.clone()
    return result


def plant_tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Those of the .bin file."""
    return tensors(config, is_bin=True)


def plant_tables(config: dict) -> dict:
    """`tables`, and the tied tensors of the .bin file equal to those they are tied to."""
    import torch

    result = tables(config)
    embedding = "caduceus.backbone.embeddings.word_embeddings.embedding.weight"
    result[embedding] = (
        torch.randn(tensors(config)[embedding], generator=torch.Generator().manual_seed(1))
        * 2
        / config["d_model"] ** 0.5
    )
    for name in set(plant_tensors(config)) - set(tensors(config)):
        result[name] = result[
            embedding
            if name == "lm_head.lm_head.weight"
            else name.replace("mamba_rev", "mamba_fwd")
        ]
    return result


def plant_tokens(text: str) -> list[int]:
    """Lower case; N and every other letter is [UNK]."""
    return [PLANT_IDS.get(letter, 2) for letter in text.lower()]


def plant_tokenizer() -> dict:
    """tokenizer.json: a byte pair encoding without merges, which is a table of letters."""
    added = [
        {
            "id": number,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for token, number in PLANT_IDS.items()
        if number < 3
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
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
            "byte_fallback": False,
            "vocab": PLANT_IDS,
            "merges": [],
        },
    }


FILES = {
    "tokenizer_config.json": json.dumps(
        tokenizer_config("CaduceusTokenizer", "tokenization_caduceus", 131_072)
    ),
    "special_tokens_map.json": json.dumps(ROLES),
}
PLANT_FILES = {
    "tokenizer.json": json.dumps(plant_tokenizer()),
    "tokenizer_config.json": "{}",
    "special_tokens_map.json": "{}",
}
PLANT_CONFIG = config(
    4,
    8,
    PLANT_PAIRS,
    _name_or_path="yairschiff/caduceus_base",
    architectures=["Caduceus"],
    pad_token_id=-100,
    residual_in_fp32=True,
)
LAYOUTS = (
    Layout(
        "caduceus-ps-131k",
        "caduceus",
        config(16, 16, PAIRS),
        FILES,
        tensors,
        SOURCE,
        tokens=tokens,
        window_bp=64,
        buffers=tables,
        reduced={"d_model": 32},
    ),
    Layout(
        "caduceus-ph-131k",
        "caduceus",
        config(16, 16, PAIRS, rcps=False),
        FILES,
        tensors,
        PH_SOURCE,
        tokens=tokens,
        window_bp=64,
        buffers=tables,
        reduced={"d_model": 32},
    ),
    Layout(
        "plantcaduceus_l32",
        "caduceus",
        PLANT_CONFIG,
        PLANT_FILES,
        plant_tensors,
        PLANT_SOURCE,
        ("pytorch_model.bin",),
        plant_tokens,
        full_sizes={"d_model": 1024, "n_layer": 32},
        window_bp=64,
        buffers=plant_tables,
        reduced={"d_model": 32},
    ),
)
