"""The training loop of the small networks made here: AdamW, a warm-up, a cosine, gradients clipped
to norm 1."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch

LOG = logging.getLogger("train_loop")


def learning_rate(step: int, steps: int, peak: float, warm_up: int) -> float:
    """Rises to `peak` in `warm_up` steps and falls to a fiftieth of it along a cosine."""
    return (
        peak
        * min(1, (step + 1) / warm_up)
        * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / steps)))
    )


def fit(
    network: torch.nn.Module,
    loss_of_batch: Callable[[], torch.Tensor],
    steps: int,
    peak: float,
    warm_up: int,
    name: str = "",
    log_every: int = 100,
) -> None:
    """Train in place. loss_of_batch: draws a batch and gives its mean loss in nats. name: stands
    before each line of the log."""
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=peak, weight_decay=0.01, betas=(0.9, 0.98)
    )
    recent = []
    for step in range(steps):
        loss = loss_of_batch()
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, peak, warm_up)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        recent.append(loss.item())
        if (step + 1) % log_every == 0:
            LOG.info(
                "%sstep %d: %.3f bits per masked base",
                f"{name} " if name else "",
                step + 1,
                np.mean(recent) / np.log(2),
            )
            recent.clear()
