"""HyenaDNA against its authors' own code, long convolution against its definition, and planted
defects.

golden/hyenadna.json holds what HazyResearch/hyena-dna, standalone_hyenadna.py at the commit it
names, answered with the weights of `weights_by_name` (its hidden states times our head's matrix, in
float64; torch 2.15 on CPU), and its grid, decay and time as it makes them.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from checkpoints import EXAMPLES
from paths import ROOT

from gfmtrust.core.errors import BadDataError, ConfigurationError

pytestmark = pytest.mark.torch
GOLDEN = json.loads((ROOT / "tests" / "data" / "golden" / "hyenadna.json").read_text())
EXAMPLE = EXAMPLES["hyenadna"]


def weights_by_name(network, seed=11):
    """Fill a network from one generator, parameters by sorted name: norms near 1, frequencies near
    the config's, grid moved a little."""
    import torch

    rng = np.random.default_rng(seed)
    for name, content in sorted(network.named_parameters()):
        drawn = torch.tensor(rng.normal(size=content.shape), dtype=torch.float32)
        if name.endswith(("norm1.weight", "norm2.weight", "ln_f.weight", "freq")):
            content.data += 0.1 * drawn
        elif name.endswith("pos_emb.z"):
            content.data += 0.02 * drawn
        else:
            content.data = drawn / (
                content.shape[-1] ** 0.5 if content.ndim == 2 and "embeddings" not in name else 3
            )
    return network.eval().requires_grad_(False)


def family_network(**changes):
    """A network of the example's config, as it starts."""
    from gfmtrust.models import family

    one = family("hyenadna")
    return one.build(one.read_config({**EXAMPLE.config, **changes}))


def random_weights(**changes):
    return weights_by_name(family_network(**changes))


def relative(result, expected) -> float:
    """Largest difference for numbers of standard deviation 1."""
    return float(
        np.abs(np.asarray(result) - np.asarray(expected)).max() / np.asarray(expected).std()
    )


def letters(n, length, seed=5):
    import torch

    return torch.tensor(np.random.default_rng(seed).integers(7, 11, (n, length)))


def all_rows(network, ids, length=None):
    """Logits of every row by the folded form with room for so many letters."""
    import torch

    from gfmtrust.models.families.hyenadna import FoldedHyena

    folded = FoldedHyena(network, length or ids.shape[1])
    return folded.head(folded.hidden_at(ids, torch.arange(ids.shape[1]).expand(len(ids), -1)))


# --- the authors' code


def test_same_weights_give_the_authors_logits():
    import torch

    network = random_weights(**GOLDEN["config"])
    for case in GOLDEN["cases"]:
        ids = torch.tensor([case["ids"]])
        expected = np.array(case["logits"])
        assert relative(network(ids)[0, case["rows"]], expected) < 1e-5
        assert relative(all_rows(network, ids)[0, case["rows"]], expected) < 1e-5


def test_grid_time_and_decay_are_the_authors():
    filter_fn = family_network().hyena.backbone.layers[0].mixer.filter_fn
    for name, content in (
        ("z", filter_fn.pos_emb.z),
        ("t", filter_fn.pos_emb.t),
        ("deltas", filter_fn.modulation.deltas),
    ):
        np.testing.assert_allclose(
            content.detach().numpy().ravel()[GOLDEN[name]["places"]],
            GOLDEN[name]["values"],
            atol=1e-6,
        )


# --- windows of 131,072


@pytest.mark.slow
def test_a_window_of_131072_bases_is_scored_in_five_minutes_and_four_gibibytes(tmp_path):
    """Width 64, two layers; a site is eight passes: four bases, two strands."""
    from gfmtrust.export import conformance, export
    from gfmtrust.export.options import ExportOptions
    from gfmtrust.export.resource_use import footprint
    from gfmtrust.models import examples

    config = {
        **EXAMPLE.config,
        "d_model": 64,
        "d_inner": 256,
        "filter_order": 64,
        "max_seq_len": 131_074,
    }
    directory = examples.write(
        tmp_path / "long", replace(EXAMPLE, config=config, window_bp=131_072)
    )
    fasta = conformance.write_genome(tmp_path / "random.fa", 140_000)
    bundle = export.export_model(
        str(directory),
        fasta,
        tmp_path / "bundles",
        ExportOptions(allow_untrained=True, n_windows=2),
    )
    assert (
        bundle.directory / "model.onnx"
    ).stat().st_size < 20_000_000  # no spectrum is in the graph
    cost = footprint(bundle, n_windows=1)
    print(
        f"131,072 bases, width 64, 2 layers: {cost['seconds']:.1f} s a pass, {cost['megabytes']:.0f} MB"
    )
    assert 8 * cost["seconds"] < 300
    assert cost["megabytes"] < 4096


# --- planted defects


def from_filters(network, other):
    """The network with its long filters on another network's grid."""
    for subset, theirs in zip(
        network.hyena.backbone.layers, other.hyena.backbone.layers, strict=True
    ):
        subset.mixer.filter_fn.pos_emb.z.data = theirs.mixer.filter_fn.pos_emb.z.data.clone()
        subset.mixer.filter_fn.pos_emb.t = theirs.mixer.filter_fn.pos_emb.t.clone()
    return network


def test_a_filter_on_the_windows_own_grid_is_another_filter():
    """The same weights on a grid of the window's length miss the authors' numbers; their own grid,
    cut, meets them."""
    import torch

    case = GOLDEN["cases"][0]
    ids = torch.tensor([case["ids"]])
    n = ids.shape[1]
    right, wrong = (
        random_weights(**GOLDEN["config"]),
        from_filters(random_weights(**GOLDEN["config"]), random_weights(max_seq_len=n)),
    )
    longer = right.hyena.backbone.layers[0].mixer.filter_fn.pos_emb.z.shape[1]
    assert longer > n
    assert relative(all_rows(right, ids)[0, case["rows"]], case["logits"]) < 1e-5
    assert relative(all_rows(wrong, ids)[0, case["rows"]], case["logits"]) > 0.01


def test_a_length_baked_into_the_filter_is_found():
    """A filter cut where the graph was traced: right there, wrong at any longer window."""
    import torch

    from gfmtrust.models.families.hyenadna import FoldedHyena

    network = random_weights(**GOLDEN["config"])
    folded, traced = FoldedHyena(network, 128), 40
    for long, layer in zip(folded.long, network.hyena.backbone.layers, strict=True):
        filter_fn = layer.mixer.filter_fn
        taps = filter_fn.taps(filter_fn.pos_emb.z[:, :traced], filter_fn.pos_emb.t[:, :traced])[
            0
        ].double()
        taps[0] += filter_fn.bias
        long.real, long.imaginary = folded.long[0].products.constant_spectrum(taps)
    by_name = {}
    for n in (traced, 128):
        ids = letters(2, n)
        by_name[n] = relative(
            folded.head(folded.hidden_at(ids, torch.arange(n).expand(2, -1))), network(ids)
        )
    assert by_name[traced] < 1e-5
    assert by_name[128] > 1e-3


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize(("length", "bar"), [(2048, 2e-5), (6144, 1e-4)])
def test_products_are_as_near_to_float64_as_torch_fft_is(monkeypatch, length, bar, constant):
    """Filters of three sines in a row are 4e-4 off in float32 by either way; the ways differ by
    1.6e-5 at most."""
    from gfmtrust.models.layers import long_convolution

    monkeypatch.setattr(long_convolution, "LONGEST_CONSTANT", 8192 * constant)
    network, ids = (
        random_weights(max_seq_len=length + 2, d_model=16, d_inner=32),
        letters(1, length),
    )
    products, by_fft = all_rows(network, ids), network(ids)
    exact = network.double()(ids)
    assert relative(products, by_fft) < bar
    assert relative(products, exact) < 1.1 * relative(by_fft, exact)


# --- the exported graph


@pytest.fixture(scope="module")
def case(exported_case):
    return exported_case("hyenadna")


def test_the_graph_holds_products_and_no_transform_or_loop(case):
    graphs = case.bundle.meta["graphs"]
    assert not {
        name
        for name in graphs["cpu"]["operators"]
        if name.split(":")[1] in {"DFT", "STFT", "Loop", "Scan", "If", "Conv"}
    }
    assert graphs["cpu"]["operators"][":MatMul"] >= 6 * EXAMPLE.config["n_layer"]
    assert graphs["cuda"]["sha256"] == graphs["cpu"]["sha256"]


@pytest.mark.slow
def test_equal_weights_give_equal_bytes(case, tmp_path):
    from gfmtrust.bundle import tokenizers
    from gfmtrust.export import parity
    from gfmtrust.models import graph

    loaded = case.loaded
    window = case.family.window(loaded.config, case.bundle.window_bp)
    scorer = case.family.scorer(
        case.family.sized(loaded.network, window.window_bp), loaded.config, loaded.text
    ).eval()
    feeds = parity.feeds_of_shape(tokenizers.build(loaded.text), 2, window.shortest_bp, 3, 0)
    again = graph.export_graph(scorer, feeds, tmp_path / "again.onnx")
    assert again.read_bytes() == case.bundle.graph_for("cpu").read_bytes()


def test_the_graph_serves_every_length_up_to_its_table(case):
    import torch

    from gfmtrust.bundle import runtime, tokenizers

    run, tokenizer = (
        runtime.runner(case.bundle.graph_for("cpu")),
        tokenizers.build(case.loaded.text),
    )
    for width in (3, 65, 130, 199, 200):
        codes = case.windows[:2, :width]
        feeds = tokenizers.feeds(tokenizer, codes, np.full((2, 1), width - 1))
        expected = case.loaded.network(torch.from_numpy(feeds["input_ids"]))[
            :, -1, 7:11
        ].log_softmax(-1)
        np.testing.assert_allclose(
            run(feeds)["logp"][:, 0], expected, atol=2e-5 * max(1, float(expected.std()))
        )


@pytest.mark.bad_input
def test_a_window_beyond_the_table_fails_in_torch_too():
    with pytest.raises(RuntimeError):
        all_rows(random_weights(), letters(1, 200), length=64)


@pytest.mark.bad_input
def test_the_graph_fails_on_a_window_beyond_its_table(case):
    from gfmtrust.bundle import runtime, tokenizers

    run, tokenizer = (
        runtime.runner(case.bundle.graph_for("cpu")),
        tokenizers.build(case.loaded.text),
    )
    codes = np.zeros((1, 300), np.uint8)
    with pytest.raises(runtime.failures()):
        run(tokenizers.feeds(tokenizer, codes, np.array([[299]])))


@pytest.mark.bad_input
@pytest.mark.parametrize("by", [-1, 1])
def test_a_causal_shift_off_by_one_is_found(case, monkeypatch, by):
    from gfmtrust.bundle import tokenizers
    from gfmtrust.export import conformance

    sound = tokenizers.feeds

    def shifted(*given):
        content = sound(*given)
        return content | {"pos": content["pos"] + by}

    opened = case.session
    monkeypatch.setattr(tokenizers, "feeds", shifted)
    with pytest.raises(BadDataError, match="golden window 0: logp differs"):
        opened.check_golden()
    checks = {name: conformance.CHECKS[name] for name in ("reach", "plain torch")}
    collected = [
        conformance.Outcome("hyenadna", name, *one)
        for name, check in checks.items()
        for one in check(case)
    ]
    assert {one.check for one in collected if not one.passed} == set(checks)


def test_each_base_is_judged_by_the_letters_behind_it(case):
    """Scoring by hand from the whole torch network: the product of its conditionals from the site
    to the window's end."""
    import torch

    from gfmtrust.readers.causal import tried
    from gfmtrust.readers.registry import reader_of

    site, width = case.bundle.site_forward, case.bundle.window_bp
    assert (site, reader_of(case.bundle).reads_on) == (width - 25, True)
    window = case.windows[:1]
    result, _ = tried(case.session, window, site, np.empty((1, 0), np.int64))
    items = []
    for base in range(4):
        codes = window[0].astype(np.int64)
        codes[site] = base
        law = (
            case.loaded.network(torch.from_numpy(codes[None] + 7))[0, :, 7:11]
            .log_softmax(-1)
            .double()
            .numpy()
        )
        items.append(sum(law[at - 1, codes[at]] for at in range(site, width)))
    expected = np.exp(items - np.logaddexp.reduce(items))
    np.testing.assert_allclose(result[0, 0, 0], expected, rtol=1e-4)


# --- refusals and the rest of the registry


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change",
    [
        {"hyena_order": 3},
        {"short_filter_order": 5},
        {"train_freq": False},
        {"emb_dim": 4},
        {"emb_dim": 1},
        {"bidirectional": True},
        {"layer": {"_name_": "hyena"}},
        {"activation_freq": "10"},
    ],
)
def test_a_config_of_another_network_is_refused(change):
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        random_weights(**change)


@pytest.mark.bad_input
@pytest.mark.parametrize("width", [63, 259, 1024])
def test_a_window_the_grid_does_not_reach_is_refused(width):
    from gfmtrust.models import family

    one = family("hyenadna")
    with pytest.raises(ConfigurationError, match=rf"window_bp: {width}; expected 64 to 258"):
        one.window(one.read_config(EXAMPLE.config), width)


def test_windows():
    from gfmtrust.models import family

    one = family("hyenadna")
    window = one.window(one.read_config({**EXAMPLE.config, "max_seq_len": 1026}), None)
    assert (window.window_bp, window.trained_bp, window.site_forward, window.site_reverse) == (
        1024,
        1024,
        992,
        992,
    )
    assert window.neighbour_offsets == (-48, -42, -36, -30, -24, -18, -12, -6)


@pytest.mark.parametrize("content", [1, 3, 5])
def test_any_one_of_the_shared_frequencies_is_enough(content):
    from gfmtrust.models import checkpoint, family

    network, other = random_weights(), random_weights()
    for name, value in other.named_parameters():
        if name.endswith("freq"):
            value.data += 1
    tensors = {
        name: tensor.clone()
        for name, tensor in other.state_dict().items()
        if "freq" not in name or f".{content}.freq" in name
    }
    checkpoint.fill(network, tensors, family("hyenadna"))
    assert all(
        (value == other.get_parameter(name)).all() for name, value in network.named_parameters()
    )


@pytest.mark.bad_input
def test_shared_frequencies_that_differ_are_refused():
    from gfmtrust.models import checkpoint, family

    tensors = {name: tensor.clone() for name, tensor in random_weights().state_dict().items()}
    tensors["hyena.backbone.layers.1.mixer.filter_fn.implicit_filter.5.freq"] += 1
    with pytest.raises(BadDataError, match=r"5\.freq differs from .*1\.freq"):
        checkpoint.fill(random_weights(), tensors, family("hyenadna"))


@pytest.mark.bad_input
def test_a_head_that_should_be_tied_and_is_not_is_refused():
    from gfmtrust.models import checkpoint, family

    tensors = {name: tensor.clone() for name, tensor in random_weights().state_dict().items()}
    with pytest.raises(BadDataError, match=r"lm_head\.weight differs"):
        checkpoint.fill(random_weights(tie_word_embeddings=True), tensors, family("hyenadna"))


# --- throughput


@pytest.mark.bench
@pytest.mark.parametrize(("n", "length"), [(8, 512), (1, 6144)])
def test_throughput_is_near_that_of_torch_fft(tmp_path, n, length):
    """Width 256, two layers, one thread, medians of seven interleaved runs; torch convolves by
    torch.fft, else runs the same rows."""
    import time

    import torch

    from gfmtrust.bundle import runtime, tokenizers
    from gfmtrust.export import parity
    from gfmtrust.models import examples, family, graph
    from gfmtrust.models.families.hyenadna import FoldedHyena

    one, config = (
        family("hyenadna"),
        {
            **EXAMPLE.config,
            "d_model": 256,
            "d_inner": 1024,
            "filter_order": 64,
            "max_seq_len": length + 2,
        },
    )
    network = examples.network(replace(EXAMPLE, config=config))
    read, text = one.read_config(config), one.text(one.read_config(config), EXAMPLE.vocabulary)
    scorer = one.scorer(FoldedHyena(network, length), read, text).eval()
    feeds = parity.feeds_of_shape(tokenizers.build(text), n, length, 9, 0)
    path = graph.export_graph(
        scorer, parity.feeds_of_shape(tokenizers.build(text), 2, 64, 3, 0), tmp_path / "model.onnx"
    )
    run = runtime.runner(path)
    by_fft = FoldedHyena(network, length)
    by_fft.long = torch.nn.ModuleList(
        layer.mixer.filter_fn for layer in network.hyena.backbone.layers
    )
    eager = graph.answerer(one.scorer(by_fft, read, text).eval())
    torch.set_num_threads(1)
    ways = {"torch": lambda: eager(feeds)[0], "onnxruntime": lambda: run(feeds)["logp"]}
    assert np.abs(ways["torch"]() - ways["onnxruntime"]()).max() < 2e-5
    taken = {name: [] for name in ways}
    for _ in range(7):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - started)
    rate = {name: n * length / float(np.median(seconds)) for name, seconds in taken.items()}
    print(
        f"({n}, {length}): "
        + ", ".join(f"{name} {value:.0f} tokens/s" for name, value in rate.items())
    )
    assert rate["onnxruntime"] >= 0.9 * rate["torch"]
