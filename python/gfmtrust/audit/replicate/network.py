"""The network of a replication: the masked BERT of the published experiment, smaller, tied or not."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from gfmtrust.audit.replicate.settings import PAD, Settings
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.io.atomic import part_file, synced


def build(settings: Settings, vocabulary: int, tied: bool) -> nn.Module:
    """A BertForMaskedLM with random weights by the generator of torch. tied: the decoder has the
    matrix of the token embeddings, as published."""
    return BertForMaskedLM(
        BertConfig(
            vocab_size=vocabulary,
            hidden_size=settings.width,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            intermediate_size=2 * settings.width,
            max_position_embeddings=settings.length,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=PAD,
            tie_word_embeddings=tied,
        )
    )


def start_at(network: nn.Module, frequencies: np.ndarray) -> None:
    """Let the bias of the decoder be the logarithms of the frequencies, (vocabulary,)."""
    bias = torch.from_numpy(np.log(frequencies)).float()
    network.cls.predictions.decoder.bias.data.copy_(bias)  # type: ignore[union-attr]


def last_layer(network: nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """The last hidden states, (n, length, width). ids: int64 (n, length)."""
    return network.bert(ids)[0]  # type: ignore[operator]


def logits(network: nn.Module, ids: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """Logits of the asked tokens alone, (number asked, vocabulary). ids: int64 (n, length); asked:
    bool of the same shape."""
    return network.cls(last_layer(network, ids)[asked])  # type: ignore[operator]


def split(network: nn.Module, settings: Settings, vocabulary: int) -> nn.Module:
    """The same function with a decoder matrix of its own, so that each side of a tied matrix has a
    gradient of its own. The gradient of the tied matrix is the sum of both."""
    apart = build(settings, vocabulary, tied=False)
    state = network.state_dict()
    state["cls.predictions.decoder.weight"] = state["cls.predictions.decoder.weight"].clone()
    apart.load_state_dict(state)
    return apart.eval()


def save(network: nn.Module, path: Path, key: str) -> None:
    """Write the weights and the digest of what decided them, whole or not at all."""
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with part_file(path, force=True) as part, synced(part) as stream:
        np.savez(stream, key=np.array(key), **arrays)


def load(path: Path, settings: Settings, vocabulary: int, tied: bool) -> tuple[nn.Module, str]:
    """A trained member and the digest that it was saved with. Raises BadDataError (65) for a damaged
    file."""
    network = build(settings, vocabulary, tied)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            key = str(file["key"])
            state = {name: torch.from_numpy(file[name]) for name in file.files if name != "key"}
        network.load_state_dict(state)
    except (OSError, ValueError, KeyError, RuntimeError, EOFError, BadZipFile) as error:
        raise BadDataError(
            message(
                str(path),
                f"no weights of this network ({type(error).__name__})",
                "a member that this command wrote",
                "remove the file, and the member is trained again",
            )
        ) from None
    return network.eval(), key
