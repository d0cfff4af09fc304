"""AgroNT (InstaDeepAI): the layout of Nucleotide Transformer v1 without token dropout, in one
pytorch_model.bin.

Files, their sizes and digests: tcztzy/evo.cpp at c281681, configs/evidence/geneb-agro-nt-1b.json.
The four small files here have those digests at full width. Tensor names: transformers'
EsmForMaskedLM, which loads the file there.
"""

from __future__ import annotations

import json
from itertools import product

from layouts import Layout

TOKENS = [
    "<unk>",
    "<pad>",
    "<mask>",
    "<cls>",
    *map("".join, product("ATCG", repeat=6)),
    *"ATCGN",
    "<eos>",
    "<bos>",
]
IDS = {token: number for number, token in enumerate(TOKENS)}
FULL = {
    "hidden_size": 1500,
    "intermediate_size": 5120,
    "num_attention_heads": 20,
    "num_hidden_layers": 40,
}
CONFIG = {
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
    "max_position_embeddings": 1026,
    "model_type": "esm",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 1,
    "position_embedding_type": "absolute",
    "tie_word_embeddings": False,
    "token_dropout": False,
    "torch_dtype": "float32",
    "transformers_version": "4.32.0.dev0",
    "use_cache": False,
    "vocab_list": None,
    "vocab_size": 4105,
}
FILES = {
    "vocab.txt": "\n".join(TOKENS),
    "tokenizer_config.json": json.dumps(
        {
            "clean_up_tokenization_spaces": True,
            "eos_token": None,
            "model_max_length": 1024,
            "tokenizer_class": "EsmTokenizer",
        },
        indent=2,
    )
    + "\n",
    "special_tokens_map.json": json.dumps(
        {f"{name}_token": f"<{name}>" for name in ("cls", "mask", "pad", "unk")}, indent=2
    )
    + "\n",
}
DIGESTS = {
    "config.json": "4063f8250f32d922611d8b36f0def1bb53b7ae129d6439c50c8b6c340e8eb0bd",
    "special_tokens_map.json": "d6dc30bf018166daab248b0abf7efda6fd1b1e0a2d1bee5b31b23db2ebdaee77",
    "tokenizer_config.json": "882fac59d6209cfb4e11f5e933195a4b117f8efb6c9aa30fea8ded53ea3f9bdd",
    "vocab.txt": "f1b544e27897936b50bbd925850fa8a08b421c33bb9c26e3711c140c061d0d4c",
}
"""sha256 of the published files; config.json as its authors wrote it, sorted by key."""
WEIGHTS_BYTES = 3_965_239_677
"""Of pytorch_model.bin."""


def tensors(config: dict) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the network's float32 tensors."""
    width, inner, rows = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    by_name = {
        "esm.embeddings.word_embeddings.weight": (rows, width),
        "esm.embeddings.position_embeddings.weight": (config["max_position_embeddings"], width),
    }

    def dense(name: str, n_out: int, n_in: int) -> None:
        by_name.update({f"{name}.weight": (n_out, n_in), f"{name}.bias": (n_out,)})

    def norm(name: str) -> None:
        by_name.update({f"{name}.weight": (width,), f"{name}.bias": (width,)})

    for layer in range(config["num_hidden_layers"]):
        at = f"esm.encoder.layer.{layer}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            dense(f"{at}.attention.{name}", width, width)
        norm(f"{at}.attention.LayerNorm")
        norm(f"{at}.LayerNorm")
        dense(f"{at}.intermediate.dense", inner, width)
        dense(f"{at}.output.dense", width, inner)
    norm("esm.encoder.emb_layer_norm_after")
    dense(
        "esm.contact_head.regression",
        1,
        config["num_hidden_layers"] * config["num_attention_heads"],
    )
    dense("lm_head.dense", width, width)
    norm("lm_head.layer_norm")
    return by_name | {"lm_head.decoder.weight": (rows, width), "lm_head.bias": (rows,)}


def tables(config: dict) -> dict:
    """The positions, which are whole numbers."""
    import torch

    return {
        "esm.embeddings.position_ids": torch.arange(config["max_position_embeddings"]).unsqueeze(0)
    }


def tokens(text: str) -> list[int]:
    """Ids without the leading <cls>: whole 6-mers from the left, letters one by one where no 6-mer
    of the four bases fits."""
    result, at = [], 0
    while at < len(text):
        step = 6 if text[at : at + 6] in IDS and len(text) - at >= 6 else 1
        result.append(IDS[text[at : at + step]])
        at += step
    return result


LAYOUTS = (
    Layout(
        "agro_nt-1b",
        "nt_v1",
        CONFIG,
        FILES,
        tensors,
        "tcztzy/evo.cpp at c281681: InstaDeepAI/agro-nucleotide-transformer-1b at b0e1ea1",
        ("pytorch_model.bin",),
        tokens,
        full_sizes=FULL,
        window_bp=120,
        buffers=tables,
    ),
)
