"""GENERator: Llama over 6-mers, causal. Each of the four bases is scored by the likelihood of the
window from the site onwards.

The network is transformers' own LlamaForCausalLM. A window is <s>, the 6-mers before the site and a
few from the site onwards, the same on both strands in reading direction (`clm_full`). A window that
ends with the site uses the left flank alone (`clm_cond`), as does the authors' script
variant_effect_prediction.py (GenerTeam/GENERator).
"""

from __future__ import annotations

from torch import nn

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.bundle.vocabulary import usable
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.family import NEIGHBOURS, Example, Family, Window, check_ids
from gfmtrust.models.layers import decoder
from gfmtrust.models.layers.decoder import DecoderConfig
from gfmtrust.models.layers.folding import KmerScorer, gathered
from gfmtrust.models.vocabularies import check_kmers, kmers, numbered

K = 6
GENERATOR_NAME = "GENERator"
DEFAULT_CONTEXT_BP = 6144
"""The default length of a window in letters: what the authors' variant script reads before the
site."""
SHORTEST_TOKENS = 4
LARGEST_VOCABULARY = 2 * 4**K
"""A decoder with at least so many rows also writes text beside 6-mers (`carbon`)."""
RADIUS_BP = 32
"""The number of letters from the site onwards that score a base, rounded up to whole tokens; an
eighth of the window where that is smaller."""


FIXED = {"model_type": ("llama",), "mlp_bias": (False,), "pretraining_tp": (1,)}
INERT = frozenset({"eos_token_id", "pad_token_id"})


def _reads(config: dict) -> bool:
    return (
        isinstance(config.get("vocab_size"), int)
        and 4**K <= config["vocab_size"] < LARGEST_VOCABULARY
    )


def _read_config(config: dict) -> DecoderConfig:
    return decoder.read(config, FIXED, INERT)


def _build(config: DecoderConfig) -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**decoder.arguments(config)))


def _text(config: DecoderConfig, vocabulary: dict[str, int]) -> Text:
    check_kmers(vocabulary, {GENERATOR_NAME: vocabulary.get("A" * K, 0)}, GENERATOR_NAME, K)
    vocabulary = usable(vocabulary, config.vocab_size, ("<s>", "<oov>"), K)
    check_ids(vocabulary, config.vocab_size, {"<s>": config.bos_token_id})
    return Text(
        k=K,
        vocabulary=vocabulary,
        mask="",
        unknown="<oov>",
        outside="<oov>",
        prefix=("<s>",),
        causal=True,
    )


def _window(config: DecoderConfig, window_bp: int | None) -> Window:
    trained = config.max_position_embeddings * K  # <s> takes one position, the last token none
    width = window_bp or min(DEFAULT_CONTEXT_BP, trained)
    if width % K > 1 or width < SHORTEST_TOKENS * K:
        expected = f"a multiple of {K}, at least {SHORTEST_TOKENS * K}; with one more for the site it reads the left flank alone"
        raise ConfigurationError(message("window_bp", f"{width}", expected))
    site = width - 1 if width % K else width - K * -(-min(RADIUS_BP, width // 8) // K)
    offsets = tuple(-K * tokens for tokens in range(NEIGHBOURS, 0, -1) if K * tokens < site)
    return Window(width, trained, site, site, (), offsets, True, SHORTEST_TOKENS * K + width % K)


EXAMPLE = Example(
    {
        "model_type": "llama",
        "vocab_size": 4128,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 41,
        "bos_token_id": 1,
    },
    numbered(["<oov>", "<s>", "</s>", "<pad>", *kmers()]),
    72,
)
FAMILY = Family(
    name="generator",
    model_types=("llama",),
    quantity="kmer",
    read_config=_read_config,
    build=_build,
    text=_text,
    window=_window,
    scorer=lambda network, config, text: KmerScorer(
        network, gathered(decoder.hidden), decoder.head, text, config.vocab_size
    ),
    surplus=decoder.SURPLUS,
    tied=decoder.TIED,
    reads=_reads,
    examples={"generator": EXAMPLE},
)
