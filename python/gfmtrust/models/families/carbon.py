"""Carbon: Llama over 6-mers after a `<dna>` tag, causal, with the windows of GENERator.

Source: the model card of HuggingFaceBio/Carbon-3B and its tokenizer.py (`HybridDNATokenizer`),
which appends the DNA tokens to the vocabulary of Qwen3: `<dna>`, `</dna>`, `<oov>`, the 6-mers in
the order A, T, C, G, and unused rows up to a multiple of 128. The vocabulary file of a checkpoint
is that of Qwen3, so the ids of the DNA tokens are taken from the class; a file that contradicts
them is refused. One word occurs in both: CCCCCC is text at 91443 and DNA at 154402.

The network is transformers' own LlamaForCausalLM. No published config.json was available: the keys
are those of the card and of transformers' Llama, and the family is untested on a published one.

The letters of a token are answered by the chain rule, each given the letters before it. The
authors' branch `fns` takes the marginal of every letter instead; both agree for the first letter of
a token, which is where a window places its site.
"""

from __future__ import annotations

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.models.families import generator
from gfmtrust.models.family import Example, Family
from gfmtrust.models.layers import decoder
from gfmtrust.models.layers.decoder import DecoderConfig
from gfmtrust.models.vocabularies import kmers

K = generator.K
N_ROWS, FIRST_DNA_ID = 155_776, 151_669
"""The number of token rows of the published networks, and the number of Qwen3's tokens before the
first DNA token (dna_config.json)."""
DNA_TOKENS = ("<dna>", "</dna>", "<oov>", *kmers(K))
DNA_VOCABULARY = {token: FIRST_DNA_ID + place for place, token in enumerate(DNA_TOKENS)}
SHARED_WORD, SHARED_ID = "CCCCCC", 91_443
"""The one 6-mer that is also a token of Qwen3; its id identifies that vocabulary."""


def _reads(config: dict) -> bool:
    return (
        isinstance(config.get("vocab_size"), int)
        and config["vocab_size"] >= generator.LARGEST_VOCABULARY
    )


def _read_config(config: dict) -> DecoderConfig:
    settings = decoder.read(config, generator.FIXED, generator.INERT)
    if settings.vocab_size != N_ROWS:
        observed = f"model_type is 'llama' with vocab_size {settings.vocab_size}"
        expected = f"fewer than {generator.LARGEST_VOCABULARY} (6-mers) or {N_ROWS} (Carbon)"
        raise ConfigurationError(message("config.json", observed, expected))
    return settings


def _text(config: DecoderConfig, vocabulary: dict[str, int]) -> Text:
    """Raises BadDataError (65) for a file that is not Qwen3's or gives a DNA token another id."""
    if vocabulary.get(SHARED_WORD) != SHARED_ID:
        observed = f"{SHARED_WORD!r} has id {vocabulary.get(SHARED_WORD)}"
        raise BadDataError(
            message(
                "vocabulary",
                observed,
                f"{SHARED_ID}, as in Qwen3's vocabulary",
                "is it this checkpoint's file?",
            )
        )
    for token, expected in DNA_VOCABULARY.items():
        if token != SHARED_WORD and vocabulary.get(token, expected) != expected:
            observed = f"{token!r} has id {vocabulary[token]}"
            raise BadDataError(
                message(
                    "vocabulary",
                    observed,
                    f"{expected} as HybridDNATokenizer has it",
                    "is it this checkpoint's file?",
                )
            )
    return Text(
        k=K,
        vocabulary=DNA_VOCABULARY,
        mask="",
        unknown="<oov>",
        outside="<oov>",
        prefix=("<dna>",),
        causal=True,
    )


COMBINED = DNA_VOCABULARY | {SHARED_WORD: SHARED_ID}
"""The vocabulary that the published class writes, without the other tokens of Qwen3."""
EXAMPLE = Example(
    {
        "model_type": "llama",
        "vocab_size": N_ROWS,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 41,
        "tie_word_embeddings": True,
    },
    COMBINED,
    72,
    tokenizer={"model": {"type": "BPE", "vocab": COMBINED, "merges": []}},
)
FAMILY = Family(
    name="carbon",
    model_types=("llama",),
    quantity="kmer",
    read_config=_read_config,
    build=generator.FAMILY.build,
    text=_text,
    window=generator.FAMILY.window,
    scorer=generator.FAMILY.scorer,
    surplus=decoder.SURPLUS,
    tied=decoder.TIED,
    reads=_reads,
    examples={"carbon": EXAMPLE},
)
