"""Mamba-1's selective state space along a window, in two forms that export with any batch and
length.

`stepwise` is ONNX's Scan: memory of one row, but on CUDA a chain of kernels a token, so for the CPU
alone. `attended` is one operator of onnxruntime that has kernels for both (com.microsoft
LinearAttention); it holds the decays of the whole window. Both go place after place in linear
space: a decay too small to hold is 0, as it should be.
"""

from __future__ import annotations

import torch

LONGEST = 1_000_000
"""Bases of the longest window any form is offered for."""


def stepwise(
    step: torch.Tensor, x: torch.Tensor, rate: torch.Tensor, b: torch.Tensor, c: torch.Tensor
) -> torch.Tensor:
    """State h[t] = exp(step rate) h[t-1] + step x b, from 0, read out by c (Gu and Dao, section
    3.2).

    step, x: (batch, length, channels). rate: (channels, states), negative. b, c: (batch, length,
    states). Returns the shape of x. Run eagerly it is a plain loop, so what an export is compared
    with is not the operator exported.
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
    """The same as gated linear attention: a channel is a head of value size 1 with decays of its
    own, all share the key b and the query c.

    The operator has no eager form: run eagerly, this is `stepwise`.
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
