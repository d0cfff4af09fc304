"""Names, shapes and counts of published weights: the layouts against the bytes of the published
files, our networks against the layouts.

A safetensors file is its head, which lists every tensor, and the data. A list of names and shapes
that gives a published file's size to the byte is that file's list, but for what would cancel out
exactly.
"""

import math

import layouts
import pytest
from layouts import caduceus, hyenadna, rules

from gfmtrust import models

pytestmark = pytest.mark.torch
LAYOUTS = layouts.all_of()
NT_V2 = LAYOUTS["nt_v2-50m-multi-species"]
GENERATOR = LAYOUTS["generator-eukaryote-1.2b"]
NTV3 = LAYOUTS["ntv3-100m-pre"]
COMPLEMENTS = (
    "caduceus.backbone.embeddings.word_embeddings.complement_map",
    "lm_head.complement_map",
)
PUBLISHED = {
    "hyenadna-medium-160k": (LAYOUTS["hyenadna-medium-160k"], {}, 56_971_992),
    "hyenadna-large-1m": (LAYOUTS["hyenadna-medium-160k"], {"max_seq_len": 1_000_002}, 218_252_304),
    "caduceus-ps-131k": (LAYOUTS["caduceus-ps-131k"], {}, 30_937_760),
    "caduceus-ph-1k": (LAYOUTS["caduceus-ph-131k"], {"n_layer": 4}, 7_746_792),
    "nt_v2-50m": (NT_V2, NT_V2.full_sizes, 223_642_688),
    "nt_v2-100m": (NT_V2, NT_V2.full_sizes | {"num_hidden_layers": 22}, 391_597_600),
    "generator-eukaryote-1.2b": (GENERATOR, GENERATOR.full_sizes, 4_648_274_384),
}
"""Name -> layout, keys at the published size, bytes of model.safetensors. Source of the bytes:
tcztzy/evo.cpp at c281681, files of the hub at pinned revisions (LongSafari 7ebf717 and 0a629ab,
kuleshov-group d89eeb8 and 9865108, InstaDeepAI 81b29e5 and f34324c, GenerTeam 5e872c9)."""
NOT_OF_THE_NETWORK = ("position_ids", "inv_freq", "contact_head", "position_embeddings")
"""Of Nucleotide Transformer v2: listed in the file, and read by nothing when a sequence is
scored."""


def typed(config: dict, tensors: dict) -> dict:
    by_name = {name: ("F32", shape) for name, shape in tensors.items()}
    return by_name | {
        name: ("I64", (config["vocab_size"],)) for name in COMPLEMENTS if config.get("rcps")
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_layout_gives_the_published_file_to_the_byte(name):
    layout, sizes, n_bytes = PUBLISHED[name]
    config = layout.config | sizes
    assert rules.safetensors_size(typed(config, layout.tensors(config))) == n_bytes


def network(layout, config):
    """Of the family, without memory for its parameters."""
    import torch

    family = models.family(layout.family)
    with torch.device("meta"):
        return family.build(
            family.read_config(
                {"model_type": "esm"} | config if layout.family == "nt_v2" else config
            )
        )


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_network_has_the_published_tensors(name):
    """Names and shapes of every parameter; a tied one under one of its names."""
    layout, sizes, _ = PUBLISHED[name]
    config = layout.config | sizes
    ours = {key: tuple(value.shape) for key, value in network(layout, config).state_dict().items()}
    published = layout.tensors(config)
    assert {
        key: shape for key, shape in published.items() if key not in ours or ours[key] != shape
    } == {
        key: shape
        for key, shape in published.items()
        if layout.family == "nt_v2" and any(part in key for part in NOT_OF_THE_NETWORK)
    }
    tied = {one for pair in models.family(layout.family).ties(ours) for one in pair}
    assert {key for key in ours if key not in published} - tied <= set(COMPLEMENTS)


@pytest.mark.parametrize(
    ("layout", "sizes", "n_parameters"),
    [
        (NTV3, NTV3.full_sizes, 106_463_419),
        (
            NTV3,
            {
                "attention_heads": 8,
                "key_size": 32,
                "conv_init_embed_dim": 256,
                "embed_dim": 256,
                "ffn_embed_dim": 1024,
            },
            7_692_475,
        ),
    ],
)
def test_parameter_counts(layout, sizes, n_parameters):
    """NTv3-100M and -8M, as users of the published checkpoints count them after a strict load."""
    config = layout.config | sizes
    assert (
        sum(parameter.numel() for parameter in network(layout, config).parameters()) == n_parameters
    )
    assert sum(math.prod(shape) for shape in layout.tensors(config).values()) == n_parameters


@pytest.mark.parametrize(
    ("name", "n_parameters"),
    [
        ("caduceus-ps-131k", 7_725_312),
        ("caduceus-ph-1k", 1_934_592),
        ("generator-eukaryote-1.2b", 1_162_061_824),
    ],
)
def test_parameter_counts_of_files_that_hold_parameters_alone(name, n_parameters):
    """The values of the published file, of which the bytes are known, without complement tables;
    tied tensors are there once."""
    layout, sizes, _ = PUBLISHED[name]
    config = layout.config | sizes
    assert sum(math.prod(shape) for shape in layout.tensors(config).values()) == n_parameters
    assert (
        sum(parameter.numel() for parameter in network(layout, config).parameters()) == n_parameters
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change", [{"d_model": 257}, {"filter_order": 65}, {"n_layer": 7}, {"emb_dim": 7}]
)
def test_another_shape_gives_another_size(change):
    """The comparison by bytes can fail."""
    config = hyenadna.config("medium-160k", 256, 8, 160_002) | change
    assert (
        rules.safetensors_size(typed(config, hyenadna.tensors(config)))
        != PUBLISHED["hyenadna-medium-160k"][2]
    )


def test_a_bin_file_lists_tied_tensors_under_both_names():
    shapes, as_bin = (
        caduceus.tensors(caduceus.PLANT_CONFIG),
        caduceus.plant_tensors(caduceus.PLANT_CONFIG),
    )
    tied = set(as_bin) - set(shapes)
    assert {name.split(".")[-2] for name in tied} == {"in_proj", "out_proj", "lm_head"}
    assert len(tied) == 2 * caduceus.PLANT_CONFIG["n_layer"] + 1
