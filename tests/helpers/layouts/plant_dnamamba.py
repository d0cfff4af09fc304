"""Plant DNAMamba (zhangtaolab): Mamba-1 as transformers writes it, over single bases or words of
several.

Config and vocabulary: pages of the repositories. bos_token_id 0 is the default of the configuration
class and names `<unk>`. The repositories' special_tokens_map.json names cls_token `<cls>` and no
beginning of a sequence; that file and tokenizer_config.json, which names the tokenizer's class, are
not part of these layouts, so that what stands in front of a text is unknown and they are refused.
"""

from __future__ import annotations

from layouts import Layout
from layouts.rules import state_space_start, words

SOURCE = "stored pages of zhangtaolab/plant-dnamamba-singlebase and plant-dnamamba-5mer"


def config(rows: int) -> dict:
    """The published config.json, at reduced width."""
    return {
        "_name_or_path": "../model/PlantDna_Mamba_5mer",
        "architectures": ["MambaForCausalLM"],
        "bos_token_id": 0,
        "conv_kernel": 4,
        "d_inner": 128,
        "d_model": 64,
        "eos_token_id": 0,
        "expand": 2,
        "fused_add_norm": True,
        "hidden_act": "silu",
        "hidden_size": 64,
        "initializer_range": 0.1,
        "intermediate_size": 128,
        "layer_norm_epsilon": 1e-5,
        "model_type": "mamba",
        "n_layer": 2,
        "num_hidden_layers": 2,
        "pad_token_id": 0,
        "pad_vocab_size_multiple": 8,
        "rescale_prenorm_residual": False,
        "residual_in_fp32": True,
        "rms_norm": True,
        "ssm_cfg": {},
        "state_size": 16,
        "time_step_floor": 0.0001,
        "time_step_init_scheme": "random",
        "time_step_max": 0.1,
        "time_step_min": 0.001,
        "time_step_rank": 4,
        "time_step_scale": 1.0,
        "torch_dtype": "float32",
        "transformers_version": "4.39.1",
        "use_bias": False,
        "use_cache": True,
        "use_conv_bias": True,
        "vocab_size": rows,
    }


def vocabulary(k: int) -> list[str]:
    """Specials, words where there are any, letters."""
    return [
        "<unk>",
        "<pad>",
        "<mask>",
        "<cls>",
        *(words(k) if k > 1 else []),
        *"ATCGN",
        "<eos>",
        "<bos>",
    ]


def tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the float32 tensors; the decoder is tied."""
    width, inner, states, rank = (
        config["hidden_size"],
        config["intermediate_size"],
        config["state_size"],
        config["time_step_rank"],
    )
    by_name = {
        "backbone.embeddings.weight": (config["vocab_size"], width),
        "backbone.norm_f.weight": (width,),
    }
    for layer in range(config["num_hidden_layers"]):
        within = {
            "norm.weight": (width,),
            "mixer.A_log": (inner, states),
            "mixer.D": (inner,),
            "mixer.in_proj.weight": (2 * inner, width),
            "mixer.conv1d.weight": (inner, 1, 4),
            "mixer.conv1d.bias": (inner,),
            "mixer.x_proj.weight": (rank + 2 * states, inner),
            "mixer.dt_proj.weight": (inner, rank),
            "mixer.dt_proj.bias": (inner,),
            "mixer.out_proj.weight": (width, inner),
        }
        by_name |= {f"backbone.layers.{layer}.{name}": shape for name, shape in within.items()}
    return by_name


def tables(config: dict) -> dict:
    """The mixers as `state_space_start`."""
    by_name = {}
    for layer in range(config["num_hidden_layers"]):
        by_name |= state_space_start(
            f"backbone.layers.{layer}.mixer",
            config["intermediate_size"],
            config["state_size"],
            config["hidden_size"],
            config["time_step_rank"],
            layer,
        )
    return by_name


LAYOUTS = (
    Layout(
        "plant-dnamamba-singlebase",
        "mamba",
        config(11),
        {"vocab.txt": "\n".join(vocabulary(1))},
        tensors,
        SOURCE,
        window_bp=64,
        refusal="bos_token_id names '<unk>'",
        buffers=tables,
    ),
    Layout(
        "plant-dnamamba-5mer",
        "mamba",
        config(1035),
        {"vocab.txt": "\n".join(vocabulary(5))},
        tensors,
        SOURCE,
        window_bp=64,
        refusal="a vocabulary of 5-mers",
        buffers=tables,
    ),
)
