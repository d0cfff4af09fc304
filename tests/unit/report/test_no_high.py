"""Why nothing is HIGH: each class of variant has the reason of the calibration that flags it."""

from dataclasses import replace

import numpy as np
import pytest
from hand_made_calibration import by_hand, certificate

from gfmtrust.calibration.class_calibration import LABELS, SplitCounts
from gfmtrust.calibration.record import LabelCalibrations, Withdrawal
from gfmtrust.core.contracts.counts import PublishedFile, RegionCounts
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.report.no_high import REGION_BASES, why_no_high
from gfmtrust.report.numbers import AlleleNumbers
from gfmtrust.report.wording import verdict

HIGH, NO_HIGH = certificate("HIGH", 0.9), certificate("HIGH", None)
NOT_REACHED, GUESSES = "of this run reaches it", "cannot distinguish"


def run_of(**certificates):
    """A calibration with one certificate for each class of variant."""
    base = by_hand()
    classes = {name: replace(base.snv, certificates=(one,)) for name, one in certificates.items()}
    return replace(base, classes=base.classes | classes)


def reason(calibration, kind) -> str:
    return " ".join(why_no_high(calibration, [kind]))


def counted(**by_kind) -> AlleleNumbers:
    """A run with so many scored alleles of each class, all LOW."""
    numbers = AlleleNumbers()
    n = sum(by_kind.values())
    numbers.statuses.update({Status.SCORED: n})
    numbers.ranks.update({Rank.LOW: n})
    for name, count in by_kind.items():
        numbers.kinds.add(np.zeros(count, np.int64), [name], np.full(count, Rank.LOW))
    return numbers


def bed(scored: int = 50, high: int = 0, intervals: int = 4) -> RegionCounts:
    ranks = {rank.name: 0 for rank in Rank} | {"HIGH": high, "LOW": intervals - high}
    return RegionCounts(
        kind=RegionCounts.KIND,
        id="a",
        input="a.bed",
        output=PublishedFile("a.gfm.bed.gz", 1, "0"),
        sorted=True,
        newline_added=False,
        index=None,
        warnings=(),
        statuses={"SCORED": intervals},
        ranks=ranks,
        intervals=intervals,
        carried=0,
        bases=60,
        scored_bases=scored,
        means={},
    )


def test_each_class_has_the_reason_of_its_own_decoys():
    run = run_of(SNV=HIGH, MNV=NO_HIGH, INS=NO_HIGH, DEL=HIGH)
    assert [NOT_REACHED in reason(run, kind) for kind in ("SNV", REGION_BASES, "DEL")] == [True] * 3
    assert [GUESSES in reason(run, kind) for kind in ("MNV", "INS")] == [True] * 2
    both = why_no_high(run, ["SNV", "DEL", "MNV", "INS"])
    assert [line.split(":")[0] for line in both[1:3]] == ["SNV, DEL", "MNV, INS"]
    assert NOT_REACHED in both[1]
    assert GUESSES in both[2]


def test_one_reason_for_all_classes_is_said_once():
    run = run_of(SNV=NO_HIGH)
    assert why_no_high(run, ["SNV", REGION_BASES]) == why_no_high(run, ["SNV"])


def test_a_withdrawn_level_is_not_called_unreached():
    row = Withdrawal("HIGH", "single_copy", "OWN_ALLELES", "the run's own alleles err more")
    run = replace(run_of(SNV=HIGH, DEL=NO_HIGH), withdrawals=(row,))
    assert "withdrawn (single_copy: the run's own alleles err more)" in reason(run, "SNV")
    assert GUESSES in reason(run, "DEL")


def test_region_bases_have_the_reason_of_decoys_and_snvs_that_of_their_labels():
    run = run_of(SNV=NO_HIGH)
    labels = replace(run.snv, set=LABELS, certificates=(HIGH,))
    run = replace(run, labels=LabelCalibrations({"SNV": labels}))
    assert NOT_REACHED in reason(run, "SNV")
    assert GUESSES in reason(run, REGION_BASES)
    of_locus = replace(run, labels=LabelCalibrations({"SNV": replace(labels, loci=("a locus",))}))
    names = [line.split(":")[0] for line in why_no_high(of_locus, ["SNV"])[1:3]]
    assert names == ["SNV of the labelled loci", "SNV elsewhere"]


def test_labels_that_certify_nothing_are_named():
    run = run_of(SNV=HIGH)
    labels = replace(run.snv, set=LABELS, certificates=(NO_HIGH,))
    run = replace(run, labels=LabelCalibrations({"SNV": labels}))
    assert "labels could not certify" in reason(run, "SNV")
    assert NOT_REACHED in reason(run, REGION_BASES)


def test_deletions_that_insertions_do_not_confirm_say_so():
    refused = certificate("HIGH", 0.9, refused=("single_copy",))
    run = run_of(SNV=HIGH, DEL=refused, INS=NO_HIGH)
    assert "for DEL alone, and it is given only where INS" in reason(run, "DEL")
    assert GUESSES in reason(run, "INS")


@pytest.mark.bad_input
def test_a_class_without_enough_decoys_says_so():
    run = run_of(SNV=HIGH, MNV=replace(NO_HIGH, tested=0))
    assert "enough probes" in reason(run, "MNV")
    assert "No probe" in reason(run, "COMPLEX")
    few = replace(run.snv, certificates=(), counts=SplitCounts(30, 0, 10, 10, 10, 3))
    run = replace(run, classes=run.classes | {"DEL": few})
    assert "3 usable blocks" in reason(run, "DEL")


def test_the_verdict_names_the_classes_that_the_run_scored():
    run = run_of(SNV=NO_HIGH, DEL=HIGH)
    assert NOT_REACHED in verdict(counted(DEL=3), run).headline
    assert GUESSES in verdict(counted(SNV=3), run).headline
    assert GUESSES not in verdict(counted(DEL=3), run, [bed(high=1)]).headline
    differing = verdict(counted(DEL=3), run, [bed()])
    assert {line.split(":")[0] for line in differing.lines} >= {"DEL", REGION_BASES}


def test_a_run_of_regions_alone_has_a_verdict_on_its_regions():
    nothing = AlleleNumbers()
    assert NOT_REACHED in verdict(nothing, run_of(SNV=HIGH), [bed()]).headline
    some = verdict(nothing, run_of(SNV=HIGH), [bed(high=1), bed()])
    assert (some.headline, some.any_high) == ("1 of 8 regions are HIGH (12.5%).", True)


@pytest.mark.bad_input
@pytest.mark.parametrize("beds", [(), (bed(scored=0),)])
def test_a_run_with_nothing_scored_has_no_verdict_on_flags(beds):
    result = verdict(AlleleNumbers(), run_of(SNV=HIGH), beds)
    assert (result.headline, result.any_high) == ("No allele was given.", False)
