"""What headers and reports say of levels by labels: the call, and the requirement that a cell does
not meet."""

from dataclasses import replace

import pytest
from hand_made_calibration import by_hand, certificate

from gfmtrust.calibration.calls import effect_score
from gfmtrust.calibration.class_calibration import LABELS
from gfmtrust.calibration.error_counts import ByLabel, ErrorCount
from gfmtrust.calibration.level_cells import level_cells
from gfmtrust.calibration.outcome import label_sentences
from gfmtrust.calibration.record import LabelCalibrations
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.report.no_high import A_RESULT, why_no_high
from gfmtrust.report.numbers import AlleleNumbers
from gfmtrust.report.wording import verdict

FEW = ByLabel(ErrorCount(19, 0, 0.15), ErrorCount(77, 9, 0.19), 0.05, 19, 9, 0.04)
"""One allele with an effect fewer than a level needs; bound .17."""
WIDE = ByLabel(ErrorCount(100, 30, 0.4), ErrorCount(100, 10, 0.2), 0.05, 70, 10, 1e-9)
COMMON = ByLabel(ErrorCount(100, 5, 0.1), ErrorCount(900, 9, 0.02), 0.05, 20, 19, 0.5)


def by_labels(*certificates, **changed):
    """A calibration whose SNVs are flagged by labels, with these certificates."""
    base = by_hand()
    labelled = replace(base.snv, set=LABELS, certificates=certificates, **changed)
    return replace(base, labels=LabelCalibrations({"SNV": labelled}))


def medium(counts, tested=5):
    return replace(certificate("MEDIUM", None), by_label=counts, tested=tested)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("one", "figures"),
    [
        (medium(FEW), ("19 labelled", "77 without", "20 of each")),
        (medium(WIDE), ("30.0%", "20%")),
        (medium(COMMON), ("20 right", "19 wrong", "0.5")),
        (medium(FEW, tested=0), ("few enough", "600 alleles in the cell")),
    ],
)
def test_a_cell_without_a_level_names_the_requirement_that_it_misses(one, figures):
    run = by_labels(one)
    (cell,) = level_cells(run, {"SNV": run.labels.classes["SNV"]})
    assert all(figure in cell.why_not for figure in figures), cell.why_not
    assert "probe" not in cell.why_not


@pytest.mark.parametrize("by_size", [False, True])
def test_the_sentence_of_labels_states_the_call(by_size):
    """An LLR at the stated cut is called an effect, and one just inside of it is not."""
    given = replace(certificate("MEDIUM", 0.5), by_label=WIDE)
    sentence = label_sentences(by_labels(given, cut=1.5, by_size=by_size))["SNV"]
    sign, stated = (">=", "1.5") if by_size else ("<=", "-1.5")
    assert f"GFM_LLR{'|' if by_size else ''} {sign} {stated}" in sentence
    at_cut = float(stated)
    assert effect_score(at_cut, by_size) >= 1.5 > effect_score(at_cut * 0.99, by_size)


def test_medium_by_labels_is_not_described_by_decoys():
    numbers = AlleleNumbers()
    numbers.statuses.update({Status.SCORED: 10})
    numbers.ranks.update({Rank.MEDIUM: 10})
    given = replace(certificate("MEDIUM", 0.5), by_label=WIDE)
    line = verdict(numbers, by_labels(certificate("HIGH", None), given)).lines[-1]
    assert "labels" in line
    assert "decoy" not in line
    assert "decoy" in verdict(numbers, by_hand(high=None)).lines[-1]


def test_no_number_is_advised_against_where_a_lower_level_exists():
    given = replace(certificate("MEDIUM", 0.5), by_label=WIDE)
    nothing = replace(certificate("HIGH", None), by_label=WIDE)
    assert A_RESULT not in why_no_high(by_labels(nothing, given))
    assert A_RESULT in why_no_high(by_labels(nothing))
