"""The audit of models whose knowledge is known: the true law, a copier, and two of the same weights."""

import json
from functools import partial

import audit_bundles
import numpy as np
import pytest
from step_calls import call

from gfmtrust.bundle.permuted_weights import permuted_weights
from gfmtrust.core.contracts.audit import Audit
from gfmtrust.core.resampling import Blocks
from gfmtrust.validation.oracle.markov import draw_table
from gfmtrust.validation.oracle.markov_bundle import Oracle, Reading, write_bundle

ORDER = 3
SMALL = ("--sites", 800, "--windows", 300, "--probes", 40, "--device", "cpu")


@pytest.fixture(scope="module", autouse=True)
def _few_draws():
    """A bootstrap of 200 draws instead of 1,000; test_resampling.py tests its intervals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gfmtrust.audit.numbers.Blocks", partial(Blocks, draws=200))
        yield


def audited(folder, action, genome, *bundles, options=SMALL):
    """genome: the path of a FASTA, or the options that name it and its context model."""
    given = genome if isinstance(genome, tuple) else ("--fasta", genome)
    call("audit", action, *given, "--bundles", *bundles, *options, "--out_dir", folder)
    return [Audit.read(path) for path in sorted(folder.glob("*/audit.json"))]


@pytest.fixture(scope="module")
def law(tmp_path_factory):
    """The audit of the true law of a chain of order 3 on a genome drawn from it."""
    folder = tmp_path_factory.mktemp("law")
    table = draw_table(ORDER, seed=5, symmetric=True)
    fasta = audit_bundles.write_fasta(folder / "g.fa", audit_bundles.drawn_chain(table, 120_000))
    write_bundle(Oracle(table, Reading.MASKED), folder / "law")
    return audited(folder / "out", "all", fasta, folder / "law")[0]


@pytest.fixture(scope="module")
def copier(tmp_path_factory, random_genome):
    """The audit of a model that only copies, on random letters."""
    folder = tmp_path_factory.mktemp("copier")
    audit_bundles.write_bundle(folder / "copier", audit_bundles.copying_graph(), "copier")
    options = ("--sites", 300, "--windows", 100, "--probes", 20, "--device", "cpu")
    return audited(folder / "out", "all", random_genome[1], folder / "copier", options=options)[0]


@pytest.fixture(scope="module")
def twins(tmp_path_factory, random_genome):
    """The audits of two models of the same weights with hidden units in another order, and of one
    of other weights."""
    folder = tmp_path_factory.mktemp("twins")
    order = np.random.default_rng(3).permutation(16)
    graphs = {
        "a": audit_bundles.hidden_graph(),
        "b": audit_bundles.hidden_graph(order),
        "c": audit_bundles.hidden_graph(seed=1),
    }
    for name, graph in graphs.items():
        audit_bundles.write_bundle(folder / name, graph, name, window=32)
    options = ("--sites", 300, "--windows", 100, "--device", "cpu")
    audits = audited(
        folder / "out",
        "model",
        random_genome[1],
        *(folder / name for name in graphs),
        options=options,
    )
    return dict(zip("abc", audits, strict=True))


def holds(row, value):
    return row.low <= value <= row.high


@pytest.mark.long
def test_the_true_law_has_a_skill_of_1_or_a_little_more(law):
    skill = law.number("league", "skill")
    assert 0.97 <= skill.value <= 1.15
    assert skill.low > 0.9


@pytest.mark.long
def test_the_true_law_is_as_sure_as_it_is_right(law):
    assert holds(law.number("calibration_gap", "surprisal minus entropy"), 0)


@pytest.mark.long
def test_the_context_gain_of_the_true_law_ends_at_its_order(law):
    """A chain of order 3 reads three letters on either side: 4 is the first grid point that holds
    them, and nothing is gained beyond."""
    assert law.number("context_gain", "effective context").value == 4
    curve = [row for row in law.measure("context_gain").statistics if row.x is not None]
    assert len({row.value for row in curve if row.x >= 4}) == 1
    assert curve[-1].value < curve[0].value


@pytest.mark.long
def test_weights_that_cannot_be_permuted_give_no_twin(law):
    """The table of the law is in float64, which is no type of a weight: a twin of it would be the
    law itself."""
    assert law.number("league", "its permuted twin") is None


@pytest.mark.long
def test_causal_and_k_mer_laws_are_read_in_their_own_way(tmp_path):
    """The law of order 2 read from the left is as good as the chain counted from the left; read by
    k-mers it is as good as read by letters. Neither recalls anything."""
    table = draw_table(2, seed=5, symmetric=True)
    fasta = audit_bundles.write_fasta(tmp_path / "g.fa", audit_bundles.drawn_chain(table, 100_000))
    readings = (Reading.CAUSAL, Reading.KMER_CONDITIONAL)
    for reading in readings:
        write_bundle(Oracle(table, reading), tmp_path / reading)
    options = ("--sites", 400, "--windows", 100, "--probes", 20, "--device", "cpu")
    bundles = [tmp_path / reading for reading in readings]
    causal, kmer = audited(tmp_path / "out", "all", fasta, *bundles, options=options)
    assert causal.number("league", "skill against the chain from the left").low > 0.8
    assert kmer.number("league", "skill").value == pytest.approx(1, abs=0.1)
    for audit in (causal, kmer):
        assert audit.number("context_gain", "effective context").value == 2
        for row in audit.measure("tandem").statistics:
            if row.series == "exact match" and row.x >= 5:
                assert row.low <= row.null_high


@pytest.mark.long
def test_the_permuted_twin_of_a_network_is_at_chance_everywhere(tmp_path):
    """On a genome drawn from the network the network has skill. Its twin has none, and recalls
    nothing."""
    fasta = audit_bundles.write_fasta(tmp_path / "g.fa", audit_bundles.drawn_by_network(30_000))
    graph = audit_bundles.hidden_graph(left_only=True)
    model = audit_bundles.write_bundle(tmp_path / "m", graph, "model", one_strand=True)
    audit_bundles.permute(graph, permuted_weights(model.graph_for("cpu")))
    audit_bundles.write_bundle(tmp_path / "t", graph, "twin", one_strand=True)
    options = ("--sites", 400, "--windows", 50, "--probes", 20, "--device", "cpu")
    model, twin = audited(
        tmp_path / "out", "all", fasta, tmp_path / "m", tmp_path / "t", options=options
    )
    assert model.number("league", "skill").low > 0.3
    of_model = model.number("league", "its permuted twin")
    assert of_model.low > 1.97
    assert model.number("league", "skill of the twin").high < 0.05
    assert twin.number("league", "the model").value == pytest.approx(of_model.value, abs=1e-6)
    for measured in twin.measures:
        for row in measured.statistics:
            if row.series == "exact match":
                assert row.low <= row.null_high, (measured.name, row)
    assert twin.number("copy", "recall horizon") is None


@pytest.mark.long
def test_a_twin_that_keeps_its_skill_is_named(tmp_path):
    """A copier compares stretches of the window; with permuted weights it still compares them, so
    that its skill on a genome of doubled stretches is its architecture's."""
    unit = np.random.default_rng(1).integers(0, 4, (400, 30))
    fasta = audit_bundles.write_fasta(tmp_path / "g.fa", np.tile(unit, (1, 2)).ravel())
    audit_bundles.write_bundle(tmp_path / "copier", audit_bundles.copying_graph(), "copier")
    options = ("--sites", 300, "--windows", 50, "--device", "cpu")
    audit = audited(tmp_path / "out", "model", fasta, tmp_path / "copier", options=options)[0]
    assert audit.number("league", "skill of the twin").low > 0
    assert any("permuted twin" in line for line in audit.verdict)


@pytest.mark.long
def test_the_true_law_recalls_nothing(law):
    for name in ("needle", "pairs", "inverted_copy"):
        rows = law.measure(name).statistics
        for row in rows:
            if row.series == "exact match":
                assert row.low <= row.null_high
    assert law.number("copy", "recall horizon") is None


@pytest.mark.long
def test_the_true_law_agrees_on_both_strands(law):
    assert law.number("strands", "correlation of the LLR").value > 0.999
    assert law.number("strands", "other base preferred").value < 0.01


@pytest.mark.long
def test_the_copier_recalls_every_needle(copier):
    for name in ("needle", "distractors", "copy"):
        rows = [row for row in copier.measure(name).statistics if row.series == "exact match"]
        assert rows
        for row in rows:
            assert row.value == 1.0
            assert row.null == 0.0
            # Clopper-Pearson for 20 of 20, from the closed form .025^(1/20)
            assert row.low == pytest.approx(0.025 ** (1 / 20), abs=1e-6)


@pytest.mark.long
def test_the_copier_tracks_tandem_repeats(copier):
    rows = [row for row in copier.measure("tandem").statistics if row.series == "exact match"]
    assert all(row.value == 1.0 for row in rows if row.x <= 21)


@pytest.mark.long
def test_the_copier_does_not_fold(copier):
    for name in ("inverted_copy", "stem"):
        for row in copier.measure(name).statistics:
            assert row.value < 0.1 if row.series == "exact match" else row.value > 1.9


@pytest.mark.long
def test_the_copier_is_at_chance_on_fresh_sequence(copier):
    assert copier.number("league", "the model").value == pytest.approx(2.0, abs=0.01)
    assert copier.number("entropy", "near-uniform share").value > 0.99
    assert copier.number("context_gain", "effective context") is None


@pytest.mark.long
def test_a_graph_without_a_linear_layer_has_no_embedding_and_the_rest_runs(copier):
    assert "linear layer" in copier.measure("embeddings_of_strands").reason
    assert "no other model" in copier.measure("disagreement").reason
    assert not copier.measure("league").reason


@pytest.mark.long
def test_hidden_units_in_another_order_are_the_same_representation(twins):
    audit = twins["a"]
    assert audit.number("embeddings_of_members", "CKA, b").value == pytest.approx(1, abs=1e-6)
    assert audit.number("embeddings_of_members", "Procrustes disparity, b").value == pytest.approx(
        0, abs=1e-6
    )
    assert audit.number("embeddings_of_members", "10 nearest neighbours shared, b").value > 0.999
    assert audit.number("disagreement", "same first choice as b").value == 1
    assert audit.number("disagreement", "divergence from b").value == pytest.approx(0, abs=1e-6)


@pytest.mark.long
def test_other_weights_are_another_representation(twins):
    audit = twins["a"]
    assert audit.number("embeddings_of_members", "Procrustes disparity, c").low > 0.05
    assert audit.number("disagreement", "same first choice as c").value < 0.9


@pytest.mark.long
def test_the_permuted_twins_of_equal_members_are_alike_by_their_architecture_alone(twins):
    """The order of the hidden units changes what a permutation puts where, so that the twins of the
    same weights differ; they still read the same letters."""
    rows = {row.label: row for row in twins["a"].measure("embeddings_of_members").statistics}
    alike = rows["CKA, b, permuted twins"]
    assert rows["CKA, b"].value > 0.999
    assert 0 < alike.low
    assert alike.high < 0.99


@pytest.mark.long
def test_the_null_of_shared_neighbours_is_chance(twins):
    row = twins["a"].number("embeddings_of_members", "10 nearest neighbours shared, c")
    assert row.null == pytest.approx(10 / 255, abs=0.005)


@pytest.mark.long
def test_every_number_has_an_interval_round_it(law, copier, twins):
    for audit in (law, copier, *twins.values()):
        for measured in audit.measures:
            for row in measured.statistics:
                if row.value is not None and row.low is not None:
                    assert row.low - 1e-9 <= row.value <= row.high + 1e-9, (measured.name, row)


@pytest.mark.long
def test_the_same_seed_gives_the_same_numbers(tmp_path, random_genome):
    """One audit fits the context model, and the other is given it."""
    genomes = {"fitted": random_genome[0], "given": random_genome[1]}
    audit_bundles.write_bundle(tmp_path / "a", audit_bundles.hidden_graph(), "a", window=32)
    options = ("--sites", 120, "--windows", 100, "--device", "cpu")
    both = [
        audited(tmp_path / name, "model", genome, tmp_path / "a", options=options)[0].to_dict()
        for name, genome in genomes.items()
    ]
    for audit in both:
        audit.pop("seconds")
        audit["measures"] = [one for one in audit["measures"] if one["name"] != "cost"]
    assert json.dumps(both[0]) == json.dumps(both[1])
