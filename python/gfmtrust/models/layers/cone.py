"""Convolutional encoders computed only where a scored position depends on them.

A score reads one row of the last layer, that row a few rows of the layer below, and so on down:
offsets that depend on kernels and dilations alone. From the layer up whose rows are few, each
scored position carries its own patch of them; below, layers run whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, cast

import torch
from torch import nn

LARGEST_PATCH = 64
"""Rows of the largest patch: the site and its eight neighbours together then read hardly more rows
than a window of 512 has."""


def patches(convolutions: Sequence[nn.Conv1d]) -> list[list[int]]:
    """Offsets of the rows that one row of the last layer depends on: of each layer's output, the
    longest run of layers from the end that has at most LARGEST_PATCH rows each; ascending, the last
    is [0]."""
    wanted = [[0]]
    for convolution in reversed(convolutions[1:]):
        below = sorted({offset + tap for offset in wanted[0] for tap in taps(convolution)})
        if len(below) > LARGEST_PATCH:
            break
        wanted.insert(0, below)
    return wanted


def taps(convolution: nn.Conv1d) -> list[int]:
    """Offsets of the inputs one output of a same-length convolution reads."""
    (kernel,), (dilation,) = convolution.kernel_size, convolution.dilation
    return [(j - kernel // 2) * dilation for j in range(kernel)]


class Cone:
    """The layers' outputs at scored positions; equal to running every layer whole and picking the
    rows, to rounding.

    A layer is a module with `conv1d`, `before(x)`, what the convolution reads, and `after(x,
    convolved)`, its output; row by row both.
    """

    def __init__(self, layers: Iterable[nn.Module]):
        blocks = cast(list[Any], list(layers))
        self._wanted = patches([block.conv1d for block in blocks])
        whole = len(blocks) - len(self._wanted)
        self._whole, self._top = blocks[:whole], blocks[whole:]

    def __call__(self, x: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        """x: embedded letters, float32 (batch, length, width); pos: int64 (batch, positions). Gives
        (batch, positions, width)."""
        for layer in self._whole:
            x = layer(x)
        first = self._top[0].conv1d
        below = sorted({offset + tap for offset in self._wanted[0] for tap in taps(first)})
        place = pos.unsqueeze(-1) + torch.tensor(below)
        inside = (place >= 0) & (place < x.shape[1])
        rows = place.clamp_min(0).minimum(torch.full_like(place, x.shape[1] - 1)).flatten(1)
        x = x.gather(1, rows.unsqueeze(-1).expand(-1, -1, x.shape[-1])).unflatten(
            1, (pos.shape[1], len(below))
        )
        for layer, (available, wanted) in zip(
            self._top, pairwise([below, *self._wanted]), strict=True
        ):
            read = layer.before(x) * inside.unsqueeze(
                -1
            )  # beyond the window a convolution reads zero
            here = [available.index(offset) for offset in wanted]
            x = layer.after(x[:, :, here], _convolved(layer.conv1d, read, available, wanted))
            inside = inside[:, :, here]
        return x.squeeze(2)


def _convolved(
    convolution: nn.Conv1d, x: torch.Tensor, available: list[int], wanted: list[int]
) -> torch.Tensor:
    """The convolution's outputs at `wanted` offsets from rows at `available` offsets, as one matrix
    product: (..., held, width) to (..., wanted, width)."""
    index = [available.index(offset + tap) for offset in wanted for tap in taps(convolution)]
    width, n_taps = x.shape[-1], len(taps(convolution))
    if convolution.groups == 1:
        weight = convolution.weight.permute(2, 1, 0).flatten(0, 1)
        outputs = x[:, :, index].unflatten(2, (len(wanted), n_taps)).flatten(3) @ weight
    else:
        outputs = (
            x[:, :, index].unflatten(2, (len(wanted), n_taps))
            * convolution.weight.view(width, n_taps).T
        ).sum(3)
    return outputs if convolution.bias is None else outputs + convolution.bias
