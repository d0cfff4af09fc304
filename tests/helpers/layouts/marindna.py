"""Marin-DNA: Qwen3 over lower-case bases, config.json as transformers 4's `to_dict` writes it.

Tokenizer: the published file, by its digest. config.json: inferred from Levanter's export and the
generic keys of transformers 4.57.
"""

from __future__ import annotations

import json

from layouts import Layout
from layouts.decoder_rules import tensors

LETTERS = {"a": 3, "c": 4, "g": 5, "t": 6}
IDS = {"[PAD]": 0, "[UNK]": 1, "[BOS]": 2} | LETTERS
GENERIC = {
    "return_dict": True,
    "output_hidden_states": False,
    "torchscript": False,
    "dtype": None,
    "pruned_heads": {},
    "tie_word_embeddings": False,
    "chunk_size_feed_forward": 0,
    "is_encoder_decoder": False,
    "is_decoder": False,
    "cross_attention_hidden_size": None,
    "add_cross_attention": False,
    "tie_encoder_decoder": False,
    "architectures": ["Qwen3ForCausalLM"],
    "finetuning_task": None,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "task_specific_params": None,
    "problem_type": None,
    "tokenizer_class": None,
    "prefix": None,
    "bos_token_id": 2,
    "pad_token_id": 0,
    "eos_token_id": None,
    "sep_token_id": None,
    "decoder_start_token_id": 2,
    "max_length": 20,
    "min_length": 0,
    "do_sample": False,
    "early_stopping": False,
    "num_beams": 1,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "typical_p": 1.0,
    "repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "num_return_sequences": 1,
    "output_scores": False,
    "return_dict_in_generate": False,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "remove_invalid_values": False,
    "exponential_decay_length_penalty": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": [0, 2],
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "_name_or_path": "",
    "transformers_version": "4.57.6",
    "no_bias": True,
    "tf_legacy_loss": False,
    "use_bfloat16": False,
    "model_type": "qwen3",
    "output_attentions": False,
}
CONFIG = {
    "vocab_size": 7,
    "max_position_embeddings": 256,
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "use_sliding_window": False,
    "sliding_window": None,
    "max_window_layers": 28,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "rms_norm_eps": 1e-05,
    "use_cache": True,
    "rope_theta": 500_000,
    "rope_scaling": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "attention_bias": False,
    "attention_dropout": 0.0,
    "layer_types": ["full_attention"] * 3,
} | GENERIC
NOTE = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
BOS = {"SpecialToken": {"id": "[BOS]", "type_id": 0}}
FIRST, SECOND = ({"Sequence": {"id": name, "type_id": kind}} for kind, name in enumerate("AB"))
TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [
        {"id": number, "content": token} | NOTE | {"special": True}
        for token, number in IDS.items()
        if token not in LETTERS
    ],
    "normalizer": {"type": "Lowercase"},
    "pre_tokenizer": {
        "type": "Split",
        "pattern": {"Regex": ".{1}"},
        "behavior": "Isolated",
        "invert": False,
    },
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [BOS, FIRST],
        "pair": [FIRST, SECOND],
        "special_tokens": {"[BOS]": {"id": "[BOS]", "ids": [2], "tokens": ["[BOS]"]}},
    },
    "decoder": {"type": "Fuse"},
    "model": {"type": "WordLevel", "vocab": IDS, "unk_token": "[UNK]"},
}
SPECIALS = {"bos_token": "[BOS]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
LAYOUTS = (
    Layout(
        "marin-dna-exp135-m5.1",
        "marindna",
        CONFIG,
        {
            "tokenizer.json": json.dumps(TOKENIZER),
            "tokenizer_config.json": json.dumps(
                SPECIALS
                | {
                    "backend": "tokenizers",
                    "model_max_length": int(1e30),
                    "tokenizer_class": "TokenizersBackend",
                }
            ),
            "special_tokens_map.json": json.dumps(SPECIALS),
        },
        tensors,
        "tokenizer: marin-dna/marin-dna-exp135-m5.1; config inferred from Levanter's Qwen3Config",
        tokens=lambda text: [LETTERS.get(letter.lower(), 1) for letter in text],
        window_bp=96,
        scale=0.01,
    ),
)
