"""Nucleotide Transformer v3, pre-trained, 100M: single bases, seven halvings of the length.

Config and vocabulary: a copy of the repository's files in maldenz/host_aware_predictor
(external/NTv3/NTv3_100M_pre). Count of parameters: a public user of NTv3_100M_pre at 5c685dc, which
loads the published file strictly and refuses any count but 106,463,419. Tensor names: the PyTorch
code of InstaDeepAI/ntv3_base_model, as the golden comparison of tests/python/golden has them.
"""

from __future__ import annotations

import json

from layouts import Layout

IDS = {
    token: number
    for number, token in enumerate(
        ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", "A", "T", "C", "G", "N"]
    )
}
PARTS = (
    "embedding",
    "stem",
    "down_convolution",
    "up_convolution",
    "layernorm",
    "transformer_qkvo",
    "transformer_ffn",
    "lmhead",
    "modulation",
)
BASE = "InstaDeepAI/ntv3_base_model"
CONFIG = {
    "alphabet_size": 11,
    "architectures": ["NTv3PreTrained"],
    "attention_heads": 4,
    "attention_maps_to_save": [],
    "conv_init_embed_dim": 32,
    "deconv_layers_to_save": [],
    "deconv_phase": "odd",
    "deconv_upsample_type": "repeat+conv",
    "embed_dim": 32,
    "embeddings_layers_to_save": [],
    "ffn_embed_dim": 64,
    "key_size": 8,
    "layer_norm_eps": 1e-5,
    "mask_token_id": 2,
    "model_type": "ntv3",
    "num_downsamples": 7,
    "num_hidden_layers_head": 0,
    "num_layers": 2,
    "pad_token_id": 1,
    "tie_word_embeddings": False,
    "token_embed_dim": 16,
    "torch_dtype": "float32",
    "transformers_version": "4.55.0",
    "use_remat_in_convs": False,
    "use_remat_in_transformer": False,
    "use_skip_connection": True,
    "auto_map": {
        "AutoConfig": f"{BASE}--configuration_ntv3_pretrained.Ntv3PreTrainedConfig",
        "AutoModelForMaskedLM": f"{BASE}--modeling_ntv3_pretrained.NTv3PreTrained",
    },
    "_name_or_path": BASE,
} | {f"{part}_{kind}_dtype": "float32" for part in PARTS for kind in ("param", "compute")}
FILES = {
    "vocab.json": json.dumps(IDS),
    "tokenizer_config.json": json.dumps(
        {
            "auto_map": {"AutoTokenizer": [f"{BASE}--tokenization_ntv3.NTv3Tokenizer", None]},
            "tokenizer_class": "NTv3Tokenizer",
        }
    ),
    "special_tokens_map.json": json.dumps(
        {f"{name}_token": f"<{name}>" for name in ("cls", "mask", "pad", "unk", "eos", "bos")}
    ),
}


def widths(config: dict) -> list[int]:
    """Channels at each level, evenly spaced."""
    first, last, n_steps = (
        config["conv_init_embed_dim"],
        config["embed_dim"],
        config["num_downsamples"],
    )
    return [int(first + (last - first) * step / n_steps) for step in range(n_steps + 1)]


def tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the float32 tensors."""
    width, inner, levels = config["embed_dim"], config["ffn_embed_dim"], widths(config)
    match = {
        "core.embed_layer.weight": (config["alphabet_size"], config["token_embed_dim"]),
        "core.stem.conv.weight": (levels[0], config["token_embed_dim"], 15),
        "core.stem.conv.bias": (levels[0],),
        "core.lm_head.head.weight": (config["alphabet_size"], levels[0]),
        "core.lm_head.head.bias": (config["alphabet_size"],),
    }

    def tower(at: str, n_in: int, n_out: int) -> dict:
        return {
            f"{at}.conv.conv.weight": (n_out, n_in, 5),
            f"{at}.conv.conv.bias": (n_out,),
            f"{at}.conv.layer_norm.weight": (n_in,),
            f"{at}.conv.layer_norm.bias": (n_in,),
            f"{at}.res_conv.conv_block.conv.weight": (n_out, n_out, 1),
            f"{at}.res_conv.conv_block.conv.bias": (n_out,),
            f"{at}.res_conv.conv_block.layer_norm.weight": (n_out,),
            f"{at}.res_conv.conv_block.layer_norm.bias": (n_out,),
        }

    for level in range(config["num_downsamples"]):
        down, up = levels[level], levels[level + 1]
        match |= tower(f"core.conv_tower_blocks.{level}", down, up)
        match |= tower(
            f"core.deconv_tower_blocks.{config['num_downsamples'] - 1 - level}", up, down
        )
    for layer in range(config["num_layers"]):
        at = f"core.transformer_blocks.{layer}"
        for name in ("query_head.linear", "key_head.linear", "value_head.linear", "mha_output"):
            match |= {
                f"{at}.sa_layer.{name}.weight": (width, width),
                f"{at}.sa_layer.{name}.bias": (width,),
            }
        for name in ("self_attention_layer_norm", "final_layer_norm"):
            match |= {f"{at}.{name}.weight": (width,), f"{at}.{name}.bias": (width,)}
        match |= {f"{at}.fc1.weight": (2 * inner, width), f"{at}.fc2.weight": (width, inner)}
    return match


LAYOUTS = (
    Layout(
        "ntv3-100m-pre",
        "ntv3",
        CONFIG,
        FILES,
        tensors,
        "maldenz/host_aware_predictor: InstaDeepAI/NTv3_100M_pre",
        tokens=lambda text: [IDS[letter] for letter in text],
        n_parameters=106_463_419,
        window_bp=384,
        scale=0.125,
        full_sizes={
            "attention_heads": 12,
            "conv_init_embed_dim": 768,
            "embed_dim": 768,
            "ffn_embed_dim": 3072,
            "key_size": 64,
            "num_layers": 6,
        },
    ),
)
