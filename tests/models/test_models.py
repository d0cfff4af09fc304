"""Families: strict configs and weights, networks against their sources' rules, folded scoring
against the unfolded network."""

import json
import re

import checkpoints
import numpy as np
import pytest
from naive_kmers import base_law

from gfmtrust import models
from gfmtrust.bundle import tokenizers
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError, TransientError

pytestmark = pytest.mark.torch
KINDS = sorted(checkpoints.CONFIGS)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Function kind -> directory of a checkpoint, written once."""
    folder = tmp_path_factory.mktemp("weights")
    return {kind: checkpoints.write(folder / kind, kind) for kind in KINDS}


def load(directory):
    from gfmtrust.models import checkpoint

    return checkpoint.load(directory)


def folded(loaded, text, codes, index):
    """probs (n, P, 4) and off_alphabet of the scoring module, run eagerly."""
    import torch

    scorer = loaded.family.scorer(loaded.network, loaded.config, text).eval()
    feeds = tokenizers.feeds(tokenizers.build(text), codes, index)
    with torch.no_grad():
        logp, off = scorer(**{name: torch.from_numpy(values) for name, values in feeds.items()})
    return np.exp(logp.numpy().astype(np.float64)), off.numpy(), feeds


def full_logits(loaded, input_ids) -> np.ndarray:
    """Logits of the whole network at every token, through its own forward."""
    import torch

    with torch.no_grad():
        module = loaded.network(torch.from_numpy(input_ids))
    return (module if isinstance(module, torch.Tensor) else module.logits).numpy()


def test_every_family_is_registered_under_its_own_name():
    assert {name: models.family(name).name for name in models.FAMILIES} == {
        name: name for name in models.FAMILIES
    }
    assert {models.family_of(checkpoints.CONFIGS[kind]).name for kind in KINDS} == set(
        models.FAMILIES
    )


@pytest.mark.parametrize("kind", KINDS)
def test_loading_gives_back_every_value(weights, kind):
    import torch

    loaded, product = load(weights[kind]), checkpoints.network(kind)
    for name, tensor in product.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], tensor), name
    assert loaded.n_parameters == sum(p.numel() for p in product.parameters())
    vocabulary = "vocab.txt" if checkpoints.EXAMPLES[kind].tokenizer is None else "tokenizer.json"
    assert set(loaded.sha256) == {"config.json", vocabulary, "model.safetensors"}
    assert loaded.dtypes == sorted(
        {str(tensor.dtype).removeprefix("torch.") for tensor in product.state_dict().values()}
    )
    assert not any(module.training for module in loaded.network.modules())


def test_base_models_are_renormalised_over_four(weights):
    for kind in ("gpn", "convnet"):
        loaded = load(weights[kind])
        codes = np.random.default_rng(0).integers(0, 6, (3, 80)).astype(np.uint8)
        index = np.array([[40, 10], [0, 79], [5, 33]])
        probs, off, feeds = folded(loaded, loaded.text, codes, index)
        logits = full_logits(loaded, feeds["input_ids"]).astype(np.float64)
        for row in range(3):
            for column in range(2):
                z = np.exp(logits[row, index[row, column]])
                np.testing.assert_allclose(probs[row, column], z[3:] / z[3:].sum(), atol=1e-6)
                assert off[row, column] == pytest.approx(z[:3].sum() / z.sum(), abs=1e-6)


@pytest.mark.parametrize("method", ["marginal", "conditional"])
def test_both_kmer_methods_equal_sums_over_strings(weights, method):
    from dataclasses import replace

    loaded = load(weights["nt_v1"])
    text = replace(loaded.text, kmer_method=method)
    codes = np.random.default_rng(1).integers(0, 4, (2, 144)).astype(np.uint8)
    codes[1, 75] = 4  # an N in the scored token of the second window
    index = np.array([[74, 3], [73, 140]])
    probs, off, feeds = folded(loaded, text, codes, index)
    logits = full_logits(loaded, feeds["input_ids"])
    for row in range(2):
        for column in range(2):
            at = index[row, column]
            token = "".join("ACGTN"[code] for code in codes[row, at // 6 * 6 : at // 6 * 6 + 6])
            row_logits = logits[row, at // 6 + 1]
            np.testing.assert_allclose(
                probs[row, column],
                base_law(row_logits, text.vocabulary, token, at % 6, method),
                rtol=2e-5,
            )
            words = [text.vocabulary[word] for word in tokenizers.words(text)]
            weight = np.exp(row_logits.astype(np.float64))
            assert off[row, column] == pytest.approx(
                1 - weight[words].sum() / weight.sum(), abs=1e-6
            )


def test_the_causal_family_reads_the_left_alone(weights):
    """The law of the first letter after 6-mers; letters from the site on change nothing, the letter
    before it does."""
    loaded = load(weights["generator"])
    codes = np.random.default_rng(2).integers(0, 4, (1, 61)).astype(np.uint8)
    index = np.array([[60, 24]])
    probs, _, feeds = folded(loaded, loaded.text, codes, index)
    logits = full_logits(loaded, feeds["input_ids"])[0]
    for column, token in enumerate(
        (10, 4)
    ):  # <s> is token 0: the 6-mer before letter 60 is token 10
        law = np.zeros(4)
        for word, number in loaded.text.vocabulary.items():
            if len(word) == 6 and set(word) <= set("ACGT"):
                law["ACGT".index(word[0])] += np.exp(float(logits[token, number]))
        np.testing.assert_allclose(probs[0, column], law / law.sum(), rtol=2e-5)
    right, left = codes.copy(), codes.copy()
    right[0, 60] = (right[0, 60] + 1) % 4
    left[0, 59] = (left[0, 59] + 1) % 4
    assert np.array_equal(folded(loaded, loaded.text, right, index)[0], probs)
    assert not np.allclose(
        folded(loaded, loaded.text, left, index)[0][0, 0], probs[0, 0], rtol=1e-4
    )
    assert np.array_equal(folded(loaded, loaded.text, left, index)[0][0, 1], probs[0, 1])


def test_masked_families_do_not_see_the_letter(weights):
    for kind in ("gpn", "convnet", "nt_v1"):
        loaded = load(weights[kind])
        codes = np.random.default_rng(3).integers(0, 4, (4, 144)).astype(np.uint8)
        codes[:] = codes[0]
        codes[:, 70] = range(4)
        probs, _, _ = folded(loaded, loaded.text, codes, np.full((4, 1), 70))
        # not bit for bit: on some CPUs torch rounds the rows of a batch differently
        np.testing.assert_allclose(probs, np.broadcast_to(probs[0], probs.shape), atol=1e-6)


def test_token_dropout_rescales_by_the_masked_share(weights):
    """ESM's rule at inference, by hand: mask embeddings are 0, the others times (1 - 0.12) / (1 -
    masked share)."""
    import torch

    loaded = load(weights["nt_v1"])
    ids = torch.tensor([[3, 2, 10, 11], [3, 12, 10, 11]])
    embeddings = loaded.network.esm.embeddings
    words, places = embeddings.word_embeddings.weight, embeddings.position_embeddings.weight
    product = embeddings(ids)
    torch.testing.assert_close(
        product[0, 1], places[3]
    )  # positions start after the pad id: token 1 has position 3
    torch.testing.assert_close(product[0, 2], words[10] * 0.88 / 0.75 + places[4])
    torch.testing.assert_close(product[1, 2], words[10] * 0.88 + places[4])


@pytest.mark.parametrize(
    ("kind", "width", "forward", "reverse", "trained"),
    [
        ("gpn", None, 256, 255, 512),
        ("gpn", 101, 50, 50, 512),
        ("nt_v1", None, 120, 119, 240),
        ("nt_v1", 144, 72, 71, 240),
        ("generator", None, 216, 216, 246),
        ("generator", 61, 60, 60, 246),
        ("generator", 72, 60, 60, 246),
    ],
)
def test_windows(kind, width, forward, reverse, trained):
    family = models.family_of(checkpoints.CONFIGS[kind])
    window = family.window(family.read_config(checkpoints.CONFIGS[kind]), width)
    assert (window.site_forward, window.site_reverse, window.trained_bp) == (
        forward,
        reverse,
        trained,
    )
    if kind != "generator":
        assert window.site_reverse == window.window_bp - 1 - window.site_forward
    for site in (window.site_forward, window.site_reverse):
        assert all(0 <= site + offset < window.window_bp for offset in window.neighbour_offsets)
    if kind != "gpn":  # neighbours lie in tokens of their own
        assert (
            len({(window.site_forward + offset) // 6 for offset in (0, *window.neighbour_offsets)})
            == 9
        )


def test_the_published_nt_v1_window_is_5994():
    family = models.family("nt_v1")
    window = family.window(
        family.read_config({**checkpoints.NT_CONFIG, "max_position_embeddings": 1002}), None
    )
    assert (window.window_bp, window.site_forward % 6, window.site_reverse % 6) == (5994, 3, 2)


def test_dilations_of_the_published_networks():
    from gfmtrust.models.families.gpn import ConvNetConfig, GpnConfig
    from gfmtrust.models.layers.dilated import dilations

    assert dilations(GpnConfig(), 10) == [1, 2, 4, 8, 16, 32, 64, 128, 1, 2]
    assert dilations(ConvNetConfig(), 8) == [1, 2, 4, 8, 16, 32, 1, 2]
    assert dilations(GpnConfig(dilation_double_every=2, dilation_max=3), 6) == [1, 1, 2, 2, 3, 3]


def test_shards_and_bin_files_load_alike(tmp_path, weights):
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(weights["gpn"] / "model.safetensors")
    for kind in ("shards", "bin"):
        folder = tmp_path / kind
        folder.mkdir()
        for name in ("config.json", "vocab.txt"):
            (folder / name).write_bytes((weights["gpn"] / name).read_bytes())
    names = sorted(tensors)
    halves = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, content in halves.items():
        save_file({name: tensors[name] for name in content}, tmp_path / "shards" / file)
    index = {"weight_map": {name: file for file, content in halves.items() for name in content}}
    (tmp_path / "shards" / "model.safetensors.index.json").write_text(json.dumps(index))
    torch.save(tensors, tmp_path / "bin" / "pytorch_model.bin")
    for kind in ("shards", "bin"):
        state = load(tmp_path / kind).network.state_dict()
        assert all(torch.equal(state[name], tensors[name]) for name in names)


def changed(directory, tmp_path, change_config=None, change_weights=None, change_vocabulary=None):
    """A copy of a checkpoint with one file changed."""
    import shutil

    from safetensors.torch import load_file, save_file

    copy = tmp_path / "changed"
    shutil.copytree(directory, copy)
    if change_config:
        content = json.loads((copy / "config.json").read_text())
        change_config(content)
        (copy / "config.json").write_text(json.dumps(content))
    if change_weights:
        tensors = load_file(copy / "model.safetensors")
        change_weights(tensors)
        save_file(tensors, copy / "model.safetensors")
    if change_vocabulary:
        tokens = (copy / "vocab.txt").read_text().split()
        (copy / "vocab.txt").write_text("\n".join(change_vocabulary(tokens)))
    return copy


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("gpn", {"pre_layer_norm": True}),
        ("gpn", {"encoder": "roformer"}),
        ("gpn", {"n_aux_features": 5}),
        ("gpn", {"bias": 1}),
        ("gpn", {"hidden_size": "32"}),
        ("gpn", {"embedding": "embedding", "tie_word_embeddings": True}),
        ("convnet", {"depthwise": True}),
        ("nt_v1", {"position_embedding_type": "rotary"}),
        ("nt_v1", {"add_bias_fnn": False}),
        ("nt_v1", {"mlp_gate": True}),
        ("generator", {"rope_scaling": {"type": "linear"}}),
        ("generator", {"sliding_window": 8}),
        ("generator", {"hidden_act": "gelu"}),
        ("generator", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}}),
        ("gpn", {"model_type": "electra"}),
        ("grover", {"position_embedding_type": "relative_key"}),
        ("grover", {"is_decoder": True}),
        ("mistral", {"sliding_window": 64}),
        ("mistral", {"model_type": "mixtral"}),
        ("mistral", {"num_local_experts": 8}),
        ("mistral", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}}),
    ],
)
def test_config_keys_that_change_the_network_are_refused(tmp_path, weights, kind, change):
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        load(changed(weights[kind], tmp_path, lambda content: content.update(change)))


@pytest.mark.bad_input
def test_a_missing_config_key(tmp_path, weights):
    with pytest.raises(ConfigurationError, match="no token_dropout"):
        load(changed(weights["nt_v1"], tmp_path, lambda content: content.pop("token_dropout")))


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_tensor_is_refused(tmp_path, weights, kind):
    from safetensors.torch import load_file

    family = models.family_of(checkpoints.CONFIGS[kind])
    tied = {one for pair in family.ties(load(weights[kind]).network.state_dict()) for one in pair}
    optional = {
        name
        for name in load_file(weights[kind] / "model.safetensors")
        if any(re.fullmatch(one, name) for one in family.unused)
    }
    for name in sorted(set(load_file(weights[kind] / "model.safetensors")) - tied - optional)[::7]:
        with pytest.raises(
            BadDataError, match=rf"1 tensors missing, 0 surplus, first {re.escape(name)}"
        ):
            load(
                changed(
                    weights[kind],
                    tmp_path / name,
                    change_weights=lambda content, name=name: content.pop(name),
                )
            )


@pytest.mark.bad_input
def test_a_surplus_tensor_is_refused(tmp_path, weights):
    import torch

    with pytest.raises(BadDataError, match="0 tensors missing, 1 surplus, first adapter"):
        load(
            changed(
                weights["gpn"],
                tmp_path,
                change_weights=lambda content: content.update(adapter=torch.zeros(2)),
            )
        )


@pytest.mark.bad_input
def test_another_shape_is_refused(tmp_path, weights):
    import torch

    with pytest.raises(BadDataError, match=r"model\.ln_f\.weight is \[16\]; expected \[32\]"):
        load(
            changed(
                weights["gpn"],
                tmp_path,
                change_weights=lambda content: content.update(
                    {"model.ln_f.weight": torch.ones(16)}
                ),
            )
        )


@pytest.mark.bad_input
def test_a_broken_tie_is_refused(tmp_path, weights):
    def untie(content):
        content["lm_head.decoder.weight"] = content["esm.embeddings.word_embeddings.weight"] + 1

    with pytest.raises(BadDataError, match="differs from esm"):
        load(changed(weights["nt_v1"], tmp_path, change_weights=untie))


@pytest.mark.bad_input
def test_weights_with_nan_are_refused(tmp_path, weights):
    with pytest.raises(BadDataError, match="differs after loading"):
        load(
            changed(
                weights["gpn"],
                tmp_path,
                change_weights=lambda content: content["model.ln_f.weight"].fill_(float("nan")),
            )
        )


@pytest.mark.bad_input
def test_ids_off_by_two_are_refused(tmp_path, weights):
    """Two more specials in front of the 6-mers, as v2 has them, and one: no published
    vocabulary."""
    with pytest.raises(
        BadDataError,
        match=r"first 6-mer has id 6, as in the vocabulary of Nucleotide Transformer v2; expected 4",
    ):
        load(
            changed(
                weights["nt_v1"],
                tmp_path,
                change_vocabulary=lambda tokens: ["<eos>", "<bos>", *tokens],
            )
        )
    with pytest.raises(
        BadDataError, match="first 6-mer has id 5, as in the vocabulary of another model"
    ):
        load(
            changed(
                weights["nt_v1"],
                tmp_path / "b",
                change_vocabulary=lambda tokens: ["<eos>", *tokens],
            )
        )


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "model.safetensors"])
def test_a_missing_file(tmp_path, weights, name):
    copy = changed(weights["gpn"], tmp_path)
    (copy / name).unlink()
    with pytest.raises(MissingInputError):
        load(copy)


@pytest.mark.bad_input
def test_a_truncated_weights_file(tmp_path, weights):
    copy = changed(weights["gpn"], tmp_path)
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadDataError, match="not read"):
        load(copy)


@pytest.mark.bad_input
def test_a_pickle_is_not_executed(tmp_path, weights):
    import pickle

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    copy = changed(weights["gpn"], tmp_path)
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(pickle.dumps({"x": Trap()}, protocol=2))
    with pytest.raises(BadDataError, match="not read"):
        load(copy)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff" * 8,
        (10**12).to_bytes(8, "little") + b"{}",
        (8).to_bytes(8, "little") + b"[[[[[[[[",
    ],
)
def test_weights_whose_head_cannot_be_meant(tmp_path, weights, head):
    copy = changed(weights["gpn"], tmp_path)
    (copy / "model.safetensors").write_bytes(head)
    with pytest.raises(BadDataError, match=r"model\.safetensors: not read \(SafetensorError\)"):
        load(copy)


@pytest.mark.bad_input
def test_weights_too_large_for_the_memory_left_are_not_read(tmp_path, weights, monkeypatch):
    """The head alone says how much: float32 is what they are loaded in, whatever the file holds."""
    import torch
    from safetensors.torch import load_file, save_file

    from gfmtrust.core import memory
    from gfmtrust.models import checkpoint

    copy = changed(weights["gpn"], tmp_path)
    tensors = load_file(copy / "model.safetensors")
    n = sum(tensor.numel() for tensor in tensors.values())
    save_file(
        {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()},
        copy / "model.safetensors",
    )
    needed = checkpoint.COPIES * 4 * n
    monkeypatch.setattr(memory, "available", lambda: needed)
    assert load(copy).dtypes == ["bfloat16"]
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    monkeypatch.setattr(
        checkpoint.weights, "read", lambda paths: pytest.fail("the weights were read")
    )
    with pytest.raises(
        TransientError, match="GB to load and export these weights; give the task more memory"
    ):
        load(copy)


@pytest.mark.bad_input
def test_a_config_of_absurd_size(tmp_path, weights):
    copy = changed(weights["gpn"], tmp_path)
    with open(copy / "config.json", "r+b") as file:
        file.truncate(1 << 41)
    with pytest.raises(BadDataError, match="2199023255552 bytes; expected at most 4194304"):
        load(copy)
    (copy / "config.json").write_text("[" * 100_000)
    with pytest.raises(BadDataError, match="no JSON"):
        load(copy)


@pytest.mark.bad_input
def test_a_config_of_a_network_nobody_could_build(tmp_path, weights):
    with pytest.raises(ConfigurationError, match="no network of it can be built"):
        load(changed(weights["gpn"], tmp_path, lambda content: content.update(hidden_size=1 << 40)))


@pytest.mark.bad_input
def test_a_vocabulary_that_disagrees_with_the_tokenizer(tmp_path, weights):
    copy = changed(weights["gpn"], tmp_path)
    ids = {token: number for number, token in enumerate((copy / "vocab.txt").read_text().split())}
    (copy / "tokenizer.json").write_text(json.dumps({"model": {"vocab": ids}}))
    assert load(copy).text.vocabulary == ids
    ids["a"], ids["c"] = ids["c"], ids["a"]
    (copy / "tokenizer.json").write_text(json.dumps({"model": {"vocab": ids}}))
    with pytest.raises(
        BadDataError, match=r"tokenizer\.json: 'a' has id 4; expected 3 as vocab\.txt says"
    ):
        load(copy)


@pytest.mark.bad_input
def test_shard_names_do_not_leave_the_directory(tmp_path, weights):
    copy = changed(weights["gpn"], tmp_path)
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text(
        '{"weight_map": {"x": "../other.safetensors"}}'
    )
    with pytest.raises(BadDataError, match="files in the same folder"):
        load(copy)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "card",
    [
        {"window_bp": "96"},
        {"licens": "MIT"},
        {"training": ["hg38"]},
        {"training": {"contigs": "chr1"}},
        {"training": {"assembly": ["hg38"]}},
        {"training": {"contigs": [""]}},
    ],
)
def test_a_card_with_an_unknown_field(tmp_path, weights, card):
    copy = changed(weights["gpn"], tmp_path)
    (copy / "gfmtrust.json").write_text(json.dumps(card))
    with pytest.raises(BadDataError, match=r"gfmtrust\.json"):
        load(copy)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("kind", "width"),
    [("gpn", 10), ("nt_v1", 145), ("nt_v1", 60), ("generator", 62), ("generator", 18)],
)
def test_windows_a_family_cannot_read(kind, width):
    family = models.family_of(checkpoints.CONFIGS[kind])
    with pytest.raises(ConfigurationError, match="window_bp"):
        family.window(family.read_config(checkpoints.CONFIGS[kind]), width)


@pytest.mark.bad_input
def test_an_unknown_family():
    with pytest.raises(ConfigurationError, match="one of gpn, phylogpn, nt_v1"):
        models.family("bert")
