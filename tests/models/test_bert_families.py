"""nt_v2, ntv3, dnabert2, gena_bert, moderngena: what tells them from their neighbours, and what is
refused where they are mixed up."""

import json
import shutil

import checkpoints
import numpy as np
import pytest

from gfmtrust import models
from gfmtrust.core.errors import BadDataError, ConfigurationError

pytestmark = pytest.mark.torch
OURS = ("nt_v2", "ntv3", "dnabert2", "gena_bert", "moderngena")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Function example name -> directory of a checkpoint, written once."""
    folder = tmp_path_factory.mktemp("weights")
    by_name = {}

    def directory(name):
        if name not in by_name:
            by_name[name] = checkpoints.write(folder / name, name)
        return by_name[name]

    return directory


def load(directory):
    from gfmtrust.models import checkpoint

    return checkpoint.load(directory)


def mixed(tmp_path, base, config=None, vocabulary=None, weights=None):
    """A copy of a checkpoint with another config (dict), the vocabulary or the weights of another
    directory."""
    copy = tmp_path / "mixed"
    shutil.copytree(base, copy)
    if config is not None:
        (copy / "config.json").write_text(json.dumps(config))
    if vocabulary is not None:
        shutil.copy(vocabulary / "vocab.txt", copy / "vocab.txt")
    if weights is not None:
        shutil.copy(weights / "model.safetensors", copy / "model.safetensors")
    return copy


def config(name, *without, **more):
    settings = {
        key: value for key, value in checkpoints.CONFIGS[name].items() if key not in without
    }
    return settings | more


@pytest.mark.parametrize("name", sorted(checkpoints.CONFIGS))
def test_one_family_alone_reads_a_config(name):
    settings = checkpoints.CONFIGS[name]
    of_type = [
        family
        for family in map(models.family, models.FAMILIES)
        if settings["model_type"] in family.model_types
    ]
    assert [family.name for family in of_type if family.reads(settings)] == [
        models.family_of(settings).name
    ]


@pytest.mark.parametrize(
    ("name", "published", "trained"),
    [
        ("nt_v2", {"max_position_embeddings": 2050}, 12282),
        ("dnabert2", {"max_position_embeddings": 512}, 2560),
        ("gena_bert", {"max_position_embeddings": 512}, 4608),
        ("moderngena", {"max_position_embeddings": 8192}, 73728),
        ("ntv3", {}, 1048576),
    ],
)
def test_windows_of_published_configs(name, published, trained):
    family = models.family(name)
    window = family.window(family.read_config(config(name, **published)), None)
    assert window.trained_bp == trained
    assert window.window_bp <= trained
    assert window.site_reverse == window.window_bp - 1 - window.site_forward
    if name == "nt_v2":
        assert (window.window_bp, window.site_forward % 6, window.site_reverse % 6) == (12282, 3, 2)


def test_alibi_slopes():
    """Powers of two: halves. Twelve heads: those of eight, then every second of sixteen's."""
    from gfmtrust.models.families.dnabert2 import slopes

    eight = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]
    assert slopes(8) == eight
    np.testing.assert_allclose(slopes(12), eight + [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5])


def test_alibi_is_symmetric_and_falls_with_distance():
    import torch

    from gfmtrust.models.families.dnabert2 import alibi

    array = alibi(4, 2, torch.zeros(1))[0]
    np.testing.assert_allclose(
        array[0],
        [
            [0, -1 / 16, -2 / 16, -3 / 16],
            [-1 / 16, 0, -1 / 16, -2 / 16],
            [-2 / 16, -1 / 16, 0, -1 / 16],
            [-3 / 16, -2 / 16, -1 / 16, 0],
        ],
    )
    np.testing.assert_allclose(array[1], array[0] / 16)


def test_ntv3_has_as_many_parameters_as_the_published_8m_checkpoint():
    """NTv3_8M_pre's trunk with its head: 7,692,475, as users of the checkpoint count it."""
    family = models.family("ntv3")
    published = config(
        "ntv3",
        num_downsamples=7,
        attention_heads=8,
        key_size=32,
        conv_init_embed_dim=256,
        embed_dim=256,
        ffn_embed_dim=1024,
        num_layers=2,
    )
    network = family.build(family.read_config(published))
    assert sum(parameter.numel() for parameter in network.parameters()) == 7_692_475


def test_ntv3_pads_with_n_to_whole_blocks():
    """A text of 37 letters is read as 40, the others N; the logits asked for are those of the first
    37."""
    import torch

    module = checkpoints.network("ntv3")
    ids = torch.from_numpy(np.random.default_rng(0).integers(6, 10, (2, 37)))
    by_hand = torch.cat((ids, torch.full((2, 3), 10)), 1)
    assert module(ids).shape == (2, 37, 11)
    torch.testing.assert_close(module(ids), module(by_hand)[:, :37], rtol=0, atol=0)
    assert module.padded(by_hand).shape == (2, 40)


def test_a_config_of_transformers_5_is_the_same_moderngena():
    family = models.family("moderngena")
    old = config("moderngena")
    new = config(
        "moderngena", "global_rope_theta", "local_rope_theta", "global_attn_every_n_layers"
    ) | {
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": 160000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
        "layer_types": [
            "full_attention",
            "sliding_attention",
            "sliding_attention",
            "full_attention",
        ],
    }
    assert family.read_config(new) == family.read_config(old)


@pytest.mark.bad_input
@pytest.mark.parametrize(("network", "vocabulary"), [("nt_v2", "nt_v1"), ("nt_v1", "nt_v2")])
def test_ids_off_by_two_are_refused(tmp_path, weights, network, vocabulary):
    """The other generation's vocabulary: every 6-mer two ids further, special tokens where they
    were."""
    with pytest.raises(BadDataError, match="vocabulary: "):
        load(mixed(tmp_path, weights(network), vocabulary=weights(vocabulary)))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("network", "other"),
    [
        ("nt_v2", "nt_v1"),
        ("gena_bert", "grover"),
        ("grover", "gena_bert"),
        ("dnabert2", "grover"),
        ("grover", "dnabert2"),
        ("dnabert2", "gena_bert"),
        ("gena_bert", "gena_bert_no_last_norm"),
    ],
)
def test_weights_of_a_neighbour_are_refused(tmp_path, weights, network, other):
    """Pre-norm in post-norm and so on: 65, with the names that do not fit."""
    with pytest.raises(BadDataError, match=r"weights: .*tensors missing|weights: .* surplus"):
        load(mixed(tmp_path, weights(network), weights=weights(other)))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("family", "content"),
    [
        ("grover", "gena_bert"),
        ("grover", "dnabert2"),
        ("gena_bert", "dnabert2"),
        ("gena_bert", "grover"),
        ("dnabert2", "gena_bert"),
        ("nt_v1", "nt_v2"),
        ("nt_v2", "nt_v1"),
    ],
)
def test_a_neighbours_config_is_not_read(family, content):
    """Neither chosen by family_of nor, where another is missing from the registry, by the family
    itself."""
    assert not models.family(family).reads(checkpoints.CONFIGS[content])
    if (family, content) not in (("gena_bert", "grover"), ("dnabert2", "grover")):
        with pytest.raises(ConfigurationError, match=r"config\.json: "):
            models.family(family).read_config(checkpoints.CONFIGS[content])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "without", "more"),
    [
        ("nt_v2", "add_bias_fnn", {}),  # ESM-2: rotary, no gate
        ("nt_v2", "", {"token_dropout": True}),
        ("nt_v2", "", {"mlp_gate": "silu"}),
        ("nt_v2", "", {"emb_layer_norm_before": True}),
        ("dnabert2", "", {"pre_layer_norm": True}),
        ("dnabert2", "", {"hidden_act": "relu"}),
        ("dnabert2", "", {"flash_attn": True}),
        ("gena_bert", "", {"sparse_attention": {"block": 64}}),
        ("gena_bert", "", {"position_embedding_type": "rotary"}),
        ("gena_bert", "", {"pre_layer_norm": False}),
        ("gena_bert", "pre_layer_norm", {}),
        ("moderngena", "", {"hidden_activation": "silu"}),
        ("moderngena", "", {"layer_types": ["sliding_attention"] * 4}),
        (
            "moderngena",
            "",
            {"rope_parameters": {"full_attention": {"rope_type": "yarn", "rope_theta": 1.0}}},
        ),
        ("ntv3", "", {"deconv_upsample_type": "nearest"}),
        ("ntv3", "", {"deconv_phase": "even"}),
        ("ntv3", "", {"key_size": 16}),
        ("ntv3", "", {"conditions_vocab_size": [24]}),
        ("ntv3", "num_downsamples", {}),
        ("ntv3", "", {"num_hidden_layers_head": 1}),
    ],
)
def test_configs_that_are_another_network(name, without, more):
    settings = config(name, without, **more)
    with pytest.raises(ConfigurationError, match=r"config\.json: "):
        models.family_of(settings).read_config(settings)


@pytest.mark.bad_input
def test_ntv3_with_n_elsewhere(tmp_path, weights):
    """The graph pads with the last id; a vocabulary whose last letter is another base is
    refused."""
    copy = mixed(tmp_path, weights("ntv3"))
    tokens = (copy / "vocab.txt").read_text().split()
    (copy / "vocab.txt").write_text("\n".join([*tokens[:-2], "N", "G"]) + "\n")
    with pytest.raises(BadDataError, match="'N' has id 9"):
        load(copy)


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["gena_bert", "moderngena"])
def test_a_tokenizer_with_the_padding_elsewhere(tmp_path, weights, name):
    """GROVER's order of special tokens in a network of GENA's."""
    copy = mixed(tmp_path, weights(name), config=config(name, pad_token_id=0))
    with pytest.raises(BadDataError, match=r"'\[PAD\]' has id 3"):
        load(copy)
