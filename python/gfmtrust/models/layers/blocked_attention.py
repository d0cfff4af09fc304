"""Causal attention in blocks of queries, for the decoders of transformers: each block reads the keys
up to its own end, and no matrix of all queries and keys is held.

    LlamaConfig(..., attn_implementation=blocked_attention.registered())

The Attention of ONNX Runtime on the CPU holds that matrix for all heads, and computes both of its
halves. The number of blocks is fixed in the graph, so that it needs no loop; their size follows
from the length of the window. A row's softmax is over the same keys as without blocks.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import pad, scaled_dot_product_attention

NAME = "gfmtrust_blocked"
"""The name under which transformers finds this attention."""
BLOCKS = 8
LONG_TOKENS = 2_048
"""Networks of fewer positions keep the attention of transformers: their matrix is 4 MB a head."""


def registered() -> str:
    """Make the attention known to transformers, and return its name."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, _no_mask)
    return NAME


def _no_mask(*_: object, **__: object) -> None:
    """Each block makes its own mask."""


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Return causal attention as transformers asks for it, (batch, length, heads, width).

    query: (batch, heads, length, width); key, value: (batch, key heads, length, width). Raises
    ValueError for a mask, because the rows of a window are not padded.
    """
    if attention_mask is not None:
        raise ValueError("blocked attention takes no mask")
    length = query.shape[2]
    size = length // BLOCKS + 2  # never 1, which an export would treat as fixed
    queries, keys, values = (
        pad(part, (0, 0, 0, BLOCKS * size - length)).unflatten(2, (BLOCKS, size))
        for part in (query, key, value)
    )
    row = torch.arange(size, device=query.device)[:, None]
    answers = []
    for block in range(BLOCKS):
        column = torch.arange((block + 1) * size, device=query.device)
        answers.append(
            scaled_dot_product_attention(
                queries[:, :, block],
                keys[:, :, : block + 1].flatten(2, 3),
                values[:, :, : block + 1].flatten(2, 3),
                attn_mask=column <= row + block * size,
                scale=scaling,
                enable_gqa=key.shape[1] != query.shape[1],
            )
        )
    return torch.cat(answers, 2)[:, :, :length].transpose(1, 2).contiguous(), None
