"""The keys of a config.json beside the sizes of a network: its model_type, transformers' own
bookkeeping, and keys that describe another network.

transformers writes some forty keys for every model (`PretrainedConfig.to_dict`). Those that no
forward pass reads are in UNREAD and accepted with any value; those that could change a network are
in NEUTRAL and accepted with the value that changes nothing. Source of both lists:
`configuration_utils.py` and `generation/configuration_utils.py` of transformers 4.57, the last
version that writes all of them. This module does not import torch.
"""

from __future__ import annotations

import re

from gfmtrust.core.errors import ConfigurationError, message

BOOKKEEPING = frozenset(
    {
        "_name_or_path",
        "_commit_hash",
        "_attn_implementation",
        "_attn_implementation_autoset",
        "_attn_implementation_internal",
        "attn_implementation",
        "_experts_implementation",
        "_flash_attn_2_enabled",
        "architectures",
        "auto_map",
        "base_model_tp_plan",
        "torch_dtype",
        "dtype",
        "transformers_version",
        "id2label",
        "label2id",
        "num_labels",
        "problem_type",
        "output_attentions",
        "output_hidden_states",
        "return_dict",
        "use_cache",
        "chunk_size_feed_forward",
        "initializer_range",
        "tokenizer_class",
        "finetuning_task",
        "task_specific_params",
        "tf_legacy_loss",
        "loss_type",
        "gradient_checkpointing",
        "classifier_dropout",
        "attention_probs_dropout_prob",
        "hidden_dropout_prob",
        "attention_dropout",
    }
)
"""Names, versions, settings of how (not what) a forward pass computes, dropout and losses, and the
heads of other tasks."""
GENERATION = frozenset(
    {
        "prefix",
        "eos_token_id",
        "sep_token_id",
        "decoder_start_token_id",
        "max_length",
        "min_length",
        "do_sample",
        "early_stopping",
        "num_beams",
        "num_beam_groups",
        "diversity_penalty",
        "temperature",
        "top_k",
        "top_p",
        "typical_p",
        "repetition_penalty",
        "length_penalty",
        "no_repeat_ngram_size",
        "encoder_no_repeat_ngram_size",
        "bad_words_ids",
        "num_return_sequences",
        "output_scores",
        "return_dict_in_generate",
        "forced_bos_token_id",
        "forced_eos_token_id",
        "remove_invalid_values",
        "exponential_decay_length_penalty",
        "suppress_tokens",
        "begin_suppress_tokens",
    }
)
"""Settings of the sampler that generates text."""
UNREAD = BOOKKEEPING | GENERATION
NEUTRAL: dict[str, tuple] = {
    "torchscript": (False,),
    "use_bfloat16": (False,),
    "pruned_heads": ({}, None),
    "is_decoder": (False,),
    "is_encoder_decoder": (False,),
    "tie_encoder_decoder": (False,),
    "add_cross_attention": (False,),
    "cross_attention_hidden_size": (None,),
    "bos_token_id": (None,),
    "pad_token_id": (None,),
    "is_causal": (False,),
    "quantization_config": (None,),
    "compression_config": (None,),
    "rope_scaling": (None,),
    "num_local_experts": (None, 0),
    "num_experts": (None, 0),
}
"""Generic key -> the values that change nothing. A family that reads the key states its own
values."""

TYPES = {
    "BertConfig": "bert",
    "EsmConfig": "esm",
    "NTConfig": "esm",
    "ModernBertConfig": "modernbert",
    "LlamaConfig": "llama",
    "MistralConfig": "mistral",
    "Qwen3Config": "qwen3",
    "HyenaConfig": "hyenadna",
    "CaduceusConfig": "caduceus",
    "MambaConfig": "mamba",
    "Mamba2Config": "mamba2",
    "GPNConfig": "GPN",
    "ConvNetConfig": "ConvNet",
    "ByteNetConfig": "ByteNet",
    "Ntv3PreTrainedConfig": "ntv3",
    "NTv3PreTrainedConfig": "ntv3",
    "PhyloGPNConfig": "phylogpn",
    "CarbonConfig": "carbon",
}
"""The class that auto_map.AutoConfig names -> the model_type of its networks. The class itself is
never loaded."""

MIXTURE_KEYS = (
    "num_local_experts",
    "num_experts",
    "n_routed_experts",
    "num_experts_per_tok",
    "moe_intermediate_size",
    "n_shared_experts",
)
MIXTURE_NAME = re.compile(r"mixtral|moe|mixture.?of.?experts", re.IGNORECASE)
QUANTISED = ("quantization_config", "compression_config")


def class_name(config: dict, auto_class: str = "AutoConfig") -> str:
    """Return the class that auto_map names for an auto class, '' where it names none: 'EsmConfig'
    for 'esm_config.EsmConfig' and for 'owner/repository--esm_config.EsmConfig'."""
    auto_map = config.get("auto_map")
    value = auto_map.get(auto_class) if isinstance(auto_map, dict) else None
    return value.rpartition("--")[2].rpartition(".")[2] if isinstance(value, str) else ""


def with_type(config: dict) -> dict:
    """Return the config with a model_type: its own where it states one, otherwise that of the class
    that auto_map.AutoConfig names. The config is unchanged where neither is known."""
    if config.get("model_type") is not None:
        return config
    model_type = TYPES.get(class_name(config))
    return {**config, "model_type": model_type} if model_type else config


def classes_of(config: dict) -> list[str]:
    """Return every class of code that auto_map names, with its module, sorted."""
    auto_map = config.get("auto_map")
    values = auto_map.values() if isinstance(auto_map, dict) else [auto_map] if auto_map else []
    return sorted({str(value).rpartition("--")[2] for value in values})


def refuse_foreign(config: dict) -> None:
    """Raise ConfigurationError (78) for a mixture of experts, whichever key states it, and for
    quantised weights."""
    for key in MIXTURE_KEYS:
        if config.get(key) not in (None, 0):
            raise _mixture(f"{key} is {config[key]!r}")
    architectures = config.get("architectures")
    for name in (
        config.get("model_type"),
        *(architectures if isinstance(architectures, list) else []),
    ):
        if isinstance(name, str) and MIXTURE_NAME.search(name):
            raise _mixture(f"it names {name}")
    for key in QUANTISED:
        if config.get(key) is not None:
            raise ConfigurationError(
                message(
                    "config.json",
                    f"quantised weights ({key})",
                    "weights in fp32, fp16 or bf16",
                    "use the checkpoint that they were made from",
                )
            )


def _mixture(observed: str) -> ConfigurationError:
    return ConfigurationError(
        message(
            "config.json",
            f"a mixture of experts ({observed})",
            "a dense network",
            "mixtures are not supported: their routing depends on the whole batch of tokens",
        )
    )
