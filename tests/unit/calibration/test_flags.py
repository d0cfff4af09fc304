"""Flags and reasons allele by allele, on a calibration written by hand: each cap alone, then
together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from allele_classes import of_class
from hand_made_calibration import (
    HIGH_AT,
    MEDIUM_AT,
    allele,
    by_hand,
    certificate,
    changed_calibration,
    flag,
)
from simulated_probes import features_of, skilled, useless

from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags, record, splits
from gfmtrust.calibration.caps import caps, measure_limits
from gfmtrust.calibration.label_blocks import Locus
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.reliability import Term
from gfmtrust.calibration.shift import shift_test
from gfmtrust.core.vocabulary import Why


@pytest.mark.parametrize(
    ("rel", "expected"),
    [
        (0.95, (3, ())),
        (0.9001, (3, ())),
        (0.8999, (2, ("LOW_REL",))),
        (0.7001, (2, ("LOW_REL",))),
        (0.6999, (1, ("LOW_REL",))),
        (0.5, (1, ("LOW_REL",))),
    ],
)
def test_the_rank_follows_the_thresholds(rel, expected):
    assert flag(by_hand(), allele(rel)) == [expected]


@pytest.mark.parametrize(
    ("changed", "rank", "why"),
    [
        ({"local_surprisal": 1.45}, 2, "OOD_WINDOW"),
        ({"local_surprisal": 1.95}, 2, "OOD_WINDOW"),
        ({"local_surprisal": 0.9}, 1, "OOD_WINDOW"),
        ({"local_surprisal": 2.0}, 1, "OOD_WINDOW"),
        ({"ent": np.nan}, 2, "NO_DISTRIBUTION"),
        ({"gain": -3.0}, 2, "NO_GAIN"),
        ({"strand_flip": 1.0, "strand_llr": 0.41}, 2, "STRAND"),
        ({"near_edge": True}, 2, "NEAR_EDGE"),
        ({"n_share": 0.011}, 2, "N_IN_WINDOW"),
    ],
)
def test_each_cap_alone(changed, rank, why):
    assert flag(by_hand(), allele(**changed)) == [(rank, (why,))]


@pytest.mark.parametrize(
    "changed",
    [
        {"strand_flip": 1.0, "strand_llr": 0.39},
        {"strand_flip": 0.0, "strand_llr": 5.0},
        {"n_share": 0.01},
        {"dis": 1.0},
        {"ent": 1.99},
        {"sign_agreement": 0.2},
        {"gain": -2.0},
        {"local_surprisal": np.nan},
        {"strand_flip": np.nan, "strand_llr": np.nan, "strand_jsd": np.nan},
        {"gain": np.nan},
        {"dis": np.nan, "llr_sd": np.nan},
    ],
)
def test_what_is_not_enough_for_a_cap_or_only_explains_leaves_high_alone(changed):
    assert flag(by_hand(), allele(**changed)) == [(3, ())]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"dis": 0.31}, ("LOW_REL", "DISAGREE")),
        ({"sign_agreement": 0.59}, ("LOW_REL", "DISAGREE")),
        ({"ent": 1.91}, ("LOW_REL", "HIGH_ENTROPY")),
        (
            {"dis": 0.31, "ent": 1.91, "near_edge": True, "n_share": 0.5},
            ("LOW_REL", "NEAR_EDGE", "N_IN_WINDOW", "DISAGREE"),
        ),
    ],
)
def test_explanations_are_told_where_the_flag_is_down_worst_first_and_at_most_four(changed, why):
    assert flag(by_hand(), allele(0.6, **changed)) == [(1, why)]


def test_the_worst_four_of_all_reasons():
    everything = allele(
        0.6,
        local_surprisal=0.5,
        gain=-9.0,
        strand_flip=1.0,
        strand_llr=9.0,
        near_edge=True,
        n_share=0.5,
        dis=1.0,
        ent=2.0,
    )
    assert flag(by_hand(), everything) == [(1, ("LOW_REL", "OOD_WINDOW", "NO_GAIN", "STRAND"))]


@pytest.mark.parametrize(
    ("high", "medium", "expected"),
    [
        (None, MEDIUM_AT, [(2, ("UNCERTIFIED",)), (2, ("UNCERTIFIED",)), (1, ("LOW_REL",))]),
        (HIGH_AT, None, [(3, ()), (1, ("UNCERTIFIED",)), (1, ("UNCERTIFIED",))]),
        (None, None, [(1, ("UNCERTIFIED",))] * 3),
    ],
)
def test_uncertified_is_a_level_that_does_not_exist_and_low_rel_one_not_reached(
    high, medium, expected
):
    assert flag(by_hand(high, medium), allele(0.95), allele(0.8), allele(0.6)) == expected


def test_a_capped_allele_is_low_where_medium_does_not_exist():
    assert flag(by_hand(medium=None), allele(near_edge=True)) == [(1, ("UNCERTIFIED", "NEAR_EDGE"))]


# ---- copies


def in_near_copies(**changed):
    """The calibration by hand, of alleles with near copies, and what is `changed` of its limits."""
    names = ("near_copy",)
    result = by_hand(
        certificates=(certificate("HIGH", HIGH_AT, names), certificate("MEDIUM", MEDIUM_AT, names))
    )
    return changed_calibration(result, limits=replace(result.snv.limits, **changed))


COPY = of_class("near_copy") | {"copies": 3}


def test_a_near_copy_is_at_most_medium_unless_copied_high_is_given():
    assert flag(in_near_copies(), allele(**COPY), allele(0.6, **COPY)) == [
        (2, ("COPIED",)),
        (1, ("LOW_REL", "COPIED")),
    ]
    assert flag(in_near_copies(copied_high=True), allele(**COPY)) == [(3, ())]


def test_copied_high_of_the_options_reaches_the_limits():
    probes = skilled(np.random.default_rng(6), 400)
    for copied_high in (False, True):
        limits = measure_limits(
            probes, probes["block"].to_numpy(), Options(copied_high=copied_high)
        )
        cap, _ = caps(limits, pd.DataFrame([allele(**COPY)]))
        assert cap.tolist() == [3 if copied_high else 2]


@pytest.mark.parametrize("copied_high", [False, True])
def test_the_letter_of_the_other_copy_is_low_whatever_is_given(copied_high):
    (rank, why), plain = flag(
        in_near_copies(copied_high=copied_high),
        allele(**COPY | {"paralog": True}),
        allele(**COPY),
    )
    assert rank == 1
    assert why[0] == "PARALOG"
    assert plain[0] == (3 if copied_high else 2)


def test_a_repeat_family_is_not_capped():
    result = by_hand(certificates=(certificate("HIGH", HIGH_AT, ("repeat_family",)),))
    assert flag(result, allele(**of_class("repeat_family"))) == [(3, ())]


# ---- the remark


def test_alt_preferred_stands_beside_high_and_behind_four_reasons():
    towards_alt = {"llr": 3.0}  # of reliability .953
    everything = allele(
        0.6, gain=-9.0, local_surprisal=0.5, near_edge=True, n_share=0.5, dis=1.0
    ) | {"llr": 0.4}
    assert flag(by_hand(), allele(**towards_alt), allele(llr=2.0), everything) == [
        (3, ("ALT_PREFERRED",)),
        (2, ("LOW_REL", "ALT_PREFERRED")),
        (1, ("LOW_REL", "OOD_WINDOW", "NO_GAIN", "NEAR_EDGE", "ALT_PREFERRED")),
    ]


@pytest.mark.bad_input
@pytest.mark.parametrize("llr", [0.0, -0.0, np.nan])
def test_no_preference_is_no_preference_of_alt(llr):
    ((_, why),) = flag(by_hand(), allele(llr=llr))
    assert "ALT_PREFERRED" not in why


# ---- what the level was certified on


def test_the_basis_is_that_of_the_class_and_missing_where_nothing_was_scored():
    rank = np.array([3, 1, 0], np.uint8)
    for changed, expected in (
        ({}, "DECOY"),
        ({"set": "labels"}, "LABELS"),
        ({"set": "labels", "loci": (Locus(0, 0, 1_000),)}, "LABELS(locus)"),
        ({"loci": (Locus(0, 0, 1_000),)}, "DECOY"),
    ):
        result = replace(by_hand().snv, **changed)
        assert flags.basis(result, rank).tolist() == [expected, expected, None]


def test_a_model_without_gain_says_so_at_every_allele():
    result = by_hand(limits=replace(by_hand().snv.limits, model_gain=-0.01))
    assert flag(result, allele(gain=5.0)) == [(2, ("NO_GAIN",))]


def test_a_refused_or_unseen_stratum_is_uncertified():
    pooled = (
        certificate("HIGH", HIGH_AT, ("repeat", "single_copy"), ("repeat",)),
        certificate("MEDIUM", MEDIUM_AT, ("repeat", "single_copy")),
    )
    result = by_hand(certificates=pooled)
    assert flag(result, allele(), allele(**of_class("repeat")), allele(**of_class("moon"))) == [
        (3, ()),
        (2, ("UNCERTIFIED",)),
        (1, ("UNCERTIFIED",)),
    ]


def test_the_guard_band_gives_the_lower_flag():
    result = by_hand(options=Options(guard_band=0.02))
    assert flag(result, allele(0.93), allele(0.91), allele(0.71)) == [
        (3, ()),
        (2, ("LOW_REL",)),
        (1, ("LOW_REL",)),
    ]


@pytest.mark.parametrize(
    ("medium", "guard", "stated"),
    [
        (MEDIUM_AT, 0.0, False),
        (None, 0.0, True),
        (MEDIUM_AT, (HIGH_AT - MEDIUM_AT) / 2 - 1e-9, False),
        (MEDIUM_AT, (HIGH_AT - MEDIUM_AT) / 2 + 1e-9, True),
    ],
)
def test_a_cut_off_between_high_and_low_is_told(medium, guard, stated):
    """A number that is off by no more than the guard band turns HIGH into MEDIUM, where that is
    wide enough."""
    result = record.with_outcome_text(by_hand(medium=medium, options=Options(guard_band=guard)))
    assert ("HIGH borders on LOW in single_copy: " in result.outcome) == stated


@pytest.mark.long
def test_a_number_off_by_the_guard_band_turns_no_high_into_low():
    result = by_hand(options=Options(guard_band=0.01))
    for rel in np.arange(0.52, 0.98, 0.001):
        here, above, below = (flag(result, allele(rel + off))[0][0] for off in (0, 0.01, -0.01))
        assert max(here, above, below) - min(here, above, below) <= 1


def test_shift_puts_all_at_low():
    fired = shift_test(np.linspace(3, 4, 100), np.linspace(1, 2, 100))
    assert flag(by_hand(shift=fired), allele(), allele(near_edge=True)) == [
        (1, ("SHIFT",)),
        (1, ("SHIFT", "NEAR_EDGE")),
    ]


def test_withheld_high_is_uncertified():
    result = record.withhold_high(by_hand(), "background taken from another file")
    assert flag(result, allele(), allele(0.8)) == [(2, ("UNCERTIFIED",)), (2, ("UNCERTIFIED",))]
    assert "background taken from another file" in result.outcome


def test_every_flag_below_high_has_a_reason_and_high_has_none_but_the_remark():
    rng = np.random.default_rng(1)
    result = calibration_fit.fit(skilled(rng, 4000))
    rank, why = flags.assign(result, features_of(skilled(rng, 3000)))
    assert {3, 1} <= set(rank.tolist())
    assert all(
        any(code != Why.ALT_PREFERRED for code in reasons) == (value < 3)
        for value, reasons in zip(rank.tolist(), why, strict=True)
    )
    assert {code for reasons in why for code in reasons} <= {str(code) for code in Why}
    assert max(sum(code != Why.ALT_PREFERRED for code in reasons) for reasons in why) <= 4


def test_adding_any_reason_never_raises_a_flag():
    rng = np.random.default_rng(2)
    result = calibration_fit.fit(skilled(rng, 4000).assign(near_edge=rng.random(4000) < 0.1))
    plain = features_of(skilled(rng, 2000))
    # a predictor may move the reliability; with its coefficient at 0 only the cap is left
    still = changed_calibration(
        result,
        reliability=replace(
            result.snv.reliability,
            terms=tuple(
                replace(term, coefficient=0.0) if term.name not in ("abs_llr", "margin") else term
                for term in result.snv.reliability.terms
            ),
        ),
    )
    before = flags.assign(still, plain)[0]
    for name, value in (
        ("near_edge", True),
        ("n_share", 0.5),
        ("local_surprisal", 9.0),
        ("gain", -50.0),
        ("ent", 2.0),
        ("dis", 2.0),
        ("sign_agreement", 0.0),
    ):
        assert (flags.assign(still, plain.assign(**{name: value}))[0] <= before).all(), name


def test_flags_do_not_depend_on_the_rows_beside_them():
    rng = np.random.default_rng(3)
    result, alleles = calibration_fit.fit(skilled(rng, 2000)), features_of(skilled(rng, 60))
    rank, why = flags.assign(result, alleles)
    one_by_one = [flags.assign(result, alleles[i : i + 1]) for i in range(60)]
    assert rank.tolist() == [one[0][0] for one in one_by_one]
    assert why == [one[1][0] for one in one_by_one]


def test_probes_and_alleles_go_through_the_same_rule():
    """The HIGH probes of the split that certifies HIGH that were counted are exactly those that `assign` would flag
    HIGH."""
    probes = skilled(np.random.default_rng(4), 6000, classes=("single_copy",))
    probes = probes.sort_values(
        ["contig_index", "pos", "real", "decoy", "run_oriented"], kind="stable", ignore_index=True
    )
    result = calibration_fit.fit(probes)
    part = splits.split(probes["block"].to_numpy(), result.options.seed)
    rank, _ = flags.assign(result, probes)
    for level, half in ((3, splits.CERTIFY_HIGH), (2, splits.CERTIFY_MEDIUM)):
        counted = next(
            c for c in result.snv.certificates if c.level == {3: "HIGH", 2: "MEDIUM"}[level]
        )
        assert counted.threshold is not None
        subset = (rank == level) & (part == half)
        assert (subset.sum(), (subset & ~(probes["llr"] < 0)).sum()) == (
            counted.balanced.n,
            counted.balanced.errors,
        )
        assert (subset & probes["run_oriented"]).sum() == counted.run.n


def test_null_controls_are_counted():
    rng = np.random.default_rng(5)
    result = flags.control_verdict(
        by_hand(),
        "random weights",
        features_of(useless(rng, 400, "noise")).assign(**of_class("single_copy")),
    )
    assert result.n == 400
    assert result.n_high > 0  # thresholds by hand certify nothing: the hook sees it
    assert result.error == pytest.approx(0.5, abs=0.1)


# ---- bad input


@pytest.mark.bad_input
def test_an_allele_without_llr_is_not_scored_and_has_no_reason():
    assert flag(by_hand(), allele(llr=np.nan), allele()) == [(0, ()), (3, ())]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "name",
    ["llr", "near_edge", "region_class", "copy_class", "mutation_class", "paralog", "strand_flip"],
)
def test_a_missing_column_is_named(name):
    with pytest.raises(ValueError, match=f"features: columns {name} are missing"):
        flags.assign(by_hand(), pd.DataFrame([allele()]).drop(columns=name))


@pytest.mark.bad_input
def test_no_alleles_give_no_flags():
    rank, why = flags.assign(by_hand(), pd.DataFrame([allele()])[:0])
    assert (rank.tolist(), why) == ([], [])


@pytest.mark.bad_input
@pytest.mark.parametrize("missing", [None, np.nan])
@pytest.mark.parametrize("name", ["region_class", "copy_class"])
def test_a_class_that_is_missing_is_uncertified(name, missing):
    assert flag(by_hand(), allele(**{name: missing}), allele()) == [(1, ("UNCERTIFIED",)), (3, ())]


@pytest.mark.bad_input
def test_a_calibration_without_a_score_flags_nothing():
    assert flag(by_hand(reliability=None), allele()) == [(1, ("UNCERTIFIED",))]


@pytest.mark.bad_input
def test_a_missing_predictor_is_uncertified_never_imputed():
    score = replace(
        by_hand().snv.reliability,
        terms=(*by_hand().snv.reliability.terms, Term("gain", 1.0, 0.0, 1.0, -1.0, 1.0)),
    )
    assert flag(by_hand(reliability=score), allele(gain=np.nan)) == [(1, ("UNCERTIFIED",))]


@pytest.mark.bad_input
def test_a_null_control_without_probes_has_no_error():
    assert flags.control_verdict(by_hand(), "none", pd.DataFrame([allele()])[:0]).error is None
