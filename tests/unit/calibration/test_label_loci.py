"""Labels of one locus calibrate that locus alone, and what a run says of its labels comes from the
certificates."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from simulated_labels import labelled
from synthetic_run import fitted as decoys

from gfmtrust.calibration import flags, label_calibration, splits
from gfmtrust.calibration.label_blocks import Locus, blocks_of, inside
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.outcome import label_sentences, outcome_text
from gfmtrust.calibration.record import LabelCalibrations

pytestmark = pytest.mark.long


def places(pos, contig=0):
    return pd.DataFrame({"contig_index": np.full(len(pos), contig), "pos": np.asarray(pos)})


def test_blocks_are_megabases_where_there_are_eight_of_them():
    result = blocks_of(places(np.arange(0, 9_000_000, 1000)))
    assert (result.n, result.needed, result.loci) == (9, splits.MIN_BLOCKS, ())


def test_the_blocks_of_a_locus_are_its_exons_and_windows_of_1_kb():
    exons = [(5_000, 5_120), (7_000, 7_080), (9_000, 11_500)]
    result = blocks_of(places(np.concatenate([np.arange(*exon) for exon in exons])))
    lengths = [120, 80, 1000, 1000, 500]
    assert np.bincount(result.index).tolist() == lengths
    assert result.loci == (Locus(0, 5_000, 11_499),)


def test_contigs_and_far_places_are_loci_of_their_own():
    table = pd.concat([places([10, 20, 3_000_000]), places([15], contig=1)], ignore_index=True)
    result = blocks_of(table)
    assert result.loci == (Locus(0, 10, 20), Locus(0, 3_000_000, 3_000_000), Locus(1, 15, 15))
    at = inside(result.loci, np.array([0, 0, 0, 1, 1]), np.array([15, 21, 3_000_000, 15, 10]))
    assert at.tolist() == [True, False, True, True, False]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("exons", "text"),
    [
        (
            [(0, 900)],
            "labels in 1 exon or window of 1 kb; a calibration needs 8 blocks of 1 Mb, or 4 ",
        ),
        ([(0, 500), (2_000, 2_500)], "labels in 2 exons or windows of 1 kb; a calibration needs 8"),
    ],
)
def test_a_locus_of_too_few_exons_is_refused_with_the_number_needed(exons, text):
    pos = np.concatenate([np.arange(*exon) for exon in exons])
    label = np.arange(len(pos)) % 2
    assert label_calibration.refusal(label, blocks_of(places(pos))).startswith(text)


def test_labels_that_one_split_divides_badly_get_another():
    """Alleles and effects of the five elements of the saturation assay at a cut of 0.3: the two that
    the hash of seed 1 puts together have 39 effects, one too few, and other pairs have enough."""
    n = np.array([888, 561, 854, 1353, 1772])
    n_effects = np.array([91, 22, 7, 421, 32])
    label = np.concatenate(
        [np.arange(all_of) < effects for all_of, effects in zip(n, n_effects, strict=True)]
    ).astype(int)
    contigs = [places(np.arange(all_of) // 3, contig) for contig, all_of in enumerate(n)]
    blocks = blocks_of(pd.concat(contigs, ignore_index=True))
    assert not label_calibration.refusal(label, blocks, 1)
    in_fit = label_calibration.label_split(label, blocks, 1) == splits.FIT
    element = np.repeat(np.arange(5), n)
    assert all(len(set(in_fit[element == one])) == 1 for one in range(5))
    assert min(label[in_fit].sum(), label[~in_fit].sum()) >= label_calibration.MIN_FIT_LABELS
    assert 0.4 <= in_fit.mean() <= 0.6


@pytest.mark.bad_input
def test_labels_of_one_prevalence_in_a_thousand_are_refused_with_the_number_needed():
    label = (np.arange(20_000) % 1000 == 0).astype(int)
    result = label_calibration.refusal(label, blocks_of(places(np.arange(20_000) * 1000)))
    assert result.startswith(
        "20 alleles with an effect and 19,980 without; a calibration needs 200"
    )


@pytest.mark.bad_input
def test_labels_that_lie_in_one_half_are_refused():
    label = np.repeat([1, 0], [500, 1500])
    result = label_calibration.refusal(label, blocks_of(places(np.arange(2000) * 5000)))
    assert not result or "alleles of one label" in result
    crowded = np.repeat([1, 0], [250, 7750])  # every effect in the first of 8 megabases
    result = label_calibration.refusal(crowded, blocks_of(places(np.arange(8000) * 1000)))
    assert "hold 0 alleles of one label; a calibration needs 40" in result


def locus_run():
    """A run whose SNVs have labels in one locus of 30 kb, and decoys elsewhere."""
    rows = labelled(3, 1000, 1000, 0.95, n_blocks=30, block_bp=1000)
    by_labels = label_calibration.fit(rows, Options(), False)
    return replace(decoys()[0], labels=LabelCalibrations({"SNV": by_labels})), rows


def test_an_allele_outside_the_locus_keeps_the_decoy_calibration():
    run, rows = locus_run()
    by_labels = run.of_class("SNV")
    assert by_labels.locus
    assert any(one.exists for one in by_labels.certificates)
    pos = rows["pos"].to_numpy()
    places_of = (np.zeros(len(rows), int), np.where(np.arange(len(rows)) % 2, pos, pos + 50_000))
    result = flags.verdicts(run, "SNV", rows, *places_of)
    within = np.arange(len(rows)) % 2 == 1
    assert set(result.basis[within]) == {"LABELS(locus)"}
    assert set(result.basis[~within]) == {"DECOY"}
    rank, why = flags.assign(run, rows, by_labels)
    of_decoys, why_decoys = flags.assign(run, rows, run.snv)
    assert (result.rank == np.where(within, rank, of_decoys)).all()
    assert result.why == [why[i] if within[i] else why_decoys[i] for i in range(len(rows))]
    other_contig = flags.verdicts(run, "SNV", rows, np.ones(len(rows), int), pos)
    assert set(other_contig.basis) == {"DECOY"}
    assert [one.set for name, one in run.in_use() if name == "SNV"] == ["labels", "decoy"]


def test_the_outcome_says_the_numbers_of_the_certificates():
    run, _ = locus_run()
    text = label_sentences(run)["SNV"]
    assert text in outcome_text(run)
    for one in run.of_class("SNV").certificates:
        if one.exists:
            of = one.by_label.effect
            assert f"{of.errors} of {of.n} with an effect" in text


def test_nothing_above_low_is_said_only_where_no_kind_has_a_level():
    run, _ = locus_run()
    without = replace(run.snv, certificates=())
    assert "No flag above LOW" not in outcome_text(replace(run, classes={"SNV": without}))
    alone = replace(run, classes={"SNV": without}, labels=LabelCalibrations())
    assert outcome_text(alone).startswith("No flag above LOW")
    with_deletions = replace(alone, classes={"SNV": without, "DEL": run.snv})
    assert "No flag above LOW" not in outcome_text(with_deletions)
    assert "DEL have levels of their own" in outcome_text(with_deletions)
