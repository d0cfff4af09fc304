"""Null controls: twins that have the weights but not the model, windows that have the dinucleotides
but not the sequence."""

import numpy as np
import onnx
import pytest
from fake_bundle import FakeBundle
from fake_genome import FakeGenome, genome_letters, random_genome
from onnx import numpy_helper
from reading import score_sites

from gfmtrust.baseline.write import fit_context_model
from gfmtrust.bundle import onnx_file
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.permuted_weights import MIN_VALUES, permuted_weights
from gfmtrust.bundle.session import Session
from gfmtrust.core.alphabet import PAD, encode
from gfmtrust.core.errors import BadDataError, InternalError
from gfmtrust.scoring.negative_controls import (
    OnAlphabet,
    ShuffledGenome,
    shuffled,
)


def pairs(codes: np.ndarray) -> list[int]:
    return np.bincount(codes[:-1].astype(int) * 6 + codes[1:], minlength=36).tolist()


@pytest.mark.parametrize(
    "letters", ["ACGT", "AACCGGTTAC", "A" * 30, "ACACACAC", "ACGTNNNNACGTTG", "ATTTTTTTG" * 20]
)
def test_a_shuffle_keeps_the_pairs_and_the_ends(letters):
    codes = encode(letters)
    for seed in range(20):
        array = shuffled(codes, np.random.default_rng(seed))
        assert pairs(array) == pairs(codes)
        assert (array[0], array[-1]) == (codes[0], codes[-1])


def test_every_order_with_the_same_pairs_is_as_likely():
    """AC, CA, AC, CG and GC lead from A to C in two ways."""
    rng = np.random.default_rng(3)
    items = [bytes(shuffled(encode("ACACGC"), rng)) for _ in range(3_000)]
    orders = {
        bytes(encode(order)): items.count(bytes(encode(order))) for order in ("ACACGC", "ACGCAC")
    }
    assert sum(orders.values()) == 3_000
    assert all(abs(n - 1_500) < 4 * np.sqrt(3_000 / 4) for n in orders.values()), orders


def test_a_shuffle_moves_most_letters_of_a_long_window():
    codes = np.random.default_rng(1).integers(0, 4, 500).astype(np.uint8)
    assert 0.5 < (shuffled(codes, np.random.default_rng(2)) != codes).mean() < 0.9


def test_a_shuffled_site_keeps_its_neighbours_and_padding():
    genome = random_genome(3, 400)
    bundle = FakeBundle(window_bp=64, shifts=(-8, 8))
    at = np.array([0, 5, 200, 399])
    result_array = ShuffledGenome.of(genome, bundle, np.zeros(4, np.int64), at)
    for name, site, pos in zip(result_array.names, result_array.pos, at, strict=True):
        beside = slice(int(site) - 1, int(site) + 2)
        assert (
            result_array.codes(name, beside.start, beside.stop).tolist()
            == genome.codes("chr1", pos - 1, pos + 2).tolist()
        )
        whole, shuffled = (
            result_array.codes(name, 0, result_array.contigs[name]),
            genome.codes("chr1", pos - site, pos + site + 1),
        )
        assert ((whole == PAD) == (shuffled == PAD)).all()
        assert np.sort(whole).tolist() == np.sort(shuffled).tolist()
    assert (
        result_array.codes("site_2", 0, 100).tolist()
        != genome.codes("chr1", 200 - 72, 300 - 72).tolist()
    )
    assert (result_array.codes("site_0", -5, 0) == PAD).all()


def test_votes_at_a_shuffled_site_are_those_of_its_place():
    genome = random_genome(3, 400)
    result_array = ShuffledGenome.of(
        genome, FakeBundle(window_bp=64), np.zeros(2, np.int64), np.array([100, 300])
    )
    votes = result_array.admitted(lambda contig, pos: np.stack([pos < 200, pos >= 200], axis=1))
    rows = np.array([0, 1, 1])
    assert votes(rows, result_array.pos[rows] + np.array([3, 0, -150])).tolist() == [
        [True, False],
        [False, True],
        [True, False],
    ]


class FarReader:
    """Knows the base by the letter ten places on, as no shuffled window lets it."""

    def distributions(self, codes, index):
        array = np.take_along_axis(codes, np.minimum(index + 10, codes.shape[1] - 1), axis=1)
        probs = np.full((*index.shape, 1, 4), 0.05)
        np.put_along_axis(probs, (array % 4)[..., None, None].astype(np.int64), 0.85, axis=3)
        return probs, np.zeros(index.shape, np.float32)


def test_what_a_model_reads_far_away_is_gone():
    period = "ACGTTGCAAG"
    genome, pos = FakeGenome(c=period * 60), np.arange(100, 500)
    bundle = FakeBundle(window_bp=128)
    real = genome.codes("c", 100, 500)
    probs = score_sites(
        FarReader(), bundle, genome, np.zeros(400, np.int64), pos, "fast", False
    ).probs[:, 0]
    assert (probs.argmax(axis=1) == real).all()
    rng = np.random.default_rng(4)
    text = "".join("".join(rng.permutation(list(period))) for _ in range(60))
    genome = FakeGenome(c=text)
    array = ShuffledGenome.of(genome, bundle, np.zeros(400, np.int64), pos)
    probs = score_sites(
        FarReader(), bundle, array, array.contig_index, array.pos, "fast", False
    ).probs[:, 0]
    assert (probs.argmax(axis=1) == genome.codes("c", 100, 500)).mean() < 0.4


# --- twins
# ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twin")
    (folder / "genome.fa").write_text(f">c\n{genome_letters(5, 20_000)}\n")
    fit_context_model(folder / "genome.fa", folder / "context_model", seed=1)
    return Bundle.open(folder / "context_model")


def test_tensors_are_those_of_the_onnx_package(bundle):
    graph = bundle.graph_for("cpu")
    theirs = {one.name: numpy_helper.to_array(one) for one in onnx.load(graph).graph.initializer}
    ours = dict(onnx_file.tensors(graph))
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert values.dtype == theirs[name].dtype
        np.testing.assert_array_equal(values, theirs[name])


def test_a_twin_has_the_same_weights_in_another_order(bundle):
    graph = bundle.graph_for("cpu")
    whole, twin = dict(onnx_file.tensors(graph)), permuted_weights(graph)
    assert twin
    for name, values in twin.items():
        assert values.shape == whole[name].shape
        assert values.size >= MIN_VALUES
        assert np.sort(values, axis=None).tolist() == np.sort(whole[name], axis=None).tolist()
        assert (values != whole[name]).any()
    again = permuted_weights(graph)
    assert all((again[name] == values).all() for name, values in twin.items())


def test_a_session_of_the_twin_answers_otherwise_and_the_model_stays_as_it_was(bundle):
    codes = np.random.default_rng(1).integers(0, 4, (8, bundle.window_bp)).astype(np.uint8)
    index = np.full((8, 1), bundle.site_forward)
    before, _ = Session.open(bundle, "cpu").distributions(codes, index)
    twin, _ = Session.open(bundle, "cpu", weights=permuted_weights).distributions(codes, index)
    after, _ = Session.open(bundle, "cpu").distributions(codes, index)
    assert np.abs(twin - before).max() > 0.01
    assert np.isfinite(twin).all()
    assert before.tobytes() == after.tobytes()


@pytest.mark.bad_input
def test_a_cut_tensor_is_refused(tmp_path):
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[300], raw_data=bytes(4 * 299))
    graph = onnx.helper.make_graph([], "g", [], [], [tensor])
    (tmp_path / "m.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    with pytest.raises(BadDataError, match=r"m.onnx: tensor w is not whole .*; expected \[300\]"):
        dict(onnx_file.tensors(tmp_path / "m.onnx"))


def test_mass_outside_the_alphabet_is_no_error_of_a_twin(bundle):
    """What permuted weights of a network with special tokens do: nearly all of it."""

    class Astray(FarReader):
        def distributions(self, codes, index):
            probs, mass = super().distributions(codes, index)
            return probs, mass + 0.9

    genome, pos = random_genome(3, 400), np.arange(100, 300)
    where = FakeBundle(window_bp=64), genome, np.zeros(200, np.int64), pos, "fast", False
    with pytest.raises(InternalError, match="not finite or outside A,C,G,T"):
        score_sites(Astray(), *where)
    scored = score_sites(OnAlphabet(Astray()), *where)
    assert (scored.status == "").all()
    assert scored.probs.tobytes() == score_sites(FarReader(), *where).probs.tobytes()
