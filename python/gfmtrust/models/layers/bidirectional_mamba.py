"""The network of Caduceus: Mamba layers read in both directions, on one strand or on both with shared weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from gfmtrust.models.layers.mamba_mixer import Mixer, RmsNorm


@dataclass(frozen=True)
class CaduceusConfig:
    """Fields of config.json that shape the network; vocab_size with its padding, complement_map of
    all its ids or empty, the last six those of ssm_cfg."""

    d_model: int
    n_layer: int
    vocab_size: int
    rcps: bool = False
    fused_add_norm: bool = True
    complement_map: tuple = ()
    norm_epsilon: float = 1e-5
    d_state: int = 16
    d_conv: int = 4
    expand: int = 2
    dt_rank: int = 0
    bias: bool = False
    conv_bias: bool = True


class Strand(nn.Module):
    """Where a network reads both strands its parts lie one name deeper."""

    def __init__(self, submodule: nn.Module):
        super().__init__()
        self.submodule = submodule

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.submodule(x)


class TwoWays(nn.Module):
    """Mixers of the window and of its reversal, added; their large projections are one."""

    def __init__(self, config: CaduceusConfig):
        super().__init__()
        shape = (
            config.d_model,
            config.d_state,
            config.expand,
            config.d_conv,
            config.dt_rank,
            config.bias,
            config.conv_bias,
        )
        self.mamba_fwd, self.mamba_rev = Mixer(*shape), Mixer(*shape)
        for name in ("in_proj", "out_proj"):
            setattr(self.mamba_rev, name, getattr(self.mamba_fwd, name))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mamba_fwd(x) + self.mamba_rev(x.flip(1)).flip(1)


class Block(nn.Module):
    """Norm, then mixers, onto the sum of the layers. crossed: see `crossed`."""

    def __init__(self, config: CaduceusConfig):
        super().__init__()
        self.crossed = config.rcps and config.fused_add_norm
        self.norm, self.mixer = (
            norm(config),
            Strand(TwoWays(config)) if config.rcps else TwoWays(config),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = crossed(x) if self.crossed else x
        return x + self.mixer(self.norm(x))


def norm(config: CaduceusConfig) -> nn.Module:
    norm = RmsNorm(config.d_model, config.norm_epsilon)
    return Strand(norm) if config.rcps and not config.fused_add_norm else norm


def crossed(x: torch.Tensor) -> torch.Tensor:
    """Each strand takes the other's rows, places and channels in reverse. x: both strands as read,
    the first's windows before the second's, (2 batch, length, width).

    The authors' fused norm takes the second half of the channels for the forward strand
    (modeling_rcps.py, RCPSMambaBlock), and their checkpoints are trained so: fused_add_norm changes
    the network.
    """
    return x.unflatten(0, (2, -1)).flip(0, 2, 3).flatten(0, 1)


class Embedding(nn.Module):
    """Token embeddings; reading both strands, one name deeper and beside the complements, as the
    checkpoint has them."""

    complement_map: torch.Tensor

    def __init__(self, config: CaduceusConfig):
        super().__init__()
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.register_buffer("complement_map", torch.tensor(config.complement_map))

    @property
    def weight(self) -> torch.Tensor:
        return self.embedding.weight

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.embedding(input_ids)


class Head(nn.Module):
    """Logits of both strands' rows: base b on the one, its complement on the other."""

    def __init__(self, config: CaduceusConfig):
        super().__init__()
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.register_buffer("complement_map", torch.tensor(config.complement_map))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        forward, reverse = self.lm_head(rows).chunk(2, -2)
        return (forward + reverse[..., self.complement_map]).squeeze(-2)


class Backbone(nn.Module):
    def __init__(self, config: CaduceusConfig):
        super().__init__()
        self.rcps = config.rcps
        embedding = (
            Embedding(config) if config.rcps else nn.Embedding(config.vocab_size, config.d_model)
        )
        nn.init.normal_(embedding.weight, std=config.d_model**-0.5)
        self.embeddings = nn.ModuleDict({"word_embeddings": embedding})
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm_f = norm(config)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Rows of the last norm, (batch, length, width); of both strands (batch, length, 2, width),
        the second turned back."""
        embedding = self.embeddings["word_embeddings"]
        x = embedding(
            torch.cat([input_ids, embedding.complement_map[input_ids].flip(1)])
            if isinstance(embedding, Embedding)
            else input_ids
        )
        for layer in self.layers:
            x = layer(x)
        x = self.norm_f(x)
        if not self.rcps:
            return x
        forward, reverse = x.unflatten(0, (2, -1)).unbind()
        return torch.stack([forward, reverse.flip(1)], 2)
