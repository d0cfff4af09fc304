"""GPN: masked single bases, dilated convolutions; both generations of checkpoints.

`GPNForMaskedLM` (model_type "GPN", convolutional or ByteNet encoder) and the older
`ConvNetForMaskedLM` (model_type "ConvNet"): parameter names and results are those of the package
gpn 0.9.0a1, so its checkpoints load strictly; the code is our own. The RoFormer encoder, auxiliary
features and alignments are not supported.
"""

from __future__ import annotations

from torch import nn

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.family import Example, Family, Window, check_ids, take
from gfmtrust.models.layers.folding import BaseScorer
from gfmtrust.models.layers.gpn_networks import (
    ConvNetConfig,
    ConvNetForMaskedLM,
    GpnConfig,
    GpnForMaskedLM,
)
from gfmtrust.models.vocabularies import numbered

ENCODERS = ("convnet", "bytenet")
FIXED = {
    "embedding": ("one_hot", "embedding"),
    "n_aux_features": (0,),
    "is_encoder_decoder": (False,),
}
# The official config classes write these keys; only encoders, heads and training code that this
# family does not have read them.
INERT = frozenset(
    {
        "model_type",
        "aux_features_vocab_size",
        "classification_head",
        "pos_weight",
        "regression_softplus",
        "num_attention_heads",
        "embedding_size",
        "max_position_embeddings",
        "type_vocab_size",
        "layer_norm_eps",
        "hidden_act",
        "rotary_value",
        "pad_token_id",
        "bos_token_id",
        "eos_token_id",
        "is_decoder",
        "add_cross_attention",
    }
)
TRAINED_BP = 512
SHORTEST_BP = 64
NEIGHBOUR_OFFSETS = (-20, -15, -10, -5, 5, 10, 15, 20)


def _read_config(config: dict) -> GpnConfig | ConvNetConfig:
    if (
        config.get("model_type") == "ConvNet"
    ):  # There is no embedding to tie, but the base class writes the key.
        return take(config, ConvNetConfig, FIXED, INERT | {"tie_word_embeddings"})
    settings = take(config, GpnConfig, FIXED | {"tie_word_embeddings": (False,)}, INERT)
    if settings.encoder not in ENCODERS:
        raise ConfigurationError(
            message(
                "config.json", f"encoder is {settings.encoder!r}", " or ".join(map(repr, ENCODERS))
            )
        )
    if (
        settings.encoder == "bytenet"
        and settings.slim
        and (settings.depthwise or settings.hidden_size % 2)
    ):
        observed = (
            "a slim encoder that is depthwise"
            if settings.depthwise
            else f"a slim encoder with hidden_size {settings.hidden_size}"
        )
        raise ConfigurationError(
            message("config.json", observed, "half of hidden_size as channels of one group")
        )
    return settings


def _build(config: GpnConfig | ConvNetConfig) -> nn.Module:
    return (
        ConvNetForMaskedLM(config) if isinstance(config, ConvNetConfig) else GpnForMaskedLM(config)
    )


def _text(config: GpnConfig | ConvNetConfig, vocabulary: dict[str, int]) -> Text:
    check_ids(vocabulary, config.vocab_size, {})
    return Text(
        k=1, vocabulary=vocabulary, mask="[MASK]", unknown="[UNK]", outside="[UNK]", lower_case=True
    )


def _window(config: GpnConfig | ConvNetConfig, window_bp: int | None) -> Window:
    width = window_bp or TRAINED_BP
    if width < SHORTEST_BP:
        raise ConfigurationError(message("window_bp", f"{width}", f"at least {SHORTEST_BP}"))
    forward, reverse = width // 2, width - 1 - width // 2
    return Window(
        width,
        TRAINED_BP,
        forward,
        reverse,
        (-(width // 8), 0, width // 8),
        NEIGHBOUR_OFFSETS,
        False,
        SHORTEST_BP,
    )


VOCABULARY = numbered(["[PAD]", "[MASK]", "[UNK]", *"acgt"])
EXAMPLES = {
    "gpn": Example(
        {
            "model_type": "GPN",
            "vocab_size": 7,
            "hidden_size": 32,
            "num_hidden_layers": 4,
            "intermediate_size": 64,
        },
        VOCABULARY,
        96,
    ),
    "convnet": Example(
        {"model_type": "ConvNet", "vocab_size": 7, "hidden_size": 32, "n_layers": 4}, VOCABULARY, 96
    ),
    "bytenet": Example(
        {
            "model_type": "GPN",
            "vocab_size": 7,
            "hidden_size": 32,
            "num_hidden_layers": 4,
            "encoder": "bytenet",
            "slim": True,
            "embedding": "embedding",
            "mlm_head_transform": False,
        },
        VOCABULARY,
        96,
    ),
}
FAMILY = Family(
    name="gpn",
    model_types=("GPN", "ConvNet"),
    quantity="direct",
    read_config=_read_config,
    build=_build,
    text=_text,
    window=_window,
    scorer=lambda network, config, text: BaseScorer(
        network, type(network).hidden_at, type(network).head, text, config.vocab_size
    ),
    examples=EXAMPLES,
)
