"""Parts that the encoders written here share: named nodes of a parameter tree, multi-head
attention, and rotary positions.

Everything that depends on the length is computed in the graph, in float32, from the given length;
nothing is cached and no length is fixed at export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention


class Node(nn.Module):
    """A module that only contains other modules, under the names that a checkpoint gives them."""

    if TYPE_CHECKING:  # the names come from a checkpoint, so annotations cannot list them

        def __getattr__(self, name: str) -> Any: ...


def node(**members: nn.Module) -> Node:
    """Return a Node of the given modules."""
    tree = Node()
    for name, member in members.items():
        setattr(tree, name, member)
    return tree


def by_heads(x: torch.Tensor, n_heads: int) -> torch.Tensor:
    """Split the width into heads: (batch, length, width) -> (batch, heads, length, width /
    heads)."""
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Softmax attention, scaled by the square root of a head's width: (batch, heads, length, width)
    each -> (batch, length, heads * width).

    bias: added to the scores; it must broadcast to (batch, heads, length, length).
    """
    return (
        scaled_dot_product_attention(query, key, value, attn_mask=bias).transpose(1, 2).flatten(2)
    )


def rotated(x: torch.Tensor, base: float = 10000.0) -> torch.Tensor:
    """Apply rotary positions 0, 1, ... to (batch, heads, length, width); entry i is rotated with
    entry i + width / 2.

    Source: Su et al., RoFormer, arXiv:2104.09864, eq. 34, in the order of GPT-NeoX.
    """
    length, width = x.shape[-2:]
    frequency = base ** (-torch.arange(0, width, 2, dtype=torch.float32, device=x.device) / width)
    angle = torch.arange(length, dtype=torch.float32, device=x.device)[:, None] * frequency
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x[..., : width // 2], x[..., width // 2 :]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)
