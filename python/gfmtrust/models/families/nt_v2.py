"""Nucleotide Transformer v2: masked 6-mers with ids from 6, ESM with rotary positions and gated
feed-forward layers without bias.

Stock ESM has no gate and would load another network. The network is our own; its parameters have
the names of the checkpoints' modeling_esm.py: pre-norm layers, a feed-forward of silu(first half)
times second half, no token dropout. `nt_v1` is the older generation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import gelu, silu

from gfmtrust.models import nt_text
from gfmtrust.models.family import Example, Family, take
from gfmtrust.models.layers.blocks import attend, by_heads, node, rotated
from gfmtrust.models.layers.folding import KmerScorer, gathered
from gfmtrust.models.vocabularies import kmers, numbered


@dataclass(frozen=True)
class NtV2Config:
    """Fields of config.json that shape the network; the published files state all of them,
    tie_word_embeddings as false."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    pad_token_id: int
    mask_token_id: int
    layer_norm_eps: float = 1e-12
    tie_word_embeddings: bool = True


FIXED = {
    "model_type": ("esm",),
    "position_embedding_type": ("rotary",),
    "add_bias_fnn": (False,),
    "token_dropout": (False,),
    "emb_layer_norm_before": (False, None),
    "is_folding_model": (False,),
    "esmfold_config": (None,),
    "is_decoder": (False,),
    "add_cross_attention": (False,),
    "is_encoder_decoder": (False,),
    "rope_theta": (10000.0,),
    "hyena_framework": (False,),
}
INERT = frozenset(
    {"vocab_list", "bos_token_id", "eos_token_id", "hidden_act"}
)  # its code fixes the activation


class _Layer(nn.Module):
    """x + attention(norm(x)), then x + gated feed-forward(norm(x))."""

    def __init__(self, config: NtV2Config):
        super().__init__()
        width, inner, eps = config.hidden_size, config.intermediate_size, config.layer_norm_eps
        self.n_heads = config.num_attention_heads
        projections = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        self.attention = node(
            **{"self": node(**projections)},
            output=node(dense=nn.Linear(width, width)),
            LayerNorm=nn.LayerNorm(width, eps),
        )
        self.intermediate = node(dense=nn.Linear(width, 2 * inner, bias=False))
        self.output = node(dense=nn.Linear(inner, width, bias=False))
        self.LayerNorm = nn.LayerNorm(width, eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normed, weights = self.attention.LayerNorm(x), self.attention.self
        query, key, value = (
            by_heads(one(normed), self.n_heads)
            for one in (weights.query, weights.key, weights.value)
        )
        x = x + self.attention.output.dense(attend(rotated(query), rotated(key), value))
        gate, passed = self.intermediate.dense(self.LayerNorm(x)).chunk(2, -1)
        return x + self.output.dense(silu(gate) * passed)


class NtV2ForMaskedLM(nn.Module):
    """`forward` takes token ids (batch, length) and returns logits (batch, length, vocab_size); it
    is `head` applied to `hidden`."""

    def __init__(self, config: NtV2Config):
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        embedding = nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id)
        layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))
        self.esm = node(
            embeddings=node(word_embeddings=embedding),
            encoder=node(layer=layers, emb_layer_norm_after=nn.LayerNorm(width, eps)),
        )
        self.lm_head = node(
            dense=nn.Linear(width, width),
            layer_norm=nn.LayerNorm(width, eps),
            decoder=nn.Linear(width, config.vocab_size, bias=False),
        )
        self.lm_head.bias = nn.Parameter(torch.zeros(config.vocab_size))
        if config.tie_word_embeddings:
            self.lm_head.decoder.weight = embedding.weight

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        x = self.esm.embeddings.word_embeddings(input_ids)
        for layer in self.esm.encoder.layer:
            x = layer(x)
        return self.esm.encoder.emb_layer_norm_after(x)

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        return (
            self.lm_head.decoder(self.lm_head.layer_norm(gelu(self.lm_head.dense(rows))))
            + self.lm_head.bias
        )

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(input_ids))


EXAMPLE = Example(
    {
        "model_type": "esm",
        "vocab_size": 4107,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 43,
        "pad_token_id": 1,
        "mask_token_id": 2,
        "token_dropout": False,
        "position_embedding_type": "rotary",
        "add_bias_fnn": False,
        "emb_layer_norm_before": False,
        "esmfold_config": None,
        "is_folding_model": False,
        "layer_norm_eps": 1e-12,
        "tie_word_embeddings": False,
        "vocab_list": None,
        "use_cache": False,
    },
    numbered(["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *kmers(), *"ATCGN"]),
    144,
)
FAMILY = Family(
    name="nt_v2",
    model_types=("esm",),
    quantity="kmer",
    read_config=lambda config: take(config, NtV2Config, FIXED, INERT),
    build=NtV2ForMaskedLM,
    text=lambda config, vocabulary: nt_text.text(config, vocabulary, nt_text.V2),
    window=nt_text.window,
    # A rotary config without add_bias_fnn is ESM-2, which has no gate.
    reads=lambda config: (
        config.get("position_embedding_type") == "rotary" and config.get("add_bias_fnn") is False
    ),
    scorer=lambda network, config, text: KmerScorer(
        network, gathered(NtV2ForMaskedLM.hidden), NtV2ForMaskedLM.head, text, config.vocab_size
    ),
    surplus=(
        r"esm\.embeddings\.(position_ids|position_embeddings\.weight)",
        r".*rotary_embeddings\.inv_freq",
        r"esm\.contact_head\..*",
    ),
    tied=(("lm_head.decoder.weight", "esm.embeddings.word_embeddings.weight"),),
    examples={"nt_v2": EXAMPLE},
)
