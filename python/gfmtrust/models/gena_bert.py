"""GENA-LM: BERT with the norm before each branch (pre-LN) and one after the last layer, masked tokens of BPE.

Its config.json says model_type bert: plain BERT would load another network and raise nothing, so `reads` looks at pre_layer_norm. The
network is ours, its parameters have the names of AIRI-Institute/GENA_LM's modeling_bert.py. Not here: sparse attention, rotary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import gelu

from gfmtrust.models.bert_parts import Bert
from gfmtrust.models.blocks import attend, by_heads, node


@dataclass(frozen=True)
class GenaConfig:
    """Fields of config.json that shape the network; last_layer_norm is on where pre_layer_norm is, unless the file says otherwise."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    last_layer_norm: bool = True


FIXED = {"model_type": ("bert",), "pre_layer_norm": (True,), "hidden_act": ("gelu",), "position_embedding_type": ("absolute",),
         "is_decoder": (False,), "add_cross_attention": (False,), "is_encoder_decoder": (False,), "tie_word_embeddings": (True,)}
INERT = frozenset({"classifier_dropout", "gradient_checkpointing", "pad_token_id", "bos_token_id", "eos_token_id"})


class _Layer(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, config: GenaConfig):
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.n_heads = config.num_attention_heads
        self.pre_attention_ln, self.post_attention_ln = nn.LayerNorm(width, eps), nn.LayerNorm(width, eps)
        projections = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        self.attention = node(**{"self": node(**projections)}, output=node(dense=nn.Linear(width, width)))
        self.intermediate = node(dense=nn.Linear(width, config.intermediate_size))
        self.output = node(dense=nn.Linear(config.intermediate_size, width))

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        normed, weights = self.pre_attention_ln(x), self.attention.self
        query, key, value = (by_heads(one(normed), self.n_heads) for one in (weights.query, weights.key, weights.value))
        x = x + self.attention.output.dense(attend(query, key, value, bias))
        return x + self.output.dense(gelu(self.intermediate.dense(self.post_attention_ln(x))))


class GenaForMaskedLM(Bert):
    """`Bert` of pre-LN layers; the head's bias has a second name in the files."""

    def __init__(self, config: GenaConfig):
        super().__init__(config, config.max_position_embeddings, _Layer, config.layer_norm_eps)
        self.cls.predictions.bias = self.cls.predictions.decoder.bias
        if config.last_layer_norm:
            self.bert.encoder.last_layer_ln = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        x = super().hidden(input_ids)
        return self.bert.encoder.last_layer_ln(x) if hasattr(self.bert.encoder, "last_layer_ln") else x
