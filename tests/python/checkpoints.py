"""Small checkpoints with random weights in the files a real one has: config.json, vocabulary, model.safetensors. No download.

The k-mer vocabularies are made by the published table (docs/models.md): specials first, words in A,T,C,G order. The real files are not
at hand; what is tested is that ids come from the file.
"""

import itertools
import json
from pathlib import Path

GPN_CONFIG = {"model_type": "GPN", "vocab_size": 7, "hidden_size": 32, "num_hidden_layers": 4, "intermediate_size": 64}
CONVNET_CONFIG = {"model_type": "ConvNet", "vocab_size": 7, "hidden_size": 32, "n_layers": 4}
NT_CONFIG = {"model_type": "esm", "vocab_size": 4105, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
             "intermediate_size": 64, "max_position_embeddings": 43, "pad_token_id": 1, "mask_token_id": 2, "token_dropout": True,
             "position_embedding_type": "absolute"}
GENERATOR_CONFIG = {"model_type": "llama", "vocab_size": 4128, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
                    "num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 41, "bos_token_id": 1}
CONFIGS = {"gpn": GPN_CONFIG, "convnet": CONVNET_CONFIG, "nt_v1": NT_CONFIG, "generator": GENERATOR_CONFIG}
WINDOW_BP = {"gpn": 96, "convnet": 96, "nt_v1": 144, "generator": 72}
WEIGHT_SCALE = 8.0
"""Random dense weights times this give logits of standard deviation about 1."""


def sixmers() -> list[str]:
    return ["".join(word) for word in itertools.product("ATCG", repeat=6)]


def vocabulary_tokens(kind: str) -> list[str]:
    if kind in ("gpn", "convnet"):
        return ["[PAD]", "[MASK]", "[UNK]", "a", "c", "g", "t"]
    if kind == "nt_v1":
        return ["<unk>", "<pad>", "<mask>", "<cls>", *sixmers(), *"ATCGN"]
    return ["<oov>", "<s>", "</s>", "<pad>", *sixmers()]


def network(kind: str, seed: int = 0):
    """A random network of the family, eval, with logits of standard deviation about 1."""
    import torch

    from gfmtrust import models

    torch.manual_seed(seed)
    family = models.family_of(CONFIGS[kind])
    made = family.build(family.read_config(CONFIGS[kind])).eval().requires_grad_(False)
    for module in made.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight.mul_(WEIGHT_SCALE)
    return made


def write(directory: Path, kind: str, seed: int = 0, **card) -> Path:
    """A checkpoint directory of that kind: random weights of a seed, its vocabulary as vocab.txt, a card with the window."""
    from safetensors.torch import save_file

    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(CONFIGS[kind]))
    (directory / "vocab.txt").write_text("\n".join(vocabulary_tokens(kind)) + "\n")
    held = {name: tensor.clone() for name, tensor in network(kind, seed).state_dict().items()}
    if kind == "nt_v1":
        del held["lm_head.decoder.weight"]  # tied: files leave it out
    save_file(held, directory / "model.safetensors")
    (directory / "gfmtrust.json").write_text(json.dumps({"window_bp": WINDOW_BP[kind], **card}))
    return directory
