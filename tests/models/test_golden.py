"""Our networks against the official implementations' numbers, with the same weights
(`golden_weights`).

Nucleotide Transformer v2 has no file: its twin is transformers' ESM, each layer's feed-forward
replaced by the gated one of the paper. ModernBERT is transformers' own; its twin is reckoned here
with an explicit mask, beyond the local window.
"""

import golden_weights
import numpy as np
import pytest

pytestmark = pytest.mark.torch

OFFICIAL = {
    "dnabert2": "dnabert2",
    "gena_bert": "gena_bert",
    "gena_bert_no_last_norm": "gena_bert",
    "ntv3": "ntv3",
    "ntv3_transposed": "ntv3",
    "bytenet_slim": "gpn",
    "bytenet_slim_one_hot": "gpn",
    "bytenet_wide": "gpn",
    "bytenet_wide_one_hot": "gpn",
}
"""File under golden/ -> family."""
ALLOWED = 1e-4
"""Of logits scaled to a standard deviation of 1."""


def network(family_name: str, config: dict, seed: int):
    from gfmtrust import models

    family = models.family(family_name)
    assert family.reads(config)
    return golden_weights.fill(family.build(family.read_config(config)), seed)


def logits(of, ids) -> np.ndarray:
    import torch

    with torch.no_grad():
        array = of(torch.from_numpy(np.asarray(ids)))
    return (array if isinstance(array, torch.Tensor) else array.logits).numpy()


@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_the_official_code_gave_the_same_logits(name):
    content = golden_weights.load(name)
    ours = logits(network(OFFICIAL[name], content["config"], content["seed"]), content["ids"])
    spread = content["logits"].std()
    assert spread > 1
    assert np.abs(ours - content["logits"]).max() <= ALLOWED * spread


@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_other_weights_give_other_logits(name):
    content = golden_weights.load(name)
    ours = logits(network(OFFICIAL[name], content["config"], content["seed"] + 1), content["ids"])
    assert np.abs(ours - content["logits"]).max() > content["logits"].std()


def test_nt_v2_is_esm_with_rotary_positions_and_a_gate():
    import torch
    from torch import nn
    from transformers import EsmConfig, EsmForMaskedLM

    from gfmtrust.models.families import nt_v2

    class Gate(nn.Module):
        def __init__(self, width, inner):
            super().__init__()
            self.dense = nn.Linear(width, 2 * inner, bias=False)

        def forward(self, x):
            product = self.dense(x)
            half = product.shape[-1] // 2
            return product[..., :half] / (1 + torch.exp(-product[..., :half])) * product[..., half:]

    config = {**nt_v2.EXAMPLE.config, "vocab_size": 64, "layer_norm_eps": 1e-5}
    keys = (
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "pad_token_id",
        "mask_token_id",
        "token_dropout",
        "position_embedding_type",
        "layer_norm_eps",
        "tie_word_embeddings",
    )
    twin = EsmForMaskedLM(EsmConfig(**{key: config[key] for key in keys}))
    for layer in twin.esm.encoder.layer:
        layer.intermediate = Gate(config["hidden_size"], config["intermediate_size"])
        layer.output.dense = nn.Linear(
            config["intermediate_size"], config["hidden_size"], bias=False
        )
    ids = np.random.default_rng(0).integers(2, 64, (3, 40))  # no padding among them
    theirs, ours = (
        logits(golden_weights.fill(twin, 3), ids),
        logits(network("nt_v2", config, 3), ids),
    )
    assert theirs.std() > 0.5
    assert np.abs(ours - theirs).max() <= ALLOWED * theirs.std()
    assert set(network("nt_v2", config, 3).state_dict()) == {
        name for name in twin.state_dict() if "rotary" not in name and "contact" not in name
    }


def test_moderngena_attends_within_its_local_window():
    """Logits of a text of 60 tokens by a plain loop over layers, heads and places; local layers see
    half a window either side."""
    from gfmtrust.models.families import moderngena

    config = {**moderngena.EXAMPLE.config, "vocab_size": 40}
    module = network("moderngena", config, 4)
    weights = {name: tensor.double().numpy() for name, tensor in module.state_dict().items()}
    ids = np.random.default_rng(2).integers(5, 40, 60)
    theirs = slow_modernbert(weights, ids, config)
    ours = logits(module, ids[None])[0]
    assert np.abs(ours - theirs).max() <= ALLOWED * theirs.std()
    wide = slow_modernbert(weights, ids, {**config, "local_attention": 2 * len(ids)})
    assert np.abs(wide - theirs).max() > 0.1 * theirs.std()


def slow_modernbert(weights: dict[str, np.ndarray], ids: np.ndarray, config: dict) -> np.ndarray:
    """ModernBERT's logits (length, vocabulary) in float64, place by place. Source: Warner et al.,
    arXiv 2412.13663."""
    from scipy.special import erf, softmax

    def norm(x, name):
        return (
            (x - x.mean(-1, keepdims=True))
            / np.sqrt(x.var(-1, keepdims=True) + config["norm_eps"])
            * weights[f"{name}.weight"]
        )

    def gelu(x):
        return x * (1 + erf(x / np.sqrt(2))) / 2

    n_heads, width = config["num_attention_heads"], config["hidden_size"]
    size = width // n_heads
    x = norm(weights["model.embeddings.tok_embeddings.weight"][ids], "model.embeddings.norm")
    for number in range(config["num_hidden_layers"]):
        layer, is_global = (
            f"model.layers.{number}",
            number % config["global_attn_every_n_layers"] == 0,
        )
        normed = norm(x, f"{layer}.attn_norm") if number else x
        query, key, value = (
            (normed @ weights[f"{layer}.attn.Wqkv.weight"].T)
            .reshape(len(ids), 3, n_heads, size)
            .transpose(1, 2, 0, 3)
        )
        base = config["global_rope_theta" if is_global else "local_rope_theta"]
        turn = np.exp(1j * np.arange(len(ids))[:, None] * base ** (-np.arange(0, size, 2) / size))
        turned = [
            (one[..., : size // 2] + 1j * one[..., size // 2 :]) * turn for one in (query, key)
        ]
        mixed = np.zeros((len(ids), n_heads, size))
        for place in range(len(ids)):
            seen = [
                other
                for other in range(len(ids))
                if is_global or abs(other - place) <= config["local_attention"] // 2
            ]
            for head in range(n_heads):
                score = (turned[0][head, place] * turned[1][head, seen].conj()).real.sum(
                    -1
                ) / np.sqrt(size)
                mixed[place, head] = softmax(score) @ value[head, seen]
        x = x + mixed.reshape(len(ids), width) @ weights[f"{layer}.attn.Wo.weight"].T
        inner, gate = np.split(
            norm(x, f"{layer}.mlp_norm") @ weights[f"{layer}.mlp.Wi.weight"].T, 2, axis=-1
        )
        x = x + (gelu(inner) * gate) @ weights[f"{layer}.mlp.Wo.weight"].T
    rows = norm(gelu(norm(x, "model.final_norm") @ weights["head.dense.weight"].T), "head.norm")
    return rows @ weights["decoder.weight"].T + weights["decoder.bias"]
