"""The mixer and the norm of Mamba-1, with the parameter names of the authors' package; `mamba` and
`caduceus` share them.

Source: Gu and Dao, arXiv:2312.00752, section 3.4 and figure 3; names as in state-spaces/mamba,
mamba_simple.py. The state space is computed in float32, whatever the type of the weights.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import silu, softplus

from gfmtrust.models.layers import scan

SMALLEST_STEP, LARGEST_STEP = 1e-3, 1e-1
"""The range of the step sizes of a network before training."""


class RmsNorm(nn.Module):
    """Root mean square norm, computed in float32."""

    def __init__(self, width: int, epsilon: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scaled = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * scaled.to(x.dtype)


class Mixer(nn.Module):
    """A selective state space with its convolution and gate; (batch, length, width) to the same
    shape. `scan` selects the form of the state space (`layers.scan`)."""

    def __init__(
        self,
        width: int,
        states: int,
        expand: int,
        kernel: int,
        rank: int,
        bias: bool,
        conv_bias: bool,
    ):
        super().__init__()
        channels = expand * width
        self.sizes = [rank, states, states]
        self.scan: Callable = scan.stepwise
        self.in_proj = nn.Linear(width, 2 * channels, bias)
        self.conv1d = nn.Conv1d(
            channels, channels, kernel, groups=channels, padding=kernel - 1, bias=conv_bias
        )
        self.x_proj = nn.Linear(channels, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(rank, channels)
        self.dt_proj.bias.data = step_bias(channels)
        self.A_log = nn.Parameter(torch.arange(1, states + 1.0).log().repeat(channels, 1))
        self.D = nn.Parameter(torch.ones(channels))
        self.out_proj = nn.Linear(channels, width, bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        x, gate = self.in_proj(hidden).chunk(2, -1)
        x = silu(self.conv1d(x.transpose(1, 2))[..., : hidden.shape[1]]).transpose(1, 2)
        step, b, c = self.x_proj(x).split(self.sizes, -1)
        step = softplus(self.dt_proj(step).float())
        y = (
            self.scan(step, x.float(), -self.A_log.float().exp(), b.float(), c.float())
            + x.float() * self.D.float()
        )
        return self.out_proj((y * silu(gate.float())).to(x.dtype))


def step_bias(n: int) -> torch.Tensor:
    """Return n biases whose softplus is spaced evenly in log from SMALLEST_STEP to LARGEST_STEP."""
    steps = torch.linspace(math.log(SMALLEST_STEP), math.log(LARGEST_STEP), n).exp()
    return steps + torch.log(-torch.expm1(-steps))


def without_scan(network: nn.Module) -> nn.Module:
    """Return a copy of a network that shares its parameters and whose mixers export without Scan;
    this is the form for CUDA."""
    twin = copy.deepcopy(network, {id(parameter): parameter for parameter in network.parameters()})
    for module in twin.modules():
        if isinstance(module, Mixer):
            module.scan = scan.attended
    return twin
