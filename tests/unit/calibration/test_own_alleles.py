"""The exam on own alleles: counts by hand, honest models and memorisers, and data that tell
nothing."""

import numpy as np
import pytest
from scipy.stats import beta

from gfmtrust.calibration.own_alleles import (
    CONFIRMED,
    CONTRADICTED,
    NOT_CONTRADICTED,
    NOT_TESTED,
    OwnAlleles,
    own_allele_rows,
    population_rows,
)

ALPHAS = {"HIGH": 0.05, "MEDIUM": 0.2}


def alleles_of(llr, rank=3, stratum="single_copy/cpg", af=0.01, an=0):
    n = len(llr)
    fill = lambda value, dtype: np.broadcast_to(np.asarray(value, dtype), n).copy()  # noqa: E731
    return OwnAlleles(
        fill(rank, np.uint8),
        fill(stratum, object),
        np.asarray(llr, float),
        fill(af, float),
        fill(an, np.int64),
    )


def llrs(n, wrong):
    return np.where(np.arange(n) < wrong, 1.0, -1.0)


@pytest.mark.parametrize(
    ("n", "wrong", "outcome"),
    [
        (29, 0, NOT_TESTED),
        (29, 3, NOT_TESTED),
        (29, 29, CONTRADICTED),
        (1, 1, NOT_TESTED),  # by chance in one run of twenty
        (17, 8, CONTRADICTED),
        (200, 2, CONFIRMED),
        (200, 10, NOT_CONTRADICTED),
        (200, 30, CONTRADICTED),
    ],
)
def test_outcomes_by_the_exact_bounds(n, wrong, outcome):
    (row,) = own_allele_rows(alleles_of(llrs(n, wrong)), ALPHAS, 0.05)
    assert (row.n, row.errors, row.outcome) == (n, wrong, outcome)
    assert row.low == pytest.approx(beta.ppf(0.05, wrong, n - wrong + 1) if wrong else 0)


def test_alleles_whose_alt_is_common_are_left_out():
    af = np.where(np.arange(100) < 60, 0.6, np.nan)
    (row,) = own_allele_rows(alleles_of(llrs(100, 60), af=af), ALPHAS, 0.05)
    assert (row.n, row.errors, row.left_out) == (40, 0, 60)


def test_each_level_and_stratum_has_its_own_row():
    alleles = alleles_of(
        llrs(8, 4),
        rank=[3, 3, 2, 2, 1, 1, 0, 3],
        stratum=["b", "a", "a", "a", "a", "a", "a", "a"],
    )
    rows = [
        (row.level, row.stratum, row.n, row.errors)
        for row in own_allele_rows(alleles, ALPHAS, 0.05)
    ]
    assert rows == [("HIGH", "a", 2, 1), ("HIGH", "b", 1, 1), ("MEDIUM", "a", 2, 2)]


def test_an_llr_of_zero_is_a_miss():
    (row,) = own_allele_rows(alleles_of([0.0, -1.0]), ALPHAS, 0.05)
    assert row.errors == 1


def test_a_memoriser_prefers_the_rare_reference():
    """It prefers REF wherever it stands: right at every allele whose REF is common, and wrong at
    every one whose ALT is."""
    af = np.repeat([0.95, 0.05], 150)
    (row, _) = population_rows(alleles_of(np.full(300, -3.0), af=af), ALPHAS, 0.05)
    assert (row.alt_common, row.alt_common_errors, row.outcome) == (150, 150, CONTRADICTED)
    assert row.bias == 1.0
    assert row.bias_low > 0.9


def test_a_model_of_the_species_is_confirmed():
    rng = np.random.default_rng(3)
    common_is_alt = np.arange(2000) < 1000
    llr = np.where(common_is_alt, 2.0, -2.0) * np.where(rng.random(2000) < 0.02, -1, 1)
    (row, _) = population_rows(
        alleles_of(llr, af=np.where(common_is_alt, 0.97, 0.02)), ALPHAS, 0.05
    )
    assert row.outcome == CONFIRMED
    assert row.bias_low < 0 < row.bias_high


def test_the_other_orientation_is_weighted_to_the_same_strata():
    """REF-common alleles err in 10 % of one stratum and 50 % of the other, of which the ALT-common
    ones hold 3:1."""
    stratum = np.array(["a"] * 30 + ["b"] * 10 + ["a"] * 10 + ["b"] * 10, object)
    af = np.repeat([0.95, 0.05], [40, 20])
    llr = np.concatenate([np.full(40, 1.0), llrs(10, 1), llrs(10, 5)])
    (row, _) = population_rows(alleles_of(llr, stratum=stratum, af=af), ALPHAS, 0.05)
    assert row.ref_common_error == pytest.approx(0.75 * 0.1 + 0.25 * 0.5)


@pytest.mark.bad_input
def test_one_samples_genotype_says_nothing_of_a_population():
    (row, _) = population_rows(alleles_of(np.full(300, -3.0), af=1.0, an=2), ALPHAS, 0.05)
    assert (row.alt_common, row.outcome) == (0, NOT_TESTED)


@pytest.mark.bad_input
def test_alleles_without_an_llr_or_frequency_count_nowhere():
    alleles = alleles_of(np.full(50, np.nan))
    assert own_allele_rows(alleles, ALPHAS, 0.05) == ()
    assert [
        row.alt_common for row in population_rows(alleles_of([-1.0] * 50, af=np.nan), ALPHAS, 0.05)
    ] == [0, 0]
    assert own_allele_rows(alleles_of([]), ALPHAS, 0.05) == ()


@pytest.mark.bad_input
def test_without_alleles_of_one_orientation_there_is_no_bias():
    for af in (0.95, 0.01):
        for row in population_rows(alleles_of([-1.0] * 150, af=af), ALPHAS, 0.05):
            assert (row.ref_common_error, row.bias, row.bias_low, row.bias_high) == (None,) * 4
