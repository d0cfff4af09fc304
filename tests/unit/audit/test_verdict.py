"""Sentences of the audit that must not say more than was measured."""

import pytest

from gfmtrust.audit.verdict import verdict
from gfmtrust.core.contracts.audit import Measured, Statistic


def of(name, *rows):
    return Measured(name, "archetypes", "?", "share", "null", "read", "", "", rows)


def tandem(*tracked):
    rows = [
        Statistic(
            f"exact match, period {period} bp", 1.0 if period in tracked else 0.1,
            0.9 if period in tracked else 0.0, 1.0, 0.2, 60, 0.1, 0.3,
            series="exact match", x=float(period),
        )
        for period in (1, 2, 8)
    ]  # fmt: skip
    return verdict([of("tandem", *rows)])[-1]


@pytest.mark.bad_input
def test_a_repeated_last_letter_is_no_tracking():
    """Of random weights, where the decoder is the embedding, a causal network answers with the
    letter that it has just read."""
    assert "period 1 bp alone, which repeats the last letter" in tandem(1)


def test_other_periods_are_tracked():
    assert tandem(1, 8) == "Tandem repeats are continued better than by chance at periods 1, 8 bp."
    assert tandem(8).endswith("at period 8 bp.")
    assert "no better than by chance" in tandem()


@pytest.mark.parametrize(
    ("shares", "words"), [((0.19, 0.19), "at 19% of the bases"), ((0.88, 0.86, 0.9), "86% to 90%")]
)
def test_the_range_of_the_members_is_one_number_where_they_are_equal(shares, words):
    rows = [
        Statistic(f"same first choice as {number}", share, 0.1, 0.9, 0.2, 60)
        for number, share in enumerate(shares)
    ]
    assert words in verdict([of("disagreement", *rows)])[-1]
