"""Weight files that are not what they should be, configs of other networks: one line and a code."""

import json
import logging
import pickle
import shutil
from dataclasses import replace

import layouts
import pytest

from gfmtrust import models
from gfmtrust.core.errors import BadDataError, ConfigurationError, GfmtrustError, MissingInputError
from gfmtrust.models import config_keys
from gfmtrust.models.layers import decoder

pytestmark = pytest.mark.torch
LAYOUTS = layouts.all_of()
DNABERT, GROVER = LAYOUTS["dnabert2-117m"], LAYOUTS["grover"]
OCEAN, MARIN = LAYOUTS["genomeocean-4b"], LAYOUTS["marin-dna-exp135-m5.1"]
BIN_SHARDS = replace(
    GROVER, weights=("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")
)
INDEX = "pytorch_model.bin.index.json"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Function layout -> its folder, written once; not to be changed."""
    base, product = tmp_path_factory.mktemp("folders"), {}

    def folder(layout):
        key = (layout.id, layout.weights)
        if key not in product:
            product[key] = layouts.write(base / str(len(product)), layout)
        return product[key]

    return folder


@pytest.fixture
def copy(folders, tmp_path):
    """Function layout -> a copy of its folder."""
    return lambda layout: shutil.copytree(folders(layout), tmp_path / "copy")


def load(directory):
    from gfmtrust.models import checkpoint

    return checkpoint.load(directory)


def refusal(directory) -> GfmtrustError:
    """The error of a folder: one line, 65, 66 or 78."""
    with pytest.raises((BadDataError, MissingInputError, ConfigurationError)) as raised:
        load(directory)
    assert "\n" not in str(raised.value)
    return raised.value


def rewrite(path, change):
    """Change the object of a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def values_of(directory) -> dict:
    return load(directory).network.state_dict()


def test_every_form_gives_the_same_network(folders):
    """One .bin, two .bin shards, one safetensors file: equal values under every name."""
    import torch

    first = values_of(folders(GROVER))
    for weights in (BIN_SHARDS.weights, ("model.safetensors",)):
        other = values_of(folders(replace(GROVER, weights=weights)))
        assert first.keys() == other.keys()
        assert all(torch.equal(first[name], other[name]) for name in first)


def test_safetensors_are_read_where_a_bin_differs(copy, caplog):
    """The log names both in one line, and the digests are those of what was read."""
    import torch

    directory = copy(replace(DNABERT, weights=("model.safetensors",)))
    other = layouts.random_tensors(DNABERT, seed=9)
    torch.save(other, directory / "pytorch_model.bin")
    with caplog.at_level(logging.INFO, "gfmtrust"):
        loaded = load(directory)
    name = "bert.encoder.layer.0.mlp.wo.weight"
    assert torch.equal(loaded.network.state_dict()[name], layouts.random_tensors(DNABERT)[name])
    lines = [line for line in caplog.messages if "pytorch_model.bin" in line]
    assert len(lines) == 1
    assert "read from model.safetensors" in lines[0]
    assert "pytorch_model.bin" not in loaded.sha256


class Trap:
    """A pickle of it runs a function that makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.bad_input
@pytest.mark.parametrize("form", ["zip", "bare", "shard"])
def test_code_in_a_bin_is_not_run(copy, tmp_path, form):
    import torch

    directory, sprung = copy(BIN_SHARDS if form == "shard" else GROVER), tmp_path / "sprung"
    path = directory / (BIN_SHARDS.weights[1] if form == "shard" else "pytorch_model.bin")
    content = torch.load(path, weights_only=True) | {"trap": Trap(sprung)}
    if form == "bare":
        path.write_bytes(pickle.dumps({"trap": Trap(sprung)}, protocol=2))
    else:
        torch.save(content, path)
    error = refusal(directory)
    assert error.exit_code == 65
    assert "io.open, which is never run" in str(error)
    assert "weights_only" not in str(error)
    assert not sprung.exists()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "a list that is no map of names"),
        ({1: 2}, "a dict that is no map of names"),
        ({"state_dict": {}}, "state_dict is a dict"),
        ({"epoch": 3}, "epoch is a int"),
    ],
)
def test_a_bin_of_other_things(copy, content, words):
    import torch

    directory = copy(GROVER)
    torch.save(content, directory / "pytorch_model.bin")
    assert words in str(refusal(directory))


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.bad_input
def test_tensors_without_values_or_of_another_kind(copy):
    import torch

    directory = copy(GROVER)
    for tensor in (torch.empty(2, device="meta"), torch.eye(3).to_sparse()):
        torch.save({"x": tensor}, directory / "pytorch_model.bin")
        error = refusal(directory)
        assert error.exit_code == 65
        assert "tensors" in str(error)


@pytest.mark.bad_input
def test_a_tensor_of_absurd_shape_is_compared_before_it_is_copied(copy):
    """One value seen from 10^13 places takes four bytes in the file."""
    import torch

    directory = copy(GROVER)
    content = torch.load(directory / "pytorch_model.bin", weights_only=True)
    content["bert.pooler.dense.bias"] = torch.zeros(1).expand(10**13)
    torch.save(content, directory / "pytorch_model.bin")
    with pytest.raises(GfmtrustError) as raised:
        load(directory)
    assert raised.value.exit_code in (65, 75)


@pytest.mark.bad_input
@pytest.mark.parametrize("layout", [DNABERT, BIN_SHARDS, OCEAN], ids=["bin", "shards", "ocean"])
@pytest.mark.parametrize("fault", ["missing", "empty", "truncated", "garbage", "sibling"])
def test_each_weight_file_at_fault(folders, copy, layout, fault):
    directory = copy(layout)
    for name in layout.weights:
        path = directory / name
        content = path.read_bytes()
        path.unlink()
        if fault == "sibling":
            path.write_bytes((folders(GROVER) / "pytorch_model.bin").read_bytes()[: len(content)])
        elif fault != "missing":
            size = {"empty": 0, "truncated": len(content) // 2, "garbage": 0}[fault]
            path.write_bytes(content[:size] + (b"\x80\x02garbage" if fault == "garbage" else b""))
        assert refusal(directory).exit_code == (66 if fault == "missing" else 65)
        path.write_bytes(content)


@pytest.mark.bad_input
@pytest.mark.parametrize("layout", [DNABERT, GROVER, OCEAN, MARIN], ids=lambda layout: layout.id)
@pytest.mark.parametrize("fault", ["missing", "empty", "truncated", "list"])
def test_each_small_file_at_fault(copy, layout, fault):
    """Files that the loader needs: config.json and tokenizer.json."""
    directory = copy(layout)
    for name in ("config.json", "tokenizer.json"):
        path = directory / name
        content = path.read_text()
        path.unlink()
        if fault != "missing":
            path.write_text(
                {"empty": "", "truncated": content[: len(content) // 2]}.get(fault, "[]")
            )
        # GROVER's vocab.txt has no merges, so it is no tokenizer of byte pairs
        assert refusal(directory).exit_code in ((66,) if fault == "missing" else (65, 78))
        path.write_text(content)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("one", "other"),
    [(DNABERT, GROVER), (GROVER, DNABERT), (DNABERT, LAYOUTS["gena_bert-large-t2t"])],
    ids=lambda layout: layout.id,
)
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_the_file_of_another_checkpoint(folders, copy, one, other, name):
    """GROVER's 609 tokens fit into DNABERT-2's 4,096 rows and would be other words in them."""
    directory = copy(one)
    (directory / name).write_bytes((folders(other) / name).read_bytes())
    assert refusal(directory).exit_code in (65, 78)


def _move(content):
    name = next(iter(content["weight_map"]))
    content["weight_map"][name] = BIN_SHARDS.weights[1]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda it: it["weight_map"].update(x="absent.bin"), 66, "absent.bin: not found"),
        (lambda it: it["weight_map"].update(x="../outside.bin"), 65, "same folder"),
        (lambda it: it["weight_map"].update(x="/etc/outside.bin"), 65, "same folder"),
        (lambda it: it["weight_map"].update(x=BIN_SHARDS.weights[0]), 65, "no tensor x"),
        (_move, 65, "no tensor bert.embeddings"),
        (lambda it: it.pop("weight_map"), 65, "no list of weight files"),
    ],
)
def test_an_index_that_disagrees_with_its_files(copy, change, code, words):
    directory = copy(BIN_SHARDS)
    rewrite(directory / INDEX, change)
    error = refusal(directory)
    assert error.exit_code == code
    assert words in str(error)


@pytest.mark.bad_input
def test_a_tensor_in_two_shards(copy):
    """Equal values are one tensor; different ones are refused."""
    import torch

    directory = copy(BIN_SHARDS)
    one, other = (directory / name for name in BIN_SHARDS.weights)
    name, values = next(iter(torch.load(one, weights_only=True).items()))
    content = torch.load(other, weights_only=True)
    torch.save(content | {name: values}, other)
    assert load(directory).family.name == "grover"
    torch.save(content | {name: values + 1}, other)
    assert f"another {name} than an earlier file holds" in str(refusal(directory))


# --- config.json ---------------------------------------------------------------------------------


@pytest.mark.bad_input
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("layout", [DNABERT, MARIN], ids=lambda layout: layout.id)
def test_a_config_with_a_number_that_is_none(copy, layout, number):
    directory = copy(layout)
    path = directory / "config.json"
    path.write_text(path.read_text().replace('"initializer_range": 0.02', f'"x": {number}'))
    error = refusal(directory)
    assert error.exit_code == 65
    assert "is no number" in str(error)


@pytest.mark.parametrize(
    ("auto_class", "model_type"),
    [
        ("esm_config.EsmConfig", "esm"),
        ("owner/repository--esm_config.EsmConfig", "esm"),
        ("configuration_bert.BertConfig", "bert"),
        ("EsmConfig", "esm"),
        ("module.TotallyOtherConfig", None),
    ],
)
def test_the_type_of_a_network_by_the_class_of_its_config(auto_class, model_type):
    config = {"auto_map": {"AutoConfig": auto_class}}
    assert config_keys.with_type(config).get("model_type") == model_type
    assert config_keys.with_type(config | {"model_type": "gpt2"})["model_type"] == "gpt2"


def test_keys_that_were_not_read_are_listed_in_one_line(caplog):
    """Of Marin-DNA's config 49 keys shape no forward pass; rope, sizes and ties were read."""
    with caplog.at_level(logging.INFO, "gfmtrust"):
        models.family("marindna").read_config(MARIN.config)
    lines = [line for line in caplog.messages if "were not read" in line]
    assert len(lines) == 1
    named = lines[0].partition("read: ")[2].split(", ")
    assert f"{len(named)} keys" in lines[0]
    assert {"num_beams", "tf_legacy_loss", "_name_or_path"} <= set(named)
    assert not {"rope_theta", "hidden_size", "tie_word_embeddings", "is_encoder_decoder"} & set(
        named
    )


GENERIC = {
    "torchscript": False,
    "pruned_heads": {},
    "tie_encoder_decoder": False,
    "cross_attention_hidden_size": None,
    "add_cross_attention": False,
    "is_encoder_decoder": False,
    "use_bfloat16": False,
    "quantization_config": None,
    "max_length": 4096,
    "temperature": 0.3,
    "begin_suppress_tokens": [7],
    "_attn_implementation": "flash_attention_2",
    "_commit_hash": "a" * 40,
    "finetuning_task": "promoters",
    "tf_legacy_loss": True,
}
"""Neutral values of keys that could shape a network, odd ones of keys that cannot."""
OPEN_LAYOUTS = {layout.family: layout for layout in LAYOUTS.values() if not layout.refusal}


@pytest.mark.parametrize("layout", OPEN_LAYOUTS.values(), ids=lambda layout: layout.family)
def test_generic_keys_leave_the_config_as_it_is(layout):
    family = models.family_of(layout.config)
    plain = config_keys.with_type(layout.config)
    more = {key: value for key, value in GENERIC.items() if key not in plain}
    assert family.read_config(plain | more) == family.read_config(plain)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change",
    [
        {"torchscript": True},
        {"pruned_heads": {"0": [1]}},
        {"tie_encoder_decoder": True},
        {"cross_attention_hidden_size": 64},
        {"add_cross_attention": True},
        {"is_encoder_decoder": True},
        {"use_bfloat16": True},
        {"is_encoder_decoder": 0},
        {"quantization_config": {"bits": 4}},
        {"attention_sinks": 4},
        {"residual_scale": 0.5},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("layout", [DNABERT, OCEAN, MARIN], ids=lambda layout: layout.id)
def test_keys_that_could_shape_the_network(layout, change):
    config = config_keys.with_type(layout.config) | change
    with pytest.raises(ConfigurationError, match=next(iter(change))):
        models.family_of(config).read_config(config)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "mixtral"},
        {"num_local_experts": 8},
        {"num_experts": 4},
        {"n_routed_experts": 2},
        {"model_type": "qwen3_moe"},
        {"architectures": ["MixtralForCausalLM"]},
        {"moe_intermediate_size": 64},
    ],
)
@pytest.mark.parametrize("layout", [OCEAN, MARIN, DNABERT], ids=lambda layout: layout.id)
def test_mixtures_of_experts_are_refused_by_name(layout, change):
    with pytest.raises(ConfigurationError, match="a mixture of experts"):
        models.family_of(layout.config | change)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "auto_map",
    [
        {"AutoConfig": "owner/code--configuration_new.NewConfig"},
        {"AutoModel": "modeling_new.NewConfig"},
        "NewConfig",
        ["NewConfig"],
    ],
)
def test_a_network_of_code_alone(copy, auto_map):
    directory = copy(DNABERT)
    rewrite(directory / "config.json", lambda config: config.update(auto_map=auto_map))
    error = refusal(directory)
    assert error.exit_code == 78
    assert "own code" in str(error)
    assert "NewConfig" in str(error)
    assert "never run" in str(error)


LLAMA3 = MARIN.config["rope_scaling"]


@pytest.mark.parametrize(
    "spellings",
    [
        {"rope_theta": 500_000, "rope_scaling": LLAMA3},
        {"rope_parameters": LLAMA3 | {"rope_theta": 500_000}},
        {"rope_theta": 500_000.0, "rope_parameters": LLAMA3 | {"rope_theta": 500_000}},
        {"rope_theta": 500_000, "rope_parameters": LLAMA3},
        {"rope_scaling": LLAMA3, "rope_parameters": LLAMA3 | {"rope_theta": 500_000}},
        {
            "rope_theta": 500_000,
            "rope_scaling": {"type" if key == "rope_type" else key: LLAMA3[key] for key in LLAMA3},
        },
    ],
)
def test_every_spelling_of_the_rotary_positions(spellings):
    assert decoder.rotary(spellings) == LLAMA3 | {"rope_theta": 500_000}
    assert decoder.rotary({}) == {"rope_type": "default", "rope_theta": 10_000.0}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "spellings",
    [
        {"rope_theta": 1e4, "rope_parameters": {"rope_type": "default", "rope_theta": 5e5}},
        {"rope_scaling": LLAMA3, "rope_parameters": {"rope_type": "default", "rope_theta": 5e5}},
        {"rope_scaling": LLAMA3, "rope_parameters": LLAMA3 | {"factor": 4.0}},
        {"rope_scaling": LLAMA3 | {"type": "linear"}},
        {"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}},
        {"rope_theta": "10000"},
        {"rope_theta": 0},
        {"rope_parameters": [1]},
        {"rope_scaling": {"rope_type": ["llama3"]}},
        {"rope_scaling": {"rope_type": "linear", "factor": 2.0}},
    ],
)
def test_rotary_positions_that_disagree_or_are_another_rule(spellings):
    with pytest.raises(ConfigurationError) as raised:
        decoder.rotary(spellings)
    assert "\n" not in str(raised.value)


@pytest.mark.bad_input
@pytest.mark.parametrize("token", ["[UNK]", "[PAD]"])
def test_a_beginning_that_is_no_beginning(copy, token):
    """A default of the class names <unk> or <pad>: the network was trained without it."""
    directory = copy(MARIN)
    number = {"[UNK]": 1, "[PAD]": 0}[token]
    rewrite(directory / "config.json", lambda config: config.update(bos_token_id=number))
    error = refusal(directory)
    assert error.exit_code == 65
    assert token in str(error)


# --- tokenizer.json ------------------------------------------------------------------------------


def test_tokens_above_the_rows_that_no_dna_text_holds(copy):
    """An added token at the first free id changes nothing."""
    directory = copy(DNABERT)
    rewrite(directory / "tokenizer.json", lambda it: it["model"]["vocab"].update({"<extra>": 4096}))
    assert max(load(directory).text.vocabulary.values()) == 4095


@pytest.mark.bad_input
@pytest.mark.parametrize("token", ["ACGTACGTA", "[MASK]", "N"])
def test_tokens_above_the_rows_that_a_text_may_hold(copy, token):
    directory = copy(GROVER)

    def change(content):
        content["model"]["vocab"][token] = 609
        content["added_tokens"] = [
            entry for entry in content["added_tokens"] if entry["content"] != token
        ]

    rewrite(directory / "tokenizer.json", change)
    assert refusal(directory).exit_code == 65


@pytest.mark.bad_input
@pytest.mark.parametrize("merge", [["A", "C", "G"], ["A"], [1, 2], "ACG", None])
def test_merges_that_are_no_pairs(copy, merge):
    directory = copy(GROVER)
    rewrite(directory / "tokenizer.json", lambda it: it["model"]["merges"].append(merge))
    assert refusal(directory).exit_code == 65
