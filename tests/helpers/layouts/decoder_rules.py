"""Tensor names and shapes of the decoders of the Llama line, as transformers writes them."""

from __future__ import annotations

Shapes = dict[str, tuple[int, ...]]


def tensors(config: dict) -> Shapes:
    """Name -> shape in the order of a state_dict; queries and keys of Qwen3 are normed."""
    width, inner, rows = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    size = config.get("head_dim") or width // config["num_attention_heads"]
    n_query, n_key = (size * config[f"num_{kind}_heads"] for kind in ("attention", "key_value"))
    by_name = {"model.embed_tokens.weight": (rows, width)}
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        by_name |= {
            f"{at}.self_attn.q_proj.weight": (n_query, width),
            f"{at}.self_attn.k_proj.weight": (n_key, width),
            f"{at}.self_attn.v_proj.weight": (n_key, width),
            f"{at}.self_attn.o_proj.weight": (width, n_query),
        }
        if config["model_type"] == "qwen3":
            by_name |= {f"{at}.self_attn.{kind}_norm.weight": (size,) for kind in "qk"}
        by_name |= {
            f"{at}.mlp.gate_proj.weight": (inner, width),
            f"{at}.mlp.up_proj.weight": (inner, width),
            f"{at}.mlp.down_proj.weight": (width, inner),
            f"{at}.input_layernorm.weight": (width,),
            f"{at}.post_attention_layernorm.weight": (width,),
        }
    return by_name | {"model.norm.weight": (width,), "lm_head.weight": (rows, width)}
