"""GENA-LM: masked BPE tokens, BERT with a norm before each branch (pre-LN) and one after the last
layer.

Its config.json states model_type bert, and plain BERT would load another network without an error,
so `reads` checks pre_layer_norm. The network is our own; its parameters have the names of
AIRI-Institute/GENA_LM's modeling_bert.py. Sparse attention and rotary positions are not supported.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import gelu

from gfmtrust.bundle.bpe import BpeText
from gfmtrust.bundle.bpe_file import BpeFile
from gfmtrust.models import vocabularies
from gfmtrust.models.bpe_family import bpe_text, bpe_window
from gfmtrust.models.family import Example, Family, Window, check_ids, take
from gfmtrust.models.layers.bert_parts import FIXED, INERT, SURPLUS, TIED, Bert
from gfmtrust.models.layers.blocks import attend, by_heads, node
from gfmtrust.models.layers.folding import TokenScorer, gathered

DEFAULT_BP = 2048
BASES_PER_TOKEN = 9
"""The mean length of a token of its vocabulary of 32,000: 512 tokens cover about 4.5 kb (Fishman et
al. 2025)."""


@dataclass(frozen=True)
class GenaConfig:
    """Fields of config.json that shape the network; last_layer_norm is true unless the file says
    otherwise."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    last_layer_norm: bool = True
    pad_token_id: int = 3


class _Layer(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, config: GenaConfig):
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.n_heads = config.num_attention_heads
        self.pre_attention_ln, self.post_attention_ln = (
            nn.LayerNorm(width, eps),
            nn.LayerNorm(width, eps),
        )
        projections = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        self.attention = node(
            **{"self": node(**projections)}, output=node(dense=nn.Linear(width, width))
        )
        self.intermediate = node(dense=nn.Linear(width, config.intermediate_size))
        self.output = node(dense=nn.Linear(config.intermediate_size, width))

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        normed, weights = self.pre_attention_ln(x), self.attention.self
        query, key, value = (
            by_heads(one(normed), self.n_heads)
            for one in (weights.query, weights.key, weights.value)
        )
        x = x + self.attention.output.dense(attend(query, key, value, bias))
        return x + self.output.dense(gelu(self.intermediate.dense(self.post_attention_ln(x))))


class GenaForMaskedLM(Bert):
    """`Bert` with pre-LN layers; the files contain the bias of the head under a second name."""

    def __init__(self, config: GenaConfig):
        super().__init__(config, config.max_position_embeddings, _Layer, config.layer_norm_eps)
        self.cls.predictions.bias = self.cls.predictions.decoder.bias
        if config.last_layer_norm:
            self.bert.encoder.last_layer_ln = nn.LayerNorm(
                config.hidden_size, config.layer_norm_eps
            )

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        x = super().hidden(input_ids)
        return (
            self.bert.encoder.last_layer_ln(x) if hasattr(self.bert.encoder, "last_layer_ln") else x
        )


def _text(config: GenaConfig, file: BpeFile) -> BpeText:
    text = bpe_text(
        file, config.vocab_size, mask="[MASK]", max_tokens=config.max_position_embeddings
    )
    check_ids(text.vocabulary, config.vocab_size, {"[PAD]": config.pad_token_id})
    return text


def _window(config: GenaConfig, window_bp: int | None) -> Window:
    trained = config.max_position_embeddings * BASES_PER_TOKEN
    return bpe_window(window_bp, min(DEFAULT_BP, trained // 2), trained)


def _example(**more) -> Example:
    """Return the published keys at reduced width, with a vocabulary of 2,048 instead of 32,000."""
    config = {
        "model_type": "bert",
        "architectures": ["BertForMaskedLM"],
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "gradient_checkpointing": False,
        "hidden_dropout_prob": 0.1,
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 64,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 128,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "pad_token_id": 3,
        "position_embedding_type": "absolute",
        "pre_layer_norm": True,
        "type_vocab_size": 2,
        "vocab_size": 2048,
    }
    return Example(config | more, {}, 160, tokenizer=vocabularies.bpe(2048))


FAMILY = Family(
    name="gena_bert",
    model_types=("bert",),
    quantity="likelihood",
    build=GenaForMaskedLM,
    text=_text,
    window=_window,
    read_config=lambda config: take(config, GenaConfig, FIXED | {"pre_layer_norm": (True,)}, INERT),
    scorer=lambda network, config, text: TokenScorer(
        network, gathered(GenaForMaskedLM.hidden), Bert.head
    ),
    reads=lambda config: (
        config.get("pre_layer_norm") is True and "alibi_starting_size" not in config
    ),
    surplus=SURPLUS,
    tied=(*TIED, ("cls.predictions.decoder.bias", "cls.predictions.bias")),
    examples={
        "gena_bert": _example(last_layer_norm=True),
        "gena_bert_no_last_norm": _example(last_layer_norm=False),
    },
)
