"""Calibration by labels: honest on made-up labels whose error is known, refused below the minimum,
kept apart from decoys."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_probes import table as features_table
from synthetic_run import fitted as decoys

from gfmtrust.annotate.header_lines import certificate_line, header_lines
from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags, label_calibration, record
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


@pytest.mark.parametrize("by_size", [False, True])
def test_a_flag_certified_on_labels_holds_on_fresh_ones(by_size):
    calibration = label_calibration.fit(labelled(1, by_size=by_size), Options(), by_size)
    assert (calibration.set, calibration.by_size) == ("labels", by_size)
    assert calibration.cut == pytest.approx(1, abs=0.45)
    rows = labelled(2, 20_000, by_size=by_size)
    rank, _ = flags.assign(of_snvs(Options(), calibration), rows)
    score = np.abs(rows["llr"]) if by_size else -rows["llr"]
    wrong = ((score >= calibration.cut) != (rows["label"] == 1)).to_numpy()
    assert (rank == 3).mean() > 0.1
    assert wrong[rank == 3].mean() <= 0.05
    medium = wrong[rank == 2]
    assert (
        len(medium) or by_size
    )  # of lopsided labels the best cut is not the true one, and no band at 20 % is left beside it
    assert wrong[rank == 1].mean() > wrong[rank >= 2].mean()
    assert not len(medium) or 0.05 < medium.mean() <= 0.2


@pytest.mark.long
def test_bounds_are_broken_as_seldom_as_delta_says():
    fresh = labelled(99, 30_000)
    broken = 0
    for seed in range(40):
        calibration = label_calibration.fit(labelled(seed, 2000), Options(seed=seed), False, 1.0)
        rank, _ = flags.assign(of_snvs(Options(), calibration), fresh)
        wrong = ((-fresh["llr"] >= 1) != (fresh["label"] == 1)).to_numpy()
        broken += any(
            (rank == level).any() and wrong[rank == level].mean() > alpha
            for level, alpha in ((3, 0.05), (2, 0.2))
        )
    assert broken <= 8  # two levels at 5 % each and 2 SE


@pytest.mark.long
def test_permuted_labels_earn_no_flag():
    for seed in range(5):
        rows = labelled(seed, 3000)
        rows["label"] = np.random.default_rng(seed).permutation(rows["label"])
        calibration = label_calibration.fit(rows, Options(), False)
        assert set(flags.assign(of_snvs(Options(), calibration), rows)[0].tolist()) == {1}


@pytest.mark.long
def test_no_megabase_is_in_two_splits_and_the_fit_split_chooses_the_cut(monkeypatch):
    seen = {}
    whole = calibration_fit.fit_class

    def spy(table, options):
        seen["table"] = table
        return whole(table, options)

    monkeypatch.setattr(calibration_fit, "fit_class", spy)
    rows = labelled(3)
    calibration = label_calibration.fit(rows, Options(), False)
    part = calibration_fit.splits.split(seen["table"]["block"].to_numpy(), 1)
    in_fit = part == calibration_fit.splits.FIT
    blocks = seen["table"]["pos"] // 1_000_000
    assert not set(blocks[in_fit]) & set(blocks[~in_fit])
    rows["label"] = np.where(
        in_fit, rows["label"], 1 - rows["label"]
    )  # labels of the certification splits swapped: the cut-off stays, the certificates go
    turned = label_calibration.fit(rows, Options(), False)
    assert turned.cut == calibration.cut
    assert not any(one.exists for one in turned.certificates)


def test_errors_are_told_by_direction():
    rows = labelled(4)
    calibration = label_calibration.fit(rows, Options(), False, 0.0)
    assert {(one.level, one.prefers) for one in calibration.directions} == {
        (level, prefers) for level in ("HIGH", "MEDIUM", "LOW") for prefers in ("ALT", "REF")
    }
    assert (
        sum(one.n for one in calibration.directions)
        == calibration.counts.certify_high + calibration.counts.certify_medium
    )
    assert sum(one.errors for one in calibration.directions) > 0


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
    assert (
        "SNV alleles are flagged by labels: HIGH certified at 0.05"
        in record.with_outcome_text(again).outcome
    )
    lines = header_lines(whole, RunFacts(), "x")
    assert sum(",Kind=SNV,Set=labels>" in line for line in lines) == len(by_labels.certificates)
    assert any(line.startswith("##GFM_calibration=<ID=run,Set=decoy+labels,") for line in lines)
    assert "Set=" not in certificate_line("SNV", 1, decoys()[0].snv.certificates[0])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("n_effect", "n_none", "n_blocks", "output"),
    [
        (
            5,
            26,
            20,
            "5 alleles with an effect and 26 without; a calibration needs 200 of each (500 for HIGH to be likely)",
        ),
        (
            199,
            5000,
            20,
            "199 alleles with an effect and 5,000 without; a calibration needs 200 of each",
        ),
        (600, 600, 7, "labels in 7 blocks of 1 Mb; a calibration needs 8"),
        (200, 200, 8, ""),
    ],
)
def test_too_few_labels_are_refused_with_the_number_needed(n_effect, n_none, n_blocks, output):
    label = np.repeat([1, 0], [n_effect, n_none])
    array = label_calibration.refusal(label, np.arange(len(label)) % n_blocks)
    assert array.startswith(output)
    assert bool(array) == bool(output)


@pytest.mark.bad_input
def test_one_locus_that_holds_nearly_all_is_refused():
    label = np.arange(2000) % 2
    assert "cannot be split evenly" in label_calibration.refusal(
        label, np.minimum(np.arange(2000), 8)
    )


@pytest.mark.bad_input
def test_a_region_class_of_one_label_is_warned_of():
    label = np.concatenate([np.ones(1000, int), np.arange(1000) % 2])
    region_class = np.repeat(np.array(["coding", "single_copy"], object), 1000)
    assert label_calibration.warnings(label, region_class) == [
        "region class coding: 100% of its 1,000 labels are 1"
    ]
    assert label_calibration.warnings(label[1500:], region_class[1500:]) == [
        "fewer than 500 alleles of a label: HIGH is unlikely to be certified"
    ]
