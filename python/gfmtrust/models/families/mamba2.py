"""Mamba-2 over single bases, causal. The state space duality is computed in chunks as matrix
products, so one graph serves CPU and CUDA.

The network is our own, with the parameter names of transformers' Mamba2ForCausalLM. Source: Dao and
Gu, arXiv:2405.21060, section 6 (the chunked algorithm). The chunk_size of config.json is not read,
because it changes results only by rounding. Windows are those of `mamba`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import pad, silu, softplus

from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.families.mamba import CausalLanguageModel, read_twice, scorer, text, window
from gfmtrust.models.family import Example, Family, take
from gfmtrust.models.layers.mamba_mixer import step_bias
from gfmtrust.models.vocabularies import CHARACTERS, numbered

CHUNK = 64


@dataclass(frozen=True)
class Mamba2Config:
    """Fields of config.json that shape the network; smallest_step and largest_step are its
    time_step_limit."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_heads: int
    head_dim: int
    bos_token_id: int
    state_size: int = 128
    n_groups: int = 8
    expand: int = 2
    conv_kernel: int = 4
    layer_norm_epsilon: float = 1e-5
    use_bias: bool = False
    use_conv_bias: bool = True
    smallest_step: float = 0.0
    largest_step: float = math.inf
    tie_word_embeddings: bool = False


FIXED = {
    "model_type": ("mamba2",),
    "hidden_act": ("silu",),
    "rms_norm": (True,),
    "norm_before_gate": (False,),
    "is_encoder_decoder": (False,),
}
INERT = frozenset(
    {
        "eos_token_id",
        "pad_token_id",
        "rescale_prenorm_residual",
        "residual_in_fp32",
        "time_step_rank",
        "time_step_min",
        "time_step_max",
        "time_step_floor",
        "chunk_size",
        "layer_types",
    }
)


def _read_config(config: dict) -> Mamba2Config:
    config = read_twice(config, {"intermediate_size": ("num_heads", "head_dim")})
    limit = config.pop("time_step_limit", [0.0, math.inf])
    if not (
        isinstance(limit, list)
        and len(limit) == 2
        and all(type(end) in (int, float) for end in limit)
    ):
        raise ConfigurationError(
            message("config.json", f"time_step_limit is {limit!r}", "two numbers")
        )
    settings = take(
        config | {"smallest_step": float(limit[0]), "largest_step": float(limit[1])},
        Mamba2Config,
        FIXED,
        INERT,
    )
    if (
        settings.num_heads * settings.head_dim != settings.expand * settings.hidden_size
        or settings.num_heads % settings.n_groups
    ):
        observed = (
            f"{settings.num_heads} heads of {settings.head_dim} in {settings.n_groups} groups"
        )
        raise ConfigurationError(
            message(
                "config.json",
                observed,
                f"whole groups of heads, {settings.expand * settings.hidden_size} channels in all",
            )
        )
    return settings


class GatedRmsNorm(nn.Module):
    """The gated input, normalised by the root mean square over the channels of each group, in
    float32."""

    def __init__(self, config: Mamba2Config):
        super().__init__()
        self.groups, self.epsilon = config.n_groups, config.layer_norm_epsilon
        self.weight = nn.Parameter(torch.ones(config.num_heads * config.head_dim))

    def forward(self, x: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        gated = (x * silu(gate.float())).unflatten(-1, (self.groups, -1))
        scaled = gated * torch.rsqrt(gated.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * scaled.flatten(-2).to(gate.dtype)


class Mixer(nn.Module):
    """One layer: projection, convolution, state space with scalar decays, gated norm; (batch,
    length, width) to the same shape."""

    def __init__(self, config: Mamba2Config):
        super().__init__()
        self.config = config
        channels, heads = config.num_heads * config.head_dim, config.num_heads
        self.sizes = [
            channels,
            config.n_groups * config.state_size,
            config.n_groups * config.state_size,
        ]
        self.in_proj = nn.Linear(
            config.hidden_size, channels + sum(self.sizes) + heads, config.use_bias
        )
        self.conv1d = nn.Conv1d(
            sum(self.sizes),
            sum(self.sizes),
            config.conv_kernel,
            groups=sum(self.sizes),
            padding=config.conv_kernel - 1,
            bias=config.use_conv_bias,
        )
        self.dt_bias = nn.Parameter(step_bias(heads))
        self.A_log = nn.Parameter(torch.arange(1, heads + 1.0).log())
        self.norm = GatedRmsNorm(config)
        self.D = nn.Parameter(torch.ones(heads))
        self.out_proj = nn.Linear(channels, config.hidden_size, config.use_bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        config = self.config
        gate, mixed, step = self.in_proj(hidden).split(
            [self.sizes[0], sum(self.sizes), config.num_heads], -1
        )
        mixed = silu(self.conv1d(mixed.transpose(1, 2))[..., : hidden.shape[1]]).transpose(1, 2)
        x, b, c = (part.float() for part in mixed.split(self.sizes, -1))
        step = softplus(step.float() + self.dt_bias.float()).clamp(
            config.smallest_step, config.largest_step
        )
        x = x.unflatten(-1, (config.num_heads, config.head_dim))
        y = state_space(
            step,
            x,
            -self.A_log.float().exp(),
            *(part.unflatten(-1, (config.n_groups, -1)) for part in (b, c)),
        )
        return self.out_proj(self.norm((y + x * self.D.float().unsqueeze(-1)).flatten(-2), gate))


def state_space(
    step: torch.Tensor, x: torch.Tensor, rate: torch.Tensor, b: torch.Tensor, c: torch.Tensor
) -> torch.Tensor:
    """Return the output of the state space h[t] = exp(step rate) h[t-1] + step x b, h = 0 before
    the window, read out by c; one state per head.

    Both inside a chunk and between chunks this is attention with decays as weights. Log decays are
    summed in float64, because their differences are small compared with the sums. step: (batch,
    length, heads). x: (batch, length, heads, head_dim). rate: (heads,), negative. b, c: (batch,
    length, groups, states), shared by the heads of a group. Returns the shape of x.
    """
    batch, length, groups = b.shape[:3]
    heads = step.shape[2] // groups
    n_chunks = length // CHUNK + 2  # never 1, which an export would treat as a fixed size
    after = n_chunks * CHUNK - length

    def chunks(values: torch.Tensor, *axes: int) -> torch.Tensor:
        """Reshape (batch, length, groups and more) to (batch, chunks, groups, heads per group or 1,
        place, rest)."""
        padded = pad(values, [0, 0] * (values.ndim - 2) + [0, after])
        return padded.reshape(batch, n_chunks, CHUNK, groups, *axes).movedim(2, 4)

    driven = chunks(step.unsqueeze(-1) * x, heads, x.shape[-1])
    b, c = (chunks(values, 1, values.shape[-1]) for values in (b, c))
    sums = torch.ones(CHUNK, CHUNK, dtype=torch.float64, device=x.device).triu()
    fallen = chunks(step * rate, heads).double() @ sums  # log decay since the start of the chunk
    inside = (c @ b.transpose(-1, -2) * _decays(fallen, fallen, sums.T > 0)) @ driven

    whole = fallen[..., -1]
    chunk_states = (b * (whole.unsqueeze(-1) - fallen).float().exp().unsqueeze(-1)).transpose(
        -1, -2
    ) @ driven
    until = whole.cumsum(1).movedim(
        1, -1
    )  # log decay up to the end of each chunk: (batch, groups, heads, chunk)
    number = torch.arange(n_chunks, device=x.device)
    passed = _decays(until - whole.movedim(1, -1), until, number.unsqueeze(1) > number)
    before = (
        (passed @ chunk_states.movedim(1, 3).flatten(4))
        .unflatten(-1, chunk_states.shape[-2:])
        .movedim(3, 1)
    )
    y = inside + (c * fallen.float().exp().unsqueeze(-1)) @ before
    return y.movedim(4, 2).reshape(batch, n_chunks * CHUNK, *x.shape[2:])[:, :length]


def _decays(to: torch.Tensor, since: torch.Tensor, reaches: torch.Tensor) -> torch.Tensor:
    """Return the decay from each place of `since` to each place of `to`, float32 (..., to, since).
    Both are log decays from the same start; `reaches` is false where the result is 0."""
    return (to.unsqueeze(-1) - since.unsqueeze(-2)).float().masked_fill(~reaches, -torch.inf).exp()


EXAMPLE = Example(
    {
        "model_type": "mamba2",
        "vocab_size": 16,
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_heads": 4,
        "head_dim": 16,
        "state_size": 16,
        "n_groups": 2,
        "expand": 2,
        "conv_kernel": 4,
        "chunk_size": 256,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "pad_token_id": 4,
    },
    numbered(CHARACTERS),
    192,
    2.0,
)
FAMILY = Family(
    name="mamba2",
    model_types=("mamba2",),
    quantity="direct",
    read_config=_read_config,
    text=text,
    scorer=scorer,
    window=window,
    bar=1e-4,
    build=lambda config: CausalLanguageModel(config, Mixer),
    tied=(("lm_head.weight", "backbone.embeddings.weight"),),
    examples={"mamba2": EXAMPLE},
)
