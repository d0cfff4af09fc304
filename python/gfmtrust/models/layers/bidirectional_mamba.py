"""The network of Caduceus: Mamba layers run in both directions, on one strand or on both strands
with shared weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from gfmtrust.models.layers.mamba_mixer import Mixer, RmsNorm


@dataclass(frozen=True)
class CaduceusConfig:
    """Fields of config.json that shape the network. vocab_size includes the padding rows;
    complement_map lists the complement of every id or is empty; the last six fields are those of
    ssm_cfg."""

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
    """A wrapper that adds one level to the parameter names, as in checkpoints that read both
    strands."""

    def __init__(self, submodule: nn.Module):
        super().__init__()
        self.submodule = submodule

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.submodule(x)


class TwoWays(nn.Module):
    """The sum of one mixer on the sequence and one on its reversal; the two share their large
    projections."""

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
    """A pre-norm mixer, added to the residual stream. With `crossed`, the strands are exchanged
    first."""

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
    """Return the norm of a layer; it acts on each strand separately where both are read and the
    norm is not fused with the addition."""
    norm = RmsNorm(config.d_model, config.norm_epsilon)
    return Strand(norm) if config.rcps and not config.fused_add_norm else norm


def crossed(x: torch.Tensor) -> torch.Tensor:
    """Exchange the rows of the two strands, with places and channels reversed. x: both strands in
    reading direction, the windows of the first before those of the second, (2 batch, length,
    width).

    The authors' fused norm takes the second half of the channels as the forward strand
    (modeling_rcps.py, RCPSMambaBlock), and their checkpoints were trained with it: fused_add_norm
    therefore changes the network.
    """
    return x.unflatten(0, (2, -1)).flip(0, 2, 3).flatten(0, 1)


class Embedding(nn.Module):
    """Token embeddings with the complement map; the names follow the checkpoints that read both
    strands, one level deeper."""

    complement_map: torch.Tensor

    def __init__(self, config: CaduceusConfig):
        super().__init__()
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.register_buffer("complement_map", torch.tensor(config.complement_map))

    @property
    def weight(self) -> torch.Tensor:
        """The weight of the table, which the head of the checkpoint may share."""
        return self.embedding.weight

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.embedding(input_ids)


class Head(nn.Module):
    """The logits of the rows of both strands: base b on the first plus its complement on the
    second."""

    def __init__(self, config: CaduceusConfig):
        super().__init__()
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.register_buffer("complement_map", torch.tensor(config.complement_map))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        forward, reverse = self.lm_head(rows).chunk(2, -2)
        return (forward + reverse[..., self.complement_map]).squeeze(-2)


class Backbone(nn.Module):
    """The embeddings, the layers and the last norm of a Caduceus network."""

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
        """Return the rows after the last norm, (batch, length, width); for both strands (batch,
        length, 2, width), the second strand reversed back."""
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
