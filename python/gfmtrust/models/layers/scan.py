"""Mamba-1's selective state space along a window, in two forms that export with dynamic batch and
length.

`stepwise` becomes ONNX's Scan. It needs the memory of one row, but on CUDA it launches a chain of
kernels per token, so it is used on the CPU only. `attended` is one operator of ONNX Runtime with
kernels for both devices (com.microsoft LinearAttention); it stores the decays of the whole window.
Both proceed place by place in linear space, where a decay too small to represent becomes a correct
0.
"""

from __future__ import annotations

import torch

LONGEST = 1_000_000
"""The length in bases of the longest window that either form accepts."""


def stepwise(
    step: torch.Tensor, x: torch.Tensor, rate: torch.Tensor, b: torch.Tensor, c: torch.Tensor
) -> torch.Tensor:
    """Return the output of the state space h[t] = exp(step rate) h[t-1] + step x b, h = 0 before
    the window, read out by c (Gu and Dao, section 3.2).

    step, x: (batch, length, channels). rate: (channels, states), negative. b, c: (batch, length,
    states). Returns the shape of x. In eager mode this is a plain loop, so an exported graph is
    compared with an independent implementation.
    """

    def advance(state: torch.Tensor, now: tuple) -> tuple[torch.Tensor, torch.Tensor]:
        step, driven, b, c = now
        state = torch.exp(step.unsqueeze(-1) * rate) * state + driven.unsqueeze(-1) * b.unsqueeze(1)
        return state, (state @ c.unsqueeze(-1)).squeeze(-1)

    places = tuple(values.transpose(0, 1) for values in (step, step * x, b, c))
    state = step.new_zeros(step.shape[0], *rate.shape)
    if torch.compiler.is_exporting():
        from torch._higher_order_ops.scan import scan

        return scan(advance, state, places, dim=0)[1].transpose(0, 1)
    read = []
    for now in zip(*places, strict=True):
        state, answer = advance(state, now)
        read.append(answer)
    return torch.stack(read, 1)


def attended(
    step: torch.Tensor, x: torch.Tensor, rate: torch.Tensor, b: torch.Tensor, c: torch.Tensor
) -> torch.Tensor:
    """Return the same as gated linear attention: each channel is a head of value size 1 with its
    own decays, and all heads share the key b and the query c.

    The operator has no eager implementation: in eager mode this calls `stepwise`.
    """
    if not torch.compiler.is_exporting():
        return stepwise(step, x, rate, b, c)
    decay = (step.unsqueeze(-1) * rate).flatten(2)
    answer, _ = torch.onnx.ops.symbolic_multi_out(
        "com.microsoft::LinearAttention",
        (c, b, step * x, None, decay),
        {"q_num_heads": 1, "kv_num_heads": rate.shape[0], "update_rule": "gated", "scale": 1.0},
        dtypes=(x.dtype, x.dtype),
        shapes=(x.shape, (x.shape[0], *rate.shape, 1)),
        version=1,
    )
    return answer
