"""GPN's ByteNet encoder (`"encoder": "bytenet"`), the network of gpn-animal-promoter.

The parameters are numbered as in the package gpn 0.9.0a1 (`ByteNetLayer`); the code is our own.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from torch.nn.functional import gelu

from gfmtrust.models.layers.dilated import Block, convolution


class ByteNetLayer(Block):
    """A residual bottleneck: a projection to `inner` channels, one convolution, and a projection
    back.

    A layer norm and a GELU precede each of the three.

    width: channels of the residual stream. inner: channels of the convolution, half of width in a
    slim network.
    """

    def __init__(self, width: int, inner: int, kernel: int, dilation: int, groups: int, bias: bool):
        super().__init__()
        self.layer = nn.ModuleDict(
            {
                "0": nn.LayerNorm(width, bias=bias),
                "2": nn.Linear(width, inner, bias=bias),
                "3": nn.LayerNorm(inner, bias=bias),
                "6": convolution(inner, kernel, dilation, groups, bias),
                "8": nn.LayerNorm(inner, bias=bias),
                "10": nn.Linear(inner, width, bias=bias),
            }
        )

    @property
    def conv1d(self) -> nn.Conv1d:
        """The layer's dilated convolution."""
        return cast(nn.Conv1d, self.layer["6"])

    def before(self, x: torch.Tensor) -> torch.Tensor:
        """Return the input of the convolution, (batch, length, inner width)."""
        layer = self.layer
        return gelu(layer["3"](layer["2"](gelu(layer["0"](x)))))

    def after(self, x: torch.Tensor, convolved: torch.Tensor) -> torch.Tensor:
        """Return the output of the layer from its input and the convolution of `before`."""
        layer = self.layer
        return x + layer["10"](gelu(layer["8"](convolved)))
