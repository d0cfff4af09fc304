"""Calibration by labels: honest on made-up labels whose error is known, refused below the minimum,
kept apart from decoys."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_probes import table as features_table
from synthetic_run import fitted as decoys

from gfmtrust.annotate.header_lines import certificate_line, header_lines
from gfmtrust.calibration import flags, label_calibration, record, splits
from gfmtrust.calibration.label_blocks import Blocks, blocks_of
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import LabelCalibrations, RunCalibration, of_snvs
from gfmtrust.calibration.shift import shift_test
from gfmtrust.core.contracts.run import RunFacts


def labelled(seed, n=6000, n_blocks=60, cut=1.0, by_size=False, skill=3.0):
    """Labelled alleles over blocks of 1 Mb; the call against the cut is right with chance
    sigmoid(skill x distance)."""
    rng = np.random.default_rng(seed)
    score = rng.normal(cut, 1.5, n) if not by_size else rng.gamma(2, 1, n)
    wrong = 1 / (1 + np.exp(skill * np.abs(score - cut)))
    label = (score >= cut) ^ (rng.random(n) < wrong)
    rows = features_table(
        rng,
        rng.choice([-1, 1], n) * score if by_size else -score,
        np.ones(n, bool),
        1,
        ("single_copy", "repeat_family"),
    )
    pos = np.sort(rng.integers(0, n_blocks * 1_000_000, n))
    return rows.assign(pos=pos, label=label.astype(int)).drop(
        columns=["block", "real", "decoy", "run_oriented"]
    )


def balanced(wrong, label):
    """The mean of the two labels' errors."""
    return (wrong[label == 1].mean() + wrong[label == 0].mean()) / 2


@pytest.mark.long
@pytest.mark.parametrize(("by_size", "skill"), [(False, 2.0), (True, 6.0)])
def test_a_flag_certified_on_labels_holds_on_fresh_ones(by_size, skill):
    rows = labelled(1, by_size=by_size, skill=skill)
    result = label_calibration.fit(rows, Options(), by_size)
    assert (result.set, result.by_size, result.locus) == ("labels", by_size, False)
    assert result.cut == pytest.approx(1, abs=0.45)
    fresh = labelled(2, 20_000, by_size=by_size, skill=skill)
    rank, _ = flags.assign(of_snvs(Options(), result), fresh)
    score = (np.abs(fresh["llr"]) if by_size else -fresh["llr"]).to_numpy()
    label = fresh["label"].to_numpy()
    wrong = (score >= result.cut) != (label == 1)
    assert (rank >= 2).mean() > 0.1
    for level, alpha in ((3, 0.05), (2, 0.2)):
        if (rank == level).any():
            assert balanced(wrong[rank == level], label[rank == level]) <= alpha
    assert wrong[rank == 1].mean() > wrong[rank >= 2].mean()


@pytest.mark.long
@pytest.mark.parametrize(("n", "most"), [(12, 4), pytest.param(40, 8, marks=pytest.mark.slow)])
def test_bounds_are_broken_as_seldom_as_delta_says(n, most):
    """Two levels at 5 % each, and two standard errors."""
    fresh = labelled(99, 30_000)
    broken = 0
    for seed in range(n):
        result = label_calibration.fit(labelled(seed, 2000), Options(seed=seed), False, 1.0)
        rank, _ = flags.assign(of_snvs(Options(), result), fresh)
        label = fresh["label"].to_numpy()
        wrong = (-fresh["llr"].to_numpy() >= 1) != (label == 1)
        broken += any(
            (rank == level).any() and balanced(wrong[rank == level], label[rank == level]) > alpha
            for level, alpha in ((3, 0.05), (2, 0.2))
        )
    assert broken <= most


@pytest.mark.long
def test_permuted_labels_earn_no_flag():
    for seed in range(5):
        rows = labelled(seed, 3000)
        rows["label"] = np.random.default_rng(seed).permutation(rows["label"])
        result = label_calibration.fit(rows, Options(), False)
        assert set(flags.assign(of_snvs(Options(), result), rows)[0].tolist()) == {1}


@pytest.mark.long
def test_no_megabase_is_in_two_splits_and_the_fit_split_chooses_the_cut():
    rows = labelled(3)
    result = label_calibration.fit(rows, Options(), False)
    in_fit = splits.split(blocks_of(rows).index, 1) == splits.FIT
    megabase = rows["pos"].to_numpy() // 1_000_000
    assert not set(megabase[in_fit]) & set(megabase[~in_fit])
    # labels of the certification splits swapped: the cut-off stays, the certificates go
    rows["label"] = np.where(in_fit, rows["label"], 1 - rows["label"])
    turned = label_calibration.fit(rows, Options(), False)
    assert turned.cut == result.cut
    assert turned.reliability == result.reliability
    assert not any(one.exists for one in turned.certificates)


@pytest.mark.long
def test_errors_are_told_by_direction():
    rows = labelled(4)
    result = label_calibration.fit(rows, Options(), False, 0.0)
    assert {(one.level, one.prefers) for one in result.directions} == {
        (level, prefers) for level in ("HIGH", "MEDIUM", "LOW") for prefers in ("ALT", "REF")
    }
    assert (
        sum(one.n for one in result.directions)
        == result.counts.certify_high + result.counts.certify_medium
    )
    assert sum(one.errors for one in result.directions) > 0


@pytest.mark.long
def test_the_file_gives_the_same_flags_and_decoys_stay_for_regions():
    by_labels = label_calibration.fit(labelled(5), Options(), False)
    whole = replace(decoys()[0], labels=LabelCalibrations({"SNV": by_labels}))
    again = RunCalibration.from_dict(whole.to_dict())
    assert again == whole
    assert again.of_class("SNV") == by_labels
    rows = labelled(6, 500)
    assert (
        flags.assign(again, rows, again.of_class("SNV"))[0]
        == flags.assign(of_snvs(Options(), by_labels), rows)[0]
    ).all()
    assert (flags.assign(again, rows)[0] == flags.assign(decoys()[0], rows)[0]).all()
    shifted = record.with_shift(
        again,
        shift_test(np.full(500, 9.0), np.random.default_rng(1).normal(1.8, 0.1, 500)),
    )
    assert set(flags.assign(shifted, rows, shifted.of_class("SNV"))[0].tolist()) == {1}
    outcome = record.with_outcome_text(again).outcome
    assert f"GFM_LLR <= {-by_labels.cut:.4g}" in outcome
    assert "HIGH certified at 0.05 (mean of the errors of both labels)" in outcome
    lines = header_lines(whole, RunFacts(), "x")
    assert sum(",Kind=SNV,Set=labels," in line for line in lines) == len(by_labels.certificates)
    assert any(line.startswith("##GFM_calibration=<ID=run,Set=decoy+labels,") for line in lines)
    assert "Set=" not in certificate_line("SNV", 1, decoys()[0].snv.certificates[0])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("n_effect", "n_none", "n_blocks", "stated"),
    [
        (
            5,
            26,
            20,
            "5 alleles with an effect and 26 without; a calibration needs 200 of each (1,000 for HIGH to be likely)",
        ),
        (
            199,
            5000,
            20,
            "199 alleles with an effect and 5,000 without; a calibration needs 200 of each",
        ),
        (600, 600, 7, "labels in 7 blocks of 1 Mb; a calibration needs 8 blocks of 1 Mb"),
        (200, 200, 8, ""),
    ],
)
def test_too_few_labels_are_refused_with_the_number_needed(n_effect, n_none, n_blocks, stated):
    label = np.repeat([1, 0], [n_effect, n_none])
    result = label_calibration.refusal(label, Blocks(np.arange(len(label)) // 2 % n_blocks))
    assert result.startswith(stated)
    assert bool(result) == bool(stated)


@pytest.mark.bad_input
def test_one_locus_that_holds_nearly_all_is_refused():
    label = np.arange(2000) % 2
    assert "cannot be split evenly" in label_calibration.refusal(
        label, Blocks(np.minimum(np.arange(2000), 8))
    )


@pytest.mark.bad_input
def test_a_region_class_of_one_label_is_warned_of():
    label = np.concatenate([np.ones(1000, int), np.arange(1000) % 2])
    region_class = np.repeat(np.array(["coding", "single_copy"], object), 1000)
    assert label_calibration.warnings(np.tile(label, 2), np.tile(region_class, 2)) == [
        "region class coding: 100% of its 2,000 labels are 1"
    ]
    assert label_calibration.warnings(label[1500:], region_class[1500:]) == [
        "fewer than 1,000 alleles of a label: HIGH is unlikely to be certified"
    ]
