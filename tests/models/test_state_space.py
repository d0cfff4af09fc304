"""Mamba-1, Mamba-2 and Caduceus: against the implementations of their authors, against the
recurrence written out, and each way their exports could go wrong."""

from dataclasses import replace

import checkpoints
import numpy as np
import pytest
import seeded_weights
import toy_models
from paths import ROOT

from gfmtrust import models
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.graph_contract import CUDA_GRAPH_FILE
from gfmtrust.bundle.session import Session
from gfmtrust.core.errors import BadDataError, ConfigurationError
from gfmtrust.export import conformance

pytestmark = pytest.mark.torch
GOLDEN = ROOT / "tests" / "data" / "golden"
NAMES = ("mamba", "mamba2", "caduceus", "caduceus_ps", "caduceus_ps_unfused")


def config_of(name, n_layers):
    """The example's config, but for its depth."""
    config = checkpoints.CONFIGS[name]
    return config | {"n_layer" if "n_layer" in config else "num_hidden_layers": n_layers}


def network(name, n_layers):
    config = config_of(name, n_layers)
    family = models.family_of(config)
    return family.build(family.read_config(config)).eval().requires_grad_(False)


def shallow(name):
    """The example with one layer."""
    return replace(checkpoints.EXAMPLES[name], config=config_of(name, 1))


def text(name, config=None):
    family = models.family_of(config or checkpoints.CONFIGS[name])
    return family.text(
        family.read_config(config or checkpoints.CONFIGS[name]),
        checkpoints.EXAMPLES[name].vocabulary,
    )


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_those_of_the_published_implementation(name):
    """golden/<name>.npz: logits[:, 9::20] of two windows of 150 tokens (ids), two layers of the
    example's config with the weights of `seeded_weights.fill(network, 5)`, in float32 on CPU.
    mamba, mamba2: MambaForCausalLM and Mamba2ForCausalLM of transformers 5.23.0. caduceus:
    CaduceusForMaskedLM of kuleshov-group/caduceus at 0060a6d8 over mamba_simple.py and block.py of
    state-spaces/mamba at e9594ce1, their CUDA kernels replaced by that repository's own references
    selective_scan_ref and rms_norm_ref, weights tied by hand.
    """
    import torch

    with np.load(GOLDEN / f"{name}.npz") as golden:
        ids, expected = golden["ids"].astype(np.int64), golden["logits"]
    ours = network(name, 2)
    seeded_weights.fill(ours, 5)
    assert expected.std() > 0.5
    np.testing.assert_allclose(ours(torch.from_numpy(ids))[:, 9::20].numpy(), expected, atol=2e-5)


def test_the_order_of_the_halves_in_a_fused_norm_is_another_network():
    """Equal weights, one flag: what the authors' fused path computes differs, so the flag is
    read."""
    with (
        np.load(GOLDEN / "caduceus_ps.npz") as fused,
        np.load(GOLDEN / "caduceus_ps_unfused.npz") as plain,
    ):
        assert np.abs(fused["logits"] - plain["logits"]).max() > 0.5


@pytest.mark.parametrize("length", [1, 63, 64, 65, 300])
def test_mamba2_in_chunks_is_the_recurrence(length):
    """float64, place after place; decays from 1 to nothing, as a step of 3 at rate -16 gives."""
    import torch

    from gfmtrust.models.families.mamba2 import state_space

    rng = np.random.default_rng(length)
    batch, groups, heads, states, size = 2, 2, 3, 5, 4
    step = rng.random((batch, length, groups * heads)) ** 4 * 3
    x = rng.standard_normal((batch, length, groups * heads, size))
    rate = -rng.random(groups * heads) * 16
    b, c = rng.standard_normal((2, batch, length, groups, states))
    state, expected = np.zeros((batch, groups * heads, states, size)), np.empty_like(x)
    for t in range(length):
        ours, read = (np.repeat(part[:, t], heads, 1) for part in (b, c))
        drive = ours[..., None] * (step[:, t, :, None] * x[:, t])[:, :, None]
        state = np.exp(step[:, t] * rate)[..., None, None] * state + drive
        expected[:, t] = (read[..., None] * state).sum(2)
    answer = state_space(
        *(torch.from_numpy(part).float() for part in (step, x, rate, b, c))
    ).numpy()
    np.testing.assert_allclose(answer, expected, atol=2e-5)


def test_cuda_has_a_form_without_scan(exported):
    """Two graphs, each with its certificate and digest; on the same provider they answer alike."""
    product = exported("mamba")
    assert {device: entry["file"] for device, entry in product.meta["graphs"].items()} == {
        "cpu": "model.onnx",
        "cuda": CUDA_GRAPH_FILE,
    }
    operators = {device: entry["operators"] for device, entry in product.meta["graphs"].items()}
    assert operators["cpu"][":Scan"] == 1
    assert operators["cuda"]["com.microsoft:LinearAttention"] == 1
    assert not {":Scan", ":Loop", ":If", ":DFT"} & set(operators["cuda"])
    assert [one["graph"] for one in product.meta["proof"]["parity"]] == [
        "model.onnx",
        CUDA_GRAPH_FILE,
    ]
    assert all(one["shapes"][2]["max_logp"] < 1e-5 for one in product.meta["proof"]["parity"])


def test_mamba2_has_one_form_for_both(exported):
    product = exported("mamba2")
    assert product.graph_for("cuda") == product.graph_for("cpu")


def test_both_strands_are_answered_alike(exported):
    """The other strand's sums are these, in another order: the largest difference allowed is a last
    bit or two."""
    product = exported("caduceus_ps")
    assert product.rc_equivariant
    assert product.meta["proof"]["strand_symmetry"]["max_logp"] <= 1e-6


def test_golden_windows_are_run_on_the_graph_in_use(exported):
    """The graph for CUDA gives the values stored from the other; with other weights it does not,
    and is refused."""
    from gfmtrust.bundle import onnx_file, session

    product = exported("mamba")
    assert session.start(product.meta, product.graph_for("cuda"), "cpu").check_golden() is None
    weights = {
        name: values + np.float32(0.01)
        for name, values in onnx_file.tensors(product.graph_for("cuda"))
        if values.dtype == np.float32
    }
    with pytest.raises(BadDataError, match="golden window"):
        session.start(
            product.meta, product.graph_for("cuda"), "cpu", weights=weights
        ).check_golden()


@pytest.mark.bad_input
def test_a_scan_in_the_cuda_form_is_refused(exported, tmp_path):
    import shutil

    copied = tmp_path / "scan"
    shutil.copytree(exported("mamba").directory, copied)
    toy_models.reseal(
        copied, lambda content: content["graphs"].update(cuda=content["graphs"]["cpu"])
    )
    with pytest.raises(BadDataError, match="operator Scan in the graph for cuda"):
        Bundle.open(copied)


@pytest.mark.bad_input
def test_a_cuda_graph_of_another_digest_is_refused(exported, tmp_path):
    import shutil

    copied = tmp_path / "digest"
    shutil.copytree(exported("mamba").directory, copied)
    path = copied / CUDA_GRAPH_FILE
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(BadDataError, match="model.cuda.onnx: sha256"):
        Bundle.open(copied)


@pytest.mark.slow
@pytest.mark.bad_input
def test_wrong_complements_in_the_head_are_refused(tmp_path, monkeypatch):
    """Columns of the other strand in their own order: no longer the same answer on both."""
    from gfmtrust.models.families import caduceus

    def forward(head, rows):
        one, other = head.lm_head(rows).chunk(2, -2)
        return (one + other).squeeze(-2)

    monkeypatch.setattr(caduceus.Head, "forward", forward)
    fasta = conformance.write_genome(tmp_path / "random.fa")
    with pytest.raises(BadDataError, match="logp of the two strands differs"):
        conformance.subject(
            "wrong", models.family("caduceus"), shallow("caduceus_ps"), tmp_path, fasta
        )


@pytest.mark.slow
@pytest.mark.bad_input
def test_a_baked_number_of_chunks_is_refused(tmp_path, monkeypatch):
    """Enough chunks for the length traced, 32 tokens: right there, wrong at any length beyond
    them."""
    import torch

    from gfmtrust.models.families import mamba2

    whole_form = mamba2.state_space

    def first_chunk(step, x, rate, b, c):
        if not torch.compiler.is_exporting():
            return whole_form(step, x, rate, b, c)
        chunks = [step[:, :64], x[:, :64], rate, b[:, :64], c[:, :64]]
        return torch.nn.functional.pad(whole_form(*chunks), [0, 0, 0, 0, 0, 400])[:, : x.shape[1]]

    monkeypatch.setattr(mamba2, "state_space", first_chunk)
    fasta = conformance.write_genome(tmp_path / "random.fa")
    with pytest.raises(BadDataError, match="logp differs by"):
        conformance.subject("baked", models.family("mamba2"), shallow("mamba2"), tmp_path, fasta)


REFUSED = {
    "an unknown key": ("mamba", {"use_rotary": True}, "use_rotary"),
    "a norm of another kind": ("caduceus", {"rms_norm": False}, "rms_norm"),
    "directions multiplied": ("caduceus", {"bidirectional_strategy": "ew_multiply"}, "ew_multiply"),
    "one direction": ("caduceus", {"bidirectional": False}, "bidirectional"),
    "both strands without complements": ("caduceus_ps", {"complement_map": None}, "complement_map"),
    "complements that do not pair": (
        "caduceus_ps",
        {"complement_map": {"7": 8, "8": 9, "9": 7}},
        "in pairs",
    ),
    "complements beyond the vocabulary": (
        "caduceus_ps",
        {"complement_map": {"99": 99}},
        "in pairs",
    ),
    "an unknown key of ssm_cfg": (
        "caduceus",
        {"ssm_cfg": {"d_state": 16, "layer": "Mamba2"}},
        "layer",
    ),
    "channels said twice": ("mamba", {"intermediate_size": 100}, "intermediate_size"),
    "heads that do not make up the width": ("mamba2", {"num_heads": 3}, "3 heads of 16"),
    "a step limit that is none": ("mamba2", {"time_step_limit": "none"}, "time_step_limit"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("case", REFUSED)
def test_configs_that_name_another_network_are_refused(case):
    name, changes, words = REFUSED[case]
    config = checkpoints.CONFIGS[name] | changes
    with pytest.raises(ConfigurationError, match=words):
        models.family_of(config).read_config(config)


@pytest.mark.bad_input
def test_complements_of_another_vocabulary_are_refused():
    """A with C and G with T: pairs, but not those of DNA."""
    wrong = checkpoints.CONFIGS["caduceus_ps"] | {
        "complement_map": {"7": 8, "8": 7, "9": 10, "10": 9}
    }
    with pytest.raises(BadDataError, match="complement of A"):
        text("caduceus_ps", wrong)


@pytest.mark.bad_input
def test_complements_in_the_weights_must_be_those_of_the_config(tmp_path):
    from safetensors.torch import load_file, save_file

    from gfmtrust.models import checkpoint

    directory = checkpoints.write(tmp_path / "ps", "caduceus_ps")
    weights = load_file(directory / "model.safetensors")
    assert sorted(name for name in weights if "mamba_rev" in name and "proj" in name) == sorted(
        f"caduceus.backbone.layers.0.mixer.submodule.mamba_rev.{part}"
        for part in ("x_proj.weight", "dt_proj.weight", "dt_proj.bias")
    )
    checkpoint.load(directory)
    weights["lm_head.complement_map"] = weights["lm_head.complement_map"].flip(0)
    save_file(weights, directory / "model.safetensors")
    with pytest.raises(BadDataError, match="complement_map differs"):
        checkpoint.load(directory)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "window_bp"), [("mamba", 20), ("caduceus", 20), ("caduceus", 2_000_000)]
)
def test_windows_out_of_range_are_refused(name, window_bp):
    family = models.family_of(checkpoints.CONFIGS[name])
    with pytest.raises(ConfigurationError, match="window_bp"):
        family.window(family.read_config(checkpoints.CONFIGS[name]), window_bp)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mamba", "caduceus_ps"])
def test_the_longest_window_fits(tmp_path, name):
    """131,072 bases at the example's width: at most 4 GiB and 5 minutes."""
    from gfmtrust.export.resource_use import footprint
    from gfmtrust.models.family import Example

    whole = checkpoints.EXAMPLES[name]
    example = Example(whole.config, whole.vocabulary, 131_072, whole.scale)
    fasta = conformance.write_genome(tmp_path / "random.fa", 140_000)
    product = conformance.subject(
        name, models.family_of(example.config), example, tmp_path, fasta
    ).bundle
    cost = footprint(product, 1)
    print(name, cost)
    assert cost["megabytes"] < 4096
    assert cost["seconds"] < 300


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["mamba", "caduceus_ps", "mamba2"])
def test_cuda_answers_as_the_cpu_does(exported, name):
    product = exported(name)
    codes = np.random.default_rng(0).integers(0, 4, (9, product.window_bp), dtype=np.uint8)
    index = np.full((9, 1), product.site_forward)
    answers = [
        np.log(Session.open(product, device).distributions(codes, index)[0])
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(*answers, atol=1e-4)
