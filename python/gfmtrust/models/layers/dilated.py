"""Parts that the encoders of GPN share: residual blocks around one dilated convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn

from gfmtrust.core.errors import ConfigurationError, message


class Schedule(Protocol):
    """The fields of a config that determine the dilations."""

    @property
    def dilation_double_every(self) -> int: ...

    @property
    def dilation_max(self) -> int: ...

    @property
    def dilation_cycle(self) -> int: ...

    @property
    def dilation_base(self) -> int: ...


def dilations(config: Schedule, n_layers: int) -> list[int]:
    """Return the dilation of each layer: powers of the base, starting at 1 in each cycle, at most
    dilation_max."""
    exponents = [
        (i % config.dilation_cycle) // config.dilation_double_every for i in range(n_layers)
    ]
    return [min(config.dilation_max, config.dilation_base**exponent) for exponent in exponents]


def convolution(
    width: int, kernel: int, dilation: int, groups: int = 1, bias: bool = True
) -> nn.Conv1d:
    """Return a same-length convolution. Raises ConfigurationError (78) for an even kernel.

    The padding is an explicit integer, because 'same' becomes SAME_UPPER in ONNX, which ONNX
    Runtime refuses together with a dilation.
    """
    if kernel % 2 == 0:
        raise ConfigurationError(
            message("config.json", f"a kernel size is {kernel}", "an odd number")
        )
    padding = dilation * (kernel - 1) // 2
    return nn.Conv1d(
        width, width, kernel, padding=padding, dilation=dilation, groups=groups, bias=bias
    )


class Block(nn.Module):
    """A residual block around one convolution, computed for the whole window; `cone.Cone` computes
    its parts at some rows only.

    A block has `conv1d`, `before(x)`, the input of the convolution, and `after(x, convolved)`, its
    output.
    """

    conv1d: Any
    before: Callable[[torch.Tensor], torch.Tensor]
    after: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(x, self.conv1d(self.before(x).transpose(1, 2)).transpose(1, 2))
