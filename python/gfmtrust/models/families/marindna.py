"""Marin-DNA: Qwen3 (or Llama) over single bases, causal. Each base is scored by the likelihood of
the window from the site onwards.

The network is transformers' own Qwen3ForCausalLM, which normalises queries and keys per head, or
LlamaForCausalLM. The window is the authors': one <bos> and 255 letters with the site in the middle,
so that half of the window scores the base at the site (`clm_full`); neighbours to the left are
scored in the same pass. Where config.json names no bos token there is no prefix, and the first
letter of the window is not scored. Letters, case and special tokens are read from the checkpoint's
own vocabulary; the published one has lower-case letters and no N.
"""

from __future__ import annotations

from torch import nn

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.models.family import NEIGHBOURS, Example, Family, Window, check_ids
from gfmtrust.models.layers import decoder
from gfmtrust.models.layers.decoder import DecoderConfig
from gfmtrust.models.layers.folding import BaseScorer, gathered
from gfmtrust.models.vocabularies import numbered

TRAINED_BP = 255
"""The window of the published checkpoint according to its authors; at 1,023 bp its scores were
observed to collapse."""
MAX_VOCABULARY = 64
"""A decoder with a larger vocabulary does not write single bases."""
SHORTEST_BP = 64
NEIGHBOUR_STEP_BP = 5
UNKNOWN = ("N", "n", "[UNK]", "<unk>", "[PAD]", "<pad>")
"""The tokens that may stand for N and for letters outside the contig, in order of preference."""

FIXED = {
    "model_type": ("qwen3", "llama"),
    "use_sliding_window": (False,),
    "sliding_window": (None,),
}
INERT = frozenset({"pad_token_id", "max_window_layers"})


def _reads(config: dict) -> bool:
    return isinstance(config.get("vocab_size"), int) and config["vocab_size"] <= MAX_VOCABULARY


def _read_config(config: dict) -> tuple[str, DecoderConfig]:
    """Return the model_type and the other settings. Raises ConfigurationError (78) for layers that
    do not attend to the whole window."""
    layers = config.get("layer_types") or []
    if not isinstance(layers, list):
        raise ConfigurationError(
            message(
                "config.json",
                f"layer_types is {layers!r}",
                "a list with a kind of attention for each layer",
            )
        )
    other = sorted(set(map(str, layers)) - {"full_attention"})
    if other or layers and len(layers) != config.get("num_hidden_layers"):
        observed = f"layer_types are {len(layers)}, {', '.join(other) or 'all full_attention'}"
        raise ConfigurationError(message("config.json", observed, "full_attention in every layer"))
    settings = {key: value for key, value in config.items() if key != "layer_types"}
    return config["model_type"], decoder.read(settings, FIXED, INERT)


def _build(config: tuple[str, DecoderConfig]) -> nn.Module:
    import transformers

    kind, values = config
    if kind == "qwen3":
        return transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**decoder.arguments(values)))
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**decoder.arguments(values)))


def _text(config: tuple[str, DecoderConfig], vocabulary: dict[str, int]) -> Text:
    _, values = config
    check_ids(vocabulary, values.vocab_size, {})
    prefix = decoder.prefix(vocabulary, values.bos_token_id)
    unknown = next(
        (token for token in UNKNOWN if token in vocabulary and token not in prefix), None
    )
    if unknown is None:
        raise BadDataError(
            message(
                "vocabulary",
                "no token for N",
                f"one of {', '.join(UNKNOWN)}",
                "is it this checkpoint's file?",
            )
        )
    return Text(
        1, vocabulary, "", unknown, unknown, prefix, lower_case="A" not in vocabulary, causal=True
    )


def _window(config: tuple[str, DecoderConfig], window_bp: int | None) -> Window:
    _, values = config
    trained = min(TRAINED_BP, values.max_position_embeddings - (values.bos_token_id >= 0))
    width = window_bp or trained
    if width < SHORTEST_BP:
        raise ConfigurationError(message("window_bp", f"{width}", f"at least {SHORTEST_BP}"))
    site = width // 2
    offsets = tuple(
        -NEIGHBOUR_STEP_BP * step
        for step in range(NEIGHBOURS, 0, -1)
        if NEIGHBOUR_STEP_BP * step < site
    )
    return Window(width, trained, site, site, (), offsets, True, SHORTEST_BP)


CONFIG = {
    "model_type": "qwen3",
    "vocab_size": 7,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500000,
    "rope_scaling": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "hidden_act": "silu",
    "attention_bias": False,
    "use_sliding_window": False,
    "sliding_window": None,
    "max_window_layers": 2,
    "tie_word_embeddings": False,
    "bos_token_id": 2,
    "eos_token_id": None,
    "pad_token_id": 0,
}
VOCABULARY = numbered(["[PAD]", "[UNK]", "[BOS]", *"acgt"])
"""Seven tokens, as many as the published networks have rows; their order is our own."""
LLAMA = {
    "model_type": "llama",
    "vocab_size": 6,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "tie_word_embeddings": True,
    "bos_token_id": None,
}
FAMILY = Family(
    name="marindna",
    model_types=("qwen3", "llama"),
    quantity="direct",
    read_config=_read_config,
    build=_build,
    text=_text,
    window=_window,
    scorer=lambda network, config, text: BaseScorer(
        network, gathered(decoder.hidden), decoder.head, text, config[1].vocab_size
    ),
    surplus=decoder.SURPLUS,
    tied=decoder.TIED,
    reads=_reads,
    examples={
        "marindna": Example(CONFIG, VOCABULARY, 96),
        "marindna_llama": Example(LLAMA, numbered(["[PAD]", "N", *"ACGT"]), 96),
    },
)
