"""PhyloGPN: the official code's numbers, both strands, what an answer may depend on, and files that
do not fit."""

import json
import math

import checkpoints
import golden_weights
import numpy as np
import pytest
from layouts import phylogpn as layout

from gfmtrust.core import errors

pytestmark = pytest.mark.torch

ALLOWED = 1e-4
"""Of the standard deviation of the logits."""
COMPLEMENT = np.array([3, 2, 1, 0, 4, 5])


def network(seed: int = 3, **fields):
    """A network of the example with seeded weights."""
    from gfmtrust.models.families import phylogpn

    config = phylogpn.FAMILY.read_config(phylogpn.EXAMPLE.config | fields)
    return golden_weights.fill(phylogpn.PhyloGpn(config), seed)


def logits(of, ids) -> np.ndarray:
    import torch

    with torch.no_grad():
        return of(torch.from_numpy(np.asarray(ids))).numpy()


def bases(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, shape)


@pytest.mark.parametrize("is_settled", [False, True])
def test_the_official_code_gave_the_same_logits(is_settled):
    from gfmtrust.models.families import phylogpn

    stored = golden_weights.load("phylogpn")
    module = golden_weights.fill(
        phylogpn.PhyloGpn(phylogpn.FAMILY.read_config(stored["config"])), stored["seed"]
    )
    ours = logits(phylogpn.settled(module) if is_settled else module, stored["ids"])
    spread = stored["logits"].std()
    assert spread > 0.4
    assert np.abs(ours - stored["logits"]).max() <= ALLOWED * spread


def test_other_weights_give_other_logits():
    from gfmtrust.models.families import phylogpn

    stored = golden_weights.load("phylogpn")
    module = golden_weights.fill(
        phylogpn.PhyloGpn(phylogpn.FAMILY.read_config(stored["config"])), stored["seed"] + 1
    )
    assert np.abs(logits(module, stored["ids"]) - stored["logits"]).max() > stored["logits"].std()


def test_the_full_network_has_the_published_tensors_and_size():
    """The repository lists its one file of float32 tensors with 333 MB."""
    import torch

    from gfmtrust.models.families import phylogpn

    config = layout.CONFIG | layout.LAYOUTS[0].full_sizes
    with torch.device("meta"):
        module = phylogpn.PhyloGpn(phylogpn.FAMILY.read_config(config))
    assert {
        name: tuple(tensor.shape) for name, tensor in module.state_dict().items()
    } == layout.tensors(config)
    n_parameters = sum(math.prod(shape) for shape in layout.tensors(config).values())
    assert n_parameters == 83_185_924
    assert round(4 * n_parameters / 1e6) == 333
    assert module.config.receptive_field == 481


def strands(product) -> tuple[np.ndarray, np.ndarray]:
    """Logits of two texts with N and "-", and of their reverse complements turned back."""
    ids = bases(1, 2, 90)
    ids[0, 30:34] = 4
    ids[1, :9] = 5
    return logits(product, ids), logits(product, COMPLEMENT[ids[:, ::-1]])[:, ::-1, ::-1]


def test_both_strands_have_the_same_answers_where_the_norms_are_symmetric():
    """The layer norms are the only tensors that are not paired: with free ones, as here, the
    strands differ."""
    module = network()
    forward, back = strands(module)
    assert np.abs(forward - back).max() > forward.std()
    for name, parameter in module.named_parameters():
        if "norm" in name:
            parameter.copy_((parameter + parameter.flip(0)) / 2)
    forward, back = strands(module)
    assert forward.std() > 0.2
    np.testing.assert_allclose(back, forward, atol=1e-5)


def test_an_answer_depends_on_its_receptive_field_alone():
    module = network()
    half = module.config.receptive_field // 2
    assert half == 36
    ids = bases(2, 1, 160)
    before = logits(module, ids)[0, 80]

    def moves(place: int) -> bool:
        changed = ids.copy()
        changed[0, place] = (changed[0, place] + 1) % 4
        return not np.array_equal(logits(module, changed)[0, 80], before)

    assert [moves(80 + offset) for offset in (-half - 1, -half, half, half + 1)] == [
        False,
        True,
        True,
        False,
    ]
    assert moves(80), (
        "the network reads the base of the site itself: this is why the site is masked"
    )


def test_a_site_is_answered_without_its_own_base(tmp_path):
    """The tokens of a window hold N at the site, and the four numbers there are a distribution by
    their softmax."""
    import torch

    from gfmtrust.bundle import tokenizers
    from gfmtrust.models import checkpoint

    loaded = checkpoint.load(checkpoints.write(tmp_path / "phylogpn", "phylogpn"))
    codes, index = bases(4, 3, 73).astype(np.uint8), np.full((3, 1), 36)
    feeds = tokenizers.feeds(tokenizers.build(loaded.text), codes, index)
    assert (feeds["input_ids"][:, 36] == 4).all()
    assert np.array_equal(np.delete(feeds["input_ids"], 36, 1), np.delete(codes, 36, 1))
    scorer = loaded.family.scorer(loaded.network, loaded.config, loaded.text)
    with torch.no_grad():
        logp, off = scorer(**{name: torch.from_numpy(values) for name, values in feeds.items()})
    row = logits(loaded.network, feeds["input_ids"])[:, 36].astype(float)
    expected = row - np.log(np.exp(row).sum(1, keepdims=True))
    np.testing.assert_allclose(logp[:, 0].numpy(), expected, atol=1e-5)
    assert (off == 0).all()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("kernel_size", 4, "kernel_size is 4"),
        ("outer_dim", 31, "outer_dim is 31"),
        ("inner_dim", 15, "inner_dim is 15"),
        ("num_stacks", 0, "num_stacks is 0"),
        ("stack_size", "2", "stack_size is '2'"),
        ("dropout", 0.1, "dropout"),
    ],
)
def test_a_config_that_is_no_such_network(key, value, named):
    from gfmtrust.models.families import phylogpn

    with pytest.raises(errors.ConfigurationError, match=named):
        phylogpn.FAMILY.read_config(phylogpn.EXAMPLE.config | {key: value})


@pytest.mark.bad_input
@pytest.mark.parametrize("letters", ["ATCGN-", "ACGTN", "ACGT-N", "acgtn-", "ACGTN-M"])
def test_another_vocabulary(letters):
    from gfmtrust.models.families import phylogpn

    config = phylogpn.FAMILY.read_config(phylogpn.EXAMPLE.config)
    with pytest.raises(errors.BadDataError, match="vocabulary"):
        phylogpn.FAMILY.text(config, {letter: number for number, letter in enumerate(letters)})


@pytest.mark.bad_input
@pytest.mark.parametrize("width", [31, 74, 512])
def test_a_window_that_is_too_narrow_or_holds_what_no_answer_reads(width):
    from gfmtrust.models.families import phylogpn

    with pytest.raises(errors.ConfigurationError, match="32 to 73"):
        phylogpn.FAMILY.window(phylogpn.FAMILY.read_config(phylogpn.EXAMPLE.config), width)


def without_parametrisation(tensors: dict) -> None:
    tensors["_model.blocks.0.conv1.weight"] = tensors.pop(
        "_model.blocks.0.conv1.parametrizations.weight.original"
    )


def with_another_shape(tensors: dict) -> None:
    name = "_model.blocks.1.conv2.parametrizations.weight.original"
    tensors[name] = tensors[name][:, :, :3].contiguous()


def without_a_block(tensors: dict) -> None:
    for name in [name for name in tensors if name.startswith("_model.blocks.5.")]:
        del tensors[name]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (without_parametrisation, "1 tensors missing, 1 surplus"),
        (with_another_shape, r"conv2.*\[16, 16, 3\]"),
        (without_a_block, "12 tensors missing"),
    ],
)
def test_weights_of_another_network(tmp_path, spoil, named):
    from safetensors.torch import load_file, save_file

    from gfmtrust.models import checkpoint

    folder = checkpoints.write(tmp_path / "phylogpn", "phylogpn")
    tensors = load_file(folder / "model.safetensors")
    spoil(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(errors.BadDataError, match=named):
        checkpoint.load(folder)


@pytest.mark.bad_input
def test_a_config_of_another_depth(tmp_path):
    from gfmtrust.models import checkpoint

    folder = checkpoints.write(tmp_path / "phylogpn", "phylogpn")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_stacks": 2}))
    with pytest.raises(errors.BadDataError, match="surplus"):
        checkpoint.load(folder)
