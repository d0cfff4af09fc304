"""Exports of every family: the certificate, what a user gets, and each defect that must not get
through."""

import json
import shutil

import checkpoints
import numpy as np
import pytest
import toy_models

from gfmtrust.bundle import tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.errors import (
    BadDataError,
    CannotWriteError,
    ConfigurationError,
    InternalError,
    MissingInputError,
)
from gfmtrust.export import certificate, export, parity, sanity_check, source
from gfmtrust.export.options import ExportOptions
from gfmtrust.io.genome import Genome
from gfmtrust.models import catalogue, registry

pytestmark = pytest.mark.torch
FAMILIES = ("gpn", "nt_v1", "generator")
MOTIF = "ACGTTAGCCATG"


def load(directory):
    from gfmtrust.models import checkpoint

    return checkpoint.load(directory)


def windows(bundle, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Random windows with N, and scored positions: the site, and one neighbour."""
    rng = np.random.default_rng(0)
    codes = rng.choice(5, (n, bundle.window_bp), p=[0.24, 0.24, 0.24, 0.24, 0.04]).astype(np.uint8)
    return codes, np.tile(
        [bundle.site_forward, bundle.site_forward + bundle.neighbour_offsets[0]], (n, 1)
    )


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_bundle_says_what_it_is(exported, kind):
    built = exported(kind)
    assert (built.model_id, built.family, built.window_bp, built.gate) == (
        kind,
        kind,
        checkpoints.WINDOW_BP[kind],
        "failed",
    )
    assert built.meta["identity"]["licence"] == "MIT"
    assert built.meta["graphs"]["cpu"]["opsets"] == {"": 24}
    assert built.graph_for("cuda") is not None
    assert [shape["padded"] for shape in built.meta["proof"]["parity"][0]["shapes"]][:4] == [
        False,
        False,
        False,
        True,
    ]
    assert built.meta["proof"]["parity"][0]["batch_invariance_max_logp"] == 0.0
    assert {golden["name"] for golden in built.meta["golden"]} == {
        "plain",
        "reverse",
        "with N",
        "neighbours",
        "shortest",
    }
    assert set(built.meta["source"]["sha256"]) == {"config.json", "vocab.txt", "model.safetensors"}


@pytest.mark.parametrize("stated", [{}, {"training": {"assemblies": ["X1"], "contigs": ["c1"]}}])
def test_the_training_genome_of_a_card_goes_into_the_bundle(tmp_path, stated):
    loaded = load(checkpoints.write(tmp_path / "weights", "gpn", **stated))
    groups = export.groups(loaded, loaded.family.window(loaded.config, loaded.card["window_bp"]))
    assert {name: stored for name, stored in groups.items() if name == "training"} == stated


def test_held_out_contigs_of_the_option_join_those_of_the_card(tmp_path, small_fasta, exported):
    stated = {"contigs": ["chr2"], "heldout_contigs": ["chr9"]}
    weights = checkpoints.write(tmp_path / "weights", "gpn", training=stated)
    options = ExportOptions(allow_untrained=True, n_windows=40, heldout_contigs=("1",))
    built = export.export_model(weights, small_fasta, tmp_path / "models", options)
    assert built.training == stated | {"heldout_contigs": ["chr9", "chr1"]}
    # the same weights give the same bytes: nothing of time or place is in the graph
    graphs = [(one.directory / "model.onnx").read_bytes() for one in (built, exported("gpn"))]
    assert graphs[0] == graphs[1]
    # a bundle is copied as it is: what it does not state cannot be added under its digest
    again = export.export_model(
        built.directory, small_fasta, tmp_path / "copies", ExportOptions(heldout_contigs=("chr1",))
    )
    assert again.sha256 == built.sha256
    with pytest.raises(ConfigurationError, match="chr2 is not among its heldout_contigs"):
        export.export_model(
            built.directory, small_fasta, tmp_path / "b", ExportOptions(heldout_contigs=("chr2",))
        )


def test_masked_kmers_alone_have_a_method(exported):
    assert [exported(kind).kmer_method in ("marginal", "conditional") for kind in FAMILIES] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_bundle_answers_as_torch_does(exported, kind):
    """The whole road: codes to probabilities through Session, against the eager module."""
    import torch

    built = exported(kind)
    loaded = load(built.directory.parent / "weights" / kind)
    codes, index = windows(built, 10)
    probs, off = Session.open(built, "cpu").distributions(codes, index)
    scorer = loaded.family.scorer(loaded.network, loaded.config, built.text).eval()
    feeds = tokenizers.feeds(tokenizers.build(built.text), codes, index)
    with torch.no_grad():
        logp, mass = scorer(**{name: torch.from_numpy(values) for name, values in feeds.items()})
    np.testing.assert_allclose(np.log(probs[:, :, 0]), logp.numpy(), atol=2e-5)
    np.testing.assert_allclose(off, mass.numpy(), atol=1e-5)
    # LLR of any pair of bases too
    np.testing.assert_allclose(np.diff(np.log(probs[:, :, 0])), np.diff(logp.numpy()), atol=4e-5)


@pytest.mark.parametrize("kind", FAMILIES)
def test_no_byte_depends_on_batch_threads_or_company(exported, kind):
    built = exported(kind)
    codes, index = windows(built)
    answers = {
        Session.open(built, "cpu", threads=threads, batch=batch)
        .distributions(codes, index)[0]
        .tobytes()
        for batch, threads in ((1, 1), (7, 1), (32, 1), (7, 2), (32, 2))
    }
    assert len(answers) == 1


@pytest.mark.parametrize("kind", FAMILIES)
def test_positions_scored_alone_or_together(exported, kind):
    """Masks of one pass see each other; where nothing is masked (causal) it makes no difference how
    many are read."""
    built = exported(kind)
    codes, index = windows(built, 5)
    running = Session.open(built, "cpu")
    together, alone = (
        running.distributions(codes, index)[0],
        running.distributions(codes, index[:, :1])[0],
    )
    assert np.allclose(together[:, :1], alone, atol=1e-6) == (kind == "generator")


def test_the_graph_names_no_path_and_no_source(exported):
    for kind in FAMILIES:
        content = (exported(kind).directory / "model.onnx").read_bytes()
        for trace in (b"site-packages", b".py", b"stack_trace", b"/home", b"/tmp"):
            assert trace not in content, (kind, trace)


def test_both_kmer_methods_are_measured(exported):
    scoring = exported("nt_v1").meta["scoring"]
    assert set(scoring["kmer_surprisal_bits"]) == {"marginal", "conditional"}
    assert scoring["kmer_method"] == "marginal"  # random weights give no evidence for the other
    assert len(exported("nt_v1").meta["proof"]["parity"][0]["shapes"]) == 8


def test_the_catalogue_shows_the_worst_parity(exported):
    bundle = exported("gpn")
    shapes = bundle.meta["proof"]["parity"][0]["shapes"]
    (row,) = catalogue.catalogue(bundles=bundle.directory)["bundles"]
    assert row["gate"] == "failed"
    assert row["parity"].split(" of ")[0] == f"{max(shape['max_logp'] for shape in shapes):.2g}"


def test_a_bundle_made_elsewhere_is_checked_and_copied(tmp_path, exported, small_fasta):
    first = exported("gpn")
    copy = export.export_model(first.directory, small_fasta, tmp_path / "models")
    assert copy.directory == tmp_path / "models" / "gpn"
    assert copy.sha256 == first.sha256


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small GPN trained on a genome that repeats one motif, and that genome: it passes the
    gate."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("trained")
    (folder / "genome.fa").write_text(">chr1\n" + MOTIF * 200 + "\n")
    directory = checkpoints.write(folder / "learned", "gpn")
    network = load(directory).network.requires_grad_(True).train()
    codes = torch.tensor(["acgt".index(letter) + 3 for letter in MOTIF.lower() * 20])
    torch.manual_seed(0)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(60):
        start = torch.randint(0, 100, (8, 1)) + torch.arange(96)
        ids = codes[start].clone()
        masked = torch.rand(ids.shape) < 0.15
        loss = torch.nn.functional.cross_entropy(
            network(torch.where(masked, 1, ids))[masked], ids[masked]
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    tensors = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    assert set(tensors) == set(load_file(directory / "model.safetensors"))
    save_file(tensors, directory / "model.safetensors")
    return directory, folder / "genome.fa"


@pytest.mark.slow
def test_a_trained_model_passes_the_gate(tmp_path, trained):
    directory, fasta = trained
    built = export.export_model(directory, fasta, tmp_path, ExportOptions(n_windows=40))
    assert built.gate == "passed"
    assert built.meta["proof"]["nll_nats"] < 0.7


class Eager:
    """A checkpoint behind the one method of a Session that the gate uses, without an export."""

    def __init__(self, directory):
        from gfmtrust.models import graph

        loaded = load(directory)
        self.tokenizer = tokenizers.build(loaded.text)
        self.answer = graph.answerer(
            loaded.family.scorer(loaded.network, loaded.config, loaded.text).eval()
        )

    def distributions(self, codes, index):
        logp, off = self.answer(tokenizers.feeds(self.tokenizer, codes, index))
        return np.exp(logp)[:, :, None], off


def judged(directory, fasta) -> dict:
    with Genome.open(fasta, fasta.parent) as genome:
        cut = sanity_check.windows(genome, 96, 40)
    return sanity_check.judge(
        sanity_check.evidence(Eager(directory), cut, np.array([30, 48])),
        cut,
        "",
        allow_untrained=False,
    )


def shuffled(directory, copy):
    """Every tensor keeps its values in another order: names, shapes and parity are fine."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(directory, copy)
    torch.manual_seed(1)
    tensors = {
        name: tensor.flatten()[torch.randperm(tensor.numel())].reshape(tensor.shape).contiguous()
        for name, tensor in load_file(copy / "model.safetensors").items()
    }
    save_file(tensors, copy / "model.safetensors")
    return copy


@pytest.mark.bad_input
def test_shuffled_weights_fail_the_gate(tmp_path, trained):
    directory, fasta = trained
    assert judged(directory, fasta)["gate"] == "passed"
    with pytest.raises(BadDataError, match="weights untrained or misread"):
        judged(shuffled(directory, tmp_path / "shuffled"), fasta)


@pytest.mark.bad_input
def test_swapped_letter_ids_fail_the_gate(tmp_path, trained):
    directory, fasta = trained
    copy = tmp_path / "swapped"
    shutil.copytree(directory, copy)
    (copy / "vocab.txt").write_text("[PAD]\n[MASK]\n[UNK]\nt\na\ng\nc\n")
    with pytest.raises(BadDataError, match="NLL gate"):
        judged(copy, fasta)


@pytest.mark.bad_input
@pytest.mark.slow
def test_nothing_is_left_of_a_model_that_fails_the_gate(tmp_path, trained):
    directory, fasta = trained
    with pytest.raises(
        BadDataError, match=r"NLL gate: mean NLL \d\.\d+ per base; expected below 1\.376"
    ):
        export.export_model(
            shuffled(directory, tmp_path / "shuffled"),
            fasta,
            tmp_path / "out",
            ExportOptions(n_windows=40),
        )
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.bad_input
def test_a_module_in_train_mode_is_refused():
    from gfmtrust.models import graph

    network = checkpoints.network("gpn")
    network.cls.train()
    with pytest.raises(InternalError, match="train mode, first cls"):
        graph.answerer(network)
    with pytest.raises(InternalError, match="train mode"):
        graph.export_graph(network, {}, None)


@pytest.mark.bad_input
def test_a_graph_that_differs_from_torch_is_refused():
    feeds = {"input_ids": np.zeros((2, 5), np.int64), "pos": np.zeros((2, 1), np.int64)}
    logp = np.log(np.full((2, 1, 4), 0.25, np.float32))
    reference = parity.Reference(feeds, logp, np.zeros((2, 1), np.float32), False)

    def run_with(error: float):
        return lambda given: {
            "logp": (logp + np.float32(error))[: len(given["pos"])],
            "off_alphabet": np.zeros((len(given["pos"]), 1)),
        }

    assert parity.certify([reference], run_with(1e-6), "x")["shapes"][0][
        "max_logp"
    ] == pytest.approx(1e-6, rel=0.2)
    for error in (1e-4, float("nan")):
        with pytest.raises(BadDataError, match=r"differs by .* from torch at input_ids \[2, 5\]"):
            parity.certify([reference], run_with(error), "x")


@pytest.mark.parametrize(
    "kind",
    ["gpn", *(pytest.param(one, marks=pytest.mark.slow) for one in FAMILIES if one != "gpn")],
)
def test_fp16_is_near_fp32_and_says_so(exported, small_fasta, tmp_path, monkeypatch, kind):
    """The graph in fp32, which comes first, is that of the other bundle."""
    full, export_graph, paths = exported(kind), certificate.export_graph, []

    def shared(scorer, feeds, path):
        paths.append(path)
        if len(paths) > 1:
            return export_graph(scorer, feeds, path)
        return shutil.copy(full.directory / "model.onnx", path)

    monkeypatch.setattr(certificate, "export_graph", shared)
    half = export.export_model(
        full.directory.parent / "weights" / kind,
        small_fasta,
        tmp_path,
        ExportOptions(allow_untrained=True, n_windows=40, precision="fp16"),
    )
    assert (full.precision, half.precision) == ("fp32", "fp16")
    assert half.sha256 != full.sha256
    assert (
        0.45 < half.meta["graphs"]["cpu"]["bytes"] / full.meta["graphs"]["cpu"]["bytes"] < 0.9
    )  # tables of the alphabet stay fp32
    stored = half.meta["proof"]["parity"][1]
    assert (stored["precision"], stored["n_windows"]) == (
        "fp16",
        45 if kind == "nt_v1" else 40,
    )
    codes, index = windows(half)
    result, wanted = (
        np.log(Session.open(bundle, "cpu").distributions(codes, index)[0])
        for bundle in (half, full)
    )
    assert 1e-6 < np.abs(result - wanted).max() < 2e-2


class Fixed:
    """A session that answers the same rows whatever is asked."""

    provider = "CPUExecutionProvider"

    def __init__(self, logp):
        self._probs = np.exp(logp) / np.exp(logp).sum(-1, keepdims=True)

    def distributions(self, codes, index):
        return self._probs[:, None, None], np.zeros(index.shape)


@pytest.mark.bad_input
def test_fp16_too_far_from_fp32_is_refused():
    logp = np.random.default_rng(0).normal(size=(50, 4))
    codes = np.zeros((50, 9), np.uint8)
    assert parity.certify_fp16(Fixed(logp), Fixed(logp), codes, 4)["max_llr"] == 0
    for error, name in ((0.05, "max_llr"), (float("nan"), "max_llr")):
        other = logp.copy()
        other[7, 2] += error
        with pytest.raises(
            BadDataError,
            match=rf"graph in fp16: {name} is .* from fp32 over 50 windows; expected at most .*; export it",
        ):
            parity.certify_fp16(Fixed(logp), Fixed(other), codes, 4)


@pytest.mark.parametrize(
    ("share", "swapped", "missed"),
    [(0.01, 0, (0, 3)), (0.01, 2, (2, 3)), (0.05, 0, (0, 15)), (0.05, 2, (2, 15))],
)
def test_places_missed_among_the_most_negative(share, swapped, missed):
    llr = np.arange(300.0).reshape(100, 3)
    other = llr.copy().reshape(-1)
    other[:swapped] = 1000
    assert parity._missed(llr, other.reshape(100, 3), share) == missed


@pytest.mark.bad_input
def test_a_lower_precision_that_reorders_is_refused_though_it_is_near(monkeypatch):
    """Differences below every bar of size, but the order of the most negative LLRs is another."""
    from gfmtrust.export.parity import _llr

    rng = np.random.default_rng(1)
    logp = np.log(rng.dirichlet(np.full(4, 1e6), 3000))
    other = np.log(rng.dirichlet(np.full(4, 1e6), 3000))
    assert np.abs(_llr(logp) - _llr(other)).max() < 0.01
    codes = np.zeros((3000, 9), np.uint8)
    with pytest.raises(BadDataError, match="graph in fp16: one_less_spearman is 1"):
        parity.certify_fp16(Fixed(logp), Fixed(other), codes, 4)
    monkeypatch.setattr(parity, "RANK_BARS", {"top_5_percent_missed": 0.007})
    with pytest.raises(BadDataError, match=r"top_5_percent_missed is 0\.9"):
        parity.certify_fp16(Fixed(logp), Fixed(other), codes, 4)


@pytest.mark.bad_input
def test_a_bundle_of_another_precision_than_asked_for_is_refused(exported, small_fasta, tmp_path):
    with pytest.raises(
        ConfigurationError,
        match="precision is fp32; expected fp16 as asked for; give --precision fp32",
    ):
        export.export_model(
            exported("gpn").directory, small_fasta, tmp_path, ExportOptions(precision="fp16")
        )


def zeros(feeds):
    """An answer of the right shape: logp 0 everywhere."""
    return np.zeros((*feeds["pos"].shape, 4), np.float32), np.zeros(feeds["pos"].shape)


@pytest.mark.bad_input
def test_a_frozen_length_is_refused(tmp_path):
    """A graph traced at fixed shapes answers there alone; the other shapes of the certificate find
    it."""
    from dataclasses import replace

    loaded = load(checkpoints.write(tmp_path / "gpn", "gpn"))
    tokenizer = tokenizers.build(loaded.text)
    window = replace(loaded.family.window(loaded.config, 96), shortest_bp=64)
    built = parity.references(zeros, tokenizer, window)
    assert [reference.feeds["input_ids"].shape for reference in built] == [
        (2, 64),
        (3, 71),
        (1, 96),
        (5, 66),
    ]

    def frozen(feeds):
        logp, off = zeros(feeds)
        return {
            "logp": logp if feeds["input_ids"].shape[1] == 64 else logp + np.float32(0.1),
            "off_alphabet": off,
        }

    with pytest.raises(BadDataError, match=r"\[3, 71\]"):
        parity.certify(built, frozen, "x")


@pytest.mark.bad_input
def test_an_existing_bundle_is_not_replaced(exported, small_fasta):
    built = exported("gpn")
    for model in (built.directory, built.directory.parent / "weights" / "gpn"):
        with pytest.raises(CannotWriteError, match="exists"):
            export.export_model(
                model, small_fasta, built.directory.parent, ExportOptions(allow_untrained=True)
            )
    assert Bundle.open(built.directory).sha256 == built.sha256


@pytest.mark.bad_input
def test_a_bundle_keeps_its_id(tmp_path, exported, small_fasta):
    with pytest.raises(ConfigurationError, match="model id is gpn"):
        export.export_model(
            exported("gpn").directory, small_fasta, tmp_path, ExportOptions(model_id="other")
        )


@pytest.mark.bad_input
def test_a_bundle_with_wrong_answers_is_not_copied(tmp_path, small_fasta):
    built = toy_models.write_toy(tmp_path / "toy")
    toy_models.reseal(
        built.directory, lambda stored: stored["golden"][0]["logp"][0][0].__setitem__(0, -9.0)
    )
    with pytest.raises(BadDataError, match="golden window 0"):
        export.export_model(built.directory, small_fasta, tmp_path / "out")
    assert not (tmp_path / "out" / "toy").exists()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        ("nt-v9", ConfigurationError, "unknown model nt-v9; expected one of gpn-brassicales"),
        (
            "ntv3-8m-pre",
            ConfigurationError,
            "row ntv3-8m-pre is unpinned; expected a revision with its source",
        ),
        ("./absent/folder", MissingInputError, "not found"),
        ("absent.onnx", ConfigurationError, "not found"),
    ],
)
def test_names_that_lead_nowhere(tmp_path, small_fasta, model, error, words):
    with pytest.raises(error, match=words):
        export.export_model(model, small_fasta, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.bad_input
@pytest.mark.parametrize("model_id", ["../x", "-rf", "a b", "", "x" * 65])
def test_ids_that_are_no_file_names(tmp_path, exported, small_fasta, model_id):
    weights = exported("gpn").directory.parent / "weights" / "gpn"
    if model_id:
        with pytest.raises(ConfigurationError, match="--model_id"):
            export.export_model(weights, small_fasta, tmp_path, ExportOptions(model_id=model_id))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.bad_input
def test_files_that_are_not_the_rows(tmp_path):
    loaded = load(checkpoints.write(tmp_path / "gpn", "gpn"))
    good = {
        "config_sha256": loaded.sha256["config.json"],
        "vocabulary_sha256": loaded.vocabulary_sha256,
        "weights_sha256": loaded.sha256["model.safetensors"],
    }

    def row(**changes):
        stored = (
            dict.fromkeys(registry.Row.__dataclass_fields__, "")
            | {"id": "m", "family": "gpn"}
            | good
            | changes
        )
        return registry.Row(**stored)

    source.check_row(row(), loaded)
    for column in good:
        with pytest.raises(BadDataError, match="as the registry of checkpoints says"):
            source.check_row(row(**{column: "0" * 64}), loaded)
    with pytest.raises(BadDataError, match="family is gpn; expected nt_v1"):
        source.check_row(row(family="nt_v1"), loaded)


@pytest.mark.bad_input
def test_an_unreadable_config(tmp_path, small_fasta):
    directory = checkpoints.write(tmp_path / "gpn", "gpn")
    (directory / "config.json").write_text(json.dumps(["GPN"]))
    with pytest.raises(BadDataError, match=r"config\.json"):
        export.export_model(directory, small_fasta, tmp_path / "out")
