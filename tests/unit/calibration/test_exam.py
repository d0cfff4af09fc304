"""What the exam withdraws, and what is then written at the alleles: levels contradicted in one
cell, in the whole run, and by the model's memory."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from allele_classes import of_class
from hand_made_calibration import HIGH_AT, MEDIUM_AT, allele, by_hand, certificate, flag
from own_snvs_by_hand import OwnSnvsByHand

from gfmtrust.calibration import flags
from gfmtrust.calibration.exam import examined
from gfmtrust.calibration.ladder import LadderRow
from gfmtrust.calibration.level_cells import level_cells
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.own_alleles import CONFIRMED, CONTRADICTED, NOT_TESTED
from gfmtrust.calibration.record import RunCalibration, Withdrawal

CELLS = ("single_copy/cpg", "single_copy/transition")
NO_PROBES = pd.DataFrame({"llr": [], "local_surprisal": [], "gain": [], "copy_class": []})


def calibration(**changed) -> RunCalibration:
    """HIGH and MEDIUM in both cells."""
    both = (certificate("HIGH", HIGH_AT, CELLS), certificate("MEDIUM", MEDIUM_AT, CELLS))
    return by_hand(certificates=both, **changed)


def snvs(n: int, wrong: int, kind: str = "cpg", rel: float = 0.95) -> list[dict]:
    """n SNVs of that mutation class, at the first `wrong` of which ALT is preferred."""
    row = allele(rel, mutation_class=kind)
    return [row | {"llr": -row["llr"]} for _ in range(wrong)] + [row] * (n - wrong)


def outcomes(result: RunCalibration) -> dict[tuple[str, str], tuple[int, int, str]]:
    return {
        (row.level, row.stratum): (row.n, row.errors, row.outcome) for row in result.own_alleles
    }


def test_a_level_contradicted_in_one_cell_is_withdrawn_there_and_its_alleles_judged_as_medium():
    """10 wrong of 100 are at least 5.5 % and at most 16.4 %: too many for HIGH, fit for MEDIUM."""
    own_snvs = OwnSnvsByHand(snvs(100, 10) + snvs(50, 0, rel=0.8) + snvs(100, 0, "transition"))
    result = examined(calibration(), own_snvs, NO_PROBES, ())
    assert [(one.level, one.stratum, one.reason) for one in result.withdrawals] == [
        ("HIGH", "single_copy/cpg", "OWN_ALLELES")
    ]
    assert outcomes(result) == {
        ("HIGH", "single_copy/cpg"): (100, 10, CONTRADICTED),
        ("HIGH", "single_copy/transition"): (100, 0, CONFIRMED),
        ("MEDIUM", "single_copy/cpg"): (150, 10, CONFIRMED),
    }
    assert list(outcomes(result)) == sorted(outcomes(result))  # HIGH first, then by name
    assert flag(
        result, *snvs(1, 0), *snvs(1, 1), *snvs(1, 0, rel=0.8), *snvs(1, 0, "transition")
    ) == [
        (2, ("OWN_ALLELES",)),
        (2, ("OWN_ALLELES", "ALT_PREFERRED")),
        (2, ("OWN_ALLELES",)),
        (3, ()),
    ]


def test_what_contradicts_medium_too_leaves_low_in_that_cell_alone():
    own_snvs = OwnSnvsByHand(snvs(100, 40) + snvs(100, 0, "transition"))
    result = examined(calibration(), own_snvs, NO_PROBES, ())
    assert [(one.level, one.stratum) for one in result.withdrawals] == [
        ("HIGH", "single_copy/cpg"),
        ("MEDIUM", "single_copy/cpg"),
    ]
    assert flag(result, *snvs(1, 0), *snvs(1, 0, "transition")) == [(1, ("OWN_ALLELES",)), (3, ())]
    assert "40 of 100" in result.withdrawals[0].text


def test_alleles_of_high_that_miss_what_medium_promises_are_low_and_medium_stands_for_the_others():
    """Of 50 alleles of HIGH 30 are wrong, at least 47 %. Among the 1,000 of MEDIUM they are lost:
    130 of 1,050 wrong. They must not carry MEDIUM, which those 1,000 keep (100 wrong)."""
    own_snvs = OwnSnvsByHand(snvs(50, 30) + snvs(1_000, 100, rel=0.8))
    result = examined(calibration(), own_snvs, NO_PROBES, ())
    assert [(one.level, one.is_low) for one in result.withdrawals] == [("HIGH", True)]
    assert outcomes(result) == {
        ("HIGH", "single_copy/cpg"): (50, 30, CONTRADICTED),
        ("MEDIUM", "single_copy/cpg"): (1_000, 100, CONFIRMED),
    }
    assert flag(result, *snvs(1, 0), *snvs(1, 0, rel=0.8), *snvs(1, 0, "transition")) == [
        (1, ("OWN_ALLELES",)),
        (2, ("OWN_ALLELES",)),
        (3, ()),
    ]
    assert RunCalibration.from_dict(result.to_dict()) == result


def test_alleles_of_high_that_prefer_the_rare_reference_are_low_in_every_cell():
    """38 of 40 wrong at HIGH where ALT is common; MEDIUM alone is right in 900 of 1,000."""
    own_snvs = OwnSnvsByHand(snvs(40, 2) + snvs(1_000, 900, rel=0.8), af=np.full(1_040, 0.95))
    result = examined(calibration(), own_snvs, NO_PROBES, ())
    assert [(one.level, one.reason, one.is_low) for one in result.withdrawals] == [
        ("HIGH", "REF_BIAS", True)
    ]
    assert [(row.level, row.alt_common, row.alt_common_errors) for row in result.population] == [
        ("HIGH", 40, 38),
        ("MEDIUM", 1_000, 100),
    ]
    assert flag(result, *snvs(1, 0, "transition"), *snvs(1, 0, "transition", rel=0.8)) == [
        (1, ("REF_BIAS",)),
        (2, ("REF_BIAS",)),
    ]


def test_a_bed_file_with_a_certificate_of_its_own_is_examined_alone():
    """Of the alleles in it 40 of 100 are wrong, elsewhere 20 of 2,000: 60 of 2,100 prove nothing."""
    cells = ("targets:single_copy/cpg", "single_copy/cpg")
    run = by_hand(certificates=tuple(certificate("HIGH", HIGH_AT, (cell,)) for cell in cells))
    inside = [row | {"region_class": "targets"} for row in snvs(100, 40)]
    result = examined(run, OwnSnvsByHand(inside + snvs(2_000, 20)), NO_PROBES, ())
    assert outcomes(result) == {
        ("HIGH", cells[0]): (100, 40, CONTRADICTED),
        ("HIGH", cells[1]): (2_000, 20, CONFIRMED),
    }
    assert flag(result, inside[-1], *snvs(1, 0)) == [(1, ("OWN_ALLELES", "UNCERTIFIED")), (3, ())]
    rows = {row.name: row for row in level_cells(result)}
    assert [rows[cell].own_alleles.errors for cell in cells] == [40, 20]
    assert [rows[cell].is_given for cell in cells] == [False, True]


def test_a_bed_file_that_shares_a_certificate_is_examined_with_the_rest():
    shared = ("few:single_copy/cpg", "single_copy/cpg")
    run = by_hand(certificates=(certificate("HIGH", HIGH_AT, shared),))
    inside = [row | {"region_class": "few"} for row in snvs(10, 2)]
    result = examined(run, OwnSnvsByHand(inside + snvs(90, 18)), NO_PROBES, ())
    assert outcomes(result) == {("HIGH", "single_copy/cpg"): (100, 20, CONTRADICTED)}


def test_medium_may_fall_only_once_the_high_alleles_join_it():
    """Of the MEDIUM ones alone 28 % are wrong, at least 17 %; with those of HIGH at least 25 %."""
    own_snvs = OwnSnvsByHand(snvs(50, 14, rel=0.8) + snvs(100, 35))
    alone = OwnSnvsByHand(snvs(50, 14, rel=0.8))
    assert examined(calibration(), alone, NO_PROBES, ()).withdrawals == ()
    result = examined(calibration(), own_snvs, NO_PROBES, ())
    assert [one.level for one in result.withdrawals] == ["HIGH", "MEDIUM"]
    assert outcomes(result)["MEDIUM", "single_copy/cpg"] == (150, 49, CONTRADICTED)


def test_alleles_under_a_bed_file_lose_the_level_of_their_cell():
    result = replace(
        by_hand(certificates=(certificate("HIGH", HIGH_AT, ("exons:single_copy/cpg", *CELLS)),)),
        withdrawals=(Withdrawal("HIGH", "single_copy/cpg", "OWN_ALLELES", ""),),
    )
    exonic = {"region_class": "exons"}
    assert flag(result, *(row | exonic for row in snvs(1, 0) + snvs(1, 0, "transition"))) == [
        (1, ("UNCERTIFIED",)),  # of a MEDIUM that never was
        (3, ()),  # without probes in exons, it is a transition as everywhere else
    ]
    assert flag(result, *snvs(1, 0, "transition")) == [(3, ())]


def test_a_reference_bias_withdraws_both_levels_from_every_cell():
    """Where ALT is common the model prefers the rare REF: seen at CpG, it holds for the model."""
    own_snvs = OwnSnvsByHand(
        snvs(150, 0) + snvs(60, 0, "transition"), af=np.repeat([0.95, 0.01], [150, 60])
    )
    result = examined(calibration(), own_snvs, NO_PROBES, ())
    assert [(one.level, one.stratum, one.reason) for one in result.withdrawals] == [
        ("HIGH", "", "REF_BIAS"),
        ("MEDIUM", "", "REF_BIAS"),
    ]
    assert (
        flag(result, *snvs(1, 0), *snvs(1, 0, "transition"), *snvs(1, 0, rel=0.6))
        == [(1, ("REF_BIAS",))] * 3
    )
    assert [(row.level, row.alt_common, row.outcome) for row in result.population] == [
        ("HIGH", 150, CONTRADICTED),
        ("MEDIUM", 150, CONTRADICTED),
    ]


def test_a_model_that_knows_the_species_keeps_its_levels():
    own_snvs = OwnSnvsByHand(snvs(150, 150) + snvs(150, 0), af=np.repeat([0.95, 0.01], 150))
    result = examined(calibration(), own_snvs, NO_PROBES, ())
    assert result.withdrawals == ()
    assert [row.outcome for row in result.population] == [CONFIRMED, NOT_TESTED]
    assert outcomes(result) == {("HIGH", "single_copy/cpg"): (150, 0, CONFIRMED)}


def memorised(n: int = 300) -> pd.DataFrame:
    """Probes of a model that knows every letter by heart."""
    return pd.DataFrame(
        {"llr": np.full(n, -9.0), "local_surprisal": 1.9, "gain": 1.85, "copy_class": "single_copy"}
    )


@pytest.mark.parametrize("is_trusted", [False, True])
def test_a_memoriser_loses_high_unless_its_training_is_trusted(is_trusted):
    run = calibration(options=Options(trust_training=is_trusted))
    result = examined(run, OwnSnvsByHand(snvs(100, 0)), memorised(), ())
    assert result.memory.suspected
    assert flag(result, *snvs(1, 0), *snvs(1, 0, rel=0.6)) == [
        (3, ()) if is_trusted else (2, ("MEMORISED",)),
        (1, ("LOW_REL",)),
    ]
    assert set(outcomes(result)) == {("HIGH" if is_trusted else "MEDIUM", "single_copy/cpg")}


def test_levels_by_labels_stand_whatever_is_withdrawn():
    result = replace(
        calibration(),
        withdrawals=tuple(
            Withdrawal(level, stratum, reason, "")
            for level in ("HIGH", "MEDIUM")
            for stratum, reason in (("", "REF_BIAS"), (CELLS[0], "OWN_ALLELES"), ("", "MEMORISED"))
        ),
    )
    table = pd.DataFrame(snvs(1, 0) + snvs(1, 0, rel=0.8))
    by_labels = replace(result.snv, set="labels")
    assert flags.assign(result, table)[0].tolist() == [1, 1]
    assert flags.assign(result, table, by_labels)[0].tolist() == [3, 2]


def test_several_withdrawals_of_a_level_are_all_written_worst_first():
    result = replace(
        calibration(),
        withdrawals=(
            Withdrawal("HIGH", "", "MEMORISED", ""),
            Withdrawal("HIGH", CELLS[0], "OWN_ALLELES", ""),
        ),
    )
    assert flag(result, *snvs(1, 0), *snvs(1, 0, "transition")) == [
        (2, ("OWN_ALLELES", "MEMORISED")),
        (2, ("MEMORISED",)),
    ]


def test_the_exam_survives_the_file():
    ladder = (LadderRow("single_copy", "any letter", 10, 0.1, 0.0, 0.3),)
    own_snvs = OwnSnvsByHand(snvs(100, 40) + snvs(150, 0), af=np.repeat([0.01, 0.95], [100, 150]))
    result = examined(calibration(), own_snvs, memorised(), ladder)
    assert result.withdrawals
    assert result.population
    assert result.ladder == ladder
    assert RunCalibration.from_dict(result.to_dict()) == result


@pytest.mark.bad_input
@pytest.mark.parametrize(("n", "wrong", "stands"), [(1, 1, True), (29, 3, True), (29, 29, False)])
def test_few_alleles_can_contradict_but_not_confirm(n, wrong, stands):
    """At 5 %, one wrong allele of one and 3 of 29 are chance; 29 of 29 are not."""
    result = examined(calibration(), OwnSnvsByHand(snvs(n, wrong)), NO_PROBES, ())
    assert (result.withdrawals == ()) == stands
    if stands:
        assert outcomes(result) == {("HIGH", "single_copy/cpg"): (n, wrong, NOT_TESTED)}


@pytest.mark.bad_input
@pytest.mark.parametrize("rows", [[], [allele(llr=np.nan, **of_class("single_copy"))] * 50])
def test_a_run_without_scored_snvs_is_examined_by_nothing(rows):
    result = examined(calibration(), OwnSnvsByHand(rows), NO_PROBES, ())
    assert (result.own_alleles, result.withdrawals) == ((), ())
    assert result.memory.state == "not tested"


@pytest.mark.bad_input
def test_a_calibration_without_a_score_has_no_level_to_withdraw():
    result = examined(calibration(reliability=None), OwnSnvsByHand(snvs(100, 100)), NO_PROBES, ())
    assert (result.own_alleles, result.withdrawals) == ((), ())
