"""DNABERT-2: masked BPE tokens, BERT with ALiBi instead of position embeddings and gated
feed-forward layers (MosaicBERT).

The network is our own; its parameters have the names of zhihan1996/DNABERT-2-117M. It has neither
the unpadding nor the Triton kernels of the original. The ALiBi bias is computed in the graph from
the length, so a window of any length is handled in the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import gelu

from gfmtrust.models import vocabularies
from gfmtrust.models.bpe_family import bpe_text, bpe_window
from gfmtrust.models.family import Example, Family, Window, take
from gfmtrust.models.layers.bert_parts import FIXED, INERT, SURPLUS, TIED, Bert
from gfmtrust.models.layers.blocks import attend, by_heads, node
from gfmtrust.models.layers.folding import TokenScorer, gathered

DEFAULT_BP = 1024
BASES_PER_TOKEN = 5
"""The mean length of a token of its vocabulary of 4,096 on the genomes it was trained on (Zhou et
al. 2023)."""
HEAD_EPS = 1e-12
"""The head's code fixes this value, whatever layer_norm_eps says."""


@dataclass(frozen=True)
class Dnabert2Config:
    """Fields of config.json that shape the network."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12


# The bias is computed for each length, so alibi_starting_size has no effect;
# position_embedding_type is written by the authors' code and never read.
UNREAD = INERT | {"alibi_starting_size", "pad_token_id"}


def slopes(n_heads: int) -> list[float]:
    """Return the ALiBi slope of each head: the powers of 2^(-8/n). For n that is not a power of two
    these are the slopes of the next lower power of two, then every second slope of the next higher
    one. Source: Press et al., arXiv:2108.12409, and its published code."""
    power = 2 ** int(math.log2(n_heads))
    below = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    above = [2 ** (-8 * (i + 1) / (2 * power)) for i in range(0, 2 * power, 2)]
    return (below + above)[:n_heads]


def alibi(length: int, n_heads: int, like: torch.Tensor) -> torch.Tensor:
    """Return the bias -slope * |i - j|, shape (1, heads, length, length), with the type and device
    of `like`."""
    place = torch.arange(length, dtype=torch.float32, device=like.device)
    slope = torch.tensor(slopes(n_heads), dtype=torch.float32, device=like.device)[:, None, None]
    return (-slope * (place - place[:, None]).abs()).unsqueeze(0).to(like.dtype)


class _Layer(nn.Module):
    """norm(x + attention(x)), then norm(x + wo(gelu(first half) * second half)) of the gated
    layer."""

    def __init__(self, config: Dnabert2Config):
        super().__init__()
        width, inner, eps = config.hidden_size, config.intermediate_size, config.layer_norm_eps
        self.n_heads = config.num_attention_heads
        self.attention = node(
            **{"self": node(Wqkv=nn.Linear(width, 3 * width))},
            output=node(dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps)),
        )
        self.mlp = node(
            gated_layers=nn.Linear(width, 2 * inner, bias=False),
            wo=nn.Linear(inner, width),
            layernorm=nn.LayerNorm(width, eps),
        )

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            by_heads(one, self.n_heads) for one in self.attention.self.Wqkv(x).chunk(3, -1)
        )
        x = self.attention.output.LayerNorm(
            x + self.attention.output.dense(attend(query, key, value, bias))
        )
        gate, passed = self.mlp.gated_layers(x).chunk(2, -1)
        return self.mlp.layernorm(x + self.mlp.wo(gelu(gate) * passed))


class Dnabert2ForMaskedLM(Bert):
    """`Bert` without position embeddings; only ALiBi encodes the position of a token."""

    def __init__(self, config: Dnabert2Config):
        super().__init__(config, 0, _Layer, HEAD_EPS)
        self.n_heads = config.num_attention_heads

    def bias(self, x: torch.Tensor) -> torch.Tensor:
        return alibi(x.shape[1], self.n_heads, x)


def _window(config: Dnabert2Config, window_bp: int | None) -> Window:
    trained = config.max_position_embeddings * BASES_PER_TOKEN
    return bpe_window(window_bp, min(DEFAULT_BP, trained // 2), trained)


EXAMPLE = Example(
    {
        "model_type": "bert",
        "architectures": ["BertForMaskedLM"],
        "alibi_starting_size": 512,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout": None,
        "gradient_checkpointing": False,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": 36,
        "initializer_range": 0.02,
        "intermediate_size": 64,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 128,
        "num_attention_heads": 6,
        "num_hidden_layers": 2,
        "position_embedding_type": "absolute",
        "type_vocab_size": 2,
        "vocab_size": 4096,
    },
    {},
    160,
    scale=3.0,
    tokenizer=vocabularies.bpe(4096),
)
FAMILY = Family(
    name="dnabert2",
    model_types=("bert",),
    quantity="likelihood",
    build=Dnabert2ForMaskedLM,
    window=_window,
    read_config=lambda config: take(config, Dnabert2Config, FIXED, UNREAD),
    text=lambda config, file: bpe_text(
        file, config.vocab_size, mask="[MASK]"
    ),  # ALiBi handles any number of tokens
    scorer=lambda network, config, text: TokenScorer(network, gathered(Bert.hidden), Bert.head),
    reads=lambda config: "alibi_starting_size" in config,
    surplus=SURPLUS,
    tied=TIED,
    examples={"dnabert2": EXAMPLE},
)
