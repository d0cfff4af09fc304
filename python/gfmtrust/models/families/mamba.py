"""Mamba-1 over single bases, causal. Each of the four bases is scored by the likelihood of the
window from the site onwards.

The network is our own, with the parameter names of transformers' MambaForCausalLM: an export would
unroll transformers' Python loop at one fixed length. A window is the token that bos_token_id names,
the bases before the site and a few from the site onwards, the same on both strands in reading
direction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.bundle.vocabulary import usable
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.family import NEIGHBOURS, Example, Family, Window, check_ids, take
from gfmtrust.models.layers.folding import BaseScorer, gathered
from gfmtrust.models.layers.mamba_mixer import Mixer, RmsNorm, without_scan
from gfmtrust.models.layers.scan import LONGEST
from gfmtrust.models.vocabularies import CHARACTERS, numbered

DEFAULT_CONTEXT_BP = 1024
"""The default length of a window in letters, because config.json states no context."""
SHORTEST_BP = 32
RADIUS_BP = 32
"""The number of letters from the site onwards that score a base; an eighth of the window where that
is smaller."""


@dataclass(frozen=True)
class MambaConfig:
    """Fields of config.json that shape the network."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    time_step_rank: int
    bos_token_id: int
    state_size: int = 16
    expand: int = 2
    conv_kernel: int = 4
    layer_norm_epsilon: float = 1e-5
    use_bias: bool = False
    use_conv_bias: bool = True
    tie_word_embeddings: bool = True


FIXED = {
    "model_type": ("mamba",),
    "hidden_act": ("silu",),
    "rms_norm": (True,),
    "ssm_cfg": ({}, None),
    "is_encoder_decoder": (False,),
}
# These keys concern the initialisation, the choice among transformers' implementations, and the
# type of the residual stream, which is float32 here.
INERT = frozenset(
    {
        "eos_token_id",
        "pad_token_id",
        "rescale_prenorm_residual",
        "residual_in_fp32",
        "fused_add_norm",
        "use_mambapy",
        "use_associative_scan",
        "time_step_scale",
        "time_step_min",
        "time_step_max",
        "time_step_init_scheme",
        "time_step_floor",
        "pad_vocab_size_multiple",
        "layer_types",
    }
)


def read_twice(config: dict, products: dict[str, tuple]) -> dict:
    """Return a config.json without its redundant keys. products: key -> the keys or numbers whose
    product its value must equal.

    Raises ConfigurationError (78) where a redundant key contradicts the others.
    """
    config = dict(config)
    for name, factors in products.items():
        expected = math.prod(
            config.get(factor, 0) if isinstance(factor, str) else factor for factor in factors
        )
        if name in config and (value := config.pop(name)) != expected:
            raise ConfigurationError(
                message(
                    "config.json",
                    f"{name} is {value!r}",
                    f"{expected}, from {' * '.join(map(str, factors))}",
                )
            )
    return config


def auto_rank(width: int) -> int:
    """Return the rank of the step's projection that "auto" stands for: width / 16, rounded up."""
    return -(-width // 16)


def _read_config(config: dict) -> MambaConfig:
    expand = config.get("expand", MambaConfig.expand)
    config = read_twice(
        config,
        {
            "d_model": ("hidden_size",),
            "n_layer": ("num_hidden_layers",),
            "d_inner": ("hidden_size", expand),
            "intermediate_size": ("hidden_size", expand),
        },
    )
    if config.get("time_step_rank", "auto") == "auto" and type(config.get("hidden_size")) is int:
        config["time_step_rank"] = auto_rank(config["hidden_size"])
    return take(config, MambaConfig, FIXED, INERT)


class Block(nn.Module):
    """A pre-norm mixer, added to the residual stream."""

    def __init__(self, norm: nn.Module, mixer: nn.Module):
        super().__init__()
        self.norm, self.mixer = norm, mixer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mixer(self.norm(x))


class Backbone(nn.Module):
    """The embedding, the blocks and the last norm."""

    def __init__(self, config, mixer_of):
        super().__init__()
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        nn.init.normal_(self.embeddings.weight, std=config.hidden_size**-0.5)
        self.layers = nn.ModuleList(
            Block(RmsNorm(config.hidden_size, config.layer_norm_epsilon), mixer_of(config))
            for _ in range(config.num_hidden_layers)
        )
        self.norm_f = RmsNorm(config.hidden_size, config.layer_norm_epsilon)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        x = self.embeddings(input_ids)
        for layer in self.layers:
            x = layer(x)
        return self.norm_f(x)


class CausalLanguageModel(nn.Module):
    """`forward` takes token ids (batch, length) and returns logits of the next token, (batch,
    length, vocab_size). mixer_of: config -> the mixer of one layer."""

    def __init__(self, config, mixer_of):
        super().__init__()
        self.backbone = Backbone(config, mixer_of)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.backbone.embeddings.weight

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.lm_head(self.backbone(input_ids))


def _mixer(config: MambaConfig) -> Mixer:
    return Mixer(
        config.hidden_size,
        config.state_size,
        config.expand,
        config.conv_kernel,
        config.time_step_rank,
        config.use_bias,
        config.use_conv_bias,
    )


def text(config, vocabulary: dict[str, int]) -> Text:
    """Return the text of single bases after the token that bos_token_id names. Raises BadDataError
    (65) where no token has that id. Whether that token can begin a text, which the default id 0 may
    not, is checked by `vocabulary.checked`."""
    named = {number: token for token, number in vocabulary.items()}.get(
        config.bos_token_id, "the token of bos_token_id"
    )
    vocabulary = usable(vocabulary, config.vocab_size, (named, "N"))
    check_ids(vocabulary, config.vocab_size, {named: config.bos_token_id})
    return Text(
        k=1, vocabulary=vocabulary, mask="", unknown="N", outside="N", prefix=(named,), causal=True
    )


def window(config, window_bp: int | None) -> Window:
    """Return the window, with the site RADIUS_BP before its end; the neighbours before the site
    need no pass of their own. Raises ConfigurationError (78) for a length outside SHORTEST_BP to
    LONGEST."""
    width = window_bp or DEFAULT_CONTEXT_BP
    if not SHORTEST_BP <= width <= LONGEST:
        raise ConfigurationError(message("window_bp", f"{width}", f"{SHORTEST_BP} to {LONGEST}"))
    site = width - min(RADIUS_BP, width // 8)
    return Window(width, width, site, site, (), tuple(range(-NEIGHBOURS, 0)), True, SHORTEST_BP)


def scorer(network: CausalLanguageModel, config, text: Text) -> BaseScorer:
    """Return the folded network, which answers with log-probabilities of the four bases."""
    return BaseScorer(
        network,
        gathered(lambda network, ids: network.backbone(ids)),
        lambda network, rows: network.lm_head(rows),
        text,
        config.vocab_size,
    )


EXAMPLE = Example(
    {
        "model_type": "mamba",
        "vocab_size": 16,
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "state_size": 16,
        "expand": 2,
        "conv_kernel": 4,
        "time_step_rank": "auto",
        "bos_token_id": 2,
        "eos_token_id": 1,
        "pad_token_id": 4,
    },
    numbered(CHARACTERS),
    96,
    2.0,
)
FAMILY = Family(
    name="mamba",
    model_types=("mamba",),
    quantity="direct",
    read_config=_read_config,
    text=text,
    scorer=scorer,
    window=window,
    bar=1e-4,
    build=lambda config: CausalLanguageModel(config, _mixer),
    tied=(("lm_head.weight", "backbone.embeddings.weight"),),
    cuda_scorer=lambda network, config, text: scorer(
        cast(CausalLanguageModel, without_scan(network)), config, text
    ),
    examples={"mamba": EXAMPLE},
)
