"""HyenaDNA: gated convolutions as long as the window, over single bases, causal.

Parameter names and numbers are those of the published port (`HyenaDNAForCausalLM`, model_type
"hyenadna"; HazyResearch/hyena-dna, standalone_hyenadna.py); the code is ours. A filter is a
function of the checkpoint's own grid of max_seq_len steps, of which a window of n letters reads the
first n: no window can be longer. The tokenizer's closing [SEP] is left out: a causal network
answers no letter from what follows it. `forward` convolves by torch.fft as the source does, what is
exported by matrix products (`long_convolution`); either way a later letter moves an earlier answer
in its last bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import gelu, pad

from gfmtrust.bundle.tokenizers import Text, usable
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.family import BAR, NEIGHBOURS, Example, Family, Window, take
from gfmtrust.models.layers.folding import BaseScorer
from gfmtrust.models.layers.long_convolution import LongConvolution, Spectrum
from gfmtrust.models.vocabularies import CHARACTER_TOKENIZER, CHARACTERS, numbered

SPARE_STEPS = 2
"""max_seq_len is the trained length in bases and this many more: 1,026 for 1,024, 1,000,002 for a
million."""
SHORTEST_BP = 64
DEEP_BAR = 1e-4
"""At the published eight layers of 256 channels float32 alone differs from float64 by 1.5e-5 to
2e-5 (random weights, 256 and 1,000 letters), so that graph and torch may be more than the usual bar
apart without any fault."""
RADIUS_BP = 32
"""Letters from the site on that judge a base; an eighth of the window where that is less."""
NEIGHBOUR_STRIDE = 6
SHORT_TAPS = 3
SLOWEST, FASTEST, FLOOR = math.log(100) / 1.5, math.log(100) / 0.3, 0.05
"""Decay rates of the first and last channel's window, per grid, and what never decays."""


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
        """Token ids the network has rows for."""
        return -(-self.vocab_size // self.pad_vocab_size_multiple) * self.pad_vocab_size_multiple


FIXED = {
    "model_type": ("hyenadna",),
    "hyena_order": (2,),
    "short_filter_order": (SHORT_TAPS,),
    "train_freq": (True,),
}
# use_bias is written and read by nothing: all its layers have a bias
INERT = frozenset(
    {
        "use_bias",
        "embed_dropout",
        "hyena_dropout",
        "hyena_filter_dropout",
        "pad_token_id",
        "bos_token_id",
        "eos_token_id",
    }
)

Convolve = Callable[[torch.Tensor], torch.Tensor]
"""(batch, steps, width) to the same, each channel convolved with its long filter, its own value
times the bias added."""


class _Sine(nn.Module):
    def __init__(self, config: HyenaConfig):
        super().__init__()
        self.freq = nn.Parameter(
            torch.full((1, config.filter_order), float(config.activation_freq))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.freq * x)


class _Filter(nn.Module):
    """The long filter of one layer: a small network of the place on the grid, times a decaying
    window.

    The grid, z, is trained and comes with the weights, as does t, the place as a share of the grid.
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
        self.pos_emb = nn.Module()
        self.pos_emb.z = nn.Parameter(torch.cat([t, angle.cos(), -angle.sin()], 2))
        self.pos_emb.register_buffer("t", t)
        sine = _Sine(config)  # one for all layers
        inner = [
            part for _ in range(config.num_inner_mlps) for part in (nn.Linear(order, order), sine)
        ]
        self.implicit_filter = nn.Sequential(
            nn.Linear(config.emb_dim, order), sine, *inner, nn.Linear(order, width, bias=False)
        )
        self.modulation = nn.Module()
        self.modulation.register_buffer(
            "deltas", -torch.linspace(SLOWEST, FASTEST, width).view(1, 1, width)
        )

    def taps(self, z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The taps at places of the grid, (1, n, width); z: (1, n, emb_dim), t: (1, n, 1)."""
        return self.implicit_filter(z.to(self.bias.dtype)) * (
            torch.exp(-t * self.modulation.deltas.abs()) + FLOOR
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.shape[1]
        taps = self.taps(self.pos_emb.z[:, :n], self.pos_emb.t[:, :n])
        spectra = (torch.fft.rfft(values, n=2 * n, dim=1) for values in (x, taps))
        return torch.fft.irfft(math.prod(spectra), n=2 * n, dim=1)[:, :n] + x * self.bias


class _Folded(nn.Module):
    """A layer's long filter as matrix products: its spectrum a constant, or made in the graph from
    the first steps of the grid."""

    def __init__(self, filter_fn: _Filter, products: LongConvolution):
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


class _Mixer(nn.Module):
    """Hyena of order 2: a value gated, convolved over the whole window, gated again."""

    def __init__(self, config: HyenaConfig):
        super().__init__()
        width = config.d_model
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.short_filter = nn.Conv1d(
            3 * width, 3 * width, SHORT_TAPS, padding=SHORT_TAPS - 1, groups=3 * width
        )
        self.filter_fn = _Filter(config)

    def gated(self, x: torch.Tensor, convolve: Convolve) -> torch.Tensor:
        """(batch, steps, width) to the same, before the output's dense layer."""
        n, x = x.shape[1], pad(self.in_proj(x), (0, 0, SHORT_TAPS - 1, 0))
        taps = self.short_filter.weight[:, 0].unbind(1)
        x = sum((x[:, i : i + n] * tap for i, tap in enumerate(taps)), self.short_filter.bias)
        after, before, value = x.chunk(3, -1)
        return convolve(value * before) * after


class _Mlp(nn.Module):
    def __init__(self, config: HyenaConfig):
        super().__init__()
        inner = config.d_inner or 4 * config.d_model
        self.fc1, self.fc2 = nn.Linear(config.d_model, inner), nn.Linear(inner, config.d_model)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(gelu(self.fc1(x), approximate="tanh"))


class _Block(nn.Module):
    def __init__(self, config: HyenaConfig):
        super().__init__()
        self.mixer, self.mlp = _Mixer(config), _Mlp(config)
        self.norm1, self.norm2 = (
            nn.LayerNorm(config.d_model),
            nn.LayerNorm(config.d_model),
        )  # the config's epsilon is of ln_f alone

    def forward(
        self,
        x: torch.Tensor,
        convolve: Convolve,
        rows: Callable[[torch.Tensor], torch.Tensor] = lambda x: x,
    ) -> torch.Tensor:
        """rows: which steps to go on with after the mixing of steps."""
        x = rows(x) + self.mixer.out_proj(rows(self.mixer.gated(self.norm1(x), convolve)))
        return x + self.mlp(self.norm2(x))


class HyenaDna(nn.Module):
    """Token ids int64 (batch, length), at most max_seq_len of them, to logits float32 (batch,
    length, n_rows)."""

    def __init__(self, config: HyenaConfig):
        super().__init__()
        self.config = config
        backbone = nn.Module()
        backbone.embeddings = nn.Module()
        backbone.embeddings.word_embeddings = nn.Embedding(config.n_rows, config.d_model)
        backbone.layers = nn.ModuleList(_Block(config) for _ in range(config.n_layer))
        backbone.ln_f = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        self.hyena = nn.Module()
        self.hyena.backbone = backbone
        self.lm_head = nn.Linear(config.d_model, config.n_rows, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = backbone.embeddings.word_embeddings.weight

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        backbone = self.hyena.backbone
        x = backbone.embeddings.word_embeddings(input_ids)
        for layer in backbone.layers:
            x = layer(x, layer.mixer.filter_fn)
        return self.lm_head(backbone.ln_f(x))


class FoldedHyena(nn.Module):
    """A network whose long filters are matrix products for windows of up to `length` tokens."""

    def __init__(self, network: HyenaDna, length: int):
        super().__init__()
        self.network = network
        products = LongConvolution(length)
        self.long = nn.ModuleList(
            _Folded(layer.mixer.filter_fn, products) for layer in network.hyena.backbone.layers
        )

    def hidden_at(self, input_ids: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        """Hidden states of the scored rows, (batch, positions, width); the last layer's dense parts
        see those alone."""
        backbone = self.network.hyena.backbone
        x = backbone.embeddings.word_embeddings(input_ids)
        *below, top = zip(backbone.layers, self.long, strict=True)
        for layer, convolve in below:
            x = layer(x, convolve)
        x = top[0](x, top[1], lambda x: x.gather(1, pos.unsqueeze(-1).expand(-1, -1, x.shape[-1])))
        return backbone.ln_f(x)

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        return self.network.lm_head(rows)

    def half(self) -> FoldedHyena:
        """Long convolutions stay in float32, as in the source."""
        self.network.half()
        return self


def _read_config(config: dict) -> HyenaConfig:
    config = {
        key: value for key, value in config.items() if not (key == "d_inner" and value is None)
    }
    made = take(config, HyenaConfig, FIXED, INERT)
    if made.emb_dim < 3 or made.emb_dim % 2 == 0:
        raise ConfigurationError(
            message(
                "config.json",
                f"emb_dim is {made.emb_dim}",
                "odd and at least 3: time, cosines and sines",
            )
        )
    return made


def _text(config: HyenaConfig, vocabulary: dict[str, int]) -> Text:
    vocabulary = usable(vocabulary, config.n_rows, ("N", "[PAD]"))
    return Text(k=1, vocabulary=vocabulary, mask="", unknown="N", outside="[PAD]", causal=True)


def _window(config: HyenaConfig, window_bp: int | None) -> Window:
    trained = config.max_seq_len - SPARE_STEPS
    width = window_bp or trained
    if not SHORTEST_BP <= width <= config.max_seq_len:
        expected = f"{SHORTEST_BP} to {config.max_seq_len}, the places its filters are defined at"
        raise ConfigurationError(message("window_bp", f"{width}", expected))
    site = width - min(RADIUS_BP, width // 8)
    offsets = tuple(-NEIGHBOUR_STRIDE * i for i in range(NEIGHBOURS, 0, -1))
    return Window(width, trained, site, site, (), offsets, True, SHORTEST_BP)


def _scorer(network: HyenaDna | FoldedHyena, config: HyenaConfig, text: Text) -> BaseScorer:
    folded = (
        network if isinstance(network, FoldedHyena) else FoldedHyena(network, config.max_seq_len)
    )
    return BaseScorer(folded, FoldedHyena.hidden_at, FoldedHyena.head, text, config.n_rows)


EXAMPLE = Example(
    {
        "model_type": "hyenadna",
        "vocab_size": 12,
        "d_model": 32,
        "d_inner": 128,
        "n_layer": 2,
        "max_seq_len": 258,
        "emb_dim": 5,
        "filter_order": 16,
        "num_inner_mlps": 2,
        "hyena_order": 2,
        "short_filter_order": 3,
        "activation_freq": 10,
        "train_freq": True,
        "use_bias": True,
        "layer_norm_epsilon": 1e-5,
        "embed_dropout": 0.1,
        "hyena_dropout": 0.0,
        "hyena_filter_dropout": 0.0,
        "pad_vocab_size_multiple": 8,
        "pad_token_id": 4,
        "tie_word_embeddings": False,
    },
    numbered(CHARACTERS),
    200,
    scale=1.5,
)
FAMILY = Family(
    name="hyenadna",
    model_types=("hyenadna",),
    quantity="direct",
    read_config=_read_config,
    build=HyenaDna,
    text=_text,
    window=_window,
    scorer=_scorer,
    sized=FoldedHyena,
    bar=DEEP_BAR,
    spill=BAR,
    examples={"hyenadna": EXAMPLE},
    character_tokenizers={"HyenaDNATokenizer": CHARACTER_TOKENIZER},
    tied=(
        ("lm_head.weight", "hyena.backbone.embeddings.word_embeddings.weight"),
        (r"(.+\.implicit_filter)\.[3579]\.freq", r"\1.1.freq"),
    ),
)
