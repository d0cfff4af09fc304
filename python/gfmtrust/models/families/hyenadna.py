"""HyenaDNA: causal single bases, gated convolutions as long as the window.

Parameter names and results are those of the published port (`HyenaDNAForCausalLM`, model_type
"hyenadna"; HazyResearch/hyena-dna, standalone_hyenadna.py); the code is our own. A filter is
defined on the checkpoint's own grid of max_seq_len steps, of which a window of n letters uses the
first n, so no window can be longer than the grid. The tokenizer's closing [SEP] is omitted, because
a causal network's answers do not depend on what follows. `forward` convolves with torch.fft as the
source does; the exported form uses matrix products (`long_convolution`). In both forms a later
letter changes an earlier answer by rounding.
"""

from __future__ import annotations

import torch
from torch import nn

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.bundle.vocabulary import usable
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.family import BAR, NEIGHBOURS, Example, Family, Window, take
from gfmtrust.models.layers.blocks import Node
from gfmtrust.models.layers.folding import BaseScorer
from gfmtrust.models.layers.hyena import SHORT_TAPS, Block, Folded, HyenaConfig
from gfmtrust.models.layers.long_convolution import LongConvolution
from gfmtrust.models.vocabularies import CHARACTER_TOKENIZER, CHARACTERS, numbered

SPARE_STEPS = 2
"""max_seq_len is the trained length in bases plus this number: 1,026 for 1,024, 1,000,002 for a
million."""
SHORTEST_BP = 64
DEEP_BAR = 1e-4
"""At the published eight layers of 256 channels float32 alone differs from float64 by 1.5e-5 to
2e-5 (random weights, 256 and 1,000 letters), so graph and torch may correctly differ by more than
the default bar."""
RADIUS_BP = 32
"""The number of letters from the site onwards that score a base; an eighth of the window where that
is smaller."""
NEIGHBOUR_STRIDE = 6


FIXED = {
    "model_type": ("hyenadna",),
    "hyena_order": (2,),
    "short_filter_order": (SHORT_TAPS,),
    "train_freq": (True,),
}
# use_bias is written but never read: all layers have a bias.
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


class HyenaDna(nn.Module):
    """`forward` takes token ids int64 (batch, length), at most max_seq_len of them, and returns
    logits float32 (batch, length, n_rows)."""

    def __init__(self, config: HyenaConfig):
        super().__init__()
        self.config = config
        backbone = Node()
        backbone.embeddings = Node()
        backbone.embeddings.word_embeddings = nn.Embedding(config.n_rows, config.d_model)
        backbone.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        backbone.ln_f = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        self.hyena = Node()
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
    """The network with its long filters as matrix products, for windows of up to `length`
    tokens."""

    def __init__(self, network: HyenaDna, length: int):
        super().__init__()
        self.network = network
        products = LongConvolution(length)
        self.long = nn.ModuleList(
            Folded(layer.mixer.filter_fn, products) for layer in network.hyena.backbone.layers
        )

    def hidden_at(self, input_ids: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        """Return the hidden states of the scored rows, (batch, positions, width); the dense parts
        of the last layer are computed for these rows alone."""
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
        """Convert to float16, except the long convolutions, which stay in float32 as in the
        source."""
        self.network.half()
        return self


def _read_config(config: dict) -> HyenaConfig:
    config = {
        key: value for key, value in config.items() if not (key == "d_inner" and value is None)
    }
    settings = take(config, HyenaConfig, FIXED, INERT)
    if settings.emb_dim < 3 or settings.emb_dim % 2 == 0:
        raise ConfigurationError(
            message(
                "config.json",
                f"emb_dim is {settings.emb_dim}",
                "odd and at least 3: time, cosines and sines",
            )
        )
    return settings


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
