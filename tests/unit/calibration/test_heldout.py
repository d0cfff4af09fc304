"""HIGH by the contigs that were held out of a model's training: probes of models whose error on
either kind of contig is known."""

import statistics
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import simulated_probes
from own_snvs_by_hand import OwnSnvsByHand

from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration.exam import examined
from gfmtrust.calibration.heldout import HeldOut, on_heldout
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import RunCalibration

pytestmark = pytest.mark.long

N, N_BLOCKS = 5_000, 40
HELD = 1


def probes(seed: int, held_share: float = 0.5) -> pd.DataFrame:
    """Probes of a model that is right as often as it says, on contigs 0 and 1, cut by block."""
    table = simulated_probes.skilled(
        np.random.default_rng(seed), N, spread=8.0, n_blocks=N_BLOCKS, classes=("single_copy",)
    )
    is_heldout = table["block"].to_numpy() >= N_BLOCKS * (1 - held_share)
    return table.assign(contig_index=np.where(is_heldout, HELD, 0).astype(np.int32))


def elsewhere(table: pd.DataFrame, llr) -> pd.DataFrame:
    """The table with other answers on contig 0."""
    rows = table["contig_index"].to_numpy() != HELD
    return table.assign(llr=np.where(rows, llr(table["llr"].to_numpy()), table["llr"]))


def heldout(table: pd.DataFrame, further: int = 0) -> HeldOut:
    return HeldOut(("chr8",), (HELD,), table.iloc[:further])


def run_of(table: pd.DataFrame) -> RunCalibration:
    fitted = calibration_fit.fit(table, Options())
    return replace(fitted, classes=fitted.classes | {"DEL": fitted.snv})


def levels(calibration: RunCalibration, kind: str = "SNV") -> set[str]:
    return {one.level for one in calibration.classes[kind].certificates if one.exists}


@pytest.mark.long
def test_levels_of_snvs_come_from_the_held_out_probes_alone_and_other_classes_lose_high():
    table = probes(1)
    further = probes(2, held_share=1.0)[:300]
    result = on_heldout(run_of(table), HeldOut(("chr8",), (HELD,), further), table)
    there = table[table["contig_index"] == HELD]
    assert result.heldout.holds
    assert result.heldout.text == ""
    counts = result.snv.counts
    assert counts.probes + counts.repeated == len(there) + 300
    assert levels(result) >= {"HIGH"}
    assert levels(result, "DEL") == levels(run_of(table), "DEL") - {"HIGH"}
    # counted again without the code: wrong where the real base is not preferred
    assert result.heldout.errors == (there["llr"] >= 0).sum() + (further["llr"] >= 0).sum()
    assert result.heldout.errors_others == (table["llr"][table["contig_index"] == 0] >= 0).sum()
    assert RunCalibration.from_dict(result.to_dict()) == result


def test_a_model_that_is_better_elsewhere_remembers_it():
    table = elsewhere(probes(3), lambda llr: -np.abs(llr))
    run = run_of(table)
    result = on_heldout(run, heldout(table), table)
    assert not result.heldout.holds
    assert result.heldout.errors_others == 0
    assert result.heldout.p < 1e-6
    assert result.classes == run.classes


def test_the_units_of_the_comparison_are_blocks():
    """With as many probes in every block the test is Welch's of the blocks' error rates. A few bad
    blocks on the held-out contig, as contigs differ, refuse nothing."""
    table = probes(11).sort_values("block", ignore_index=True)
    table = table.groupby("block").head(100).reset_index(drop=True)
    is_bad = np.isin(table["block"], [21, 22, 23, 24])
    table = table.assign(llr=np.where(is_bad, np.abs(table["llr"]), table["llr"]))
    result = on_heldout(run_of(table), heldout(table), table).heldout
    rates = [[], []]
    for (contig, _), rows in table.groupby(["contig_index", "block"]):
        rates[contig].append(sum(not llr < 0 for llr in rows["llr"]) / len(rows))
    others, there = ((statistics.mean(one), statistics.variance(one)) for one in rates)
    t = (there[0] - others[0]) / (there[1] / 20 + others[1] / 20) ** 0.5
    assert result.p == pytest.approx(scipy.stats.t.sf(t, 19))
    assert result.p > 0.01
    counts = [
        [result.errors, result.n - result.errors],
        [result.errors_others, result.n_others - result.errors_others],
    ]
    assert scipy.stats.fisher_exact(counts, alternative="greater").pvalue < 1e-6


@pytest.mark.bad_input
def test_a_model_that_is_sure_of_random_letters_elsewhere_is_contradicted_there():
    """It is no better on the other contigs, so that the comparison alone would pass it."""
    rng = np.random.default_rng(4)
    table = elsewhere(probes(4), lambda llr: np.where(rng.random(len(llr)) < 0.75, 12.0, -12.0))
    result = on_heldout(run_of(table), heldout(table), table)
    assert not result.heldout.holds
    assert result.heldout.p > 0.5
    assert "on the other contigs" in result.heldout.text


@pytest.mark.bad_input
def test_a_model_that_knows_nothing_of_the_held_out_contig_certifies_nothing_there():
    rng = np.random.default_rng(5)
    table = probes(5)
    rows = table["contig_index"].to_numpy() == HELD
    table = table.assign(llr=np.where(rows, rng.normal(0, 3, N), -np.abs(table["llr"])))
    result = on_heldout(run_of(table), heldout(table), table)
    assert not result.heldout.holds
    assert "could not be certified" in result.heldout.text


@pytest.mark.bad_input
def test_a_held_out_contig_of_few_blocks_cannot_certify():
    table = probes(6, held_share=0.1)
    result = on_heldout(run_of(table), heldout(table), table)
    assert not result.heldout.holds
    assert "4 usable blocks" in result.heldout.text


@pytest.mark.long
def test_where_every_contig_was_held_out_there_is_nothing_to_compare():
    table = probes(7, held_share=1.0)
    result = on_heldout(run_of(table), heldout(table), table)
    assert result.heldout.holds
    assert (result.heldout.n_others, result.heldout.p) == (0, 1.0)
    assert result.snv.certificates == run_of(table).snv.certificates


def remembered(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the bits of a memoriser, so that the tripwire fires."""
    return table.assign(local_surprisal=1.9, gain=1.8)


@pytest.mark.parametrize("declares", [True, False])
def test_the_exam_asks_the_held_out_contigs_before_it_withdraws_high(declares):
    table = remembered(probes(8))
    own_snvs = OwnSnvsByHand([])
    given = heldout(table) if declares else HeldOut((), (), table.iloc[:0])
    result = examined(run_of(table), own_snvs, table, (), given)
    assert result.memory.suspected
    assert [one.reason for one in result.withdrawals] == ([] if declares else ["MEMORISED"])
    assert ("chr8" in result.outcome) == declares
    assert (result.heldout is not None) == declares
    # a frozen calibration keeps what its own_snvs run found
    again = examined(result, own_snvs, table, ())
    assert [one.reason for one in again.withdrawals] == ([] if declares else ["MEMORISED"] * 2)


def test_the_withdrawal_says_why_the_held_out_contigs_did_not_help():
    table = remembered(elsewhere(probes(9), lambda llr: -np.abs(llr)))
    result = examined(run_of(table), OwnSnvsByHand([]), table, (), heldout(table))
    (withdrawal,) = result.withdrawals
    assert withdrawal.reason == "MEMORISED"
    assert "chr8" in withdrawal.text


def test_without_a_sign_of_memory_the_question_does_not_arise():
    table = probes(10)
    result = examined(run_of(table), OwnSnvsByHand([]), table, (), heldout(table))
    assert not result.memory.suspected
    assert result.heldout is None
    assert result.snv.counts.probes == N
