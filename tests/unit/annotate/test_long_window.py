"""A window longer than the model was trained on: every scored site says OOD_WINDOW and none is
HIGH, from score table to report."""

import numpy as np
import pytest
from fake_scores import write_scores
from finished_run import noisy
from hand_made_calibration import allele, by_hand, flag
from planned_run import GENOME, planned, snv_rows

from gfmtrust.annotate import alleles as annotate_alleles
from gfmtrust.calibration import calibrate, caps, record
from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.errors import ConfigurationError
from gfmtrust.core.vocabulary import Rank
from gfmtrust.io import tables
from gfmtrust.report import no_high
from gfmtrust.report import wording as report_wording

pytestmark = pytest.mark.long


def run(tmp_path, trained_bp):
    """A model that is right with confidence at even positions, its windows of 64 letters; returns
    (calibration, sites)."""
    plan_dir, _ = planned(tmp_path, GENOME, [snv_rows(GENOME, range(100, 1_600, 5))], probes=3000)
    write_scores(plan_dir, tmp_path / "scores", "a", noisy, local=1.5, trained_bp=trained_bp)
    scores = ScoreTables([tmp_path / "scores"], ["a"])
    fitted = calibrate.calibrate(plan_dir, scores, tmp_path / "calibration", Options())
    annotate_alleles.annotate_sites(plan_dir, scores, fitted, tmp_path / "sites")
    return fitted, tables.read(tmp_path / "sites" / "sites.parquet").to_pandas()


def test_every_site_of_a_window_beyond_training_says_so(tmp_path):
    within, sites = run(tmp_path / "within", 64)
    assert within.options.long_window == ""
    assert (sites["conf"] == "HIGH").sum() > 100
    assert not sites["why"].str.contains("OOD_WINDOW").any()
    beyond, sites = run(tmp_path / "beyond", 63)
    assert (beyond.options.long_window, beyond.snv.limits.long_window) == ("a", True)
    assert set(sites["conf"]) == {"MEDIUM", "LOW"}
    assert sites["why"].str.split("&").map(lambda codes: "OOD_WINDOW" in codes).all()
    assert "at most MEDIUM: the window is longer than a was trained on" in beyond.outcome
    assert not any(one.exists for one in beyond.snv.certificates if one.level == "HIGH")


def test_the_cap_alone():
    long = by_hand(
        limits=caps.Limits(
            (1.5, 1.9),
            (1.0, 1.99),
            0.05,
            0.2,
            0.3,
            (("single_copy", 0.5),),
            0.4,
            0.3,
            long_window=True,
        )
    )
    assert flag(long, allele(), allele(0.8), allele(0.6), allele(local_surprisal=0.9)) == [
        (2, ("OOD_WINDOW",)),
        (2, ("LOW_REL", "OOD_WINDOW")),
        (1, ("LOW_REL", "OOD_WINDOW")),
        (1, ("OOD_WINDOW",)),
    ]
    assert flag(long, allele(local_surprisal=np.nan)) == [(2, ("OOD_WINDOW",))]


def test_the_report_says_why_and_the_file_keeps_it():
    result = record.with_outcome_text(by_hand(options=Options(long_window="a, b")))
    assert (
        no_high.why_no_high(result)[0]
        == "the window is longer than a, b was trained on, so no flag is above MEDIUM."
    )
    assert (
        report_wording.level_text(Rank.HIGH, result)
        == "Not given in this run: the window is longer than a, b was trained on."
    )
    assert RunCalibration.from_dict(result.to_dict()).options.long_window == "a, b"
    both = Options(background="chr1.fa", long_window="a")
    assert both.at_most_medium == "context model and probes come from chr1.fa"
    assert Options().at_most_medium == ""


@pytest.mark.bad_input
def test_a_calibration_with_a_note_of_another_name_is_refused():
    content = by_hand(options=Options(long_window="a")).to_dict()
    content["options"]["long_windows"] = content["options"].pop("long_window")
    with pytest.raises(ConfigurationError, match="long_windows"):
        RunCalibration.from_dict(content)
