"""GenomeOcean-4B: Mistral over byte pairs, two shards in bfloat16.

Source: tcztzy/evo.cpp at c281681, DOEJGI/GenomeOcean-4B at 2bed2fc: sizes of the files, 219 tensors
(130 and 89), 4,253,174,784 parameters, width 3,072, 24 layers. Heads and the width of the
feed-forward follow from these numbers; config.json is inferred in part. Its tokenizer is not known:
specials and letters follow from the ids of two published texts.
"""

from __future__ import annotations

from layouts import Layout
from layouts.bert_rules import EVO
from layouts.bpe_rules import rule, tokenizer, written
from layouts.decoder_rules import tensors

TOKENIZER = tokenizer(4096, letters="ACGNT", pair_end=False)
CONFIG = {
    "_name_or_path": "pGenomeOcean/GenomeOcean-4B",
    "architectures": ["MistralForCausalLM"],
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "classifier_dropout": 0.1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 96,
    "initializer_range": 0.02,
    "intermediate_size": 512,
    "is_causal": True,
    "max_position_embeddings": 32_768,
    "model_type": "mistral",
    "num_attention_heads": 12,
    "num_hidden_layers": 2,
    "num_key_value_heads": 4,
    "rms_norm_eps": 1e-05,
    "rope_theta": 1_000_000.0,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.38.2",
    "use_cache": True,
    "vocab_size": 4096,
}
LAYOUTS = (
    Layout(
        "genomeocean-4b",
        "mistral",
        CONFIG,
        {"tokenizer.json": written(TOKENIZER)},
        tensors,
        f"{EVO}: DOEJGI/GenomeOcean-4B at 2bed2fc",
        tuple(f"model-{number:05}-of-00002.safetensors" for number in (1, 2)),
        rule(TOKENIZER, 1, 2),
        {
            "hidden_size": 3072,
            "num_hidden_layers": 24,
            "num_attention_heads": 24,
            "num_key_value_heads": 8,
            "intermediate_size": 16_384,
        },
        n_parameters=4_253_174_784,
        window_bp=160,
        stand_in=("tokenizer.json",),
        stored="bfloat16",
    ),
)
