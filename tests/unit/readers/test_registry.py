"""Which reader a model gets, and what only some readers can do."""

import pytest
from fake_bundle import FakeBundle

from gfmtrust.bundle.schema import EXTERNAL, QUANTITIES
from gfmtrust.core.vocabulary import Placement
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.registry import READERS, reader_of

WAYS = [
    ("direct", False, "MaskedReader"),
    ("kmer", False, "MaskedReader"),
    ("direct", True, "CausalReader"),
    ("kmer", True, "CausalReader"),
    ("counts", False, "CountsReader"),
    ("likelihood", False, "TokensReader"),
    ("likelihood", True, "CausalTokensReader"),
]


def reader(quantity, causal=False, **values):
    return reader_of(FakeBundle(window_bp=64, quantity=quantity, causal=causal, **values))


@pytest.mark.parametrize(("quantity", "causal", "name"), WAYS)
def test_a_model_is_read_by_what_its_graph_answers(quantity, causal, name):
    assert type(reader(quantity, causal)).__name__ == name


def test_every_quantity_has_a_reader():
    of_scores_from_elsewhere = {"score"}
    assert {quantity for quantity, _ in READERS} == set(QUANTITIES) - of_scores_from_elsewhere


@pytest.mark.parametrize("quantity", ["direct", "likelihood", "score"])
def test_answers_of_another_program_are_looked_up_whatever_they_are(quantity):
    external = reader(quantity, family=EXTERNAL)
    assert type(external).__name__ == "ExternalReader"
    assert not external.runs_network
    assert external.passes_per_site("thorough", True) == external.passes_per_variant("fast") == 0


def test_only_whole_tokens_compare_the_haplotypes_of_a_substitution():
    substitution, insertion = Variant(10, "AC", "GT"), Variant(10, "", "GT")
    for quantity, causal, _ in WAYS:
        way = reader(quantity, causal)
        assert (
            way.scores_whole(substitution)
            == (not way.has_distribution)
            == (quantity == "likelihood")
        )
        assert way.scores_whole(insertion)


def test_only_masked_models_have_tiles():
    assert [name for quantity, causal, name in WAYS if reader(quantity, causal).tiling()] == [
        "MaskedReader",
        "MaskedReader",
    ]


def test_only_the_context_model_takes_alleles_of_any_length_and_always_its_neighbours():
    for quantity, causal, _ in WAYS:
        way = reader(quantity, causal)
        assert (way.longest_allele("fast") is None) == (quantity == "counts")
        assert way.reads_neighbours(False) == (quantity == "counts")
        assert way.reads_neighbours(True)


def test_a_span_lies_inside_its_windows():
    for quantity, causal, _ in WAYS:
        way = reader(quantity, causal)
        for placement in way.placements("thorough"):
            span = way.span(placement, 5)
            for shift, letters in span.rounds:
                assert 0 <= shift
                assert 0 <= letters.min() <= letters.max() < span.width
    assert reader("counts").span(Placement("+"), 5).length == 5 + 2 * 32 + 64 - 1


@pytest.mark.bad_input
def test_a_quantity_that_nothing_reads_is_no_model():
    with pytest.raises(KeyError):
        reader("guess")
