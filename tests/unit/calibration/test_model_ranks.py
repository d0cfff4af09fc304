"""Models that say the same: one sentence per group, whatever the number of pairs."""

import pytest

from gfmtrust.calibration.model_ranks import ModelPair, ModelRankFacts


def facts(models, **spearman):
    """Facts of models named by letters; spearman: 'ab' -> the correlation of a and b, others 0.1."""
    pairs = tuple(
        ModelPair(a, b, 900, spearman.get(a + b, 0.1))
        for index, a in enumerate(models)
        for b in models[index + 1 :]
    )
    return ModelRankFacts(tuple(models), 900, pairs)


@pytest.mark.parametrize(
    ("models", "spearman", "texts"),
    [
        ("ab", {"ab": 0.949}, ()),
        ("ab", {"ab": 0.95}, ("a and b rank the run's SNVs alike (Spearman 0.950)",)),
        (
            "abcd",
            {"ac": 0.97, "cd": 0.96},
            ("a, c and d rank the run's SNVs alike (Spearman 0.100 to 0.970)",),
        ),
        (
            "abcd",
            {"ab": 0.99, "cd": 0.96},
            (
                "a and b rank the run's SNVs alike (Spearman 0.990)",
                "c and d rank the run's SNVs alike (Spearman 0.960)",
            ),
        ),
    ],
)
def test_a_group_is_named_once(models, spearman, texts):
    result = facts(models, **spearman).duplicate_texts
    assert [text.split(":")[0] for text in result] == list(texts)


@pytest.mark.bad_input
@pytest.mark.parametrize("models", ["", "a"])
def test_one_model_is_no_duplicate(models):
    assert facts(models).duplicate_texts == ()


@pytest.mark.bad_input
def test_too_few_snvs_say_nothing_of_two_models():
    assert facts("ab", ab=None).duplicate_texts == ()
