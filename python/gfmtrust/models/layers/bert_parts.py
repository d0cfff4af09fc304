"""Parts that the BERT families share: the keys of config.json and, for the networks written here,
the embeddings and the head for masked tokens, under their names in a checkpoint.

A text has one segment (token type 0) and no padding, so every row of a batch is read in full.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from torch.nn.functional import gelu

from gfmtrust.models.layers.blocks import node

FIXED = {
    "model_type": ("bert",),
    "hidden_act": ("gelu",),
    "position_embedding_type": ("absolute",),
    "tie_word_embeddings": (True,),
}
"""Values of config.json that all BERT families here require."""
INERT = frozenset(
    {
        "bos_token_id",
        "cls_token_id",
        "mask_token_id",
        "pooler_fc_size",
        "pooler_num_attention_heads",
        "pooler_num_fc_layers",
        "pooler_size_per_head",
        "pooler_type",
        "directionality",
    }
)
"""Ids of special tokens, which are read from the tokenizer instead, and the settings of the pooler,
which scoring does not run."""
INITIAL_STD = 0.02
"""Standard deviation of the embedding tables before training; random networks in tests use it."""
SURPLUS = (
    r"bert\.embeddings\.(position_ids|token_type_ids)",
    r"bert\.pooler\..*",
    r"cls\.seq_relationship\..*",
)
"""Weights of a file that scoring does not use: index buffers, the pooler, and the head for
next-sentence prediction."""
TIED = (("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),)


class Embeddings(nn.Module):
    """The sum of the token embedding, the embedding of the single segment and, where n_positions >
    0, learned positions, followed by a layer norm."""

    def __init__(self, config: Any, n_positions: int):
        super().__init__()
        width = config.hidden_size
        self.word_embeddings = nn.Embedding(config.vocab_size, width)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, width)
        if n_positions:
            self.position_embeddings = nn.Embedding(n_positions, width)
        for table in self.children():
            nn.init.normal_(cast(nn.Embedding, table).weight, std=INITIAL_STD)
        self.LayerNorm = nn.LayerNorm(width, config.layer_norm_eps)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        x = self.word_embeddings(input_ids) + self.token_type_embeddings.weight[0]
        if hasattr(self, "position_embeddings"):
            x = x + self.position_embeddings(torch.arange(input_ids.shape[1], device=x.device))
        return self.LayerNorm(x)


class Predictions(nn.Module):
    """A dense layer, GELU and norm, then the token embedding table as the output layer."""

    def __init__(self, words: nn.Embedding, eps: float):
        super().__init__()
        n_words, width = words.weight.shape
        self.transform = node(dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps))
        self.decoder = nn.Linear(width, n_words)
        self.decoder.weight = words.weight

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.transform.LayerNorm(gelu(self.transform.dense(rows))))


class Bert(nn.Module):
    """Embeddings, layers and head. `forward` takes token ids (batch, length) and returns logits
    (batch, length, vocab_size); it is `head` applied to `hidden`.

    layer: config -> a module called with (x, bias), where `bias` is computed once for all layers.
    """

    def __init__(self, config: Any, n_positions: int, layer: type, head_eps: float):
        super().__init__()
        embeddings = Embeddings(config, n_positions)
        self.bert = node(
            embeddings=embeddings,
            encoder=node(
                layer=nn.ModuleList(layer(config) for _ in range(config.num_hidden_layers))
            ),
        )
        self.cls = node(predictions=Predictions(embeddings.word_embeddings, head_eps))

    def bias(self, x: torch.Tensor) -> torch.Tensor | None:
        """Return the term added to the attention scores, (1, heads, length, length), or None."""
        return None

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        x = self.bert.embeddings(input_ids)
        bias = self.bias(x)
        for layer in self.bert.encoder.layer:
            x = layer(x, bias)
        return x

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        return self.cls.predictions(rows)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(input_ids))
