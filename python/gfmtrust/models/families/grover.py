"""GROVER: masked BPE tokens, BERT over a vocabulary of about 600 tokens of the human genome.

The network is transformers' own BertForMaskedLM, post-norm with learned positions. A config.json
with pre_layer_norm or with ALiBi describes another network and belongs to another family
(`gena_bert`, `dnabert2`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from gfmtrust.bundle.bpe import BpeText
from gfmtrust.bundle.bpe_file import BpeFile
from gfmtrust.models import vocabularies
from gfmtrust.models.bpe_family import bpe_text, bpe_window
from gfmtrust.models.family import Example, Family, Window, take
from gfmtrust.models.layers.bert_parts import FIXED, INERT, TIED
from gfmtrust.models.layers.folding import TokenScorer, gathered

DEFAULT_BP = 1024
BASES_PER_TOKEN = 4
"""Rounded down from ln 609 / ln 4 = 4.6, the length if all tokens were equally likely. It only sets
the window that counts as trained; no score depends on it."""
FOREIGN = ("pre_layer_norm", "alibi_starting_size", "last_layer_norm", "rotary_value")
"""Keys of other networks with the same model_type."""


@dataclass(frozen=True)
class GroverConfig:
    """Fields of config.json that shape the network, with BERT's defaults."""

    vocab_size: int
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0


def _read_config(config: dict) -> GroverConfig:
    return take(config, GroverConfig, FIXED, INERT)


def _build(config: GroverConfig) -> nn.Module:
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(
        BertConfig(
            **asdict(config),
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            use_cache=False,
        )
    )


def _text(config: GroverConfig, file: BpeFile) -> BpeText:
    return bpe_text(
        file, config.vocab_size, mask="[MASK]", max_tokens=config.max_position_embeddings
    )


def _hidden(network: Any, input_ids: torch.Tensor) -> torch.Tensor:
    return network.bert(input_ids).last_hidden_state


def _head(network: Any, rows: torch.Tensor) -> torch.Tensor:
    return network.cls(rows)


def _window(config: GroverConfig, window_bp: int | None) -> Window:
    trained = config.max_position_embeddings * BASES_PER_TOKEN
    return bpe_window(window_bp, min(DEFAULT_BP, trained // 2), trained)


EXAMPLE = Example(
    {
        "model_type": "bert",
        "vocab_size": 609,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 128,
        "type_vocab_size": 2,
        "position_embedding_type": "absolute",
        "pad_token_id": 0,
    },
    {},
    160,
    tokenizer=vocabularies.bpe(609, ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")),
)
FAMILY = Family(
    name="grover",
    model_types=("bert",),
    quantity="likelihood",
    read_config=_read_config,
    build=_build,
    text=_text,
    window=_window,
    scorer=lambda network, config, text: TokenScorer(network, gathered(_hidden), _head),
    reads=lambda config: not any(key in config for key in FOREIGN),
    surplus=(r"bert\.embeddings\.position_ids", r"bert\.pooler\..*", r"cls\.seq_relationship\..*"),
    tied=(*TIED, ("cls.predictions.decoder.bias", "cls.predictions.bias")),
    examples={"grover": EXAMPLE},
)
