"""Nucleotide Transformer v3, pre-trained: masked single bases, a U-net of convolutions around a
transformer.

Each of the num_downsamples levels halves the length, so the graph pads a window on the right with N
to whole blocks of 2^num_downsamples letters; the index of the site does not change. The network is
our own; its parameters have the names of InstaDeepAI/ntv3_base_model's PyTorch code. The
architecture is that of instadeepai/nucleotide-transformer, nucleotide_transformer_v3. Post-trained
checkpoints, which are conditioned on a species, are not supported.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool1d, silu

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.bundle.vocabulary import usable
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.family import Example, Family, Window, check_ids, take
from gfmtrust.models.layers.blocks import attend, by_heads, node, rotated
from gfmtrust.models.layers.conv_tower import (
    ACTIVATE,
    STEM_KERNEL,
    TOWER_KERNEL,
    Doubled,
    TowerBlock,
)
from gfmtrust.models.layers.folding import BaseScorer, gathered
from gfmtrust.models.vocabularies import numbered

DEFAULT_BP = 8192
"""The shortest context for which the authors released checkpoints; window_bp selects a longer
one."""
TRAINED_BP = 1_048_576
"""The trained length of the checkpoints without a length in their name; config.json does not state
it, gfmtrust.json can."""
SHORTEST_BP = 64
DEEP_BAR = 1e-4
"""At seven levels of towers around six layers float32 alone differs from float64 by 1e-5 (random
weights, width 128 to 768, 384 letters)."""
NEIGHBOUR_OFFSETS = (-20, -15, -10, -5, 5, 10, 15, 20)


@dataclass(frozen=True)
class Ntv3Config:
    """Fields of config.json that shape the network. A field has no default here where the published
    PyTorch and JAX classes have different ones."""

    alphabet_size: int
    pad_token_id: int
    mask_token_id: int
    num_downsamples: int
    attention_heads: int
    key_size: int
    token_embed_dim: int
    conv_init_embed_dim: int
    embed_dim: int
    ffn_embed_dim: int
    num_layers: int
    deconv_upsample_type: str
    layer_norm_eps: float = 1e-5
    num_hidden_layers_head: int = 0
    use_skip_connection: bool = True


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
# These are the types of the training run; everything is computed in float32 here.
FIXED = {
    f"{part}_{kind}_dtype": ("float32", "bfloat16")
    for part in PARTS
    for kind in ("param", "compute")
} | {
    "model_type": ("ntv3",),
    "deconv_phase": ("odd",),
    "deconv_upsample_type": ("conv_transpose", "repeat+conv"),
    "tie_word_embeddings": (False,),
    "is_encoder_decoder": (False,),
}
INERT = frozenset(
    {
        "use_remat_in_transformer",
        "use_remat_in_convs",
        "embeddings_layers_to_save",
        "attention_maps_to_save",
        "deconv_layers_to_save",
        "bos_token_id",
        "eos_token_id",
        "_commit_hash",
    }
)


def _read_config(config: dict) -> Ntv3Config:
    read = take(config, Ntv3Config, FIXED, INERT)
    if read.key_size * read.attention_heads != read.embed_dim:
        observed = f"{read.attention_heads} heads of key_size {read.key_size}"
        raise ConfigurationError(
            message("config.json", observed, f"together embed_dim {read.embed_dim}")
        )
    if read.num_hidden_layers_head and read.conv_init_embed_dim != read.embed_dim:
        raise ConfigurationError(
            message(
                "config.json", "a head of several layers and towers that widen", "one of the two"
            )
        )
    return read


def n_id(config: Ntv3Config) -> int:
    """Return the id of N, the last of the published alphabet, which serves as padding. No
    checkpoint was trained on the token <pad>."""
    return config.alphabet_size - 1


class _Layer(nn.Module):
    """x + attention(norm(x)), then x + gated feed-forward(norm(x))."""

    def __init__(self, config: Ntv3Config):
        super().__init__()
        width, inner, eps = config.embed_dim, config.ffn_embed_dim, config.layer_norm_eps
        self.n_heads = config.attention_heads
        heads = {
            f"{name}_head": node(linear=nn.Linear(width, width))
            for name in ("query", "key", "value")
        }
        self.sa_layer = node(**heads, mha_output=nn.Linear(width, width))
        self.self_attention_layer_norm, self.final_layer_norm = (
            nn.LayerNorm(width, eps),
            nn.LayerNorm(width, eps),
        )
        self.fc1, self.fc2 = (
            nn.Linear(width, 2 * inner, bias=False),
            nn.Linear(inner, width, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normed, weights = self.self_attention_layer_norm(x), self.sa_layer
        projections = (weights.query_head, weights.key_head, weights.value_head)
        query, key, value = (by_heads(one.linear(normed), self.n_heads) for one in projections)
        x = x + weights.mha_output(attend(rotated(query), rotated(key), value))
        gate, passed = self.fc1(self.final_layer_norm(x)).chunk(2, -1)
        return x + self.fc2(silu(gate) * passed)


class Ntv3ForMaskedLM(nn.Module):
    """`forward` takes token ids (batch, length) and returns logits (batch, length, alphabet_size);
    it is `head` applied to `hidden`."""

    def __init__(self, config: Ntv3Config):
        super().__init__()
        self.config = config
        widths = [
            int(width)
            for width in np.linspace(
                config.conv_init_embed_dim, config.embed_dim, config.num_downsamples + 1
            )
        ]
        transposed = config.deconv_upsample_type == "conv_transpose"
        self.core = node(
            embed_layer=nn.Embedding(config.alphabet_size, config.token_embed_dim),
            stem=node(
                conv=nn.Conv1d(
                    config.token_embed_dim, widths[0], STEM_KERNEL, padding=STEM_KERNEL // 2
                )
            ),
            conv_tower_blocks=nn.ModuleList(
                TowerBlock(
                    n_in,
                    n_out,
                    nn.Conv1d(n_in, n_out, TOWER_KERNEL, padding=TOWER_KERNEL // 2),
                    nn.Conv1d(n_out, n_out, 1),
                )
                for n_in, n_out in pairwise(widths)
            ),
            transformer_blocks=nn.ModuleList(_Layer(config) for _ in range(config.num_layers)),
            deconv_tower_blocks=nn.ModuleList(
                TowerBlock(
                    n_in,
                    n_out,
                    Doubled(n_in, n_out, transposed),
                    nn.ConvTranspose1d(n_out, n_out, 1),
                )
                for n_in, n_out in pairwise(widths[::-1])
            ),
            lm_head=node(
                hidden_layers=nn.ModuleList(
                    nn.Linear(widths[0], widths[0]) for _ in range(config.num_hidden_layers_head)
                ),
                head=nn.Linear(widths[0], config.alphabet_size),
            ),
        )

    def padded(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the ids with N appended on the right up to whole blocks, (batch, padded
        length)."""
        block = 2**self.config.num_downsamples
        n_texts, length = input_ids.shape
        n_blocks = (length + block - 1) // block
        return torch.cat(
            (
                input_ids,
                input_ids.new_full((n_texts, n_blocks * block - length), n_id(self.config)),
            ),
            1,
        )

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the hidden states, (batch, padded length, conv_init_embed_dim)."""
        core = self.core
        x = ACTIVATE(core.stem.conv(core.embed_layer(self.padded(input_ids)).transpose(1, 2)))
        skipped = []
        for block in core.conv_tower_blocks:
            skipped.append(x)
            x = avg_pool1d(block(x), 2)
        x = x.transpose(1, 2)
        for layer in core.transformer_blocks:
            x = layer(x)
        x = x.transpose(1, 2)
        for block, before in zip(core.deconv_tower_blocks, reversed(skipped), strict=True):
            x = block(x) + before if self.config.use_skip_connection else block(x)
        return x.transpose(1, 2)

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        x = ACTIVATE(rows)
        for layer in self.core.lm_head.hidden_layers:
            x = ACTIVATE(layer(x))
        return self.core.lm_head.head(x)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(input_ids))[:, : input_ids.shape[1]]


def _text(config: Ntv3Config, vocabulary: dict[str, int]) -> Text:
    vocabulary = usable(vocabulary, config.alphabet_size, ("<mask>", "<pad>", "N"))
    check_ids(
        vocabulary,
        config.alphabet_size,
        {"<mask>": config.mask_token_id, "<pad>": config.pad_token_id, "N": n_id(config)},
    )
    return Text(k=1, vocabulary=vocabulary, mask="<mask>", unknown="N", outside="N")


def _window(config: Ntv3Config, window_bp: int | None) -> Window:
    width, block = window_bp or DEFAULT_BP, 2**config.num_downsamples
    # A window of one block would leave a single place between the towers, which an export treats as
    # a fixed size.
    shortest = max(SHORTEST_BP, block + 1)
    if width < shortest:
        raise ConfigurationError(
            message("window_bp", f"{width}", f"at least {shortest}, more than one block of {block}")
        )
    forward, reverse = width // 2, width - 1 - width // 2
    return Window(
        width,
        TRAINED_BP,
        forward,
        reverse,
        (-(width // 8), 0, width // 8),
        NEIGHBOUR_OFFSETS,
        False,
        shortest,
    )


VOCABULARY = numbered(["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *"ATCGN"])
CONFIG = {
    "model_type": "ntv3",
    "alphabet_size": 11,
    "pad_token_id": 1,
    "mask_token_id": 2,
    "num_downsamples": 3,
    "attention_heads": 4,
    "key_size": 12,
    "token_embed_dim": 16,
    "conv_init_embed_dim": 32,
    "embed_dim": 48,
    "ffn_embed_dim": 64,
    "num_layers": 2,
    "deconv_upsample_type": "repeat+conv",
}
FAMILY = Family(
    name="ntv3",
    model_types=("ntv3",),
    quantity="direct",
    read_config=_read_config,
    build=Ntv3ForMaskedLM,
    text=_text,
    window=_window,
    scorer=lambda network, config, text: BaseScorer(
        network, gathered(Ntv3ForMaskedLM.hidden), Ntv3ForMaskedLM.head, text, config.alphabet_size
    ),
    bar=DEEP_BAR,
    surplus=(r".*\.rotary_embedding\.(inv_freq|cos_cached|sin_cached)",),
    examples={"ntv3": Example(CONFIG, VOCABULARY, 100, scale=3.0)},
)
