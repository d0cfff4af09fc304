"""Convolutional encoders computed only at the rows that a scored position depends on.

A score reads one row of the last layer, which depends on a few rows of the layer below, and so on
downwards; the offsets follow from kernels and dilations alone. The upper layers, in which these
rows are few, are computed on a separate patch of rows for each scored position; the layers below
them are computed for the whole window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, cast

import torch
from torch import nn

LARGEST_PATCH = 64
"""The number of rows of the largest patch. The site and its eight neighbours together then read
hardly more rows than a window of 512 has."""


def patches(convolutions: Sequence[nn.Conv1d]) -> list[list[int]]:
    """Return, for the longest run of layers from the last downwards that needs at most
    LARGEST_PATCH rows each, the offsets of the output rows that one row of the last layer depends
    on. The offsets are ascending; the last list is [0]."""
    wanted = [[0]]
    for convolution in reversed(convolutions[1:]):
        below = sorted({offset + tap for offset in wanted[0] for tap in taps(convolution)})
        if len(below) > LARGEST_PATCH:
            break
        wanted.insert(0, below)
    return wanted


def taps(convolution: nn.Conv1d) -> list[int]:
    """Return the offsets of the inputs that one output of a same-length convolution reads."""
    (kernel,), (dilation,) = convolution.kernel_size, convolution.dilation
    return [(j - kernel // 2) * dilation for j in range(kernel)]


class Cone:
    """The output of the layers at scored positions. Up to rounding it equals running every layer on
    the whole window and selecting the rows.

    A layer is a module with `conv1d`, `before(x)`, the input of the convolution, and `after(x,
    convolved)`, its output; both act on each row separately.
    """

    def __init__(self, layers: Iterable[nn.Module]):
        blocks = cast(list[Any], list(layers))
        self._wanted = patches([block.conv1d for block in blocks])
        whole = len(blocks) - len(self._wanted)
        self._whole, self._top = blocks[:whole], blocks[whole:]

    def __call__(self, x: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        """x: embedded letters, float32 (batch, length, width); pos: int64 (batch, positions).
        Returns (batch, positions, width)."""
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
            )  # outside the window a convolution reads zeros
            here = [available.index(offset) for offset in wanted]
            x = layer.after(x[:, :, here], _convolved(layer.conv1d, read, available, wanted))
            inside = inside[:, :, here]
        return x.squeeze(2)


def _convolved(
    convolution: nn.Conv1d, x: torch.Tensor, available: list[int], wanted: list[int]
) -> torch.Tensor:
    """Return the outputs of the convolution at `wanted` offsets from the rows at `available`
    offsets, as one matrix product: (..., available, width) to (..., wanted, width)."""
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
