"""The networks of GPN: both generations of checkpoints, convolutional and ByteNet encoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn.functional import embedding, gelu

from gfmtrust.models.families.bytenet import ByteNetLayer
from gfmtrust.models.layers.blocks import Node
from gfmtrust.models.layers.cone import Cone
from gfmtrust.models.layers.dilated import Block, convolution, dilations


@dataclass(frozen=True)
class GpnConfig:
    """Fields of config.json that shape the network; the defaults are those of GPNForMaskedLM (gpn
    0.9.0a1)."""

    vocab_size: int = 7
    hidden_size: int = 512
    num_hidden_layers: int = 25
    intermediate_size: int = 2048
    bias: bool = False
    mlm_head_transform: bool = True
    embedding: str = "one_hot"
    encoder: str = "convnet"
    slim: bool = False
    first_kernel_size: int = 9
    rest_kernel_size: int = 5
    dilation_double_every: int = 1
    dilation_max: int = 9999
    dilation_cycle: int = 8
    dilation_base: int = 2
    depthwise: bool = False
    initializer_range: float = 0.02


@dataclass(frozen=True)
class ConvNetConfig:
    """Fields of an older checkpoint's config.json; the defaults are those of ConvNetForMaskedLM
    (gpn 0.9.0a1)."""

    vocab_size: int = 7
    hidden_size: int = 512
    n_layers: int = 25
    kernel_size: int = 9
    dilation_double_every: int = 1
    dilation_max: int = 32
    dilation_cycle: int = 6
    dilation_base: int = 2
    initializer_range: float = 0.02


def one_hot(vocab_size: int, width: int) -> torch.Tensor:
    """Return the rows to look up by token id, float32 (vocab_size, width)."""
    return torch.eye(vocab_size, width)


class GpnLayer(Block):
    """A pre-norm residual block: a convolution, then two dense layers. Parameters are numbered as
    in the checkpoints."""

    def __init__(self, config: GpnConfig, kernel: int, dilation: int, groups: int):
        super().__init__()
        width, bias = config.hidden_size, config.bias
        self.conv = nn.ModuleDict(
            {
                "0": nn.LayerNorm(width, bias=bias),
                "2": convolution(width, kernel, dilation, groups, bias),
                "5": nn.Linear(width, width, bias=bias),
            }
        )
        self.ffn = nn.ModuleDict(
            {
                "0": nn.LayerNorm(width, bias=bias),
                "1": nn.Linear(width, config.intermediate_size, bias=bias),
                "3": nn.Linear(config.intermediate_size, width, bias=bias),
            }
        )

    @property
    def conv1d(self) -> nn.Conv1d:
        """The layer's dilated convolution."""
        return cast(nn.Conv1d, self.conv["2"])

    def before(self, x: torch.Tensor) -> torch.Tensor:
        """Return the input of the convolution, (batch, length, width)."""
        return self.conv["0"](x)

    def after(self, x: torch.Tensor, convolved: torch.Tensor) -> torch.Tensor:
        """Return the output of the layer from its input and the convolution of `before`."""
        ffn = self.ffn
        x = x + self.conv["5"](gelu(convolved))
        return x + ffn["3"](gelu(ffn["1"](ffn["0"](x))))


def layer(config: GpnConfig, kernel: int, dilation: int, groups: int) -> Block:
    """Return a layer of the encoder that config.json names."""
    if config.encoder == "convnet":
        return GpnLayer(config, kernel, dilation, groups)
    inner = config.hidden_size // 2 if config.slim else config.hidden_size
    return ByteNetLayer(config.hidden_size, inner, kernel, dilation, groups, config.bias)


class GpnBody(nn.Module):
    """`forward` takes token ids int64 (batch, length) and returns hidden states float32 (batch,
    length, hidden_size)."""

    one_hot: torch.Tensor

    def __init__(self, config: GpnConfig):
        super().__init__()
        width = config.hidden_size
        self.embeddings = Node()
        if config.embedding == "embedding":
            self.embeddings.word_embeddings = nn.Embedding(config.vocab_size, width, padding_idx=0)
        else:
            self.register_buffer("one_hot", one_hot(config.vocab_size, width), persistent=False)
        self.encoder = Node()
        self.encoder.layer = nn.ModuleList(
            layer(
                config,
                kernel=config.rest_kernel_size if i else config.first_kernel_size,
                dilation=dilation,
                groups=width if config.depthwise and i else 1,
            )
            for i, dilation in enumerate(dilations(config, config.num_hidden_layers))
        )
        self.ln_f = nn.LayerNorm(width, bias=config.bias)

    def embed(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the embedded tokens, (batch, length, width): rows of a table, or one-hot rows
        where the checkpoint has no table."""
        looked_up = hasattr(self.embeddings, "word_embeddings")
        return (
            self.embeddings.word_embeddings(input_ids)
            if looked_up
            else embedding(input_ids, self.one_hot)
        )

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(input_ids)
        for layer in self.encoder.layer:
            x = layer(x)
        return self.ln_f(x)


class GpnForMaskedLM(nn.Module):
    """The newer generation. `forward` takes token ids (batch, length) and returns logits (batch,
    length, vocab_size); it is `head` applied to `hidden`. `hidden_at` returns the rows of `hidden`
    at some positions."""

    def __init__(self, config: GpnConfig):
        super().__init__()
        self.config = config
        width, bias = config.hidden_size, config.bias
        self.model = GpnBody(config)
        self.cls = Node()
        if config.mlm_head_transform:
            self.cls.transform = nn.Sequential(
                nn.Linear(width, width, bias=bias), nn.GELU(), nn.LayerNorm(width, bias=bias)
            )
        else:
            self.cls.transform = nn.Identity()
        self.cls.decoder = nn.Linear(width, config.vocab_size, bias=bias)
        initialise(self, config.initializer_range)

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids)

    def hidden_at(self, input_ids: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        """Return only the rows at pos, int64 (batch, positions), by way of the rows that they depend
        on (`Cone`)."""
        return self.model.ln_f(Cone(self.model.encoder.layer)(self.model.embed(input_ids), pos))

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.cls.decoder(self.cls.transform(hidden))

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(input_ids))


class ConvNetLayer(Block):
    """The older block, in which the norm is the last step of each residual branch."""

    def __init__(self, config: ConvNetConfig, dilation: int):
        super().__init__()
        width = config.hidden_size
        self.conv = nn.ModuleDict(
            {"1": convolution(width, config.kernel_size, dilation), "4": nn.LayerNorm(width)}
        )
        self.ffn = nn.ModuleDict({"0": nn.Linear(width, width), "2": nn.LayerNorm(width)})

    @property
    def conv1d(self) -> nn.Conv1d:
        """The layer's dilated convolution."""
        return cast(nn.Conv1d, self.conv["1"])

    def before(self, x: torch.Tensor) -> torch.Tensor:
        """Return the input of the convolution, which is the input of the layer."""
        return x

    def after(self, x: torch.Tensor, convolved: torch.Tensor) -> torch.Tensor:
        """Return the output of the layer from its input and the convolution of `before`."""
        x = x + self.conv["4"](gelu(convolved))
        return x + self.ffn["2"](gelu(self.ffn["0"](x)))


class ConvNetForMaskedLM(nn.Module):
    """The older generation, with the same methods as GpnForMaskedLM."""

    one_hot: torch.Tensor

    def __init__(self, config: ConvNetConfig):
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.register_buffer("one_hot", one_hot(config.vocab_size, width), persistent=False)
        self.model = Node()
        self.model.encoder = nn.ModuleList(
            ConvNetLayer(config, d) for d in dilations(config, config.n_layers)
        )
        self.cls = Node()
        self.cls.decoder = nn.Sequential(
            nn.Linear(width, width),
            nn.GELU(),
            nn.LayerNorm(width),
            nn.Linear(width, config.vocab_size),
        )
        initialise(self, config.initializer_range)

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        x = embedding(input_ids, self.one_hot)
        for layer in self.model.encoder:
            x = layer(x)
        return x

    def hidden_at(self, input_ids: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        """Return only the rows at pos, int64 (batch, positions), by way of the rows that they depend
        on (`Cone`)."""
        return Cone(self.model.encoder)(embedding(input_ids, self.one_hot), pos)

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.cls.decoder(hidden)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(input_ids))


def initialise(network: nn.Module, std: float) -> None:
    """Draw normal dense weights and set biases to zero, as the official training does; convolutions
    keep torch's own initialisation."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
