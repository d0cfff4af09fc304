"""Parts of the U-net of Nucleotide Transformer v3: convolution blocks, and the doubling of the
length."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn.functional import conv1d, gelu

from gfmtrust.models.layers.blocks import node

CONV_EPS = 1e-5


STEM_KERNEL, TOWER_KERNEL = 15, 5


ACTIVATE = partial(gelu, approximate="tanh")


class Doubled(nn.Module):
    """Double the length, then convolve: each letter is repeated or, in the transposed form,
    preceded by zeros. `weight` has the checkpoint's layout: (out, in, kernel), or (in, out, kernel)
    if transposed."""

    def __init__(self, n_in: int, n_out: int, transposed: bool):
        super().__init__()
        self.transposed = transposed
        convolution = nn.Conv1d(n_in, n_out, TOWER_KERNEL)
        self.weight = (
            nn.Parameter(convolution.weight.detach().transpose(0, 1).contiguous())
            if transposed
            else convolution.weight
        )
        self.bias = convolution.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before = torch.zeros_like(x) if self.transposed else x
        doubled = torch.stack((before, x), -1).flatten(-2)
        weight = self.weight.transpose(0, 1) if self.transposed else self.weight
        return conv1d(doubled, weight, self.bias, padding=TOWER_KERNEL // 2)


class ConvBlock(nn.Module):
    """gelu(convolution(norm(x))) for x of shape (batch, channels, length)."""

    def __init__(self, n_in: int, convolution: nn.Module):
        super().__init__()
        self.conv, self.layer_norm = convolution, nn.LayerNorm(n_in, CONV_EPS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return ACTIVATE(self.conv(self.layer_norm(x.transpose(1, 2)).transpose(1, 2)))


class TowerBlock(nn.Module):
    """A wide convolution, then a convolution of width 1 with a residual."""

    def __init__(self, n_in: int, n_out: int, wide: nn.Module, narrow: nn.Module):
        super().__init__()
        self.conv = ConvBlock(n_in, wide)
        self.res_conv = node(conv_block=ConvBlock(n_out, narrow))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return x + self.res_conv.conv_block(x)
