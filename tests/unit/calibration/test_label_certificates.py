"""Certificates of labels: the bounds against closed forms and exact sums, shuffled labels at every
prevalence, and the power to find a model that knows something."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest
from simulated_labels import labelled

from gfmtrust.calibration import label_calibration, label_certificates
from gfmtrust.calibration.label_cells import Calls, cells
from gfmtrust.calibration.options import Options
from gfmtrust.core.binomial import upper_bound

pytestmark = pytest.mark.long

PREVALENCES = (0.01, 0.03, 0.14, 0.30, 0.50)


def calls_of(effect, call):
    n = len(effect)
    return Calls(
        np.ones(n),
        np.asarray(effect, bool),
        np.asarray(call, bool),
        np.full(n, "single_copy/cpg", object),
        np.arange(n) % 50,
        np.full(n, 1.8),
    )


def levels(table, seed=1):
    result = label_calibration.fit(table, Options(seed=seed), False)
    return {one.level for one in result.certificates if one.exists}


def shuffled(seed, prevalence, n=3000):
    n_effect = round(prevalence * n)
    return levels(labelled(seed, n_effect, n - n_effect), seed)


def test_the_bound_without_an_error_has_a_closed_form():
    result = label_certificates.judged(
        calls_of([1] * 400 + [0] * 900, [1] * 400 + [0] * 900), 0.2, 0.05
    )
    assert result.miss == 0.05  # many of each label: delta itself
    expected = ((1 - 0.05 ** (1 / 400)) + (1 - 0.05 ** (1 / 900))) / 2
    assert result.bound == pytest.approx(expected, rel=1e-9)
    assert (result.right, result.wrong) == (400, 0)
    assert result.p_commoner == pytest.approx(0.5**400)


def test_the_test_against_the_commoner_label_is_the_exact_test_of_mcnemar():
    effect = np.array([1] * 30 + [0] * 70, bool)
    call = np.array([1] * 20 + [0] * 10 + [1] * 8 + [0] * 62, bool)
    result = label_certificates.judged(calls_of(effect, call), 0.2, 0.05)
    assert (result.right, result.wrong) == (20, 8)
    assert result.p_commoner == pytest.approx(binomtest(20, 28, 0.5, alternative="greater").pvalue)
    # the same alleles with the labels' names exchanged
    turned = label_certificates.judged(calls_of(~effect, ~call), 0.2, 0.05)
    assert (turned.right, turned.wrong) == (20, 8)


def test_equally_common_labels_count_the_one_that_is_beaten_by_less():
    effect = np.repeat([True, False], 50)
    call = np.array([True] * 50 + [True] * 20 + [False] * 30)
    assert label_certificates.discordant(effect, call) == (50, 20)  # not (30, 0)


@pytest.mark.parametrize(
    ("n_effect", "n_none"), [(20, 20), (36, 36), (72, 72), (20, 500), (150, 260), (300, 300)]
)
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_a_balanced_error_above_alpha_passes_with_probability_delta_at_most(
    n_effect, n_none, alpha
):
    of_label = label_certificates.miss(n_effect, n_none, alpha, 0.05)
    assert 0.05 <= of_label <= 0.2
    bound_effect = upper_bound(np.arange(n_effect + 1), n_effect, of_label)
    bound_none = upper_bound(np.arange(n_none + 1), n_none, of_label)
    may_pass = (bound_effect[:, None] + bound_none[None, :]) / 2 <= alpha
    for rate in np.linspace(0, 2 * alpha, 40):  # every pair of errors, summed one by one
        mass = np.outer(
            binom.pmf(np.arange(n_effect + 1), n_effect, rate),
            binom.pmf(np.arange(n_none + 1), n_none, 2 * alpha - rate),
        )
        assert mass[may_pass].sum() <= 0.05 + 1e-3


@pytest.mark.bad_input
@pytest.mark.parametrize("prevalence", [0.001, 0.01, 0.14, 0.3, 0.5])
def test_a_constant_call_never_passes(prevalence):
    effect = np.arange(10_000) < prevalence * 10_000
    for call in (np.zeros(10_000, bool), np.ones(10_000, bool)):
        result = label_certificates.judged(calls_of(effect, call), 0.2, 0.05)
        assert result.bound >= 0.5
        assert not label_certificates.passes(result, 0.2, 0.05)


@pytest.mark.bad_input
def test_a_low_balanced_error_alone_is_not_enough():
    """One in a hundred has an effect: with errors of a tenth most calls of an effect are wrong, so
    that calling none is right more often."""
    effect = np.repeat([True, False], [100, 9_900])
    wrong = np.concatenate(
        [
            np.random.default_rng(1).permutation(np.arange(100) < 10),
            np.random.default_rng(2).permutation(np.arange(9_900) < 900),
        ]
    )
    call = effect != wrong
    result = label_certificates.judged(calls_of(effect, call), 0.2, 0.05)
    assert result.bound <= 0.2
    assert (result.right, result.wrong) == (90, 900)
    assert not label_certificates.passes(result, 0.2, 0.05)


@pytest.mark.parametrize("prevalence", PREVALENCES)
def test_shuffled_labels_earn_no_level(prevalence):
    assert not any(shuffled(seed, prevalence, 1500) for seed in range(4))


@pytest.mark.slow
@pytest.mark.parametrize("prevalence", PREVALENCES)
def test_shuffled_labels_earn_a_level_in_at_most_3_of_100(prevalence):
    assert sum(bool(shuffled(seed, prevalence)) for seed in range(100)) <= 3


def test_a_model_that_knows_the_labels_is_found():
    assert "MEDIUM" in levels(labelled(1, 500, 500, 0.9))
    assert "MEDIUM" in levels(labelled(1, 2000, 2000, 0.8))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("auroc", "n", "least"), [(0.8, 500, 60), (0.8, 2000, 85), (0.9, 500, 90), (0.9, 2000, 90)]
)
def test_power_of_100_models(auroc, n, least):
    """The table of docs/understand/reliability.md, "Labels", less three standard errors."""
    assert sum(bool(levels(labelled(seed, n, n, auroc), seed)) for seed in range(100)) >= least


def test_rare_effects_are_found_in_the_band_where_calls_beat_the_commoner_label():
    result = label_calibration.fit(labelled(5, 420, 2580, 0.9), Options(), False)
    medium = next(one for one in result.certificates if one.exists)
    assert medium.by_label.effect.n < medium.by_label.none.n
    assert medium.by_label.right > medium.by_label.wrong


@pytest.mark.bad_input
def test_labels_of_one_class_within_a_cell_give_no_level_there():
    rows = labelled(7, 1000, 1000, 0.95, classes=("near_copy", "single_copy"))
    rows = rows[(rows["copy_class"] == "single_copy") | (rows["label"] == 0)]
    result = label_calibration.fit(rows, Options(), False)
    of_copies = [one for one in result.certificates if one.strata == ("near_copy",)]
    assert len(of_copies) == 2
    assert not any(one.exists for one in of_copies)
    assert any(one.exists for one in result.certificates if one.strata == ("single_copy",))


def test_cells_never_pool_copy_classes_or_cpg():
    names = np.array(
        [
            f"{copy}/{one}"
            for copy in ("near_copy", "single_copy")
            for one in ("cpg", "transition", "transversion")
        ],
        object,
    )
    rng = np.random.default_rng(1)
    stratum = rng.choice(names, 1200)
    calls = Calls(
        np.ones(1200),
        rng.random(1200) < 0.5,
        rng.random(1200) < 0.5,
        stratum,
        np.zeros(1200, int),
        np.ones(1200),
    )
    result = cells(calls, np.ones(1200, bool), np.ones(1200, bool))
    together = [set(stratum[cell]) for cell in result]
    assert sum(len(one) for one in together) == 6
    assert {"near_copy/cpg"} in together
    assert {"single_copy/cpg"} in together
    assert all(len({name.split("/")[0] for name in one}) == 1 for one in together)
