"""Calibration on simulated probes whose error is known: honesty first, then use, then the file."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from allele_classes import of_class
from simulated_probes import features_of, skilled, table, true_error, useless
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags, record, reliability, splits
from gfmtrust.calibration.caps import bootstrap_lower, caps, measure_limits
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.shift import shift_test
from gfmtrust.core.errors import ConfigurationError
from gfmtrust.core.risk_coverage import aurc, prr, risk_at_coverage
from gfmtrust.core.vocabulary import Why

pytestmark = pytest.mark.long

DIGESTS = {
    "genome": "9b2c",
    "bundles": {"gpn": "a1" * 32},
    "views": [["gpn", 0, "+", 0]],
    "precision": ["fp32"],
    "soft_masked": True,
    "regions": {"targets": "c0"},
}


@pytest.fixture(scope="module")
def fitted() -> RunCalibration:
    return calibration_fit.fit(skilled(np.random.default_rng(1), 6000), Options(digests=DIGESTS))


def levels(result: RunCalibration) -> set[str]:
    return {c.level for c in result.snv.certificates if c.threshold is not None}


# ---- a draw that is repeated is no further observation


@pytest.mark.bad_input
def test_probes_that_are_drawn_again_change_nothing_but_their_number():
    probes = skilled(np.random.default_rng(1), 2000)
    rng = np.random.default_rng(2)
    again = probes.iloc[rng.integers(0, 2000, 3000)].assign(run_oriented=False)
    once = calibration_fit.fit(probes)
    several = calibration_fit.fit(pd.concat([again, probes]).sample(frac=1, random_state=3))
    assert several.snv.counts == replace(once.snv.counts, repeated=3000)
    assert several.snv.certificates == once.snv.certificates
    assert several.snv.reliability == once.snv.reliability
    assert levels(once)


@pytest.mark.bad_input
def test_forty_sites_certify_nothing_however_often_they_are_drawn():
    """Of 8 % wrong sites 2,000 draws certified 5 % in 45 of 150 runs: a draw of 20 sites may hold
    no wrong one, and 500 draws of those are no more evidence."""
    rng = np.random.default_rng(4)
    for _ in range(5):
        right = rng.random(40) >= 0.08
        size = rng.exponential(3.0, 40)
        sites = table(rng, np.where(right, -size, size), rng.random(40) < 0.5, 32, ("single_copy",))
        result = calibration_fit.fit(sites.iloc[rng.integers(0, 40, 2000)])
        assert levels(result) == set()
        assert result.snv.counts.probes + result.snv.counts.repeated == 2000


# ---- useless models get nothing


@pytest.mark.long
@pytest.mark.parametrize("kind", ["constant", "gc", "noise"])
def test_a_useless_model_gets_no_high_and_no_medium(kind):
    rng = np.random.default_rng(11)
    for _ in range(8):
        result = calibration_fit.fit(useless(rng, 2000, kind))
        assert levels(result) == set(), result.outcome
        rank, why = flags.assign(result, features_of(useless(rng, 500, kind)))
        assert set(rank.tolist()) == {1}
        assert all("UNCERTIFIED" in reasons for reasons in why)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["constant", "gc", "noise"])
def test_a_useless_model_gets_no_high_and_no_medium_in_200_runs(kind):
    rng = np.random.default_rng(12)
    given = [levels(calibration_fit.fit(useless(rng, 4000, kind))) for _ in range(200)]
    assert not any("HIGH" in result for result in given)
    assert sum("MEDIUM" in result for result in given) == 0


@pytest.mark.long
@pytest.mark.parametrize("kind", ["constant", "gc"])
def test_probes_that_are_not_balanced_would_flag_a_useless_model(kind):
    """Why probes are balanced: on the run's own REF letters a model that likes C looks right nine
    times in ten."""
    rng = np.random.default_rng(13)
    result = [
        levels(
            calibration_fit.fit(useless(rng, 4000, kind, balanced=False), Options(alpha_high=0.13))
        )
        for _ in range(2)
    ]
    assert any("HIGH" in given for given in result)
    balanced = [
        levels(calibration_fit.fit(useless(rng, 4000, kind), Options(alpha_high=0.13)))
        for _ in range(2)
    ]
    assert not any(balanced)


def test_llr_0_is_wrong():
    rng = np.random.default_rng(14)
    result = calibration_fit.fit(
        table(rng, np.zeros(2000), rng.random(2000) < 0.5, 40, ("single_copy",))
    )
    assert levels(result) == set()
    assert (
        calibration_fit.reliability(
            result.snv, table(rng, np.zeros(10), np.ones(10, bool), 4, ("single_copy",))
        ).max()
        < 0.01
    )


@pytest.mark.long
def test_gain_at_or_below_0_means_no_high_at_all():
    probes = skilled(np.random.default_rng(15), 6000)
    probes["gain"] -= 1
    result = calibration_fit.fit(probes)
    assert result.snv.limits.model_gain < 0
    assert levels(result) == {"MEDIUM"}
    context_only = calibration_fit.fit(probes, Options(context_only=True))
    assert context_only.snv.limits.model_gain is None
    assert levels(context_only) == {"HIGH", "MEDIUM"}


# ---- useful models get flags, and the flags hold


@pytest.mark.long
def test_a_skilled_model_gets_both_levels_and_they_hold_on_fresh_alleles(fitted):
    assert levels(fitted) == {"HIGH", "MEDIUM"}
    fresh = skilled(np.random.default_rng(2), 50_000)
    rank, _ = flags.assign(fitted, features_of(fresh))
    error = true_error(fresh)
    assert (rank == 3).mean() > 0.2
    assert error[rank == 3].mean() <= 0.05
    assert error[rank == 2].mean() <= 0.20
    assert error[rank == 1].mean() > error[rank == 2].mean() > error[rank == 3].mean()


def violated(replications: int, n: int) -> np.ndarray:
    """Runs in which HIGH, exactly-MEDIUM has a true error above its alpha."""
    rng = np.random.default_rng(21)
    fresh = skilled(np.random.default_rng(22), 5000)
    error, broken = true_error(fresh), np.zeros(2, dtype=int)
    for _ in range(replications):
        rank, _ = flags.assign(
            calibration_fit.fit(skilled(rng, n, classes=("single_copy",))),
            features_of(fresh.assign(**of_class("single_copy"))),
        )
        for i, (level, alpha) in enumerate(((3, 0.05), (2, 0.20))):
            broken[i] += (rank == level).any() and error[rank == level].mean() > alpha
    return broken


@pytest.mark.long
def test_certified_levels_are_seldom_violated():
    assert (violated(15, 2000) <= 3).all()  # P(more than 3 of 15 at .05) = .5 %


@pytest.mark.slow
def test_certified_levels_are_violated_in_at_most_delta_of_300_runs():
    assert (violated(300, 4000) <= 300 * (0.05 + 2 * np.sqrt(0.05 * 0.95 / 300))).all()


def test_reliability_is_the_probability_of_being_right(fitted):
    fresh = skilled(np.random.default_rng(3), 20_000)
    result, right = (
        calibration_fit.reliability(fitted.snv, features_of(fresh)),
        fresh["llr"].to_numpy() < 0,
    )
    for low, high in ((0.5, 0.7), (0.7, 0.9), (0.9, 0.97)):
        inside = (result >= low) & (result < high)
        assert right[inside].mean() == pytest.approx(result[inside].mean(), abs=0.04)


def test_each_copy_class_has_its_own_certificate_however_few_its_probes(fitted):
    expected = {
        (level, (name,))
        for level in ("HIGH", "MEDIUM")
        for name in ("repeat_family", "single_copy")
    }
    assert {(c.level, c.strata) for c in fitted.snv.certificates} == expected
    small = calibration_fit.fit(skilled(np.random.default_rng(4), 1500))
    assert {(c.level, c.strata) for c in small.snv.certificates} == expected


@pytest.mark.bad_input
def test_a_few_probes_of_another_copy_class_borrow_no_level():
    """However right they are: 40 probes cannot show an error of at most 20 %."""
    rng = np.random.default_rng(5)
    few = skilled(rng, 40, 30.0, classes=("near_copy",)).assign(pos=np.arange(100_000, 100_040))
    many = skilled(rng, 6000, classes=("single_copy",))
    result = calibration_fit.fit(pd.concat([many, few], ignore_index=True))
    given = {(c.level, c.strata): c.exists for c in result.snv.certificates}
    assert given["HIGH", ("single_copy",)]
    assert not given["HIGH", ("near_copy",)]
    assert not given["MEDIUM", ("near_copy",)]
    rank, why = flags.assign(result, features_of(few))
    assert set(rank.tolist()) == {1}
    assert all("UNCERTIFIED" in reasons for reasons in why)


@pytest.mark.long
def test_a_class_of_its_own_that_is_worse_gets_no_high():
    rng = np.random.default_rng(5)
    good, bad = (
        skilled(rng, 6000, classes=("single_copy",)),
        useless(rng, 6000, "noise").assign(**of_class("repeat")),
    )
    bad["pos"] += 100_000
    result = calibration_fit.fit(pd.concat([good, bad], ignore_index=True))
    given = {
        c.strata[0]: c.threshold is not None for c in result.snv.certificates if c.level == "HIGH"
    }
    assert given == {"single_copy": True, "repeat": False}


@pytest.mark.long
def test_simultaneous_shares_delta_among_all_cells():
    result = calibration_fit.fit(
        skilled(np.random.default_rng(1), 6000), Options(simultaneous=True)
    )
    assert {c.delta for c in result.snv.certificates} == {0.05 / 4}


# ---- what may enter the score


def test_swapping_real_and_decoy_leaves_reliability_bit_identical(fitted):
    alleles = features_of(skilled(np.random.default_rng(6), 500))
    swapped = alleles.assign(llr=-alleles["llr"])
    assert (
        calibration_fit.reliability(fitted.snv, alleles).tobytes()
        == calibration_fit.reliability(fitted.snv, swapped).tobytes()
    )
    reasons = [
        [set(codes) - {Why.ALT_PREFERRED} for codes in flags.assign(fitted, each)[1]]
        for each in (alleles, swapped)
    ]
    assert reasons[0] == reasons[1]


def test_reliability_does_not_depend_on_the_rows_beside_it(fitted):
    alleles = features_of(skilled(np.random.default_rng(6), 101))
    whole = calibration_fit.reliability(fitted.snv, alleles)
    assert whole.tobytes() == b"".join(
        calibration_fit.reliability(fitted.snv, alleles[a : a + 7]).tobytes()
        for a in range(0, 101, 7)
    )


def test_the_order_of_probes_changes_nothing():
    probes = skilled(np.random.default_rng(7), 1500)
    shuffled = probes.sample(frac=1, random_state=3, ignore_index=True)
    assert (
        calibration_fit.fit(probes, Options()).to_dict()
        == calibration_fit.fit(shuffled, Options()).to_dict()
    )


def test_below_500_probes_in_the_fit_split_only_llr_and_margin_enter():
    few, many = (
        calibration_fit.fit(skilled(np.random.default_rng(8), n)).snv.reliability
        for n in (800, 2000)
    )
    assert {term.name for term in few.terms} <= {"abs_llr", "margin"}
    assert few.terms
    assert "few probes" in dict(few.dropped).values()
    assert "few probes" not in dict(many.dropped).values()


@pytest.mark.long
@pytest.mark.bad_input
@pytest.mark.parametrize(("n_near", "dropped"), [(2, True), (29, True), (200, False)])
def test_what_a_handful_of_probes_say_is_no_predictor(n_near, dropped):
    """Two probes beside a contig's end, right by luck, once lifted all alleles there to MEDIUM, of
    which 48 % were wrong."""
    probes = skilled(np.random.default_rng(8), 4_000)
    right = probes["llr"].to_numpy() < 0
    probes["near_edge"] = np.cumsum(right) * right > right.sum() - n_near
    fitted, _ = reliability.fit(
        features_of(probes), right, np.arange(len(probes)) % 5, reliability.median_sd(probes)
    )
    assert (dict(fitted.dropped).get("near_edge") == "constant") == dropped


def test_missing_predictors_are_dropped_for_the_run_and_never_imputed():
    probes = skilled(np.random.default_rng(9), 2000)
    probes["strand_jsd"] = np.nan
    probes["gain"] += 0.5 * (probes["llr"] < 0)  # so that it is of use, and stays in
    probes.loc[:4, "gain"] = np.nan
    result = calibration_fit.fit(probes)
    dropped = dict(result.snv.reliability.dropped)
    assert {name: why for name, why in dropped.items() if why != "adds nothing"} == {
        "strand_jsd": "missing",
        "n_share": "constant",
        "near_edge": "constant",
    }
    assert np.isnan(calibration_fit.reliability(result.snv, probes))[:5].all()
    rank, why = flags.assign(result, probes)
    assert rank[:5].tolist() == [1] * 5
    assert all(reasons[0] == "UNCERTIFIED" for reasons in why[:5])


def test_one_view_still_gets_a_certificate_through_llr():
    probes = skilled(np.random.default_rng(10), 6000)
    for name in (
        "llr_sd",
        "dis",
        "strand_jsd",
        "strand_llr",
        "strand_flip",
        "gain",
        "local_surprisal",
    ):
        probes[name] = np.nan
    probes["sign_agreement"] = 1.0
    assert "HIGH" in levels(calibration_fit.fit(probes))


def test_nothing_is_extrapolated_beyond_the_fit_split(fitted):
    alleles = features_of(skilled(np.random.default_rng(6), 2))
    result = calibration_fit.reliability(fitted.snv, alleles.assign(llr=[-1e3, -1e6], llr_sd=0.3))
    top = next(term for term in fitted.snv.reliability.terms if term.name == "abs_llr")
    assert top.high < 1e3
    assert result[0] <= 1


@pytest.mark.parametrize("strength", reliability.STRENGTHS)
def test_the_regression_equals_scikit_learns(strength):
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(800, 4))
    right = rng.random(800) < 1 / (1 + np.exp(-2 * matrix[:, 0] + 0.5))
    theirs = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10).fit(matrix, right)
    ours = reliability.newton(
        np.column_stack([np.ones(800), matrix]), right.astype(float), strength
    )
    np.testing.assert_allclose(ours, [theirs.intercept_[0], *theirs.coef_[0]], atol=1e-9)


# ---- splits


def test_the_splits_share_no_block_and_hold_about_half():
    blocks = np.repeat(np.arange(20), 50)
    part = splits.split(blocks, 1)
    assert not set(blocks[part == splits.FIT]) & set(blocks[part != splits.FIT])
    assert (
        (part == splits.FIT).sum(),
        (part == splits.CERTIFY_HIGH).sum(),
        (part == splits.CERTIFY_MEDIUM).sum(),
    ) == (
        500,
        250,
        250,
    )
    assert (splits.split(blocks, 1) == part).all()
    assert (splits.split(blocks, 2) != part).any()


def test_blocks_of_unequal_size_are_dealt_to_the_smaller_split():
    sizes = [400, 300, 100, 100, 20, 20, 20, 20, 10, 10]
    blocks = np.repeat(np.arange(10), sizes)
    for seed in range(20):
        assert splits.halves_balanced((splits.split(blocks, seed) == splits.FIT).sum(), len(blocks))


def test_folds_keep_blocks_whole():
    blocks = np.repeat(np.arange(12), 5)
    fold = splits.folds(blocks, 1, 5)
    assert all(len(set(fold[blocks == block])) == 1 for block in range(12))
    assert set(fold) == set(range(5))


# ---- rankings


def naive_aurc(loss, ranking):
    """Average over the tied members' orders, by walking up the distinct values."""
    covered = wrong = total = 0
    for value in sorted(set(ranking), reverse=True):
        tie = [x for x, r in zip(loss, ranking, strict=True) if r == value]
        for i in range(1, len(tie) + 1):
            total += (wrong + i * sum(tie) / len(tie)) / (covered + i)
        covered, wrong = covered + len(tie), wrong + sum(tie)
    return total / len(loss)


def test_prr_equals_its_twin_with_ties():
    rng = np.random.default_rng(1)
    loss, ranking = (rng.random(400) < 0.3).astype(float), rng.integers(0, 12, 400).astype(float)
    base, best = loss.mean(), naive_aurc(loss, -loss)
    assert aurc(loss, ranking) == pytest.approx(naive_aurc(loss, ranking), abs=1e-12)
    assert prr(loss, ranking) == pytest.approx(
        (base - naive_aurc(loss, ranking)) / (base - best), abs=1e-9
    )


def test_prr_is_1_for_the_oracle_0_for_a_constant_and_below_0_for_the_reverse():
    loss = np.array([0, 0, 0, 1, 0, 1.0])
    assert prr(loss, -loss) == pytest.approx(1)
    assert prr(loss, np.zeros(6)) == pytest.approx(0)
    assert prr(loss, loss) < 0
    assert np.isnan(prr(np.zeros(4), np.arange(4)))
    assert risk_at_coverage(loss, -loss).tolist() == [0, 0, 0, 0, 0.2, pytest.approx(1 / 3)]


def test_the_ablation_names_the_measure_that_ranks(fitted):
    rows = {row.measure: row.prr for row in fitted.snv.ablation}
    assert rows["abs_llr"] > 0.6
    assert rows["all"] > 0.6
    assert abs(rows["ent"]) < 0.15
    useless = {
        name for name, why in fitted.snv.reliability.dropped if why == "adds nothing"
    }  # tabled all the same
    assert set(rows) == {"all", *(term.name for term in fitted.snv.reliability.terms), *useless}


@pytest.mark.long
def test_a_measure_that_adds_nothing_is_dropped_and_one_that_does_is_kept():
    rng = np.random.default_rng(30)
    probes = skilled(rng, 3000)
    right = probes["llr"].to_numpy() < 0
    noise = calibration_fit.fit(probes.assign(gc=rng.random(3000))).snv.reliability
    stated = calibration_fit.fit(
        probes.assign(gc=np.where(right, 0.6, 0.4) + rng.normal(0, 0.1, 3000))
    ).snv.reliability
    assert "abs_llr" in {term.name for term in noise.terms}
    assert "gc" in {term.name for term in stated.terms}
    assert max(abs(term.coefficient) for term in noise.terms if term.name != "gc") > 5 * max(
        [abs(term.coefficient) for term in noise.terms if term.name == "gc"], default=0.0
    )


def test_an_ablation_row_ranks_like_scikit_learns_auc():
    rng = np.random.default_rng(2)
    loss, ranking = rng.random(500) < 0.4, rng.random(500)
    better = ranking - loss  # a better ranking has a higher AUROC of 'right' and a higher PRR
    assert roc_auc_score(~loss, better) > roc_auc_score(~loss, ranking)
    assert prr(loss, better) > prr(loss, ranking)


# ---- limits


def test_the_models_gain_has_a_block_bootstrap_bound():
    rng = np.random.default_rng(3)
    blocks = np.repeat(np.arange(30), 100)
    values = 0.1 + np.repeat(rng.normal(0, 0.1, 30), 100) + rng.normal(0, 0.1, 3000)
    expected = values.mean() - 1.645 * np.repeat(values.reshape(30, 100).mean(axis=1), 1).std(
        ddof=1
    ) / np.sqrt(30)
    assert bootstrap_lower(values, blocks, 1) == pytest.approx(expected, abs=0.01)
    order = rng.permutation(3000)
    assert bootstrap_lower(values[order], blocks[order], 1) == bootstrap_lower(values, blocks, 1)
    assert bootstrap_lower(np.full(3, np.nan), np.arange(3), 1) is None


def test_limits_are_percentiles_of_the_probes():
    probes = skilled(np.random.default_rng(4), 1001)
    probes["local_surprisal"] = np.arange(1001) / 1000
    result = measure_limits(probes, probes["block"].to_numpy(), Options())
    assert result.surprisal_range == pytest.approx((0.01, 0.99))
    assert result.surprisal_extremes == pytest.approx((0.001, 0.999))
    cap, _ = caps(result, probes)
    assert (cap[probes["local_surprisal"] < 0.001] == 1).all()
    assert (
        cap[(probes["local_surprisal"] > 0.002) & (probes["local_surprisal"] < 0.01)] == 2
    ).all()


# ---- shift test


def test_the_shift_test_seldom_fires_without_shift():
    rng = np.random.default_rng(5)
    assert (
        sum(
            shift_test(rng.normal(1.8, 0.3, 200), rng.normal(1.8, 0.3, 2000)).fired
            for _ in range(200)
        )
        <= 6
    )


@pytest.mark.parametrize(("shift", "scale"), [(0.3, 1.0), (-0.3, 1.0), (0.0, 4.0)])
def test_the_shift_test_fires_on_another_law(shift, scale):
    rng = np.random.default_rng(6)
    fired = [
        shift_test(rng.normal(1.8 + shift, 0.3 * scale, 200), rng.normal(1.8, 0.3, 4000)).fired
        for _ in range(100)
    ]
    assert sum(fired) >= 99


def test_the_shift_test_reports_what_it_saw():
    rng = np.random.default_rng(7)
    run, probes = rng.normal(2.1, 0.3, 500), rng.normal(1.8, 0.3, 4000)
    result = shift_test(run, probes)
    assert (result.state, result.n_run, result.n_probes) == ("fired", 500, 4000)
    assert result.delta_median == pytest.approx(np.median(run) - np.median(probes))
    draws = [
        np.median(rng.choice(run, 500)) - np.median(rng.choice(probes, 4000)) for _ in range(200)
    ]
    assert (result.high - result.low) / 3.92 == pytest.approx(np.std(draws), rel=0.35)
    assert shift_test(run[:19], probes).state == "too_few"
    assert shift_test(np.full(50, np.nan), probes).state == "not_tested"
    assert shift_test(run, np.empty(0)).state == "not_tested"


def test_a_fired_shift_test_puts_every_allele_at_low_with_shift_first(fitted):
    rng = np.random.default_rng(8)
    shifted = record.with_shift(
        fitted, shift_test(rng.normal(2.5, 0.1, 100), rng.normal(1.8, 0.1, 1000))
    )
    rank, why = flags.assign(shifted, features_of(skilled(rng, 200)))
    assert set(rank.tolist()) == {1}
    assert {reasons[0] for reasons in why} == {Why.SHIFT}
    assert "shift test fired" in shifted.outcome


def test_a_transferred_calibration_loses_high_where_shift_cannot_be_tested(fitted):
    verdict = shift_test(np.ones(3), np.ones(1000))
    assert record.with_shift(fitted, verdict).high_withheld == ""
    withheld = record.with_shift(fitted, verdict, transferred=True)
    alleles = features_of(skilled(np.random.default_rng(8), 2000))
    before, after = flags.assign(fitted, alleles)[0], flags.assign(withheld, alleles)[0]
    assert (before == 3).any()
    assert not (after == 3).any()
    assert (after <= before).all()
    assert "HIGH is withheld" in withheld.outcome


# ---- null controls


def test_a_null_that_earns_high_withdraws_high_from_the_run(fitted):
    alleles = features_of(skilled(np.random.default_rng(8), 2000))
    guilty = flags.control_verdict(fitted, "shuffled", alleles)
    innocent = flags.control_verdict(fitted, "random", alleles.assign(llr=alleles["llr"] * 1e-3))
    assert guilty.n_high > 0 == innocent.n_high
    assert record.with_controls(fitted, (innocent,)).high_withheld == ""
    assert "shuffled" in record.with_controls(fitted, (innocent, guilty)).high_withheld


# ---- the file


def test_json_round_trip_is_exact(fitted):
    stated = record.with_controls(
        record.with_shift(fitted, shift_test(np.linspace(1, 2, 50), np.linspace(1, 2, 500))),
        (record.ControlVerdict("random", 300, 0, 0, 0.49),),
    )
    for each in (
        fitted,
        stated,
        calibration_fit.fit(skilled(np.random.default_rng(1), 300, n_blocks=4)),
        calibration_fit.fit(skilled(np.random.default_rng(1), 0)),
    ):
        assert RunCalibration.from_dict(each.to_dict()) == each
        assert "NaN" not in json.dumps(each.to_dict())


def test_flags_of_a_calibration_read_back_are_the_same(fitted):
    alleles = features_of(skilled(np.random.default_rng(9), 1000))
    again = RunCalibration.from_dict(fitted.to_dict())
    assert flags.assign(again, alleles)[1] == flags.assign(fitted, alleles)[1]
    assert (
        calibration_fit.reliability(again.snv, alleles).tobytes()
        == calibration_fit.reliability(fitted.snv, alleles).tobytes()
    )


def test_the_same_run_matches_its_calibration(fitted):
    record.check_matches(fitted, DIGESTS | {"precision": ("fp32",)})


@pytest.mark.parametrize("regions", [{}, {"panel": "d0"}, {"panel": "d0", "targets": "c0"}])
def test_a_bed_file_that_only_one_of_two_runs_has_is_no_contradiction(fitted, regions):
    record.check_matches(fitted, DIGESTS | {"regions": regions})


def test_alleles_in_a_bed_file_that_is_new_are_those_of_the_rest_of_the_genome():
    probes = skilled(np.random.default_rng(1), 6000)
    probes.loc[np.arange(len(probes)) % 2 == 0, "region_class"] = "targets"
    result = calibration_fit.fit(probes)
    rest = features_of(probes[probes["region_class"] != "targets"])
    expected = flags.assign(result, rest)
    assert {1, 2, 3} <= set(expected[0].tolist())
    rank, why = flags.assign(result, rest.assign(region_class="panel"))
    assert (rank.tolist(), why) == (expected[0].tolist(), expected[1])


def test_a_second_use_of_the_certification_splits_is_stated():
    assert (
        "exploratory: use 2"
        in calibration_fit.fit(skilled(np.random.default_rng(1), 2000), Options(looks=2)).outcome
    )


# ---- bad input


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("changed", "stated"),
    [
        (
            {"bundles": {"gpn": "3f" * 32}},
            "calibration.json: calibration is for sha a1a1a1a1a1a1... of gpn; scores are of sha 3f3f3f3f3f3f...; run CALIBRATE again",
        ),
        ({"bundles": {"nt": "a1" * 32}}, "calibration is for models gpn; scores are of models nt"),
        ({"genome": "77aa"}, "calibration is for genome 9b2c; scores are of genome 77aa"),
        ({"precision": ["fp16"]}, "precision"),
        ({"views": []}, "views"),
        (
            {"regions": {"targets": "c1"}},
            "calibration is for regions targets of digest c0; scores are of digest c1",
        ),
        ({"soft_masked": False}, "soft_masked"),
    ],
)
def test_a_calibration_of_something_else_is_refused(fitted, changed, stated):
    with pytest.raises(ConfigurationError) as caught:
        record.check_matches(fitted, DIGESTS | changed)
    assert stated in str(caught.value)
    assert caught.value.exit_code == 78


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"options": {}}', '{"options": {"luck": 1}}', "null"]
)
def test_a_file_that_is_no_calibration_is_refused(text, tmp_path):
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"calibration\.json: .*again"):
        RunCalibration.read(path)


@pytest.mark.bad_input
@pytest.mark.parametrize("cut_off", [1.5, -0.0021])
def test_a_cut_off_out_of_range_is_refused(fitted, cut_off):
    with pytest.raises(ConfigurationError, match=rf"cut-off {cut_off}; expected 0 to 1"):
        RunCalibration.from_dict(with_cut_off(fitted, cut_off))


def test_a_cut_off_may_lie_below_zero_by_the_guard_band(fitted):
    # all probes of a cell are accepted, and the least reliable one has a reliability near 0
    again = RunCalibration.from_dict(with_cut_off(fitted, -0.002 - 1e-9))
    assert -0.002 - 1e-9 in [one.threshold for one in again.snv.certificates]


def with_cut_off(fitted, cut_off: float) -> dict:
    """The calibration with a guard band of 0.002 and that cut-off of one level."""
    raw = fitted.to_dict()
    raw["options"]["guard_band"] = 0.002
    certificates = raw["classes"]["SNV"]["certificates"]
    next(one for one in certificates if one["threshold"] is not None)["threshold"] = cut_off
    return raw


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "options",
    [
        {"alpha_high": 0.3},
        {"alpha_high": 0.0},
        {"alpha_medium": 1.0},
        {"delta": 0.0},
        {"delta": 0.9},
        {"guard_band": -0.1},
    ],
)
def test_levels_that_mean_nothing_are_refused(options):
    with pytest.raises(ConfigurationError, match="calibration: "):
        calibration_fit.fit(skilled(np.random.default_rng(1), 100), replace(Options(), **options))


@pytest.mark.bad_input
def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="probes: columns run_oriented are missing"):
        calibration_fit.fit(skilled(np.random.default_rng(1), 10).drop(columns="run_oriented"))


@pytest.mark.bad_input
def test_fewer_than_8_blocks_certify_nothing_and_say_so():
    result = calibration_fit.fit(skilled(np.random.default_rng(1), 3000, n_blocks=7))
    assert result.snv.certificates == ()
    assert result.outcome == "No flag above LOW: 7 usable blocks of genome, 8 needed"
    assert set(
        flags.assign(result, features_of(skilled(np.random.default_rng(2), 100)))[0].tolist()
    ) == {1}


@pytest.mark.bad_input
def test_blocks_that_cannot_be_halved_certify_nothing():
    probes = skilled(np.random.default_rng(1), 3000)
    probes.loc[:2500, "block"] = 99
    assert "cannot be split evenly" in calibration_fit.fit(probes).outcome


@pytest.mark.bad_input
@pytest.mark.parametrize("n", [0, 1, 7])
def test_next_to_no_probes_are_a_calibration_without_flags(n):
    result = calibration_fit.fit(skilled(np.random.default_rng(1), n, n_blocks=1))
    assert levels(result) == set()
    rank, why = flags.assign(result, features_of(skilled(np.random.default_rng(2), 20)))
    assert set(rank.tolist()) == {1}
    assert all(why)


@pytest.mark.bad_input
def test_failed_probes_are_left_out_and_counted():
    probes = skilled(np.random.default_rng(1), 2000)
    probes.loc[:99, "llr"] = np.nan
    result = calibration_fit.fit(probes)
    assert (result.snv.counts.probes, result.snv.counts.failed) == (1900, 100)


@pytest.mark.bad_input
@pytest.mark.parametrize("right", [True, False])
def test_a_model_always_right_or_always_wrong_breaks_nothing(right):
    rng = np.random.default_rng(1)
    probes = table(
        rng,
        np.full(3000, -1.0 if right else 1.0) * rng.random(3000),
        rng.random(3000) < 0.5,
        40,
        ("single_copy",),
    )
    assert levels(calibration_fit.fit(probes)) == ({"HIGH"} if right else set())


@pytest.mark.bad_input
def test_rankings_that_cannot_be_ranked_are_refused():
    with pytest.raises(ValueError, match="found NaN"):
        prr(np.zeros(2), np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="expected one length above 0"):
        aurc(np.zeros(0), np.zeros(0))
