"""Parts of HyenaDNA: implicit filters, the gated long convolution, and the block around it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import gelu, pad

from gfmtrust.models.layers.blocks import Node
from gfmtrust.models.layers.long_convolution import LongConvolution, Spectrum

SHORT_TAPS = 3


SLOWEST, FASTEST, FLOOR = math.log(100) / 1.5, math.log(100) / 0.3, 0.05
"""The decay rates of the first and of the last channel's window, per length of the grid, and the
constant part that does not decay."""


@dataclass(frozen=True)
class HyenaConfig:
    """Fields of config.json that shape the network; the defaults are those of the published
    configuration class."""

    vocab_size: int = 12
    d_model: int = 256
    d_inner: int = 0
    max_seq_len: int = 1024
    n_layer: int = 12
    emb_dim: int = 3
    filter_order: int = 64
    num_inner_mlps: int = 2
    activation_freq: float = 1.0
    layer_norm_epsilon: float = 1e-5
    pad_vocab_size_multiple: int = 8
    tie_word_embeddings: bool = True

    @property
    def n_rows(self) -> int:
        """The number of token ids that the network has rows for."""
        return -(-self.vocab_size // self.pad_vocab_size_multiple) * self.pad_vocab_size_multiple


Convolve = Callable[[torch.Tensor], torch.Tensor]
"""(batch, steps, width) -> the same shape: each channel is convolved with its long filter, and the
channel itself times the bias is added."""


class Sine(nn.Module):
    """A sine with one learned frequency per channel, the activation of the filter network."""

    def __init__(self, config: HyenaConfig):
        super().__init__()
        self.freq = nn.Parameter(
            torch.full((1, config.filter_order), float(config.activation_freq))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.freq * x)


class Filter(nn.Module):
    """The long filter of one layer: a small network evaluated at the places of the grid, times a
    decaying window.

    The grid, z, is trained and stored with the weights, as is t, the place as a fraction of the
    grid.
    """

    def __init__(self, config: HyenaConfig):
        super().__init__()
        width, order, n = config.d_model, config.filter_order, config.max_seq_len
        t = torch.linspace(0, 1, n).view(1, n, 1)
        bands = (config.emb_dim - 1) // 2
        angle = torch.linspace(1e-4, bands - 1, bands) * (torch.arange(n) * (2 * math.pi / n)).view(
            1, n, 1
        )
        self.bias = nn.Parameter(torch.randn(width))
        self.pos_emb = Node()
        self.pos_emb.z = nn.Parameter(torch.cat([t, angle.cos(), -angle.sin()], 2))
        self.pos_emb.register_buffer("t", t)
        sine = Sine(config)  # one module for all layers
        inner = [
            part for _ in range(config.num_inner_mlps) for part in (nn.Linear(order, order), sine)
        ]
        self.implicit_filter = nn.Sequential(
            nn.Linear(config.emb_dim, order), sine, *inner, nn.Linear(order, width, bias=False)
        )
        self.modulation = Node()
        self.modulation.register_buffer(
            "deltas", -torch.linspace(SLOWEST, FASTEST, width).view(1, 1, width)
        )

    def taps(self, z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return the filter taps at places of the grid, (1, n, width); z: (1, n, emb_dim), t: (1,
        n, 1)."""
        return self.implicit_filter(z.to(self.bias.dtype)) * (
            torch.exp(-t * self.modulation.deltas.abs()) + FLOOR
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.shape[1]
        taps = self.taps(self.pos_emb.z[:, :n], self.pos_emb.t[:, :n])
        spectra = (torch.fft.rfft(values, n=2 * n, dim=1) for values in (x, taps))
        return torch.fft.irfft(math.prod(spectra), n=2 * n, dim=1)[:, :n] + x * self.bias


class Folded(nn.Module):
    """The long filter of a layer as matrix products.

    Its spectrum is either a constant (`real`, `imaginary`) or computed in the graph from the first
    steps of the grid (`z`, `t`).
    """

    real: torch.Tensor
    imaginary: torch.Tensor
    z: torch.Tensor
    t: torch.Tensor

    def __init__(self, filter_fn: Filter, products: LongConvolution):
        super().__init__()
        self.filter_fn, self.products = filter_fn, products
        z, t = (
            values[:, : products.n_steps].clone()
            for values in (filter_fn.pos_emb.z, filter_fn.pos_emb.t)
        )
        if products.is_constant:
            taps = filter_fn.taps(z, t)[0].double()
            taps[0] += filter_fn.bias
            kept = zip(("real", "imaginary"), products.constant_spectrum(taps), strict=True)
        else:
            kept = (("z", z), ("t", t))
        for name, values in kept:
            self.register_buffer(name, values, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.products(x.float(), self._spectrum(x.shape[1])).to(x.dtype)

    def _spectrum(self, n: int) -> Spectrum:
        if self.products.is_constant:
            return self.real, self.imaginary
        real, imaginary = self.products.spectrum(
            self.filter_fn.taps(self.z[:, :n], self.t[:, :n]).float()
        )
        return real + self.filter_fn.bias, imaginary


class Mixer(nn.Module):
    """Hyena of order 2: a value is gated, convolved over the whole window, and gated again."""

    def __init__(self, config: HyenaConfig):
        super().__init__()
        width = config.d_model
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.short_filter = nn.Conv1d(
            3 * width, 3 * width, SHORT_TAPS, padding=SHORT_TAPS - 1, groups=3 * width
        )
        self.filter_fn = Filter(config)

    def gated(self, x: torch.Tensor, convolve: Convolve) -> torch.Tensor:
        """Return the mixed steps before the output's dense layer; (batch, steps, width) to the same
        shape."""
        n, x = x.shape[1], pad(self.in_proj(x), (0, 0, SHORT_TAPS - 1, 0))
        taps = self.short_filter.weight[:, 0].unbind(1)
        bias = self.short_filter.bias
        assert bias is not None, "the short filter has a bias"
        x = sum((x[:, i : i + n] * tap for i, tap in enumerate(taps)), bias)
        after, before, value = x.chunk(3, -1)
        return convolve(value * before) * after


class Mlp(nn.Module):
    """The feed-forward part of a layer."""

    def __init__(self, config: HyenaConfig):
        super().__init__()
        inner = config.d_inner or 4 * config.d_model
        self.fc1, self.fc2 = nn.Linear(config.d_model, inner), nn.Linear(inner, config.d_model)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    """One layer: the mixing of steps and the feed-forward part, each after a norm and with a
    residual."""

    def __init__(self, config: HyenaConfig):
        super().__init__()
        self.mixer, self.mlp = Mixer(config), Mlp(config)
        self.norm1, self.norm2 = (
            nn.LayerNorm(config.d_model),
            nn.LayerNorm(config.d_model),
        )  # the config's epsilon only applies to ln_f

    def forward(
        self,
        x: torch.Tensor,
        convolve: Convolve,
        rows: Callable[[torch.Tensor], torch.Tensor] = lambda x: x,
    ) -> torch.Tensor:
        """rows: selects the steps that are needed after the mixing of steps."""
        x = rows(x) + self.mixer.out_proj(rows(self.mixer.gated(self.norm1(x), convolve)))
        return x + self.mlp(self.norm2(x))
