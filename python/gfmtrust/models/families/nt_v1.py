"""Nucleotide Transformer v1: masked 6-mers after one CLS, ESM with learned positions and token
dropout.

The network is transformers' own EsmForMaskedLM. Its token dropout also acts at inference: mask
embeddings are set to zero and the others are rescaled, so it stays in the graph. v2 (rotary
positions, gated feed-forward), which stock ESM would load as another network, is `nt_v2`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from gfmtrust.models import nt_text
from gfmtrust.models.family import Example, Family, take
from gfmtrust.models.layers.folding import KmerScorer, gathered
from gfmtrust.models.vocabularies import kmers, numbered


@dataclass(frozen=True)
class NtConfig:
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
    token_dropout: bool
    layer_norm_eps: float = 1e-12
    emb_layer_norm_before: bool = False
    tie_word_embeddings: bool = True


FIXED = {
    "model_type": ("esm",),
    "position_embedding_type": ("absolute",),
    "is_folding_model": (False,),
    "esmfold_config": (None,),
    "is_decoder": (False,),
    "add_cross_attention": (False,),
    "is_encoder_decoder": (False,),
    "hidden_act": ("gelu",),
    "add_bias_fnn": (True,),
}
# rope_theta is always written, but only read with rotary positions.
INERT = frozenset({"vocab_list", "bos_token_id", "eos_token_id", "rope_theta"})


def _read_config(config: dict) -> NtConfig:
    config = {
        key: value
        for key, value in config.items()
        if not (key == "emb_layer_norm_before" and value is None)
    }
    return take(config, NtConfig, FIXED, INERT)


def _build(config: NtConfig) -> nn.Module:
    from transformers import EsmConfig, EsmForMaskedLM

    return EsmForMaskedLM(
        EsmConfig(
            **asdict(config),
            position_embedding_type="absolute",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            use_cache=False,
        )
    )


def _hidden(network: Any, input_ids: torch.Tensor) -> torch.Tensor:
    return network.esm(input_ids).last_hidden_state


def _head(network: Any, rows: torch.Tensor) -> torch.Tensor:
    return network.lm_head(rows)


EXAMPLE = Example(
    {
        "model_type": "esm",
        "vocab_size": 4105,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 43,
        "pad_token_id": 1,
        "mask_token_id": 2,
        "token_dropout": True,
        "position_embedding_type": "absolute",
    },
    numbered(["<unk>", "<pad>", "<mask>", "<cls>", *kmers(), *"ATCGN"]),
    144,
)
FAMILY = Family(
    name="nt_v1",
    model_types=("esm",),
    quantity="kmer",
    read_config=_read_config,
    build=_build,
    text=lambda config, vocabulary: nt_text.text(config, vocabulary, nt_text.V1),
    window=nt_text.window,
    reads=lambda config: config.get("position_embedding_type", "absolute") != "rotary",
    scorer=lambda network, config, text: KmerScorer(
        network, gathered(_hidden), _head, text, config.vocab_size
    ),
    surplus=(r"esm\.embeddings\.position_ids",),
    unused=(r"esm\.contact_head\..*",),
    tied=(("lm_head.decoder.weight", "esm.embeddings.word_embeddings.weight"),),
    examples={"nt_v1": EXAMPLE},
)
