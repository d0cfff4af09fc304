"""Measures against literals, against slow twins, and under the symmetries they must keep."""

from __future__ import annotations

import re
import time

import naive_measures as naive
import numpy as np
import pytest

from gfmtrust.core import columns, divergence, measures
from gfmtrust.core.alphabet import COMPLEMENT
from gfmtrust.core.views import Views

UNIFORM = [0.25, 0.25, 0.25, 0.25]
A, C, G, T = np.eye(4).tolist()
MODELS = np.array([0, 0, 0, 1, 1, 2])
STRANDS = np.array(["+", "-", "+", "+", "-", "+"])


def sites(*rows) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def random_alleles(n=300, seed=1):
    """Distributions of all sharpness, some exact zeros, some views NaN, some sites all NaN, some
    ALT equal to REF."""
    rng = np.random.default_rng(seed)
    sharpness = np.exp(rng.uniform(-2, 3, (n, len(MODELS), 1)))
    probs = rng.standard_gamma(np.broadcast_to(sharpness, (n, len(MODELS), 4)))
    probs = (probs / np.maximum(probs.sum(axis=2, keepdims=True), 1e-300)).astype(np.float32)
    probs[rng.random((n, len(MODELS))) < 0.05] = A
    probs[rng.random((n, len(MODELS))) < 0.15] = np.nan
    probs[::50] = np.nan
    return probs, rng.integers(0, 4, n), rng.integers(0, 4, n)


def all_measures(probs, ref, alt, models=MODELS, strands=STRANDS, equivariant=None):
    return measures.allele_measures(
        probs,
        measures.view_weights(probs, models),
        ref,
        alt,
        Views(models, strands, equivariant),
    )


def assert_same_bits(left: dict, right: dict, but=()):
    assert left.keys() == right.keys()
    for name in left.keys() - set(but):
        assert left[name].tobytes() == right[name].tobytes(), name


# ---- literals


def test_entropy_is_2_bits_when_uniform_and_0_when_certain():
    assert measures.entropy(sites(UNIFORM, A, [0.5, 0.5, 0, 0])).tolist() == [2.0, 0.0, 1.0]


def test_two_opposed_one_hots_disagree_by_1_bit():
    probs = sites([A, T], [A, A])
    assert divergence.disagreement(probs, np.full((2, 2), 0.5)).tolist() == [1.0, 0.0]
    assert divergence.pairwise_jsd(probs, np.full((2, 2), 0.5)).tolist() == [1.0, 0.0]


def test_llr_is_the_mean_of_logs_not_the_log_of_the_mean():
    probs = sites([[0.8, 0.2, 0, 0], [0.5, 0.5, 0, 0]])
    x = measures.view_llr(probs, np.array([0]), np.array([1]))
    np.testing.assert_allclose(measures.llr(x, np.array([[0.5, 0.5]])), [-np.log(4) / 2], atol=1e-7)
    np.testing.assert_allclose(
        measures.llr_sd(x, np.array([[0.5, 0.5]])), [np.log(4) / np.sqrt(2)], atol=1e-7
    )


def test_a_12_view_model_does_not_outvote_a_2_view_one():
    probs = np.full((1, 14, 4), 0.25, dtype=np.float32)
    weights = measures.view_weights(probs, np.array([0] * 12 + [1] * 2))
    np.testing.assert_allclose(weights[0], [1 / 24] * 12 + [1 / 4] * 2)


def test_a_failed_view_hands_its_weight_to_its_own_model():
    probs = np.full((1, 4, 4), 0.25, dtype=np.float32)
    probs[0, 0] = np.nan
    np.testing.assert_allclose(
        measures.view_weights(probs, np.array([0, 0, 1, 1]))[0], [0, 0.5, 0.25, 0.25]
    )


def test_margin_stays_finite_where_views_are_equal():
    np.testing.assert_allclose(
        measures.margin(np.array([3.0, -3.0]), np.array([0.0, 4.0]), 3.0), [1.0, 0.6]
    )


def test_a_zero_probability_gives_a_finite_llr():
    measured = measures.view_llr(sites([A]), np.array([0]), np.array([1]))[0, 0]
    assert measured == pytest.approx(np.log(np.finfo(np.float32).tiny))


def test_sign_agreement_counts_zeros_as_nothing():
    views = np.array([[1.0, 2.0, -1.0, 0.0]])
    assert measures.sign_agreement(views, np.full((1, 4), 0.25)).tolist() == [0.25]


def test_surprisal_and_calibration_gap():
    q = np.array([[0.5, 0.25, 0.25, 0.0], UNIFORM])
    assert measures.surprisal(q, np.array([1, 3])).tolist() == [2.0, 2.0]
    assert measures.calibration_gap(q, np.array([1, 3])) == pytest.approx(0.25)
    assert np.isnan(measures.calibration_gap(np.full((1, 4), np.nan), np.array([0])))


def test_local_gain_is_drawn_to_its_class():
    shrunken, upper = measures.shrunken_gain(np.array([1.0]), np.array([-0.5]), n_bases=8)
    assert shrunken[0] == pytest.approx(naive.shrunken_gain(1.0, -0.5, 8)) == pytest.approx(-0.2)
    assert upper[0] == pytest.approx(-0.2 + 1.6449 * 0.2 * 0.3)


def test_strands_are_missing_not_0_for_one_strand_and_for_equivariant_models():
    probs = sites([[0.7, 0.1, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1]])
    ref, alt, one_model = np.array([0]), np.array([1]), np.array([0, 0])
    both = all_measures(probs, ref, alt, one_model, np.array(["+", "-"]))
    assert both["strand_jsd"][0] == both["strand_llr"][0] == 0
    for case in (
        all_measures(probs, ref, alt, one_model, np.array(["+", "+"])),
        all_measures(probs, ref, alt, one_model, np.array(["+", "-"]), np.array([True, True])),
    ):
        assert all(np.isnan(case[name][0]) for name in ("strand_jsd", "strand_llr", "strand_flip"))


def test_one_view_has_no_spread():
    measured = all_measures(
        sites([[0.7, 0.1, 0.1, 0.1]]), np.array([0]), np.array([1]), np.array([0]), np.array(["+"])
    )
    assert all(
        np.isnan(measured[name][0]) for name in ("llr_sd", "dis", "dis_between", "dis_within")
    )
    assert measured["sign_agreement"][0] == 1


# ---- twins


def test_every_measure_equals_its_slow_twin():
    probs, ref, alt = random_alleles()
    equivariant = np.array([False, False, False, True, True, False])
    measured = all_measures(probs, ref, alt, equivariant=equivariant)
    for i in range(len(probs)):
        expected = naive.allele_measures(
            probs[i].astype(float).tolist(),
            MODELS.tolist(),
            STRANDS.tolist(),
            ref[i],
            alt[i],
            equivariant,
        )
        assert measured.keys() == expected.keys()
        for name, value in expected.items():
            assert measured[name][i] == pytest.approx(value, abs=1e-8, nan_ok=True), (name, i)


def test_single_functions_equal_their_twins():
    probs, ref, _ = random_alleles(80, seed=4)
    weights = measures.view_weights(probs, MODELS)
    parts = divergence.disagreement_parts(probs, weights, Views(MODELS, STRANDS))
    mean, dis = measures.mean_distribution(probs, weights), divergence.disagreement(probs, weights)
    pairs = divergence.pairwise_jsd(probs, weights)
    present = np.flatnonzero(weights.sum(axis=1) > 0)
    for i in present:
        views, w = probs[i].astype(float).tolist(), weights[i].tolist()
        assert w == pytest.approx(naive.view_weights(views, MODELS.tolist()))
        assert mean[i] == pytest.approx(naive.mean_distribution(views, w), abs=1e-9)
        assert dis[i] == pytest.approx(naive.disagreement(views, w), abs=1e-8, nan_ok=True)
        for name, value in naive.disagreement_parts(
            views, w, MODELS.tolist(), STRANDS.tolist(), [False] * len(MODELS)
        ).items():
            assert parts[name][i] == pytest.approx(value, abs=1e-8, nan_ok=True)
        assert pairs[i] == pytest.approx(naive.pairwise_jsd(views, w), abs=1e-8, nan_ok=True)
    rest = np.setdiff1d(np.arange(len(probs)), present)
    assert len(rest)
    assert np.isnan(mean[rest]).all()
    assert np.isnan(dis[rest]).all()
    present = present[:20]
    assert measures.calibration_gap(mean[present], ref[present]) == pytest.approx(
        naive.calibration_gap(mean[present], ref[present]), abs=1e-9
    )


# ---- laws


def test_the_parts_of_disagreement_add_up():
    measured = {
        name: np.nan_to_num(values) for name, values in all_measures(*random_alleles()).items()
    }
    np.testing.assert_allclose(
        measured["dis_between"] + measured["dis_within"], measured["dis"], atol=1e-9
    )
    np.testing.assert_allclose(
        measured["dis_strand"] + measured["dis_shift"], measured["dis_within"], atol=1e-9
    )


def test_equal_strands_by_construction_are_no_strand_component():
    probs = sites([[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1]])
    ref, alt, one_model, strands = (
        np.array([0]),
        np.array([1]),
        np.array([0, 0]),
        np.array(["+", "-"]),
    )
    read = all_measures(probs, ref, alt, one_model, strands)
    equivariant = all_measures(probs, ref, alt, one_model, strands, np.array([True, True]))
    assert read["dis_strand"][0] == read["dis"][0] > 0
    assert np.isnan(equivariant["dis_strand"][0])


def test_swapping_ref_and_alt_changes_the_sign_of_llr_and_no_other_bit():
    probs, ref, alt = random_alleles()
    forward, swapped = all_measures(probs, ref, alt), all_measures(probs, alt, ref)
    assert_same_bits(forward, swapped, but=("llr",))
    np.testing.assert_array_equal(forward["llr"], -swapped["llr"])


def test_the_order_of_views_changes_no_bit():
    probs, ref, alt = random_alleles()
    order = np.array([4, 2, 0, 5, 1, 3])
    assert_same_bits(
        all_measures(probs, ref, alt),
        all_measures(probs[:, order], ref, alt, MODELS[order], STRANDS[order]),
    )


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 3, 0, 2]], ids=["complement", "relabelling"])
def test_renaming_the_bases_changes_no_bit(order):
    probs, ref, alt = random_alleles()
    renamed = np.argsort(order)
    assert_same_bits(
        all_measures(probs, ref, alt), all_measures(probs[:, :, order], renamed[ref], renamed[alt])
    )
    if order == [3, 2, 1, 0]:
        assert renamed.tolist() == COMPLEMENT[:4].tolist()


@pytest.mark.parametrize("rows", [1, 2, 7, 64])
def test_splitting_the_rows_changes_no_byte(rows):
    probs, ref, alt = random_alleles(257)
    whole = all_measures(probs, ref, alt)
    parts = [
        all_measures(probs[a : a + rows], ref[a : a + rows], alt[a : a + rows])
        for a in range(0, 257, rows)
    ]
    assert_same_bits(
        whole, {name: np.concatenate([part[name] for part in parts]) for name in whole}
    )


def test_the_chunk_size_changes_no_byte(monkeypatch):
    probs, ref, alt = random_alleles(257)
    whole = all_measures(probs, ref, alt)
    monkeypatch.setattr(measures, "ROWS", 10)
    assert_same_bits(whole, all_measures(probs, ref, alt))


def test_splitting_a_view_into_two_equal_ones_keeps_the_disagreement():
    probs, ref, alt = random_alleles()
    twice = np.repeat(probs, 2, axis=1)
    once, split = (
        all_measures(probs, ref, alt),
        all_measures(twice, ref, alt, np.repeat(MODELS, 2), np.repeat(STRANDS, 2)),
    )
    several = once["n_views"] > 1
    np.testing.assert_allclose(once["dis"][several], split["dis"][several], atol=1e-9)


def test_alt_equal_to_ref_has_llr_0():
    probs, ref, _ = random_alleles()
    measured = all_measures(probs, ref, ref)["llr"]
    assert set(measured[~np.isnan(measured)]) == {0.0}


def test_measures_stay_in_their_ranges_and_no_site_is_infinite():
    measured = all_measures(*random_alleles(2000, seed=2))
    for name, values in measured.items():
        present = values[~np.isnan(values)]
        assert np.isfinite(present).all()
        if name in {m.name for m in columns.MEASURES}:
            entry = columns.column_of(name)
            lowest, highest = entry.bounds
            assert lowest is None or present.min() >= lowest
            assert highest is None or present.max() <= highest + 1e-9


def test_no_alleles_give_no_rows():
    measured = all_measures(np.empty((0, 6, 4), np.float32), np.empty(0, int), np.empty(0, int))
    assert {len(values) for values in measured.values()} == {0}


@pytest.mark.bench
def test_a_million_alleles_take_seconds():
    """Measured: 6 s of one core for 1,000,000 alleles and 10 views; a fifth of that here, with room
    for a slow machine."""
    probs = np.random.default_rng(1).dirichlet(np.ones(4), (200_000, 10)).astype(np.float32)
    models, strands, base = np.arange(10) // 2, np.array(["+", "-"] * 5), np.arange(200_000) % 4
    weights, start = measures.view_weights(probs, models), time.process_time()
    measures.allele_measures(probs, weights, base, (base + 1) % 4, Views(models, strands))
    assert time.process_time() - start < 6


# ---- the table


def test_info_keys_keep_the_order_of_the_first_version():
    first = [
        "GFM_STATUS",
        "GFM_RANK",
        "GFM_CONF",
        "GFM_WHY",
        "GFM_BASIS",
        "GFM_REL",
        "GFM_LLR",
        "GFM_LLR_SD",
        "GFM_PCT",
        "GFM_MODELS_PCT",
        "GFM_MODELS_SD",
        "GFM_ENT",
        "GFM_DIS",
        "GFM_GAIN",
        "GFM_COPIES",
    ]
    assert [key.id for key in columns.INFO_KEYS if key.id in first] == first
    assert {key.number for key in columns.INFO_KEYS} == {"A"}


def test_header_lines_are_well_formed():
    pattern = re.compile(
        r'##INFO=<ID=GFM_[A-Z_]+,Number=A,Type=(Float|Integer|String),Description="[^"\\]+",'
        r'Source="gfmtrust",Version="[0-9.]+">'
    )
    assert all(pattern.fullmatch(line) for line in columns.info_header_lines())


def test_every_entry_tells_its_reader_enough():
    names = [m.name for m in columns.MEASURES]
    assert len(names) == len(set(names))
    for entry in columns.MEASURES:
        assert entry.description[0].isupper()
        assert entry.better in ("low", "high", "none")
        assert not set(entry.description) & set('"\\')


# ---- refusals


@pytest.mark.bad_input
def test_a_voting_view_that_is_nan_is_refused():
    with pytest.raises(ValueError, match="weights: a view that is NaN has a weight above 0"):
        divergence.disagreement(sites([A, [np.nan] * 4]), np.full((1, 2), 0.5))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("argument", "value", "fault"),
    [
        ("probs", np.zeros((2, 6, 5), np.float32), r"probs: shape \(2, 6, 5\)"),
        ("weights", np.zeros((2, 5)), r"weights: shape \(2, 5\); expected \(2, 6\)"),
        ("ref", np.array([0, 4]), r"ref: found 4; expected codes 0\.\.3"),
        ("alt", np.array([-1, 0]), r"alt: found -1"),
        ("alt", np.array([0]), r"alt: shape \(1,\)"),
        ("models", np.array([0]), r"views.models: shape \(1,\)"),
        ("strands", np.array(["+"]), r"views.strands: shape \(1,\)"),
    ],
)
def test_wrong_arguments_are_named_with_what_was_found(argument, value, fault):
    probs = np.full((2, 6, 4), 0.25, np.float32)
    given = {
        "probs": probs,
        "weights": np.full((2, 6), 1 / 6),
        "models": MODELS,
        "strands": STRANDS,
        "ref": np.array([0, 1]),
        "alt": np.array([1, 2]),
        argument: value,
    }
    views = Views(given.pop("models"), given.pop("strands"))
    with pytest.raises(ValueError, match=fault):
        measures.allele_measures(**given, views=views)


@pytest.mark.bad_input
def test_a_site_without_views_is_nan_throughout_and_its_neighbour_is_not():
    probs = np.full((2, 6, 4), 0.25, np.float32)
    probs[0] = np.nan
    measured = all_measures(probs, np.array([0, 0]), np.array([1, 1]))
    assert {name for name, values in measured.items() if not np.isnan(values[0])} == {"n_views"}
    assert measured["ent"][1] == pytest.approx(2.0, abs=1e-9)


@pytest.mark.bad_input
def test_half_a_distribution_is_no_vote():
    probs = sites([A, [0.5, np.nan, 0.5, 0]])
    assert measures.view_weights(probs, np.array([0, 1])).tolist() == [[1.0, 0.0]]


@pytest.mark.bad_input
def test_s0_of_0_an_unknown_measure_and_a_wrong_axis_are_refused():
    with pytest.raises(ValueError, match="s0: found 0"):
        measures.margin(np.ones(1), np.ones(1), 0.0)
    with pytest.raises(ValueError, match="column 'luck' is not in COLUMNS"):
        columns.column_of("luck")
    with pytest.raises(ValueError, match="last axis is 3"):
        measures.entropy(np.ones((2, 3)))


@pytest.mark.parametrize("seed", range(4))
def test_views_without_a_distribution_change_no_entropy_and_no_divergence(seed):
    """Against the same call without those views; their LLRs count with the rest."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(4), (50, 7)).astype(np.float32)
    probs[rng.random((50, 7)) < 0.1] = np.nan
    view_models, strands = (
        np.array([0, 0, 1, 1, 2, 2, 2]),
        np.array(["+", "-", "+", "-", "+", "-", "-"]),
    )
    answering = view_models != 1
    ref = rng.integers(0, 4, 50)
    alt = (ref + 1) % 4
    weights = measures.view_weights(probs, view_models)
    measured = measures.allele_measures(
        probs, weights, ref, alt, Views(view_models, strands, None, answering)
    )
    some = probs[:, answering]
    without = measures.allele_measures(
        some,
        measures.view_weights(some, view_models[answering]),
        ref,
        alt,
        Views(view_models[answering], strands[answering]),
    )
    everyone = measures.allele_measures(probs, weights, ref, alt, Views(view_models, strands))
    for name, values in measured.items():
        is_divergence = name in ("ent", "strand_jsd") or name.startswith("dis")
        np.testing.assert_array_equal(
            values, (without if is_divergence else everyone)[name], err_msg=name
        )


@pytest.mark.bad_input
def test_as_many_views_as_are_said_to_have_a_distribution():
    probs = np.full((2, 3, 4), 0.25, np.float32)
    views = Views(np.zeros(3, int), np.full(3, "+"), None, np.array([True, False]))
    with pytest.raises(ValueError, match="views.distributions"):
        measures.allele_measures(
            probs, np.full((2, 3), 1 / 3), np.zeros(2, int), np.ones(2, int), views
        )
