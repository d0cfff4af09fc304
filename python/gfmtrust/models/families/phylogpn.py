"""PhyloGPN: dilated convolutions trained on alignments, with weights paired between the strands.

Source: Albors et al., RECOMB 2025 (arXiv:2503.03773). The parameter names, the order of operations
and the six letters are those of songlab-cal/gpn at 8e3c22d, src/gpn/phylo/model.py, which loads the
file published in songlab/PhyloGPN; the code here is our own. The results of the network are
compared with the official code in tests/models/test_phylogpn.py.

The network returns four numbers for a site, the log rates of Felsenstein's model of 1981: their
softmax is the stationary distribution of the bases at that site in evolution. That distribution is
p(A,C,G,T) here, and a difference of two of the numbers is the authors' log-likelihood ratio.

The network reads the base of the site itself, and the official procedure leaves it there. With the
published file the network then gives a probability of 0.80 to 0.88 to the base that stands at each
site of TATAAA, with five letters in reach (songlab-cal/gpn,
tests/fixtures/published_model_baseline.json). A test of whether the model predicts the real base
would only measure that it copies the base, so the site is replaced by N here.

Every convolution and the embedding are paired between the strands, but the scales and shifts of the
layer norms are not: a network gives both strands the same answer only where these are symmetric
under reversal of the channels, as at the start of training. Whether the published ones are is not
known here, so both strands are scored, as for any other model.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn.functional import conv1d, embedding, gelu, linear, pad

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.bundle.vocabulary_file import CharacterTokenizer
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.models.family import Example, Family, Window, near, take
from gfmtrust.models.layers.blocks import Node
from gfmtrust.models.layers.folding import BaseScorer, gathered
from gfmtrust.models.vocabularies import numbered

VOCABULARY = numbered([*"ACGTN-"])
"""Letter -> id. N stands for any other letter, "-" for positions beyond the ends of a sequence."""
CHARACTER_TOKENIZERS = {
    "PhyloGPNTokenizer": CharacterTokenizer(VOCABULARY, {"pad_token": "-", "unk_token": "N"})
}
"""Published tokenizer class -> vocabulary: the repository has no vocabulary file."""
COMPLEMENTS = (3, 2, 1, 0, 4, 5)
N_BASES = 4
IMPOSSIBLE = -3e4
"""A logit whose probability is 0 in float32; float16 can represent it."""
SHORTEST_BP = 32
NEIGHBOUR_OFFSETS = (-20, -15, -10, -5, 5, 10, 15, 20)


@dataclass(frozen=True)
class PhyloGpnConfig:
    """Fields of config.json, all of which shape the network; the defaults are those of the official
    class."""

    outer_dim: int = 960
    inner_dim: int = 480
    kernel_size: int = 5
    stack_size: int = 2
    num_stacks: int = 20

    @property
    def dilations(self) -> list[int]:
        """The dilation of each block: in every stack the powers of the kernel size, starting at
        1."""
        return self.num_stacks * [self.kernel_size**power for power in range(self.stack_size)]

    @property
    def receptive_field(self) -> int:
        """The number of bases that one answer depends on; it is odd, with the site in the
        middle."""
        return 1 + (self.kernel_size - 1) * sum(self.dilations)


class _Parameter(nn.Module):
    """A tensor under the name that torch's parametrisations use."""

    def __init__(self, *shape: int):
        super().__init__()
        n_inputs = math.prod(shape[1:])
        start = torch.randn(shape) * 2 / n_inputs**0.5 if len(shape) > 1 else torch.zeros(shape)
        self.original = nn.Parameter(start)


class _Paired(nn.Module):
    """Parameters that the network uses as the mean with their reverse complement.

    The partner of a channel on the other strand is the channel at the same place from the end.
    is_settled: whether the stored tensors already are that mean, as `settled` leaves them.
    """

    def __init__(self, **shapes: tuple[int, ...]):
        super().__init__()
        self.parametrizations = nn.ModuleDict(
            {name: _Parameter(*shape) for name, shape in shapes.items()}
        )
        self.is_settled = False

    def used(self, name: str) -> torch.Tensor:
        """Return the tensor as the network uses it."""
        stored = cast(_Parameter, self.parametrizations[name]).original
        return stored if self.is_settled else (stored + self.partner(stored)) / 2

    def partner(self, stored: torch.Tensor) -> torch.Tensor:
        """Return the reverse complement of (output, input, tap) or (output,): every axis is
        reversed."""
        return stored.flip(tuple(range(stored.ndim)))

    def settle(self) -> None:
        """Replace the stored tensors by those that the network uses."""
        for name, one in self.parametrizations.items():
            one.original = nn.Parameter(self.used(name), requires_grad=False)
        self.is_settled = True


class _Embedding(_Paired):
    """Rows by token id; the partner of a letter is the row of its complement with reversed
    channels."""

    def partner(self, stored: torch.Tensor) -> torch.Tensor:
        return stored[list(COMPLEMENTS)].flip(1)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return embedding(input_ids, self.used("weight"))


class _Convolution(_Paired):
    """A convolution without padding, (batch, length, n_in) to (batch, shorter length, n_out)."""

    def __init__(self, n_in: int, n_out: int, kernel: int = 1, dilation: int = 1):
        super().__init__(weight=(n_out, n_in, kernel), bias=(n_out,))
        self.kernel, self.dilation = kernel, dilation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight, bias = self.used("weight"), self.used("bias")
        if self.kernel == 1:
            return linear(x, weight.squeeze(2), bias)
        return conv1d(x.transpose(1, 2), weight, bias, dilation=self.dilation).transpose(1, 2)


class _Block(nn.Module):
    """A residual block around one dilated convolution, which shortens the sequence."""

    def __init__(self, config: PhyloGpnConfig, dilation: int):
        super().__init__()
        outer, inner = config.outer_dim, config.inner_dim
        self.layer_norm1, self.conv1 = nn.LayerNorm(outer), _Convolution(outer, inner)
        self.layer_norm2 = nn.LayerNorm(inner)
        self.conv2 = _Convolution(inner, inner, config.kernel_size, dilation)
        self.layer_norm3, self.conv3 = nn.LayerNorm(inner), _Convolution(inner, outer)
        self.trim = (config.kernel_size - 1) * dilation // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x_inner = self.conv1(gelu(self.layer_norm1(x)))
        x_inner = self.conv2(gelu(self.layer_norm2(x_inner)))
        x_inner = self.conv3(gelu(self.layer_norm3(x_inner)))
        return x_inner + x[:, self.trim : x.shape[1] - self.trim]


class PhyloGpn(nn.Module):
    """`forward` takes token ids int64 (batch, length) and returns logits float32 (batch, length, 4)
    in the order A, C, G, T; it is `head` applied to `hidden`.

    As the authors do at the ends of a sequence, half a receptive field of "-" is added on either
    side of the window, so that every letter of it has an answer.
    """

    def __init__(self, config: PhyloGpnConfig):
        super().__init__()
        self.config = config
        outer = config.outer_dim
        body = self._model = Node()
        body.embedding = _Embedding(weight=(len(VOCABULARY), outer))
        body.blocks = nn.ModuleList(_Block(config, dilation) for dilation in config.dilations)
        body.output_layer_norm = nn.LayerNorm(outer)
        body.output_conv = _Convolution(outer, N_BASES)

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        half = self.config.receptive_field // 2
        x = self._model.embedding(pad(input_ids, (half, half), value=VOCABULARY["-"]))
        for block in self._model.blocks:
            x = block(x)
        return self._model.output_layer_norm(x)

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        return self._model.output_conv(gelu(hidden))

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(input_ids))


def settled(network: PhyloGpn) -> PhyloGpn:
    """Return a copy that stores its tensors as it uses them, so that a graph holds them as
    constants."""
    network_copy = copy.deepcopy(network)
    for module in network_copy.modules():
        if isinstance(module, _Paired):
            module.settle()
    return network_copy


def _read_config(config: dict) -> PhyloGpnConfig:
    settings = take(config, PhyloGpnConfig, {"model_type": ("phylogpn",)})
    for name in PhyloGpnConfig.__dataclass_fields__:
        if getattr(settings, name) < 1:
            raise ConfigurationError(
                message("config.json", f"{name} is {getattr(settings, name)}", "at least 1")
            )
    if settings.kernel_size % 2 == 0:
        observed = f"kernel_size is {settings.kernel_size}"
        raise ConfigurationError(message("config.json", observed, "an odd number"))
    for name in ("outer_dim", "inner_dim"):
        if getattr(settings, name) % 2:
            observed = f"{name} is {getattr(settings, name)}"
            expected = "an even number: channels come in pairs, one for each strand"
            raise ConfigurationError(message("config.json", observed, expected))
    return settings


def _text(config: PhyloGpnConfig, vocabulary: dict[str, int]) -> Text:
    if vocabulary != VOCABULARY:
        differences = {*vocabulary.items()} ^ {*VOCABULARY.items()}
        token, number = min(differences, key=lambda pair: (pair[1], pair[0]))
        observed = f"{token!r} with id {number}"
        expected = "A, C, G, T, N and - with ids 0 to 5, in pairs of which the network is built"
        raise BadDataError(
            message("vocabulary", observed, expected, "is it this checkpoint's file?")
        )
    return Text(k=1, vocabulary=vocabulary, mask="N", unknown="N", outside="-")


def _window(config: PhyloGpnConfig, window_bp: int | None) -> Window:
    field = config.receptive_field
    shortest = min(SHORTEST_BP, field)
    width = window_bp or field
    if not shortest <= width <= field:
        expected = f"{shortest} to {field}: an answer depends on no base beyond"
        raise ConfigurationError(message("window_bp", f"{width}", expected))
    forward, reverse = width // 2, width - 1 - width // 2
    # No shifts: a window that is not centred on the site would only replace bases by "-".
    offsets = near(NEIGHBOUR_OFFSETS, width, forward, reverse)
    return Window(width, field, forward, reverse, (), offsets, False, shortest)


def _head(network: PhyloGpn, rows: torch.Tensor) -> torch.Tensor:
    """Return the logits of all six ids; N and "-", for which the network has no answer, have
    probability 0."""
    return pad(network.head(rows), (0, len(VOCABULARY) - N_BASES), value=IMPOSSIBLE)


def _scorer(network: PhyloGpn, config: PhyloGpnConfig, text: Text) -> BaseScorer:
    return BaseScorer(settled(network), gathered(PhyloGpn.hidden), _head, text, len(VOCABULARY))


EXAMPLE = Example(
    {
        "model_type": "phylogpn",
        "outer_dim": 32,
        "inner_dim": 16,
        "kernel_size": 5,
        "stack_size": 2,
        "num_stacks": 3,
    },
    VOCABULARY,
    73,
)
FAMILY = Family(
    name="phylogpn",
    model_types=("phylogpn",),
    quantity="direct",
    read_config=_read_config,
    build=PhyloGpn,
    text=_text,
    scorer=_scorer,
    window=_window,
    examples={"phylogpn": EXAMPLE},
    character_tokenizers=CHARACTER_TOKENIZERS,
)
